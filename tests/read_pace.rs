//! How fast an HTTP/1.1 connection is read: only while its reader keeps up, and on as soon as it has
//! caught up, whatever else the connection does meanwhile.

#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, channel::Channel};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};
use towline::Transport;

use self::peers::{Stream, call, get, pipe::Hold, within};

/// Several times what may be unread before reading stops.
const LEN: usize = 2 << 20;
/// Of virtual time, and short against any limit: everybody has done what can be done.
const MOMENT: Duration = Duration::from_millis(10);

/// Answers before the request is over, and reads on as long as there is one.
async fn answer_early(mut stream: Stream) {
    stream.read_u8().await.expect("a request");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LEN}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("writing");
    stream.write_all(&vec![b'x'; LEN]).await.expect("writing");
    let mut request = Vec::new();
    let _end = stream.read_to_end(&mut request).await;
}

/// An upload wakes the driver at every fill of the response's inbox. None of these turns may make it
/// forget that its reader is to tell it when to read on.
#[tokio::test(start_paused = true)]
async fn an_upload_amid_a_slow_download_does_not_end_the_reading() {
    let transport = Hold::default().transport(Transport::builder(), answer_early);
    let (mut pieces, body) = Channel::<Bytes, std::io::Error>::new(1);
    let request = Request::post("http://server.test/").body(body);
    let response = call(&transport, request.expect("a request")).await;
    let mut body = response.expect("the answer comes early").into_body();

    let read = async {
        let mut octets = 0;
        while let Some(frame) = body.frame().await {
            octets += frame
                .expect("it goes on")
                .into_data()
                .map_or(0, |data| data.len());
            // With the last octets of the response the upload ends, too.
            let _ended = pieces.send_data(Bytes::from_static(b"y")).await;
            // The driver takes the piece, and turns once more for nothing.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
        octets
    };
    assert_eq!(within(Duration::from_secs(5), read).await, LEN);
}

/// A reader's word is all that wakes the driver: it must read on at once.
#[tokio::test(start_paused = true)]
async fn a_slow_download_goes_on_by_its_readers_word_alone() {
    let transport = Hold::default().transport(Transport::builder(), answer_early);
    let mut body = get(&transport, "http://server.test/")
        .await
        .expect("an answer")
        .into_body();
    let read = async {
        let mut octets = 0;
        // Everything that is to be read has come when the reader looks again.
        while let Some(frame) = body.frame().await {
            octets += frame
                .expect("it goes on")
                .into_data()
                .map_or(0, |data| data.len());
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
        octets
    };
    assert_eq!(within(Duration::from_secs(5), read).await, LEN);
}

/// Answers, but for the last octets, which come when reading has stopped; and again to whatever comes
/// then.
async fn answer_in_two(mut stream: Stream) {
    const FIRST: usize = 320 << 10;
    const LAST: usize = 8 << 10;
    let mut request = [0; 1024];
    let _octets = stream.read(&mut request).await.expect("a request");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        FIRST + LAST
    );
    stream.write_all(head.as_bytes()).await.expect("writing");
    stream.write_all(&[b'x'; FIRST]).await.expect("writing");
    sleep(MOMENT).await;
    stream.write_all(&[b'x'; LAST]).await.expect("writing");
    let _octets = stream.read(&mut request).await.expect("another request");
    let again = b"HTTP/1.1 204 No Content\r\n\r\n";
    stream.write_all(again).await.expect("writing");
}

/// A reader who leaves says so too: the little that is missing is read and dropped at once, and the
/// connection carries the next request.
#[tokio::test(start_paused = true)]
async fn a_held_connection_is_read_to_its_end_when_the_reader_leaves() {
    let dials = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dials);
    let transport = Hold::default().transport(Transport::builder(), move |stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        answer_in_two(stream)
    });
    let response = get(&transport, "http://server.test/").await;
    sleep(2 * MOMENT).await;
    drop(response.expect("an answer"));
    sleep(MOMENT).await;
    let again = get(&transport, "http://server.test/").await;
    assert_eq!(again.expect("an answer").status(), 204);
    assert_eq!(dials.load(Ordering::Relaxed), 1);
}
