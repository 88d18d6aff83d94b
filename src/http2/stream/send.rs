//! Send half of a stream.
//!
//! Owns: body octets that were handed over and not yet cut into frames, what ends them, and the
//! stream's send window.
//! Spec: RFC 9113 §5.2, §6.9, §8.1.

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::http2::flow::SendWindow;

/// How the body ends.
#[derive(Debug)]
pub(crate) enum End {
    /// With the last DATA frame.
    Data,
    /// With a trailer section.
    Trailers(HeaderMap),
}

/// What the peer is still to get.
#[derive(Debug)]
pub(crate) struct SendHalf {
    pub(crate) window: SendWindow,
    /// One piece as a rule: the next is asked for when this one is cut.
    pending: Bytes,
    end: Option<End>,
    /// Whether the id stands in the schedule.
    pub(crate) is_scheduled: bool,
    /// Whether the id stands in the queue of those that want octets.
    pub(crate) is_queued_hungry: bool,
}

impl SendHalf {
    /// A body whose octets are yet to be asked for.
    pub(crate) fn streaming(window: SendWindow) -> Self {
        Self {
            window,
            pending: Bytes::new(),
            end: None,
            is_scheduled: false,
            is_queued_hungry: false,
        }
    }

    /// A body that is there as a whole.
    pub(crate) fn whole(window: SendWindow, body: Bytes) -> Self {
        Self {
            window,
            pending: body,
            end: Some(End::Data),
            is_scheduled: false,
            is_queued_hungry: false,
        }
    }

    /// Takes the next piece of the body. One that was not asked for costs a copy.
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.pending.is_empty() {
            self.pending = data;
        } else {
            self.pending = Bytes::from([&self.pending[..], &data[..]].concat());
        }
    }

    /// No more pieces will come.
    pub(crate) fn finish(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Whether everything was handed over.
    pub(crate) const fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    /// Octets that wait to be cut.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether a frame can be cut, were the connection's window wide enough: octets need a window,
    /// an end alone does not (RFC 9113 §6.9.1 lets an empty DATA frame pass).
    pub(crate) fn is_sendable(&self) -> bool {
        if self.pending.is_empty() {
            self.end.is_some()
        } else {
            self.window.available() > 0
        }
    }

    /// Whether the caller's body should be asked for octets: it has some to give, none wait, and
    /// they could be sent.
    pub(crate) fn is_hungry(&self) -> bool {
        self.end.is_none() && self.pending.is_empty() && self.window.available() > 0
    }

    /// Cuts at most `limit` octets, and takes them from the window.
    pub(crate) fn cut(&mut self, limit: u32) -> Bytes {
        let limit = limit.min(self.window.available()) as usize;
        let data = if limit >= self.pending.len() {
            std::mem::take(&mut self.pending)
        } else {
            self.pending.copy_to_bytes(limit)
        };
        let octets = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.window.consume(octets);
        data
    }

    /// What ends the stream now, if nothing is left before it.
    pub(crate) fn take_end(&mut self) -> Option<End> {
        if self.pending.is_empty() {
            self.end.take()
        } else {
            None
        }
    }
}
