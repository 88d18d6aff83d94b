//! Request bodies that meet trouble: a server that answers early, a body that fails, a length that
//! is not kept, and a server that is to be asked first (RFC 9110 §10.1.1, RFC 9112 §9.5).

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;
use towline::{
    Transport,
    error::{Kind, Retry, Scope},
    interim,
};

use crate::peers::{
    Server, Wire,
    bodies::{Meter, Scripted, Spoilt, Step},
    call, everywhere_http1, get_text,
    raw_http1::RawHttp1,
    root, soon, text, transport_over,
};

/// A body of 64 MB, which no kernel takes whole.
fn huge() -> Scripted {
    Scripted::pieces(1_000, 64_000)
}

/// Reads the head of an upload and a little of its body, says these octets, and does what `then`
/// says; answers what is no upload.
async fn early(wire: Wire, octets: &'static str, then: Then) -> Server {
    Server::start(wire, move |stream, _| async move {
        let mut peer = RawHttp1::new(stream);
        while let Some(head) = peer.try_head().await {
            if head.starts_with("GET") {
                peer.answer("well").await;
                continue;
            }
            peer.octets(1_000).await;
            peer.send(octets).await;
            match then {
                Then::Close => peer.close().await,
                Then::Reset => {}
                Then::Stay => {
                    peer.drain().await;
                }
            }
            return;
        }
    })
    .await
}

#[derive(Clone, Copy, Debug)]
enum Then {
    /// Ends its direction, and reads what still comes.
    Close,
    /// Closes with octets unread, which resets.
    Reset,
    /// Goes on reading, and leaves it to us to close.
    Stay,
}

async fn assert_well(transport: &Transport, server: &Server) {
    let well = get_text(transport, &server.url("/")).await;
    assert_eq!(well.unwrap(), "well");
}

#[test]
fn an_early_answer_reaches_the_caller_and_the_rest_is_not_sent() {
    everywhere_http1(|wire| async move {
        for octets in [
            "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 5\r\n\r\nearly",
            "HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nearly",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
             5\r\nearly\r\n0\r\n\r\n",
        ] {
            for then in [Then::Close, Then::Stay] {
                let server = early(wire, octets, then).await;
                let transport = transport_over(wire);
                let meter = Meter::default();
                let body = huge().metered(&meter);
                let request = Request::post(server.url("/")).body(body).unwrap();
                let response = call(&transport, request).await.unwrap();
                let status = octets[9..12].parse::<u16>().unwrap();
                assert_eq!(response.status(), status);
                assert_eq!(text(response).await.unwrap(), "early");
                assert!(meter.octets() < 64_000_000, "{then:?}: {octets}");
                // What the server never read is not taken for another request.
                assert_well(&transport, &server).await;
                assert_eq!(server.accepted(), 2);
            }
        }
    });
}

