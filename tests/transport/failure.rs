//! What goes wrong on a connection: what each caller is told, and whom it does not concern.

use std::{error::Error as StdError, io, time::Duration};

use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use towline::{
    Error,
    error::{Initiator, Kind, Retry, Scope},
    http2::{ErrorCode, Violation},
};

use crate::peers::{
    Server,
    bodies::Scripted,
    builder, call, everywhere, get, get_text, on_threads,
    pipe::Hold,
    raw::{self, RawPeer},
    root,
    servers::{self, answer},
    text, transport, transport_with,
};

/// The kind of the `io::Error` at the root of it all.
fn root_io(error: &Error) -> io::ErrorKind {
    let root = root(error).downcast_ref::<io::Error>();
    root.expect("an io::Error at the root").kind()
}

#[test]
fn a_connection_that_ends_amid_a_body_truncates_it() {
    // RFC 9113 §8.1: only END_STREAM makes a response complete.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            peer.send(raw::DATA, 0, stream, b"some").await;
            peer.close().await;
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "some");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::Truncated, Scope::Connection)
        );
        assert_eq!(error.retry(), Retry::IfIdempotent);
        assert_eq!(root_io(&error), io::ErrorKind::UnexpectedEof);
        let shown = error.to_string();
        assert!(shown.contains(&server.url("")), "{shown}");
        assert_eq!(error.addresses(), [server.address]);
        // After its error a body has ended.
        assert!(body.frame().await.is_none());
        assert!(http_body::Body::is_end_stream(&body));
    });
}

#[test]
fn a_server_that_vanishes_truncates_as_well() {
    // No GOAWAY, no END_STREAM, and over TLS no close_notify either: the socket is just gone.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            peer.send(raw::DATA, 0, stream, b"some").await;
            // The client has read it when it answers.
            peer.until_quiet().await;
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "some");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Truncated, Retry::IfIdempotent)
        );
        assert!(error.source().is_some());
    });
}

#[test]
fn a_connection_that_ends_before_the_head_may_have_done_the_request() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            peer.request().await;
            peer.close().await;
        })
        .await;
        let error = get(&transport(), &server.url("/")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::Closed, Scope::Connection)
        );
        assert_eq!(error.retry(), Retry::IfIdempotent);
        assert_eq!(root_io(&error), io::ErrorKind::UnexpectedEof);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_head_that_is_cut_off_is_no_head() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            // Without END_HEADERS: CONTINUATION would have to follow (RFC 9113 §6.10).
            peer.send(raw::HEADERS, 0, stream, raw::STATUS_200).await;
            peer.close().await;
        })
        .await;
        let error = get(&transport(), &server.url("/")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        assert_eq!(root_io(&error), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_frame_that_is_cut_off_brings_nothing() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            let octets = raw::frame(raw::DATA, raw::END_STREAM, stream, b"whole");
            peer.send_octets(&octets[..octets.len() - 1]).await;
            peer.close().await;
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Truncated);
        assert_eq!(root_io(&error), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_goaway_before_the_end_says_why() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            let code = ErrorCode::ENHANCE_YOUR_CALM.as_u32();
            peer.goaway(stream, code, b"too many \"things\"").await;
            peer.close().await;
        })
        .await;
        let error = get(&transport(), &server.url("/")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        assert_eq!(error.code(), Some(ErrorCode::ENHANCE_YOUR_CALM));
        assert_eq!(error.initiator(), Some(Initiator::Peer));
        let root = root(&error).to_string();
        assert!(root.contains(r#"too many \"things\""#), "{root}");
    });
}

#[test]
fn a_broken_connection_fails_every_stream_on_it_and_none_elsewhere() {
    everywhere(|wire| async move {
        let broken = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            for _ in 0..5 {
                peer.request().await;
            }
            peer.close().await;
        })
        .await;
        let whole = servers::h2(wire, |_, mut respond| async move {
            tokio::task::yield_now().await;
            answer(&mut respond, "whole");
        })
        .await;
        let transport = transport();
        let calls = (0..5).map(|_| get(&transport, &broken.url("/")));
        let others = (0..5).map(|_| get_text(&transport, &whole.url("/")));
        let (broken, whole) = tokio::join!(
            futures_util::future::join_all(calls),
            futures_util::future::join_all(others)
        );
        for outcome in broken {
            assert_eq!(outcome.unwrap_err().kind(), Kind::Closed);
        }
        for outcome in whole {
            assert_eq!(outcome.unwrap(), "whole");
        }
    });
}

