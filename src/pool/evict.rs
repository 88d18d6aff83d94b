//! The end of idle connections.
//!
//! Owns: since when each connection is idle, and the one task (the sweeper) that retires those
//! which have been so for too long. It sleeps until the first can be due, holds the pool weakly,
//! and ends with the pool or when no connection is left to watch.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};

use super::{
    Shared, State,
    conn::Conn,
    dial::Dial,
    shelf::{Deferred, Shelf},
};
use crate::clock;

/// Since when a connection carries no stream, told by the stream that left last.
///
/// An atomic, because releases must not take the pool's lock. It may be read amid a release, when
/// the stream has left but not yet said so; [`since`](Self::since) then says it for it.
pub(super) struct IdleSince {
    epoch: Instant,
    /// Nanoseconds from the epoch, or [`BUSY`].
    nanos: AtomicU64,
}

const BUSY: u64 = u64::MAX;

impl IdleSince {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            nanos: AtomicU64::new(0),
        }
    }

    /// The last stream left.
    pub(super) fn begin(&self, now: Instant) {
        self.nanos.store(self.nanos_at(now), Ordering::Relaxed);
    }

    /// A slot was leased.
    pub(super) fn end(&self) {
        self.nanos.store(BUSY, Ordering::Relaxed);
    }

    /// Since when, of a connection that is seen to be idle now.
    pub(super) fn since(&self, now: Instant) -> Instant {
        match self.nanos.load(Ordering::Relaxed) {
            BUSY => {
                self.begin(now);
                now
            }
            nanos => self.epoch + Duration::from_nanos(nanos),
        }
    }

    fn nanos_at(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.epoch);
        u64::try_from(elapsed.as_nanos()).unwrap_or(BUSY - 1)
    }
}

/// The pool's hold on its sweeper, whose task ends when this is dropped.
pub(super) struct SweeperHandle(oneshot::Sender<()>);

/// A sweeper that has yet to be spawned.
pub(super) struct Sweeper {
    idle_timeout: Duration,
    /// Resolves when the [`SweeperHandle`] is dropped.
    dismissed: oneshot::Receiver<()>,
}

impl<C: Conn> State<C> {
    /// A sweeper to spawn, if one is needed and none is there (its runtime may have ended).
    pub(super) fn hire_sweeper(&mut self, idle_timeout: Option<Duration>) -> Option<Sweeper> {
        let idle_timeout = idle_timeout?;
        let is_hired = self
            .sweeper
            .as_ref()
            .is_some_and(|sweeper| !sweeper.0.is_closed());
        if is_hired || !self.has_connections() {
            return None;
        }
        let (handle, dismissed) = oneshot::channel();
        self.sweeper = Some(SweeperHandle(handle));
        Some(Sweeper {
            idle_timeout,
            dismissed,
        })
    }

    fn has_connections(&self) -> bool {
        self.shelves.values().any(Shelf::has_connections)
    }
}

impl Sweeper {
    /// Spawned where the connection was dialed. Without a runtime its end is noticed by the next.
    pub(super) fn spawn<D: Dial>(self, pool: &Arc<Shared<D>>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(self.run(Arc::downgrade(pool)));
        }
    }

    async fn run<D: Dial>(mut self, pool: Weak<Shared<D>>) {
        loop {
            let Some(next) = pool
                .upgrade()
                .and_then(|pool| pool.sweep(self.idle_timeout))
            else {
                return;
            };
            if tokio::time::timeout_at(next.into(), &mut self.dismissed)
                .await
                .is_ok()
            {
                return;
            }
        }
    }
}

impl<D: Dial> Shared<D> {
    /// Retires what is due and says when to come again; `None` when nothing is left to watch.
    fn sweep(&self, timeout: Duration) -> Option<Instant> {
        let next = self.retire_idle(clock::now(), timeout);
        let dismissed = {
            let mut state = self.lock();
            // A connection that came in since then found a sweeper hired: watch on for its sake.
            if state.has_connections() {
                None
            } else {
                state.sweeper.take()
            }
        };
        match dismissed {
            Some(_) => None,
            None => next.or_else(|| clock::now().checked_add(timeout)),
        }
    }

    /// Retires the connections that have been idle for `timeout`, and says when the next may be.
    pub(super) fn retire_idle(&self, now: Instant, timeout: Duration) -> Option<Instant> {
        let mut deferred = Deferred::default();
        let next = {
            let mut state = self.lock();
            let shelves = state.shelves.values_mut();
            let next = shelves
                .filter_map(|shelf| shelf.take_idle(now, timeout, &mut deferred))
                .min();
            state.forget_empty();
            next
        };
        deferred.finish();
        next
    }
}
