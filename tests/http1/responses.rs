//! Responses: how each is framed (RFC 9112 §6.3), and what the connection is good for after it.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::BodyExt;
use towline::{
    Error, ResponseBody,
    error::{Kind, Retry, Scope},
    http1::{ReasonPhrase, Violation},
};

use crate::peers::{
    Server, Stream, Wire, call, everywhere_http1, get, get_text, info, raw_http1::RawHttp1,
    request, root, text, transport_over,
};

/// Answers every request with the same octets, and keeps the connection.
async fn always(wire: Wire, octets: &'static str) -> Server {
    Server::start(wire, move |stream, _| async move {
        let mut peer = RawHttp1::new(stream);
        while peer.try_head().await.is_some() {
            peer.send(octets).await;
        }
    })
    .await
}

/// Answers the first request of a connection with these octets, and closes.
async fn once(wire: Wire, octets: &'static str) -> Server {
    Server::start(wire, move |stream, _| async move {
        let mut peer = RawHttp1::new(stream);
        if peer.try_head().await.is_some() {
            peer.send(octets).await;
            peer.close().await;
        }
    })
    .await
}

/// The next so many octets, or what is left; the surplus is kept.
async fn read(body: &mut ResponseBody, surplus: &mut BytesMut, count: usize) -> Bytes {
    while surplus.len() < count {
        match body.frame().await {
            Some(frame) => surplus.extend(frame.unwrap().into_data().unwrap()),
            None => break,
        }
    }
    let count = count.min(surplus.len());
    surplus.split_to(count).freeze()
}

#[test]
fn a_response_may_be_empty_and_the_last() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let transport = transport_over(wire);
        for served in 1..=3 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response.status(), StatusCode::CREATED);
            assert!(response.body().is_end_stream());
            assert_eq!(text(response).await.unwrap(), "");
            assert_eq!(server.accepted(), served);
        }
    });
}

#[test]
fn a_body_of_a_given_length_ends_there() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nhellotherechamp",
        )
        .await;
        let transport = transport_over(wire);
        for _ in 0..3 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response.body().size_hint().exact(), Some(15));
            let (mut body, mut surplus) = (response.into_body(), BytesMut::new());
            for part in ["hello", "there", "champ", "", ""] {
                assert_eq!(read(&mut body, &mut surplus, 5).await, part);
            }
            assert!(body.is_end_stream());
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_body_in_chunks_is_joined() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n4\r\nwell\r\n\
             4\r\nwhat\r\n4\r\nhave\r\n2\r\nwe\r\na\r\nhereabouts\r\n0\r\n\r\n",
        )
        .await;
        let transport = transport_over(wire);
        for _ in 0..3 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response.body().size_hint().exact(), None);
            let (mut body, mut surplus) = (response.into_body(), BytesMut::new());
            let parts = [
                (5, "wellw"),
                (15, "ellwhathavewehe"),
                (20, "reabouts"),
                (usize::MAX, ""),
            ];
            for (count, part) in parts {
                assert_eq!(read(&mut body, &mut surplus, count).await, part);
            }
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn statuses_and_methods_without_content_need_no_length() {
    // RFC 9112 §6.3, rule 1: whatever the fields say.
    everywhere_http1(|wire| async move {
        let cases = [
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
            ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
            ),
            ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            ("HEAD", "HTTP/1.1 404 Not Found\r\n\r\n"),
        ];
        for (method, octets) in cases {
            let server = always(wire, octets).await;
            let transport = transport_over(wire);
            for _ in 0..2 {
                let request = request(method, &server.url("/"));
                let response = call(&transport, request).await.unwrap();
                assert!(response.body().is_end_stream(), "{method}: {octets}");
                assert_eq!(response.body().size_hint().exact(), Some(0));
                assert_eq!(text(response).await.unwrap(), "");
            }
            assert_eq!(server.accepted(), 1, "{method}: {octets}");
        }
    });
}

#[test]
fn the_length_that_get_would_have_is_told_by_head() {
    everywhere_http1(|wire| async move {
        let server = always(wire, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").await;
        let head = request("HEAD", &server.url("/"));
        let response = call(&transport_over(wire), head).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "5000");
    });
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    everywhere_http1(|wire| async move {
        for octets in [
            "HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.0 200 OK\r\n\r\nabc",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nabc",
        ] {
            let server = once(wire, octets).await;
            let transport = transport_over(wire);
            for served in 1..=2 {
                let body = get_text(&transport, &server.url("/")).await;
                assert_eq!(body.unwrap(), "abc", "{octets}");
                assert_eq!(server.accepted(), served);
            }
        }
    });
}

/// As the test wants it: what came of the exchange, be it in head or body.
async fn outcome(wire: Wire, server: &Server) -> Result<String, Error> {
    get_text(&transport_over(wire), &server.url("/")).await
}

fn assert_malformed(error: &Error, violation: Violation) {
    assert_eq!(error.kind(), Kind::MalformedResponse);
    assert_eq!(error.scope(), Scope::Connection);
    assert_eq!(error.retry(), Retry::IfIdempotent);
    assert_eq!(root(error).downcast_ref(), Some(&violation));
}

#[test]
fn lengths_that_differ_are_refused_and_those_that_agree_are_not() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        )
        .await;
        let error = outcome(wire, &server).await.unwrap_err();
        assert_malformed(&error, Violation::LengthInvalid);
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3, 3\r\n\r\nabc",
        )
        .await;
        assert_eq!(outcome(wire, &server).await.unwrap(), "abc");
    });
}