#[test]
fn a_malformed_response_costs_its_own_stream() {
    // RFC 9113 §8.1.1: PROTOCOL_ERROR on the stream.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let malformed = peer.request().await;
            // content-length: 3, by entry 28 of the static table.
            let block = [raw::STATUS_200, &[0x0f, 0x0d, 0x01, b'3']].concat();
            peer.send(raw::HEADERS, raw::END_HEADERS, malformed, &block)
                .await;
            peer.send(raw::DATA, raw::END_STREAM, malformed, b"four")
                .await;
            let reset = peer.expect(raw::RST_STREAM).await;
            assert_eq!(reset.stream, malformed);
            assert_eq!(reset.number(), ErrorCode::PROTOCOL_ERROR.as_u32());
            let well = peer.request().await;
            peer.head(well, raw::END_STREAM).await;
            peer.rest().await;
        })
        .await;
        let transport = transport();
        let response = get(&transport, &server.url("/")).await;
        // The head was well, and its body is not.
        let error = match response {
            Ok(response) => response.into_body().collect().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::MalformedResponse, Scope::Stream)
        );
        assert_eq!(error.code(), Some(ErrorCode::PROTOCOL_ERROR));
        assert_eq!(error.initiator(), Some(Initiator::Local));
        let violation = root(&error).downcast_ref::<Violation>();
        assert_eq!(violation, Some(&Violation::ContentLengthMismatch));
        assert_eq!(
            get(&transport, &server.url("/")).await.unwrap().status(),
            200
        );
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_broken_rule_ends_the_connection_and_is_named() {
    // RFC 9113 §5.4.1: GOAWAY with the code that the section asks for.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, before| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            if before > 0 {
                peer.head(stream, raw::END_STREAM).await;
            } else {
                peer.send(raw::PING, 0, 0, b"short").await;
                let goaway = peer.expect(raw::GOAWAY).await;
                let code = ErrorCode::FRAME_SIZE_ERROR.as_u32();
                assert_eq!(goaway.payload[4..8], code.to_be_bytes());
            }
            peer.rest().await;
        })
        .await;
        let transport = transport();
        let error = get(&transport, &server.url("/")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::Protocol, Scope::Connection)
        );
        assert_eq!(error.code(), Some(ErrorCode::FRAME_SIZE_ERROR));
        assert_eq!(error.initiator(), Some(Initiator::Local));
        assert_eq!(error.retry(), Retry::IfIdempotent);
        let violation = root(&error).downcast_ref::<Violation>();
        assert_eq!(violation, Some(&Violation::PingLength));
        // The next call dials anew.
        assert_eq!(
            get(&transport, &server.url("/")).await.unwrap().status(),
            200
        );
    });
}

#[test]
fn an_error_of_the_stream_is_kept_to_its_root() {
    on_threads(1, async {
        let hold = Hold::default();
        let breaking = hold.clone();
        let transport = hold.transport(builder(), move |stream| {
            let breaking = breaking.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                peer.request().await;
                breaking.break_reading("the cable was cut");
                peer.rest().await;
            }
        });
        let error = get(&transport, "http://pipe.test/").await.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (Kind::Io, Scope::Connection));
        assert_eq!(error.retry(), Retry::IfIdempotent);
        assert_eq!(root(&error).to_string(), "the cable was cut");
        let shown = error.to_string();
        assert!(shown.contains("http://pipe.test"), "{shown}");
    });
}

#[test]
fn what_is_taken_is_also_flushed_when_that_has_to_wait() {
    on_threads(1, async {
        let hold = Hold::default();
        hold.hold();
        let transport = hold.transport(builder(), |stream| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        });
        let mut call = get(&transport, "http://pipe.test/");
        // All is written and nothing has left.
        for _ in 0..50 {
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        hold.let_go();
        assert_eq!(call.await.unwrap().status(), 200);
    });
}

#[test]
fn a_flush_that_had_to_wait_is_no_lack_of_progress_once_it_is_done() {
    on_threads(1, async {
        let hold = Hold::default();
        let limit = Duration::from_millis(100);
        let builder = {
            let mut timeouts = towline::config::Timeouts::default();
            timeouts.write_progress = Some(limit);
            builder().timeouts(timeouts)
        };
        let transport = hold.transport(builder, move |stream| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let warm = peer.request().await;
            peer.head(warm, raw::END_STREAM).await;
            let stream = peer.request().await;
            // Longer than the limit, with nothing for the client to write.
            tokio::time::sleep(3 * limit).await;
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        });
        get(&transport, "http://pipe.test/").await.unwrap();
        hold.hold();
        let mut call = get(&transport, "http://pipe.test/");
        for _ in 0..50 {
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        hold.let_go();
        assert_eq!(call.await.unwrap().status(), 200);
    });
}

