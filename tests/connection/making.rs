//! How a connection is made: explicitly or with the first request, once for all who wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Response, Version};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::service_fn;
use towline::{
    Http1Connection, Http2Connection, HttpHeaderMap,
    config::Timeouts,
    connect::{Alpn, Connected, Destination},
    connection::Negotiated,
    error::{Kind, Phase, Retry, Scope},
};

use crate::{
    peers::{Server, Wire, everywhere, on_threads, over_either, raw::RawPeer, servers, tls},
    support::{NONE, Pipes, call, get, is_ready, never, ready, text, through, to, to_http1},
};

async fn greeting(wire: Wire) -> Server {
    servers::hyper(wire, async |_| Response::new(Full::new(Bytes::from("hi")))).await
}

/// C2-01, C2-03, C2-06: nothing is dialed before it is asked for, and then once.
#[test]
fn connecting_is_idempotent() {
    everywhere(|wire| async move {
        let server = greeting(wire).await;
        let connection = to(&server).build().unwrap();
        assert_eq!(connection.host(), "127.0.0.1");
        assert_eq!(connection.port(), server.address.port());
        assert_eq!(connection.netloc().scheme().as_str(), wire.scheme());
        assert_eq!(connection.version(), Version::HTTP_2);
        assert!(connection.info().is_none() && connection.peer_settings().is_none());
        assert!(!connection.is_closed() && !connection.is_draining());
        assert_eq!(connection.open_streams(), 0);
        assert_eq!(server.accepted(), 0);

        let attempts = (0..10).map(|_| connection.connect());
        for attempt in join_all(attempts).await {
            attempt.unwrap();
        }
        connection.connect().await.unwrap();
        let info = connection.info().unwrap();
        assert_eq!(info.remote_addr(), Some(server.address));
        assert_eq!(info.alpn() == &Alpn::Http2, wire.is_tls());
        assert!(!info.is_reused());
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        connection.response(id).await.unwrap();
        assert!(connection.info().unwrap().is_reused());
        assert!(connection.peer_settings().is_some());
        assert_eq!(server.accepted(), 1);
    });
}

/// C2-07: the first request connects, and those beside it wait for the same dial.
#[test]
fn the_first_request_connects() {
    over_either(|wire| async move {
        let server = greeting(wire).await;
        if wire.is_http1() {
            let connection = to_http1(&server).build().unwrap();
            let calls = (0..5)
                .map(|_| async { text(connection.send_request(get("/")).await.unwrap()).await });
            assert!(join_all(calls).await.iter().all(|text| text == "hi"));
        } else {
            let connection = to(&server).build().unwrap();
            let calls = (0..5).map(|_| async {
                let id = connection.request("GET", "/", (), NONE).await.unwrap();
                text(connection.response(id).await.unwrap()).await
            });
            assert!(join_all(calls).await.iter().all(|text| text == "hi"));
            let mut other = to(&server).build().unwrap();
            ready(&mut other).await.unwrap();
            assert_eq!(other.open_streams(), 1);
            assert!(other.info().is_some());
            call(&mut other, "/").await.unwrap();
            assert_eq!(server.accepted(), 2);
            return;
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// A dial that is waited for, and how often it was made.
fn held(dials: &Arc<AtomicUsize>, release: &Arc<tokio::sync::Semaphore>) -> Http2Connection {
    let (dials, release) = (Arc::clone(dials), Arc::clone(release));
    let connector = service_fn(move |_: Destination| {
        dials.fetch_add(1, Ordering::SeqCst);
        let release = Arc::clone(&release);
        async move {
            release.acquire().await.expect("never closed").forget();
            Err::<Connected, _>("refused")
        }
    });
    let builder = Http2Connection::builder("http://server.test");
    builder.connector(connector).build().unwrap()
}

/// C2-06: one attempt for all, which outlives the one who began it; a failure is theirs alone.
#[test]
fn a_failed_dial_is_told_to_all_who_waited_and_made_anew() {
    on_threads(1, async {
        let dials = Arc::new(AtomicUsize::new(0));
        let release = Arc::new(tokio::sync::Semaphore::new(0));
        let connection = held(&dials, &release);
        let mut first = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut first).is_pending());
        let mut second = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut second).is_pending());
        let mut request = Box::pin(connection.request("GET", "/", (), NONE));
        assert!(futures_util::poll!(&mut request).is_pending());
        let mut waiting = connection.clone();
        assert!(!is_ready(&mut waiting).await);
        let mut gone = connection.clone();
        assert!(!is_ready(&mut gone).await);
        drop((first, gone));
        release.add_permits(1);
        let errors = [
            second.await.unwrap_err(),
            request.await.unwrap_err(),
            ready(&mut waiting).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.retry()), (Kind::Connect, Retry::Safe));
            assert_eq!(error.scope(), Scope::Netloc);
            assert_eq!(crate::peers::root(&error).to_string(), "refused");
        }
        assert_eq!(dials.load(Ordering::SeqCst), 1);
        assert!(!connection.is_closed());
        release.add_permits(1);
        assert_eq!(
            connection.connect().await.unwrap_err().kind(),
            Kind::Connect
        );
        assert_eq!(dials.load(Ordering::SeqCst), 2);
    });
}

