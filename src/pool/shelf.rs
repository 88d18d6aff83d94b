//! One netloc's connections and its queue, and the leases that come of bringing the two together.
//!
//! Owns: the matching of waiters with slots, and the decision to dial.
//! Never: wakes, dials, retires or drops a connection by itself: it runs under the pool's lock, and
//! leaves all that to a [`Deferred`].

use std::{fmt, ops::Deref, sync::Arc, time::Duration, time::Instant};

use super::{
    Key, ShelfSnapshot,
    conn::{Conn, Link},
    dial::DialOrder,
    waiters::{Waiter, WaiterId, Waiters},
};
use crate::error::{Error, Kind, Retry, Scope};

/// How many connections a netloc may have, dials under way included.
const CONNECTIONS_PER_NETLOC: usize = 1;

/// What the pool holds for one netloc.
pub(super) struct Shelf<C: Conn> {
    entries: Vec<Entry<C>>,
    waiters: Waiters<C>,
    is_dialing: bool,
}

/// One connection on a shelf.
pub(super) struct Entry<C: Conn> {
    conn: C,
    link: Arc<Link>,
    has_served: bool,
}

impl<C: Conn> Shelf<C> {
    /// Restores the pool's invariants: the dead leave, the first in the queue get what slots there
    /// are, and a dial begins if the rest would wait for nothing.
    pub(super) fn settle(&mut self, deferred: &mut Deferred<C>) {
        let dead = self.entries.extract_if(.., |entry| !entry.conn.is_open());
        deferred.dropping.extend(dead.map(|entry| entry.conn));
        let entries = &mut self.entries;
        while let Some((waiter, lease)) = self.waiters.pop_with(|| reserve(entries)) {
            deferred.answers.push(Answer {
                waiter,
                lease: Ok(lease),
            });
        }
        if let Some(first) = self.waiters.first()
            && !self.is_dialing
            && self.entries.len() < CONNECTIONS_PER_NETLOC
        {
            self.is_dialing = true;
            deferred.dial = Some(DialOrder {
                runtime: first.runtime().clone(),
                waiting: self.waiters.count().clone(),
            });
        }
    }

    /// A slot for somebody who is not in the queue: only when nobody is.
    pub(super) fn try_lease(&mut self) -> Option<Lease<C>> {
        if self.waiters.is_empty() {
            reserve(&mut self.entries)
        } else {
            None
        }
    }

    /// The dial is over. Those who waited for it share its failure.
    pub(super) fn land(
        &mut self,
        key: &Key,
        outcome: Result<Entry<C>, Error>,
        deferred: &mut Deferred<C>,
    ) {
        self.is_dialing = false;
        let error = match outcome {
            Ok(entry) if entry.conn.is_open() => {
                self.entries.push(entry);
                return;
            }
            // Dialing again by ourselves would hammer a peer that accepts only to close.
            Ok(entry) => {
                let why = entry.conn.why_ended();
                deferred.dropping.push(entry.conn);
                why.unwrap_or_else(|| {
                    Error::new(Kind::Closed, Scope::Netloc, Retry::Safe).with_netloc(&key.netloc)
                })
            }
            Err(error) => error,
        };
        self.fail_all(&error, deferred);
    }

    /// Takes out the connections that have carried no stream for `timeout`, and says when the next
    /// may be due. While somebody waits, none is idle: it may be a limit of zero that is waited on.
    pub(super) fn take_idle(
        &mut self,
        now: Instant,
        timeout: Duration,
        deferred: &mut Deferred<C>,
    ) -> Option<Instant> {
        let mut next = None;
        let is_awaited = !self.waiters.is_empty();
        let idle = self.entries.extract_if(.., |entry| {
            let is_busy = is_awaited || entry.conn.in_use() > 0;
            // What is busy now cannot be due before a whole timeout has passed.
            let since = if is_busy {
                now
            } else {
                entry.link.idle().since(now)
            };
            let due = since.checked_add(timeout);
            let is_due = !is_busy && due.is_some_and(|due| due <= now);
            if !is_due {
                next = next.into_iter().chain(due).min();
            }
            is_due
        });
        deferred.retiring.extend(idle.map(|entry| entry.conn));
        next
    }

    /// Empties the shelf: connections retire, waiters get `error`.
    pub(super) fn clear(&mut self, error: &Error, deferred: &mut Deferred<C>) {
        let conns = self.entries.drain(..).map(|entry| entry.conn);
        deferred.retiring.extend(conns);
        self.fail_all(error, deferred);
    }

