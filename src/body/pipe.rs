//! A request body that is written to: one writer, one reader.
//!
//! Owns: the octets between the two, [`BOUND`](PipeWriter::BOUND) of them at most, and a waker for
//! either end. Never: wakes while it holds its lock, or waits.
//! Invariants: whoever found nothing to do has left its waker, and every change that gives it
//! something takes and wakes it; a body whose writer went without a word never ends well.
//! Spec: RFC 9113 §8.5.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

/// The end that is written to.
pub(crate) struct PipeWriter {
    shared: Arc<Shared>,
}

/// The end that a driver reads, as the body of a request.
pub(crate) struct PipeReader {
    shared: Arc<Shared>,
}

/// The writer went away without ending the body.
#[derive(Debug)]
pub(crate) struct Deserted;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Written and not read yet.
    buffer: BytesMut,
    writing: Writing,
    reading: Reading,
    /// Waits for octets, or for the end of them.
    reader: Option<Waker>,
    /// Waits for room, or for what was written to be taken.
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writing {
    #[default]
    Open,
    /// Ended in order.
    Ended,
    /// Dropped before that.
    Deserted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    Open,
    /// The reader is gone, and had read everything.
    Drained,
    /// The reader is gone, and octets were left behind.
    Broken,
}

/// A pipe: the two ends of a body.
pub(crate) fn pipe() -> (PipeWriter, PipeReader) {
    let shared = Arc::new(Shared::default());
    let reader = PipeReader {
        shared: Arc::clone(&shared),
    };
    (PipeWriter { shared }, reader)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PipeWriter {
    /// Octets that may wait to be read: what a stream's first window lets through (RFC 9113
    /// §6.9.2). Fewer would cost a fast link turns of the driver, more would be memory for nothing.
    const BOUND: usize = 64 * 1024;

    /// Takes octets while there is room, as one piece for the reader however many calls brought
    /// them.
    pub(crate) fn poll_write(
        &self,
        cx: &Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.shared.lock();
        if state.writing != Writing::Open || state.reading != Reading::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut taken = 0;
        let mut is_refused = false;
        for piece in pieces {
            let room = Self::BOUND - state.buffer.len();
            let count = piece.len().min(room);
            state.buffer.extend_from_slice(&piece[..count]);
            taken += count;
            is_refused |= count < piece.len();
        }
        if taken == 0 && is_refused {
            wait(&mut state.writer, cx);
            return Poll::Pending;
        }
        let reader = state.reader.take_if(|_| taken > 0);
        drop(state);
        wake(reader);
        Poll::Ready(Ok(taken))
    }

    /// Waits until everything that was written was read.
    pub(crate) fn poll_flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.shared.lock();
        match state.reading {
            Reading::Open if !state.buffer.is_empty() => {
                wait(&mut state.writer, cx);
                Poll::Pending
            }
            Reading::Open | Reading::Drained => Poll::Ready(Ok(())),
            Reading::Broken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Ends the body, and waits until the reader is done with it.
    pub(crate) fn poll_shutdown(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.leave(Writing::Ended);
        let mut state = self.shared.lock();
        match state.reading {
            Reading::Open => {
                wait(&mut state.writer, cx);
                Poll::Pending
            }
            Reading::Drained => Poll::Ready(Ok(())),
            Reading::Broken => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn leave(&self, writing: Writing) {
        let mut state = self.shared.lock();
        if state.writing != Writing::Open {
            return;
        }
        state.writing = writing;
        if writing == Writing::Deserted {
            // Nobody can read it any more.
            state.buffer = BytesMut::new();
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.leave(Writing::Deserted);
    }
}

impl Body for PipeReader {
    type Data = Bytes;
    type Error = Deserted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Deserted>>> {
        let mut state = self.shared.lock();
        match state.writing {
            Writing::Deserted => Poll::Ready(Some(Err(Deserted))),
            Writing::Open | Writing::Ended if !state.buffer.is_empty() => {
                let data = std::mem::take(&mut state.buffer).freeze();
                let writer = state.writer.take();
                drop(state);
                wake(writer);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Writing::Open => {
                wait(&mut state.reader, cx);
                Poll::Pending
            }
            Writing::Ended => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = self.shared.lock();
        state.writing == Writing::Ended && state.buffer.is_empty()
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.reading = if state.buffer.is_empty() {
            Reading::Drained
        } else {
            Reading::Broken
        };
        state.buffer = BytesMut::new();
        state.reader = None;
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }
}

fn wait(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("PipeWriter")
            .field("waiting", &state.buffer.len())
            .field("writing", &state.writing)
            .field("reading", &state.reading)
            .finish()
    }
}

impl fmt::Display for Deserted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tunnel was dropped before it was shut down")
    }
}

impl std::error::Error for Deserted {}

#[cfg(test)]
mod tests;
