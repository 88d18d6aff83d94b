//! Connections that were idle while the runtime may have stood still.

use std::time::Duration;

use http::Method;

use super::{Socket, drive, get, outcome, send, settle, status, whole};
use crate::{
    body::Outcome,
    driver::{Handle, http1::Http1Driver},
};

const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A connection that has carried a request, and was idle for so long since.
async fn idle_for(time: Duration) -> (Socket, Handle) {
    let socket = Socket::wide();
    let handle = drive(&socket);
    let slot = get(&handle);
    settle().await;
    socket.give(DONE);
    assert_eq!(status(&slot).await, 200);
    settle().await;
    tokio::time::sleep(time).await;
    (socket, handle)
}

/// Not even what cannot be done twice is lost.
#[tokio::test(start_paused = true)]
async fn an_end_that_the_runtime_has_yet_to_notice_is_seen_before_a_request_is_written() {
    let (socket, handle) = idle_for(Http1Driver::LONG_IDLE).await;
    let before = socket.taken();
    socket.end_unnoticed();
    let slot = send(&handle, Method::POST, whole("not twice"));
    match outcome(&slot).await {
        Outcome::Unsent(..) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(socket.taken(), before);
    assert!(!handle.is_open());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_still_there_carries_the_request_after_a_second_look() {
    let (socket, handle) = idle_for(Http1Driver::LONG_IDLE * 100).await;
    for _ in 0..2 {
        let slot = send(&handle, Method::POST, whole("hello"));
        settle().await;
        assert!(socket.taken().ends_with("hello"));
        socket.give(DONE);
        assert_eq!(status(&slot).await, 200);
        settle().await;
    }
}

/// A busy connection is written to at once: the runtime has looked after it a moment ago.
#[tokio::test(start_paused = true)]
async fn one_that_was_idle_for_a_moment_is_not_doubted() {
    let (socket, handle) = idle_for(Http1Driver::LONG_IDLE / 2).await;
    socket.end_unnoticed();
    let _slot = send(&handle, Method::POST, whole("hello"));
    settle().await;
    assert!(socket.taken().ends_with("hello"));
}

/// Be it new: nobody may have come for it for long.
#[tokio::test(start_paused = true)]
async fn one_that_was_never_used_is_doubted_as_well() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    tokio::time::sleep(Http1Driver::LONG_IDLE).await;
    socket.end_unnoticed();
    let slot = send(&handle, Method::POST, whole("not twice"));
    assert!(matches!(outcome(&slot).await, Outcome::Unsent(..)));
    assert_eq!(socket.taken(), "");
}
