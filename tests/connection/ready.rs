//! Connections as tower services: slots that are reserved, passed on and given back, and the load.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use tower::{
    Service, ServiceExt, balance::p2c::Balance, discover::ServiceList, load::Load,
    ready_cache::ReadyCache,
};
use towline::{
    Error, Http2Connection,
    config::Timeouts,
    error::{Kind, Phase, Retry},
    http2::{ErrorCode, StreamId},
};

use crate::{
    peers::{
        Wire, on_threads,
        raw::{END_STREAM, HEADERS, MAX_CONCURRENT_STREAMS, RST_STREAM},
        servers,
    },
    support::{NONE, call, get, is_ready, number, raw, raw_by, raw_http1, ready, to},
};

/// A slot is one clone's, until its stream has ended.
#[test]
fn a_slot_is_reserved_for_one_clone_alone() {
    on_threads(1, async {
        let (mut first, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        assert_eq!(first.peer_settings().unwrap().max_concurrent_streams, 1);
        let mut second = first.clone();
        assert!(is_ready(&mut first).await);
        // Again: it is the same slot.
        assert!(is_ready(&mut first).await);
        assert_eq!((first.load(), second.load()), (1, 1));
        assert!(!is_ready(&mut second).await);

        let response = tokio::spawn(call(&mut first, "/"));
        assert_eq!(peer.request().await, 1);
        assert!(!is_ready(&mut second).await);
        assert!(!is_ready(&mut first).await, "it has used its own");
        peer.head(1, END_STREAM).await;
        response.await.unwrap().unwrap();
        ready(&mut second).await.unwrap();
        assert!(!is_ready(&mut first).await);
    });
}

/// Whoever leaves, gives back: a clone with a reservation, one that waits, and a call that nobody polls.
#[test]
fn what_is_dropped_gives_its_slot_to_the_next() {
    on_threads(1, async {
        let (mut first, _peer) = raw(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let clones = [(); 4].map(|()| first.clone());
        let [mut second, mut third, mut fourth, mut fifth] = clones;
        assert!(is_ready(&mut first).await);
        for clone in [&mut second, &mut third, &mut fourth, &mut fifth] {
            assert!(!is_ready(clone).await);
        }
        // The second in the line leaves while it waits.
        drop(second);
        drop(first);
        assert_eq!(
            third.open_streams(),
            1,
            "the slot is the third's before it looks"
        );
        assert!(!is_ready(&mut fourth).await);
        // It leaves with a slot that it has not looked for.
        drop(third);
        ready(&mut fourth).await.unwrap();
        drop(call(&mut fourth, "/"));
        ready(&mut fifth).await.unwrap();
        drop(fifth);
        assert_eq!(fourth.open_streams(), 0);
    });
}

/// First come, first served: a slot that comes free is not for whoever asks at that moment.
#[test]
fn those_who_wait_are_served_in_order() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 2)]).await;
        let first = connection.request("GET", "/", (), NONE).await.unwrap();
        let second = connection.request("GET", "/", (), NONE).await.unwrap();
        let mut waiting: Vec<_> = (0..4).map(|_| connection.clone()).collect();
        for clone in &mut waiting {
            assert!(!is_ready(clone).await);
        }
        // A future and a request stand in the same line.
        let mut future = Box::pin(connection.send_request(get("/")));
        assert!(futures_util::poll!(&mut future).is_pending());
        let mut late = connection.clone();

        connection.cancel(first, ErrorCode::CANCEL);
        assert_eq!(peer.expect(RST_STREAM).await.stream, 1);
        ready(&mut waiting[0]).await.unwrap();
        for clone in &mut waiting[1..] {
            assert!(!is_ready(clone).await);
        }
        assert!(!is_ready(&mut late).await);
        connection.cancel(second, ErrorCode::CANCEL);
        drop(waiting.remove(0));
        for clone in &mut waiting[..2] {
            ready(clone).await.unwrap();
        }
        assert!(!is_ready(&mut waiting[2]).await);
        drop(waiting);
        assert!(futures_util::poll!(&mut future).is_pending());
        assert_eq!(peer.expect(HEADERS).await.stream, 1);
        assert_eq!(peer.expect(HEADERS).await.stream, 3);
        assert_eq!(peer.expect(HEADERS).await.stream, 5, "the future's");
        ready(&mut late).await.unwrap();
    });
}

