//! Responses that are complete before their requests (RFC 9110 §7.5).

use std::{io, sync::Arc};

use bytes::Bytes;
use http::Method;
use http_body_util::channel::{Channel, Sender};

use super::{Socket, drive, get, send, settle, status};
use crate::{
    body::{OutgoingBody, Slot},
    driver::Handle,
};

/// An upload that has its answer, and goes on.
struct Answered {
    socket: Socket,
    handle: Handle,
    slot: Arc<Slot>,
    body: Sender<Bytes, io::Error>,
}

async fn answered(answer: &str) -> Answered {
    let socket = Socket::wide();
    let handle = drive(&socket);
    let (mut body, channel) = Channel::new(4);
    let slot = send(&handle, Method::POST, OutgoingBody::new(channel));
    body.send_data(Bytes::from("first")).await.unwrap();
    settle().await;
    socket.give(answer);
    assert_eq!(status(&slot).await, 200);
    settle().await;
    assert_eq!((handle.is_open(), handle.in_use()), (true, 1));
    Answered {
        socket,
        handle,
        slot,
        body,
    }
}

const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn the_rest_of_the_request_goes_out_and_the_connection_is_used_again() {
    let mut t = answered(DONE).await;
    assert!(t.slot.is_exhausted());
    t.body.send_data(Bytes::from("second")).await.unwrap();
    settle().await;
    assert!(t.socket.taken().ends_with("6\r\nsecond\r\n"));
    drop(t.body);
    settle().await;
    assert!(t.socket.taken().ends_with("0\r\n\r\n"));
    assert_eq!((t.handle.is_open(), t.handle.in_use()), (true, 0));
    // There is nothing left to leave.
    let next = get(&t.handle);
    t.slot.abandon();
    settle().await;
    t.socket.give(DONE);
    assert_eq!(status(&next).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_breaks_it_off() {
    let mut t = answered(DONE).await;
    t.slot.abandon();
    settle().await;
    assert_eq!((t.handle.is_open(), t.handle.in_use()), (false, 0));
    assert!(t.socket.taken().ends_with("5\r\nfirst\r\n"));
    assert!(t.body.send_data(Bytes::from("late")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_takes_the_connection_along_and_not_the_answer() {
    let t = answered("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes").await;
    t.body.abort(io::Error::other("broken off"));
    settle().await;
    assert!(!t.handle.is_open());
    assert_eq!(super::data(&t.slot).await, "yes");
    assert!(t.slot.is_exhausted());
    assert!(!t.socket.taken().ends_with("0\r\n\r\n"));
}

/// However much of the response is unread: none of it is still to come.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_is_seen_though_nobody_reads() {
    const LENGTH: usize = 300 * 1024;
    let mut response = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
    response.push_str(&"x".repeat(LENGTH));
    let mut t = answered(&response).await;
    assert_eq!(t.socket.unread(), 0);
    t.socket.end();
    settle().await;
    assert!(!t.handle.is_open());
    assert!(t.body.send_data(Bytes::from("late")).await.is_err());
}