#[test]
fn a_response_that_has_come_is_read_although_writing_fails() {
    // A server that answers before the end of an upload and closes: its answer counts.
    on_threads(1, async {
        let hold = Hold::default();
        let breaking = hold.clone();
        let transport = hold.transport(builder(), move |stream| {
            let breaking = breaking.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                peer.expect(raw::DATA).await;
                breaking.break_writing(io::ErrorKind::BrokenPipe);
                // The PING makes the client write; all else stands behind it.
                let mut octets = raw::frame(raw::PING, 0, 0, b"are you?");
                let head = raw::frame(raw::HEADERS, raw::END_HEADERS, stream, raw::STATUS_200);
                octets.extend_from_slice(&head);
                for _ in 0..30 {
                    octets.extend(raw::frame(raw::DATA, 0, stream, &[b'x'; 10_000]));
                }
                octets.extend(raw::frame(raw::DATA, raw::END_STREAM, stream, b""));
                peer.send_octets(&octets).await;
                peer.io.shutdown().await.unwrap();
                peer.rest().await;
            }
        });
        let body = Scripted::pieces(1_000, 1_000);
        let request = http::Request::post("http://pipe.test/").body(body).unwrap();
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap().len(), 300_000);
    });
}

#[test]
fn writing_that_fails_is_told_to_those_who_wait() {
    on_threads(1, async {
        let hold = Hold::default();
        let breaking = hold.clone();
        let transport = hold.transport(builder(), move |stream| {
            let breaking = breaking.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                peer.request().await;
                breaking.break_writing(io::ErrorKind::BrokenPipe);
                peer.send(raw::PING, 0, 0, b"are you?").await;
                // Kept open: nothing is there to be read either.
                std::future::pending::<()>().await;
            }
        });
        let error = get(&transport, "http://pipe.test/").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        assert_eq!(root_io(&error), io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_server_that_speaks_at_once_and_not_http2_is_known_for_it() {
    // What it says is there before the request can be written.
    on_threads(1, async {
        for (said, shown) in [
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "an HTTP/1.x server sent \"HTTP/1.1 400",
            ),
            ("SSH-2.0-OpenSSH_9.9\r\n", "the server sent \"SSH-2.0-"),
        ] {
            let hold = Hold::default();
            let transport = hold.transport(builder(), move |mut stream| async move {
                stream.write_all(said.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                RawPeer::drain(stream).await;
            });
            let error = get(&transport, "http://pipe.test/").await.unwrap_err();
            assert_eq!(
                (error.kind(), error.retry()),
                (Kind::NotHttp2, Retry::Never)
            );
            let root = root(&error).to_string();
            assert!(root.starts_with(shown), "{root}");
        }
    });
}

#[test]
fn a_server_that_closes_at_once_is_dialed_a_few_times_and_no_more() {
    // Nothing was written, so trying again is safe.
    on_threads(1, async {
        let dials = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = dials.clone();
        let hold = Hold::default();
        let transport = hold.transport(builder(), move |stream| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async move { drop(stream) }
        });
        let error = get(&transport, "http://pipe.test/").await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        let root = root(&error);
        assert!(root.is::<io::Error>(), "{root}");
        let dials = dials.load(std::sync::atomic::Ordering::SeqCst);
        assert!((1..=4).contains(&dials), "{dials}");
    });
}

#[test]
fn every_error_says_where_and_has_a_source_to_its_root() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            peer.send(raw::DATA, 0, stream, b"some").await;
            peer.rest().await;
        })
        .await;
        let limited = transport_with(|timeouts| {
            timeouts.body_idle = Some(Duration::from_millis(50));
        });
        let response = get(&limited, &server.url("/")).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.contains(&server.url("")) && shown.contains("stream 1"),
            "{shown}"
        );
        let boxed: Box<dyn StdError + Send + Sync> = Box::new(error);
        assert!(boxed.downcast_ref::<Error>().is_some_and(Error::is_timeout));
    });
}
