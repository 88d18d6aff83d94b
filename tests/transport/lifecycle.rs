//! The life of connections: idle ones, dead ones, and the end of the transport and of its runtime.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use tokio::sync::{Notify, mpsc, oneshot};
use towline::{
    Error, Transport,
    error::{Kind, Retry, Scope},
    http2::ErrorCode,
};

use crate::peers::{
    Server, Wire, builder, call, everywhere, get, get_text, info,
    pipe::Hold,
    raw::{self, RawFrame, RawPeer},
    request,
    servers::{self, answer, status},
    soon, text, transport, transport_with,
};

/// Answers every request at once, and tells what else the client sent before it closed.
async fn answering(wire: Wire) -> (Server, mpsc::UnboundedReceiver<Vec<RawFrame>>) {
    let (sender, closed) = mpsc::unbounded_channel();
    let server = Server::start(wire, move |stream, _| {
        let sender = sender.clone();
        async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let mut others = Vec::new();
            while let Some(frame) = peer.next().await {
                if frame.kind == raw::HEADERS {
                    peer.head(frame.stream, raw::END_STREAM).await;
                } else {
                    others.push(frame);
                }
            }
            sender.send(others).unwrap();
        }
    })
    .await;
    (server, closed)
}

/// RFC 9113 §5.4.1: who closes says GOAWAY first, here without an error.
fn assert_goodbye(frames: &[RawFrame]) {
    let last = frames.last().expect("a GOAWAY");
    assert_eq!((last.kind, last.stream), (raw::GOAWAY, 0), "{frames:?}");
    assert_eq!(
        last.payload[4..8],
        ErrorCode::NO_ERROR.as_u32().to_be_bytes()
    );
}

