//! What the engine reports.
//!
//! Owns: the words for facts, nothing behind them. Never: says what a caller should make of them;
//! whether a request may be sent again is for the client to conclude.
//! Invariant: of a stream come the promise if the peer made one, interim heads, a head, content,
//! trailers, in this order and each where there is one; a failure can take the place of the rest;
//! `Finished` is the last, unless the connection closes first.
//! Spec: RFC 9113 §5.1, §8.1, §8.4.

use bytes::Bytes;
use http::HeaderMap;

use crate::http2::{
    ErrorCode, StreamId, Violation,
    flow::Credit,
    message::{PromisedHead, ResponseHead},
};

/// A fact about the connection or a stream, in the order of the wire.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The peer's SETTINGS were applied.
    PeerSettings(PeerSettings),
    /// An interim (1xx) response head (RFC 9110 §15.2).
    Interim {
        /// The stream.
        id: StreamId,
        /// Its status and fields.
        head: ResponseHead,
    },
    /// The final response head.
    Head {
        /// The stream.
        id: StreamId,
        /// Its status and fields.
        head: ResponseHead,
        /// Whether nothing follows it.
        end_stream: bool,
    },
    /// Content, with the debt to [`release`](super::Engine::release) once it is consumed.
    Data {
        /// The stream.
        id: StreamId,
        /// The octets, padding removed; empty only with `end_stream`.
        data: Bytes,
        /// What the octets cost; none if there are none.
        credit: Option<Credit>,
        /// Whether nothing follows.
        end_stream: bool,
    },
    /// The peer has used up a stream's window, while octets of it are unread: it sends on once they
    /// are released, so a caller that gathers credit should not keep it.
    WindowUsedUp {
        /// The stream.
        id: StreamId,
    },
    /// The trailer section; nothing follows it.
    Trailers {
        /// The stream.
        id: StreamId,
        /// The fields.
        fields: HeaderMap,
    },
    /// The peer promises the response to a request that it made up (RFC 9113 §8.4). From now on the
    /// promised stream is reported as any other. Somebody is to [`claim`](super::Engine::claim) it or
    /// to [`cancel`](super::Engine::cancel) it, be it over already: until then it counts against
    /// [`Limits::unclaimed_push_octets`](crate::http2::Limits::unclaimed_push_octets).
    Promise {
        /// The stream of ours that the promise was made on.
        id: StreamId,
        /// The promised stream.
        promised: StreamId,
        /// The request: GET or HEAD, without content, for what the connection
        /// [speaks for](super::Engine::speaks_for).
        head: Box<PromisedHead>,
    },
    /// The exchange on this stream has failed.
    Failed {
        /// The stream.
        id: StreamId,
        /// Why.
        failure: Failure,
    },
    /// The peer has answered in full and wants no more of the request's body
    /// (RFC 9113 §8.1): not a failure.
    SendStopped {
        /// The stream.
        id: StreamId,
    },
    /// The stream is gone, and its slot free. Always the last event of a stream, except when the
    /// connection closes.
    Finished {
        /// The stream.
        id: StreamId,
    },
    /// No new streams from now on; those that are open go on.
    Retired,
    /// The answer to a [`ping`](super::Engine::ping).
    Pong {
        /// The octets that were sent.
        payload: [u8; 8],
    },
    /// The connection is over, and every stream that is still open with it. The last event.
    Closed(Closure),
}

/// Why one stream failed while the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer sent RST_STREAM. With `REFUSED_STREAM` it did not process the request
    /// (RFC 9113 §8.7).
    Reset(ErrorCode),
    /// The peer sent GOAWAY with a lower last stream identifier: it did not process the request
    /// (RFC 9113 §6.8).
    Unprocessed(ErrorCode),
    /// The peer broke a rule on this stream, and we reset it.
    Fault(Violation),
    /// The stream's window was used up for longer than
    /// [`Config::stall_timeout`](super::Config::stall_timeout) although everything was read: its
    /// manager did not increase it, and we reset the stream.
    WindowStalled,
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closure {
    /// It was retired and its last stream has finished.
    Drained,
    /// It was closed from this side.
    Local(ErrorCode),
    /// The peer broke a rule.
    Fault(Violation),
    /// The peer's first octets, given here, are not HTTP/2's.
    NotHttp2(Bytes),
    /// The connection's window was used up for longer than
    /// [`Config::stall_timeout`](super::Config::stall_timeout): its manager did not increase it.
    WindowStalled,
    /// The peer closed the byte stream.
    Eof,
}

/// A GOAWAY that the peer sent (RFC 9113 §6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoAwayReceived {
    /// The highest stream that the peer may have processed.
    pub last_stream_id: StreamId,
    /// Why.
    pub code: ErrorCode,
    /// Octets for a human, at most 256 of them.
    pub debug_data: Bytes,
}

/// What the peer allows us (RFC 9113 §6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// Octets of our encoder's dynamic table.
    pub header_table_size: u32,
    /// Streams that we may have open at once.
    pub max_concurrent_streams: u32,
    /// The send window of a new stream, in octets.
    pub initial_window_size: u32,
    /// Octets of a frame's payload.
    pub max_frame_size: u32,
    /// Octets of a field section, 32 a field included.
    pub max_header_list_size: u32,
    /// Whether extended CONNECT is understood (RFC 8441 §3).
    pub enable_connect_protocol: bool,
    /// Whether the priorities of RFC 7540 are ignored (RFC 9218 §2.1).
    pub no_rfc7540_priorities: bool,
}
