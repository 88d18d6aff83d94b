//! One request on an HTTP/1.1 connection, as its driver keeps it.
//!
//! Owns: how a request is given to the engine, and how far it has come, on which depends whether it
//! may go out again.

use std::{sync::Arc, task::Waker, time::Instant};

use bytes::Bytes;
use http::{Method, request};

use crate::{
    Error,
    body::{ExchangeId, OutgoingBody, OutgoingRequest, Slot},
    driver::{failure::Reached, handle::Shared, upload::Upload},
    header_map::HttpHeaderMap,
    http1::{BodyLength, BodyPlan, Engine, Refusal, RequestError, RequestHead},
};

/// A request on its way, and its response.
pub(super) struct Exchange {
    pub(super) id: ExchangeId,
    pub(super) slot: Arc<Slot>,
    pub(super) upload: Option<Upload>,
    /// The body said that it has something, or was not asked yet.
    pub(super) is_body_ready: bool,
    /// What the socket had taken before this request.
    pub(super) taken_before: u64,
    /// Whether another request went before on this connection: the server may have closed it while
    /// this one was on its way.
    pub(super) is_reused: bool,
    pub(super) is_idempotent: bool,
    pub(super) has_interim: bool,
    pub(super) has_head: bool,
}

/// Why a request was not begun.
pub(super) enum Unopened {
    Refused(Refusal),
    Unsayable(RequestError),
    BodyTaken,
}

impl Exchange {
    /// How far the exchange has come; `taken` octets were taken by the socket in all.
    pub(super) fn reached(&self, taken: u64) -> Reached {
        if self.has_head {
            Reached::Head
        } else if taken <= self.taken_before {
            Reached::Unwritten
        } else {
            Reached::Written
        }
    }

    /// Whether the request may go out again by itself although it was written: the server closed a
    /// connection that it had kept, perhaps before it saw the request, and doing it twice is
    /// harmless (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
    pub(super) fn may_be_repeated(&self) -> bool {
        self.is_reused && self.is_idempotent && !self.has_interim && !self.has_head
    }

    /// Ends the exchange; an upload that has given nothing goes back to its request.
    pub(super) fn fail(self, error: Error, is_resendable: bool, wakers: &mut Vec<Waker>) {
        if is_resendable && let Some(upload) = self.upload {
            self.slot.return_body(upload.into_body());
        }
        wakers.extend(self.slot.fail(error, is_resendable));
    }
}

/// A request that the engine has taken.
pub(super) struct Begun {
    pub(super) upload: Option<Upload>,
    pub(super) is_idempotent: bool,
}

/// Gives a request to the engine. Its body is taken only if that succeeds, and stays with the
/// request if it can be sent again.
pub(super) fn begin(
    engine: &mut Engine,
    request: &mut OutgoingRequest,
    (id, shared): (ExchangeId, &Arc<Shared>),
    now: Instant,
) -> Result<Begun, Unopened> {
    let length = BodyLength::from(request.body.exact_len());
    let names = spelling(&request.parts);
    let head = RequestHead::from_parts(&request.parts, request.target, length)
        .map_err(Unopened::Unsayable)?
        .spelling(&names);
    let announced = head.content_length();
    let plan = match &request.body {
        OutgoingBody::Empty => BodyPlan::Empty,
        OutgoingBody::Whole(body) => BodyPlan::Whole(body.clone()),
        OutgoingBody::Streaming(_) => BodyPlan::Streaming,
        OutgoingBody::Taken => return Err(Unopened::BodyTaken),
    };
    engine.open(now, &head, plan).map_err(Unopened::Refused)?;
    let is_idempotent = is_idempotent(&request.parts.method);
    let upload = request
        .body
        .take_streaming()
        .map(|body| Upload::new(body, announced, id, Arc::clone(shared)));
    Ok(Begun {
        upload,
        is_idempotent,
    })
}

/// How the caller wants names to be written, and in which order, if it says so.
fn spelling(parts: &request::Parts) -> Vec<Bytes> {
    let Some(fields) = parts.extensions.get::<HttpHeaderMap>() else {
        return Vec::new();
    };
    let names = fields.iter_raw().map(|(name, _)| name.as_bytes());
    names.map(Bytes::copy_from_slice).collect()
}

/// Whether doing it twice is the same as doing it once (RFC 9110 §9.2.2).
fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}
