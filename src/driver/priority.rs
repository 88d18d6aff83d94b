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
    http2::{Engine, StreamId},
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
        self.is_told.store(false, Ordering::Release);
        self.handle.get()
    }
}

/// The handle of a request, and what it said before the head was written.
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
