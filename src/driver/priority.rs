//! Priorities that their holders change while the request is under way.
//!
//! Owns: the way of a change from its handle to the engine: a command through the mailbox, at most
//! one at a time for each exchange. A request without a handle has no part in it.
//! Spec: RFC 9218 §7.1.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

use http::request;

use super::{handle::Shared, http2::Http2Driver, mailbox::Command};
use crate::{
    body::ExchangeId,
    http2::{Engine, StreamId, message::RequestHead},
    priority::{Follow, Handle, Priority},
};

/// Tells the driver that the priority of its exchange is another. It is there as long as the
/// exchange.
pub(super) struct Follower {
    handle: Handle,
    shared: Arc<Shared>,
    id: ExchangeId,
    /// Whether the driver was told and has not asked since.
    is_told: AtomicBool,
}

impl Follow for Follower {
    fn changed(&self) {
        if !self.is_told.swap(true, Ordering::AcqRel) {
            // With the driver gone, so is the stream.
            let _gone = self.shared.mailbox.push(Command::Prioritize(self.id));
        }
    }
}

impl Follower {
    /// The priority to go by; later changes are news again.
    fn take(&self) -> Priority {
        // A swap, since a store would let the value be read before it: a change in between would be
        // neither told nor seen.
        self.is_told.swap(false, Ordering::AcqRel);
        self.handle.get()
    }
}

/// The handle of a request, and what the server is told by the head.
pub(super) struct Adjustable {
    handle: Handle,
    before: Priority,
}

impl Adjustable {
    pub(super) fn of(parts: &request::Parts) -> Option<Self> {
        let handle = parts.extensions.get::<Handle>()?;
        Some(Self {
            before: handle.get(),
            handle: handle.clone(),
        })
    }

    /// What the head carries is what counts: it has asked the handle for itself, and may have found
    /// another priority. A head with a field of the caller's own carries none of the handle's.
    pub(super) fn said_by(self, head: &RequestHead<'_>) -> Self {
        let before = head.priority.unwrap_or(self.before);
        Self { before, ..self }
    }

    /// Hears of changes from now on. One that came while the stream was opened is made up for.
    pub(super) fn follow(
        self,
        engine: &mut Engine,
        id: StreamId,
        shared: &Arc<Shared>,
    ) -> Arc<Follower> {
        let Self { handle, before } = self;
        let follower = Arc::new(Follower {
            handle: handle.clone(),
            shared: Arc::clone(shared),
            id: id.into(),
            is_told: AtomicBool::new(false),
        });
        let weak: Weak<Follower> = Arc::downgrade(&follower);
        handle.follow(weak);
        let now = handle.get();
        if now != before {
            engine.prioritize(id, now);
        }
        follower
    }
}

impl<IO> Http2Driver<IO> {
    pub(super) fn prioritize(&mut self, id: StreamId) {
        let exchange = self.exchanges.get(&id);
        if let Some(follower) = exchange.and_then(|exchange| exchange.follower.as_ref()) {
            self.engine.prioritize(id, follower.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Buf;

    use super::*;
    use crate::{
        driver::Handle as Connection,
        http2::{Config, codec::Output, engine::BodyPlan},
        priority::Urgency,
    };

    /// The handle is asked when the request is looked at, when the head is written and when the
    /// stream is there: what it says in between must not be left with the server.
    #[test]
    fn a_change_that_the_head_carries_is_taken_back() {
        let (first, other) = (Urgency::HIGHEST, Urgency::BACKGROUND);
        let handle = Priority::new(first).adjustable();
        let request = http::Request::get("http://peer/").extension(handle.clone());
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let shared = Connection::new(1, 1).shared;
        for (then, is_told) in [(first, true), (other, false)] {
            let mut engine = Engine::new(Config::default(), Instant::now());
            handle.set(Priority::new(first));
            let adjustable = Adjustable::of(&parts).unwrap();
            handle.set(Priority::new(other));
            let head = RequestHead::from_parts(&parts, None).unwrap();
            handle.set(Priority::new(then));
            let id = engine.open(&head, BodyPlan::Empty).unwrap();
            let _follower = adjustable.said_by(&head).follow(&mut engine, id, &shared);
            let mut output = Output::default();
            engine.poll_output(&mut output);
            let octets = output.copy_to_bytes(output.remaining());
            let told = octets.ends_with(b"\0\0\0\x01u=0");
            assert_eq!(told, is_told);
        }
    }
}
