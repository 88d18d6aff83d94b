//! What goes out again by itself when a server closes a connection that it had kept: only what can
//! be done twice, only if its body can be had again, and not for ever (RFC 9112 §9.3.1, RFC 9110
//! §9.2.2).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, header};
use http_body_util::Full;
use tokio::{io::AsyncReadExt, sync::Barrier};
use towline::{
    Error, Transport,
    error::{Kind, Retry, Scope},
};

use crate::peers::{
    Server, Wire,
    bodies::{Meter, Scripted},
    call, everywhere_http1, get, get_text, on_threads,
    raw_http1::RawHttp1,
    request, text, transport_over,
};

/// How a connection ends on which a second request arrives.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// It is closed in good order, the request read and not answered.
    Close,
    /// It is dropped: over TLS without a word.
    Drop,
    /// These octets are said, then it is closed.
    Say(&'static str),
}

/// Answers one request a connection, and ends the connection when a second one comes.
async fn one_each(wire: Wire, ending: Ending) -> Server {
    Server::start(wire, move |stream, _| async move {
        let mut peer = RawHttp1::new(stream);
        let head = peer.head().await;
        if head.contains("100-continue") {
            peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        if head.contains("content-length: 4\r\n") {
            peer.octets(4).await;
        } else if head.contains("chunked") {
            peer.until("\r\n0\r\n\r\n").await;
        }
        peer.answer("hi").await;
        if peer.try_head().await.is_none() {
            return;
        }
        match ending {
            Ending::Close => peer.close().await,
            Ending::Drop => {}
            Ending::Say(octets) => {
                peer.send(octets).await;
                peer.close().await;
            }
        }
    })
    .await
}

async fn warmed(wire: Wire, server: &Server) -> Transport {
    let transport = transport_over(wire);
    let text = get_text(&transport, &server.url("/")).await;
    assert_eq!(text.unwrap(), "hi");
    transport
}

fn assert_closed(error: &Error) {
    assert_eq!(error.kind(), Kind::Closed);
    assert_eq!(error.scope(), Scope::Connection);
    assert_eq!(error.retry(), Retry::IfIdempotent);
}

#[test]
fn what_can_be_done_twice_goes_out_again() {
    everywhere_http1(|wire| async move {
        for ending in [Ending::Close, Ending::Drop] {
            for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
                let server = one_each(wire, ending).await;
                let transport = warmed(wire, &server).await;
                let response = call(&transport, request(method, &server.url("/"))).await;
                let response = response.unwrap_or_else(|error| panic!("{method}: {error:?}"));
                assert_eq!(response.status(), 200);
                assert_eq!(server.accepted(), 2, "{method}, {ending:?}");
            }
        }
    });
}

#[test]
fn its_body_goes_with_it_if_it_was_whole() {
    everywhere_http1(|wire| async move {
        for ending in [Ending::Close, Ending::Drop] {
            let server = one_each(wire, ending).await;
            let transport = warmed(wire, &server).await;
            let put = Request::put(server.url("/")).body(Full::<Bytes>::from("body"));
            let response = call(&transport, put.unwrap()).await.unwrap();
            assert_eq!(text(response).await.unwrap(), "hi");
            assert_eq!(server.accepted(), 2);
        }
    });
}

#[test]
fn what_must_not_be_done_twice_is_the_callers_to_repeat() {
    everywhere_http1(|wire| async move {
        for method in ["POST", "PATCH", "X-OWN"] {
            let server = one_each(wire, Ending::Close).await;
            let transport = warmed(wire, &server).await;
            let request = request(method, &server.url("/"));
            assert_closed(&call(&transport, request).await.unwrap_err());
            assert_eq!(server.accepted(), 1, "{method}");
        }
    });
}

