//! What is sent again by itself: only what the server provably did not process, and only if its
//! body can be had again (RFC 9113 §8.7).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use towline::{
    error::{Initiator, Kind, Retry, Scope},
    http2::ErrorCode,
};

use crate::peers::{
    Server,
    bodies::{Meter, Scripted},
    call, everywhere, get, get_text,
    raw::{self, RawPeer},
    servers::{self, answer, read_all},
    text, transport,
};

#[test]
fn a_refused_request_goes_out_again_with_its_body() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = servers::h2(wire, move |mut request, mut respond| {
            let before = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if before < 2 {
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                    return;
                }
                let body = read_all(request.body_mut()).await.unwrap();
                answer(&mut respond, body);
            }
        })
        .await;
        let request = Request::post(server.url("/")).body(Full::<Bytes>::from("whole"));
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "whole");
        assert_eq!(tries.load(Ordering::SeqCst), 3);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_always_refuses_is_asked_four_times() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = servers::h2(wire, move |_, mut respond| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { respond.send_reset(h2::Reason::REFUSED_STREAM) }
        })
        .await;
        let error = get(&transport(), &server.url("/")).await.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (Kind::Reset, Scope::Stream));
        assert_eq!(error.code(), Some(ErrorCode::REFUSED_STREAM));
        assert_eq!(error.initiator(), Some(Initiator::Peer));
        assert_eq!(error.retry(), Retry::Safe);
        assert_eq!(tries.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn other_resets_are_not_tried_again() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = servers::h2(wire, move |_, mut respond| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { respond.send_reset(h2::Reason::INTERNAL_ERROR) }
        })
        .await;
        let error = get(&transport(), &server.url("/")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Reset, Retry::IfIdempotent)
        );
        assert_eq!(error.code(), Some(ErrorCode::INTERNAL_ERROR));
        let stream = error.stream_id().unwrap();
        assert_eq!(stream.as_u32(), 1);
        let shown = error.to_string();
        let netloc = server.url("");
        assert!(
            shown.contains(&netloc) && shown.contains("stream 1"),
            "{shown}"
        );
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_body_that_was_asked_once_is_not_sent_twice() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = servers::h2(wire, move |mut request, mut respond| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                request.body_mut().data().await.unwrap().unwrap();
                respond.send_reset(h2::Reason::REFUSED_STREAM);
            }
        })
        .await;
        let body = Scripted::pieces(1_000, 1_000);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let error = transport().oneshot(request).await.unwrap_err();
        // The caller, who may have the body again, is told that a retry is safe.
        assert_eq!((error.kind(), error.retry()), (Kind::Reset, Retry::Safe));
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_body_that_was_never_asked_goes_out_again() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let settings = [(raw::INITIAL_WINDOW_SIZE, 0)];
            let mut peer = RawPeer::handshake(stream, &settings).await;
            let warm = peer.request().await;
            peer.head(warm, raw::END_STREAM).await;
            // No window, so no octet was asked for.
            let refused = peer.request().await;
            peer.reset(refused, ErrorCode::REFUSED_STREAM.as_u32())
                .await;
            let stream = peer.request().await;
            let window = 5_000_u32.to_be_bytes();
            peer.send(raw::WINDOW_UPDATE, 0, stream, &window).await;
            let mut octets = 0;
            loop {
                let data = peer.expect(raw::DATA).await;
                assert_eq!(data.stream, stream);
                octets += data.payload.len();
                if data.has(raw::END_STREAM) {
                    break;
                }
            }
            assert_eq!(octets, 3_000);
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        })
        .await;
        let transport = transport();
        // The server's settings have come with the first response.
        get(&transport, &server.url("/")).await.unwrap();
        let meter = Meter::default();
        let body = Scripted::pieces(3, 1_000).metered(&meter);
        let request = Request::post(server.url("/")).body(body).unwrap();
        assert_eq!(call(&transport, request).await.unwrap().status(), 200);
        assert_eq!(meter.octets(), 3_000);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_shuts_down_gracefully_loses_no_request() {
    // RFC 9113 §6.8: each connection takes 20 requests and then says goodbye.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let Some(mut connection) = servers::handshake(stream, |_| {}).await else {
                return;
            };
            let mut served = 0;
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                served += 1;
                if served == 20 {
                    connection.graceful_shutdown();
                }
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    answer(&mut respond, request.uri().path().to_owned());
                });
            }
        })
        .await;
        let transport = transport();
        // Each wave finds a connection on which the one before has brought a GOAWAY.
        for wave in 1..=5 {
            let calls = (0..40).map(|index| {
                let (transport, path) = (transport.clone(), format!("/{index}"));
                let url = server.url(&path);
                tokio::spawn(async move {
                    assert_eq!(get_text(&transport, &url).await.unwrap(), path);
                })
            });
            for outcome in join_all(calls).await {
                outcome.unwrap();
            }
            assert!(server.accepted() >= wave);
        }
    });
}