/// RFC 9113 §6.5.2: a limit of 0 is none for ever.
#[test]
fn a_limit_that_is_raised_lets_those_go_who_wait() {
    on_threads(1, async {
        let (mut first, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 0)]).await;
        let (mut second, mut third) = (first.clone(), first.clone());
        for clone in [&mut first, &mut second, &mut third] {
            assert!(!is_ready(clone).await);
        }
        peer.settings(&[(MAX_CONCURRENT_STREAMS, 2)]).await;
        ready(&mut first).await.unwrap();
        ready(&mut second).await.unwrap();
        assert!(!is_ready(&mut third).await);
        // Lowered: what is reserved stays, and what comes free is not given out.
        peer.settings(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        peer.until_quiet().await;
        drop(first);
        assert!(!is_ready(&mut third).await);
        drop(second);
        ready(&mut third).await.unwrap();
    });
}

/// RFC 9113 §6.8: nobody waits for a stream that will not be.
#[test]
fn goaway_ends_reservations_and_the_wait_for_them() {
    on_threads(1, async {
        let (mut reserved, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 2)]).await;
        let mut waiting = reserved.clone();
        let id = reserved.request("GET", "/", (), NONE).await.unwrap();
        ready(&mut reserved).await.unwrap();
        let mut called = waiting.clone();
        let wait = tokio::spawn(async move { ready(&mut waiting).await });
        let mut queued = Box::pin(called.send_request(get("/")));
        assert!(futures_util::poll!(&mut queued).is_pending());
        tokio::task::yield_now().await;
        peer.goaway(1, number(ErrorCode::ENHANCE_YOUR_CALM), b"enough")
            .await;

        let unsent = |error: Error| {
            assert_eq!((error.kind(), error.retry()), (Kind::GoAway, Retry::Safe));
            assert_eq!(error.code(), Some(ErrorCode::ENHANCE_YOUR_CALM));
            assert_eq!(error.netloc().unwrap().host(), "server.test");
        };
        unsent(wait.await.unwrap().unwrap_err());
        unsent(queued.await.unwrap_err());
        assert!(reserved.is_draining() && !reserved.is_closed());
        // A slot that was reserved before is worth nothing now, whether it is asked after or used.
        unsent(ready(&mut reserved).await.unwrap_err());
        unsent(ready(&mut called).await.unwrap_err());
        unsent(called.request("GET", "/", (), NONE).await.unwrap_err());
        // The request that the peer knows goes on (C2-40).
        peer.head(1, END_STREAM).await;
        called.response(id).await.unwrap();
        called.closed().await;
        assert!(called.is_closed());
        unsent(called.why_closed().unwrap());
    });
}

#[test]
fn a_call_in_a_slot_that_goaway_took_away_fails_unsent() {
    on_threads(1, async {
        let (mut connection, mut peer) = raw(&[]).await;
        let other = connection.request("GET", "/", (), NONE).await.unwrap();
        ready(&mut connection).await.unwrap();
        peer.goaway(1, 0, b"").await;
        peer.until_quiet().await;
        let error = call(&mut connection, "/").await.unwrap_err();
        assert_eq!(error.retry(), Retry::Safe);
        peer.head(1, END_STREAM).await;
        connection.response(other).await.unwrap();
    });
}

/// Without `poll_ready`, the call's future waits, and no longer than `pool_wait`.
#[tokio::test(start_paused = true)]
async fn a_call_without_a_reservation_waits_in_its_future() {
    let mut timeouts = Timeouts::default();
    timeouts.pool_wait = Some(std::time::Duration::from_secs(5));
    let limit = [(MAX_CONCURRENT_STREAMS, 1)];
    let (mut connection, mut peer) = raw_by(&limit, |builder| builder.timeouts(timeouts)).await;
    let first = connection.request("GET", "/", (), NONE).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = call(&mut connection, "/").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (Kind::Timeout(Phase::PoolWait), Retry::Safe)
    );
    let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
    assert_eq!(start.elapsed().as_secs(), 10);
    // A reservation is waited for as long as it takes.
    let wait = ready(&mut connection);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(600), wait).await;
    assert!(waited.is_err());
    peer.head(1, END_STREAM).await;
    connection.response(first).await.unwrap();
    ready(&mut connection).await.unwrap();
    assert_eq!(connection.open_streams(), 1, "nobody else has taken any");
}

/// One exchange at a time is one slot.
#[test]
fn a_connection_of_http1_is_one_slot() {
    on_threads(1, async {
        let (mut first, mut peer) = raw_http1().await;
        let mut second = first.clone();
        assert_eq!(first.load(), 0);
        assert!(is_ready(&mut first).await);
        assert_eq!(first.load(), 1);
        assert!(!is_ready(&mut second).await);
        let response = tokio::spawn(call(&mut first, "/"));
        peer.head().await;
        peer.answer("a").await;
        let response = response.await.unwrap().unwrap();
        ready(&mut second).await.unwrap();
        drop(response);
        let mut third = first.clone();
        assert!(!is_ready(&mut third).await);
        drop(second);
        ready(&mut third).await.unwrap();
    });
}

