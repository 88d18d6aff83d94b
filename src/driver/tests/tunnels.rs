//! Extended CONNECT while the peer has not said whether it takes any (RFC 8441 §3), and how the
//! ends of a tunnel reach the peer.

use std::{sync::Arc, time::Duration};

use http::Request;

use super::{GREETING, Pipe, drive, get, outcome, send_request, sent};
use crate::{
    body::{Outcome, OutgoingBody, PipeWriter, Slot, pipe},
    driver::Handle,
    error::{Kind, Retry},
    http2::{frame::FrameType, message::Protocol},
};

/// SETTINGS that enables extended CONNECT, and the acknowledgement of ours.
const OFFER: [u8; 24] = [
    0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4, 1, 0, 0, 0, 0,
];

/// Long enough for the driver to do whatever it does by itself.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// A connection on which the peer has said nothing.
fn fresh() -> (Pipe, Handle) {
    let pipe = Pipe::default();
    pipe.change(|state| state.room = usize::MAX);
    let handle = drive(pipe.clone());
    (pipe, handle)
}

/// Asks for a tunnel by extended CONNECT.
fn ask(handle: &Handle) -> (Arc<Slot>, PipeWriter) {
    let request = Request::connect("http://peer/chat").extension(Protocol::WEBSOCKET);
    let (writer, reader) = pipe();
    let body = OutgoingBody::new(reader);
    (
        send_request(handle, request.body(()).unwrap(), body),
        writer,
    )
}

