//! Response bodies as callers read them.
//!
//! Owns: the return of credit as octets are consumed (RFC 9113 §6.9), the cancel of a body that is
//! dropped unread, and the body's time limits.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::slot::{Part, Slot};
use crate::{
    error::{Error, Kind, Phase, Retry, Scope},
    http2::StreamId,
    netloc::Netloc,
};

/// The body of a response: a stream of octets, then perhaps trailers.
///
/// It is read through [`http_body::Body`] (`BodyExt` of http-body-util has the comforts). Octets
/// are slices of what was read from the network, but for small pieces, which are copied so that
/// they do not keep large buffers; and the peer may send more only as they are consumed: a body that nobody reads holds at most one stream window (1 MiB by default) and slows
/// nobody else.
///
/// **Cancellation.** Dropping a body that has not ended resets its stream with `CANCEL`
/// (RFC 9113 §8.7); dropping one that has, while the request's own body is still being sent, stops
/// that with `NO_ERROR`. The connection goes on in both cases.
///
/// **Errors.** [`Error`] with [`Kind::Truncated`], [`Kind::Reset`], [`Kind::MalformedResponse`],
/// [`Kind::Timeout`] and others. After an error the body has ended.
#[derive(Default)]
pub struct ResponseBody {
    open: Option<Open>,
}

/// A body of which more may come.
struct Open {
    slot: Arc<Slot>,
    /// Octets that content-length still promises.
    remaining: Option<u64>,
    timeouts: BodyTimeouts,
    idle: Option<Pin<Box<Sleep>>>,
    /// Nothing more comes, but the request's body may still be on its way.
    has_ended: bool,
}

/// The time limits of a body.
#[derive(Debug, Default)]
pub(crate) struct BodyTimeouts {
    /// Between two parts.
    pub(crate) idle: Option<Duration>,
    /// For the whole exchange, already running.
    pub(crate) whole: Option<Pin<Box<Sleep>>>,
    /// What the error names when a limit runs out.
    pub(crate) origin: Option<(Netloc, Option<StreamId>)>,
}

impl ResponseBody {
    /// A body that comes through a slot, of `remaining` octets where that is known.
    pub(crate) fn new(slot: Arc<Slot>, remaining: Option<u64>, timeouts: BodyTimeouts) -> Self {
        Self {
            open: Some(Open {
                slot,
                remaining,
                timeouts,
                idle: None,
                has_ended: false,
            }),
        }
    }

    /// Why the exchange has failed, if that is known before it is read.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.open.as_ref()?.slot.failure()
    }
}

impl Open {
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        // First, because a body that always has something to read is limited as well.
        if let Some(whole) = &mut self.timeouts.whole
            && whole.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Err(self.timed_out(Phase::Whole))));
        }
        if let Poll::Ready(part) = self.slot.poll_part(cx) {
            self.idle = None;
            return Poll::Ready(part);
        }
        if let Some(limit) = self.timeouts.idle {
            let sleep = self
                .idle
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Some(Err(self.timed_out(Phase::BodyIdle))));
            }
        }
        Poll::Pending
    }

    fn timed_out(&self, phase: Phase) -> Error {
        let error = Error::new(Kind::Timeout(phase), Scope::Stream, Retry::IfIdempotent);
        match &self.timeouts.origin {
            Some((netloc, Some(id))) => error.with_netloc(netloc).with_stream_id(*id),
            Some((netloc, None)) => error.with_netloc(netloc),
            None => error,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.slot.abandon();
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(None);
        };
        if open.has_ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(part) = open.poll_part(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match part {
            Some(Ok(Part::Data(data))) => {
                if let Some(remaining) = &mut open.remaining {
                    *remaining = remaining.saturating_sub(data.len() as u64);
                }
                Some(Ok(Frame::data(data)))
            }
            Some(Ok(Part::Trailers(trailers))) => {
                open.has_ended = true;
                Some(Ok(Frame::trailers(trailers)))
            }
            Some(Err(error)) => {
                // Dropping it cancels the stream where a time limit ended it.
                self.open = None;
                Some(Err(error))
            }
            None => {
                open.has_ended = true;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.open
            .as_ref()
            .is_none_or(|open| open.has_ended || open.slot.is_exhausted())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.open {
            None => SizeHint::with_exact(0),
            Some(open) if open.has_ended => SizeHint::with_exact(0),
            Some(open) => open
                .remaining
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ResponseBody");
        if let Some(open) = &self.open {
            debug.field("remaining", &open.remaining);
        }
        debug.field("has_ended", &self.is_end_stream()).finish()
    }
}