    fn fail_all(&mut self, error: &Error, deferred: &mut Deferred<C>) {
        while let Some((waiter, error)) = self.waiters.pop_with(|| Some(error.clone())) {
            deferred.answers.push(Answer {
                waiter,
                lease: Err(error),
            });
        }
    }

    pub(super) fn push_waiter(&mut self, id: WaiterId, waiter: Waiter<C>) {
        self.waiters.push(id, waiter);
    }

    pub(super) fn remove_waiter(&mut self, id: WaiterId) -> Option<Waiter<C>> {
        self.waiters.remove(id)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn has_connections(&self) -> bool {
        !self.entries.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.waiters.is_empty() && !self.is_dialing
    }

    pub(super) fn snapshot(&self, key: &Key) -> ShelfSnapshot {
        let open = self.entries.iter().filter(|entry| entry.conn.is_open());
        ShelfSnapshot {
            key: key.clone(),
            connections: open.clone().count(),
            in_use: open.map(|entry| entry.conn.in_use()).sum(),
            waiting: self.waiters.len(),
            is_dialing: self.is_dialing,
        }
    }
}

impl<C: Conn> Default for Shelf<C> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            waiters: Waiters::default(),
            is_dialing: false,
        }
    }
}

/// A lease on the first connection that has a slot.
fn reserve<C: Conn>(entries: &mut [Entry<C>]) -> Option<Lease<C>> {
    entries.iter_mut().find_map(Entry::reserve)
}

impl<C: Conn> Entry<C> {
    pub(super) fn new(conn: C, link: Arc<Link>) -> Self {
        Self {
            conn,
            link,
            has_served: false,
        }
    }

    fn reserve(&mut self) -> Option<Lease<C>> {
        if !self.conn.try_reserve() {
            return None;
        }
        self.link.idle().end();
        Some(Lease {
            conn: Some(self.conn.clone()),
            is_reused: std::mem::replace(&mut self.has_served, true),
        })
    }
}

/// One reserved stream slot. Dropped unused, the slot goes to the next who waits.
#[must_use = "dropping a lease gives its slot away"]
pub(crate) struct Lease<C: Conn> {
    /// Empty only once started.
    conn: Option<C>,
    is_reused: bool,
}

impl<C: Conn> Lease<C> {
    /// Hands the slot over to a stream: whoever ends the stream calls [`Conn::release`].
    pub(crate) fn start(mut self) -> C {
        self.conn
            .take()
            .expect("only `start` empties a lease, and it consumes it")
    }

    /// Whether the connection was leased before.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }
}

impl<C: Conn> Deref for Lease<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.conn
            .as_ref()
            .expect("only `start` empties a lease, and it consumes it")
    }
}

impl<C: Conn> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.release();
        }
    }
}

impl<C: Conn> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("is_reused", &self.is_reused)
            .finish_non_exhaustive()
    }
}

/// What one waiter is to be told.
struct Answer<C: Conn> {
    waiter: Waiter<C>,
    lease: Result<Lease<C>, Error>,
}

/// What was decided under the pool's lock, to be done without it.
#[must_use = "waiters and connections are owed what it holds"]
pub(super) struct Deferred<C: Conn> {
    answers: Vec<Answer<C>>,
    retiring: Vec<C>,
    /// Connections that ended by themselves.
    dropping: Vec<C>,
    dial: Option<DialOrder>,
}

impl<C: Conn> Deferred<C> {
    pub(super) fn retire(&mut self, entry: Entry<C>) {
        self.retiring.push(entry.conn);
    }

    pub(super) fn take_dial(&mut self) -> Option<DialOrder> {
        self.dial.take()
    }

    /// Answers the waiters in their order and parts with the connections.
    pub(super) fn finish(self) {
        debug_assert!(self.dial.is_none(), "a dial that was decided on must begin");
        for Answer {
            waiter,
            lease: answer,
        } in self.answers
        {
            waiter.answer(answer);
        }
        for conn in self.retiring {
            conn.retire();
        }
        drop(self.dropping);
    }
}

impl<C: Conn> Default for Deferred<C> {
    fn default() -> Self {
        Self {
            answers: Vec::new(),
            retiring: Vec::new(),
            dropping: Vec::new(),
            dial: None,
        }
    }
}
