//! The pool: from a key (a netloc, and what may be spoken) to one free slot on a connection.
//!
//! Owns: which connections serve which key, the queue of those who wait for a slot, the dials on
//! their behalf, and the end of idle connections.
//!
//! Never: speaks a protocol, opens a socket, or looks into a connection. It knows two traits,
//! [`Conn`] and [`Dial`], and nothing of `http2`, `http1`, `driver`, `connect` or `client`.
//!
//! Invariants, restored by [`Shelf::settle`] whenever anything changes:
//! - no waiter stands in a queue while a connection of its key has a slot to give;
//! - waiters are served first come, first served, and nobody leases past them: whoever is first
//!   takes what comes first, a connection that is freed or one that a dial brings;
//! - where waiters stand in a queue, a connection is there or a dial is under way;
//! - connections and dials under way are together no more than
//!   [`max_connections`](PoolConfig::max_connections);
//! - a failed dial fails everybody who waits when no connection and no other dial is left; as long as
//!   those serve who waits, it fails nobody; and where there is room for more, but they serve nobody
//!   for a while, since each carries one exchange and that goes on, it fails the last who waits;
//! - a slot belongs to exactly one [`Lease`] or one stream; a lease that is dropped gives it on.
//!
//! Locks: one mutex over the map, and below it one a shelf, which [`exclusive`] tells about. Under
//! them a connection is only asked (`try_reserve`, `is_open`, `in_use`); answers to waiters, dials,
//! `release`, `retire` and the dropping of connections are collected in a [`Deferred`] and done
//! once the lock is open again.
//!
//! Tasks: one for each dial under way, or failed while others are left, and one [`evict`] sweeper
//! while a connection is held. Both hold the pool weakly.

mod conn;
mod dial;
mod evict;
mod exclusive;
mod key;
mod lease;
mod sharing;
mod shelf;
#[cfg(test)]
mod tests;
mod waiters;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use tokio::{runtime::Handle, sync::oneshot};

use self::{
    conn::Settle,
    evict::SweeperHandle,
    lease::Entry,
    sharing::Memory,
    shelf::{Allowance, Deferred, Progress, Shelf},
    waiters::{Place, Waiter, WaiterId},
};
pub(crate) use self::{
    conn::{Conn, Watcher},
    dial::Dial,
    key::Key,
    lease::Lease,
    sharing::Sharing,
    waiters::Acquire,
};
use crate::{
    clock,
    error::{Error, Kind, Retry, Scope},
};

/// The bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolConfig {
    /// How long a connection may carry no stream before it is retired; `None` keeps it.
    ///
    /// 90 seconds: below the 100 or so after which common servers and middleboxes forget one.
    pub(crate) idle_timeout: Option<Duration>,
    /// How many exclusive connections (HTTP/1.1) a key may have, dials under way included; at least
    /// one.
    ///
    /// 256: a burst of callers gets a connection each, and one server cannot take all the file
    /// descriptors that most systems give a process unasked (1,024).
    pub(crate) max_connections: usize,
    /// How many of them are kept while they carry nothing. Past it, the one that has been idle for
    /// longest retires.
    ///
    /// 256, as many as there may be: a burst that comes again finds its connections, and
    /// `idle_timeout` closes those that nobody comes for.
    pub(crate) max_idle: usize,
    /// How many callers may wait for one key; at least one, who waits for the dial.
    ///
    /// 16,384: against a peer that stalls while callers keep coming.
    pub(crate) max_waiting: usize,
    /// How long a caller may wait, the dial included; `None` waits as long as it takes.
    pub(crate) wait_timeout: Option<Duration>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            idle_timeout: Some(Duration::from_secs(90)),
            max_connections: 256,
            max_idle: 256,
            max_waiting: 16_384,
            wait_timeout: Some(Duration::from_secs(60)),
        }
    }
}

/// The shortest time for which a connection may be idle.
const SHORTEST_IDLE: Duration = Duration::from_millis(100);

/// Connections by key. Clones share one pool; when the last is gone, its connections retire.
pub(crate) struct Pool<D: Dial> {
    shared: Arc<Shared<D>>,
}

impl<D: Dial> Pool<D> {
    pub(crate) fn new(dialer: D, config: PoolConfig) -> Self {
        let config = PoolConfig {
            max_connections: config.max_connections.max(1),
            max_waiting: config.max_waiting.max(1),
            // A sweeper that has no time to sleep would spin.
            idle_timeout: config.idle_timeout.map(|limit| limit.max(SHORTEST_IDLE)),
            ..config
        };
        Self {
            shared: Arc::new(Shared {
                dialer,
                config,
                state: Mutex::new(State {
                    shelves: HashMap::default(),
                    memory: Memory::default(),
                    next_waiter: WaiterId::FIRST,
                    sweeper: None,
                    is_shut: false,
                }),
            }),
        }
    }

