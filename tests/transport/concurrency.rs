//! Many at once: one dial, one connection, the server's limit of streams, and the queue before it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use tokio::{
    net::TcpStream,
    sync::{Barrier, Semaphore, mpsc},
};
use tower::service_fn;
use towline::{
    Transport,
    connect::{Connected, Destination},
    error::{Kind, Retry, Scope},
};

use crate::peers::{
    Server, Wire, builder, call, everywhere, get, get_text,
    raw::{self, RawPeer},
    request,
    servers::{self, answer},
    transport,
};

/// Starts a GET of each path, in this order.
fn get_all(
    transport: &Transport,
    server: &Server,
    paths: impl IntoIterator<Item = String>,
) -> Vec<tokio::task::JoinHandle<Result<String, towline::Error>>> {
    let calls = paths.into_iter().map(|path| {
        let (transport, url) = (transport.clone(), server.url(&path));
        tokio::spawn(async move { get_text(&transport, &url).await })
    });
    calls.collect()
}

#[test]
fn a_thousand_requests_share_one_connection_at_the_same_time() {
    const COUNT: u32 = 1_000;
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_concurrent_streams(COUNT);
        };
        // Nobody is answered before all are there.
        let barrier = Arc::new(Barrier::new(COUNT as usize));
        let server = servers::h2_with(wire, set, move |request, mut respond| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                answer(&mut respond, request.uri().path().to_owned());
            }
        })
        .await;
        let transport = transport();
        let paths = (0..COUNT).map(|index| format!("/{index}"));
        let calls = get_all(&transport, &server, paths);
        for (index, text) in join_all(calls).await.into_iter().enumerate() {
            assert_eq!(text.unwrap().unwrap(), format!("/{index}"));
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_thousand_requests_wait_for_a_server_that_takes_ten() {
    const COUNT: usize = 1_000;
    const LIMIT: u32 = 10;
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_concurrent_streams(LIMIT);
        };
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let peak = Arc::clone(&most);
        let server = servers::h2_with(wire, set, move |request, mut respond| {
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                let here = now.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(here, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                answer(&mut respond, request.uri().path().to_owned());
            }
        })
        .await;
        let transport = transport();
        let paths = (0..COUNT).map(|index| format!("/{index}"));
        let calls = get_all(&transport, &server, paths);
        for (index, text) in join_all(calls).await.into_iter().enumerate() {
            assert_eq!(text.unwrap().unwrap(), format!("/{index}"));
        }
        assert_eq!(server.accepted(), 1);
        let most = most.load(Ordering::SeqCst);
        assert!((1..=LIMIT as usize).contains(&most), "{most} at once");
    });
}

#[test]
fn those_who_wait_are_served_in_their_order() {
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_concurrent_streams(1);
        };
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&order);
        let server = servers::h2_with(wire, set, move |request, mut respond| {
            noted.lock().unwrap().push(request.uri().path().to_owned());
            async move { answer(&mut respond, "") }
        })
        .await;
        let transport = transport();
        // The first shows that the server's limit has come.
        get_text(&transport, &server.url("/first")).await.unwrap();
        order.lock().unwrap().clear();
        let paths: Vec<_> = (0..50).map(|index| format!("/{index}")).collect();
        let mut calls = Vec::new();
        for path in &paths {
            let mut call = Box::pin(get(&transport, &server.url(path)));
            // Each takes its place before the next; the first is sent.
            assert!(futures_util::poll!(call.as_mut()).is_pending());
            calls.push(call);
        }
        // Whichever order they are polled in later.
        calls.reverse();
        for response in join_all(calls).await {
            assert_eq!(response.unwrap().status(), 200);
        }
        assert_eq!(*order.lock().unwrap(), paths);
    });
}

