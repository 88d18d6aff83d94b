//! Request bodies: how they are sent, how far ahead they are asked, and how they fail.

use std::{
    hash::{DefaultHasher, Hasher},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;
use towline::{
    Error,
    error::{Initiator, Kind, Retry, Scope},
    http2::ErrorCode,
};

use crate::peers::{
    Server, Wire,
    bodies::{Meter, Scripted, Spoilt, Step, pattern},
    call, everywhere, get_text,
    raw::{self, RawFrame, RawPeer},
    root,
    servers::{self, answer, read_all, status},
    text, transport,
};

fn hash(octets: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(octets);
    hasher.finish()
}

#[test]
fn twenty_megabytes_come_back_as_they_went() {
    const SIZE: usize = 20 << 20;
    everywhere(|wire| async move {
        let server = servers::hyper(wire, |request: Request<Incoming>| async {
            Response::new(request.into_body())
        })
        .await;
        let sent = pattern(SIZE);
        let expected = hash(&sent);
        let transport = transport();
        // As one piece, and as pieces that fit no frame.
        let whole = Full::new(sent.clone());
        let request = Request::post(server.url("/")).body(whole).unwrap();
        let response = transport.clone().oneshot(request).await.unwrap();
        let back = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((back.len(), hash(&back)), (SIZE, expected));

        let mut rest = sent;
        let pieces = std::iter::from_fn(move || {
            let piece = rest.split_to(rest.len().min(99_991));
            (!piece.is_empty()).then(|| Ok::<_, Spoilt>(Frame::data(piece)))
        });
        let body = StreamBody::new(tokio_stream::iter(pieces));
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport.oneshot(request).await.unwrap();
        let back = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((back.len(), hash(&back)), (SIZE, expected));
    });
}

#[test]
fn a_body_of_known_length_announces_it() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |mut request, mut respond| async move {
            let length = request.headers()[header::CONTENT_LENGTH].clone();
            let body = read_all(request.body_mut()).await.unwrap();
            answer(
                &mut respond,
                format!("{} {}", length.to_str().unwrap(), body.len()),
            );
        })
        .await;
        let body = Scripted::pieces(100, 1_000).of_length(100_000);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "100000 100000");
    });
}

/// The octets of DATA among frames.
fn data_octets(frames: &[RawFrame]) -> usize {
    let data = frames.iter().filter(|frame| frame.kind == raw::DATA);
    data.map(|frame| frame.payload.len()).sum()
}

#[test]
fn a_body_is_asked_for_no_more_than_the_windows_let_go() {
    // RFC 9113 §5.2: 65,535 octets for the stream and as many for the connection at first.
    const PIECE: usize = 1_000;
    const WINDOW: usize = 65_535;
    everywhere(|wire| async move {
        let meter = Meter::default();
        let (done, is_done) = oneshot::channel();
        let done = Mutex::new(Some((meter.clone(), done)));
        let server = Server::start(wire, move |stream, _| {
            let (meter, done) = done.lock().unwrap().take().expect("one connection");
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                let mut received = 0;
                while received < WINDOW {
                    received += peer.expect(raw::DATA).await.payload.len();
                }
                assert_eq!(data_octets(&peer.until_quiet().await), 0);
                // What was asked for and is not sent is at most one piece.
                assert!(meter.octets() < WINDOW + PIECE, "{}", meter.octets());
                assert!(meter.polls() <= WINDOW.div_ceil(PIECE), "{}", meter.polls());

                // The stream's window alone lets nothing go.
                let more = 10_000_u32;
                peer.send(raw::WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
                    .await;
                assert_eq!(data_octets(&peer.until_quiet().await), 0);
                assert!(meter.octets() < WINDOW + PIECE, "{}", meter.octets());
                peer.send(raw::WINDOW_UPDATE, 0, 0, &more.to_be_bytes())
                    .await;
                let mut received = 0;
                while received < more as usize {
                    received += peer.expect(raw::DATA).await.payload.len();
                }
                assert_eq!(data_octets(&peer.until_quiet().await), 0);
                assert!(meter.octets() < WINDOW + more as usize + PIECE);
                done.send(()).unwrap();
                peer.rest().await;
            }
        })
        .await;
        let body = Scripted::pieces(1_000, PIECE).metered(&meter);
        let upload = Request::post(server.url("/")).body(body).unwrap();
        let transport = transport();
        tokio::select! {
            response = call(&transport, upload) => panic!("nobody answers: {response:?}"),
            done = is_done => done.expect("the server is satisfied"),
        }
    });
}