async fn three(server: &crate::peers::Server) -> Vec<Http2Connection> {
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(to(server).connect().await.unwrap());
    }
    connections
}

/// `tower::load::Load`, for the balancers of tower.
#[test]
fn a_balancer_spreads_calls_over_connections() {
    on_threads(1, async {
        let server = servers::hyper(Wire::Clear, async |_| {
            std::future::pending::<Response<Full<Bytes>>>().await
        })
        .await;
        let connections = three(&server).await;
        let services = ServiceList::new::<Request<Empty<Bytes>>>(connections.clone());
        let mut balance: Balance<_, Request<Empty<Bytes>>> = Balance::new(services);
        let mut calls = Vec::new();
        for _ in 0..30 {
            let service = balance.ready().await.unwrap();
            let mut future = Box::pin(service.call(get("/")));
            assert!(futures_util::poll!(&mut future).is_pending());
            calls.push(future);
        }
        let loads: Vec<_> = connections.iter().map(Load::load).collect();
        // Each has its own reservation for the next call, besides.
        assert!(
            (30..=33).contains(&loads.iter().sum::<usize>()),
            "{loads:?}"
        );
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        assert!(most - least <= 3, "{loads:?}");
        drop(calls);
    });
}

/// A service that has ended leaves the cache of those that are ready.
#[test]
fn a_ready_cache_lets_go_of_what_is_over() {
    on_threads(1, async {
        let server = servers::hyper(Wire::Clear, async |_| {
            Response::new(Full::new(Bytes::from("a")))
        })
        .await;
        let connections = three(&server).await;
        let mut cache: ReadyCache<usize, Http2Connection, Request<Empty<Bytes>>> =
            ReadyCache::default();
        for (index, connection) in connections.iter().enumerate() {
            cache.push(index, connection.clone());
        }
        std::future::poll_fn(|cx| cache.poll_pending(cx))
            .await
            .unwrap();
        assert_eq!(cache.ready_len(), 3);
        connections[1].close().await;
        let checks = std::future::poll_fn(|cx| {
            std::task::Poll::Ready([0, 1, 2].map(|index| cache.check_ready(cx, &index).is_ok()))
        });
        assert_eq!(checks.await, [true, false, true]);
    });
}

#[test]
fn a_stream_id_is_not_taken_by_a_reservation() {
    on_threads(1, async {
        let (mut connection, mut peer) = raw(&[]).await;
        ready(&mut connection).await.unwrap();
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        assert_eq!(id, StreamId::FIRST);
        assert_eq!(peer.request().await, 1);
    });
}

/// Whatever callers do at once, no slot is lost and none given twice.
#[test]
fn slots_are_never_lost() {
    on_threads(2, async {
        let server = servers::h2_with(
            Wire::Clear,
            |builder| {
                builder.max_concurrent_streams(3);
            },
            async |_, mut respond| servers::answer(&mut respond, "a"),
        )
        .await;
        let connection = to(&server).connect().await.unwrap();
        connection.ping().await.unwrap();
        let tasks = (0..24_usize).map(|task| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for round in 0..40 {
                    let mut clone = connection.clone();
                    match (task + round) % 5 {
                        // Whoever has a slot uses it, leaves it, or leaves before it comes.
                        0 => {
                            ready(&mut clone).await.unwrap();
                            call(&mut clone, "/").await.unwrap();
                        }
                        1 => ready(&mut clone).await.unwrap(),
                        2 => {
                            is_ready(&mut clone).await;
                        }
                        3 => drop(clone.send_request(get("/")).await.unwrap()),
                        _ => {
                            let id = clone.request("GET", "/", (), NONE).await.unwrap();
                            clone.cancel(id, ErrorCode::CANCEL);
                        }
                    }
                }
            })
        });
        for task in futures_util::future::join_all(tasks).await {
            task.unwrap();
        }
        // What was cancelled last is on its way still.
        connection.ping().await.unwrap();
        assert_eq!(connection.open_streams(), 0);
        let mut clones = [(); 4].map(|()| connection.clone());
        for clone in &mut clones[..3] {
            assert!(is_ready(clone).await);
        }
        assert!(!is_ready(&mut clones[3]).await);
    });
}
