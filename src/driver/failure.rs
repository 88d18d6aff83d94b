//! What went wrong on a connection, as callers are told.
//!
//! Owns: the one conversion from the engine's and the socket's failures to [`Error`], and with it
//! the answer to whether a request may be sent again.

use std::{error::Error as StdError, fmt, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;

use crate::{
    error::{BoxError, Error, Initiator, Kind, Phase, Retry, Scope},
    http2::{
        ErrorCode, Violation,
        engine::{Closure, Failure, GoAwayReceived, Refusal},
        message::RequestError,
    },
    netloc::Netloc,
};

/// The far end of a connection, for the errors that concern it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) netloc: Netloc,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) alpn: Option<Vec<u8>>,
    /// Whether TLS lies below: it may send a part of what it fails to write.
    pub(crate) is_encrypted: bool,
}

/// Why a connection is over.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The engine said so, or the peer closed; with the peer's GOAWAY, if it sent one.
    Closed(Closure, Option<GoAwayReceived>),
    /// Reading or writing failed; with the peer's GOAWAY, if it sent one.
    Io(Arc<io::Error>, Option<GoAwayReceived>),
    /// The peer took no octets for too long.
    Stuck,
    /// The driver's task was dropped.
    Dropped,
}

/// How far an exchange had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// No octet of the request was written.
    Unwritten,
    /// The request was written, and no head had come.
    Written,
    /// The head had come.
    Head,
}

impl Endpoint {
    pub(super) fn error(&self, kind: Kind, scope: Scope, retry: Retry) -> Error {
        let error = Error::new(kind, scope, retry).with_netloc(&self.netloc);
        let error = match &self.alpn {
            Some(alpn) => error.with_alpn(alpn),
            None => error,
        };
        error.with_addresses(self.remote)
    }

    /// One stream failed.
    pub(super) fn stream_failed(&self, failure: Failure) -> Error {
        match failure {
            Failure::Reset(code) => {
                let retry = if code == ErrorCode::REFUSED_STREAM {
                    // RFC 9113 §8.7.
                    Retry::Safe
                } else {
                    Retry::IfIdempotent
                };
                self.error(Kind::Reset, Scope::Stream, retry)
                    .with_code(code, Initiator::Peer)
            }
            Failure::Unprocessed(code) => self
                .error(Kind::GoAway, Scope::Connection, Retry::Safe)
                .with_code(code, Initiator::Peer),
            Failure::Fault(violation) => self
                .error(Kind::MalformedResponse, Scope::Stream, Retry::IfIdempotent)
                .with_code(violation.code(), Initiator::Local)
                .with_source(violation),
            Failure::WindowStalled => self
                .error(Kind::WindowStalled, Scope::Stream, Retry::IfIdempotent)
                .with_code(ErrorCode::CANCEL, Initiator::Local),
        }
    }

    /// The connection is over.
    pub(super) fn connection_failed(&self, end: &End, reached: Reached) -> Error {
        let closed = match reached {
            Reached::Head => Kind::Truncated,
            Reached::Unwritten | Reached::Written => Kind::Closed,
        };
        let retry = match reached {
            Reached::Unwritten => Retry::Safe,
            Reached::Written | Reached::Head => Retry::IfIdempotent,
        };
        let error = |kind| self.error(kind, Scope::Connection, retry);
        match end {
            End::Closed(Closure::Eof, goaway) => disconnected(error(closed), goaway.as_ref()),
            End::Closed(Closure::Fault(Violation::SettingsAckLate), _) => {
                error(Kind::Timeout(Phase::Settings))
                    .with_code(ErrorCode::SETTINGS_TIMEOUT, Initiator::Local)
            }
            End::Closed(Closure::Fault(violation), _) => error(Kind::Protocol)
                .with_code(violation.code(), Initiator::Local)
                .with_source(*violation),
            End::Closed(Closure::NotHttp2(received), _) => error(Kind::NotHttp2)
                .with_retry(Retry::Never)
                .with_source(NotHttp2Received(received.clone())),
            End::Closed(Closure::Drained, Some(goaway)) => self.retired(goaway).with_retry(retry),
            End::Closed(Closure::Drained, None) => {
                error(Kind::Closed).with_source("the connection was retired, and is closed")
            }
            End::Closed(Closure::WindowStalled, _) => {
                error(Kind::WindowStalled).with_code(ErrorCode::INTERNAL_ERROR, Initiator::Local)
            }
            End::Closed(Closure::Local(code), _) => {
                error(Kind::Shutdown).with_code(*code, Initiator::Local)
            }
            End::Dropped => error(Kind::Shutdown),
            End::Io(cause, goaway) => {
                let kind = if is_disconnect(cause) {
                    closed
                } else {
                    Kind::Io
                };
                let error = error(kind).with_source(SharedIo(Arc::clone(cause)));
                match goaway {
                    Some(goaway) => error.with_code(goaway.code, Initiator::Peer),
                    None => error,
                }
            }
            End::Stuck => error(Kind::Timeout(Phase::WriteProgress)),
        }
    }

