//! The line of those who wait for a stream.
//!
//! Owns: the order of places, and what came of each. Whoever waits has a place, by number, and it is
//! settled once: with a slot, which is then its own, or with an error. First come, first served: a slot
//! that comes free goes to the first place, and nobody passes those who wait. Never: wakes a task or
//! gives a slot back while the line is locked.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::core::Core;
use crate::error::Error;

/// Those who wait, and what they wait for.
#[derive(Default)]
pub(super) struct Line {
    next: u64,
    waiting: BTreeMap<u64, Option<Waker>>,
    /// What came of places that nobody has asked after since.
    settled: BTreeMap<u64, Result<(), Error>>,
    pub(super) dialing: Dialing,
    /// How many dials have ended, and how the last one failed.
    pub(super) dials: u64,
    pub(super) failure: Option<Error>,
}

/// How far the connection is from being made.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Dialing {
    #[default]
    Idle,
    UnderWay,
    /// Closed before there was a connection.
    Closed,
}

/// A slot for one stream, given back when it is dropped.
pub(super) struct Reservation {
    core: Option<Arc<Core>>,
}

impl Core {
    /// Takes a place in the line.
    pub(super) fn enter(self: &Arc<Self>) -> Result<u64, Error> {
        let mut line = self.lock();
        match self.conn() {
            Some(conn) if !conn.handle.is_open() => Err(self.refusal(conn)),
            Some(conn) => {
                let place = line.number();
                if line.waiting.is_empty() && conn.handle.try_reserve() {
                    line.settled.insert(place, Ok(()));
                } else {
                    line.waiting.insert(place, None);
                }
                Ok(place)
            }
            None => {
                self.dial(&mut line)?;
                let place = line.number();
                line.waiting.insert(place, None);
                Ok(place)
            }
        }
    }

    /// Waits for what comes of a place. Ready once.
    pub(super) fn poll_turn(
        self: &Arc<Self>,
        place: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<Reservation, Error>> {
        let mut line = self.lock();
        if let Some(outcome) = line.settled.remove(&place) {
            return Poll::Ready(outcome.map(|()| Reservation {
                core: Some(Arc::clone(self)),
            }));
        }
        match line.waiting.get_mut(&place) {
            Some(Some(waker)) => waker.clone_from(cx.waker()),
            Some(none) => *none = Some(cx.waker().clone()),
            None => {}
        }
        Poll::Pending
    }

    /// Gives a place up; a slot that it had goes to the next.
    pub(super) fn leave(&self, place: u64) {
        let mut line = self.lock();
        let waker = line.waiting.remove(&place);
        let outcome = line.settled.remove(&place);
        drop(line);
        drop(waker);
        if let (Some(Ok(())), Some(conn)) = (outcome, self.conn()) {
            conn.handle.release_slot();
        }
    }

    /// Something has changed: gives out what there is to give.
    pub(super) fn settle(&self) {
        let Some(conn) = self.conn() else {
            return;
        };
        let mut line = self.lock();
        let wakers = if conn.handle.is_open() {
            line.grant(|| conn.handle.try_reserve())
        } else if line.waiting.is_empty() {
            Vec::new()
        } else {
            let error = self.refusal(conn);
            line.fail_all(&error)
        };
        drop(line);
        wake(wakers);
    }

    /// Whether requests are taken, as far as is known.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.conn() {
            Some(conn) if !conn.handle.is_open() => Err(self.refusal(conn)),
            _ => Ok(()),
        }
    }
}

impl Line {
    /// The wakers of all who wait, who wait on.
    pub(super) fn wakers(&self) -> Vec<Waker> {
        self.waiting.values().flatten().cloned().collect()
    }

    fn number(&mut self) -> u64 {
        let place = self.next;
        self.next += 1;
        place
    }

    /// Settles places, the first one first, while `reserve` has slots.
    fn grant(&mut self, reserve: impl Fn() -> bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while let Some(first) = self.waiting.first_entry()
            && reserve()
        {
            let (place, waker) = first.remove_entry();
            self.settled.insert(place, Ok(()));
            wakers.extend(waker);
        }
        wakers
    }

    pub(super) fn fail_all(&mut self, error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for (place, waker) in std::mem::take(&mut self.waiting) {
            self.settled.insert(place, Err(error.clone()));
            wakers.extend(waker);
        }
        wakers
    }
}

pub(super) fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        waker.wake();
    }
}

impl Reservation {
    /// The slot is a stream's from now on, and the driver frees it.
    pub(super) fn spend(mut self) -> Option<Arc<Core>> {
        self.core.take()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(core) = &self.core
            && let Some(conn) = core.conn()
        {
            conn.handle.release_slot();
        }
    }
}
