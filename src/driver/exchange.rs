//! One request on one stream, as its driver keeps it.
//!
//! Owns: how a request becomes a stream, and how far it has come, on which depends whether it may go
//! out again.

use std::{sync::Arc, task::Waker};

use http::Method;

use super::{
    expect::asks_leave,
    failure::Reached,
    handle::Shared,
    priority::{Adjustable, Follower},
    upload::Upload,
};
use crate::{
    Error,
    body::{ExchangeId, OutgoingBody, OutgoingRequest, Slot, StreamingBody},
    http2::{
        Engine,
        engine::{BodyPlan, Refusal, StreamOptions},
        message::{RequestError, RequestHead},
    },
    priority::Priority,
};

/// A request on a stream.
pub(super) struct Exchange {
    pub(super) slot: Arc<Slot>,
    pub(super) upload: Option<Upload>,
    pub(super) has_head: bool,
    /// How many octets the connection had been given when this request joined them; `None` while
    /// it has not left the engine.
    pub(super) batch: Option<u64>,
    /// There while the request's priority can be changed.
    pub(super) follower: Option<Arc<Follower>>,
}

impl Exchange {
    /// A response that the peer has promised to a request of its own making.
    pub(super) fn promised(slot: Arc<Slot>) -> Self {
        Self {
            slot,
            upload: None,
            has_head: false,
            // All that there was to be sent has been: the peer has answered to it.
            batch: Some(0),
            follower: None,
        }
    }

    /// How far the exchange has come; `taken` octets were taken by the socket in all.
    pub(super) fn reached(&self, taken: u64) -> Reached {
        if self.has_head {
            Reached::Head
        } else if self.batch.is_none_or(|before| taken <= before) {
            Reached::Unwritten
        } else {
            Reached::Written
        }
    }

    /// Whether octets may still be written into it by the caller, as into a tunnel.
    pub(super) fn is_tunnel(&self) -> bool {
        self.upload.as_ref().is_some_and(Upload::is_tunnel)
    }

    /// Whether its body waits for leave to go.
    pub(super) fn is_withheld(&self) -> bool {
        self.upload.as_ref().is_some_and(Upload::is_withheld)
    }

    /// Ends the exchange; an upload that has given nothing goes back to its request.
    pub(super) fn fail(self, error: Error, is_resendable: bool, wakers: &mut Vec<Waker>) {
        if is_resendable && let Some(upload) = self.upload {
            self.slot.return_body(upload.into_body());
        }
        wakers.extend(self.slot.fail(error, is_resendable));
    }
}

/// Why a request became no stream.
pub(super) enum Unopened {
    Refused(Refusal),
    Unsayable(RequestError),
    /// The body went out with an earlier try.
    BodyTaken,
}

/// Says [`Unopened::BodyTaken`] to the caller.
pub(super) const BODY_TAKEN: &str = "the request's body was sent before and cannot be had again";

/// What of a request stays with its driver.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) upload: Option<Upload>,
    pub(super) follower: Option<Arc<Follower>>,
}

/// Turns a request into a stream. Its body is taken only if that succeeds, and stays with the
/// request if it can be sent again.
pub(super) fn start(
    engine: &mut Engine,
    request: &mut OutgoingRequest,
    shared: &Arc<Shared>,
    begun: &mut Begun,
) -> Result<ExchangeId, Unopened> {
    let length = request.content_length();
    let adjustable = Adjustable::of(&request.parts);
    let head = RequestHead::from_parts(&request.parts, length).map_err(Unopened::Unsayable)?;
    let announced = head.content_length;
    let is_withheld = asks_leave(&request.parts);
    let mut withheld = None;
    let plan = match &request.body {
        OutgoingBody::Whole(body) if is_withheld && !body.is_empty() => {
            withheld = Some(StreamingBody::whole(body.clone()));
            BodyPlan::Streaming
        }
        OutgoingBody::Empty => BodyPlan::Empty,
        OutgoingBody::Whole(body) => BodyPlan::Whole(body.clone()),
        OutgoingBody::Streaming(_) => BodyPlan::Streaming,
        OutgoingBody::Taken => return Err(Unopened::BodyTaken),
    };
    let mut options = StreamOptions {
        window: request.parts.extensions.get().cloned(),
        ..StreamOptions::default()
    };
    // A field of the caller's own is of use to us where there is something to send by it, or
    // something to be told from it.
    if head.priority.is_none() && (adjustable.is_some() || !matches!(plan, BodyPlan::Empty)) {
        options.priority = Priority::from_fields(head.headers);
    }
    let id = engine.open_with(&head, plan, options);
    let id = id.map_err(Unopened::Refused)?;
    begun.follower = adjustable.map(|adjustable| adjustable.follow(engine, id, shared));
    if let Some(body) = withheld.or_else(|| request.body.take_streaming()) {
        let new = Upload::new(body, announced, id.into(), Arc::clone(shared));
        begun.upload = Some(if request.parts.method == Method::CONNECT {
            new.of_tunnel()
        } else if is_withheld {
            new.withheld()
        } else {
            new
        });
    }
    Ok(id.into())
}
