//! A handle's own part of a connection: what it has reserved.
//!
//! Owns: the reservation of one clone, or its place in the line. Clones share none, and one that is
//! dropped gives up its own.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::Request;
use http_body::Body;

use super::{
    admit::admit,
    call::{Call, ResponseFuture},
    core::Core,
    line::Reservation,
};
use crate::{
    body::{OutgoingBody, OutgoingRequest},
    error::{BoxError, Error},
};

/// A connection, and what this clone has reserved on it.
pub(super) struct Caller {
    pub(super) core: Arc<Core>,
    readiness: Readiness,
}

enum Readiness {
    Idle,
    /// A place in the line.
    Waiting(u64),
    Ready(Reservation),
}

impl Caller {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            readiness: Readiness::Idle,
        }
    }

    /// Reserves a slot for this clone.
    pub(super) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &self.readiness {
                Readiness::Idle => self.readiness = Readiness::Waiting(self.core.enter()?),
                Readiness::Waiting(place) => {
                    let outcome = ready!(self.core.poll_turn(*place, cx));
                    self.readiness = Readiness::Idle;
                    self.readiness = Readiness::Ready(outcome?);
                }
                Readiness::Ready(_) => {
                    let open = self.core.check_open();
                    if open.is_err() {
                        self.readiness = Readiness::Idle;
                    }
                    return Poll::Ready(open);
                }
            }
        }
    }

    /// A call in the slot that was reserved, or else in one that its future waits for.
    pub(super) fn call<B>(&mut self, request: Request<B>) -> ResponseFuture
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        let reservation = match mem::replace(&mut self.readiness, Readiness::Idle) {
            Readiness::Ready(reservation) => Some(reservation),
            waiting => {
                self.readiness = waiting;
                None
            }
        };
        let call = new_call(&self.core, request, reservation);
        ResponseFuture::new(Arc::clone(&self.core), call)
    }
}

/// A call that nobody has polled yet.
pub(super) fn new_call<B>(
    core: &Core,
    request: Request<B>,
    reservation: Option<Reservation>,
) -> Call
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let mut request = Request::from_parts(parts, ());
    let target = match admit(core, &mut request) {
        Ok(target) => target,
        Err(error) => return Call::rejected(error),
    };
    let mut parts = request.into_parts().0;
    let is_decoding = core.responses.decode.prepare(&mut parts);
    let request = OutgoingRequest {
        parts,
        body: OutgoingBody::new(body),
        target,
    };
    Call::new(request, reservation, is_decoding)
}

impl Clone for Caller {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.core))
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Readiness::Waiting(place) = self.readiness {
            self.core.leave(place);
        }
    }
}
