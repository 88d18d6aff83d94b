//! What went wrong on an HTTP/1.1 connection, as callers are told.
//!
//! Owns: the conversion of the engine's and the socket's failures to [`Error`], and with it the
//! answer to whether a request may be sent again.

use std::{io, sync::Arc};

use crate::{
    driver::failure::{Endpoint, Reached, SharedIo, is_disconnect},
    error::{BoxError, Error, Kind, Phase, Retry, Scope},
    http1::{Closure, Failure, Refusal, RequestError},
};

/// Why a connection is over.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The engine said so.
    Closed(Closure),
    /// Reading or writing failed.
    Io(Arc<io::Error>),
    /// The peer took no octets for too long.
    Stuck,
    /// It has become a tunnel.
    HandedOver,
    /// The driver's task was dropped.
    Dropped,
}

impl End {
    /// Whether it says no more than that the peer is gone.
    pub(super) fn is_disconnect(&self) -> bool {
        match self {
            Self::Closed(Closure::Eof) => true,
            Self::Io(cause) => is_disconnect(cause),
            Self::Closed(_) | Self::Stuck | Self::HandedOver | Self::Dropped => false,
        }
    }
}

impl Endpoint {
    /// The connection is over, and an exchange with it that had come so far.
    pub(super) fn http1_ended(&self, end: &End, reached: Reached) -> Error {
        let closed = closed(reached);
        let error = |kind| self.error(kind, Scope::Connection, retry(reached));
        match end {
            End::Closed(Closure::Eof) => {
                error(closed).with_source(io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            End::Closed(closure) => error(Kind::Closed).with_source(*closure),
            End::Io(cause) => {
                let kind = if is_disconnect(cause) {
                    closed
                } else {
                    Kind::Io
                };
                error(kind).with_source(SharedIo(Arc::clone(cause)))
            }
            End::Stuck => error(Kind::Timeout(Phase::WriteProgress)),
            End::HandedOver => error(Kind::Closed).with_source("the connection became a tunnel"),
            End::Dropped => error(Kind::Shutdown),
        }
    }

    /// The exchange failed, and the connection with it.
    pub(super) fn http1_failed(&self, failure: Failure, reached: Reached) -> Error {
        let kind = match failure {
            Failure::Fault(_) => Kind::MalformedResponse,
            Failure::BodyTruncated { .. } => Kind::Truncated,
            Failure::LengthExceeded | Failure::LengthUnmet => {
                return self.body_broke_off(failure);
            }
            Failure::Unsent | Failure::Unanswered | Failure::HeadTruncated => Kind::Closed,
        };
        let error = self.error(kind, Scope::Connection, retry(reached));
        match failure {
            Failure::Fault(violation) => error.with_source(violation),
            _ => error.with_source(failure),
        }
    }

    /// The caller has ended the exchange by hand.
    pub(super) fn broken_off(&self) -> Error {
        self.error(Kind::Closed, Scope::Connection, Retry::IfIdempotent)
            .with_source("the caller broke off the exchange")
    }

    /// The caller's request body failed while it was sent, and the connection with it.
    pub(super) fn body_broke_off(&self, cause: impl Into<BoxError>) -> Error {
        self.error(Kind::RequestBody, Scope::Connection, Retry::Never)
            .with_source(cause)
    }

    /// The request's body cannot be sent; nothing of it was.
    pub(super) fn body_unfit(&self, cause: impl Into<BoxError>) -> Error {
        self.error(Kind::RequestBody, Scope::Request, Retry::Never)
            .with_source(cause)
    }

    /// The connection takes no request.
    pub(super) fn refused_by_http1(&self, refusal: Refusal) -> Error {
        self.error(Kind::Closed, Scope::Connection, Retry::Safe)
            .with_source(refusal)
    }

    /// The request cannot be said in HTTP/1.1.
    pub(super) fn unsayable_in_http1(&self, cause: RequestError) -> Error {
        let kind = match cause {
            RequestError::ContentLengthDiffers => Kind::RequestBody,
            _ => Kind::Request,
        };
        self.error(kind, Scope::Request, Retry::Never)
            .with_source(cause)
    }
}

const fn closed(reached: Reached) -> Kind {
    match reached {
        Reached::Head => Kind::Truncated,
        Reached::Unwritten | Reached::Written => Kind::Closed,
    }
}

const fn retry(reached: Reached) -> Retry {
    match reached {
        Reached::Unwritten => Retry::Safe,
        Reached::Written | Reached::Head => Retry::IfIdempotent,
    }
}
