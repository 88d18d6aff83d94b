//! Connections in memory, which a test can hold up and break as no socket lets itself.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tower::service_fn;
use towline::{Transport, TransportBuilder, connect::Connected};

use super::Stream;

/// The test's hold on the client's end of every pipe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    write_error: Option<io::ErrorKind>,
    read_error: Option<&'static str>,
    wakers: Vec<Waker>,
}

impl Hold {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics here")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for waker in wakers {
            waker.wake();
        }
    }

    /// From now on, what is written is taken and not passed on.
    pub(crate) fn hold(&self) {
        self.change(|state| state.is_held = true);
    }

    /// Passes everything on again.
    pub(crate) fn let_go(&self) {
        self.change(|state| state.is_held = false);
    }

    /// From now on writing fails; what the server sends can still be read.
    pub(crate) fn break_writing(&self, kind: io::ErrorKind) {
        self.change(|state| state.write_error = Some(kind));
    }

    /// Reading fails once what has come is read.
    pub(crate) fn break_reading(&self, why: &'static str) {
        self.change(|state| state.read_error = Some(why));
    }

    /// A transport whose connections are pipes to `serve`.
    pub(crate) fn transport<F, S>(&self, builder: TransportBuilder, serve: F) -> Transport
    where
        F: Fn(Stream) -> S + Clone + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let hold = self.clone();
        let connector = service_fn(move |_| {
            let (client, server) = tokio::io::duplex(4 << 20);
            tokio::spawn(serve(Box::new(server)));
            let pipe = Pipe {
                inner: client,
                hold: hold.clone(),
                taken: BytesMut::new(),
            };
            async move { Ok::<_, io::Error>(Connected::new(pipe)) }
        });
        builder.connector(connector).build()
    }
}

/// The client's end. As TLS does, it takes octets that only a flush is sure to pass on.
struct Pipe {
    inner: DuplexStream,
    hold: Hold,
    taken: BytesMut,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let mut state = self.hold.lock();
        match (polled, state.read_error) {
            (Poll::Pending, Some(why)) => Poll::Ready(Err(io::Error::other(why))),
            (polled, _) => {
                state.wakers.push(cx.waker().clone());
                polled
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(kind) = self.hold.lock().write_error {
            return Poll::Ready(Err(kind.into()));
        }
        self.taken.extend_from_slice(octets);
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut state = this.hold.lock();
        if state.is_held && !this.taken.is_empty() {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        while !this.taken.is_empty() {
            let octets = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.taken))?;
            this.taken.advance(octets);
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
