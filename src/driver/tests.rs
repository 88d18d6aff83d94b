//! The driver on a socket that is slow in its own ways, on a paused clock.

mod expect;
mod managers;
mod tunnels;

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Endpoint, Handle, Http2Config, Http2Driver};
use crate::{
    body::{Outcome, OutgoingBody, OutgoingRequest, Slot},
    error::{Kind, Phase, Retry},
    http1::Target,
    http2,
    netloc::Netloc,
};

/// A peer that says nothing and takes everything, through a layer whose first flushes have to wait.
#[derive(Clone, Default)]
struct SlowFlush {
    waits: usize,
    flushes: Arc<AtomicUsize>,
    waiting: Arc<Mutex<Option<Waker>>>,
}

impl AsyncRead for SlowFlush {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for SlowFlush {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes.fetch_add(1, Ordering::SeqCst) < self.waits {
            *self.waiting.lock().unwrap() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A driver for this socket, that waits for no SETTINGS.
fn drive(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Handle {
    drive_over("http://peer/", io)
}

fn drive_over(url: &str, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Handle {
    let endpoint = Endpoint {
        netloc: Netloc::from_uri(&url.parse().unwrap()).unwrap(),
        remote: None,
        alpn: None,
        is_encrypted: url.starts_with("https:"),
    };
    let config = Http2Config {
        engine: http2::Config {
            settings_timeout: None,
            ..http2::Config::default()
        },
        write_timeout: Some(Duration::from_secs(30)),
    };
    let (driver, handle) = Http2Driver::new(io, endpoint, config);
    tokio::spawn(driver.run());
    handle
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_had_to_wait_is_asked_again_and_is_no_stall() {
    let io = SlowFlush {
        waits: 1,
        ..SlowFlush::default()
    };
    let handle = drive(io.clone());
    tokio::task::yield_now().await;
    assert_eq!(io.flushes.load(Ordering::SeqCst), 1);

    io.waiting.lock().unwrap().take().unwrap().wake();
    tokio::task::yield_now().await;
    assert_eq!(io.flushes.load(Ordering::SeqCst), 2);

    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(handle.is_open(), "nothing waits to be written");
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_waits_for_ever_ends_the_connection() {
    let handle = drive(SlowFlush {
        waits: usize::MAX,
        ..SlowFlush::default()
    });
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(handle.is_open());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!handle.is_open());
}

/// A peer behind a pipe that takes nothing until it is opened, and remembers what it took.
#[derive(Clone, Default)]
struct Pipe {
    state: Arc<Mutex<PipeState>>,
}

#[derive(Default)]
struct PipeState {
    room: usize,
    taken: Vec<u8>,
    inbound: Vec<u8>,
    is_broken: bool,
    wakers: Vec<Waker>,
}

impl Pipe {
    fn change(&self, change: impl FnOnce(&mut PipeState)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        for waker in std::mem::take(&mut state.wakers) {
            waker.wake();
        }
    }

    fn says(&self, octets: &[u8]) {
        self.change(|state| state.inbound.extend_from_slice(octets));
    }

    fn taken(&self) -> usize {
        self.state.lock().unwrap().taken.len()
    }

    /// Heads of requests among what was taken.
    fn heads(&self) -> usize {
        let taken = self.state.lock().unwrap().taken.clone();
        let mut rest = taken.get(24..).unwrap_or_default();
        let mut heads = 0;
        while let Some(octets) = rest.first_chunk::<9>() {
            let header = http2::frame::FrameHeader::parse(octets);
            heads += usize::from(header.frame_type == http2::frame::FrameType::HEADERS);
            rest = rest.get(9 + header.length as usize..).unwrap_or_default();
        }
        heads
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        if state.inbound.is_empty() {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        buf.put_slice(&std::mem::take(&mut state.inbound));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap();
        if state.is_broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let count = octets.len().min(state.room);
        if count == 0 {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        state.room -= count;
        state.taken.extend_from_slice(&octets[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Frames that went out on stream 1, after the head: type, flags, payload.
fn sent(pipe: &Pipe) -> Vec<(http2::frame::FrameType, u8, Vec<u8>)> {
    let taken = pipe.state.lock().unwrap().taken.clone();
    let mut rest = taken.get(24..).unwrap_or_default();
    let mut frames = Vec::new();
    while let Some(octets) = rest.first_chunk::<9>() {
        let header = http2::frame::FrameHeader::parse(octets);
        let (frame, after) = rest.split_at(9 + header.length as usize);
        if header.stream_id.as_u32() == 1 && header.frame_type != http2::frame::FrameType::HEADERS {
            frames.push((header.frame_type, octets[4], frame[9..].to_vec()));
        }
        rest = after;
    }
    frames
}

/// Sends a GET, and gives its slot.
fn get(handle: &Handle) -> Arc<Slot> {
    send(handle, OutgoingBody::Empty)
}

fn send(handle: &Handle, body: OutgoingBody) -> Arc<Slot> {
    let request = http::Request::get("http://peer/").body(()).unwrap();
    send_request(handle, request, body)
}

fn send_request(handle: &Handle, request: http::Request<()>, body: OutgoingBody) -> Arc<Slot> {
    assert!(handle.try_reserve());
    let (parts, ()) = request.into_parts();
    let request = OutgoingRequest {
        parts,
        body,
        target: Target::Origin,
    };
    let slot = Slot::new(request, handle.control());
    assert!(handle.send(Arc::clone(&slot)));
    slot
}

async fn outcome(slot: &Slot) -> Outcome {
    std::future::poll_fn(|cx| slot.poll_head(cx)).await
}

/// An empty SETTINGS, and the acknowledgement of ours.
const GREETING: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

#[tokio::test(start_paused = true)]
async fn what_goes_out_elsewhere_never_leaves_here_though_the_peer_reads_again() {
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    tokio::time::sleep(Duration::from_secs(1)).await;

    pipe.change(|state| state.room = 0);
    let slot = get(&handle);
    let Outcome::Unsent(_, error) = outcome(&slot).await else {
        panic!("no octet of the request was taken");
    };
    assert_eq!(error.kind(), Kind::Timeout(Phase::WriteProgress));
    pipe.change(|state| state.room = usize::MAX);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(pipe.heads(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_leaves_out_the_requests_that_had_not_left() {
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    tokio::time::sleep(Duration::from_secs(1)).await;

    // The request is queued in the turn in which the peer breaks a rule: DATA on stream 0.
    let before = pipe.taken();
    pipe.change(|state| state.room = 0);
    let slot = get(&handle);
    tokio::time::sleep(Duration::from_secs(1)).await;
    pipe.change(|state| {
        state
            .inbound
            .extend_from_slice(&[0, 0, 1, 0, 0, 0, 0, 0, 0, 7]);
    });
    assert!(matches!(outcome(&slot).await, Outcome::Unsent(..)));
    pipe.change(|state| state.room = usize::MAX);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(pipe.heads(), 0);
    assert!(pipe.taken() > before, "GOAWAY goes out");
}

#[tokio::test(start_paused = true)]
async fn callers_who_come_and_go_leave_no_frames_behind_a_stuck_socket() {
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    tokio::time::sleep(Duration::from_millis(10)).await;

    pipe.change(|state| state.room = 0);
    let before = pipe.taken();
    for _ in 0..1_000 {
        let slots = (0..20).map(|_| get(&handle)).collect::<Vec<_>>();
        // The driver makes streams of them before their callers leave.
        tokio::time::sleep(Duration::from_millis(1)).await;
        for slot in slots {
            slot.abandon();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pipe.change(|state| state.room = usize::MAX);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let octets = pipe.taken() - before;
    assert!(octets < 128 * 1024, "{octets} octets");
    assert_eq!(handle.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_may_have_sent_something_only_below_tls() {
    for (url, is_unsent) in [("http://peer/", true), ("https://peer/", false)] {
        let pipe = Pipe::default();
        let handle = drive_over(url, pipe.clone());
        pipe.change(|state| state.room = usize::MAX);
        pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
        tokio::time::sleep(Duration::from_secs(1)).await;

        pipe.change(|state| state.is_broken = true);
        let slot = get(&handle);
        match outcome(&slot).await {
            Outcome::Unsent(_, error) => {
                assert!(is_unsent);
                assert_eq!(error.retry(), Retry::Safe);
            }
            Outcome::Failed(error) => {
                assert!(!is_unsent);
                assert_eq!(
                    (error.kind(), error.retry()),
                    (Kind::Closed, Retry::IfIdempotent)
                );
            }
            Outcome::Answered(_) => panic!("nobody answered"),
        }
        assert!(!handle.is_open());
    }
}

/// A body that has nothing to give, and panics when it is dropped.
struct Grenade;

impl http_body::Body for Grenade {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
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
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    let slots: Vec<_> = (0..8)
        .map(|index| match index % 2 {
            0 => get(&handle),
            _ => send(&handle, OutgoingBody::new(Grenade)),
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pipe.heads(), 8);

    pipe.change(|state| state.is_broken = true);
    pipe.change(|state| {
        state
            .inbound
            .extend_from_slice(&[0, 0, 1, 0, 0, 0, 0, 0, 0, 7]);
    });
    for slot in slots {
        let Outcome::Failed(error) = outcome(&slot).await else {
            panic!("all were written, and none was answered");
        };
        assert_eq!(error.kind(), Kind::Protocol);
    }
    assert_eq!(handle.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_the_head_does_not_make_the_request_safe_to_repeat() {
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    let slot = get(&handle);
    tokio::time::sleep(Duration::from_secs(1)).await;

    // `:status: 200`, then RST_STREAM with REFUSED_STREAM.
    let head = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7];
    pipe.change(|state| state.inbound.extend_from_slice(&head));
    assert!(matches!(outcome(&slot).await, Outcome::Answered(_)));
    pipe.change(|state| state.inbound.extend_from_slice(&reset));
    let part = std::future::poll_fn(|cx| slot.poll_part(cx)).await;
    let Some(Err(error)) = part else {
        panic!("the body was cut short");
    };
    assert_eq!(
        (error.kind(), error.retry()),
        (Kind::Reset, Retry::IfIdempotent)
    );
}