#[test]
fn a_limit_that_changes_is_kept_at_once() {
    // RFC 9113 §5.1.2.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[(raw::MAX_CONCURRENT_STREAMS, 4)]).await;
            let warm = peer.request().await;
            peer.head(warm, raw::END_STREAM).await;
            let mut open = Vec::new();
            for _ in 0..4 {
                open.push(peer.request().await);
            }
            assert!(heads(&mut peer).await.is_empty());
            // Raised: two more come.
            peer.settings(&[(raw::MAX_CONCURRENT_STREAMS, 6)]).await;
            open.extend([peer.request().await, peer.request().await]);
            assert!(heads(&mut peer).await.is_empty());
            // Lowered below what is open: nothing comes until fewer than one are.
            peer.settings(&[(raw::MAX_CONCURRENT_STREAMS, 1)]).await;
            while let Some(stream) = open.pop() {
                assert!(heads(&mut peer).await.is_empty());
                peer.head(stream, raw::END_STREAM).await;
            }
            // And then one by one.
            for _ in 0..6 {
                let stream = peer.request().await;
                assert!(heads(&mut peer).await.is_empty());
                peer.head(stream, raw::END_STREAM).await;
            }
            peer.rest().await;
        })
        .await;
        let transport = transport();
        get(&transport, &server.url("/")).await.unwrap();
        let paths = (0..12).map(|_| "/".to_owned());
        for text in join_all(get_all(&transport, &server, paths)).await {
            text.unwrap().unwrap();
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// The requests that come without anything being answered.
async fn heads(peer: &mut RawPeer) -> Vec<u32> {
    let frames = peer.until_quiet().await;
    let heads = frames.iter().filter(|frame| frame.kind == raw::HEADERS);
    heads.map(|frame| frame.stream).collect()
}

#[test]
fn a_limit_of_zero_is_waited_out() {
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let warm = peer.request().await;
            peer.settings(&[(raw::MAX_CONCURRENT_STREAMS, 0)]).await;
            peer.head(warm, raw::END_STREAM).await;
            assert!(heads(&mut peer).await.is_empty());
            peer.settings(&[(raw::MAX_CONCURRENT_STREAMS, 1)]).await;
            let stream = peer.request().await;
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        })
        .await;
        let transport = transport();
        for _ in 0..2 {
            get(&transport, &server.url("/")).await.unwrap();
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// A transport whose dials wait for a permit each, and how many there were.
fn gated(gate: &Arc<Semaphore>) -> (Transport, Arc<AtomicUsize>) {
    let (gate, dials) = (Arc::clone(gate), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&dials);
    let connector = service_fn(move |destination: Destination| {
        let gate = Arc::clone(&gate);
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            gate.acquire().await.expect("never closed").forget();
            let netloc = destination.netloc();
            let tcp = TcpStream::connect((netloc.bare_host(), netloc.port())).await?;
            Ok::<_, std::io::Error>(Connected::new(tcp))
        }
    });
    (builder().connector(connector).build(), dials)
}

#[test]
fn a_hundred_callers_share_one_dial() {
    crate::peers::on_threads(2, async {
        let server = servers::h2(Wire::Clear, |_, mut respond| async move {
            answer(&mut respond, "x");
        })
        .await;
        let gate = Arc::new(Semaphore::new(0));
        let (transport, dials) = gated(&gate);
        let calls = get_all(&transport, &server, (0..100).map(|_| "/".to_owned()));
        gate.add_permits(1);
        for text in join_all(calls).await {
            assert_eq!(text.unwrap().unwrap(), "x");
        }
        assert_eq!((dials.load(Ordering::SeqCst), server.accepted()), (1, 1));
    });
}

#[test]
fn a_dial_survives_the_caller_that_began_it() {
    crate::peers::on_threads(1, async {
        let server = servers::h2(Wire::Clear, |_, mut respond| async move {
            answer(&mut respond, "x");
        })
        .await;
        let gate = Arc::new(Semaphore::new(0));
        let (transport, dials) = gated(&gate);
        let url = server.url("/");
        let mut first = Box::pin(call(&transport, request("GET", &url)));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        let mut second = Box::pin(get_text(&transport, &url));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        gate.add_permits(1);
        assert_eq!(second.await.unwrap(), "x");
        assert_eq!((dials.load(Ordering::SeqCst), server.accepted()), (1, 1));
    });
}

