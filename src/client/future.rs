//! One call, from the caller's request to the response head.
//!
//! Owns: the request until a driver has it, and again whenever it comes back unsent. A request
//! goes out again by itself only if its body can be had again, and when the peer provably did not
//! process it (RFC 9113 §8.7), or doing it twice is harmless and a kept connection closed under it
//! (RFC 9112 §9.3.1).

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Method, Response, header};
use tokio::{runtime::Handle, time::Sleep};
use tracing::debug;

use super::{
    dialer::{Conn, Dialer},
    info::Protocol,
    pending::Pending,
    pushed::Pushed,
    transport::{CONNECT_HAS_NO_CONTENT, Shared},
};
use crate::{
    body::{
        Outcome, OutgoingBody, OutgoingRequest, PipeWriter, Promisee, ResponseBody, Slot, pipe,
    },
    error::{Error, Kind, Phase, Retry, Scope},
    netloc::Scheme,
    pool::{Acquire, Key, Lease, Pool},
    protocols::Protocols,
};

/// The future of a [`Transport`](super::Transport)'s call. Nothing happens before it is polled;
/// dropping it cancels the exchange.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture {
    shared: Arc<Shared>,
    stage: Stage,
    tries: u32,
    key: Option<Key>,
    head_limit: Option<Pin<Box<Sleep>>>,
    whole_limit: Option<Pin<Box<Sleep>>>,
    is_decoding: bool,
}

enum Stage {
    /// The request was never good.
    Rejected(Error),
    /// It has not been polled yet.
    New(OutgoingRequest),
    /// It wants a connection.
    Ready(OutgoingRequest),
    /// It waits for one.
    Leasing(Acquire<Dialer>, OutgoingRequest),
    /// A driver has it.
    Sent(Pending),
    Done,
}

impl ResponseFuture {
    /// How often a request is sent in all. Each try is on another connection or after the server
    /// has said that it did nothing, so more than a few mean that it never will.
    const MAX_TRIES: u32 = 4;

    pub(super) fn new(
        shared: Arc<Shared>,
        admitted: Result<Key, Error>,
        request: OutgoingRequest,
        is_decoding: bool,
    ) -> Self {
        let (key, stage) = match admitted {
            Ok(key) => (Some(key), Stage::New(request)),
            Err(error) => (None, Stage::Rejected(error)),
        };
        Self {
            shared,
            stage,
            tries: 0,
            key,
            head_limit: None,
            whole_limit: None,
            is_decoding,
        }
    }

    fn poll_stages(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<ResponseBody>, Error>> {
        loop {
            // What only waits is looked at in its place: a request is large, and polls are many.
            match &mut self.stage {
                Stage::Sent(pending) => {
                    let outcome = ready!(pending.poll(cx));
                    match self.settle(outcome) {
                        Some(result) => return Poll::Ready(result),
                        None => continue,
                    }
                }
                Stage::Leasing(acquire, _) => {
                    let lease = ready!(Pin::new(acquire).poll(cx));
                    if let Stage::Leasing(_, request) = self.take_stage() {
                        self.stage = self.send(lease?, request);
                    }
                    continue;
                }
                Stage::Rejected(_) | Stage::New(_) | Stage::Ready(_) | Stage::Done => {}
            }
            match self.take_stage() {
                Stage::Rejected(error) => return Poll::Ready(Err(error)),
                Stage::New(request) => self.stage = Stage::Ready(self.begin(request, cx)?),
                Stage::Ready(request) => self.stage = self.lease(request),
                _ => panic!("a call's future was polled after it was ready"),
            }
        }
    }

    fn take_stage(&mut self) -> Stage {
        mem::replace(&mut self.stage, Stage::Done)
    }

    /// The first poll: clocks start, and a body that is ready is taken whole.
    fn begin(
        &mut self,
        request: OutgoingRequest,
        cx: &mut Context<'_>,
    ) -> Result<OutgoingRequest, Error> {
        let timeouts = &self.shared.timeouts;
        if timeouts.whole.or(timeouts.response_head).is_some() {
            // Without a runtime a timer would panic.
            Handle::try_current().map_err(|missing| {
                let error = Error::new(Kind::Shutdown, Scope::Request, Retry::Safe);
                self.locate(error.with_source(missing))
            })?;
        }
        self.whole_limit = sleep(timeouts.whole);
        settle(request, cx).map_err(|error| self.locate(error))
    }

    fn lease(&mut self, request: OutgoingRequest) -> Stage {
        let Some(key) = &self.key else {
            // Only a rejected request has no key, and that never gets here.
            return Stage::Done;
        };
        let pool = &self.shared.pool;
        match try_lease_shared(pool, key).or_else(|| pool.try_lease(key)) {
            Some(lease) => self.send(lease, request),
            None => Stage::Leasing(pool.lease(key), request),
        }
    }

    fn send(&mut self, lease: Lease<Conn>, mut request: OutgoingRequest) -> Stage {
        self.tries += 1;
        let is_reused = lease.is_reused();
        let conn = lease.start();
        let method = request.parts.method.clone();
        let tunnel = if method == Method::CONNECT {
            open_tunnel(&mut request, conn.facts.protocol)
        } else {
            None
        };
        let promisee = self.promisee(&request, &conn);
        let slot = Slot::new(request, conn.handle.control());
        if let Some(promisee) = promisee {
            slot.promise_to(promisee);
        }
        if !conn.handle.send(Arc::clone(&slot)) {
            // The connection ended between the lease and now.
            let error = conn.handle.why_ended().unwrap_or_else(|| {
                self.locate(Error::new(Kind::Closed, Scope::Connection, Retry::Safe))
            });
            let is_resendable = error.retry() == Retry::Safe;
            slot.fail(error, is_resendable);
        }
        self.head_limit = sleep(self.shared.timeouts.response_head);
        Stage::Sent(Pending {
            slot: Some(slot),
            facts: conn.facts,
            is_reused,
            method,
            is_decoding: self.is_decoding,
            tunnel,
        })
    }

    /// Who takes what is promised to the request, if anybody does.
    fn promisee(&self, request: &OutgoingRequest, conn: &Conn) -> Option<Arc<dyn Promisee>> {
        let settings = &self.shared.responses;
        let netloc = self.key.as_ref().map(|key| &key.netloc);
        Pushed::promisee(request, &conn.facts, settings, netloc, self.is_decoding)
    }

    /// What the outcome means for the call; `None` when the request goes out again.
    fn settle(&mut self, outcome: Outcome) -> Option<Result<Response<ResponseBody>, Error>> {
        let Stage::Sent(pending) = self.take_stage() else {
            unreachable!("only a sent request has an outcome");
        };
        match outcome {
            Outcome::Answered(answer) => {
                let netloc = self.key.take().map(|key| key.netloc);
                let whole = self.whole_limit.take();
                Some(pending.respond(answer, &self.shared.responses, netloc, whole))
            }
            Outcome::Unsent(request, error) if self.tries < Self::MAX_TRIES => {
                debug!(%error, tries = self.tries, "unanswered: the request goes out again");
                pending.forget();
                self.stage = Stage::Ready(request);
                None
            }
            Outcome::Unsent(_, error) | Outcome::Failed(error) => {
                pending.forget();
                Some(Err(error))
            }
        }
    }

    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if let Some(whole) = &mut self.whole_limit
            && whole.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.timed_out(Phase::Whole));
        }
        if let Some(head) = &mut self.head_limit
            && matches!(self.stage, Stage::Sent(_))
            && head.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(self.timed_out(Phase::ResponseHead));
        }
        Poll::Pending
    }

    fn timed_out(&self, phase: Phase) -> Error {
        let (scope, retry) = match self.stage {
            Stage::Sent(_) => (Scope::Stream, Retry::IfIdempotent),
            _ => (Scope::Request, Retry::Safe),
        };
        self.locate(Error::new(Kind::Timeout(phase), scope, retry))
    }

    fn locate(&self, error: Error) -> Error {
        match &self.key {
            Some(key) => error.with_netloc(&key.netloc),
            None => error,
        }
    }
}

