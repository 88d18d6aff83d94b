//! Promises between a connection's driver and a caller.
//!
//! Owns: those that nobody has taken out, and the waker of whoever waits for the next, under one
//! short lock. Never: drops a promise or wakes a task while it holds the lock. It needs no bound of
//! its own: every connection bounds what nobody has claimed.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Push;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Push>,
    waker: Option<Waker>,
    /// No sink is left.
    has_ended: bool,
    /// Nobody takes anything out any more.
    is_closed: bool,
}

impl Queue {
    /// A panic elsewhere cannot leave the state half-changed: what runs under the lock is ours.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a promise, if it is `wanted` still; gives the waker of whoever waits for it.
    #[expect(clippy::result_large_err, reason = "what is not taken comes back")]
    pub(super) fn put(
        &self,
        push: Push,
        wanted: impl FnOnce() -> bool,
    ) -> Result<Option<Waker>, Push> {
        let mut state = self.lock();
        if state.is_closed || !wanted() {
            return Err(push);
        }
        state.waiting.push_back(push);
        Ok(state.waker.take())
    }

    /// Takes out what is `unwanted` from now on, after `mark` has been set under the lock.
    pub(super) fn withdraw(
        &self,
        mark: impl FnOnce(),
        unwanted: impl FnMut(&Push) -> bool,
    ) -> VecDeque<Push> {
        let mut state = self.lock();
        mark();
        let waiting = std::mem::take(&mut state.waiting);
        let (withdrawn, kept) = waiting.into_iter().partition(unwanted);
        state.waiting = kept;
        withdrawn
    }

    pub(super) fn try_take(&self) -> Option<Push> {
        self.lock().waiting.pop_front()
    }

    /// Waits for the next promise; `None` when no sink is left.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Option<Push>> {
        let mut state = self.lock();
        if let Some(push) = state.waiting.pop_front() {
            return Poll::Ready(Some(push));
        }
        if state.has_ended {
            return Poll::Ready(None);
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => state.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// The last sink is gone; gives the waker of whoever waits.
    pub(super) fn end(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.has_ended = true;
        state.waker.take()
    }

    /// Nobody takes anything out any more; gives what was left.
    pub(super) fn close(&self) -> VecDeque<Push> {
        let mut state = self.lock();
        state.is_closed = true;
        state.waker = None;
        std::mem::take(&mut state.waiting)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }
}
