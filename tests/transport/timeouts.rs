//! Each time limit that a server can provoke, which it was, and whom it concerns.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use towline::{
    Error, Transport,
    config::Timeouts,
    error::{Initiator, Kind, Phase, Retry, Scope},
    http2::{self, ErrorCode},
};

use crate::peers::{
    Server, Stream, Wire,
    bodies::{Meter, Scripted, pattern},
    builder, call, everywhere, get, get_text, on_threads,
    raw::{self, RawPeer},
    servers::{self, answer, send_all, status},
    tls, transport_with,
};

/// Short, and yet longer than the machine takes for anything.
const LIMIT: Duration = Duration::from_millis(250);

/// The limit that ran out, and what it says of the request.
fn assert_timed_out(error: &Error, phase: Phase, scope: Scope, retry: Retry) {
    assert_eq!(error.kind(), Kind::Timeout(phase));
    assert!(error.is_timeout());
    assert_eq!((error.scope(), error.retry()), (scope, retry));
    let netloc = error.netloc().expect("a netloc").to_string();
    let shown = error.to_string();
    assert!(shown.contains(&netloc), "{shown}");
}

/// A server that holds what it accepts, and reads nothing of it.
async fn mute() -> Server {
    Server::start(Wire::Clear, |stream, _| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await
}

#[test]
fn a_server_that_never_answers_the_tls_handshake() {
    on_threads(1, async {
        let server = mute().await;
        let transport = transport_with(|timeouts| timeouts.connect.tls = Some(LIMIT));
        let url = server.url("/").replace("http:", "https:");
        let error = get(&transport, &url).await.unwrap_err();
        assert_timed_out(&error, Phase::Tls, Scope::Netloc, Retry::Safe);
        assert_eq!(error.addresses(), [server.address]);
    });
}

#[test]
fn a_host_that_never_answers_a_connect() {
    on_threads(1, async {
        // A full backlog: the kernel leaves further SYNs unanswered.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = tokio::task::JoinSet::new();
        for _ in 0..4 {
            filling.spawn(tokio::net::TcpStream::connect(address));
        }
        let mut filled = Vec::new();
        while filled.len() < 2 {
            filled.push(filling.join_next().await.unwrap().unwrap().unwrap());
        }
        let transport = transport_with(|timeouts| timeouts.connect.tcp = Some(LIMIT));
        let error = get(&transport, &format!("http://{address}/"))
            .await
            .unwrap_err();
        assert_timed_out(&error, Phase::Tcp, Scope::Netloc, Retry::Safe);
        assert_eq!(error.addresses(), [address]);
    });
}

#[test]
fn a_slot_that_does_not_come_free() {
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_concurrent_streams(1);
        };
        let server = servers::h2_with(wire, set, |request, mut respond| async move {
            if request.uri().path() == "/slow" {
                tokio::time::sleep(2 * LIMIT).await;
            }
            answer(&mut respond, "well");
        })
        .await;
        let transport = transport_with(|timeouts| timeouts.pool_wait = Some(LIMIT));
        let url = server.url("/");
        get_text(&transport, &url).await.unwrap();
        let slow = get_text(&transport, &server.url("/slow"));
        let (slow, waiting) = tokio::join!(slow, get(&transport, &url));
        let error = waiting.unwrap_err();
        assert_timed_out(&error, Phase::PoolWait, Scope::Request, Retry::Safe);
        // The one who had the slot was not disturbed, and the next has it again.
        assert_eq!(slow.unwrap(), "well");
        assert_eq!(get_text(&transport, &url).await.unwrap(), "well");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_dial_that_takes_longer_than_callers_wait() {
    on_threads(1, async {
        let server = mute().await;
        let transport = transport_with(|timeouts| timeouts.pool_wait = Some(LIMIT));
        let url = server.url("/").replace("http:", "https:");
        let error = get(&transport, &url).await.unwrap_err();
        assert_timed_out(&error, Phase::PoolWait, Scope::Request, Retry::Safe);
    });
}

#[test]
fn settings_that_are_never_acknowledged() {
    // RFC 9113 §6.5.3: SETTINGS_TIMEOUT.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::accept(stream).await;
            peer.settings(&[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            let goaway = peer.expect(raw::GOAWAY).await;
            let code = ErrorCode::SETTINGS_TIMEOUT.as_u32();
            assert_eq!(goaway.payload[4..8], code.to_be_bytes());
        })
        .await;
        let mut config = http2::Config::default();
        config.settings_timeout = Some(LIMIT);
        let transport = builder().http2(config).build();
        let response = get(&transport, &server.url("/")).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        let may_have_done = Retry::IfIdempotent;
        assert_timed_out(&error, Phase::Settings, Scope::Connection, may_have_done);
        assert_eq!(error.code(), Some(ErrorCode::SETTINGS_TIMEOUT));
        assert_eq!(error.initiator(), Some(Initiator::Local));
    });
}