/// Who demands HTTP/2 shares the connection of those who do not, where that speaks it.
fn try_lease_shared(pool: &Pool<Dialer>, key: &Key) -> Option<Lease<Conn>> {
    if key.protocols != Protocols::Http2 || key.netloc.scheme() != Scheme::Https {
        return None;
    }
    let any = Key::new(key.netloc.clone(), Protocols::Any);
    // What carries many exchanges at a time is HTTP/2. A connection of HTTP/1.1 stays as idle as it is.
    pool.try_lease_multiplexed(&any)
}

/// Bodies up to this size are sent whole, with their head, in one step: they fit the window that
/// every stream has from the start (RFC 9113 §6.9.2).
const WHOLE_BODY: u64 = 65_535;

/// Takes a body whole that is ready, and sees to it that a CONNECT has none.
pub(super) fn settle(
    request: OutgoingRequest,
    cx: &mut Context<'_>,
) -> Result<OutgoingRequest, Error> {
    let OutgoingRequest {
        mut parts,
        body,
        target,
    } = request;
    let body = body.settle(cx, WHOLE_BODY).map_err(|cause| {
        Error::new(Kind::RequestBody, Scope::Request, Retry::Never).with_source(cause)
    })?;
    if parts.method == Method::CONNECT {
        if !matches!(body, OutgoingBody::Empty) {
            let error = Error::new(Kind::Request, Scope::Request, Retry::Never);
            return Err(error.with_source(CONNECT_HAS_NO_CONTENT));
        }
        // It could only say that there is none.
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    Ok(OutgoingRequest {
        parts,
        body,
        target,
    })
}

/// The body of a CONNECT is the pipe into its tunnel, where a stream carries it: a new one at each
/// try, as the one before went with its stream. HTTP/1.1 hands over the whole connection.
pub(super) fn open_tunnel(request: &mut OutgoingRequest, protocol: Protocol) -> Option<PipeWriter> {
    request.body = OutgoingBody::Empty;
    if protocol == Protocol::Http1 {
        return None;
    }
    let (writer, reader) = pipe();
    request.body = OutgoingBody::new(reader);
    Some(writer)
}

pub(super) fn sleep(limit: Option<Duration>) -> Option<Pin<Box<Sleep>>> {
    limit.map(|limit| Box::pin(tokio::time::sleep(limit)))
}

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(result) = self.poll_stages(cx) {
            return Poll::Ready(result);
        }
        let error = ready!(self.poll_limits(cx));
        // Leaving the stage cancels what it held.
        self.stage = Stage::Done;
        Poll::Ready(Err(error))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Rejected(_) => "rejected",
            Stage::New(_) | Stage::Ready(_) => "new",
            Stage::Leasing(..) => "waiting for a connection",
            Stage::Sent(_) => "waiting for the response",
            Stage::Done => "done",
        };
        f.debug_struct("ResponseFuture")
            .field("stage", &stage)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
