//! What the pool asks of a connection, and what a connection tells the pool.
//!
//! Owns: the [`Conn`] trait and the [`Watcher`] by which slots come home.
//! Never: takes the pool's lock for a slot that nobody waits for. That is the way of nearly every
//! request, so it costs one fence and one load; of an exclusive connection, a notice besides.

use std::sync::{Arc, Weak};

use super::{
    Key,
    evict::IdleSince,
    exclusive::{ConnId, NoticeLine},
    waiters::WaitCount,
};
use crate::{clock, error::Error};

/// A handle to one connection, as the pool sees it. Clones are the same connection.
///
/// The pool calls `try_reserve`, `is_open` and `in_use` under its lock: they answer at once, and
/// never call the [`Watcher`]. It calls `release`, `retire` and `watch` without its lock. The
/// connection in turn tells its watcher with none of its own locks held.
pub(crate) trait Conn: Clone + Send + Sync + 'static {
    /// Takes one stream slot; `false` when none is free or no new streams are taken.
    fn try_reserve(&self) -> bool;

    /// Gives one slot back: a lease was dropped unused, or a stream ended.
    fn release(&self);

    /// Whether new streams are taken: neither retired nor closed.
    fn is_open(&self) -> bool;

    /// Slots taken now.
    fn in_use(&self) -> usize;

    /// Whether it carries one exchange at a time (HTTP/1.1), and so has one slot and no more. Never
    /// changes.
    ///
    /// Such a connection says [`ended`](Watcher::ended) before it frees the slot of an exchange
    /// after which it cannot be used again. It is leased again only after
    /// [`slot_freed`](Watcher::slot_freed), told once for each slot that was reserved.
    fn is_exclusive(&self) -> bool;

    /// Takes no new streams from now on, finishes those there are, and then closes. The pool has
    /// already let go of it: its watcher need not be told.
    fn retire(&self);

    /// Why it is over, once it is: what a caller is told to whom it was to be given.
    fn why_ended(&self) -> Option<Error> {
        None
    }

    /// Keeps `watcher`, to tell it of every change. Called once, before the first `try_reserve`.
    fn watch(&self, watcher: Watcher);
}

/// A connection's line to the pool that holds it. Outlives the pool harmlessly.
#[derive(Clone)]
pub(crate) struct Watcher {
    link: Arc<Link>,
}

/// What the pool and one of its connections share.
pub(super) struct Link {
    key: Key,
    waiting: WaitCount,
    idle: IdleSince,
    /// An exclusive connection's way to tell which one is free or over.
    line: Option<NoticeLine>,
    pool: Weak<dyn Settle>,
}

/// The pool, as a watcher knows it: without the type of its dialer.
pub(super) trait Settle: Send + Sync {
    /// Looks at the shelf of `key` again, because something changed.
    fn settle(self: Arc<Self>, key: &Key);
}

impl Watcher {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// One slot was released, and `in_use` are still taken. Told after the slot can be reserved.
    pub(crate) fn slot_freed(&self, in_use: usize) {
        let mut is_surplus = false;
        if in_use == 0 {
            self.link.idle.begin(clock::now());
            is_surplus = self.link.line.as_ref().is_some_and(NoticeLine::tell_free);
        }
        if is_surplus || self.link.waiting.is_any() {
            self.settle();
        }
    }

    /// More slots than before can be reserved: the peer raised its stream limit. An exclusive
    /// connection has none to raise.
    pub(crate) fn limit_raised(&self) {
        if self.link.waiting.is_any() {
            self.settle();
        }
    }

    /// New streams are no longer taken: retired or closed. Told after `is_open` says so.
    pub(crate) fn ended(&self) {
        if let Some(line) = &self.link.line {
            line.tell_ended();
        }
        self.settle();
    }

    fn settle(&self) {
        if let Some(pool) = self.link.pool.upgrade() {
            pool.settle(&self.link.key);
        }
    }
}

impl Link {
    /// `line` is that of an exclusive connection, and of no other.
    pub(super) fn new(
        key: Key,
        waiting: WaitCount,
        line: Option<NoticeLine>,
        pool: Weak<dyn Settle>,
    ) -> Self {
        Self {
            key,
            waiting,
            idle: IdleSince::new(clock::now()),
            line,
            pool,
        }
    }

    pub(super) fn idle(&self) -> &IdleSince {
        &self.idle
    }

    /// The number of an exclusive connection.
    pub(super) fn exclusive_id(&self) -> Option<ConnId> {
        self.line.as_ref().map(NoticeLine::id)
    }
}