#[test]
fn a_streaming_body_that_has_given_octets_is_not_sent_again() {
    everywhere_http1(|wire| async move {
        let server = one_each(wire, Ending::Close).await;
        let transport = warmed(wire, &server).await;
        let meter = Meter::default();
        let body = Scripted::pieces(1_000, 1_000).metered(&meter);
        let put = Request::put(server.url("/")).body(body).unwrap();
        let error = call(&transport, put).await.unwrap_err();
        assert_closed(&error);
        assert!(meter.octets() > 0);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_streaming_body_that_was_held_back_goes_out_again() {
    // RFC 9110 §10.1.1: it waits for 100 (Continue), so nothing of it is gone.
    everywhere_http1(|wire| async move {
        let server = one_each(wire, Ending::Close).await;
        let transport = warmed(wire, &server).await;
        let meter = Meter::default();
        let body = Scripted::pieces(3, 1_000).metered(&meter);
        let put = Request::put(server.url("/")).header(header::EXPECT, "100-continue");
        let put = put.body(body).unwrap();
        let response = call(&transport, put).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "hi");
        assert_eq!((meter.octets(), server.accepted()), (3_000, 2));
    });
}

#[test]
fn a_server_that_has_begun_to_answer_has_seen_the_request() {
    everywhere_http1(|wire| async move {
        for (octets, kind) in [
            ("HTTP/1.1 2", Kind::Closed),
            ("HTTP/1.1 200 OK\r\ncontent-length", Kind::Closed),
            ("HTTP/1.1 103 Early Hints\r\n\r\n", Kind::Closed),
            ("HTTP/1.1 100 Continue\r\n\r\nHTT", Kind::Closed),
            ("nonsense\r\n\r\n", Kind::MalformedResponse),
        ] {
            let server = one_each(wire, Ending::Say(octets)).await;
            let transport = warmed(wire, &server).await;
            let error = get(&transport, &server.url("/")).await.unwrap_err();
            assert_eq!((error.kind(), error.retry()), (kind, Retry::IfIdempotent));
            assert_eq!(server.accepted(), 1, "{octets:?}");
        }
    });
}

#[test]
fn a_connection_that_never_answered_is_not_tried_again() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.try_head().await;
            peer.close().await;
        })
        .await;
        let error = get(&transport_over(wire), &server.url("/"))
            .await
            .unwrap_err();
        assert_closed(&error);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_closes_as_soon_as_it_accepts_is_not_dialed_for_ever() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| RawHttp1::new(stream).close()).await;
        let error = call(&transport_over(wire), request("POST", &server.url("/"))).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Closed);
        // Either its end came before the request was out, or after.
        assert_ne!(error.retry(), Retry::Never);
        assert!((1..=4).contains(&server.accepted()));
    });
}

#[test]
fn a_reset_in_place_of_an_end_is_the_same() {
    on_threads(1, async {
        let wire = Wire::ClearHttp1;
        for method in ["GET", "POST"] {
            let server = Server::start(wire, |stream, before| async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                peer.answer("hi").await;
                if before == 0 {
                    // What is left unread makes a reset of the close.
                    let _octet = peer.io.read_u8().await;
                    return;
                }
                peer.rest().await;
            })
            .await;
            let transport = warmed(wire, &server).await;
            let outcome = call(&transport, request(method, &server.url("/"))).await;
            match outcome {
                Ok(response) => {
                    assert_eq!(method, "GET");
                    assert_eq!(text(response).await.unwrap(), "hi");
                    assert_eq!(server.accepted(), 2);
                }
                Err(error) => {
                    assert_eq!(method, "POST", "{error:?}");
                    assert_closed(&error);
                    assert_eq!(server.accepted(), 1);
                }
            }
        }
    });
}

#[test]
fn a_request_is_sent_four_times_at_most() {
    const CONNECTIONS: usize = 6;
    everywhere_http1(|wire| async move {
        let all_here = Arc::new(Barrier::new(CONNECTIONS));
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&seen);
        let server = Server::start(wire, move |stream, before| {
            let (all_here, counted) = (Arc::clone(&all_here), Arc::clone(&counted));
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                if before < CONNECTIONS {
                    // Nobody is answered before everybody has a connection.
                    all_here.wait().await;
                }
                peer.answer("hi").await;
                if peer.try_head().await.is_some() {
                    counted.fetch_add(1, Ordering::SeqCst);
                    peer.close().await;
                }
            }
        })
        .await;
        let transport = transport_over(wire);
        let calls = (0..CONNECTIONS).map(|_| get_text(&transport, &server.url("/")));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.unwrap(), "hi");
        }
        assert_eq!(server.accepted(), CONNECTIONS);
        let error = get(&transport, &server.url("/")).await.unwrap_err();
        assert_closed(&error);
        assert_eq!(seen.load(Ordering::SeqCst), 4);
        assert_eq!(server.accepted(), CONNECTIONS);
    });
}

#[test]
fn a_server_that_closes_whenever_it_likes_fails_nobody_who_may_be_repeated() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, before| async move {
            let mut peer = RawHttp1::new(stream);
            for _ in 0..=before % 4 {
                if peer.try_head().await.is_none() {
                    return;
                }
                peer.answer("hi").await;
            }
            // Closes as the next request may be on its way.
            if before % 3 == 0 {
                peer.close().await;
            }
        })
        .await;
        let transport = transport_over(wire);
        let callers = (0..2).map(|_| {
            let (transport, url) = (transport.clone(), server.url("/"));
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(get_text(&transport, &url).await.unwrap(), "hi");
                }
            })
        });
        for outcome in join_all(callers).await {
            outcome.unwrap();
        }
    });
}