#[test]
fn an_upload_that_nobody_reads_keeps_no_other_exchange_waiting() {
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.initial_connection_window_size(1 << 20);
        };
        let server = servers::h2_with(wire, set, |mut request, mut respond| async move {
            if request.uri().path() == "/unread" {
                // Held, and its window never given back.
                std::future::pending::<()>().await;
            }
            let body = read_all(request.body_mut()).await.unwrap();
            answer(&mut respond, body);
        })
        .await;
        let transport = transport();
        let unread = Request::post(server.url("/unread"))
            .body(Scripted::pieces(100, 10_000))
            .unwrap();
        let mut unread = call(&transport, unread);
        for _ in 0..10 {
            let body = Scripted::pieces(10, 10_000);
            let read = Request::post(server.url("/read")).body(body).unwrap();
            let response = tokio::select! {
                response = &mut unread => panic!("nobody answers: {response:?}"),
                response = call(&transport, read) => response.unwrap(),
            };
            assert_eq!(text(response).await.unwrap().len(), 100_000);
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// What a body that fails comes to: the caller's error, and the server's reset.
async fn fails_with(wire: Wire, request: Request<Scripted>) -> (Error, Option<h2::Reason>) {
    let (sender, mut resets) = mpsc::unbounded_channel();
    let server = servers::h2(wire, move |mut request, mut respond| {
        let sender = sender.clone();
        async move {
            match read_all(request.body_mut()).await {
                Ok(_) => answer(&mut respond, "well"),
                Err(error) => sender.send(error.reason()).unwrap(),
            }
        }
    })
    .await;
    let transport = transport();
    let (mut parts, body) = request.into_parts();
    parts.uri = server.url("/").parse().unwrap();
    let error = call(&transport, Request::from_parts(parts, body))
        .await
        .unwrap_err();
    let reason = resets.recv().await.unwrap();
    // The connection goes on.
    assert_eq!(
        get_text(&transport, &server.url("/")).await.unwrap(),
        "well"
    );
    assert_eq!(server.accepted(), 1);
    (error, reason)
}

/// Enough that the head and some octets have left when what follows comes.
fn some() -> Step {
    Step::Data(Bytes::from_static(b"some"))
}

fn post(body: Scripted) -> Request<Scripted> {
    Request::post("http://replaced/").body(body).unwrap()
}

fn assert_is_the_bodys(error: &Error) {
    assert_eq!(error.kind(), Kind::RequestBody);
    assert_eq!(
        (error.scope(), error.retry()),
        (Scope::Stream, Retry::Never)
    );
    assert_eq!(error.code(), Some(ErrorCode::CANCEL));
    assert_eq!(error.initiator(), Some(Initiator::Local));
    assert!(error.netloc().is_some() && error.stream_id().is_some());
}

#[test]
fn a_body_that_fails_cancels_its_stream_and_is_the_cause() {
    everywhere(|wire| async move {
        let body = Scripted::new([some(), Step::Fail]);
        let (error, reason) = fails_with(wire, post(body)).await;
        assert_is_the_bodys(&error);
        assert_eq!(reason, Some(h2::Reason::CANCEL));
        assert_eq!(root(&error).downcast_ref::<Spoilt>(), Some(&Spoilt));
    });
}

#[test]
fn a_body_that_panics_harms_its_own_stream_only() {
    everywhere(|wire| async move {
        let body = Scripted::new([some(), Step::Panic]);
        let (error, reason) = fails_with(wire, post(body)).await;
        assert_is_the_bodys(&error);
        assert_eq!(reason, Some(h2::Reason::CANCEL));
        assert_eq!(root(&error).to_string(), "the request's body panicked");
    });
}

#[test]
fn a_small_body_that_fails_or_panics_at_once_is_never_sent() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "unwanted");
        })
        .await;
        for step in [Step::Fail, Step::Panic] {
            let body = Scripted::new([step]).of_length(4);
            let request = Request::post(server.url("/")).body(body).unwrap();
            let error = transport().oneshot(request).await.unwrap_err();
            assert_eq!(error.kind(), Kind::RequestBody);
            assert_eq!(
                (error.scope(), error.retry()),
                (Scope::Request, Retry::Never)
            );
        }
        assert_eq!(server.accepted(), 0);
    });
}

