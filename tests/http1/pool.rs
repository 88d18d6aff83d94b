//! The pool, as its netlocs see it: how many connections there are, who gets one, and when they go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::{Barrier, Semaphore, mpsc};
use towline::{
    Error,
    error::{Kind, Retry, Scope},
};

use crate::peers::{
    Server, Wire, builder_over, everywhere_http1, get, get_text, info, raw_http1::RawHttp1, soon,
    text, transport_over,
};

/// Answers nobody before so many requests are there at once, and then everybody at once.
async fn together(wire: Wire, callers: usize) -> Server {
    let all_here = Arc::new(Barrier::new(callers));
    Server::start(wire, move |stream, _| {
        let all_here = Arc::clone(&all_here);
        async move {
            let mut peer = RawHttp1::new(stream);
            while peer.try_head().await.is_some() {
                all_here.wait().await;
                peer.answer("hi").await;
            }
        }
    })
    .await
}

/// Answers all, and tells of each connection when the client has closed it.
async fn counting(wire: Wire) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (sender, closed) = mpsc::unbounded_channel();
    let server = Server::start(wire, move |stream, before| {
        let sender = sender.clone();
        async move {
            RawHttp1::new(stream).answer_all("hi").await;
            sender.send(before).expect("the test waits");
        }
    })
    .await;
    (server, closed)
}

#[test]
fn callers_at_once_get_a_connection_each_and_the_next_find_them() {
    // Over TLS one dial finds out that it is HTTP/1.1; then everybody gets their own.
    const CALLERS: usize = 8;
    everywhere_http1(|wire| async move {
        let server = together(wire, CALLERS).await;
        let transport = transport_over(wire);
        for wave in 0..3 {
            let calls = (0..CALLERS).map(|_| {
                let (transport, url) = (transport.clone(), server.url("/"));
                tokio::spawn(async move {
                    let response = get(&transport, &url).await.unwrap();
                    assert_eq!(info(&response).is_reused(), wave > 0);
                    assert_eq!(text(response).await.unwrap(), "hi");
                })
            });
            for outcome in join_all(calls).await {
                outcome.unwrap();
            }
            assert_eq!(server.accepted(), CALLERS);
        }
    });
}

#[test]
fn no_more_connections_than_allowed_and_everybody_is_served() {
    const BOUND: usize = 3;
    everywhere_http1(|wire| async move {
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, peak) = (Arc::clone(&busy), Arc::clone(&most));
        let server = Server::start(wire, move |stream, _| {
            let (busy, most) = (Arc::clone(&counted), Arc::clone(&peak));
            async move {
                let mut peer = RawHttp1::new(stream);
                while peer.try_head().await.is_some() {
                    let now = busy.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                    peer.answer("hi").await;
                }
            }
        })
        .await;
        let transport = builder_over(wire).max_connections(BOUND).build();
        let calls = (0..40).map(|_| get_text(&transport, &server.url("/")));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.unwrap(), "hi");
        }
        assert!(most.load(Ordering::SeqCst) <= BOUND);
        assert_eq!(server.accepted(), BOUND);
    });
}

#[test]
fn those_who_wait_are_served_in_their_order() {
    everywhere_http1(|wire| async move {
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&order);
        let server = Server::start(wire, move |stream, _| {
            let noted = Arc::clone(&noted);
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    let path = head.split(' ').nth(1).expect("a path").to_owned();
                    noted.lock().unwrap().push(path);
                    peer.answer("hi").await;
                }
            }
        })
        .await;
        let transport = builder_over(wire).max_connections(1).build();
        let paths: Vec<_> = (0..10).map(|index| format!("/{index}")).collect();
        // `join_all` asks them in this order first.
        let calls = paths
            .iter()
            .map(|path| get_text(&transport, &server.url(path)));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.unwrap(), "hi");
        }
        assert_eq!(*order.lock().unwrap(), paths);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_waiter_who_leaves_takes_nobodys_place() {
    everywhere_http1(|wire| async move {
        let leave = Arc::new(Semaphore::new(0));
        let awaited = Arc::clone(&leave);
        let server = Server::start(wire, move |stream, _| {
            let awaited = Arc::clone(&awaited);
            async move {
                let mut peer = RawHttp1::new(stream);
                while peer.try_head().await.is_some() {
                    awaited.acquire().await.expect("it is not closed").forget();
                    peer.answer("hi").await;
                }
            }
        })
        .await;
        let transport = builder_over(wire).max_connections(1).build();
        let url = server.url("/");
        let mut first = get(&transport, &url);
        let mut second = get(&transport, &url);
        let mut third = get(&transport, &url);
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        drop(second);
        leave.add_permits(2);
        assert_eq!(text(first.await.unwrap()).await.unwrap(), "hi");
        assert_eq!(text(third.await.unwrap()).await.unwrap(), "hi");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn of_many_idle_connections_some_are_kept() {
    const CALLERS: usize = 5;
    const KEPT: usize = 2;
    everywhere_http1(|wire| async move {
        let all_here = Arc::new(Barrier::new(CALLERS));
        let (sender, mut closed) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, before| {
            let (all_here, sender) = (Arc::clone(&all_here), sender.clone());
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                all_here.wait().await;
                peer.answer("hi").await;
                peer.answer_all("again").await;
                sender.send(before).expect("the test waits");
            }
        })
        .await;
        let transport = builder_over(wire).max_idle(KEPT).build();
        let calls = (0..CALLERS).map(|_| get_text(&transport, &server.url("/")));
        for outcome in join_all(calls).await {
            assert_eq!(outcome.unwrap(), "hi");
        }
        for _ in KEPT..CALLERS {
            soon(closed.recv()).await.unwrap();
        }
        // The rest is there, and is used.
        for _ in 0..4 {
            let again = get_text(&transport, &server.url("/")).await;
            assert_eq!(again.unwrap(), "again");
        }
        assert_eq!(server.accepted(), CALLERS);
        assert!(closed.try_recv().is_err());
    });
}

#[test]
fn a_connection_that_is_idle_too_long_is_closed() {
    everywhere_http1(|wire| async move {
        let (server, mut closed) = counting(wire).await;
        let limit = Some(Duration::from_millis(100));
        let transport = builder_over(wire).idle_timeout(limit).build();
        for connection in 0..2 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert!(!info(&response).is_reused());
            assert_eq!(text(response).await.unwrap(), "hi");
            assert_eq!(soon(closed.recv()).await, Some(connection));
        }
    });
}

