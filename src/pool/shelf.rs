//! One key's connections and its queue, and the leases that come of bringing the two together.
//!
//! Owns: the matching of waiters with slots, and the decision to dial.
//!
//! Never: wakes, dials, retires or drops a connection by itself: it runs under the pool's lock, and
//! leaves all that to a [`Deferred`].
//!
//! How it dials. Connections that carry many exchanges are dialed one at a time, for all who wait.
//! Those that carry one are dialed for one waiter each, up to the bound: a waiter who joins allows
//! one dial, a connection that is lost allows one, and to learn that connections are exclusive
//! allows one for everybody. A failure allows none, so that a server which turns connections away
//! is not dialed again and again for the same waiters. So nobody is left without: who joins, and
//! who loses the last connection, gets a dial, and who loses the last dial gets its failure.
//!
//! Whom a failure reaches. The one that leaves neither a dial nor a connection is everybody's who
//! waits. While others are left, those will serve whoever waits, sooner or later, and the failure
//! fails nobody at first; it is kept, to say why if a waiter's time runs out. But connections that
//! carry one exchange may be busy for as long as that lasts. So where more wait than dials are under
//! way, though there is room for one, and nobody is served for [`STANDSTILL`], a failure fails one of
//! them: the last, since whoever is first takes what comes first. A server that takes few connections,
//! and turns the rest of a burst away, thus serves all of it in turn; one that takes none any more,
//! beside a long exchange, is found out soon.

use std::time::{Duration, Instant};

use super::{
    Key, PoolConfig, Sharing, ShelfSnapshot,
    conn::Conn,
    dial::DialOrder,
    exclusive::Exclusives,
    lease::{Entry, Lease},
    waiters::{Waiter, WaiterId, Waiters},
};
use crate::error::{Error, Kind, Retry, Scope};

/// How many connections a key may have that carry many exchanges, dials under way included.
const MULTIPLEXED_PER_KEY: usize = 1;

/// How long those who wait for exclusive connections may see nobody served before the failure of a
/// dial fails one of them. A second: most exchanges take less, so that a queue which moves at all
/// moves in it, and a caller who waits for nothing is not kept much longer than by a slow dial.
pub(super) const STANDSTILL: Duration = Duration::from_secs(1);

/// What the pool holds for one key.
pub(super) struct Shelf<C: Conn> {
    /// As a rule one: a server that changes its mind amid many dials may bring more.
    multiplexed: Vec<Entry<C>>,
    exclusives: Exclusives<C>,
    waiters: Waiters<C>,
    /// Dials under way.
    dials: usize,
    max_connections: usize,
    /// What was known before any dial.
    foreseen: Sharing,
    /// What the next connection is taken to be: as the last one was, or as foreseen.
    sharing: Sharing,
    /// Of the last dial, if it failed while others were left.
    failure: Option<Error>,
    progress: Progress,
}

/// How many of those who waited were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress(u64);

/// How many dials an event allows at most, however many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance(usize);

impl Allowance {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ONE: Self = Self(1);
    const ALL: Self = Self(usize::MAX);
}

impl<C: Conn> Shelf<C> {
    pub(super) fn new(config: &PoolConfig, foreseen: Sharing) -> Self {
        Self {
            multiplexed: Vec::new(),
            exclusives: Exclusives::new(config.max_idle),
            waiters: Waiters::default(),
            dials: 0,
            max_connections: config.max_connections,
            foreseen,
            sharing: foreseen,
            failure: None,
            progress: Progress::default(),
        }
    }

    /// What was seen goes before what was foreseen.
    pub(super) fn learn(&mut self, sharing: Sharing) -> Allowance {
        let before = std::mem::replace(&mut self.sharing, sharing);
        if sharing == Sharing::Exclusive && before != sharing {
            Allowance::ALL
        } else {
            Allowance::NONE
        }
    }