    /// The peer takes no new streams.
    pub(super) fn retired(&self, goaway: &GoAwayReceived) -> Error {
        self.error(Kind::GoAway, Scope::Connection, Retry::Safe)
            .with_code(goaway.code, Initiator::Peer)
            .with_source(GoneAway(goaway.clone()))
    }

    /// The caller has ended an exchange by hand.
    pub(super) fn cancelled(&self, code: ErrorCode) -> Error {
        self.error(Kind::Reset, Scope::Stream, Retry::IfIdempotent)
            .with_code(code, Initiator::Local)
            .with_source("the caller cancelled the exchange")
    }

    /// No stream was opened.
    pub(super) fn refused(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::HeadTooLarge { .. } | Refusal::ExtendedConnect | Refusal::SettingsAwaited => {
                self.error(Kind::Request, Scope::Request, Retry::Never)
                    .with_source(refusal)
            }
            Refusal::Retired | Refusal::StreamLimit => self
                .error(Kind::Closed, Scope::Connection, Retry::Safe)
                .with_source(refusal),
        }
    }

    /// The request cannot be said in HTTP/2.
    pub(super) fn unsayable(&self, cause: RequestError) -> Error {
        let kind = match cause {
            RequestError::ContentLengthDiffers => Kind::RequestBody,
            _ => Kind::Request,
        };
        self.error(kind, Scope::Request, Retry::Never)
            .with_source(cause)
    }

    /// The caller's request body failed.
    pub(super) fn body_failed(&self, cause: impl Into<BoxError>) -> Error {
        self.error(Kind::RequestBody, Scope::Stream, Retry::Never)
            .with_code(ErrorCode::CANCEL, Initiator::Local)
            .with_source(cause)
    }
}

/// The peer closed: a GOAWAY before it may say why.
fn disconnected(error: Error, goaway: Option<&GoAwayReceived>) -> Error {
    match goaway {
        Some(goaway) => error
            .with_code(goaway.code, Initiator::Peer)
            .with_source(GoneAway(goaway.clone())),
        None => error.with_source(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

/// Whether a failure of the socket only says that the peer is gone.
pub(super) fn is_disconnect(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}

/// One failure of the socket, shared by all exchanges that it ended.
#[derive(Debug)]
pub(super) struct SharedIo(pub(super) Arc<io::Error>);

impl fmt::Display for SharedIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for SharedIo {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `io::Error::source` skips the error that it wraps (that of TLS, say): name it here.
        match self.0.get_ref() {
            Some(wrapped) => Some(wrapped),
            None => Some(&*self.0),
        }
    }
}

/// The peer's first octets, which are not HTTP/2's.
#[derive(Debug)]
struct NotHttp2Received(Bytes);

impl fmt::Display for NotHttp2Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_http1 = self.0.starts_with(b"HTTP/1.");
        let text = if is_http1 {
            "an HTTP/1.x server"
        } else {
            "the server"
        };
        write!(f, "{text} sent \"{}\"", self.0.escape_ascii())
    }
}

impl StdError for NotHttp2Received {}

/// The peer's own word on why it closed.
#[derive(Debug)]
struct GoneAway(GoAwayReceived);

impl fmt::Display for GoneAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer sent GOAWAY with {}", self.0.code)?;
        if !self.0.debug_data.is_empty() {
            write!(f, ": \"{}\"", self.0.debug_data.escape_ascii())?;
        }
        Ok(())
    }
}

impl StdError for GoneAway {}