#[test]
fn a_connection_that_is_idle_too_long_is_closed() {
    everywhere(|wire| async move {
        let (server, mut closed) = answering(wire).await;
        let idle = Duration::from_millis(50);
        let transport = builder().idle_timeout(Some(idle)).build();
        get(&transport, &server.url("/")).await.unwrap();
        assert_goodbye(&closed.recv().await.unwrap());
        let response = get(&transport, &server.url("/")).await.unwrap();
        assert!(!info(&response).is_reused());
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_connection_that_is_busy_is_not_idle() {
    everywhere(|wire| async move {
        let go_on = Arc::new(Notify::new());
        let awaited = Arc::clone(&go_on);
        let server = servers::h2(wire, move |_, mut respond| {
            let awaited = Arc::clone(&awaited);
            async move {
                awaited.notified().await;
                answer(&mut respond, "at last");
            }
        })
        .await;
        let idle = Duration::from_millis(20);
        let transport = builder().idle_timeout(Some(idle)).build();
        let waiting = tokio::spawn(get_text(&transport, &server.url("/")));
        // Several times the limit pass, which is all that can be waited for here.
        tokio::time::sleep(10 * idle).await;
        go_on.notify_one();
        assert_eq!(waiting.await.unwrap().unwrap(), "at last");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_connection_that_the_server_closed_is_replaced_without_a_word() {
    everywhere(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                peer.head(stream, raw::END_STREAM).await;
                // Returns when the client has closed, too: it has seen it.
                peer.close().await;
                sender.send(()).unwrap();
            }
        })
        .await;
        let transport = transport();
        for served in 1..=3 {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert!(!info(&response).is_reused());
            assert_eq!(server.accepted(), served);
            closed.recv().await.unwrap();
        }
    });
}

#[test]
fn a_server_that_restarts_is_found_again() {
    everywhere(|wire| async move {
        let serve = |stream, _| async move {
            let Some(mut connection) = servers::handshake(stream, |_| {}).await else {
                return;
            };
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                answer(&mut respond, "served");
            }
        };
        let transport = transport();
        let mut server = Server::start(wire, serve).await;
        for _ in 0..3 {
            // A request that met the old connection's end may be sent again: GET is idempotent.
            let served = match get_text(&transport, &server.url("/")).await {
                Err(error) if error.retry() == Retry::IfIdempotent => {
                    get_text(&transport, &server.url("/")).await
                }
                outcome => outcome,
            };
            assert_eq!(served.unwrap(), "served");
            let address = server.stop().await;
            server = Server::start_at(address, wire, serve).await;
        }
    });
}

#[test]
fn closing_the_idle_leaves_the_busy() {
    everywhere(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let go_on = Arc::new(Notify::new());
        let awaited = Arc::clone(&go_on);
        let busy = servers::h2(wire, move |_, mut respond| {
            let awaited = Arc::clone(&awaited);
            async move {
                let mut body = respond.send_response(status(200), false).unwrap();
                awaited.notified().await;
                body.send_data("whole".into(), true).unwrap();
            }
        })
        .await;
        let idle = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                peer.head(stream, raw::END_STREAM).await;
                sender.send(peer.rest().await).unwrap();
            }
        })
        .await;
        let transport = transport();
        let body = get(&transport, &busy.url("/")).await.unwrap();
        get(&transport, &idle.url("/")).await.unwrap();
        transport.close_idle();
        assert_goodbye(&closed.recv().await.unwrap());
        go_on.notify_one();
        assert_eq!(text(body).await.unwrap(), "whole");
        // The busy one stays in the pool; the idle one is dialed anew.
        let response = get(&transport, &busy.url("/")).await.unwrap();
        assert!(info(&response).is_reused());
        let response = get(&transport, &idle.url("/")).await.unwrap();
        assert!(!info(&response).is_reused());
        assert_eq!((busy.accepted(), idle.accepted()), (1, 2));
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
    everywhere(|wire| async move {
        let (sender, closed) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let go_on = Arc::new(Notify::new());
        let awaited = Arc::clone(&go_on);
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.lock().unwrap().take().expect("one connection");
            let awaited = Arc::clone(&awaited);
            async move {
                let settings = [(raw::MAX_CONCURRENT_STREAMS, 1)];
                let mut peer = RawPeer::handshake(stream, &settings).await;
                let stream = peer.request().await;
                peer.head(stream, 0).await;
                awaited.notified().await;
                peer.send(raw::DATA, raw::END_STREAM, stream, b"whole")
                    .await;
                sender.send(peer.rest().await).unwrap();
            }
        })
        .await;
        let transport = transport();
        let under_way = get(&transport, &server.url("/")).await.unwrap();
        let mut waiting = get(&transport, &server.url("/"));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        transport.shutdown();
        assert_shut(&waiting.await.unwrap_err());
        assert_shut(&get(&transport, &server.url("/")).await.unwrap_err());
        go_on.notify_one();
        assert_eq!(text(under_way).await.unwrap(), "whole");
        assert_goodbye(&closed.await.unwrap());
    });
}

#[test]
fn dropping_the_last_clone_finishes_what_is_under_way() {
    everywhere(|wire| async move {
        let (sender, closed) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let go_on = Arc::new(Notify::new());
        let awaited = Arc::clone(&go_on);
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.lock().unwrap().take().expect("one connection");
            let awaited = Arc::clone(&awaited);
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let first = peer.request().await;
                peer.head(first, 0).await;
                let second = peer.request().await;
                awaited.notified().await;
                peer.head(second, raw::END_STREAM).await;
                peer.send(raw::DATA, raw::END_STREAM, first, b"whole").await;
                sender.send(peer.rest().await).unwrap();
            }
        })
        .await;
        let transport = transport();
        let clone = transport.clone();
        let body = get(&transport, &server.url("/")).await.unwrap();
        let mut head = get(&clone, &server.url("/"));
        assert!(futures_util::poll!(&mut head).is_pending());
        drop((transport, clone));
        go_on.notify_one();
        assert_eq!(head.await.unwrap().status(), 200);
        assert_eq!(text(body).await.unwrap(), "whole");
        assert_goodbye(&closed.await.unwrap());
    });
}

