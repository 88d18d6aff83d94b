//! A promised response on its way from a connection's driver to a caller.
//!
//! Owns: the end of a promise that nobody takes up: dropped, it is cancelled. Never: knows what a
//! caller makes of it; that is for the [`Promisee`] to say.
//! Spec: RFC 9113 §8.4.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{Answer, Outcome, Slot};
use crate::{
    error::Error,
    http2::{StreamId, message::PromisedHead},
};

/// A response that the peer has promised, and that may be on its way. Dropped, it is cancelled.
#[derive(Debug)]
pub(crate) struct Promise {
    /// The stream that it was promised on.
    pub(crate) parent: StreamId,
    /// The stream that it comes on.
    pub(crate) id: StreamId,
    slot: Option<Arc<Slot>>,
}

/// Whoever takes what is promised to one request. Dropped when no more can come.
pub(crate) trait Promisee: Send + Sync + fmt::Debug {
    /// Takes a promise, and gives the waker of whoever waits for it.
    ///
    /// # Errors
    /// The promise itself: nobody wants it.
    fn take(&self, promise: Promise, head: PromisedHead) -> Result<Option<Waker>, Promise>;

    /// The caller has left the exchange before its end: what waits of its promises goes, too.
    fn leave(&self);
}

impl Promise {
    /// A promise whose response comes through `slot`.
    pub(crate) const fn new(parent: StreamId, id: StreamId, slot: Arc<Slot>) -> Self {
        Self {
            parent,
            id,
            slot: Some(slot),
        }
    }

    /// Somebody waits for the response from now on.
    pub(crate) fn claim(&self) {
        if let Some(slot) = &self.slot {
            slot.claim();
        }
    }

    /// Waits for the head. Ready once.
    pub(crate) fn poll_head(&self, cx: &Context<'_>) -> Poll<Result<Answer, Error>> {
        let Some(slot) = &self.slot else {
            return Poll::Pending;
        };
        slot.poll_head(cx).map(|outcome| match outcome {
            Outcome::Answered(answer) => Ok(answer),
            // It was the peer who made up the request: there is none of ours to be sent again.
            Outcome::Unsent(_, error) | Outcome::Failed(error) => Err(error),
        })
    }

    /// Whether its stream is not closed yet, as far as is known here.
    pub(crate) fn is_open(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.is_under_way())
    }

    /// The slot, for whoever makes a response of it.
    pub(crate) fn into_slot(mut self) -> Option<Arc<Slot>> {
        self.slot.take()
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.abandon();
        }
    }
}
