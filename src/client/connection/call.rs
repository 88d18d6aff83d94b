//! One exchange on a connection, from the caller's request to the response head.
//!
//! Owns: the request until the driver has it, and the time limits. Never: sends anything again; that
//! is for whoever has another connection. An exchange holds no connection alive by itself: what keeps
//! it, keeps the [`Core`] beside it, and takes it out of the line when it is dropped.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Method, Response};
use tokio::{runtime::Handle, time::Sleep};

use super::{core::Core, line::Reservation};
use crate::{
    body::{ExchangeId, Outcome, OutgoingRequest, ResponseBody, Slot},
    client::{
        future::{open_tunnel, settle, sleep},
        pending::Pending,
        pushed::Pushed,
    },
    error::{Error, Kind, Phase, Retry, Scope},
};

/// An exchange, without the connection that it is on.
pub(super) struct Call {
    stage: Stage,
    /// The place in the line that it has or had.
    place: Option<u64>,
    /// For the wait in the line, then for the response head.
    limit: Option<Pin<Box<Sleep>>>,
    whole_limit: Option<Pin<Box<Sleep>>>,
    is_decoding: bool,
}

enum Stage {
    /// The request was never good.
    Rejected(Error),
    /// It has not been polled yet.
    New(OutgoingRequest, Option<Reservation>),
    /// It stands in the line.
    Waiting(u64, OutgoingRequest),
    /// The driver has it.
    Sent(Pending),
    Done,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Others are before it.
    Queued,
    /// It is on its way.
    Started(ExchangeId),
}

impl Call {
    pub(super) fn new(
        request: OutgoingRequest,
        reservation: Option<Reservation>,
        is_decoding: bool,
    ) -> Self {
        Self {
            stage: Stage::New(request, reservation),
            place: None,
            limit: None,
            whole_limit: None,
            is_decoding,
        }
    }

    pub(super) fn rejected(error: Error) -> Self {
        Self {
            stage: Stage::Rejected(error),
            place: None,
            limit: None,
            whole_limit: None,
            is_decoding: false,
        }
    }

    fn take_stage(&mut self) -> Stage {
        mem::replace(&mut self.stage, Stage::Done)
    }

    /// Gets the request on its way: ready once the driver has it.
    fn poll_sent(&mut self, core: &Arc<Core>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            match &mut self.stage {
                Stage::Sent(_) => return Poll::Ready(Ok(())),
                Stage::Waiting(place, _) => {
                    let reservation = ready!(core.poll_turn(*place, cx));
                    if let Stage::Waiting(_, request) = self.take_stage() {
                        self.send(core, reservation?, request);
                    }
                }
                Stage::Rejected(_) | Stage::New(..) | Stage::Done => match self.take_stage() {
                    Stage::Rejected(error) => return Poll::Ready(Err(error)),
                    Stage::New(request, reservation) => {
                        self.begin(core, request, reservation, cx)?;
                    }
                    _ => panic!("an exchange was polled after it was over"),
                },
            }
        }
    }

    /// The first poll: clocks start, and a body that is ready is taken whole.
    fn begin(
        &mut self,
        core: &Arc<Core>,
        request: OutgoingRequest,
        reservation: Option<Reservation>,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        // Without a runtime a timer would panic.
        Handle::try_current().map_err(|missing| {
            core.error(Kind::Shutdown, Scope::Request, Retry::Safe)
                .with_source(missing)
        })?;
        self.whole_limit = sleep(core.timeouts.whole);
        let request = settle(request, cx).map_err(|error| error.with_netloc(core.netloc()))?;
        match reservation {
            Some(reservation) => self.send(core, reservation, request),
            None => {
                let place = core.enter()?;
                self.limit = sleep(core.timeouts.pool_wait);
                self.place = Some(place);
                self.stage = Stage::Waiting(place, request);
            }
        }
        Ok(())
    }

    fn send(&mut self, core: &Arc<Core>, reservation: Reservation, mut request: OutgoingRequest) {
        let Some(conn) = core.conn() else {
            // Slots are those of a connection, so this cannot be.
            let error = core.error(Kind::Closed, Scope::Connection, Retry::Safe);
            self.stage = Stage::Rejected(error);
            return;
        };
        let is_reused = core.mark_used();
        let method = request.parts.method.clone();
        let tunnel = if method == Method::CONNECT {
            open_tunnel(&mut request, conn.facts.protocol)
        } else {
            None
        };
        let promisee = Pushed::promisee(
            &request,
            &conn.facts,
            &core.responses,
            Some(core.netloc()),
            self.is_decoding,
        );
        let slot = Slot::once(request, conn.handle.control());
        if let Some(promisee) = promisee {
            slot.promise_to(promisee);
        }
        drop(reservation.spend());
        if !conn.handle.send(Arc::clone(&slot)) {
            // The connection ended between the reservation and now.
            let error = conn.handle.why_ended();
            let error =
                error.unwrap_or_else(|| core.error(Kind::Closed, Scope::Connection, Retry::Safe));
            slot.fail(error, false);
        }
        self.limit = sleep(core.timeouts.response_head);
        self.stage = Stage::Sent(Pending {
            slot: Some(slot),
            facts: Arc::clone(&conn.facts),
            is_reused,
            method,
            is_decoding: self.is_decoding,
            tunnel,
        });
    }

    /// Waits until the request is on its way, or has its place behind others.
    fn poll_begun(&mut self, core: &Arc<Core>, cx: &mut Context<'_>) -> Poll<Result<Begun, Error>> {
        let sent = self.poll_sent(core, cx)?;
        match &self.stage {
            Stage::Sent(pending) if sent.is_ready() => match &pending.slot {
                Some(slot) => slot.poll_started(cx).map_ok(Begun::Started),
                // The slot leaves only together with the stage.
                None => Poll::Pending,
            },
            Stage::Waiting(..) if core.conn().is_some() => Poll::Ready(Ok(Begun::Queued)),
            _ => Poll::Pending,
        }
    }

    fn poll_response(
        &mut self,
        core: &Arc<Core>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<ResponseBody>, Error>> {
        ready!(self.poll_sent(core, cx))?;
        let Stage::Sent(pending) = &self.stage else {
            return Poll::Pending;
        };
        let outcome = ready!(pending.poll(cx));
        let Stage::Sent(pending) = self.take_stage() else {
            unreachable!("it was sent a moment ago");
        };
        Poll::Ready(match outcome {
            Outcome::Answered(answer) => {
                let netloc = Some(core.netloc().clone());
                pending.respond(answer, &core.responses, netloc, self.whole_limit.take())
            }
            Outcome::Unsent(_, error) | Outcome::Failed(error) => {
                pending.forget();
                Err(error)
            }
        })
    }

    fn poll_limits(&mut self, core: &Core, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some(whole) = &mut self.whole_limit
            && whole.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.timed_out(core, Phase::Whole));
        }
        if let Some(limit) = &mut self.limit
            && limit.as_mut().poll(cx).is_ready()
        {
            let phase = match self.stage {
                Stage::Sent(_) => Phase::ResponseHead,
                _ => Phase::PoolWait,
            };
            return Poll::Ready(self.timed_out(core, phase));
        }
        Poll::Pending
    }

    fn timed_out(&self, core: &Core, phase: Phase) -> Error {
        let (scope, retry) = match self.stage {
            Stage::Sent(_) => (Scope::Stream, Retry::IfIdempotent),
            _ => (Scope::Request, Retry::Safe),
        };
        core.error(Kind::Timeout(phase), scope, retry)
    }

    /// Leaves the line and the exchange.
    fn leave(&mut self, core: &Core) {
        if let Stage::Waiting(place, _) = self.take_stage() {
            core.leave(place);
        }
    }
}

