//! Servers that are broken or hostile: each breaks its own exchange, and nothing else; none costs
//! memory or time without bound.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http_body_util::BodyExt;
use towline::{
    Error,
    error::{Kind, Retry, Scope},
    http1::Violation as V,
};

use crate::peers::{
    Server, Wire, everywhere_http1, get, get_text, raw_http1::RawHttp1, root, transport_over,
};

/// What comes of a GET, be it in head or body.
async fn outcome(wire: Wire, octets: &'static [u8]) -> Error {
    let server = Server::start(wire, move |stream, before| async move {
        let mut peer = RawHttp1::new(stream);
        if before > 0 {
            return peer.answer_all("well").await;
        }
        peer.head().await;
        peer.send(octets).await;
        // It is the client that closes.
        assert_eq!(peer.rest().await, b"");
    })
    .await;
    let transport = transport_over(wire);
    let shown = octets.escape_ascii();
    let error = match get(&transport, &server.url("/")).await {
        Ok(response) => response.into_body().collect().await.err(),
        Err(error) => Some(error),
    };
    let error = error.unwrap_or_else(|| panic!("\"{shown}\" was taken"));
    // The next request has a connection of its own, and is well.
    assert_eq!(
        get_text(&transport, &server.url("/")).await.unwrap(),
        "well"
    );
    assert_eq!(server.accepted(), 2, "\"{shown}\"");
    error
}

macro_rules! chunked {
    ($chunks:literal) => {
        concat!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            $chunks
        )
        .as_bytes()
    };
}

