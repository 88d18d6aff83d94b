//! The connections of a shelf that carry one exchange at a time, and which of them are free.
//!
//! Owns: these connections, and the notices that they leave when an exchange ends, so that neither
//! the end of an exchange nor the next lease looks at all of them.
//!
//! Invariants: a connection is reserved only by taking its notice off the stack, and every end of
//! an exchange puts one on; so whatever is free has one notice there, and what is busy has none. A
//! notice may outlive its connection: it means nothing then, and is dropped when it comes up. There
//! are never many of those, because whoever finds no free connection has taken all of them off.
//!
//! Locks: one mutex a shelf, around the notices. It is taken under the pool's lock or alone, held
//! for a few steps, and nothing is called under it but `try_reserve` and `is_open`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    conn::Conn,
    lease::{Entry, Lease},
};

/// A connection's number; no two dials of a shelf have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConnId(u64);

/// The exclusive connections of a shelf.
pub(super) struct Exclusives<C: Conn> {
    entries: HashMap<ConnId, Entry<C>>,
    notices: Notices,
    next_id: u64,
}

/// What exclusive connections tell their shelf without the pool's lock.
#[derive(Clone)]
struct Notices {
    /// So many connections may be idle.
    max_idle: usize,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Default)]
struct Noted {
    /// Free connections, the one that became so last at the back.
    free: VecDeque<ConnId>,
    ended: Vec<ConnId>,
}

/// One connection's way to its shelf's notices.
#[derive(Clone)]
pub(super) struct NoticeLine {
    id: ConnId,
    notices: Notices,
}

impl Notices {
    /// Poison is ignored, as that of the pool's own lock is: every change is one step.
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NoticeLine {
    pub(super) fn id(&self) -> ConnId {
        self.id
    }

    /// The connection can be reserved. True if more of them may be idle now than are to be kept.
    pub(super) fn tell_free(&self) -> bool {
        let free = &mut self.notices.lock().free;
        free.push_back(self.id);
        free.len() > self.notices.max_idle
    }

    /// The connection is over.
    pub(super) fn tell_ended(&self) {
        self.notices.lock().ended.push(self.id);
    }
}

impl<C: Conn> Exclusives<C> {
    pub(super) fn new(max_idle: usize) -> Self {
        Self {
            entries: HashMap::new(),
            notices: Notices {
                max_idle,
                noted: Arc::default(),
            },
            next_id: 0,
        }
    }

    /// The line of a connection that is yet to be dialed.
    pub(super) fn new_line(&mut self) -> NoticeLine {
        let id = ConnId(self.next_id);
        self.next_id += 1;
        NoticeLine {
            id,
            notices: self.notices.clone(),
        }
    }

    /// Takes in a connection that nobody has used.
    pub(super) fn insert(&mut self, id: ConnId, entry: Entry<C>) {
        self.entries.insert(id, entry);
        self.notices.lock().free.push_back(id);
    }

    /// A lease on the connection that became free last: those at the other end may age.
    pub(super) fn reserve(&mut self) -> Option<Lease<C>> {
        if self.entries.is_empty() {
            return None;
        }
        let mut noted = self.notices.lock();
        while let Some(id) = noted.free.pop_back() {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let lease = entry.reserve();
            if lease.is_some() {
                return lease;
            }
            if !entry.conn.is_open() {
                // It has yet to say so itself.
                noted.ended.push(id);
            }
        }
        None
    }

    /// Takes out those that are over.
    pub(super) fn take_ended(&mut self) -> impl Iterator<Item = C> {
        let ended = std::mem::take(&mut self.notices.lock().ended);
        let ended = ended.into_iter();
        ended.filter_map(|id| self.entries.remove(&id).map(|entry| entry.conn))
    }

    /// Takes out those that are idle beyond the bound, the one that has been so for longest first.
    pub(super) fn take_surplus(&mut self) -> Vec<C> {
        let mut noted = self.notices.lock();
        let free = &mut noted.free;
        if free.len() <= self.notices.max_idle {
            return Vec::new();
        }
        free.retain(|id| self.entries.contains_key(id));
        let surplus = free.len().saturating_sub(self.notices.max_idle);
        let surplus = free.drain(..surplus);
        surplus
            .filter_map(|id| self.entries.remove(&id))
            .map(|entry| entry.conn)
            .collect()
    }

    /// Takes out those of which `is_due` says so. Their notices are stale from now on.
    pub(super) fn take_if(
        &mut self,
        mut is_due: impl FnMut(&Entry<C>) -> bool,
    ) -> impl Iterator<Item = C> {
        self.entries
            .extract_if(move |_, entry| is_due(entry))
            .map(|(_, entry)| entry.conn)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn conns(&self) -> impl Iterator<Item = &C> {
        self.entries.values().map(|entry| &entry.conn)
    }
}
