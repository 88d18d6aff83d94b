//! Octets on their way to the socket.
//!
//! Owns: the batch that is being written, and the count by which it is known of each request
//! whether any of its octets may have left.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use super::{failure::End, http2::Http2Driver, pace::Step, upload::Asked};
use crate::http2::{Engine, StreamId, engine::Progress};

/// What was given to the socket and taken by it, since the connection began.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Octets that the socket took.
    taken: u64,
    /// What `taken` was when the present batch was laid out.
    batch_start: u64,
    /// Streams whose heads are in the engine and will be in the next batch.
    pub(super) joining: Vec<StreamId>,
    /// Octets were written that a layer below, such as TLS, may still hold.
    awaits_flush: bool,
    /// Since when octets wait for a socket that takes none.
    pub(super) stuck_since: Option<Instant>,
}

impl Written {
    /// Octets that the socket took in all.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the peer may have seen anything of us.
    pub(super) const fn has_begun(&self) -> bool {
        self.taken > 0
    }

    /// Whether the peer may have seen anything of the present batch.
    pub(super) const fn has_begun_batch(&self) -> bool {
        self.taken > self.batch_start
    }
}

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// Batches after which reading, and the callers, get their turn.
    const MAX_BATCHES: usize = 8;

    /// Lays out and writes what may be sent, until the socket or the engine has had enough.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let mut step = Step::Idle;
        for _ in 0..Self::MAX_BATCHES {
            if self.end.is_some() || self.write_failure.is_some() {
                return step;
            }
            let progress = if self.output.is_empty() && !self.written.awaits_flush {
                self.fill_output()
            } else {
                Progress::More
            };
            if self.output.is_empty() && !self.written.awaits_flush {
                return if progress == Progress::More {
                    Step::Moved
                } else {
                    step
                };
            }
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => {
                    self.written.stuck_since = None;
                    step = Step::Moved;
                }
                Poll::Ready(Err(error)) => {
                    self.fail_writing(error, now);
                    return Step::Moved;
                }
                Poll::Pending => {
                    self.written.stuck_since.get_or_insert(now);
                    return step;
                }
            }
            if progress == Progress::Drained {
                return step;
            }
        }
        Step::Moved
    }

    /// Nothing more can be sent; what the peer said before it left may still be unread.
    fn fail_writing(&mut self, error: io::Error, now: Instant) {
        debug!(netloc = %self.endpoint.netloc, %error, "writing failed");
        if self.endpoint.is_encrypted {
            // TLS writes its records one by one: some may have left before the one that failed.
            self.written.taken += 1;
        }
        self.written.stuck_since = None;
        self.write_failure = Some((error, now + Self::LAST_WORDS));
        self.shared.end();
    }

    /// Lets the engine lay out the next batch, asking streaming bodies for what it can send. Bodies
    /// that give little are asked a bounded number of times.
    fn fill_output(&mut self) -> Progress {
        self.written.batch_start = self.written.taken;
        let mut progress = Progress::Drained;
        for _ in 0..Self::MAX_ASKED {
            let asked = self.feed();
            progress = self.engine.poll_output(&mut self.output);
            self.mark_batch();
            self.let_go_of_ended();
            // Whoever was asked may have more, and whoever was not may have been behind it.
            let is_waiting = asked == Asked::Somebody || self.engine.has_demand();
            if progress == Progress::Drained && !is_waiting {
                return progress;
            }
            progress = Progress::More;
            if self.output.len() >= Engine::OUTPUT_TARGET {
                return progress;
            }
        }
        progress
    }

    /// Remembers for each new request how many octets had been written before its own.
    fn mark_batch(&mut self) {
        for id in self.written.joining.drain(..) {
            if let Some(exchange) = self.exchanges.get_mut(&id) {
                exchange.batch = Some(self.written.batch_start);
            }
        }
    }

    /// Writes all of the batch, and flushes it.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.output.has_remaining() {
            let octets = ready!(write_some(&mut self.io, &self.output, cx))?;
            if octets == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(octets);
            self.written.taken += octets as u64;
            self.written.awaits_flush = true;
            self.written.stuck_since = None;
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.written.awaits_flush = false;
        Poll::Ready(Ok(()))
    }

    /// A connection that cannot be written to ends when there is nothing left to read.
    pub(super) fn give_up_reading(&mut self, now: Instant) {
        if let Some((error, _)) = self.write_failure.take_if(|(_, until)| *until <= now) {
            self.end.get_or_insert(End::Io(
                std::sync::Arc::new(error),
                self.engine.goaway().cloned(),
            ));
        }
    }
}

/// One write, of several pieces where the socket takes them.
pub(super) fn write_some<IO: AsyncWrite + Unpin + ?Sized>(
    io: &mut IO,
    output: &impl Buf,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    const PIECES: usize = 64;
    if io.is_write_vectored() {
        let mut pieces = [io::IoSlice::new(&[]); PIECES];
        let count = output.chunks_vectored(&mut pieces);
        Pin::new(io).poll_write_vectored(cx, &pieces[..count])
    } else {
        Pin::new(io).poll_write(cx, output.chunk())
    }
}
