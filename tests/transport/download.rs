//! Response bodies: back-pressure, leaving early, and that nothing leaks by either.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot, watch};
use tower::ServiceExt;
use towline::{
    Transport,
    http2::{self, StreamId},
};

use crate::peers::{
    Server,
    bodies::{Scripted, pattern},
    builder, call, everywhere, get, get_text,
    raw::{self, RawPeer},
    request,
    servers::{self, answer, reset_of, send_all, status},
    text, transport,
};

/// A transport whose windows are small, so that what leaks from them is soon missed.
fn small_windows() -> Transport {
    let mut config = http2::Config::default();
    config.stream_window_size = 65_535;
    config.connection_window_size = 4 * 65_535;
    builder().http2(config).build()
}

#[test]
fn an_unread_body_is_sent_no_further_than_its_window() {
    const SIZE: usize = 8 << 20;
    const WINDOW: usize = 1 << 20;
    everywhere(|wire| async move {
        let sent = watch::Sender::new(0);
        let mut seen = sent.subscribe();
        let server = servers::h2(wire, move |request, mut respond| {
            let sent = sent.clone();
            async move {
                if request.uri().path() != "/unread" {
                    answer(&mut respond, pattern(100_000));
                    return;
                }
                let mut body = respond.send_response(status(200), false).unwrap();
                let mut rest = pattern(SIZE);
                while !rest.is_empty() {
                    let piece = rest.split_to(rest.len().min(16_384));
                    let octets = send_all(&mut body, piece, rest.is_empty()).await;
                    sent.send_modify(|sent| *sent += octets);
                }
            }
        })
        .await;
        let transport = transport();
        let unread = get(&transport, &server.url("/unread")).await.unwrap();
        seen.wait_for(|sent| *sent >= WINDOW).await.unwrap();
        // Others go on as if nothing were.
        for _ in 0..30 {
            let response = get(&transport, &server.url("/read")).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), 100_000);
        }
        assert_eq!(*seen.borrow(), WINDOW);
        assert_eq!(server.accepted(), 1);
        // And nothing was lost by waiting.
        let body = unread.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, pattern(SIZE));
    });
}

#[test]
fn a_body_left_midway_is_cancelled_and_its_window_given_back() {
    // RFC 9113 §6.9: octets of a stream that is gone still count for the connection.
    const SIZE: usize = 256 << 10;
    everywhere(|wire| async move {
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |request, mut respond| {
            let sender = sender.clone();
            async move {
                let mut body = respond.send_response(status(200), false).unwrap();
                let sent = send_all(&mut body, pattern(SIZE), true).await;
                if request.uri().path() == "/left" {
                    assert!(sent < SIZE);
                    sender.send(reset_of(&mut body).await.unwrap()).unwrap();
                }
            }
        })
        .await;
        let transport = small_windows();
        for _ in 0..30 {
            let response = get(&transport, &server.url("/left")).await.unwrap();
            let mut body = response.into_body();
            let first = body.frame().await.unwrap().unwrap();
            assert!(!first.into_data().unwrap().is_empty());
            drop(body);
            assert_eq!(resets.recv().await, Some(h2::Reason::CANCEL));
        }
        for _ in 0..100 {
            let response = get(&transport, &server.url("/read")).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), SIZE);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_call_left_before_its_head_is_cancelled() {
    everywhere(|wire| async move {
        let (arrived, mut has_arrived) = mpsc::unbounded_channel();
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |request, mut respond| {
            let (arrived, sender) = (arrived.clone(), sender.clone());
            async move {
                if request.uri().path() == "/answered" {
                    answer(&mut respond, "well");
                    return;
                }
                arrived.send(()).unwrap();
                let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
                sender.send(reset.unwrap()).unwrap();
            }
        })
        .await;
        let transport = transport();
        for _ in 0..10 {
            tokio::select! {
                response = get(&transport, &server.url("/left")) => panic!("{response:?}"),
                _ = has_arrived.recv() => {}
            }
            assert_eq!(resets.recv().await, Some(h2::Reason::CANCEL));
        }
        let answered = get_text(&transport, &server.url("/answered")).await;
        assert_eq!(answered.unwrap(), "well");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_response_left_unread_is_cancelled() {
    everywhere(|wire| async move {
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |_, mut respond| {
            let sender = sender.clone();
            async move {
                let mut body = respond.send_response(status(200), false).unwrap();
                sender.send(reset_of(&mut body).await.unwrap()).unwrap();
            }
        })
        .await;
        let transport = transport();
        drop(get(&transport, &server.url("/")).await.unwrap());
        assert_eq!(resets.recv().await, Some(h2::Reason::CANCEL));
    });
}

#[test]
fn a_call_that_is_never_polled_sends_nothing() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            answer(&mut respond, request.uri().path().to_owned());
        })
        .await;
        let transport = transport();
        drop(call(&transport, request("GET", &server.url("/unpolled"))));
        assert_eq!(server.accepted(), 0);
        let response = get(&transport, &server.url("/polled")).await.unwrap();
        assert_eq!(
            crate::peers::info(&response).stream_id(),
            Some(StreamId::FIRST)
        );
    });
}

