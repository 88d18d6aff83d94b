//! Back-pressure both ways: a tunnel holds no more than its windows, and holds up nobody else.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, watch},
};

use crate::{
    offering, open,
    peers::{
        bodies::pattern,
        call, everywhere, get_text,
        servers::{answer, read_all, send_all, status},
        text, transport,
    },
};

const SIZE: usize = 4 << 20;

/// Other requests come and go, several times, with bodies both ways.
async fn others_go_on(transport: &towline::Transport, url: &str) {
    for _ in 0..4 {
        let post = Request::post(url).body(Full::<Bytes>::from(pattern(10_000)));
        let response = call(transport, post.unwrap()).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "well");
        assert_eq!(get_text(transport, url).await.unwrap(), "well");
    }
}

#[test]
fn a_server_that_does_not_read_stalls_its_writer_alone() {
    /// The window of a stream, a full pipe, and a piece in between.
    const BOUND: usize = 65_535 + 2 * 65_536;
    everywhere(|wire| async move {
        let go = Arc::new(Notify::new());
        let may_read = Arc::clone(&go);
        let set = |builder: &mut h2::server::Builder| {
            builder.enable_connect_protocol();
            // A stream's window is 65,535: others are to have theirs.
            builder.initial_connection_window_size(1 << 20);
        };
        let server = crate::servers::h2_with(wire, set, move |mut request, mut respond| {
            let may_read = Arc::clone(&may_read);
            async move {
                if request.method() != "CONNECT" {
                    read_all(request.body_mut()).await.unwrap();
                    answer(&mut respond, "well");
                    return;
                }
                let mut tunnel = respond.send_response(status(200), false).unwrap();
                may_read.notified().await;
                let all = read_all(request.body_mut()).await.unwrap();
                let is_same = all == pattern(SIZE);
                send_all(&mut tunnel, is_same.to_string().into(), true).await;
            }
        })
        .await;
        let transport = transport();
        let mut tunnel = open(&transport, &server).await;
        let written = watch::Sender::new(0);
        let mut seen = written.subscribe();
        let writing = tokio::spawn(async move {
            for piece in pattern(SIZE).chunks(10_000) {
                tunnel.write_all(piece).await.unwrap();
                written.send_modify(|written| *written += piece.len());
            }
            tunnel.shutdown().await.unwrap();
            let mut verdict = String::new();
            tunnel.read_to_string(&mut verdict).await.unwrap();
            verdict
        });
        seen.wait_for(|written| *written > 65_535).await.unwrap();
        others_go_on(&transport, &server.url("/")).await;
        assert!(*seen.borrow() <= BOUND, "{}", *seen.borrow());
        go.notify_one();
        assert_eq!(writing.await.unwrap(), "true");
    });
}

#[test]
fn a_tunnel_that_is_not_read_takes_one_window_and_holds_up_nobody() {
    const WINDOW: usize = 1 << 20;
    everywhere(|wire| async move {
        let sent = watch::Sender::new(0);
        let mut seen = sent.subscribe();
        let server = offering(wire, move |mut request, mut respond| {
            let sent = sent.clone();
            async move {
                if request.method() != "CONNECT" {
                    read_all(request.body_mut()).await.unwrap();
                    answer(&mut respond, "well");
                    return;
                }
                let mut tunnel = respond.send_response(status(200), false).unwrap();
                let mut rest = pattern(SIZE);
                while !rest.is_empty() {
                    let piece = rest.split_to(rest.len().min(16_384));
                    let octets = send_all(&mut tunnel, piece, rest.is_empty()).await;
                    sent.send_modify(|sent| *sent += octets);
                }
            }
        })
        .await;
        let transport = transport();
        let mut tunnel = open(&transport, &server).await;
        seen.wait_for(|sent| *sent >= WINDOW - 16_384)
            .await
            .unwrap();
        others_go_on(&transport, &server.url("/")).await;
        assert!(*seen.borrow() <= WINDOW, "{}", *seen.borrow());
        let mut read = Vec::new();
        tunnel.read_to_end(&mut read).await.unwrap();
        assert!(read == pattern(SIZE));
    });
}

#[test]
fn much_goes_both_ways_at_once() {
    everywhere(|wire| async move {
        let server = offering(wire, |mut request, mut respond| async move {
            let mut tunnel = respond.send_response(status(200), false).unwrap();
            while let Some(data) = request.body_mut().data().await {
                let data = data.unwrap();
                let octets = data.len();
                send_all(&mut tunnel, data, false).await;
                let flow = request.body_mut().flow_control();
                flow.release_capacity(octets).unwrap();
            }
            tunnel.send_data(Bytes::new(), true).unwrap();
        })
        .await;
        let (mut reader, mut writer) = tokio::io::split(open(&transport(), &server).await);
        let writing = tokio::spawn(async move {
            writer.write_all(&pattern(SIZE)).await.unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        assert!(read == pattern(SIZE));
        writing.await.unwrap();
    });
}
