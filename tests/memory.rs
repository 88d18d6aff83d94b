//! What a transfer holds: the windows, and not the body. A process of its own, because it is the
//! process that is measured.
#![cfg(target_os = "linux")]

#[path = "peers/mod.rs"]
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::fs;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use peers::{
    Wire,
    bodies::Spoilt,
    call, get, get_text, on_threads,
    servers::{self, answer, send_all, status},
    text, transport,
};

const SIZE: usize = 256 << 20;
/// Two windows' worth and the pieces that fill them, in client and server together; a body that
/// were kept would take five times as much.
const MAX_GROWTH: usize = 48 << 20;

/// A line of this process's status, in octets: `VmRSS` is what is in memory now, `VmHWM` the most
/// that ever was.
fn memory(line: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let number = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .expect("the line");
    number.parse::<usize>().expect("a number") << 10
}

fn assert_little_was_held(before: usize, what: &str) {
    let growth = memory("VmHWM").saturating_sub(before);
    eprintln!("{what}: {} KiB more at most", growth >> 10);
    assert!(growth < MAX_GROWTH, "{what}: {growth} octets");
}

/// One test, so that nothing else runs beside it.
#[test]
fn a_quarter_of_a_gigabyte_passes_without_staying() {
    on_threads(1, async {
        let piece = Bytes::from_static(&[7; 64 << 10]);
        let sent = piece.clone();
        let server = servers::h2(Wire::Clear, move |mut request, mut respond| {
            let piece = sent.clone();
            async move {
                if request.uri().path() == "/down" {
                    let mut body = respond.send_response(status(200), false).unwrap();
                    for _ in 0..SIZE / piece.len() {
                        send_all(&mut body, piece.clone(), false).await;
                    }
                    body.send_data(Bytes::new(), true).unwrap();
                    return;
                }
                let mut octets = 0;
                while let Some(Ok(data)) = request.body_mut().data().await {
                    octets += data.len();
                    let flow = request.body_mut().flow_control();
                    flow.release_capacity(data.len()).unwrap();
                }
                answer(&mut respond, octets.to_string());
            }
        })
        .await;
        let transport = transport();
        // Once before, so that what is made at first is not counted.
        get_text(&transport, &server.url("/")).await.unwrap();
        let before = memory("VmRSS");

        let response = get(&transport, &server.url("/down")).await.unwrap();
        let mut body = response.into_body();
        let mut octets = 0;
        while let Some(frame) = body.frame().await {
            octets += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(octets, SIZE);
        assert_little_was_held(before, "down");

        let count = SIZE / piece.len();
        let pieces = std::iter::repeat_n(piece, count).map(Frame::data);
        let body = StreamBody::new(tokio_stream::iter(pieces.map(Ok::<_, Spoilt>)));
        let request = Request::post(server.url("/up")).body(body).unwrap();
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), SIZE.to_string());
        assert_little_was_held(before, "up");
        assert_eq!(server.accepted(), 1);
    });
}