    /// Restores the pool's invariants: the first in the queue get what slots there are, the dead
    /// and the surplus leave, and dials begin if the rest would wait for too little.
    pub(super) fn settle(&mut self, allowance: Allowance, deferred: &mut Deferred<C>) {
        let Self {
            multiplexed,
            exclusives,
            waiters,
            progress,
            ..
        } = self;
        while let Some((waiter, lease)) = waiters.pop_with(|| reserve(multiplexed, exclusives)) {
            progress.0 += 1;
            deferred.answers.push(Answer {
                waiter,
                lease: Ok(lease),
            });
        }
        let lost = self.bury(deferred);
        self.trim(deferred);
        let count = self.dials_due(allowance.0.saturating_add(lost));
        self.begin_dials(count, deferred);
    }

    /// Parts with the connections that are over, and says how many they were.
    fn bury(&mut self, deferred: &mut Deferred<C>) -> usize {
        let before = deferred.dropping.len();
        let dead = self
            .multiplexed
            .extract_if(.., |entry| !entry.conn.is_open());
        deferred.dropping.extend(dead.map(|entry| entry.conn));
        deferred.dropping.extend(self.exclusives.take_ended());
        deferred.dropping.len() - before
    }

    /// Retires what is idle and too many.
    fn trim(&mut self, deferred: &mut Deferred<C>) {
        deferred.retiring.extend(self.exclusives.take_surplus());
        if self.multiplexed.len() > MULTIPLEXED_PER_KEY {
            let is_idle = |entry: &mut Entry<C>| entry.conn.in_use() == 0;
            let surplus = self.multiplexed.extract_if(MULTIPLEXED_PER_KEY.., is_idle);
            deferred.retiring.extend(surplus.map(|entry| entry.conn));
        }
    }

    /// How many dials are to begin for those who are in the queue now.
    fn dials_due(&self, allowed: usize) -> usize {
        let taken = self.connections() + self.dials;
        let wanted = match self.sharing {
            Sharing::Exclusive => self.waiters.len(),
            Sharing::Unknown | Sharing::Multiplexed => {
                let missing = MULTIPLEXED_PER_KEY.saturating_sub(self.multiplexed.len());
                self.waiters.len().min(missing)
            }
        };
        let room = self.max_connections.saturating_sub(taken);
        wanted.saturating_sub(self.dials).min(allowed).min(room)
    }

    /// Each new dial runs where the first waiter is at home for whom none is under way yet.
    fn begin_dials(&mut self, count: usize, deferred: &mut Deferred<C>) {
        for waiter in self.waiters.iter().skip(self.dials).take(count) {
            deferred.dials.push(DialOrder {
                runtime: waiter.runtime().clone(),
                waiting: self.waiters.count().clone(),
                line: self.exclusives.new_line(),
            });
        }
        self.dials += count;
    }

    /// A slot for somebody who is not in the queue: only when nobody is.
    pub(super) fn try_lease(&mut self) -> Option<Lease<C>> {
        if self.waiters.is_empty() {
            reserve(&mut self.multiplexed, &mut self.exclusives)
        } else {
            None
        }
    }

    /// As [`try_lease`](Self::try_lease), of those that carry many exchanges.
    pub(super) fn try_lease_multiplexed(&mut self) -> Option<Lease<C>> {
        if !self.waiters.is_empty() {
            return None;
        }
        self.multiplexed.iter_mut().find_map(Entry::reserve)
    }

