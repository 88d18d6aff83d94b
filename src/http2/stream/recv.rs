//! Receive half of a stream.
//!
//! Owns: how far the response has come, its length as promised and as received, and the stream's
//! receive window. Never: keeps octets; they leave with their credit as soon as they arrive.
//! Spec: RFC 9113 §5.1, §8.1; RFC 9110 §6.4.1, §8.6.

use http::Method;

use crate::http2::{
    Violation,
    flow::RecvWindow,
    message::{self, ResponseHead},
};

/// How far the response has come (RFC 9113 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The response was promised, and no head of any kind has come (RFC 9113 §5.1: reserved).
    Reserved,
    /// Interim responses may come, and the final head must.
    Head,
    /// DATA may come, then a trailer section.
    Body,
}

/// What the peer is still to send.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    pub(crate) window: RecvWindow,
    method: Method,
    phase: Phase,
    interims: u32,
    /// How many responses the peer has promised on the stream.
    promises: u32,
    /// Whether it was promised, and nobody has claimed it: its window is not to be increased.
    is_unclaimed: bool,
    length: Length,
}

/// How much content is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Unknown,
    /// Octets that content-length promises, and still promises.
    Promised {
        size: u64,
        left: u64,
    },
    /// The response has no content, whatever its content-length says (RFC 9110 §6.4.1).
    NoContent,
    /// The stream has become a tunnel: DATA is no content, and has no length (RFC 9113 §8.5).
    Tunnel,
}

impl RecvHalf {
    /// Promises on one stream that cost the peer nothing, though there be no room for them: more
    /// than a page has parts that are worth it. The peer may not know what room there is.
    const FREE_PROMISES: u32 = 32;

    /// Waits for the response to a request of this method.
    pub(crate) const fn new(method: Method, window: RecvWindow) -> Self {
        Self {
            window,
            method,
            phase: Phase::Head,
            interims: 0,
            promises: 0,
            is_unclaimed: false,
            length: Length::Unknown,
        }
    }

    /// The request was promised by the peer.
    pub(crate) fn promised(mut self) -> Self {
        self.phase = Phase::Reserved;
        self.is_unclaimed = true;
        self
    }

    /// Whether nobody reads what comes.
    pub(crate) const fn is_unclaimed(&self) -> bool {
        self.is_unclaimed
    }

    /// Somebody reads it from now on; whether nobody did before.
    pub(crate) const fn claim(&mut self) -> bool {
        std::mem::replace(&mut self.is_unclaimed, false)
    }

    /// Whether the response was promised, and not begun.
    pub(crate) const fn is_reserved(&self) -> bool {
        matches!(self.phase, Phase::Reserved)
    }

    /// Counts a promise on the stream; false if there were more of them than is free.
    pub(crate) const fn on_promise(&mut self) -> bool {
        self.promises = self.promises.saturating_add(1);
        self.promises <= Self::FREE_PROMISES
    }

    /// Whether the stream has become a tunnel.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.length == Length::Tunnel
    }

    /// How far the response has come.
    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Judges a head: an interim one leaves the phase, a final one begins the body.
    pub(crate) fn on_head(&mut self, head: &ResponseHead, limit: u32) -> Result<(), Violation> {
        // RFC 9113 §5.1: HEADERS of any kind end the state reserved (remote).
        self.phase = Phase::Head;
        if head.status.is_informational() {
            self.interims += 1;
            if self.interims > limit {
                return Err(Violation::InterimFlood);
            }
            return Ok(());
        }
        self.phase = Phase::Body;
        self.length = if self.method == Method::CONNECT && head.status.is_success() {
            Length::Tunnel
        } else if message::expects_no_content(&self.method, head.status) {
            Length::NoContent
        } else {
            head.content_length.map_or(Length::Unknown, |size| {
                let left = size;
                Length::Promised { size, left }
            })
        };
        Ok(())
    }

    /// Counts content octets, padding left out (RFC 9113 §8.1.1).
    pub(crate) fn on_content(&mut self, octets: usize) -> Result<(), Violation> {
        match &mut self.length {
            Length::NoContent if octets > 0 => Err(Violation::ContentForbidden),
            Length::Promised { left, .. } => {
                *left = left
                    .checked_sub(octets as u64)
                    .ok_or(Violation::ContentLengthMismatch)?;
                Ok(())
            }
            Length::Unknown | Length::NoContent | Length::Tunnel => Ok(()),
        }
    }

    /// How large the document is, and how much of it is to come, where that is known.
    pub(crate) const fn document(&self) -> Option<(u64, u64)> {
        match self.length {
            Length::Promised { size, left } => Some((size, left)),
            Length::NoContent => Some((0, 0)),
            Length::Unknown | Length::Tunnel => None,
        }
    }

    /// Whether octets may be to come that need the window.
    pub(crate) const fn expects_content(&self) -> bool {
        match self.length {
            Length::Promised { left, .. } => left > 0,
            Length::NoContent => false,
            Length::Unknown | Length::Tunnel => matches!(self.phase, Phase::Body),
        }
    }

    /// A trailer section has come: is there a message that it can end?
    pub(crate) fn on_trailers(&self) -> Result<(), Violation> {
        // RFC 9113 §8.5: on a tunnel, other frames "MUST be treated as a stream error".
        if self.is_tunnel() {
            return Err(Violation::HeadersInTunnel);
        }
        self.on_end()
    }

    /// The peer has ended the stream: was that allowed here?
    pub(crate) fn on_end(&self) -> Result<(), Violation> {
        match (self.phase, self.length) {
            (Phase::Reserved | Phase::Head, _) => Err(Violation::EndWithoutHead),
            (Phase::Body, Length::Promised { left: 1.., .. }) => {
                Err(Violation::ContentLengthMismatch)
            }
            (Phase::Body, _) => Ok(()),
        }
    }
}
