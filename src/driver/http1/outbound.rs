//! Octets on their way to the socket.
//!
//! Owns: the count by which it is known of a request whether any of its octets may have left, and
//! the asking of streaming bodies.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Buf;
use tracing::debug;

use super::{End, Http1Driver};
use crate::driver::{outbound::write_some, pace::Step, upload::Given};

/// What was taken by the socket, since the connection began.
#[derive(Debug, Default)]
pub(super) struct Written {
    taken: u64,
    /// Octets were written that a layer below, such as TLS, may still hold.
    awaits_flush: bool,
    /// Since when octets wait for a socket that takes none.
    stuck_since: Option<Instant>,
}

impl Written {
    /// Octets that the socket took in all.
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    /// When the peer will have taken nothing for too long.
    pub(super) fn stuck_at(&self, limit: Option<Duration>) -> Option<Instant> {
        self.stuck_since?.checked_add(limit?)
    }
}

impl Http1Driver {
    /// How often a body that gives little is asked before other tasks get their turn.
    const MAX_ASKED: usize = 64;

    /// Writes what may be sent, until the socket or the body has had enough.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let mut step = Step::Idle;
        for _ in 0..Self::MAX_ASKED {
            if self.end.is_some() || self.write_failure.is_some() {
                return step;
            }
            let asked = self.feed(now);
            self.engine.poll_output(&mut self.output);
            if !self.output.has_remaining() && !self.written.awaits_flush {
                // A body that gives nothing for ever must not keep others from their turn.
                return if asked < Self::MAX_ASKED {
                    step
                } else {
                    Step::Moved
                };
            }
            step = Step::Moved;
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => self.written.stuck_since = None,
                Poll::Ready(Err(error)) => {
                    self.fail_writing(error, now);
                    return Step::Moved;
                }
                Poll::Pending => {
                    self.written.stuck_since.get_or_insert(now);
                    return Step::Idle;
                }
            }
        }
        step
    }

    /// Asks the request's body for what comes next, as far as it can be sent now; how often.
    fn feed(&mut self, now: Instant) -> usize {
        let mut asked = 0;
        while asked < Self::MAX_ASKED
            && self.engine.wants_data()
            && let Some(exchange) = &mut self.exchange
            && exchange.is_body_ready
            && let Some(upload) = &mut exchange.upload
        {
            asked += 1;
            match upload.poll() {
                // All that was announced is there: a body that is slow to say its end, or that
                // waits for the answer to do so, holds nothing up.
                Ok(Given::Nothing) if upload.owes_nothing() => {
                    exchange.upload = None;
                    self.engine.finish(None);
                }
                Ok(Given::Nothing) => exchange.is_body_ready = false,
                Ok(Given::Data(data)) => {
                    let is_end = upload.is_end();
                    self.engine.send_data(data);
                    if is_end {
                        // The end goes out with the last octets.
                        exchange.upload = None;
                        self.engine.finish(None);
                    }
                }
                Ok(Given::End(trailers)) => {
                    exchange.upload = None;
                    self.engine.finish(trailers);
                }
                Err(cause) => {
                    let error = self.endpoint.body_broke_off(cause);
                    self.wakers.extend(exchange.slot.fail(error, false));
                    exchange.upload = None;
                    // What was sent of the request is no request: it must not look like one.
                    self.engine.cancel(now);
                }
            }
        }
        asked
    }

    /// Nothing more can be sent; what the peer said before it left may still be unread.
    fn fail_writing(&mut self, error: io::Error, now: Instant) {
        debug!(netloc = %self.endpoint.netloc, %error, "writing failed");
        if self.endpoint.is_encrypted {
            // TLS writes its records one by one: some may have left before the one that failed.
            self.written.taken += 1;
        }
        self.written.stuck_since = None;
        self.output = Default::default();
        self.write_failure = Some((error, now + Self::LAST_WORDS));
        self.shared.end();
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.output.has_remaining() {
            let octets = ready!(write_some(&mut *self.io, &self.output, cx))?;
            if octets == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(octets);
            self.written.taken += octets as u64;
            self.written.awaits_flush = true;
            self.written.stuck_since = None;
        }
        ready!(Pin::new(&mut *self.io).poll_flush(cx))?;
        self.written.awaits_flush = false;
        Poll::Ready(Ok(()))
    }

    /// What the peer still says, or still has to say to a reader who is behind, is listened to.
    pub(super) fn listen_on(&mut self, now: Instant) {
        if let Some((_, until)) = &mut self.write_failure {
            *until = now + Self::LAST_WORDS;
        }
    }

    /// A connection that cannot be written to ends when there is nothing left to read.
    pub(super) fn give_up_reading(&mut self, now: Instant) {
        if let Some((error, _)) = self.write_failure.take_if(|(_, until)| *until <= now) {
            self.end.get_or_insert(End::Io(Arc::new(error)));
        }
    }
}