#[test]
fn a_body_that_was_read_to_its_end_is_not_cancelled() {
    everywhere(|wire| async move {
        let (sender, frames) = oneshot::channel();
        let sender = std::sync::Mutex::new(Some(sender));
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.lock().unwrap().take().expect("one connection");
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                for flags in [raw::END_STREAM, 0] {
                    let stream = peer.request().await;
                    peer.head(stream, flags).await;
                    if flags == 0 {
                        peer.send(raw::DATA, raw::END_STREAM, stream, b"body").await;
                    }
                }
                // The client's last act is the next request.
                peer.request().await;
                sender.send(peer.until_quiet().await).unwrap();
                peer.rest().await;
            }
        })
        .await;
        let transport = transport();
        for expected in ["", "body"] {
            let body = get_text(&transport, &server.url("/")).await.unwrap();
            assert_eq!(body, expected);
        }
        let frames = tokio::select! {
            response = get(&transport, &server.url("/")) => panic!("nobody answers: {response:?}"),
            frames = frames => frames.unwrap(),
        };
        assert!(
            frames.iter().all(|frame| frame.kind != raw::RST_STREAM),
            "{frames:?}"
        );
    });
}

#[test]
fn padding_costs_the_window_and_is_given_back() {
    // RFC 9113 §6.1, §6.9.1: padding counts for flow control, and no caller ever reads it.
    const PADDED: u8 = 0x8;
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            // 300 frames of 256 octets and one of content: more than the window of 65,535.
            let mut payload = vec![254];
            payload.push(b'x');
            payload.extend_from_slice(&[0; 254]);
            let mut window = 65_535_i64;
            for _ in 0..300 {
                while window < payload.len() as i64 {
                    let update = peer.expect(raw::WINDOW_UPDATE).await;
                    if update.stream == stream {
                        window += i64::from(update.number());
                    }
                }
                peer.send(raw::DATA, PADDED, stream, &payload).await;
                window -= payload.len() as i64;
            }
            peer.send(raw::DATA, raw::END_STREAM, stream, b"").await;
            peer.rest().await;
        })
        .await;
        let response = get(&small_windows(), &server.url("/")).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "x".repeat(300));
    });
}

#[test]
fn many_bodies_come_in_turns_and_none_gets_anothers_octets() {
    const SIZE: usize = 1 << 20;
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let index: usize = request.uri().path()[1..].parse().unwrap();
            let mut body = respond.send_response(status(200), false).unwrap();
            let data = pattern(SIZE + index).slice(index..);
            send_all(&mut body, data, true).await;
        })
        .await;
        let transport = small_windows();
        let bodies = (0..32).map(|index| {
            let (transport, url) = (transport.clone(), server.url(&format!("/{index}")));
            tokio::spawn(async move {
                let response = get(&transport, &url).await.unwrap();
                response.into_body().collect().await.unwrap().to_bytes()
            })
        });
        for (index, body) in join_all(bodies).await.into_iter().enumerate() {
            assert!(
                body.unwrap() == pattern(SIZE + index).slice(index..),
                "body {index}"
            );
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn exchanges_left_at_any_moment_leave_the_connection_whole() {
    // Each call is dropped after another number of polls of the machine, body and all.
    everywhere(|wire| async move {
        let left = Arc::new(AtomicUsize::new(0));
        let server = servers::h2(wire, |mut request, mut respond| async move {
            if request.uri().path() == "/last" {
                answer(&mut respond, "whole");
                return;
            }
            if let Ok(mut body) = respond.send_response(status(200), false) {
                tokio::spawn(async move {
                    let _gone = servers::read_all(request.body_mut()).await;
                });
                send_all(&mut body, pattern(200_000), true).await;
            }
        })
        .await;
        let transport = small_windows();
        for turns in 0..60 {
            let body = Scripted::pieces(20, 5_000);
            let request = http::Request::post(server.url("/left")).body(body).unwrap();
            let exchange = async {
                let response = transport.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            };
            let turns = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                () = turns => { left.fetch_add(1, Ordering::SeqCst); }
                () = exchange => {}
            }
        }
        assert!(left.load(Ordering::SeqCst) > 0);
        assert_eq!(
            get_text(&transport, &server.url("/last")).await.unwrap(),
            "whole"
        );
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_body_may_move_between_tasks_while_it_is_read() {
    everywhere(|wire| async move {
        let (go_on, gone_on) = mpsc::unbounded_channel();
        let gone_on = Arc::new(tokio::sync::Mutex::new(gone_on));
        let server = servers::h2(wire, move |_, mut respond| {
            let gone_on = Arc::clone(&gone_on);
            async move {
                let mut body = respond.send_response(status(200), false).unwrap();
                for index in 0..10 {
                    gone_on.lock().await.recv().await.unwrap();
                    let data = Bytes::from(format!("{index}"));
                    body.send_data(data, index == 9).unwrap();
                }
            }
        })
        .await;
        let mut body = get(&transport(), &server.url("/"))
            .await
            .unwrap()
            .into_body();
        for index in 0..10 {
            // Polled here first, so that a waker of this task is left behind.
            assert!(futures_util::poll!(body.frame()).is_pending());
            let reader = tokio::spawn(async move {
                let frame = body.frame().await.unwrap().unwrap();
                (body, frame.into_data().unwrap())
            });
            go_on.send(()).unwrap();
            let (back, data) = reader.await.unwrap();
            assert_eq!(data, format!("{index}"));
            body = back;
        }
    });
}
