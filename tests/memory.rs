//! What a transfer holds: the windows, and not the body. A process of its own, because it is the
//! process that is measured.
#![cfg(target_os = "linux")]

#[path = "peers/mod.rs"]
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::fs;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use peers::{
    Wire,
    bodies::Spoilt,
    call, get, on_threads,
    servers::{self, answer, send_all, status},
    text, transport,
};

const SIZE: usize = 256 << 20;
/// Two windows' worth and the pieces that fill them, in client and server together; a body that
/// were kept would take five times as much.
const MAX_GROWTH: usize = 48 << 20;

/// Octets of this process that are in memory.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident = pages.split_whitespace().nth(1).expect("the second number");
    // Pages are of 4 KiB where these tests run; of more, the bound is only stricter.
    resident.parse::<usize>().expect("a number") * 4_096
}

/// One test, so that nothing else runs beside it.
#[test]
fn a_quarter_of_a_gigabyte_passes_without_staying() {
    on_threads(1, async {
        let server = servers::h2(Wire::Clear, |mut request, mut respond| async move {
            if request.method() == "GET" {
                let piece = Bytes::from_static(&[7; 64 << 10]);
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
        })
        .await;
        let transport = transport();
        // Once before, so that what is made at first is not counted.
        text(
            get(&transport, &server.url("/"))
                .await
                .unwrap()
                .map(|_| Default::default()),
        )
        .await
        .unwrap();
        let before = resident();
        let mut most = before;

        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        let mut octets = 0;
        while let Some(frame) = body.frame().await {
            octets += frame.unwrap().into_data().unwrap().len();
            most = most.max(resident());
        }
        assert_eq!(octets, SIZE);
        assert!(
            most - before < MAX_GROWTH,
            "down: {} KiB",
            (most - before) >> 10
        );

        let piece = Bytes::from_static(&[7; 64 << 10]);
        let pieces =
            (0..SIZE / piece.len()).map(move |_| Ok::<_, Spoilt>(Frame::data(piece.clone())));
        let body = StreamBody::new(tokio_stream::iter(pieces));
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let response = call(&transport, request).await.unwrap();
        most = most.max(resident());
        assert_eq!(text(response).await.unwrap(), SIZE.to_string());
        assert!(
            most - before < MAX_GROWTH,
            "up: {} KiB",
            (most - before) >> 10
        );
        assert_eq!(server.accepted(), 1);
    });
}