    /// A dial is over. Says what that allows.
    pub(super) fn land(
        &mut self,
        key: &Key,
        outcome: Result<Entry<C>, Error>,
        deferred: &mut Deferred<C>,
    ) -> Allowance {
        self.dials -= 1;
        let error = match outcome {
            Ok(entry) if entry.conn.is_open() => return self.place(entry),
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
        if self.dials + self.connections() == 0 {
            self.fail_all(&error, deferred);
        } else {
            self.failure = Some(error);
        }
        Allowance::NONE
    }

    /// Looks on after a dial that has failed while others were left, and fails the last who waits
    /// if nobody was served since `before`. What to come back with after [`STANDSTILL`], or
    /// `None` once the failure has been told, or is nobody's.
    pub(super) fn look_on(
        &mut self,
        error: &Error,
        before: Option<Progress>,
        deferred: &mut Deferred<C>,
    ) -> Option<Progress> {
        if self.sharing != Sharing::Exclusive || self.waiters.len() <= self.dials {
            return None;
        }
        // Who waits at the bound waits for others to be done, and not for want of a dial.
        if self.connections() + self.dials >= self.max_connections {
            return None;
        }
        if before != Some(self.progress) {
            return Some(self.progress);
        }
        let lease = Err(error.clone());
        let waiter = self.waiters.pop_last()?;
        deferred.answers.push(Answer { waiter, lease });
        None
    }

    /// Takes in a new connection, and learns from it.
    fn place(&mut self, entry: Entry<C>) -> Allowance {
        self.failure = None;
        if let Some(id) = entry.link.exclusive_id() {
            self.exclusives.insert(id, entry);
            self.learn(Sharing::Exclusive)
        } else {
            self.multiplexed.push(entry);
            self.learn(Sharing::Multiplexed)
        }
    }

    /// Takes out the connections that have carried nothing for `timeout`, and says when the next
    /// may be due. While somebody waits, none is idle: it may be a limit of zero that is waited on.
    pub(super) fn take_idle(
        &mut self,
        now: Instant,
        timeout: Duration,
        deferred: &mut Deferred<C>,
    ) -> Option<Instant> {
        let mut next = None;
        let is_awaited = !self.waiters.is_empty();
        let mut is_due = |entry: &Entry<C>| {
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
        };
        let idle = self.multiplexed.extract_if(.., |entry| is_due(entry));
        deferred.retiring.extend(idle.map(|entry| entry.conn));
        deferred.retiring.extend(self.exclusives.take_if(is_due));
        next
    }

    /// Empties the shelf: connections retire, waiters get `error`.
    pub(super) fn clear(&mut self, error: &Error, deferred: &mut Deferred<C>) {
        let conns = self.multiplexed.drain(..).map(|entry| entry.conn);
        deferred.retiring.extend(conns);
        deferred.retiring.extend(self.exclusives.take_if(|_| true));
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

    /// Why nothing new came for those who wait, if a dial has failed.
    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether its connections turned out to be exclusive, where that was not foreseen.
    pub(super) fn is_worth_a_note(&self) -> bool {
        self.sharing == Sharing::Exclusive && self.foreseen != Sharing::Exclusive
    }

    fn connections(&self) -> usize {
        self.multiplexed.len() + self.exclusives.len()
    }

    pub(super) fn has_connections(&self) -> bool {
        !self.multiplexed.is_empty() || !self.exclusives.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_connections() && self.waiters.is_empty() && self.dials == 0
    }

    pub(super) fn snapshot(&self, key: &Key) -> ShelfSnapshot {
        let multiplexed = self.multiplexed.iter().map(|entry| &entry.conn);
        let conns = multiplexed.chain(self.exclusives.conns());
        let mut snapshot = ShelfSnapshot {
            key: key.clone(),
            connections: 0,
            in_use: 0,
            waiting: self.waiters.len(),
            dials: self.dials,
        };
        for conn in conns.filter(|conn| conn.is_open()) {
            snapshot.connections += 1;
            snapshot.in_use += conn.in_use();
        }
        snapshot
    }
}

/// A lease on the first connection that has a slot. Those that carry many go first, so that the
/// others can age once there is one.
fn reserve<C: Conn>(
    multiplexed: &mut [Entry<C>],
    exclusives: &mut Exclusives<C>,
) -> Option<Lease<C>> {
    let lease = multiplexed.iter_mut().find_map(Entry::reserve);
    lease.or_else(|| exclusives.reserve())
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
    dials: Vec<DialOrder>,
}

impl<C: Conn> Deferred<C> {
    pub(super) fn retire(&mut self, entry: Entry<C>) {
        self.retiring.push(entry.conn);
    }

    pub(super) fn take_dials(&mut self) -> Vec<DialOrder> {
        std::mem::take(&mut self.dials)
    }

    /// Answers the waiters in their order and parts with the connections.
    pub(super) fn finish(self) {
        debug_assert!(
            self.dials.is_empty(),
            "a dial that was decided on must begin"
        );
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
            dials: Vec::new(),
        }
    }
}
