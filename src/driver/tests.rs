//! The driver on a socket that is slow in its own ways, on a paused clock.

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

use super::{DriverConfig, Endpoint, Http2Driver, Http2Handle};
use crate::{http2, netloc::Netloc};

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
fn drive(io: SlowFlush) -> Http2Handle {
    let endpoint = Endpoint {
        netloc: Netloc::from_uri(&"http://peer/".parse().unwrap()).unwrap(),
        remote: None,
        alpn: None,
    };
    let config = DriverConfig {
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
