//! Responses whose content cannot be decoded, and those that the connection fails.

use std::error::Error as _;

use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use towline::{
    Error,
    decode::{Coding, DecodeError, DecodeErrorKind, Limits},
    error::{Kind, Retry, Scope},
};

use crate::{
    canned::{Canned, serve, serve_one},
    peers::{
        Server, Wire, builder, everywhere, get, on_threads,
        raw::{self, RawPeer},
        servers::{self, reset_of, send_all},
        transport,
    },
    support::{gzip, gzip_at, noise, text, zlib},
};

fn cause(error: &Error) -> &DecodeError {
    let cause = error.source().expect("its cause");
    cause.downcast_ref().expect("what the decoder says")
}

#[test]
fn content_that_cannot_be_decoded_ends_its_stream_and_no_other() {
    everywhere(|wire| async move {
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |request, mut respond| {
            let sender = sender.clone();
            async move {
                if request.uri().path() == "/good" {
                    Canned::encoded("gzip", &gzip(b"good"))
                        .send(&mut respond)
                        .await;
                    return;
                }
                let head = Response::builder().header("content-encoding", "gzip");
                let mut body = respond
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                let bad = [&gzip(b"before")[..], b"not gzip"].concat();
                send_all(&mut body, bad.into(), false).await;
                sender.send(reset_of(&mut body).await.unwrap()).unwrap();
            }
        })
        .await;
        let transport = transport();
        let response = get(&transport, &server.url("/bad")).await.unwrap();
        let mut body = response.into_body();
        let before = body.frame().await.unwrap().unwrap();
        assert_eq!(before.into_data().unwrap(), "before");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Decode);
        assert_eq!(error.scope(), Scope::Stream);
        assert_eq!(error.retry(), Retry::Never);
        assert!(error.netloc().is_some() && error.stream_id().is_some());
        assert_eq!(cause(&error).kind(), DecodeErrorKind::TrailingOctets);
        assert_eq!(cause(&error).coding(), Some(Coding::Gzip));
        assert_eq!(resets.recv().await, Some(h2::Reason::CANCEL));
        // It has ended, while the body is still there.
        assert!(body.frame().await.is_none());
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));

        let response = get(&transport, &server.url("/good")).await.unwrap();
        assert_eq!(response.into_body().read_all(4).await.unwrap(), "good");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn content_that_was_cut_short_by_the_server_may_be_asked_for_again() {
    everywhere(|wire| async move {
        let encoded = gzip(&text(500));
        for cut in [1, 12, encoded.len() - 1] {
            // The message is whole as far as HTTP goes; with trailers or without.
            let canned = Canned::encoded("gzip", &encoded[..cut]);
            for canned in [canned.clone(), canned.trailer("x-t", "1")] {
                let server = serve_one(wire, canned).await;
                let response = get(&transport(), &server.url("/")).await.unwrap();
                let error = response.into_body().collect().await.unwrap_err();
                assert_eq!(
                    (error.kind(), error.retry()),
                    (Kind::Decode, Retry::IfIdempotent)
                );
                assert_eq!(cause(&error).kind(), DecodeErrorKind::Truncated);
            }
        }
    });
}

#[test]
fn a_wrong_declaration_is_an_error() {
    on_threads(1, async {
        let server = serve_one(
            Wire::Clear,
            Canned::encoded("gzip, deflate", &gzip(&text(550))),
        )
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Decode);
        assert_eq!(cause(&error).coding(), Some(Coding::Deflate));
    });
}