/// Closed before it is made, a connection never is.
#[test]
fn a_connection_that_is_closed_first_is_never_made() {
    on_threads(1, async {
        let mut pipes = Pipes::new(1);
        let connection = through(&pipes).build().unwrap();
        connection.close().await;
        assert!(connection.is_closed() && connection.is_draining());
        let error = connection.connect().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Closed);
        assert_eq!(connection.why_closed().unwrap().kind(), Kind::Closed);
        assert_eq!(pipes.used(), 0);

        // While it is dialed: whoever waits is told, and the stream that comes is closed.
        let connection = through(&pipes).build().unwrap();
        let mut waiting = connection.clone();
        assert!(!is_ready(&mut waiting).await);
        let mut connecting = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut connecting).is_pending());
        connection.close_now(towline::http2::ErrorCode::NO_ERROR);
        connection.closed().await;
        assert_eq!(ready(&mut waiting).await.unwrap_err().kind(), Kind::Closed);
        assert_eq!(connecting.await.unwrap_err().kind(), Kind::Closed);
        let mut rest = Vec::new();
        let mut server = pipes.server();
        server.read_to_end(&mut rest).await.unwrap();
    });
}

/// A handle that goes while its dial is under way leaves nothing behind.
#[test]
fn a_dial_that_nobody_waits_for_any_more_comes_to_nothing() {
    on_threads(1, async {
        let mut pipes = Pipes::new(1);
        let connection = through(&pipes).build().unwrap();
        let mut connecting = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut connecting).is_pending());
        drop(connecting);
        drop(connection);
        let mut server = pipes.server();
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
    });
}

/// The wait for a dial is bounded as the wait for a stream is.
#[tokio::test(start_paused = true)]
async fn the_wait_for_a_dial_is_bounded() {
    let connector = service_fn(|_: Destination| async {
        std::future::pending::<()>().await;
        Err::<Connected, towline::error::BoxError>("never".into())
    });
    let mut timeouts = Timeouts::default();
    timeouts.pool_wait = Some(Duration::from_secs(3));
    let builder = Http2Connection::builder("http://server.test").connector(connector);
    let connection = builder.timeouts(timeouts).build().unwrap();
    let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
    assert_eq!(error.retry(), Retry::Safe);
}

/// A dial dies with the runtime that it was begun on.
#[test]
fn a_runtime_that_shuts_down_ends_the_wait() {
    let connection = held(&Arc::default(), &Arc::new(tokio::sync::Semaphore::new(0)));
    let doomed = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    doomed.block_on(async {
        let mut connecting = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut connecting).is_pending());
    });
    on_threads(1, async move {
        let mut connecting = Box::pin(connection.connect());
        assert!(futures_util::poll!(&mut connecting).is_pending());
        doomed.shutdown_background();
        assert_eq!(connecting.await.unwrap_err().kind(), Kind::Shutdown);
    });
}

/// Without a runtime there is an error, and no panic.
#[test]
fn without_a_runtime_there_is_an_error() {
    let connection = Http2Connection::new("http://server.test").unwrap();
    let mut future = connection.send_request(get("/"));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = std::pin::Pin::new(&mut future).poll(&mut cx);
    let std::task::Poll::Ready(Err(error)) = polled else {
        panic!("{polled:?}");
    };
    assert_eq!((error.kind(), error.retry()), (Kind::Shutdown, Retry::Safe));
}

/// C2-02, H1-01: what is no server shows when the connection is built.
#[test]
fn junk_is_no_server() {
    for text in ["a:0", "a:b", "", "a/b"] {
        assert_eq!(
            Http2Connection::new(text).unwrap_err().kind(),
            Kind::Uri,
            "{text}"
        );
        assert_eq!(
            Http1Connection::new(text).unwrap_err().kind(),
            Kind::Uri,
            "{text}"
        );
    }
    let contradiction = Http1Connection::builder("https://a").secure(false).build();
    assert_eq!(contradiction.unwrap_err().kind(), Kind::Scheme);
}