/// RFC 9110 §7.5: a response alone does not say that the rest is unwanted.
#[test]
fn an_early_answer_of_success_stops_nothing() {
    const BODY: usize = 4_000_000;
    everywhere_http1(|wire| async move {
        let (sender, mut came) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    if head.starts_with("GET") {
                        peer.answer("well").await;
                        continue;
                    }
                    peer.octets(1_000).await;
                    peer.answer("early").await;
                    let rest = peer.octets(BODY - 1_000).await;
                    sender.send(rest.len()).unwrap();
                }
            }
        })
        .await;
        let transport = transport_over(wire);
        let body = Scripted::pieces(BODY / 1_000, 1_000).of_length(BODY as u64);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let mut response = call(&transport, request).await.unwrap();
        let whole = response.body_mut().collect().await.unwrap().to_bytes();
        assert_eq!(whole, "early");
        assert_eq!(soon(came.recv()).await, Some(BODY - 1_000));
        drop(response);
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn the_rest_is_not_sent_once_the_caller_lets_go_of_the_answer() {
    everywhere_http1(|wire| async move {
        let octets = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly";
        let server = early(wire, octets, Then::Stay).await;
        let transport = transport_over(wire);
        let meter = Meter::default();
        let endless = Scripted::new([Step::Data(vec![b'x'; 1_000].into()), Step::Stall]);
        let request = Request::post(server.url("/")).body(endless.metered(&meter));
        let response = call(&transport, request.unwrap()).await.unwrap();
        drop(response);
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn an_answer_that_is_reset_right_after_reaches_the_caller_all_the_same() {
    // What had come before the reset is still to be read here, as the kernel keeps it.
    everywhere_http1(|wire| async move {
        let octets = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\n\
                      content-length: 5\r\n\r\nearly";
        let server = early(wire, octets, Then::Reset).await;
        let transport = transport_over(wire);
        let request = Request::post(server.url("/")).body(huge()).unwrap();
        match call(&transport, request).await {
            Ok(response) => {
                assert_eq!(response.status(), 413);
                assert_eq!(text(response).await.unwrap(), "early");
            }
            // The kernel may drop what was not read before the reset came (RFC 9112 §9.6).
            Err(error) => {
                assert_eq!(error.kind(), Kind::Closed);
                assert_eq!(error.retry(), Retry::IfIdempotent);
            }
        }
        assert_well(&transport, &server).await;
    });
}

#[test]
fn a_body_that_fails_or_panics_is_the_callers_own_fault() {
    everywhere_http1(|wire| async move {
        for (step, why) in [
            (Step::Fail, "the body is spoilt"),
            (Step::Panic, "the request's body panicked"),
        ] {
            let (sender, mut came) = mpsc::unbounded_channel();
            let server = Server::start(wire, move |stream, _| {
                let sender = sender.clone();
                async move {
                    let mut peer = RawHttp1::new(stream);
                    while let Some(head) = peer.try_head().await {
                        if head.starts_with("GET") {
                            peer.answer("well").await;
                            continue;
                        }
                        sender.send(peer.rest().await).expect("the test waits");
                        return;
                    }
                }
            })
            .await;
            let transport = transport_over(wire);
            let body = Scripted::new([Step::Data("some".into()), step]);
            let request = Request::post(server.url("/")).body(body).unwrap();
            let error = call(&transport, request).await.unwrap_err();
            assert_eq!(error.kind(), Kind::RequestBody);
            assert_eq!(error.scope(), Scope::Connection);
            assert_eq!(error.retry(), Retry::Never);
            assert_eq!(error.code(), None, "HTTP/1.1 has none");
            assert_eq!(root(&error).to_string(), why);
            if why == Spoilt.to_string() {
                assert_eq!(root(&error).downcast_ref(), Some(&Spoilt));
            }
            // It must not look like a whole request.
            let came = soon(came.recv()).await.unwrap();
            assert!(!came.ends_with(b"0\r\n\r\n"));
            assert_well(&transport, &server).await;
        }
    });
}

#[test]
fn a_small_body_that_fails_before_it_has_begun_costs_no_connection() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            RawHttp1::new(stream).answer_all("well").await;
        })
        .await;
        let transport = transport_over(wire);
        let body = Scripted::new([Step::Fail]).of_length(4);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let error = call(&transport, request).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::RequestBody, Scope::Request)
        );
        assert_eq!(server.accepted(), 0);
        assert_well(&transport, &server).await;
    });
}

#[test]
fn a_length_that_is_not_kept_is_no_request() {
    everywhere_http1(|wire| async move {
        for (given, announced) in [(3_usize, 5_u64), (7, 5)] {
            let (sender, mut came) = mpsc::unbounded_channel();
            let server = Server::start(wire, move |stream, before| {
                let sender = sender.clone();
                async move {
                    let mut peer = RawHttp1::new(stream);
                    if before > 0 {
                        return peer.answer_all("well").await;
                    }
                    if peer.try_head().await.is_some() {
                        sender.send(peer.rest().await).expect("the test waits");
                    }
                }
            })
            .await;
            let transport = transport_over(wire);
            let body = Scripted::pieces(given, 1);
            let request = Request::post(server.url("/")).header(header::CONTENT_LENGTH, announced);
            let request = request.body(body).unwrap();
            let error = call(&transport, request).await.unwrap_err();
            assert_eq!(error.kind(), Kind::RequestBody);
            assert_eq!((error.code(), error.retry()), (None, Retry::Never));
            // Never as many octets as were announced: that would be a request.
            let came = soon(came.recv()).await.unwrap();
            assert!((came.len() as u64) < announced, "{came:?}");
            assert_well(&transport, &server).await;
            assert_eq!(server.accepted(), 2);
        }
    });
}

