//! The cell that a caller and a connection's driver share for one exchange.
//!
//! Owns: what has arrived and was not read yet, the one waker of whoever reads, and the request
//! until it can no longer be sent again. Locked for moments: never while a waker is called, a body
//! is polled, or anything is awaited.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;

use super::{
    Answer, Arrived, ExchangeId, HandedOver, Head, Outcome, OutgoingRequest, Promisee, Then,
    inbox::Inbox,
};
use crate::{error::Error, http2::Credit, interim::Sink};

/// What a response does to the connection that carries it.
pub(crate) trait ExchangeControl: Send + Sync + fmt::Debug {
    /// Octets were consumed; their debt goes back.
    fn release(&self, id: ExchangeId, credit: Credit);
    /// So many octets are unread no more that the connection, which was [held](Slot::is_held), may
    /// be read again.
    fn resume(&self, id: ExchangeId);
    /// Nobody wants the rest of the exchange.
    fn cancel(&self, id: ExchangeId);
    /// Somebody wants what the peer has promised.
    fn claim(&self, id: ExchangeId);
    /// How much credit may be held back before it is returned, in octets.
    fn credit_step(&self) -> u32;
}

/// One exchange.
#[derive(Debug)]
pub(crate) struct Slot {
    control: Arc<dyn ExchangeControl>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The request, until a response makes sending it again pointless.
    request: Option<OutgoingRequest>,
    stage: Stage,
    /// Which exchange it is, once it is one.
    id: Option<ExchangeId>,
    /// Whether somebody waits to learn that.
    announces_start: bool,
    /// Whether a request that comes back unsent goes out again, so that its body is kept for that.
    is_repeatable: bool,
    head: Option<Head>,
    handed_over: Option<HandedOver>,
    inbox: Inbox,
    /// Whether the connection is not read until there is room in the inbox.
    is_held: bool,
    /// Credit of octets that were read and not returned yet.
    credit: Option<Credit>,
    /// Whether credit goes back as soon as nothing is unread, be it little.
    is_hasty: bool,
    trailers: Option<HeaderMap>,
    waker: Option<Waker>,
    /// Who takes what is promised to the request, while more may be.
    promisee: Option<Arc<dyn Promisee>>,
    /// The exchange, if it is itself a promise that nobody has claimed: its driver keeps account of
    /// it, be it over.
    unclaimed: Option<ExchangeId>,
}

/// How far the exchange has come, as its driver sees it.
#[derive(Debug)]
enum Stage {
    /// In the driver's mailbox.
    Queued,
    /// On its way.
    Started(ExchangeId),
    /// The response has arrived in full, or failed; `sending` is the exchange whose upload goes on.
    Ended {
        sending: Option<ExchangeId>,
        outcome: Result<(), Failed>,
    },
    /// The caller has dropped its end.
    Abandoned,
}

/// How an exchange failed, and whether the request may go out again as it is.
#[derive(Debug)]
struct Failed {
    error: Error,
    is_resendable: bool,
}

impl Slot {
    /// Unread octets at which a connection without flow control of its own is not read any more: as
    /// much as the reads that a fast link fills between two turns of the reader.
    const HOLD_AT: usize = 256 * 1024;
    /// Unread octets at which it is read again: soon enough that its reader does not run dry.
    const RESUME_AT: usize = 64 * 1024;

    /// A slot for a request that is about to enter a driver's mailbox.
    pub(crate) fn new(request: OutgoingRequest, control: Arc<dyn ExchangeControl>) -> Arc<Self> {
        Self::with(State::of(request), control)
    }

    /// The same, for one that goes out once, come what may.
    pub(crate) fn once(request: OutgoingRequest, control: Arc<dyn ExchangeControl>) -> Arc<Self> {
        let mut state = State::of(request);
        state.is_repeatable = false;
        Self::with(state, control)
    }

    /// A slot for a response that the peer has promised.
    pub(crate) fn promised(id: ExchangeId, control: Arc<dyn ExchangeControl>) -> Arc<Self> {
        let mut state = State::new(Stage::Started(id));
        state.unclaimed = Some(id);
        Self::with(state, control)
    }

    fn with(state: State, control: Arc<dyn ExchangeControl>) -> Arc<Self> {
        let state = Mutex::new(state);
        Arc::new(Self { control, state })
    }

    /// A panic elsewhere cannot leave the state half-changed: no method runs foreign code while
    /// it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names somebody who takes what the peer promises, before the request is sent.
    pub(crate) fn promise_to(&self, promisee: Arc<dyn Promisee>) {
        self.lock().promisee = Some(promisee);
    }

    // The driver's end.

    /// Lends the request to the driver, which begins the exchange; `None` if the caller has left
    /// meanwhile. Adds the waker of whoever waits for the exchange to begin.
    pub(crate) fn start<E>(
        &self,
        wakers: &mut Vec<Waker>,
        open: impl FnOnce(&mut OutgoingRequest) -> Result<ExchangeId, E>,
    ) -> Option<Result<ExchangeId, E>> {
        let mut state = self.lock();
        if !matches!(state.stage, Stage::Queued) {
            return None;
        }
        let opened = open(state.request.as_mut()?);
        if let Ok(id) = &opened {
            state.stage = Stage::Started(*id);
            state.id = Some(*id);
            if state.announces_start {
                wakers.extend(state.waker.take());
            }
        }
        Some(opened)
    }

