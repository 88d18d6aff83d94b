//! Callers who leave: what happens to their connection, and that nobody else notices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http_body_util::BodyExt;
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, watch},
};
use towline::{Transport, http1};

use crate::peers::{
    Server, Wire,
    bodies::{Scripted, Step},
    builder_over, call, everywhere_http1, get, get_text, info, on_threads,
    raw_http1::RawHttp1,
    soon, text, transport_over,
};

/// What a test server tells.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// A request has come.
    Asked,
    /// The client has closed the connection, after so many further octets.
    Closed(usize),
}

/// Says `first` to a request for `/slow`, and `then` once it is told to go on; answers others.
async fn slow(
    wire: Wire,
    first: &'static str,
    then: &'static str,
) -> (Server, mpsc::UnboundedReceiver<Told>, watch::Sender<bool>) {
    let (sender, told) = mpsc::unbounded_channel();
    let (go_on, awaited) = watch::channel(false);
    let server = Server::start(wire, move |stream, _| {
        let (sender, mut awaited) = (sender.clone(), awaited.clone());
        async move {
            let mut peer = RawHttp1::new(stream);
            while let Some(head) = peer.try_head().await {
                if !head.contains(" /slow ") {
                    peer.answer("well").await;
                    continue;
                }
                peer.send(first).await;
                sender.send(Told::Asked).expect("the test waits");
                tokio::select! {
                    octets = peer.drain() => {
                        sender.send(Told::Closed(octets)).expect("the test waits");
                        return;
                    }
                    () = told_to(&mut awaited) => {}
                }
                peer.send(then).await;
            }
        }
    })
    .await;
    (server, told, go_on)
}

/// Waits until the test says so.
async fn told_to(awaited: &mut watch::Receiver<bool>) {
    let told = awaited.wait_for(|go| *go).await;
    told.expect("the test goes on");
}

/// Other requests by the same transport go their way.
async fn assert_well(transport: &Transport, server: &Server) {
    for _ in 0..3 {
        let well = get_text(transport, &server.url("/")).await;
        assert_eq!(well.unwrap(), "well");
    }
}