#[test]
fn too_many_codings_fail_the_call() {
    everywhere(|wire| async move {
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |request, mut respond| {
            let sender = sender.clone();
            async move {
                let depth = request.uri().path()[1..].parse().unwrap();
                let codings = vec!["gzip"; depth].join(", ");
                let content = (0..depth).fold(b"deep".to_vec(), |octets, _| gzip(&octets));
                let head = Response::builder().header("content-encoding", codings);
                let mut body = respond
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                send_all(&mut body, content.into(), depth <= 5).await;
                if depth > 5 {
                    sender.send(reset_of(&mut body).await.unwrap()).unwrap();
                }
            }
        })
        .await;
        let transport = transport();
        let error = get(&transport, &server.url("/6")).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Decode, Retry::Never));
        assert!(error.netloc().is_some() && error.stream_id().is_some());
        assert_eq!(cause(&error).kind(), DecodeErrorKind::TooManyCodings);
        assert_eq!(resets.recv().await, Some(h2::Reason::CANCEL));
        let response = get(&transport, &server.url("/5")).await.unwrap();
        assert_eq!(response.into_body().read_all(4).await.unwrap(), "deep");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn bounds_hold_and_can_be_set() {
    on_threads(1, async {
        let bomb = gzip_at(9, &vec![0; 3 << 20]);
        let server = serve_one(Wire::Clear, Canned::encoded("gzip", &bomb)).await;
        let error_with = |limits: Option<Limits>| {
            let transport = match limits {
                Some(limits) => builder().decode_limits(limits).build(),
                None => transport(),
            };
            let call = get(&transport, &server.url("/"));
            async move {
                let mut body = call.await.unwrap().into_body();
                match body.read_all(usize::MAX).await {
                    Ok(octets) => Ok(octets.len()),
                    Err(error) => Err(cause(&error).kind()),
                }
            }
        };
        let exceeded = Err(DecodeErrorKind::RatioExceeded);
        assert_eq!(error_with(None).await, exceeded);
        let mut lax = Limits::default();
        lax.max_ratio = 2_000;
        assert_eq!(error_with(Some(lax)).await, Ok(3 << 20));
        lax.max_output = Some(1_000);
        assert_eq!(error_with(Some(lax)).await, Err(DecodeErrorKind::TooLarge));
        let mut strict = Limits::default();
        strict.max_codings = 0;
        let transport = builder().decode_limits(strict).build();
        let error = get(&transport, &server.url("/")).await.unwrap_err();
        assert_eq!(cause(&error).kind(), DecodeErrorKind::TooManyCodings);
    });
}

#[test]
fn what_the_connection_fails_is_told_as_such() {
    // Not as gzip that was cut short: that it is, too.
    everywhere(|wire| async move {
        let server = Server::start(wire, |io, _| async move {
            let mut peer = RawPeer::handshake(io, &[]).await;
            for how in ["reset", "close"] {
                let stream = peer.request().await;
                // `:status: 200`, then content-encoding (entry 26) as a literal (RFC 7541 §6.2.2).
                let block = [&[0x88, 0x0f, 26 - 15, 4][..], b"gzip"].concat();
                peer.send(raw::HEADERS, raw::END_HEADERS, stream, &block)
                    .await;
                let encoded = gzip(&noise(1_000));
                peer.send(raw::DATA, 0, stream, &encoded[..500]).await;
                match how {
                    "reset" => peer.reset(stream, 2).await,
                    _ => return peer.close().await,
                }
            }
        })
        .await;
        let transport = transport();
        for kind in [Kind::Reset, Kind::Truncated] {
            let response = get(&transport, &server.url("/")).await.unwrap();
            let error = response.into_body().collect().await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
    });
}

#[test]
fn what_was_decoded_before_a_failure_is_not_lost() {
    everywhere(|wire| async move {
        let server = serve(wire, |_| {
            let good = gzip(b"one").into_iter();
            let octets: Vec<u8> = good.chain(zlib(b"two")).collect();
            Canned::encoded("gzip", &octets)
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let mut body = response.into_body();
        // All that is asked for is there.
        assert_eq!(body.read(2).await.unwrap(), "on");
        // No more: an error is never taken for an end.
        for _ in 0..2 {
            assert_eq!(body.read(2).await.unwrap_err().kind(), Kind::Decode);
            assert_eq!(body.read_all(100).await.unwrap_err().kind(), Kind::Decode);
            assert_eq!(body.trailers().await.unwrap_err().kind(), Kind::Decode);
        }
        assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from("e")));
        assert_eq!(body.chunk().await.unwrap_err().kind(), Kind::Decode);
        assert!(!body.is_end_stream());
        // And once more for whoever reads by frames, where an error is the end.
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Decode);
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
        assert_eq!(body.chunk().await.unwrap_err().kind(), Kind::Decode);
    });
}
