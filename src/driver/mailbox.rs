//! What callers tell a driver.
//!
//! Owns: one queue and the driver's waker, under one short lock. The driver drains it by swapping
//! vectors. It needs no bound of its own: requests are bounded by the connection's slots, and each
//! exchange has at most one cancel, one claim, one wake-up of its body, one change of priority, one
//! leave to read on, and as many returns of credit in it as its window holds steps of credit. What
//! callers ask for by hand, such as a PING, is there as often as they ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    body::{ExchangeId, Slot},
    http2::{Credit, ErrorCode},
};

/// One thing that a driver is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send a request.
    Open(Arc<Slot>),
    /// Give consumed octets back to the peer: HTTP/2 alone has windows.
    Release(ExchangeId, Credit),
    /// Read on: HTTP/1.1 alone stops reading for want of room.
    Resume(ExchangeId),
    /// End an exchange that nobody waits for.
    Cancel(ExchangeId),
    /// End an exchange with this code, and tell whoever waits for it.
    Reset(ExchangeId, ErrorCode),
    /// Somebody reads what the peer has promised: HTTP/2 alone has promises.
    Claim(ExchangeId),
    /// Ask this exchange's request body again: it has something.
    PollBody(ExchangeId),
    /// This exchange's priority is another: HTTP/2 alone can say so.
    Prioritize(ExchangeId),
    /// Send a PING: HTTP/2 alone has them.
    Ping(Box<PingCommand>),
    /// Take no new requests; close when the last is done.
    Retire,
    /// Close now. HTTP/1.1 has no words for why.
    Close(ErrorCode),
}

/// A PING, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct PingCommand {
    pub(super) payload: [u8; 8],
    /// Dropped unused when the connection ends first.
    pub(super) answer: oneshot::Sender<Duration>,
}

impl Command {
    /// The request that it is about, if it is about one.
    pub(super) fn into_request(self) -> Option<Arc<Slot>> {
        match self {
            Self::Open(slot) => Some(slot),
            Self::Release(..)
            | Self::Resume(_)
            | Self::Cancel(_)
            | Self::Reset(..)
            | Self::Claim(_)
            | Self::PollBody(_)
            | Self::Prioritize(_)
            | Self::Ping(_)
            | Self::Retire
            | Self::Close(_) => None,
        }
    }
}

/// The queue of commands.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Vec<Command>,
    /// There while the driver sleeps.
    driver: Option<Waker>,
    is_closed: bool,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a command, and wakes the driver if it sleeps. A closed mailbox gives it back.
    pub(super) fn push(&self, command: Command) -> Result<(), Command> {
        let driver = {
            let mut state = self.lock();
            if state.is_closed {
                return Err(command);
            }
            state.queue.push(command);
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(())
    }

    /// Swaps the queued commands for an empty vector.
    pub(super) fn drain(&self, into: &mut Vec<Command>) {
        debug_assert!(into.is_empty(), "the last batch was carried out");
        std::mem::swap(&mut self.lock().queue, into);
    }

    /// Lets the driver sleep until a command comes; ready if one is there.
    pub(super) fn poll_command(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if !state.queue.is_empty() {
            return Poll::Ready(());
        }
        match &mut state.driver {
            Some(waker) => waker.clone_from(cx.waker()),
            None => state.driver = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Takes no more commands; gives those that were never drained.
    pub(super) fn close(&self) -> Vec<Command> {
        let mut state = self.lock();
        state.is_closed = true;
        state.driver = None;
        std::mem::take(&mut state.queue)
    }
}