    /// A slot, if one is free and nobody waits for it: one short lock and no allocation.
    pub(crate) fn try_lease(&self, key: &Key) -> Option<Lease<D::Conn>> {
        self.shared.try_lease(key)
    }

    /// As [`try_lease`](Self::try_lease), of a connection that carries many exchanges: one that
    /// carries a single one is left as it is.
    pub(crate) fn try_lease_multiplexed(&self, key: &Key) -> Option<Lease<D::Conn>> {
        let mut state = self.shared.lock();
        state.shelves.get_mut(key)?.try_lease_multiplexed()
    }

    /// A slot as soon as there is one. Nothing happens before the first poll.
    ///
    /// The future's errors: that of the dial it waited for; [`Kind::Overloaded`] past
    /// [`max_waiting`](PoolConfig::max_waiting); [`Kind::Timeout`] after
    /// [`wait_timeout`](PoolConfig::wait_timeout); [`Kind::Shutdown`] after
    /// [`shutdown`](Self::shutdown), or when it must wait and no tokio runtime is there.
    pub(crate) fn lease(&self, key: &Key) -> Acquire<D> {
        Acquire::new(Arc::clone(&self.shared), key.clone())
    }

    /// What the pool holds now, in no order.
    pub(crate) fn snapshot(&self) -> Vec<ShelfSnapshot> {
        let state = self.shared.lock();
        state
            .shelves
            .iter()
            .map(|(key, shelf)| shelf.snapshot(key))
            .collect()
    }

    /// Retires every connection that carries no stream.
    pub(crate) fn close_idle(&self) {
        self.shared.retire_idle(clock::now(), Duration::ZERO);
    }

    /// Ends the pool: waiters and later callers get [`Kind::Shutdown`], connections retire.
    pub(crate) fn shutdown(&self) {
        let mut deferred = Deferred::default();
        let (shelves, sweeper) = {
            let mut state = self.shared.lock();
            state.is_shut = true;
            (std::mem::take(&mut state.shelves), state.sweeper.take())
        };
        drop(sweeper);
        for (key, mut shelf) in shelves {
            shelf.clear(&shut_down().with_netloc(&key.netloc), &mut deferred);
        }
        deferred.finish();
    }
}

impl<D: Dial> Clone for Pool<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<D: Dial> fmt::Debug for Pool<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.snapshot()).finish()
    }
}

/// What the pool holds for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShelfSnapshot {
    pub(crate) key: Key,
    /// Connections that take new streams.
    pub(crate) connections: usize,
    /// Streams in use on them, leases that have not started one included.
    pub(crate) in_use: usize,
    /// Callers in the queue.
    pub(crate) waiting: usize,
    /// Dials under way.
    pub(crate) dials: usize,
}

/// What the clones of a pool, its futures and (weakly) its tasks and connections share.
struct Shared<D: Dial> {
    dialer: D,
    config: PoolConfig,
    state: Mutex<State<D::Conn>>,
}

struct State<C: Conn> {
    /// Only shelves that hold something: a connection, a waiter or a dial under way.
    shelves: HashMap<Key, Shelf<C>, RandomState>,
    /// What was learnt of keys that have no shelf now.
    memory: Memory,
    /// Counts over all keys, so that a shelf made anew never repeats an id.
    next_waiter: WaiterId,
    sweeper: Option<SweeperHandle>,
    is_shut: bool,
}

