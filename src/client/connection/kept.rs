//! Responses that nobody has taken yet.
//!
//! Owns: the exchanges behind them, by number: on HTTP/2 that of the stream, on HTTP/1.1 the place in
//! the line. Their count is bounded, since each may hold a head and a window of content. Never: runs
//! an exchange; whoever waits for one takes it out, and puts it back if it leaves before the end, for
//! which its room is kept.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::call::Call;

pub(super) struct Kept {
    state: Mutex<State>,
    limit: usize,
}

#[derive(Default)]
struct State {
    calls: BTreeMap<u64, Call>,
    /// Those that somebody has taken out and waits for.
    out: BTreeMap<u64, Out>,
    /// Requests that have a place here and no number yet.
    starting: usize,
    highest: Option<u64>,
}

/// What becomes of an exchange that comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Out {
    Kept,
    /// It was cancelled meanwhile.
    Unwanted,
}

/// Why a response is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// It was taken, or cancelled.
    Taken,
    /// There was none of this number.
    Unknown,
    /// There is none at all.
    Nothing,
}

impl Kept {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit: limit.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there may be.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// Takes room for one more; false if there is none.
    pub(super) fn reserve(&self) -> bool {
        let mut state = self.lock();
        let has_room = state.calls.len() + state.out.len() + state.starting < self.limit;
        state.starting += usize::from(has_room);
        has_room
    }

    /// Gives the room back unused.
    pub(super) fn release(&self) {
        self.lock().starting -= 1;
    }

    /// Fills the room that was reserved.
    pub(super) fn fill(&self, number: u64, call: Call) {
        let mut state = self.lock();
        state.starting -= 1;
        state.highest = state.highest.max(Some(number));
        state.calls.insert(number, call);
    }

    /// Takes an exchange out: this one, or the oldest. It keeps its room until it is
    /// [put back](Self::put_back) or [settled](Self::settle).
    pub(super) fn take(&self, number: Option<u64>) -> Result<(u64, Call), Missing> {
        let mut state = self.lock();
        let taken = match number {
            None => state.calls.pop_first().ok_or(Missing::Nothing),
            Some(number) => match state.calls.remove(&number) {
                Some(call) => Ok((number, call)),
                None if state.highest.is_some_and(|highest| number <= highest) => {
                    Err(Missing::Taken)
                }
                None => Err(Missing::Unknown),
            },
        };
        if let Ok((number, _)) = &taken {
            state.out.insert(*number, Out::Kept);
        }
        taken
    }

    /// Puts an exchange back that was taken out, unless it was cancelled meanwhile.
    pub(super) fn put_back(&self, number: u64, call: Call) {
        let mut state = self.lock();
        let unwanted = match state.out.remove(&number) {
            Some(Out::Unwanted) => Some(call),
            _ => state.calls.insert(number, call),
        };
        drop(state);
        // Outside the lock: what a request holds is foreign.
        drop(unwanted);
    }

    /// An exchange that was taken out has come to its end, and needs no room any more.
    pub(super) fn settle(&self, number: u64) {
        self.lock().out.remove(&number);
    }

    /// Drops an exchange, or sees to it that it is not put back.
    pub(super) fn cancel(&self, number: u64) {
        let mut state = self.lock();
        let unwanted = state.calls.remove(&number);
        if let Some(out) = state.out.get_mut(&number) {
            *out = Out::Unwanted;
        }
        drop(state);
        drop(unwanted);
    }
}
