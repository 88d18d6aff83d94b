//! Bodies that wait for leave to go (RFC 9110 §10.1.1).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;

use super::{GREETING, Pipe, drive, outcome, send_request, sent};
use crate::{
    body::{Outcome, OutgoingBody, Slot, pipe},
    driver::Handle,
    http2::frame::FrameType,
};

/// Asks for leave to send this body, on stream 1 of a connection that has begun.
async fn ask(body: OutgoingBody) -> (Pipe, Handle, Arc<Slot>) {
    let pipe = Pipe::default();
    pipe.change(|state| state.room = usize::MAX);
    let handle = drive(pipe.clone());
    pipe.says(&GREETING);
    let request = Request::post("http://peer/").header("expect", "100-Continue");
    let slot = send_request(&handle, request.body(()).unwrap(), body);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(pipe.heads(), 1);
    (pipe, handle, slot)
}

fn whole() -> OutgoingBody {
    OutgoingBody::Whole(Bytes::from_static(b"content"))
}

/// A streaming body of the same octets.
fn streaming() -> OutgoingBody {
    let (writer, reader) = pipe();
    let cx = std::task::Context::from_waker(std::task::Waker::noop());
    let slice = [std::io::IoSlice::new(b"content")];
    assert!(writer.poll_write(&cx, &slice).is_ready());
    assert!(writer.poll_shutdown(&cx).is_pending());
    OutgoingBody::new(reader)
}

/// All of the body in one frame, and the end.
fn content() -> Vec<(FrameType, u8, Vec<u8>)> {
    vec![(FrameType::DATA, 1, b"content".to_vec())]
}

/// A head of this status on stream 1, from the static table's `:status` as a literal.
fn head(status: &[u8; 3], flags: u8) -> Vec<u8> {
    let mut frame = vec![0, 0, 5, 1, 4 | flags, 0, 0, 0, 1, 0x08, 3];
    frame.extend_from_slice(status);
    frame
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_once_the_server_says_continue() {
    for body in [whole, streaming] {
        let (pipe, _handle, _slot) = ask(body()).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_eq!(sent(&pipe), []);
        // RFC 8297: hints say nothing of the body.
        pipe.says(&head(b"103", 0));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(sent(&pipe), []);
        pipe.says(&head(b"100", 0));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(sent(&pipe), content());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(sent(&pipe), content(), "once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_by_itself_after_a_second() {
    for body in [whole, streaming] {
        let (pipe, _handle, _slot) = ask(body()).await;
        tokio::time::sleep(Duration::from_millis(980)).await;
        assert_eq!(sent(&pipe), []);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(sent(&pipe), content());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_to_a_server_that_has_begun_a_good_answer() {
    for body in [whole, streaming] {
        let (pipe, _handle, _slot) = ask(body()).await;
        pipe.says(&head(b"200", 0));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(sent(&pipe), content());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_wanted_stays_here() {
    for body in [whole, streaming] {
        let (pipe, handle, slot) = ask(body()).await;
        pipe.says(&head(b"417", 1));
        assert!(
            matches!(outcome(&slot).await, Outcome::Answered(answer) if answer.head.status == 417)
        );
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(sent(&pipe), []);
        assert_eq!(handle.in_use(), 1);
        // RFC 9113 §8.1: the response is whole, so nothing is wrong.
        slot.abandon();
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(sent(&pipe), [(FrameType::RST_STREAM, 0, vec![0; 4])]);
        assert_eq!(handle.in_use(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_request_was_refused_can_go_elsewhere() {
    for body in [whole, streaming] {
        let (pipe, _handle, slot) = ask(body()).await;
        let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7];
        pipe.says(&reset);
        let Outcome::Unsent(request, _) = outcome(&slot).await else {
            panic!("REFUSED_STREAM");
        };
        assert!(request.body.is_replayable());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(sent(&pipe), []);
    }
    // Even if it has gone: a copy of what is whole has stayed.
    let (pipe, _handle, slot) = ask(whole()).await;
    pipe.says(&head(b"100", 0));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(sent(&pipe), content());
    pipe.says(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7]);
    let Outcome::Unsent(request, _) = outcome(&slot).await else {
        panic!("REFUSED_STREAM");
    };
    assert!(matches!(request.body, OutgoingBody::Whole(body) if body == "content"));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_content_waits_for_nobody() {
    for body in [OutgoingBody::Empty, OutgoingBody::Whole(Bytes::new())] {
        let (pipe, _handle, slot) = ask(body).await;
        pipe.says(&head(b"200", 1));
        assert!(matches!(
            outcome(&slot).await,
            Outcome::Answered(answer) if answer.is_end
        ));
        assert_eq!(sent(&pipe), []);
    }
}