#[test]
fn a_body_that_differs_from_its_content_length_is_not_sent_as_if_it_did_not() {
    // RFC 9113 §8.1.1: such a request is malformed.
    everywhere(|wire| async move {
        for (length, why) in [
            ("3", "the request's body is longer than its content-length"),
            ("5", "the request's body is shorter than its content-length"),
        ] {
            let mut request = post(Scripted::new([some()]));
            let length = length.parse().unwrap();
            request.headers_mut().insert(header::CONTENT_LENGTH, length);
            let (error, reason) = fails_with(wire, request).await;
            assert_is_the_bodys(&error);
            assert_eq!(reason, Some(h2::Reason::CANCEL));
            assert_eq!(root(&error).to_string(), why);
        }
    });
}

#[test]
fn a_length_that_is_known_to_be_wrong_is_found_before_anything_is_sent() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "well");
        })
        .await;
        let transport = transport();
        let request = Request::post(server.url("/"))
            .header(header::CONTENT_LENGTH, "3")
            .body("four".to_owned());
        let error = call(&transport, request.unwrap()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::RequestBody, Scope::Request)
        );
        assert_eq!(error.stream_id(), None);
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "well"
        );
    });
}

#[test]
fn an_answer_before_the_upload_has_ended_counts() {
    // RFC 9113 §8.1: a complete response, then RST_STREAM with NO_ERROR, is no failure.
    everywhere(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[]).await;
            let stream = peer.request().await;
            peer.expect(raw::DATA).await;
            peer.head(stream, 0).await;
            peer.send(raw::DATA, raw::END_STREAM, stream, b"too much")
                .await;
            peer.reset(stream, ErrorCode::NO_ERROR.as_u32()).await;
            peer.rest().await;
        })
        .await;
        let body = Scripted::new([some(), Step::Stall]);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(text(response).await.unwrap(), "too much");
    });
}

#[test]
fn leaving_after_the_answer_stops_the_upload_without_blame() {
    // RFC 9113 §8.1 lets either side stop with NO_ERROR once the response is complete.
    everywhere(|wire| async move {
        let (sender, mut resets) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                peer.head(stream, raw::END_STREAM).await;
                let reset = peer.expect(raw::RST_STREAM).await;
                sender
                    .send((reset.stream == stream, reset.number()))
                    .unwrap();
                peer.rest().await;
            }
        })
        .await;
        let body = Scripted::new([some(), Step::Stall]);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let transport = transport();
        let response = call(&transport, request).await.unwrap();
        drop(response);
        let no_error = ErrorCode::NO_ERROR.as_u32();
        assert_eq!(resets.recv().await, Some((true, no_error)));
    });
}