#[test]
fn those_who_share_a_dial_share_its_failure() {
    crate::peers::on_threads(2, async {
        let (began, mut has_begun) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let connector = {
            let gate = Arc::clone(&gate);
            service_fn(move |_: Destination| {
                began.send(()).unwrap();
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.expect("never closed").forget();
                    Err::<Connected, _>("no way there")
                }
            })
        };
        let transport = builder().connector(connector).build();
        let mut calls: Vec<_> = (0..10)
            .map(|_| Box::pin(get(&transport, "http://nowhere.test/")))
            .collect();
        for call in &mut calls {
            assert!(futures_util::poll!(call.as_mut()).is_pending());
        }
        gate.add_permits(10);
        for outcome in join_all(calls).await {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), Kind::Connect);
            assert_eq!((error.scope(), error.retry()), (Scope::Netloc, Retry::Safe));
            assert_eq!(crate::peers::root(&error).to_string(), "no way there");
        }
        has_begun.recv().await;
        assert!(has_begun.try_recv().is_err(), "one dial for all");
    });
}

#[test]
fn more_callers_than_may_wait_are_turned_away() {
    crate::peers::on_threads(1, async {
        let gate = Arc::new(Semaphore::new(0));
        let connector = {
            let gate = Arc::clone(&gate);
            service_fn(move |_: Destination| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.expect("never closed").forget();
                    Err::<Connected, _>("no way there")
                }
            })
        };
        let transport = builder().connector(connector).max_waiting(3).build();
        let mut waiting: Vec<_> = (0..3)
            .map(|_| Box::pin(get(&transport, "http://nowhere.test/")))
            .collect();
        for call in &mut waiting {
            assert!(futures_util::poll!(call.as_mut()).is_pending());
        }
        let error = get(&transport, "http://nowhere.test/").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Overloaded, Retry::Safe)
        );
        // Another netloc has a queue of its own, and one who leaves makes room.
        waiting.pop();
        let elsewhere = Box::pin(get(&transport, "http://elsewhere.test/"));
        let next = Box::pin(get(&transport, "http://nowhere.test/"));
        for mut call in [elsewhere, next] {
            assert!(futures_util::poll!(call.as_mut()).is_pending());
        }
    });
}

#[test]
fn no_slot_is_lost_by_those_who_leave() {
    const LIMIT: u32 = 5;
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_concurrent_streams(LIMIT);
        };
        let barrier = Arc::new(Barrier::new(LIMIT as usize));
        let server = servers::h2_with(wire, set, move |request, mut respond| {
            let barrier = Arc::clone(&barrier);
            async move {
                match request.uri().path() {
                    "/together" => {
                        barrier.wait().await;
                    }
                    _ => tokio::task::yield_now().await,
                }
                answer(&mut respond, "x");
            }
        })
        .await;
        let transport = transport();
        get_text(&transport, &server.url("/")).await.unwrap();
        // Each leaves after another number of turns: in the queue, in the mailbox, on the wire.
        let leaving = (0..400).map(|index| {
            let call = get_text(&transport, &server.url("/left"));
            tokio::spawn(async move {
                let turns = async {
                    for _ in 0..index % 40 {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    biased;
                    () = turns => {}
                    text = call => assert_eq!(text.unwrap(), "x"),
                }
            })
        });
        for outcome in join_all(leaving.collect::<Vec<_>>()).await {
            outcome.unwrap();
        }
        // All slots are there: these are only answered if all are on the wire at once.
        let together = (0..2 * LIMIT).map(|_| get_text(&transport, &server.url("/together")));
        for text in join_all(together).await {
            assert_eq!(text.unwrap(), "x");
        }
        assert_eq!(server.accepted(), 1);
    });
}