#[test]
fn clones_share_one_pool() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "x");
        })
        .await;
        let transport = transport();
        for clone in [transport.clone(), transport.clone(), transport] {
            assert_eq!(get_text(&clone, &server.url("/")).await.unwrap(), "x");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn netlocs_do_not_share_connections_and_spellings_of_one_do() {
    everywhere(|wire| async move {
        let serve = |_, mut respond| async move { answer(&mut respond, "x") };
        let (one, other) = (
            servers::h2(wire, serve).await,
            servers::h2(wire, serve).await,
        );
        let transport = transport();
        let respelt = one.url("/").replace("//", "//user@");
        let urls = [
            one.url("/"),
            other.url("/"),
            respelt,
            one.url("/another/path"),
        ];
        for outcome in join_all(urls.iter().map(|url| get_text(&transport, url))).await {
            assert_eq!(outcome.unwrap(), "x");
        }
        assert_eq!((one.accepted(), other.accepted()), (1, 1));
    });
}

#[test]
fn a_transport_outlives_the_runtime_that_it_was_used_on() {
    for wire in [Wire::Clear, Wire::Tls] {
        let (server_runtime, transport) = (runtime(), transport());
        let server = server_runtime.block_on(async {
            servers::h2(wire, |request, mut respond| async move {
                if request.uri().path() == "/held" {
                    let _held = respond.send_response(status(200), false).unwrap();
                    std::future::pending::<()>().await;
                }
                answer(&mut respond, "x");
            })
            .await
        });
        let url = server.url("/");
        let first = runtime();
        let text = first.block_on(soon(get_text(&transport, &url)));
        assert_eq!(text.unwrap(), "x");
        let held = first.block_on(soon(get(&transport, &server.url("/held"))));
        let body = held.unwrap().into_body();
        drop(first);
        let second = runtime();
        // What was under way is over, and says so.
        let error = second.block_on(soon(body.collect())).unwrap_err();
        assert_eq!(error.kind(), Kind::Shutdown);
        let text = second.block_on(soon(get_text(&transport, &url)));
        assert_eq!(text.unwrap(), "x");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn without_a_runtime_a_call_fails_and_does_not_panic() {
    let limited = transport_with(|timeouts| {
        timeouts.whole = Some(Duration::from_secs(1));
        timeouts.response_head = Some(Duration::from_secs(1));
    });
    for transport in [transport(), limited] {
        let response = get(&transport, "http://127.0.0.1:1/");
        let error = futures_executor(response).unwrap_err();
        assert_shut(&error);
    }
}

/// Polls a future that needs nothing but polling.
fn futures_executor<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("nothing could ever wake it"),
    }
}

#[test]
fn pooled_connections_keep_nothing_of_their_exchanges() {
    // What a request carries is dropped with its exchange, not with its connection.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "x");
        })
        .await;
        let transport: Transport = transport();
        let kept = Arc::new(());
        let mut request = request("GET", &server.url("/"));
        request.extensions_mut().insert(Arc::clone(&kept));
        let response = call(&transport, request).await.unwrap();
        assert_eq!(Arc::strong_count(&kept), 1);
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            Bytes::from("x")
        );
    });
}

#[test]
fn a_dial_that_nobody_wants_any_more_ends_without_a_request() {
    crate::peers::on_threads(1, async {
        let hold = Hold::default();
        let (sender, mut closed) = mpsc::unbounded_channel();
        let transport = hold.transport(builder(), move |stream| {
            let sender = sender.clone();
            async move {
                // A server that has heard nothing of us need not hear a goodbye.
                let frames = match RawPeer::try_accept(stream).await {
                    Some(mut peer) => peer.rest().await,
                    None => Vec::new(),
                };
                sender.send(frames).unwrap();
            }
        });
        let mut call = get(&transport, "http://pipe.test/");
        assert!(futures_util::poll!(&mut call).is_pending());
        drop((call, transport));
        let frames = closed.recv().await.unwrap();
        assert!(
            frames.iter().all(|frame| frame.kind != raw::HEADERS),
            "{frames:?}"
        );
    });
}

#[test]
fn a_stream_without_addresses_tells_none() {
    crate::peers::on_threads(1, async {
        let hold = Hold::default();
        let transport = hold.transport(builder(), |stream| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, raw::END_STREAM).await;
            peer.rest().await;
        });
        let response = get(&transport, "http://pipe.test/").await.unwrap();
        let info = info(&response);
        assert_eq!((info.local_addr(), info.remote_addr()), (None, None));
        assert_eq!((info.tls_version(), info.tls_cipher()), (None, None));
    });
}