#[test]
fn a_length_that_is_known_to_be_wrong_is_found_before_anything_is_sent() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            RawHttp1::new(stream).answer_all("well").await;
        })
        .await;
        let transport = transport_over(wire);
        assert_well(&transport, &server).await;
        for announced in [0, 3, 5] {
            let request = Request::post(server.url("/")).header(header::CONTENT_LENGTH, announced);
            let request = request.body(Full::<Bytes>::from("four")).unwrap();
            let error = call(&transport, request).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.scope()),
                (Kind::RequestBody, Scope::Request)
            );
            assert_eq!(error.retry(), Retry::Never);
        }
        // The connection that found it out is none the worse.
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn requests_that_cannot_be_said_harm_nothing() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            RawHttp1::new(stream).answer_all("well").await;
        })
        .await;
        let transport = transport_over(wire);
        assert_well(&transport, &server).await;
        for (name, value) in [
            (header::HOST, "elsewhere.test"),
            (header::CONTENT_LENGTH, "many"),
            (header::CONTENT_LENGTH, "-1"),
            (header::TRANSFER_ENCODING, "gzip"),
            (header::TRANSFER_ENCODING, "gzip, chunked"),
        ] {
            let request = Request::post(server.url("/")).header(&name, value);
            let request = request.body(Full::<Bytes>::from("four")).unwrap();
            let error = call(&transport, request).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.scope()),
                (Kind::Request, Scope::Request)
            );
            assert_eq!(error.retry(), Retry::Never, "{name}: {value}");
        }
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 1);
    });
}

/// An upload that asks first.
fn asking(server: &Server, body: Scripted) -> Request<Scripted> {
    let request = Request::put(server.url("/")).header(header::EXPECT, "100-continue");
    request.body(body).unwrap()
}

#[test]
fn a_body_comes_when_it_is_asked_for() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            for _ in 0..2 {
                let head = peer.head().await;
                assert!(head.contains("expect: 100-continue\r\n"));
                peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
                peer.octets(3_000).await;
                peer.answer("thanks").await;
            }
            peer.rest().await;
        })
        .await;
        let transport = transport_over(wire);
        for _ in 0..2 {
            let (sink, mut interim) = interim::channel();
            let mut request = asking(&server, Scripted::pieces(3, 1_000).of_length(3_000));
            request.extensions_mut().insert(sink);
            let response = call(&transport, request).await.unwrap();
            assert_eq!(interim.recv().await.unwrap().status(), 100);
            assert!(interim.recv().await.is_none());
            assert_eq!(text(response).await.unwrap(), "thanks");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_body_that_is_refused_is_never_asked() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, before| async move {
            let mut peer = RawHttp1::new(stream);
            if before > 0 {
                return peer.answer_all("well").await;
            }
            peer.head().await;
            peer.send("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 2\r\n\r\nno")
                .await;
            assert_eq!(peer.rest().await, b"");
        })
        .await;
        let transport = transport_over(wire);
        let meter = Meter::default();
        let request = asking(&server, Scripted::pieces(1_000, 1_000).metered(&meter));
        let response = call(&transport, request).await.unwrap();
        assert_eq!(response.status(), 417);
        assert_eq!(text(response).await.unwrap(), "no");
        assert_eq!(meter.polls(), 0);
        assert_well(&transport, &server).await;
        // Nobody knows whether the server still waits for the body.
        assert_eq!(server.accepted(), 2);
    });
}
