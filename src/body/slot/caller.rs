//! What a caller does with its end of a slot.

use std::task::{Context, Poll};

use super::{Part, Slot, Stage};
use crate::{
    body::{ExchangeId, Outcome},
    error::Error,
};

impl Slot {
    /// Waits until the exchange has begun; its error if it failed before.
    pub(crate) fn poll_started(&self, cx: &Context<'_>) -> Poll<Result<ExchangeId, Error>> {
        let mut state = self.lock();
        if let Some(id) = state.id {
            return Poll::Ready(Ok(id));
        }
        if let Stage::Ended {
            outcome: Err(failed),
            ..
        } = &state.stage
        {
            return Poll::Ready(Err(failed.error.clone()));
        }
        state.announces_start = true;
        state.wait(cx);
        Poll::Pending
    }

    /// Somebody waits for the response that was promised.
    pub(crate) fn claim(&self) {
        let unclaimed = self.lock().unclaimed.take();
        if let Some(id) = unclaimed {
            self.control.claim(id);
        }
    }

    /// Whether the response is still on its way.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.lock().stage, Stage::Queued | Stage::Started(_))
    }

    /// Waits for the head. Ready once.
    pub(crate) fn poll_head(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        if let Some(head) = state.head.take() {
            return Poll::Ready(state.take_head(head));
        }
        let Stage::Ended {
            outcome: Err(failed),
            ..
        } = &state.stage
        else {
            state.wait(cx);
            return Poll::Pending;
        };
        let (error, is_resendable) = (failed.error.clone(), failed.is_resendable);
        let request = state.request.take();
        // What is not sent again is dropped outside the lock: its destructors are foreign code.
        drop(state);
        Poll::Ready(match request {
            Some(request) if is_resendable && request.body.is_replayable() => {
                Outcome::Unsent(request, error)
            }
            _ => Outcome::Failed(error),
        })
    }

    /// Waits for the next part of the body: content, then trailers, then the end.
    pub(crate) fn poll_part(&self, cx: &Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        let mut state = self.lock();
        if let Some((data, credit)) = state.inbox.pop() {
            let due = state.owe(credit, self.control.credit_step());
            let resumed = state.resume();
            drop(state);
            if let Some((id, credit)) = due {
                self.control.release(id, credit);
            }
            if let Some(id) = resumed {
                self.control.resume(id);
            }
            return Poll::Ready(Some(Ok(Part::Data(data))));
        }
        let trailers = state.trailers.take();
        match &state.stage {
            Stage::Ended {
                outcome: Err(failed),
                ..
            } => Poll::Ready(Some(Err(failed.error.clone()))),
            Stage::Ended {
                outcome: Ok(()), ..
            } => Poll::Ready(trailers.map(|trailers| Ok(Part::Trailers(trailers)))),
            Stage::Abandoned => Poll::Ready(None),
            Stage::Queued | Stage::Started(_) => {
                state.trailers = trailers;
                state.wait(cx);
                Poll::Pending
            }
        }
    }

    /// Whether nothing more comes: no content, no trailers, no error.
    pub(crate) fn is_exhausted(&self) -> bool {
        let state = self.lock();
        let is_complete = matches!(
            state.stage,
            Stage::Ended {
                outcome: Ok(()),
                ..
            }
        );
        is_complete && state.inbox.is_empty() && state.trailers.is_none()
    }

    /// Why the exchange has failed, if it has: whoever writes asks, too.
    pub(crate) fn failure(&self) -> Option<Error> {
        match &self.lock().stage {
            Stage::Ended {
                outcome: Err(failed),
                ..
            } => Some(failed.error.clone()),
            _ => None,
        }
    }

    /// The caller leaves. What is left of the exchange is cancelled, and unread octets go with
    /// their stream.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        let stage = std::mem::replace(&mut state.stage, Stage::Abandoned);
        let inbox = std::mem::take(&mut state.inbox);
        let request = state.request.take();
        let handed_over = state.handed_over.take();
        let promisee = state.promisee.take();
        let unclaimed = state.unclaimed.take();
        state.waker = None;
        drop(state);
        // Outside the lock: a body's destructor is foreign code.
        drop((inbox, request, handed_over));
        if let Some(promisee) = promisee {
            promisee.leave();
        }
        let id = match stage {
            Stage::Started(id) => Some(id),
            Stage::Ended { sending, .. } => sending.or(unclaimed),
            Stage::Queued | Stage::Abandoned => None,
        };
        if let Some(id) = id {
            self.control.cancel(id);
        }
    }
}