/// C2-02, C2-05, H1-01: default ports and TLS.
#[test]
fn defaults_are_those_of_the_protocol() {
    let shown = |netloc: &towline::Netloc| netloc.to_string();
    let http2 = |text: &str| shown(Http2Connection::new(text).unwrap().netloc());
    assert_eq!(http2("a"), "https://a");
    assert_eq!(http2("a:80"), "https://a:80");
    assert_eq!(http2("::1"), "https://[::1]");
    let known = Http2Connection::builder("a")
        .http2_prior_knowledge(true)
        .build();
    assert_eq!(shown(known.unwrap().netloc()), "http://a");
    let port = Http2Connection::builder("a:8").port(9).build().unwrap();
    assert_eq!(shown(port.netloc()), "https://a:9");

    let http1 = |text: &str| {
        let connection = Http1Connection::new(text).unwrap();
        assert_eq!(connection.version(), Version::HTTP_11);
        (shown(connection.netloc()), connection.is_secure())
    };
    assert_eq!(http1("a"), ("http://a".into(), false));
    assert_eq!(http1("a:443"), ("https://a".into(), true));
    assert_eq!(http1("a:8443"), ("http://a:8443".into(), false));
    assert_eq!(http1("https://a:8"), ("https://a:8".into(), true));
    let secure = |builder: towline::connection::ConnectionBuilder<Http1Connection>| {
        let connection = builder.build().unwrap();
        (connection.port(), connection.is_secure())
    };
    assert_eq!(
        secure(Http1Connection::builder("a").secure(true)),
        (443, true)
    );
    assert_eq!(
        secure(Http1Connection::builder("a:443").secure(false)),
        (443, false)
    );
    assert_eq!(
        secure(Http1Connection::builder("[::1]").port(443)),
        (443, true)
    );
    assert_eq!(Http1Connection::new("[::1]:8").unwrap().host(), "::1");
}

/// C2-06, EX-14: a server that does not choose HTTP/2, or speaks something else.
#[test]
fn a_server_of_another_protocol_is_an_error() {
    on_threads(1, async {
        let server = greeting(Wire::TlsHttp1).await;
        let error = to(&server).connect().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Alpn, Retry::Never));
        assert_eq!(error.netloc().unwrap().port(), server.address.port());

        let mut pipes = Pipes::new(1);
        let connection = through(&pipes).connect().await.unwrap();
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        let mut server = pipes.server();
        let refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        server.write_all(refusal).await.unwrap();
        let error = connection.response(id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::NotHttp2, Retry::Never)
        );
    });
}

/// LR-01: whichever the server chooses.
#[test]
fn a_negotiated_connection_is_what_the_server_likes() {
    over_either(|wire| async move {
        if wire == Wire::Clear {
            // Nothing is negotiated in cleartext, and this server speaks HTTP/2 alone.
            return;
        }
        let server = greeting(wire).await;
        let builder = Negotiated::builder(server.url("/"))
            .tls(tls::trusting())
            .keep_fields(true);
        let mut connection = builder.connect().await.unwrap();
        let (http1, http2) = match &connection {
            Negotiated::Http1(_) => (true, false),
            Negotiated::Http2(_) => (false, true),
        };
        assert_eq!((http1, http2), (wire.is_http1(), !wire.is_http1()));
        let version = if http1 {
            Version::HTTP_11
        } else {
            Version::HTTP_2
        };
        assert_eq!(connection.version(), version);
        assert_eq!(connection.netloc().port(), server.address.port());
        assert_eq!(tower::load::Load::load(&connection), 0);
        ready(&mut connection).await.unwrap();
        assert_eq!(tower::load::Load::load(&connection), 1);
        let response = call(&mut connection, "/").await.unwrap();
        assert_eq!(response.version(), version);
        assert!(response.extensions().get::<HttpHeaderMap>().is_some());
        assert_eq!(text(response).await, "hi");
    });
}

/// An error of a connector of one's own is the source of ours.
#[test]
fn a_connector_of_ones_own_is_used() {
    on_threads(1, async {
        let mut pipes = Pipes::new(1);
        let connection = through(&pipes).connect().await.unwrap();
        let mut peer = RawPeer::accept(Box::new(pipes.server())).await;
        peer.settings(&[]).await;
        assert_eq!(pipes.used(), 0);
        drop(connection);
        let error = through(&pipes).connect().await.unwrap_err();
        assert_eq!(
            crate::peers::root(&error).to_string(),
            "there are no more pipes"
        );
        let infallible =
            |_: Destination| async { Err::<Connected, _>(std::io::Error::other("no")) };
        let builder = Http1Connection::builder("a").connector(service_fn(infallible));
        assert_eq!(builder.connect().await.unwrap_err().kind(), Kind::Connect);
        let _: fn(std::convert::Infallible) -> towline::Error = never;
    });
}
