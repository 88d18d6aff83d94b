//! The time limits of an exchange over HTTP/1.1. Those of the driver alone are tested on a paused
//! clock, beside it.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::mpsc;
use towline::{
    Error, Transport,
    error::{Kind, Phase, Retry, Scope},
};

use crate::peers::{
    Server, Wire,
    bodies::{Meter, Scripted},
    call, everywhere_http1, get, get_text,
    raw_http1::RawHttp1,
    request, soon, transport_over_with,
};

/// Short, so that the tests are; nothing that is to come within it is left to chance.
const LIMIT: Duration = Duration::from_millis(100);

fn assert_timed_out(error: &Error, phase: Phase, scope: Scope, retry: Retry) {
    assert_eq!(error.kind(), Kind::Timeout(phase));
    assert!(error.is_timeout());
    assert_eq!((error.scope(), error.retry()), (scope, retry));
    assert_eq!(error.stream_id(), None);
}

/// Says these octets to the first request, and nothing more; tells when the client has closed.
async fn silent(wire: Wire, octets: &'static str) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (sender, closed) = mpsc::unbounded_channel();
    let server = Server::start(wire, move |stream, before| {
        let sender = sender.clone();
        async move {
            let mut peer = RawHttp1::new(stream);
            if before > 0 {
                return peer.answer_all("well").await;
            }
            peer.head().await;
            peer.send(octets).await;
            peer.rest().await;
            sender.send(()).expect("the test waits");
        }
    })
    .await;
    (server, closed)
}

/// The connection is gone; the next request has another.
async fn assert_goes_on(
    transport: &Transport,
    (server, mut closed): (Server, mpsc::UnboundedReceiver<()>),
) {
    soon(closed.recv()).await.unwrap();
    assert_eq!(get_text(transport, &server.url("/")).await.unwrap(), "well");
    assert_eq!(server.accepted(), 2);
}

const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";

#[test]
fn a_response_head_that_does_not_come() {
    everywhere_http1(|wire| async move {
        for octets in [
            "",
            "HTTP/1.1 200 OK\r\ncont",
            "HTTP/1.1 103 Early Hints\r\n\r\n",
        ] {
            let (server, closed) = silent(wire, octets).await;
            let transport = transport_over_with(wire, |timeouts| {
                timeouts.response_head = Some(LIMIT);
            });
            let error = get(&transport, &server.url("/")).await.unwrap_err();
            let may_have_done = Retry::IfIdempotent;
            assert_timed_out(&error, Phase::ResponseHead, Scope::Stream, may_have_done);
            assert_goes_on(&transport, (server, closed)).await;
        }
    });
}

#[test]
fn a_body_that_falls_silent() {
    everywhere_http1(|wire| async move {
        let (server, closed) = silent(wire, HALF).await;
        let transport = transport_over_with(wire, |timeouts| timeouts.body_idle = Some(LIMIT));
        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "half");
        let error = body.frame().await.unwrap().unwrap_err();
        let may_have_done = Retry::IfIdempotent;
        assert_timed_out(&error, Phase::BodyIdle, Scope::Stream, may_have_done);
        assert!(body.frame().await.is_none());
        assert_goes_on(&transport, (server, closed)).await;
    });
}

#[test]
fn an_exchange_that_takes_too_long_as_a_whole() {
    everywhere_http1(|wire| async move {
        for octets in ["", HALF] {
            let (server, closed) = silent(wire, octets).await;
            let transport = transport_over_with(wire, |timeouts| timeouts.whole = Some(LIMIT));
            let error = match get(&transport, &server.url("/")).await {
                Ok(response) => response.into_body().collect().await.unwrap_err(),
                Err(error) => error,
            };
            let may_have_done = Retry::IfIdempotent;
            assert_timed_out(&error, Phase::Whole, Scope::Stream, may_have_done);
            drop(transport);
            // Only the closing is looked at: the next request would have the same limit.
            let (_server, mut closed) = (server, closed);
            soon(closed.recv()).await.unwrap();
        }
    });
}

#[test]
fn a_connection_that_does_not_come_free() {
    everywhere_http1(|wire| async move {
        let (server, _closed) = silent(wire, HALF).await;
        let mut timeouts = towline::config::Timeouts::default();
        timeouts.pool_wait = Some(LIMIT);
        let builder = crate::peers::builder_over(wire).timeouts(timeouts);
        let transport = builder.max_connections(1).build();
        let busy = get(&transport, &server.url("/")).await.unwrap();
        let error = call(&transport, request("POST", &server.url("/"))).await;
        assert_timed_out(
            &error.unwrap_err(),
            Phase::PoolWait,
            Scope::Request,
            Retry::Safe,
        );
        drop(busy);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_takes_none_of_our_octets() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            let _held = peer;
            std::future::pending::<()>().await;
        })
        .await;
        let transport = transport_over_with(wire, |timeouts| {
            timeouts.write_progress = Some(LIMIT);
        });
        let meter = Meter::default();
        let body = Scripted::pieces(10_000, 65_536).metered(&meter);
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let error = call(&transport, request).await.unwrap_err();
        let (scope, may_have_done) = (Scope::Connection, Retry::IfIdempotent);
        assert_timed_out(&error, Phase::WriteProgress, scope, may_have_done);
        // What the kernel took, and little more; not the 640 MB of the body.
        assert!(meter.octets() < 64 << 20, "{}", meter.octets());
        assert_eq!(server.accepted(), 1);
    });
}