    /// Puts something in, and gives the waker of whoever waits for it.
    pub(crate) fn arrive(&self, arrived: Arrived, then: Then) -> Option<Waker> {
        let mut state = self.lock();
        let mut settled = None;
        match arrived {
            Arrived::Interim(head) => {
                let sink = state.interim_sink();
                drop(state);
                if let Some(sink) = sink {
                    sink.send(head.into_interim());
                }
                return None;
            }
            Arrived::Head(head) => {
                state.head = Some(head);
                settled = state.request.take();
            }
            Arrived::HandedOver(head, handed_over) => {
                state.head = Some(head);
                state.handed_over = Some(handed_over);
                settled = state.request.take();
            }
            Arrived::Data(data, credit) => {
                if !data.is_empty() && !matches!(state.stage, Stage::Abandoned) {
                    state.inbox.push(data, credit);
                }
            }
            Arrived::Trailers(trailers) => state.trailers = Some(trailers),
        }
        let mut promisee = None;
        if let Then::End { sending } = then {
            promisee = state.end(sending, Ok(()));
        }
        let waker = state.waker.take();
        drop(state);
        // Outside the lock: the destructors of a request's extensions are foreign code.
        drop((settled, promisee));
        waker
    }

    /// Whether more is unread than a connection should bring, which then waits for
    /// [`resume`](ExchangeControl::resume). Once so, it stays so until that is said.
    pub(crate) fn is_held(&self) -> bool {
        let mut state = self.lock();
        // Of a response that is complete nothing more comes.
        let is_reading = matches!(state.stage, Stage::Queued | Stage::Started(_));
        let is_full = state.inbox.octets() >= Self::HOLD_AT;
        state.is_held = is_reading && (state.is_held || is_full);
        state.is_held
    }

    /// The peer waits for credit: gives what was gathered, and gathers none any more once all is
    /// read.
    pub(crate) fn hasten_credit(&self) -> Option<Credit> {
        let mut state = self.lock();
        state.is_hasty = true;
        state.credit.take()
    }

    /// The exchange failed. With `is_resendable`, the request may go out again by itself.
    pub(crate) fn fail(&self, error: Error, is_resendable: bool) -> Option<Waker> {
        // Outlives the lock: where nobody is left to hear of it, the error is dropped, and its
        // source may be the caller's.
        let _error = error.clone();
        let failed = Failed {
            error,
            is_resendable,
        };
        let mut state = self.lock();
        let promisee = state.end(None, Err(failed));
        let waker = state.waker.take();
        drop(state);
        drop(promisee);
        waker
    }

    /// Who takes what is promised to the request, if anybody does.
    pub(crate) fn promisee(&self) -> Option<Arc<dyn Promisee>> {
        self.lock().promisee.clone()
    }

    /// Our upload is over, too: nothing is left to cancel.
    pub(crate) fn sending_finished(&self) {
        if let Stage::Ended { sending, .. } = &mut self.lock().stage {
            *sending = None;
        }
    }

    /// Gives a body back that was taken from the request and has given nothing.
    pub(crate) fn return_body(&self, body: super::OutgoingBody) {
        let mut state = self.lock();
        if state.is_repeatable
            && let Some(request) = &mut state.request
        {
            request.body = body;
            return;
        }
        drop(state);
        // Outside the lock: a body's destructor is foreign code.
        drop(body);
    }

    // The caller's end.

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

/// A part of a body.
#[derive(Debug)]
pub(crate) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl State {
    fn new(stage: Stage) -> Self {
        Self {
            request: None,
            stage,
            id: None,
            announces_start: false,
            is_repeatable: true,
            head: None,
            handed_over: None,
            inbox: Inbox::default(),
            is_held: false,
            credit: None,
            is_hasty: false,
            trailers: None,
            waker: None,
            promisee: None,
            unclaimed: None,
        }
    }

    fn of(request: OutgoingRequest) -> Self {
        Self {
            request: Some(request),
            ..Self::new(Stage::Queued)
        }
    }

    /// The response is over. A caller who has left does not learn of it. No more can be promised:
    /// whoever took promises is to be dropped outside the lock.
    fn end(
        &mut self,
        sending: Option<ExchangeId>,
        outcome: Result<(), Failed>,
    ) -> Option<Arc<dyn Promisee>> {
        if let Stage::Queued | Stage::Started(_) = self.stage {
            self.stage = Stage::Ended { sending, outcome };
        }
        self.promisee.take()
    }

    fn wait(&mut self, cx: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }

    fn take_head(&mut self, head: Head) -> Outcome {
        let is_end = match &self.stage {
            Stage::Ended { sending, outcome } => {
                outcome.is_ok() && sending.is_none() && self.is_drained()
            }
            Stage::Queued | Stage::Started(_) | Stage::Abandoned => false,
        };
        Outcome::Answered(Answer {
            head,
            handed_over: self.handed_over.take(),
            is_end,
        })
    }

    fn is_drained(&self) -> bool {
        self.inbox.is_empty() && self.trailers.is_none()
    }

    /// Adds to the credit that is to go back, and gives it out once it is worth a message. Once
    /// the response is complete the peer needs none.
    fn owe(&mut self, credit: Option<Credit>, step: u32) -> Option<(ExchangeId, Credit)> {
        let Stage::Started(id) = self.stage else {
            return None;
        };
        let owed = Credit::merge_options(self.credit.take(), credit)?;
        if owed.octets() >= step || (self.is_hasty && self.inbox.is_empty()) {
            return Some((id, owed));
        }
        self.credit = Some(owed);
        None
    }

    /// The exchange whose connection may be read again, if it was held and enough has been read.
    fn resume(&mut self) -> Option<ExchangeId> {
        let Stage::Started(id) = self.stage else {
            return None;
        };
        let is_resumed = self.is_held && self.inbox.octets() <= Slot::RESUME_AT;
        self.is_held &= !is_resumed;
        is_resumed.then_some(id)
    }

    fn interim_sink(&self) -> Option<Sink> {
        let request = self.request.as_ref()?;
        request.parts.extensions.get().cloned()
    }
}
