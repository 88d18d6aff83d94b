//! What the engine reports.
//!
//! Owns: the words for facts, nothing behind them. Never: says what a caller should make of them;
//! whether a request may be sent again is for the client to conclude.
//! Invariant: of an exchange come interim heads, a head, content, the end, in this order and each
//! where there is one; a failure can take the place of the rest. Then comes `Finished`, `Upgraded`
//! or `Closed`, and nothing more of that exchange.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;

use crate::http1::{ResponseHead, Violation};

/// A fact about the connection or its exchange, in the order of the wire.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// An interim (1xx) response head (RFC 9110 §15.2); never 101.
    Interim {
        /// Its status and fields.
        head: ResponseHead,
    },
    /// The final response head.
    Head {
        /// Its status and fields.
        head: ResponseHead,
        /// Whether nothing follows it.
        is_end: bool,
    },
    /// Content.
    Data {
        /// The octets, at least one.
        data: Bytes,
        /// Whether nothing follows.
        is_end: bool,
    },
    /// The trailer section, at least one field; nothing follows it.
    Trailers {
        /// The fields.
        fields: HeaderMap,
    },
    /// The response has ended, where nothing before said so.
    End,
    /// The rest of the request's body is not wanted: the server has answered without it
    /// (RFC 9112 §9.5, RFC 9110 §10.1.1). Not a failure; but the connection closes after the
    /// response.
    SendStopped,
    /// The exchange is over in both directions, and the connection can carry another.
    Finished,
    /// The server has switched to another protocol (101), or joined us to the target (2xx to
    /// CONNECT). What follows in the input, and everything later, is not HTTP's.
    Upgraded {
        /// The status and fields of the response that said so.
        head: ResponseHead,
    },
    /// The exchange has failed; the connection closes with it.
    Failed(Failure),
    /// The connection is over, and with it the exchange if there still is one. The last event.
    Closed(Closure),
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing of the request was given out before the server closed the connection, or said
    /// something nobody had asked: the request can go elsewhere.
    Unsent,
    /// The server closed the connection without an octet of response. On a connection that was
    /// kept alive it may have been gone before the request came (RFC 9112 §9.3.1).
    Unanswered,
    /// The server closed the connection in the middle of a head, or after interim responses only.
    HeadTruncated,
    /// The server closed the connection in the middle of the content (RFC 9112 §8).
    BodyTruncated {
        /// Octets of content that came.
        received: u64,
        /// Octets that were announced, if they were.
        expected: Option<u64>,
    },
    /// The server broke a rule.
    Fault(Violation),
    /// The request's body is longer than its content-length; what goes beyond was not sent.
    LengthExceeded,
    /// The request's body is shorter than its content-length.
    LengthUnmet,
}

impl Failure {
    /// Whether the server said nothing at all: not an octet of response came.
    #[must_use]
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::Unsent | Self::Unanswered)
    }
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closure {
    /// One side had announced it: `connection: close`, or an HTTP/1.0 response without
    /// `keep-alive` (RFC 9112 §9.3, §9.6).
    Announced,
    /// The response was complete before the request, and said that the rest is not wanted: what was
    /// not sent keeps the server from reading another request (RFC 9112 §9.5).
    Unfinished,
    /// The server said something that nobody had asked (RFC 9112 §9.2).
    Unsolicited,
    /// The server broke a rule.
    Fault(Violation),
    /// It was closed from this side.
    Local,
    /// The server closed the byte stream.
    Eof,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsent => "the connection closed before the request was sent",
            Self::Unanswered => "the server closed the connection without an answer",
            Self::HeadTruncated => "the server closed the connection amid the response head",
            Self::BodyTruncated {
                received,
                expected: Some(expected),
            } => return write!(f, "{received} of {expected} octets of content came"),
            Self::BodyTruncated { received, .. } => {
                return write!(
                    f,
                    "{received} octets of content came, and not the last chunk"
                );
            }
            Self::Fault(violation) => return fmt::Display::fmt(violation, f),
            Self::LengthExceeded => "the request's body is longer than its content-length",
            Self::LengthUnmet => "the request's body is shorter than its content-length",
        })
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Announced => "one side had announced that it would close the connection",
            Self::Unfinished => "the server answered before it had all of the request",
            Self::Unsolicited => "the server sent what nobody had asked for",
            Self::Fault(violation) => return fmt::Display::fmt(violation, f),
            Self::Local => "the connection was closed from this side",
            Self::Eof => "the server closed the connection",
        })
    }
}

impl std::error::Error for Closure {}