impl<D: Dial> Shared<D> {
    /// Poison is ignored: only a connection that panics when asked could cause it, and every
    /// change of a shelf is one step that leaves it in order.
    fn lock(&self) -> MutexGuard<'_, State<D::Conn>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lease(&self, key: &Key) -> Option<Lease<D::Conn>> {
        self.lock().shelves.get_mut(key)?.try_lease()
    }

    /// Enters the queue of `key`, which may answer at once.
    fn join(self: &Arc<Self>, key: &Key) -> Result<Place<D::Conn>, Error> {
        let runtime = Handle::try_current()
            .map_err(|missing| shut_down().with_netloc(&key.netloc).with_source(missing))?;
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter::new(sender, runtime);
        // Made before the place is taken: it panics on a runtime without timers.
        let deadline = self.config.wait_timeout.map(tokio::time::sleep);
        let mut deferred = Deferred::default();
        let id = {
            let mut state = self.lock();
            if state.is_shut {
                return Err(shut_down().with_netloc(&key.netloc));
            }
            let id = state.next_waiter.advance();
            let shelf = state.shelf(key, || self.new_shelf(key));
            if shelf.waiting() >= self.config.max_waiting {
                return Err(Error::new(Kind::Overloaded, Scope::Request, Retry::Safe)
                    .with_netloc(&key.netloc));
            }
            shelf.push_waiter(id, waiter);
            state.settle(key, Allowance::ONE, &mut deferred);
            id
        };
        self.perform(key, deferred);
        Ok(Place::new(id, receiver, deadline))
    }

    fn new_shelf(&self, key: &Key) -> Shelf<D::Conn> {
        Shelf::new(&self.config, self.dialer.foresee(key))
    }

    /// Leaves the queue; the waiter is not there any more if its answer is on the way. Says how the
    /// last dial failed, if it did and nobody was told.
    fn leave(&self, key: &Key, id: WaiterId) -> Option<Error> {
        let (waiter, failure) = {
            let mut state = self.lock();
            let shelf = state.shelves.get_mut(key)?;
            // Where somebody waits there is a connection or a dial: the shelf is not empty now.
            (shelf.remove_waiter(id), shelf.failure().cloned())
        };
        // Dropping it wakes its receiver: not under the lock.
        drop(waiter);
        failure
    }

    /// Takes in what the dial for `key` brought. Gives a failure that fails nobody yet.
    fn land(self: &Arc<Self>, key: &Key, outcome: Result<Entry<D::Conn>, Error>) -> Option<Error> {
        let mut deferred = Deferred::default();
        let mut failure = None;
        let sweep = {
            let mut state = self.lock();
            if let Some(shelf) = state.shelves.get_mut(key) {
                let allowance = shelf.land(key, outcome, &mut deferred);
                failure = shelf.failure().cloned();
                state.settle(key, allowance, &mut deferred);
            } else if let Ok(entry) = outcome {
                // Only a shutdown empties a shelf amid its dial.
                deferred.retire(entry);
            }
            state.hire_sweeper(self.config.idle_timeout)
        };
        self.perform(key, deferred);
        if let Some(sweep) = sweep {
            sweep.spawn(self);
        }
        failure
    }

    /// Looks on after a dial: see [`Shelf::look_on`].
    fn look_on(&self, key: &Key, error: &Error, progress: Option<Progress>) -> Option<Progress> {
        let mut deferred = Deferred::default();
        let mut state = self.lock();
        let shelf = state.shelves.get_mut(key)?;
        let progress = shelf.look_on(error, progress, &mut deferred);
        drop(state);
        deferred.finish();
        progress
    }

    /// Does what was put off while the lock was held.
    fn perform(self: &Arc<Self>, key: &Key, mut deferred: Deferred<D::Conn>) {
        for order in deferred.take_dials() {
            dial::start(self, key, order);
        }
        deferred.finish();
    }
}

impl<D: Dial> Settle for Shared<D> {
    fn settle(self: Arc<Self>, key: &Key) {
        let mut deferred = Deferred::default();
        self.lock().settle(key, Allowance::NONE, &mut deferred);
        self.perform(key, deferred);
    }
}

impl<D: Dial> Drop for Shared<D> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut deferred = Deferred::default();
        // Every waiter's future holds the pool, so there are none: nobody hears this error.
        let error = shut_down();
        for shelf in state.shelves.values_mut() {
            shelf.clear(&error, &mut deferred);
        }
        deferred.finish();
    }
}

impl<C: Conn> State<C> {
    /// The shelf of `key`; if there is none, `make` makes one, and is told what was learnt before.
    fn shelf(&mut self, key: &Key, make: impl FnOnce() -> Shelf<C>) -> &mut Shelf<C> {
        self.shelves.entry(key.clone()).or_insert_with(|| {
            let mut shelf = make();
            if self.memory.take(key) {
                shelf.learn(Sharing::Exclusive);
            }
            shelf
        })
    }

    fn settle(&mut self, key: &Key, allowance: Allowance, deferred: &mut Deferred<C>) {
        let Some(shelf) = self.shelves.get_mut(key) else {
            return;
        };
        shelf.settle(allowance, deferred);
        if shelf.is_empty()
            && let Some((key, shelf)) = self.shelves.remove_entry(key)
        {
            self.memory.keep(key, &shelf);
        }
    }

    /// Parts with the shelves that hold nothing any more.
    fn forget_empty(&mut self) {
        for (key, shelf) in self.shelves.extract_if(|_, shelf| shelf.is_empty()) {
            self.memory.keep(key, &shelf);
        }
    }
}

fn shut_down() -> Error {
    Error::new(Kind::Shutdown, Scope::Request, Retry::Safe)
}
