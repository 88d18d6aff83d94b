//! How fast an HTTP/1.1 connection is read: only while its reader keeps up, and on as soon as it has
//! caught up, whatever else the connection does meanwhile.

#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, channel::Channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline::Transport;

use self::peers::{Stream, call, get, pipe::Hold, within};

/// Several times what may be unread before reading stops.
const LEN: usize = 2 << 20;

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