#[test]
fn a_body_is_dropped_when_its_exchange_is_over() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            if request.uri().path() == "/reset" {
                respond.send_reset(h2::Reason::INTERNAL_ERROR);
            } else {
                let _held = respond.send_response(status(200), false).unwrap();
                std::future::pending::<()>().await;
            }
        })
        .await;
        let transport = transport();
        for path in ["/reset", "/pending"] {
            // The stream ends when its sender does: dropping the body is what the test waits for.
            let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, Spoilt>>(1);
            let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(receiver));
            let request = Request::post(server.url(path)).body(body).unwrap();
            let outcome = call(&transport, request).await;
            assert_eq!(outcome.is_err(), path == "/reset");
            drop(outcome);
            sender.closed().await;
        }
    });
}

#[test]
fn many_uploads_share_the_connection_evenly() {
    everywhere(|wire| async move {
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&order);
        let server = servers::h2(wire, move |mut request, mut respond| {
            let noted = Arc::clone(&noted);
            async move {
                let path = request.uri().path().to_owned();
                let mut seen = 0;
                while let Some(Ok(data)) = request.body_mut().data().await {
                    seen += data.len();
                    let flow = request.body_mut().flow_control();
                    flow.release_capacity(data.len()).unwrap();
                }
                noted.lock().unwrap().push((path, seen));
                answer(&mut respond, "done");
            }
        })
        .await;
        let transport = transport();
        let uploads = (0..20).map(|index| {
            let body = Scripted::pieces(50, 10_000);
            let request = Request::post(server.url(&format!("/{index}")))
                .body(body)
                .unwrap();
            call(&transport, request)
        });
        for response in futures_util::future::join_all(uploads).await {
            assert_eq!(text(response.unwrap()).await.unwrap(), "done");
        }
        let order = order.lock().unwrap();
        assert_eq!(order.len(), 20);
        assert!(order.iter().all(|(_, seen)| *seen == 500_000));
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn empty_pieces_are_nothing_on_the_wire_and_keep_nobody_waiting() {
    // CVE-2019-9518, the other way round: empty DATA frames are of no use to the server.
    everywhere(|wire| async move {
        let (sender, lengths) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.lock().unwrap().take().expect("one connection");
            async move {
                let mut peer = RawPeer::handshake(stream, &[]).await;
                let stream = peer.request().await;
                let mut lengths = Vec::new();
                loop {
                    let data = peer.expect(raw::DATA).await;
                    lengths.push(data.payload.len());
                    if data.has(raw::END_STREAM) {
                        break;
                    }
                }
                peer.head(stream, raw::END_STREAM).await;
                sender.send(lengths).unwrap();
                peer.rest().await;
            }
        })
        .await;
        let empty = || Step::Data(Bytes::new());
        let steps = std::iter::repeat_with(empty).take(10_000);
        let body = Scripted::new(steps.chain([some()]));
        let request = Request::post(server.url("/")).body(body).unwrap();
        let transport = transport();
        assert_eq!(call(&transport, request).await.unwrap().status(), 200);
        // The octets, and the end that was only found out after them.
        assert_eq!(lengths.await.unwrap(), [4, 0]);
    });
}

/// A body whose answer to whether it has ended is a panic, once it was asked for octets.
struct EndPanics(bool);

impl http_body::Body for EndPanics {
    type Data = Bytes;
    type Error = Spoilt;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Spoilt>>> {
        let is_first = !std::mem::replace(&mut self.0, true);
        let frame = is_first.then(|| Ok(Frame::data(Bytes::from_static(b"some"))));
        std::task::Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        assert!(!self.0, "a body that panics, as the test wants");
        false
    }
}

#[test]
fn a_body_that_panics_when_asked_for_its_end_harms_nobody() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |mut request, mut respond| async move {
            let body = read_all(request.body_mut()).await.unwrap();
            answer(&mut respond, body);
        })
        .await;
        let transport = transport();
        let request = Request::post(server.url("/"))
            .body(EndPanics(false))
            .unwrap();
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "some");
        assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "");
        assert_eq!(server.accepted(), 1);
    });
}