#[test]
fn chunk_extensions_are_passed_over() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0;last\r\n\r\n",
        )
        .await;
        assert_eq!(outcome(wire, &server).await.unwrap(), "hi");
    });
}

#[test]
fn a_connection_that_ends_amid_the_body_truncates_it() {
    everywhere_http1(|wire| async move {
        for (octets, what) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                "3 of 9 octets",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                "not the last chunk",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
                "not the last chunk",
            ),
        ] {
            let server = once(wire, octets).await;
            let response = get(&transport_over(wire), &server.url("/")).await.unwrap();
            let mut body = response.into_body();
            let data = body.frame().await.unwrap().unwrap().into_data();
            assert_eq!(
                data.unwrap(),
                "abc",
                "what came is given before the failure"
            );
            let error = body.frame().await.unwrap().unwrap_err();
            assert_eq!(error.kind(), Kind::Truncated);
            assert_eq!(error.scope(), Scope::Connection);
            let cause = root(&error).to_string();
            assert!(cause.contains(what), "{cause}");
            assert!(body.frame().await.is_none());
        }
    });
}

#[test]
fn tls_that_ends_without_a_word_truncates_a_body_without_a_length() {
    // RFC 9112 §9.8: whoever cuts the connection must not pass for the server.
    crate::peers::on_threads(1, async {
        let wire = Wire::TlsHttp1;
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            peer.send("HTTP/1.1 200 OK\r\n\r\nabc").await;
            // Dropped without close_notify.
        })
        .await;
        let error = outcome(wire, &server).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Truncated);
        assert_eq!(error.retry(), Retry::IfIdempotent);
    });
}

#[test]
fn a_server_that_speaks_something_else_is_told_apart() {
    everywhere_http1(|wire| async move {
        let server = always(wire, "SQP/1 200 OK\r\n\r\n").await;
        let error = outcome(wire, &server).await.unwrap_err();
        assert_malformed(&error, Violation::NotHttp);
        let shown = error.to_string();
        assert!(shown.contains(&server.url("")), "{shown}");
        let shown = root(&error).to_string();
        assert!(shown.contains("RFC 9112 §4"), "{shown}");
    });
}

#[test]
fn trailers_come_after_the_content() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n\
             4\r\nbody\r\n0\r\nX-Sum: 42\r\nx-sum: 43\r\nConnection: x-sum\r\n\r\n",
        )
        .await;
        let transport = transport_over(wire);
        for _ in 0..2 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            let collected = response.into_body().collect().await.unwrap();
            let trailers: HeaderMap = collected.trailers().unwrap().clone();
            let sums: Vec<_> = trailers.get_all("x-sum").iter().collect();
            assert_eq!(sums, ["42", "43"]);
            assert!(!trailers.contains_key(header::CONNECTION));
            assert_eq!(collected.to_bytes(), "body");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn trailers_without_content_come_too() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-sum: 0\r\n\r\n",
        )
        .await;
        let response = get(&transport_over(wire), &server.url("/")).await.unwrap();
        assert!(!response.body().is_end_stream());
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "0");
        assert_eq!(collected.to_bytes(), "");
    });
}

fn told(response: &Response<ResponseBody>) -> (Version, Option<&[u8]>) {
    let reason = response.extensions().get::<ReasonPhrase>();
    (response.version(), reason.map(ReasonPhrase::as_bytes))
}

#[test]
fn version_reason_and_fields_are_the_servers() {
    everywhere_http1(|wire| async move {
        let server = always(
            wire,
            "HTTP/1.1 200 All is well\r\nContent-Length: 0\r\nX-Twice: one\r\nx-twice: two\r\n\
             x-odd: \x7e\tx\r\n\r\n",
        )
        .await;
        let response = get(&transport_over(wire), &server.url("/")).await.unwrap();
        let usual = Some(&b"All is well"[..]);
        assert_eq!(told(&response), (Version::HTTP_11, usual));
        let twice: Vec<_> = response.headers().get_all("x-twice").iter().collect();
        assert_eq!(twice, ["one", "two"]);
        assert_eq!(response.headers()["x-odd"], "\x7e\tx");
        let info = info(&response);
        assert_eq!(info.stream_id(), None);
        assert_eq!(info.remote_addr(), Some(server.address));

        for (octets, version) in [
            (
                "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
                Version::HTTP_11,
            ),
            (
                "HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n",
                Version::HTTP_10,
            ),
        ] {
            let server = always(wire, octets).await;
            let response = get(&transport_over(wire), &server.url("/")).await.unwrap();
            assert_eq!(told(&response), (version, Some(&b""[..])));
        }
        let server = always(wire, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let response = get(&transport_over(wire), &server.url("/")).await.unwrap();
        assert_eq!(told(&response), (Version::HTTP_11, None));
    });
}

/// Sends octets one at a time, each in a write of its own.
async fn trickle(stream: Stream, octets: &'static str) {
    let mut peer = RawHttp1::new(stream);
    while peer.try_head().await.is_some() {
        for octet in octets.as_bytes() {
            peer.send([*octet]).await;
            tokio::task::yield_now().await;
        }
    }
}

#[test]
fn responses_that_come_octet_by_octet_are_the_same() {
    everywhere_http1(|wire| async move {
        let octets = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\
                      Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nwell\r\n3\r\nmet\r\n0\r\nt: 1\r\n\r\n";
        let server = Server::start(wire, move |stream, _| trickle(stream, octets)).await;
        let transport = transport_over(wire);
        for _ in 0..2 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            let collected = response.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["t"], "1");
            assert_eq!(collected.to_bytes(), "wellmet");
        }
        assert_eq!(server.accepted(), 1);
    });
}
