//! What the drivers' loops go by: whether a step moved anything, the one timer of a connection, and
//! a way to let the runtime look after its sockets.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Instant,
};

use tokio::time::Sleep;

/// What a step of the loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was moved, and there may be more.
    Moved,
    /// Nothing can be done until the driver is woken.
    Idle,
}

/// Yields until the runtime has looked after its sockets: never ready at once. A task that only wakes
/// itself would have its turn before that.
pub(super) fn poll_reactor(cx: &mut Context<'_>) -> Poll<()> {
    pin!(tokio::task::yield_now()).poll(cx)
}

/// One sleep for all deadlines of a connection.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
}

impl Timer {
    /// Whether the deadline has come.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        at: Option<Instant>,
        now: Instant,
    ) -> Poll<()> {
        let Some(deadline) = at else {
            self.at = None;
            return Poll::Pending;
        };
        if deadline <= now {
            return Poll::Ready(());
        }
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if self.at != Some(deadline) {
            self.at = Some(deadline);
            sleep.as_mut().reset(deadline.into());
        }
        sleep.as_mut().poll(cx)
    }
}
