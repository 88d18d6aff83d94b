//! How a connection ends, and what that means for those who use it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, header};
use http_body::{Body, Frame};

use super::{
    Socket, data, drive, drive_over, driver, failure, get, outcome, request, send, send_with,
    settle, status, whole,
};
use crate::{
    body::{Outcome, OutgoingBody, Slot},
    error::{Kind, Phase, Retry},
};

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// One exchange, so that the connection has been used.
async fn warm(socket: &Socket, handle: &crate::driver::Handle) {
    let slot = get(handle);
    settle().await;
    socket.give(EMPTY);
    assert_eq!(status(&slot).await, 200);
    settle().await;
    assert_eq!((handle.is_open(), handle.in_use()), (true, 0));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_here_is_seen_before_a_request_is_written() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    warm(&socket, &handle).await;
    let before = socket.taken();
    // Both before the driver has a turn. Not even what must not be done twice is lost.
    socket.end();
    let slot = send(&handle, Method::POST, whole("body"));
    let Outcome::Unsent(request, error) = outcome(&slot).await else {
        panic!("it was not sent");
    };
    assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
    assert!(request.body.is_replayable());
    assert_eq!(socket.taken(), before);
}

#[tokio::test(start_paused = true)]
async fn an_end_in_place_of_an_answer_gives_back_what_can_be_done_twice() {
    for (method, ending) in [
        (Method::GET, None),
        (Method::PUT, None),
        (Method::GET, Some(io::ErrorKind::ConnectionReset)),
        (Method::GET, Some(io::ErrorKind::UnexpectedEof)),
        (Method::POST, None),
        (Method::POST, Some(io::ErrorKind::ConnectionReset)),
        // It may be the fault of neither side that reading fails like this.
        (Method::GET, Some(io::ErrorKind::InvalidData)),
    ] {
        let socket = Socket::wide();
        let handle = drive(&socket);
        warm(&socket, &handle).await;
        let slot = send(&handle, method.clone(), OutgoingBody::Empty);
        settle().await;
        match ending {
            None => socket.end(),
            Some(kind) => socket.break_reading(kind),
        }
        let is_idle_end = ending != Some(io::ErrorKind::InvalidData);
        match outcome(&slot).await {
            Outcome::Unsent(_, error) => {
                assert!(method != Method::POST && is_idle_end, "{ending:?}");
                assert_eq!(error.retry(), Retry::IfIdempotent);
            }
            Outcome::Failed(error) => {
                assert!(method == Method::POST || !is_idle_end, "{ending:?}");
                let kind = if is_idle_end { Kind::Closed } else { Kind::Io };
                assert_eq!((error.kind(), error.retry()), (kind, Retry::IfIdempotent));
            }
            Outcome::Answered(_) => panic!("nobody answered"),
        }
        assert!(!handle.is_open());
        assert_eq!(handle.in_use(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_begun_to_answer_has_seen_the_request() {
    for said in [
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
    ] {
        let socket = Socket::wide();
        let handle = drive(&socket);
        warm(&socket, &handle).await;
        let slot = get(&handle);
        settle().await;
        socket.give(said);
        settle().await;
        socket.break_reading(io::ErrorKind::ConnectionReset);
        match outcome(&slot).await {
            Outcome::Failed(error) => {
                let reported = (error.kind(), error.retry());
                assert_eq!(reported, (Kind::Closed, Retry::IfIdempotent));
            }
            Outcome::Answered(_) => assert!(said.contains("half")),
            Outcome::Unsent(..) => panic!("{said:?} was an answer"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_which_nothing_left_goes_elsewhere_whatever_it_asks() {
    let socket = Socket::default();
    let handle = drive(&socket);
    let slot = send(&handle, Method::POST, whole("body"));
    settle().await;
    socket.end();
    let Outcome::Unsent(_, error) = outcome(&slot).await else {
        panic!("nothing of it was written");
    };
    assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
}

#[tokio::test(start_paused = true)]
async fn the_first_request_of_a_connection_is_not_given_back() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    let slot = get(&handle);
    settle().await;
    socket.end();
    let error = failure(&slot).await;
    assert_eq!(
        (error.kind(), error.retry()),
        (Kind::Closed, Retry::IfIdempotent)
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up() {
    for (room, is_unsent) in [(0, true), (10, false)] {
        let socket = Socket::default();
        let handle = drive(&socket);
        socket.take(room);
        let slot = get(&handle);
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert!(handle.is_open());
        let error = match outcome(&slot).await {
            Outcome::Unsent(_, error) if is_unsent => error,
            Outcome::Failed(error) if !is_unsent => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.kind(), Kind::Timeout(Phase::WriteProgress));
        let retry = if is_unsent {
            Retry::Safe
        } else {
            Retry::IfIdempotent
        };
        assert_eq!(error.retry(), retry);
        socket.take(usize::MAX);
        settle().await;
        assert_eq!(
            socket.taken().len(),
            room,
            "what goes elsewhere never leaves"
        );
        assert!(socket.is_dropped());
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_is_waited_for() {
    let socket = Socket::default();
    let handle = drive(&socket);
    let slot = get(&handle);
    const HEAD: &str = "GET / HTTP/1.1\r\nhost: peer\r\n\r\n";
    for _ in 0..HEAD.len() {
        tokio::time::sleep(Duration::from_secs(29)).await;
        socket.take(1);
    }
    settle().await;
    assert_eq!(socket.taken(), HEAD);
    // Nothing waits to be written any more.
    tokio::time::sleep(Duration::from_secs(300)).await;
    socket.give(EMPTY);
    assert_eq!(status(&slot).await, 200);
    assert!(handle.is_open());
}

#[tokio::test(start_paused = true)]
async fn what_the_server_said_before_writing_failed_is_heard() {
    let socket = Socket::default();
    let handle = drive(&socket);
    socket.take(500);
    let slot = send(&handle, Method::POST, OutgoingBody::new(Endless));
    settle().await;
    socket.break_writing(io::ErrorKind::BrokenPipe);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!handle.is_open(), "no other request may come here");
    socket.give("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno");
    socket.end();
    assert_eq!(status(&slot).await, 413);
    assert_eq!(data(&slot).await, "no");
    settle().await;
    assert!(socket.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn what_the_server_still_says_after_writing_failed_may_take_its_time() {
    let socket = Socket::default();
    let handle = drive(&socket);
    socket.take(500);
    let slot = send(&handle, Method::POST, OutgoingBody::new(Endless));
    settle().await;
    socket.break_writing(io::ErrorKind::BrokenPipe);
    const LENGTH: usize = 1 << 20;
    socket.give(format!(
        "HTTP/1.1 413 Content Too Large\r\ncontent-length: {LENGTH}\r\n\r\n"
    ));
    assert_eq!(status(&slot).await, 413);
    let mut octets = 0;
    for _ in 0..4 {
        // It comes by and by, and is read no sooner than its reader likes.
        socket.give(vec![7; LENGTH / 4]);
        tokio::time::sleep(Duration::from_millis(900)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(socket.unread() > 0);
    while octets < LENGTH {
        octets += data(&slot).await.len();
    }
    settle().await;
    assert!(socket.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_after_writing_failed_is_not_waited_for_long() {
    for (url, is_safe) in [("http://peer/", true), ("https://peer/", false)] {
        let socket = Socket::wide();
        let handle = drive_over(url, &socket);
        socket.break_writing(io::ErrorKind::BrokenPipe);
        let slot = get(&handle);
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(!socket.is_dropped());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(socket.is_dropped());
        // Below TLS, records may have left before the one that failed.
        match outcome(&slot).await {
            Outcome::Unsent(_, error) => {
                assert!(is_safe);
                assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
            }
            Outcome::Failed(error) => {
                assert!(!is_safe);
                assert_eq!(
                    (error.kind(), error.retry()),
                    (Kind::Closed, Retry::IfIdempotent)
                );
            }
            Outcome::Answered(_) => panic!("nobody answered"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_after_writing_failed_goes_elsewhere() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    warm(&socket, &handle).await;
    socket.break_writing(io::ErrorKind::ConnectionReset);
    let slot = send(&handle, Method::POST, whole("body"));
    let Outcome::Unsent(..) = outcome(&slot).await else {
        panic!("nothing of it was written");
    };
    assert!(!handle.try_reserve());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_on_its_way_as_writing_failed_goes_elsewhere_at_once() {
    let socket = Socket::default();
    let handle = drive(&socket);
    socket.take(10);
    let first = send(&handle, Method::POST, whole("body"));
    settle().await;
    // An answer before all of the request has left; the rest of it is still to be written.
    socket.give(EMPTY);
    assert_eq!(status(&first).await, 200);
    settle().await;
    assert_eq!((handle.is_open(), handle.in_use()), (true, 0));
    assert!(handle.try_reserve());
    socket.break_writing(io::ErrorKind::BrokenPipe);
    settle().await;
    assert!(!handle.is_open());
    let slot = Slot::new(request(Method::POST, whole("body")), handle.control());
    assert!(handle.send(Arc::clone(&slot)));
    settle().await;
    let polled = futures_util::poll!(std::pin::pin!(outcome(&slot)));
    assert!(matches!(polled, Poll::Ready(Outcome::Unsent(..))));
}

#[tokio::test(start_paused = true)]
async fn to_retire_is_to_finish_and_then_to_close() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    let slot = get(&handle);
    settle().await;
    handle.retire();
    settle().await;
    assert!(!handle.is_open() && !socket.is_shut());
    socket.give("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwh");
    settle().await;
    socket.give("ole");
    assert_eq!(status(&slot).await, 200);
    assert_eq!(data(&slot).await, "wh");
    assert_eq!(data(&slot).await, "ole");
    settle().await;
    assert!(socket.is_shut() && socket.is_dropped());

    let socket = Socket::wide();
    let handle = drive(&socket);
    warm(&socket, &handle).await;
    handle.retire();
    settle().await;
    assert!(socket.is_shut() && socket.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_meets_a_retiring_connection_goes_elsewhere() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    warm(&socket, &handle).await;
    let before = socket.taken();
    assert!(handle.try_reserve());
    handle.release_slot();
    handle.retire();
    let slot = send(&handle, Method::POST, whole("body"));
    let Outcome::Unsent(_, error) = outcome(&slot).await else {
        panic!("it was not sent");
    };
    assert_eq!(error.retry(), Retry::Safe);
    assert_eq!(socket.taken(), before);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_that_takes_for_ever_is_cut_short() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    socket.cling();
    warm(&socket, &handle).await;
    handle.retire();
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    assert!(socket.is_shut() && !socket.is_dropped());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(socket.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_is_dropped_leaves_nobody_waiting() {
    let socket = Socket::wide();
    let (driver, handle) = driver("http://peer/", &socket);
    let task = tokio::spawn(driver.run());
    let slot = get(&handle);
    settle().await;
    task.abort();
    let error = failure(&slot).await;
    assert_eq!(
        (error.kind(), error.retry()),
        (Kind::Shutdown, Retry::IfIdempotent)
    );
    assert_eq!(handle.in_use(), 0);

    // One that it never saw was never written.
    let (driver, handle) = super::driver("http://peer/", &socket);
    let slot = get(&handle);
    drop(driver);
    let Outcome::Unsent(_, error) = outcome(&slot).await else {
        panic!("it was not sent");
    };
    assert_eq!((error.kind(), error.retry()), (Kind::Shutdown, Retry::Safe));
}

/// A body that always has something.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 100])))))
    }
}

/// A body that has nothing to give, and panics when it is dropped.
struct Grenade;

impl Body for Grenade {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("a body's destructor panics");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panics_when_dropped_leaves_nobody_waiting() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    let slot = send(&handle, Method::POST, OutgoingBody::new(Grenade));
    settle().await;
    socket.give("nonsense\r\n\r\n");
    assert_eq!(failure(&slot).await.kind(), Kind::MalformedResponse);
    settle().await;
    assert_eq!(handle.in_use(), 0);
    assert!(socket.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_handed_over_before_the_request_has_left() {
    // RFC 9110 §7.8: the octets still to be written would go into the tunnel.
    let socket = Socket::default();
    let handle = drive(&socket);
    socket.take(10);
    let fields = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
    let slot = send_with(&handle, Method::GET, &fields, OutgoingBody::Empty);
    settle().await;
    socket.give("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let error = failure(&slot).await;
    assert_eq!(error.kind(), Kind::MalformedResponse);
    assert!(!handle.is_open());
}

/// Writes down what a driver tells.
#[derive(Clone, Default)]
struct Told(Arc<std::sync::Mutex<Vec<&'static str>>>);

impl crate::driver::Observer for Told {
    fn slot_freed(&self, _: usize) {
        self.0.lock().unwrap().push("freed");
    }

    fn limit_raised(&self) {}

    fn ended(&self) {
        self.0.lock().unwrap().push("ended");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_over_says_so_before_its_slot_comes_free() {
    let socket = Socket::wide();
    let handle = drive(&socket);
    warm(&socket, &handle).await;
    let told = Told::default();
    handle.observe(Box::new(told.clone()));
    // The end and the request are found in the same turn.
    socket.end();
    let slot = get(&handle);
    assert!(matches!(outcome(&slot).await, Outcome::Unsent(..)));
    assert_eq!(*told.0.lock().unwrap(), ["ended", "freed"]);
}