#[test]
fn a_caller_who_leaves_before_the_head_closes_the_connection() {
    everywhere_http1(|wire| async move {
        let (server, mut told, _go_on) = slow(wire, "", "").await;
        let transport = transport_over(wire);
        let mut call = get(&transport, &server.url("/slow"));
        tokio::select! {
            outcome = &mut call => panic!("{outcome:?}"),
            asked = told.recv() => assert_eq!(asked, Some(Told::Asked)),
        }
        drop(call);
        assert_eq!(soon(told.recv()).await, Some(Told::Closed(0)));
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_caller_who_leaves_before_the_dial_is_done_leaves_it_to_the_next() {
    everywhere_http1(|wire| async move {
        let (server, _told, _go_on) = slow(wire, "", "").await;
        let transport = transport_over(wire);
        let mut call = get(&transport, &server.url("/"));
        assert!(futures_util::poll!(&mut call).is_pending());
        drop(call);
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_little_rest_of_a_body_is_read_and_the_connection_kept() {
    everywhere_http1(|wire| async move {
        for (first, then) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ",
                "done.",
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf \r\n",
                "5\r\ndone.\r\n0\r\n\r\n",
            ),
        ] {
            let (server, _told, go_on) = slow(wire, first, then).await;
            // The machine may take its time.
            let mut config = http1::Config::default();
            config.drain_timeout = Duration::from_secs(60);
            let transport = builder_over(wire).http1(config).max_connections(1).build();
            let mut body = get(&transport, &server.url("/slow"))
                .await
                .unwrap()
                .into_body();
            let part = body.frame().await.unwrap().unwrap();
            assert_eq!(part.into_data().unwrap(), "half ");
            drop(body);
            go_on.send_replace(true);
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert!(info(&response).is_reused());
            assert_eq!(text(response).await.unwrap(), "well");
            assert_eq!(server.accepted(), 1);
        }
    });
}

#[test]
fn a_large_rest_of_a_body_costs_the_connection() {
    everywhere_http1(|wire| async move {
        for first in [
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbegin",
            // Nobody knows how much is to come.
            "HTTP/1.1 200 OK\r\n\r\nbegin",
        ] {
            let (server, mut told, _go_on) = slow(wire, first, "").await;
            let transport = transport_over(wire);
            let response = get(&transport, &server.url("/slow")).await.unwrap();
            drop(response);
            assert_eq!(soon(told.recv()).await, Some(Told::Asked));
            assert_eq!(soon(told.recv()).await, Some(Told::Closed(0)));
            assert_well(&transport, &server).await;
            assert_eq!(server.accepted(), 2);
        }
    });
}

#[test]
fn chunks_without_end_are_not_read_for_ever() {
    everywhere_http1(|wire| async move {
        let (sender, mut sent) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, before| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                if before > 0 {
                    return peer.answer_all("well").await;
                }
                peer.head().await;
                peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    .await;
                let chunk = format!("400\r\n{}\r\n", "x".repeat(1_024));
                let mut octets = 0;
                while peer.try_send(&chunk).await {
                    octets += chunk.len();
                }
                sender.send(octets).expect("the test waits");
            }
        })
        .await;
        let transport = transport_over(wire);
        drop(get(&transport, &server.url("/")).await.unwrap());
        // It ended at all, which is what is asked: the kernel takes what it likes.
        assert!(soon(sent.recv()).await.unwrap() > 0);
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_rest_that_does_not_come_is_not_waited_for() {
    everywhere_http1(|wire| async move {
        let first = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ";
        let (server, mut told, _go_on) = slow(wire, first, "").await;
        let mut config = http1::Config::default();
        config.drain_timeout = Duration::from_millis(20);
        let transport = builder_over(wire).http1(config).build();
        drop(get(&transport, &server.url("/slow")).await.unwrap());
        assert_eq!(soon(told.recv()).await, Some(Told::Asked));
        assert_eq!(soon(told.recv()).await, Some(Told::Closed(0)));
        assert_well(&transport, &server).await;
    });
}

#[test]
fn a_caller_who_leaves_amid_the_upload_breaks_it_off() {
    everywhere_http1(|wire| async move {
        let (sender, mut told) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    if head.starts_with("POST") {
                        peer.octets(100).await;
                        sender.send(Vec::new()).expect("the test waits");
                        // No last chunk: what came must not look like a whole request.
                        sender.send(peer.rest().await).expect("the test waits");
                        return;
                    }
                    peer.answer("well").await;
                }
            }
        })
        .await;
        let transport = transport_over(wire);
        let body = Scripted::new([Step::Data("x".repeat(1_000).into()), Step::Stall]);
        let request = http::Request::post(server.url("/")).body(body).unwrap();
        let mut call = call(&transport, request);
        tokio::select! {
            outcome = &mut call => panic!("{outcome:?}"),
            begun = told.recv() => assert!(begun.is_some()),
        }
        drop(call);
        let rest = soon(told.recv()).await.unwrap();
        assert!(!rest.ends_with(b"0\r\n\r\n"));
        assert_well(&transport, &server).await;
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn others_go_their_way_while_callers_come_and_leave() {
    everywhere_http1(|wire| async move {
        let served = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&served);
        let server = Server::start(wire, move |stream, _| {
            let counted = Arc::clone(&counted);
            async move {
                let mut peer = RawHttp1::new(stream);
                while peer.try_head().await.is_some() {
                    counted.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    peer.answer("well").await;
                }
            }
        })
        .await;
        let transport = builder_over(wire).max_connections(4).build();
        let leaving = {
            let (transport, url) = (transport.clone(), server.url("/"));
            tokio::spawn(async move {
                for patience in 0..200 {
                    let mut call = get(&transport, &url);
                    for _ in 0..patience % 20 {
                        if futures_util::poll!(&mut call).is_ready() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                }
            })
        };
        let staying = (0..4).map(|_| {
            let (transport, url) = (transport.clone(), server.url("/"));
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(get_text(&transport, &url).await.unwrap(), "well");
                }
            })
        });
        for outcome in join_all(staying).await {
            outcome.unwrap();
        }
        leaving.await.unwrap();
        assert!(served.load(Ordering::SeqCst) >= 200);
    });
}

#[test]
fn nothing_is_left_behind() {
    // On one thread of its own, all tasks are known.
    for wire in [Wire::ClearHttp1, Wire::TlsHttp1] {
        on_threads(1, async move {
            let hold = Arc::new(Notify::new());
            let awaited = Arc::clone(&hold);
            let server = Server::start(wire, move |stream, _| {
                let awaited = Arc::clone(&awaited);
                async move {
                    let mut peer = RawHttp1::new(stream);
                    while let Some(head) = peer.try_head().await {
                        if head.contains("/never") {
                            tokio::select! {
                                () = awaited.notified() => {}
                                _ = peer.drain() => return,
                            }
                        }
                        peer.answer("well").await;
                    }
                }
            })
            .await;
            let tasks = || Handle::current().metrics().num_alive_tasks();
            tokio::task::yield_now().await;
            let before = tasks();
            let transport = transport_over(wire);
            let unheard: Vec<_> = (0..5)
                .map(|_| tokio::spawn(get(&transport, &server.url("/never"))))
                .collect();
            for _ in 0..5 {
                drop(get(&transport, &server.url("/")).await.unwrap());
            }
            assert!(tasks() > before);
            for call in unheard {
                call.abort();
            }
            drop(transport);
            // Drivers, dials, the sweeper and the server's own: all of them end.
            while tasks() > before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}