/// Opens every window, and answers one request, so that the client knows it.
async fn deafen(stream: Stream) -> RawPeer {
    let settings = [(raw::INITIAL_WINDOW_SIZE, 0x7fff_ffff)];
    let mut peer = RawPeer::handshake(stream, &settings).await;
    let widest = (0x7fff_ffff_u32 - 65_535).to_be_bytes();
    peer.send(raw::WINDOW_UPDATE, 0, 0, &widest).await;
    let warm = peer.request().await;
    peer.head(warm, raw::END_STREAM).await;
    peer
}

#[test]
fn a_server_that_takes_none_of_our_octets() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let _held = deafen(stream).await;
            std::future::pending::<()>().await;
        })
        .await;
        let transport = transport_with(|timeouts| timeouts.write_progress = Some(LIMIT));
        get(&transport, &server.url("/")).await.unwrap();
        let meter = Meter::default();
        let body = Scripted::pieces(10_000, 65_536).metered(&meter);
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let error = call(&transport, request).await.unwrap_err();
        let may_have_done = Retry::IfIdempotent;
        assert_timed_out(
            &error,
            Phase::WriteProgress,
            Scope::Connection,
            may_have_done,
        );
        // What the kernel took, and little more; not the 640 MB of the body.
        assert!(meter.octets() < 64 << 20, "{}", meter.octets());
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_slow_server_that_takes_something_is_waited_for() {
    // More than the kernel keeps for both sides, taken in steps well within the limit.
    const SIZE: usize = 48 << 20;
    const STEPS: u32 = 15;
    let limit = 4 * LIMIT;
    everywhere(|wire| async move {
        let server = Server::start(wire, move |stream, _| async move {
            let mut peer = deafen(stream).await;
            let stream = peer.request().await;
            let (mut octets, mut pause) = (0, 0);
            while octets < SIZE {
                if octets >= pause {
                    tokio::time::sleep(limit / 10).await;
                    pause += SIZE / STEPS as usize;
                }
                octets += peer.expect(raw::DATA).await.payload.len();
            }
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        })
        .await;
        let transport = transport_with(|timeouts| timeouts.write_progress = Some(limit));
        get(&transport, &server.url("/")).await.unwrap();
        let begin = Instant::now();
        let body = Scripted::pieces(SIZE >> 16, 1 << 16);
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        assert_eq!(call(&transport, request).await.unwrap().status(), 200);
        assert!(begin.elapsed() > limit);
    });
}

/// Resets the stream that it is told of, and notes with what.
async fn silent(wire: Wire, has_head: bool) -> (Server, tokio::sync::mpsc::Receiver<u32>) {
    let (sender, resets) = tokio::sync::mpsc::channel(8);
    let server = Server::start(wire, move |stream, _| {
        let sender = sender.clone();
        async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            if has_head {
                peer.head(stream, 0).await;
                peer.send(raw::DATA, 0, stream, b"some").await;
            }
            let reset = peer.expect(raw::RST_STREAM).await;
            sender.send(reset.number()).await.unwrap();
            // The connection goes on.
            let next = peer.request().await;
            peer.head(next, raw::END_STREAM).await;
            peer.rest().await;
        }
    })
    .await;
    (server, resets)
}

