//! Back-pressure: whoever does not read is not sent to for ever, and stops nobody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::watch;

use crate::peers::{
    Server,
    bodies::{Meter, Scripted, pattern},
    call, everywhere_http1, get, get_text,
    raw_http1::RawHttp1,
    text, transport_over,
};

const SIZE: usize = 64 << 20;
/// What kernel, TLS and the transport may hold in all.
const BOUND: usize = 24 << 20;

/// Waits until the count stands still: for as long as the machine may take to go on.
async fn still(count: impl Fn() -> usize) -> usize {
    let mut before = count();
    let mut times = 0;
    while times < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = count();
        times = if now == before { times + 1 } else { 0 };
        before = now;
    }
    before
}

#[test]
fn a_reader_who_does_not_read_stops_the_server_and_nobody_else() {
    everywhere_http1(|wire| async move {
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        let server = Server::start(wire, move |stream, _| {
            let counted = Arc::clone(&counted);
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    if !head.contains(" /large ") {
                        peer.answer("well").await;
                        continue;
                    }
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n");
                    peer.send(head).await;
                    let body = pattern(SIZE);
                    for piece in body.chunks(64 << 10) {
                        peer.send(piece).await;
                        counted.fetch_add(piece.len(), Ordering::SeqCst);
                    }
                }
            }
        })
        .await;
        let transport = transport_over(wire);
        let large = get(&transport, &server.url("/large")).await.unwrap();
        let stopped = still(|| taken.load(Ordering::SeqCst)).await;
        assert!(stopped < BOUND, "{stopped} octets were taken");
        for _ in 0..20 {
            let well = get_text(&transport, &server.url("/")).await;
            assert_eq!(well.unwrap(), "well");
        }
        assert_eq!(taken.load(Ordering::SeqCst), stopped);
        let body = large.into_body().collect().await.unwrap().to_bytes();
        assert!(body == pattern(SIZE));
        // The connection is as good as before.
        let well = get_text(&transport, &server.url("/")).await;
        assert_eq!(well.unwrap(), "well");
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_server_that_does_not_read_stops_the_body_and_nobody_else() {
    everywhere_http1(|wire| async move {
        let (go_on, awaited) = watch::channel(false);
        let server = Server::start(wire, move |stream, _| {
            let mut awaited = awaited.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    if head.starts_with("GET") {
                        peer.answer("well").await;
                        continue;
                    }
                    awaited.wait_for(|go| *go).await.expect("the test goes on");
                    for _ in 0..SIZE >> 16 {
                        peer.octets(1 << 16).await;
                    }
                    peer.answer("all of it").await;
                }
            }
        })
        .await;
        let transport = transport_over(wire);
        let meter = Meter::default();
        let body = Scripted::pieces(SIZE >> 16, 1 << 16).of_length(SIZE as u64);
        let request = http::Request::put(server.url("/")).body(body.metered(&meter));
        let upload = tokio::spawn(call(&transport, request.unwrap()));
        let stopped = still(|| meter.octets()).await;
        assert!((1..BOUND).contains(&stopped), "{stopped} octets were given");
        for _ in 0..20 {
            let well = get_text(&transport, &server.url("/")).await;
            assert_eq!(well.unwrap(), "well");
        }
        go_on.send_replace(true);
        let response = upload.await.unwrap().unwrap();
        assert_eq!(text(response).await.unwrap(), "all of it");
        assert_eq!(meter.octets(), SIZE);
    });
}

#[test]
fn both_directions_at_once_do_not_wait_for_each_other() {
    // The server sends first and reads later, the client likewise: nobody may insist.
    everywhere_http1(|wire| async move {
        const SIZE: usize = 8 << 20;
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n");
            peer.send(head).await;
            let body = pattern(SIZE);
            for piece in body.chunks(1 << 16) {
                peer.octets(piece.len()).await;
                peer.send(piece).await;
            }
            peer.rest().await;
        })
        .await;
        let body = Scripted::pieces(SIZE >> 16, 1 << 16).of_length(SIZE as u64);
        let request = http::Request::put(server.url("/")).body(body).unwrap();
        let response = call(&transport_over(wire), request).await.unwrap();
        let echoed: Bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(echoed == pattern(SIZE));
    });
}
