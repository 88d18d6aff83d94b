//! What a window manager is told.
//!
//! Owns: nothing; it is a copy of the engine's counters, made for one question.

use std::time::Duration;

use crate::http2::StreamId;

/// Whose window it is (RFC 9113 §5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The connection's: for the octets of all its streams.
    Connection,
    /// A stream's.
    Stream(StreamId),
}

impl Scope {
    /// The stream, if it is one's.
    #[must_use]
    pub const fn stream_id(self) -> Option<StreamId> {
        match self {
            Self::Connection => None,
            Self::Stream(id) => Some(id),
        }
    }

    /// Whether it is the connection's.
    #[must_use]
    pub const fn is_connection(self) -> bool {
        matches!(self, Self::Connection)
    }
}

/// A receive window as it stands when its manager is asked: after the octets that the question is
/// about. All sizes are in octets, as flow control counts them: padding is included
/// (RFC 9113 §6.9.1), except in the document's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowView {
    /// Whose window it is.
    pub scope: Scope,
    /// The size at which it began: the stream's as SETTINGS announced it, the connection's as
    /// [`Config::connection_window_size`](crate::http2::Config::connection_window_size) says.
    pub initial: u32,
    /// What the peer may still send, increments included that were answered and have not left.
    pub window: u32,
    /// Received and not consumed yet. None on the connection, whose octets are consumed by arriving.
    pub unread: u64,
    /// Received since the window began.
    pub received: u64,
    /// The content-length of the response, once its head has come and if it had one; `None` on the
    /// connection.
    pub document_size: Option<u64>,
    /// How much of the document is still to be received.
    pub document_left: Option<u64>,
    /// How long an octet takes to the peer and its answer back: the shortest that was seen lately;
    /// `None` until one was.
    pub round_trip: Option<Duration>,
    /// The bandwidth-delay product: how many octets the connection has lately received at most in a
    /// round trip; `None` until enough has come to tell.
    pub product: Option<u64>,
    /// Whether the last response on the connection was larger than a stream's initial window.
    pub(in crate::http2) follows_large: bool,
}

impl WindowView {
    /// A window of which nothing was used yet and nothing else is known. The engine goes on from
    /// there, and so may the test of a manager.
    #[must_use]
    pub const fn new(scope: Scope, initial: u32) -> Self {
        Self {
            scope,
            initial,
            window: initial,
            unread: 0,
            received: 0,
            document_size: None,
            document_left: None,
            round_trip: None,
            product: None,
            follows_large: false,
        }
    }

    /// What the peer may send and what is unread: how much the window holds of memory, or may.
    #[must_use]
    pub fn held(&self) -> u64 {
        u64::from(self.window).saturating_add(self.unread)
    }

    /// What is missing to a window of `size` octets, if those that are unread count as if they had
    /// not arrived.
    #[must_use]
    pub fn missing_to(&self, size: u32) -> u32 {
        let missing = u64::from(size).saturating_sub(self.held());
        // Less than `size`.
        u32::try_from(missing).unwrap_or(size)
    }
}
