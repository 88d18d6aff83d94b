//! A socket in the test's hands.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// It takes what there is room for, and gives what the test has put in. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Socket {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    room: usize,
    taken: Vec<u8>,
    inbound: Vec<u8>,
    is_eof: bool,
    /// Whether the runtime has yet to notice what is here, as it does after the next turn.
    is_unnoticed: bool,
    read_error: Option<io::ErrorKind>,
    write_error: Option<io::ErrorKind>,
    /// Whether what was written is not passed on.
    is_clogged: bool,
    /// Whether it never finishes saying goodbye.
    clings: bool,
    is_shut: bool,
    wakers: Vec<Waker>,
}

impl Socket {
    /// One that takes everything.
    pub(super) fn wide() -> Self {
        let socket = Self::default();
        socket.take(usize::MAX);
        socket
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap();
        change(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for waker in wakers {
            waker.wake();
        }
    }

    /// So many octets more are taken from now on.
    pub(super) fn take(&self, octets: usize) {
        self.change(|state| state.room = octets);
    }

    /// The peer sends this.
    pub(super) fn give(&self, octets: impl AsRef<[u8]>) {
        self.change(|state| state.inbound.extend_from_slice(octets.as_ref()));
    }

    /// The peer sends no more.
    pub(super) fn end(&self) {
        self.change(|state| state.is_eof = true);
    }

    /// The peer has sent no more for a while, and the runtime will notice after the driver's next
    /// turn.
    pub(super) fn end_unnoticed(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_eof = true;
        state.is_unnoticed = true;
    }

    /// Reading fails once what has come is read.
    pub(super) fn break_reading(&self, kind: io::ErrorKind) {
        self.change(|state| state.read_error = Some(kind));
    }

    /// Writing fails.
    pub(super) fn break_writing(&self, kind: io::ErrorKind) {
        self.change(|state| state.write_error = Some(kind));
    }

    /// From now on, flushing waits until it is [let go](Self::unclog).
    pub(super) fn clog(&self) {
        self.change(|state| state.is_clogged = true);
    }

    /// What was written is passed on.
    pub(super) fn unclog(&self) {
        self.change(|state| state.is_clogged = false);
    }

    /// To shut it down takes for ever.
    pub(super) fn cling(&self) {
        self.change(|state| state.clings = true);
    }

    /// What was taken, as text.
    pub(super) fn taken(&self) -> String {
        String::from_utf8(self.state.lock().unwrap().taken.clone()).unwrap()
    }

    /// What nobody has read yet.
    pub(super) fn unread(&self) -> usize {
        self.state.lock().unwrap().inbound.len()
    }

    /// Whether goodbye was said.
    pub(super) fn is_shut(&self) -> bool {
        self.state.lock().unwrap().is_shut
    }

    /// Whether the driver has let go of it.
    pub(super) fn is_dropped(&self) -> bool {
        Arc::strong_count(&self.state) == 1
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        if std::mem::take(&mut state.is_unnoticed) {
            return Poll::Pending;
        }
        if !state.inbound.is_empty() {
            let count = state.inbound.len().min(buf.remaining());
            buf.put_slice(&state.inbound[..count]);
            state.inbound.drain(..count);
            return Poll::Ready(Ok(()));
        }
        match state.read_error {
            Some(kind) => Poll::Ready(Err(kind.into())),
            None if state.is_eof => Poll::Ready(Ok(())),
            None => {
                state.wakers.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap();
        if let Some(kind) = state.write_error {
            return Poll::Ready(Err(kind.into()));
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

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        if state.is_clogged {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock().unwrap();
        state.is_shut = true;
        if state.clings {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}