#[test]
fn closing_the_idle_leaves_the_busy() {
    everywhere_http1(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let (go_on, awaited) = tokio::sync::watch::channel(false);
        let server = Server::start(wire, move |stream, before| {
            let (sender, mut awaited) = (sender.clone(), awaited.clone());
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    if head.contains("/slow") {
                        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwh")
                            .await;
                        awaited.wait_for(|go| *go).await.expect("the test goes on");
                        peer.send("ole").await;
                    } else {
                        peer.answer("hi").await;
                    }
                }
                sender.send(before).expect("the test waits");
            }
        })
        .await;
        let transport = transport_over(wire);
        let busy = get(&transport, &server.url("/slow")).await.unwrap();
        assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
        transport.close_idle();
        assert_eq!(soon(closed.recv()).await, Some(1));
        go_on.send_replace(true);
        assert_eq!(text(busy).await.unwrap(), "whole");
        // The busy one stays in the pool.
        let response = get(&transport, &server.url("/")).await.unwrap();
        assert!(info(&response).is_reused());
        assert_eq!(server.accepted(), 2);
    });
}

fn assert_shut(error: &Error) {
    assert_eq!(
        (error.kind(), error.scope()),
        (Kind::Shutdown, Scope::Request)
    );
    assert_eq!(error.retry(), Retry::Safe);
}

#[test]
fn shutdown_finishes_what_is_under_way_and_refuses_the_rest() {
    everywhere_http1(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let (go_on, awaited) = tokio::sync::watch::channel(false);
        let server = Server::start(wire, move |stream, _| {
            let (sender, mut awaited) = (sender.clone(), awaited.clone());
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwh")
                    .await;
                awaited.wait_for(|go| *go).await.expect("the test goes on");
                peer.send("ole").await;
                sender.send(peer.rest().await).expect("the test waits");
            }
        })
        .await;
        let transport = builder_over(wire).max_connections(1).build();
        let under_way = get(&transport, &server.url("/")).await.unwrap();
        let mut waiting = get(&transport, &server.url("/"));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        transport.shutdown();
        assert_shut(&waiting.await.unwrap_err());
        assert_shut(&get(&transport, &server.url("/")).await.unwrap_err());
        go_on.send_replace(true);
        assert_eq!(text(under_way).await.unwrap(), "whole");
        assert_eq!(soon(closed.recv()).await.unwrap(), b"");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn dropping_the_last_clone_finishes_what_is_under_way_and_closes_the_rest() {
    everywhere_http1(|wire| async move {
        let (server, mut closed) = counting(wire).await;
        let transport = transport_over(wire);
        // Heads alone: the bodies are unread when the transport goes.
        let (one, other) = tokio::join!(
            get(&transport, &server.url("/")),
            get(&transport, &server.url("/"))
        );
        drop(transport);
        assert_eq!(text(one.unwrap()).await.unwrap(), "hi");
        assert_eq!(text(other.unwrap()).await.unwrap(), "hi");
        for _ in 0..server.accepted() {
            soon(closed.recv()).await.unwrap();
        }
    });
}

#[test]
fn more_callers_than_may_wait_are_turned_away() {
    everywhere_http1(|wire| async move {
        let (server, _closed) = counting(wire).await;
        let transport = builder_over(wire).max_connections(1).max_waiting(2).build();
        let calls = (0..5).map(|_| get_text(&transport, &server.url("/")));
        let outcomes = join_all(calls).await;
        let served = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(served, 2);
        for outcome in outcomes {
            if let Err(error) = outcome {
                assert_eq!(
                    (error.kind(), error.retry()),
                    (Kind::Overloaded, Retry::Safe)
                );
            }
        }
        assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
        assert_eq!(server.accepted(), 1);
    });
}
