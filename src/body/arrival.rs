//! What comes through a slot, and what waiting for a head comes to.
//!
//! Owns: the words that drivers, slots and callers share; nothing behind them.

use bytes::Bytes;
use http::HeaderMap;

use super::{ExchangeId, HandedOver, Head, OutgoingRequest};
use crate::{error::Error, http2::Credit};

/// A final head, and what comes with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    /// The connection, if it is the caller's from now on.
    pub(crate) handed_over: Option<HandedOver>,
    /// Whether there is neither a body to read nor an upload to stop.
    pub(crate) is_end: bool,
}

/// What waiting for a head comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The head has come.
    Answered(Answer),
    /// The request may go out again as it is, and here it is: the peer did not process it, or doing
    /// it twice is harmless.
    Unsent(OutgoingRequest, Error),
    /// The exchange failed.
    Failed(Error),
}

/// What a driver puts into a slot.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// An interim head.
    Interim(Head),
    /// The final head.
    Head(Head),
    /// The final head, and all of the connection after it.
    HandedOver(Head, HandedOver),
    /// Content.
    Data(Bytes, Option<Credit>),
    /// The trailer section.
    Trailers(HeaderMap),
}

/// What comes after what has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    /// More.
    More,
    /// Nothing: the response is complete. `sending` is the exchange if our upload still goes on.
    End {
        /// The exchange to cancel when the caller leaves.
        sending: Option<ExchangeId>,
    },
}