/// The future of a call on a connection. Nothing happens before it is polled; dropping it cancels the
/// exchange.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture {
    core: Arc<Core>,
    /// There until it is kept elsewhere.
    call: Option<Call>,
}

impl ResponseFuture {
    pub(super) fn new(core: Arc<Core>, call: Call) -> Self {
        Self {
            core,
            call: Some(call),
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Polls one step of the exchange, within its limits.
    fn poll_within<T>(
        &mut self,
        cx: &mut Context<'_>,
        step: impl FnOnce(&mut Call, &Arc<Core>, &mut Context<'_>) -> Poll<Result<T, Error>>,
    ) -> Poll<Result<T, Error>> {
        let Self { core, call } = self;
        let Some(call) = call else {
            return Poll::Pending;
        };
        if let Poll::Ready(result) = step(call, core, cx) {
            return Poll::Ready(result);
        }
        let error = ready!(call.poll_limits(core, cx));
        call.leave(core);
        Poll::Ready(Err(error))
    }

    /// Gets the request on its way; cancelled, it is lost.
    pub(super) async fn begin(&mut self, may_queue: bool) -> Result<Begun, Error> {
        std::future::poll_fn(|cx| {
            self.poll_within(cx, |call, core, cx| {
                let begun = ready!(call.poll_begun(core, cx))?;
                if begun == Begun::Queued && !may_queue {
                    return Poll::Pending;
                }
                Poll::Ready(Ok(begun))
            })
        })
        .await
    }

    /// The slot of a request that has begun.
    pub(super) fn slot(&self) -> Option<&Arc<Slot>> {
        match &self.call.as_ref()?.stage {
            Stage::Sent(pending) => pending.slot.as_ref(),
            _ => None,
        }
    }

    /// The place in the line that the request has or had.
    pub(super) fn place(&self) -> Option<u64> {
        self.call.as_ref()?.place
    }

    /// The exchange alone, to be kept with the connection.
    pub(super) fn into_call(mut self) -> Option<Call> {
        self.call.take()
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_within(cx, Call::poll_response)
    }
}

impl Drop for ResponseFuture {
    fn drop(&mut self) {
        if let Some(call) = &mut self.call {
            call.leave(&self.core);
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.call.as_ref().map(|call| &call.stage) {
            Some(Stage::Rejected(_)) => "rejected",
            Some(Stage::New(..)) => "new",
            Some(Stage::Waiting(..)) => "waiting for a stream",
            Some(Stage::Sent(_)) => "waiting for the response",
            Some(Stage::Done) | None => "done",
        };
        f.debug_struct("ResponseFuture")
            .field("netloc", self.core.netloc())
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}