#[test]
fn streams_above_goaways_last_go_to_another_connection_and_those_below_stay() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, before| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            if before > 0 {
                for _ in 0..2 {
                    let stream = peer.request().await;
                    peer.head(stream, 0).await;
                    peer.send(raw::DATA, raw::END_STREAM, stream, b"new").await;
                }
                peer.rest().await;
                return;
            }
            let streams = [
                peer.request().await,
                peer.request().await,
                peer.request().await,
            ];
            assert_eq!(streams, [1, 3, 5]);
            peer.goaway(1, ErrorCode::NO_ERROR.as_u32(), b"").await;
            let frames = peer.until_quiet().await;
            assert!(
                frames.iter().all(|frame| frame.kind != raw::HEADERS),
                "{frames:?}"
            );
            peer.head(1, 0).await;
            peer.send(raw::DATA, raw::END_STREAM, 1, b"old").await;
            // Its last stream done, the client closes, and says so.
            let rest = peer.rest().await;
            assert!(
                rest.iter().any(|frame| frame.kind == raw::GOAWAY),
                "{rest:?}"
            );
        })
        .await;
        let transport = transport();
        let calls = (0..3).map(|_| get_text(&transport, &server.url("/")));
        let texts: Vec<_> = join_all(calls)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(texts, ["old", "new", "new"]);
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_goaway_on_a_body_that_was_asked_is_the_callers_to_retry() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            peer.request().await;
            peer.expect(raw::DATA).await;
            peer.goaway(0, ErrorCode::ENHANCE_YOUR_CALM.as_u32(), b"too many")
                .await;
            peer.rest().await;
        })
        .await;
        let request = Request::post(server.url("/")).body(Scripted::pieces(1_000, 1_000));
        let error = transport().oneshot(request.unwrap()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::GoAway, Scope::Connection)
        );
        assert_eq!(error.code(), Some(ErrorCode::ENHANCE_YOUR_CALM));
        assert_eq!(error.initiator(), Some(Initiator::Peer));
        assert_eq!(error.retry(), Retry::Safe);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn new_requests_avoid_a_connection_that_is_going_away() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, before| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            if before > 0 {
                peer.head(stream, raw::END_STREAM).await;
                peer.rest().await;
                return;
            }
            // A warning first, with the highest identifier (RFC 9113 §6.8): the stream goes on.
            peer.head(stream, 0).await;
            peer.goaway(0x7fff_ffff, 0, b"").await;
            peer.send(raw::DATA, 0, stream, b"first ").await;
            let frames = peer.until_quiet().await;
            assert!(frames.iter().all(|frame| frame.kind != raw::HEADERS));
            peer.goaway(stream, 0, b"").await;
            peer.send(raw::DATA, raw::END_STREAM, stream, b"last").await;
            peer.rest().await;
        })
        .await;
        let transport = transport();
        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        let first = http_body_util::BodyExt::frame(&mut body)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first.into_data().unwrap(), "first ");
        let other = get(&transport, &server.url("/")).await.unwrap();
        assert!(!crate::peers::info(&other).is_reused());
        assert_eq!(server.accepted(), 2);
        let last = http_body_util::BodyExt::collect(body).await.unwrap();
        assert_eq!(last.to_bytes(), "last");
    });
}
