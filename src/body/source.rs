//! A response body as its connection brings it: undecoded, part by part.
//!
//! Owns: the body's time limits, and the cancel of what is dropped before its end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Sleep;

use super::slot::{Part, Slot};
use crate::{
    error::{Error, Kind, Phase, Retry, Scope},
    http2::StreamId,
    netloc::Netloc,
};

/// A body of which more may come, or whose request is still on its way.
pub(super) struct Source {
    slot: Arc<Slot>,
    /// Octets that content-length still promises.
    remaining: Option<u64>,
    timeouts: BodyTimeouts,
    idle: Option<Pin<Box<Sleep>>>,
    /// Nothing more comes, but the request's body may still be on its way.
    has_ended: bool,
}

/// The time limits of a body.
#[derive(Debug, Default)]
pub(crate) struct BodyTimeouts {
    /// Between two parts.
    pub(crate) idle: Option<Duration>,
    /// For the whole exchange, already running.
    pub(crate) whole: Option<Pin<Box<Sleep>>>,
    /// What the error names when a limit runs out, or the content cannot be decoded.
    pub(crate) origin: Option<(Netloc, Option<StreamId>)>,
}

impl Source {
    pub(super) fn new(slot: Arc<Slot>, remaining: Option<u64>, timeouts: BodyTimeouts) -> Self {
        Self {
            slot,
            remaining,
            timeouts,
            idle: None,
            has_ended: false,
        }
    }

    /// Waits for the next part: content, then trailers, then the end, for ever.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let polled = self.poll_within_limits(cx);
        match &polled {
            Poll::Ready(Some(Ok(Part::Data(data)))) => {
                if let Some(remaining) = &mut self.remaining {
                    *remaining = remaining.saturating_sub(data.len() as u64);
                }
            }
            Poll::Ready(Some(Ok(Part::Trailers(_))) | None) => self.has_ended = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn poll_within_limits(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        // First, because a body that always has something to read is limited as well.
        if let Some(whole) = &mut self.timeouts.whole
            && whole.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(self.timed_out(Phase::Whole))));
        }
        if let Poll::Ready(part) = self.slot.poll_part(cx) {
            self.idle = None;
            return Poll::Ready(part);
        }
        if let Some(limit) = self.timeouts.idle {
            let sleep = self
                .idle
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Some(Err(self.timed_out(Phase::BodyIdle))));
            }
        }
        Poll::Pending
    }

    /// Whether nothing more comes: no content, no trailers, no error.
    pub(super) fn is_exhausted(&self) -> bool {
        self.has_ended || self.slot.is_exhausted()
    }

    /// Octets that are still to come, where that is known.
    pub(super) const fn remaining(&self) -> Option<u64> {
        if self.has_ended {
            return Some(0);
        }
        self.remaining
    }

    /// Why the exchange has failed, if that is known before it is read.
    pub(super) fn failure(&self) -> Option<Error> {
        self.slot.failure()
    }

    fn timed_out(&self, phase: Phase) -> Error {
        self.locate(Error::new(
            Kind::Timeout(phase),
            Scope::Stream,
            Retry::IfIdempotent,
        ))
    }

    /// Says which stream the error is about.
    pub(super) fn locate(&self, error: Error) -> Error {
        match &self.timeouts.origin {
            Some((netloc, stream_id)) => error.with_netloc(netloc).with_stream_id(*stream_id),
            None => error,
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.slot.abandon();
    }
}
