//! Whose DATA comes next.
//!
//! Owns: the order of the streams that have something to send. A stream stands in it at most once;
//! an id whose stream is gone is skipped by whoever takes it. Each turn is one frame, so streams
//! share the connection evenly; urgency (RFC 9218) has its place here and nowhere else.

use std::collections::VecDeque;

use super::StreamId;

/// A fair queue of streams that can send.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    ready: VecDeque<StreamId>,
    /// Streams that have octets to send while the connection's window is used up.
    blocked: VecDeque<StreamId>,
}

impl Schedule {
    /// Puts a stream at the end.
    pub(crate) fn push(&mut self, id: StreamId) {
        self.ready.push_back(id);
    }

    /// Takes the stream whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<StreamId> {
        self.ready.pop_front()
    }

    /// Sets a stream aside until the connection's window opens.
    pub(crate) fn block(&mut self, id: StreamId) {
        self.blocked.push_back(id);
    }

    /// The connection's window has opened: those set aside come first, in their order.
    pub(crate) fn unblock(&mut self) {
        while let Some(id) = self.blocked.pop_back() {
            self.ready.push_front(id);
        }
    }

    /// How many streams would send, were every window open; those that are gone included.
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.blocked.len()
    }

    /// Whether no stream could send, were every window open.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the streams that are not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(StreamId) -> bool) {
        self.ready.retain(|id| keep(*id));
        self.blocked.retain(|id| keep(*id));
    }
}
