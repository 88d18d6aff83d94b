//! Responses that nobody has taken yet.
//!
//! Owns: the exchanges behind them, by number: on HTTP/2 that of the stream, on HTTP/1.1 the place in
//! the line. Their count is bounded, since each may hold a head and a window of content. Never: runs
//! an exchange; whoever waits for one takes it out, and puts it back if it leaves before the end.

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
    /// Requests that have a place here and no number yet.
    starting: usize,
    highest: Option<u64>,
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
        let has_room = state.calls.len() + state.starting < self.limit;
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

    /// Takes an exchange out: this one, or the oldest.
    pub(super) fn take(&self, number: Option<u64>) -> Result<(u64, Call), Missing> {
        let mut state = self.lock();
        let Some(number) = number else {
            return state.calls.pop_first().ok_or(Missing::Nothing);
        };
        match state.calls.remove(&number) {
            Some(call) => Ok((number, call)),
            None if state.highest.is_some_and(|highest| number <= highest) => Err(Missing::Taken),
            None => Err(Missing::Unknown),
        }
    }

    /// Puts an exchange back that was taken out.
    pub(super) fn put_back(&self, number: u64, call: Call) {
        self.lock().calls.insert(number, call);
    }
}