/// What a server says, and what is wrong with it.
const MALFORMED: &[(&[u8], V)] = &[
    (b"\x16\x03\x01\x00\xa5", V::NotHttp),
    (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", V::NotHttp),
    (b"<html>no head</html>", V::NotHttp),
    (b"\r\nHTTP/1.1 200 OK\r\n\r\n", V::NotHttp),
    (b"HTTP/2 200 OK\r\n\r\n", V::Version),
    (b"HTTP/1.2 200 OK\r\n\r\n", V::Version),
    (b"HTTP/1.1 20 OK\r\n\r\n", V::StatusLine),
    (b"HTTP/1.1 099 Low\r\n\r\n", V::StatusLine),
    (b"HTTP/1.1 200 OK\rX: y\r\n\r\n", V::BareCr),
    (
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        V::LineFolding,
    ),
    (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", V::SpaceBeforeColon),
    (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", V::FieldName),
    (b"HTTP/1.1 200 OK\r\n: none\r\n\r\n", V::FieldName),
    (b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", V::FieldValue),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        V::LengthInvalid,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
        V::LengthInvalid,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        V::LengthInvalid,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        V::LengthAndCoding,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        V::CodingUnknown,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nx",
        V::CodingUnknown,
    ),
    (
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        V::CodingInHttp10,
    ),
    (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        V::SwitchingUnasked,
    ),
    (chunked!("0x2\r\nhi\r\n0\r\n\r\n"), V::ChunkSize),
    (chunked!("-1\r\n\r\n"), V::ChunkSize),
    (chunked!("\r\n\r\n"), V::ChunkSize),
    (chunked!("10000000000000000\r\n"), V::ChunkSizeOverflow),
    (chunked!("2\r\nhi!\r\n0\r\n\r\n"), V::ChunkEnd),
    (chunked!("2\nhi\r\n0\r\n\r\n"), V::BareLf),
    (chunked!("2;\x01\r\nhi\r\n0\r\n\r\n"), V::ChunkExtension),
    (chunked!("0\r\nt : 1\r\n\r\n"), V::SpaceBeforeColon),
    (chunked!("0\r\nt: 1\n\n"), V::BareLf),
];

#[test]
fn malformed_responses_end_their_connection_and_say_why() {
    everywhere_http1(|wire| async move {
        for (octets, violation) in MALFORMED {
            let shown = octets.escape_ascii();
            let error = outcome(wire, octets).await;
            assert_eq!(root(&error).downcast_ref(), Some(violation), "\"{shown}\"");
            assert_eq!(error.kind(), Kind::MalformedResponse);
            assert_eq!(error.scope(), Scope::Connection);
            assert_eq!(error.retry(), Retry::IfIdempotent);
        }
    });
}

/// Says `first`, then `more` until the client has had enough; how many octets it took, and what the
/// caller is told.
async fn flood(wire: Wire, first: &'static str, more: &'static str) -> (usize, Error) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let server = Server::start(wire, move |stream, before| {
        let counted = Arc::clone(&counted);
        async move {
            let mut peer = RawHttp1::new(stream);
            if before > 0 {
                return peer.answer_all("well").await;
            }
            peer.head().await;
            peer.send(first).await;
            let more = more.repeat(4_096_usize.div_ceil(more.len()));
            while peer.try_send(&more).await {
                counted.fetch_add(more.len(), Ordering::SeqCst);
                // The reader has its turn between two pieces: what is counted is what it let in.
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let transport = transport_over(wire);
    let error = match get(&transport, &server.url("/")).await {
        Ok(response) => response.into_body().collect().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(
        get_text(&transport, &server.url("/")).await.unwrap(),
        "well"
    );
    (taken.load(Ordering::SeqCst), error)
}

#[test]
fn what_never_ends_is_ended() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: &[(&str, &str, &[V])] = &[
        ("HTTP/1.1 200 ", "x", &[V::HeadTooLarge]),
        ("HTTP/1.1 200 OK\r\n", "x", &[V::HeadTooLarge]),
        ("HTTP/1.1 200 OK\r\n", "a: b\r\n", &[V::HeadTooLarge]),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n", &[V::InterimFlood]),
        (CHUNKED, "0", &[V::ChunkLineTooLong]),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;",
            "x",
            &[V::ChunkLineTooLong],
        ),
        (
            CHUNKED,
            "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n",
            &[V::ExtensionFlood],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            "a: b\r\n",
            &[V::TrailersTooLarge],
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            "x",
            &[V::TrailersTooLarge],
        ),
    ];
    everywhere_http1(|wire| async move {
        for (first, more, violations) in cases {
            let (taken, error) = flood(wire, first, more).await;
            assert_eq!(error.kind(), Kind::MalformedResponse, "{first}{more}");
            let violation = root(&error).downcast_ref().expect("a violation");
            assert!(violations.contains(violation), "{first}{more}: {violation}");
            // The limits are 64 KiB and less; the rest is what kernel and TLS took.
            assert!(taken < 16 << 20, "{first}{more}: {taken} octets");
        }
    });
}

#[test]
fn many_fields_are_refused_however_small() {
    everywhere_http1(|wire| async move {
        let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
        for index in 0..257 {
            head += &format!("f{index}: v\r\n");
        }
        head += "\r\n";
        let error = outcome(wire, head.leak().as_bytes()).await;
        assert_eq!(root(&error).downcast_ref(), Some(&V::FieldCount));
    });
}

#[test]
fn octets_of_another_protocol_do_not_hang_a_request() {
    // A server that expects TLS, and one that greets first.
    everywhere_http1(|wire| async move {
        for greeting in [
            &b"\x15\x03\x01\x00\x02\x02\x46"[..],
            b"220 smtp.test ESMTP\r\n",
        ] {
            let server = Server::start(wire, move |stream, _| async move {
                let mut peer = RawHttp1::new(stream);
                peer.send(greeting).await;
                peer.rest().await;
            })
            .await;
            let error = get(&transport_over(wire), &server.url("/"))
                .await
                .unwrap_err();
            // Before the request is out nobody asked for it; after that it is no answer.
            assert!(
                matches!(error.kind(), Kind::Closed | Kind::MalformedResponse),
                "{error:?}"
            );
            assert!(server.accepted() <= 4);
        }
    });
}