async fn assert_goes_on(transport: &Transport, server: &Server) {
    let response = get(transport, &server.url("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_response_head_that_does_not_come() {
    everywhere(|wire| async move {
        let (server, mut resets) = silent(wire, false).await;
        let transport = transport_with(|timeouts| timeouts.response_head = Some(LIMIT));
        let error = get(&transport, &server.url("/")).await.unwrap_err();
        let may_have_done = Retry::IfIdempotent;
        assert_timed_out(&error, Phase::ResponseHead, Scope::Stream, may_have_done);
        assert_eq!(resets.recv().await, Some(ErrorCode::CANCEL.as_u32()));
        assert_goes_on(&transport, &server).await;
    });
}

#[test]
fn a_body_that_falls_silent() {
    everywhere(|wire| async move {
        let (server, mut resets) = silent(wire, true).await;
        let transport = transport_with(|timeouts| timeouts.body_idle = Some(LIMIT));
        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "some");
        // A caller who does not ask does not wait.
        tokio::time::sleep(2 * LIMIT).await;
        assert!(futures_util::poll!(body.frame()).is_pending());
        let error = body.frame().await.unwrap().unwrap_err();
        let may_have_done = Retry::IfIdempotent;
        assert_timed_out(&error, Phase::BodyIdle, Scope::Stream, may_have_done);
        assert!(body.frame().await.is_none());
        assert_eq!(resets.recv().await, Some(ErrorCode::CANCEL.as_u32()));
        assert_goes_on(&transport, &server).await;
    });
}

#[test]
fn an_exchange_that_takes_too_long_as_a_whole() {
    everywhere(|wire| async move {
        for has_head in [false, true] {
            let (server, mut resets) = silent(wire, has_head).await;
            let transport = transport_with(|timeouts| timeouts.whole = Some(LIMIT));
            let error = match get(&transport, &server.url("/")).await {
                Ok(response) => response.into_body().collect().await.unwrap_err(),
                Err(error) => error,
            };
            let may_have_done = Retry::IfIdempotent;
            assert_timed_out(&error, Phase::Whole, Scope::Stream, may_have_done);
            assert_eq!(error.stream_id().is_some(), has_head);
            assert_eq!(resets.recv().await, Some(ErrorCode::CANCEL.as_u32()));
            assert_goes_on(&transport, &server).await;
        }
    });
}

#[test]
fn a_body_that_never_pauses_is_limited_as_a_whole_too() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            let mut body = respond.send_response(status(200), false).unwrap();
            let data = pattern(1 << 20);
            while send_all(&mut body, data.clone(), false).await == data.len() {}
        })
        .await;
        let transport = transport_with(|timeouts| timeouts.whole = Some(LIMIT));
        let begin = Instant::now();
        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        let error = loop {
            if let Err(error) = body.frame().await.expect("no end") {
                break error;
            }
        };
        assert_eq!(error.kind(), Kind::Timeout(Phase::Whole));
        assert!(begin.elapsed() >= LIMIT);
    });
}

#[test]
fn a_whole_limit_includes_the_wait_for_a_connection() {
    on_threads(1, async {
        let server = mute().await;
        let transport = transport_with(|timeouts| timeouts.whole = Some(LIMIT));
        let url = server.url("/").replace("http:", "https:");
        let error = get(&transport, &url).await.unwrap_err();
        // Nothing was sent.
        assert_timed_out(&error, Phase::Whole, Scope::Request, Retry::Safe);
    });
}

#[test]
fn no_limit_runs_out_where_all_is_well() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "well");
        })
        .await;
        let mut timeouts = Timeouts::default();
        let long = Some(Duration::from_secs(30));
        timeouts.response_head = long;
        timeouts.body_idle = long;
        timeouts.whole = long;
        let transport = builder().tls(tls::trusting()).timeouts(timeouts).build();
        for _ in 0..50 {
            assert_eq!(
                get_text(&transport, &server.url("/")).await.unwrap(),
                "well"
            );
        }
    });
}