#[tokio::test(start_paused = true)]
async fn an_extended_connect_waits_for_the_peers_settings_and_holds_up_nobody() {
    let (pipe, handle) = fresh();
    let (slot, _writer) = ask(&handle);
    settle().await;
    assert_eq!(pipe.heads(), 0);
    let _other = get(&handle);
    settle().await;
    assert_eq!(pipe.heads(), 1, "the other one");
    pipe.says(&OFFER);
    settle().await;
    assert_eq!(pipe.heads(), 2);
    // `:status: 200` on the second stream.
    pipe.says(&[0, 0, 1, 1, 4, 0, 0, 0, 3, 0x88]);
    assert!(matches!(outcome(&slot).await, Outcome::Answered(_)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_offer_extended_connect_is_not_asked() {
    let (pipe, handle) = fresh();
    let (early, _writer) = ask(&handle);
    settle().await;
    pipe.says(&GREETING);
    let (late, _writer) = {
        let outcome = outcome(&early).await;
        let Outcome::Failed(error) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!((error.kind(), error.retry()), (Kind::Request, Retry::Never));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("does not offer"), "{source}");
        ask(&handle)
    };
    assert!(
        matches!(outcome(&late).await, Outcome::Failed(error) if error.kind() == Kind::Request)
    );
    assert_eq!((pipe.heads(), handle.in_use()), (0, 0));
    assert!(handle.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_before_the_settings_is_not_heard_of() {
    let (pipe, handle) = fresh();
    let (slot, _writer) = ask(&handle);
    settle().await;
    slot.abandon();
    pipe.says(&OFFER);
    settle().await;
    assert_eq!((pipe.heads(), handle.in_use()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_before_the_settings_gives_the_request_back() {
    let (pipe, handle) = fresh();
    let (slot, _writer) = ask(&handle);
    settle().await;
    // DATA is no preface.
    pipe.says(&[0, 0, 1, 0, 0, 0, 0, 0, 0, 7]);
    let Outcome::Unsent(request, error) = outcome(&slot).await else {
        panic!("it was never sent");
    };
    assert_eq!((error.kind(), error.retry()), (Kind::Protocol, Retry::Safe));
    assert!(request.parts.extensions.get::<Protocol>().is_some());
    assert_eq!((pipe.heads(), handle.in_use()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_retired_before_the_settings_gives_the_request_back() {
    for is_busy in [false, true] {
        let (pipe, handle) = fresh();
        let _other = is_busy.then(|| get(&handle));
        let (slot, _writer) = ask(&handle);
        settle().await;
        handle.retire();
        let outcome = tokio::time::timeout(Duration::from_secs(1), outcome(&slot)).await;
        assert!(matches!(outcome, Ok(Outcome::Unsent(_, error)) if error.retry() == Retry::Safe));
        assert_eq!(pipe.heads(), usize::from(is_busy));
    }
}

/// RFC 9110 §9.3.6: nothing more is to be said, whatever the server still says.
#[tokio::test(start_paused = true)]
async fn a_refused_tunnel_ends_at_once_and_is_not_broken_off() {
    for is_whole in [true, false] {
        // On a task of its own, which runs as soon as it is woken: before the end has left.
        tokio::spawn(refused(is_whole)).await.unwrap();
    }
}

async fn refused(is_whole: bool) {
    let end = [(FrameType::DATA, 1, Vec::new())];
    let (pipe, handle) = fresh();
    pipe.says(&OFFER);
    let (slot, writer) = ask(&handle);
    settle().await;
    // `:status: 404`.
    let flags = 4 | u8::from(is_whole);
    pipe.says(&[0, 0, 1, 1, flags, 0, 0, 0, 1, 0x8d]);
    let Outcome::Answered(answer) = outcome(&slot).await else {
        panic!("an answer");
    };
    assert_eq!(answer.is_end, is_whole);
    assert_eq!(sent(&pipe), []);
    // There is nothing to write into, and nothing to break off.
    let slice = [std::io::IoSlice::new(b"x")];
    let written = std::future::poll_fn(|cx| writer.poll_write(cx, &slice)).await;
    assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    if is_whole {
        slot.abandon();
    }
    settle().await;
    assert_eq!(sent(&pipe), end);
    if !is_whole {
        pipe.says(&PEERS_END);
        settle().await;
        slot.abandon();
        settle().await;
        assert_eq!(sent(&pipe), end);
    }
    assert_eq!(handle.in_use(), 0);
}

/// A tunnel that stands, on stream 1.
async fn standing() -> (Pipe, Arc<Slot>, PipeWriter) {
    let (pipe, handle) = fresh();
    pipe.says(&OFFER);
    let (slot, writer) = ask(&handle);
    settle().await;
    pipe.says(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]);
    assert!(matches!(outcome(&slot).await, Outcome::Answered(_)));
    (pipe, slot, writer)
}

async fn write(writer: &PipeWriter, octets: &[u8]) {
    let slice = [std::io::IoSlice::new(octets)];
    let written = std::future::poll_fn(|cx| writer.poll_write(cx, &slice)).await;
    assert_eq!(written.unwrap(), octets.len());
}

const CANCEL: [u8; 4] = [0, 0, 0, 8];
const PEERS_END: [u8; 9] = [0, 0, 0, 0, 1, 0, 0, 0, 1];

#[tokio::test(start_paused = true)]
async fn a_tunnel_is_broken_off_with_cancel_whether_or_not_the_peer_has_ended() {
    for has_ended in [false, true] {
        let (pipe, slot, writer) = standing().await;
        if has_ended {
            pipe.says(&PEERS_END);
            settle().await;
        }
        slot.abandon();
        settle().await;
        assert_eq!(sent(&pipe), [(FrameType::RST_STREAM, 0, CANCEL.to_vec())]);
        // Nobody reads any more.
        let slice = [std::io::IoSlice::new(b"x")];
        let written = std::future::poll_fn(|cx| writer.poll_write(cx, &slice)).await;
        assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_who_just_goes_breaks_the_tunnel_off() {
    let (pipe, _slot, writer) = standing().await;
    write(&writer, b"half").await;
    settle().await;
    drop(writer);
    settle().await;
    assert_eq!(
        sent(&pipe),
        [
            (FrameType::DATA, 0, b"half".to_vec()),
            (FrameType::RST_STREAM, 0, CANCEL.to_vec()),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_done_when_its_end_has_left_and_not_before() {
    let (pipe, slot, writer) = standing().await;
    pipe.says(&PEERS_END);
    settle().await;
    // One octet more than the windows let through, and the end with it.
    write(&writer, &[b'x'; 64 * 1024]).await;
    let shutdown = std::future::poll_fn(|cx| writer.poll_shutdown(cx));
    let early = tokio::time::timeout(Duration::from_secs(60), shutdown).await;
    assert!(early.is_err(), "the window is closed");
    // WINDOW_UPDATE of 16 on the connection and on the stream.
    for id in [0, 1] {
        pipe.says(&[0, 0, 4, 8, 0, 0, 0, 0, id, 0, 0, 0, 16]);
    }
    let shutdown = std::future::poll_fn(|cx| writer.poll_shutdown(cx));
    shutdown.await.unwrap();
    settle().await;
    let frames = sent(&pipe);
    let octets: usize = frames.iter().map(|(_, _, payload)| payload.len()).sum();
    assert_eq!(octets, 64 * 1024);
    assert!(matches!(frames.last(), Some((FrameType::DATA, 1, _))));
    // Nothing is left to break off.
    slot.abandon();
    settle().await;
    assert_eq!(sent(&pipe), frames);
}
