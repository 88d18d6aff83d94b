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
    ConnectionInfo,
    dialer::{Conn, Dialer},
    info::{Facts, Protocol},
    transport::{CONNECT_HAS_NO_CONTENT, Shared},
};
use crate::{
    body::{
        BodyTimeouts, Duplex, Head, Outcome, OutgoingBody, OutgoingRequest, PipeWriter,
        ResponseBody, Slot, pipe,
    },
    decode::{Decoded, Decoder},
    error::{Error, Kind, Phase, Retry, Scope},
    header_map::HttpHeaderMap,
    http2::message::expects_no_content,
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

/// An exchange whose head has not come. Dropped, it leaves the exchange.
struct Pending {
    slot: Option<Arc<Slot>>,
    facts: Arc<Facts>,
    is_reused: bool,
    method: Method,
    /// Our end of the tunnel that a CONNECT on a stream asks for.
    tunnel: Option<PipeWriter>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.abandon();
        }
    }
}

impl ResponseFuture {
    /// How often a request is sent in all. Each try is on another connection or after the server
    /// has said that it did nothing, so more than a few mean that it never will.
    const MAX_TRIES: u32 = 4;
    /// Bodies up to this size are sent whole, with their head, in one step: they fit the window
    /// that every stream has from the start (RFC 9113 §6.9.2).
    const WHOLE_BODY: u64 = 65_535;

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
        let OutgoingRequest {
            mut parts,
            body,
            target,
        } = request;
        let body = body.settle(cx, Self::WHOLE_BODY).map_err(|cause| {
            let error = Error::new(Kind::RequestBody, Scope::Request, Retry::Never);
            self.locate(error.with_source(cause))
        })?;
        if parts.method == Method::CONNECT {
            if !matches!(body, OutgoingBody::Empty) {
                let error = Error::new(Kind::Request, Scope::Request, Retry::Never);
                return Err(self.locate(error.with_source(CONNECT_HAS_NO_CONTENT)));
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
        let slot = Slot::new(request, conn.handle.control());
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
            tunnel,
        })
    }

    /// What the outcome means for the call; `None` when the request goes out again.
    fn settle(&mut self, outcome: Outcome) -> Option<Result<Response<ResponseBody>, Error>> {
        let Stage::Sent(mut pending) = self.take_stage() else {
            unreachable!("only a sent request has an outcome");
        };
        match outcome {
            Outcome::Head {
                mut head,
                handed_over,
                is_end,
            } => {
                let tunnel = match handed_over {
                    Some(connection) => {
                        // There is no exchange left to leave.
                        pending.slot = None;
                        Some(Duplex::on_connection(connection))
                    }
                    None => pending.tunnel(&head),
                };
                if self.shared.keeps_fields && pending.facts.protocol == Protocol::Http2 {
                    let fields = HttpHeaderMap::from(&head.headers);
                    head.extensions.insert(fields);
                }
                if let Some(tunnel) = tunnel {
                    tunnel.park(&mut head.extensions);
                    return Some(Ok(pending.response(head, ResponseBody::default())));
                }
                let decoding = match self.open_decoding(&pending, &mut head) {
                    Ok(decoding) => decoding,
                    Err(error) => return Some(Err(error)),
                };
                let idle = self.shared.timeouts.body_idle;
                let whole = self.whole_limit.take();
                let may_fail = idle.is_some() || whole.is_some() || decoding.is_some();
                let netloc = self.key.take().map(|key| key.netloc);
                let netloc = netloc.filter(|_| may_fail);
                let timeouts = BodyTimeouts {
                    idle,
                    whole,
                    origin: netloc.map(|netloc| (netloc, head.stream_id)),
                };
                let body = pending.body(&head, is_end, timeouts);
                let mut response = pending.response(head, body);
                if let Some((decoder, decoded)) = decoding {
                    response.extensions_mut().insert(decoded);
                    response = response.map(|body| body.decoded_by(decoder));
                }
                Some(Ok(response))
            }
            Outcome::Unsent(request, error) if self.tries < Self::MAX_TRIES => {
                debug!(%error, tries = self.tries, "unanswered: the request goes out again");
                pending.slot = None;
                self.stage = Stage::Ready(request);
                None
            }
            Outcome::Unsent(_, error) | Outcome::Failed(error) => {
                pending.slot = None;
                Some(Err(error))
            }
        }
    }

    /// What decodes the response, where it is to be decoded and is encoded.
    fn open_decoding(
        &self,
        pending: &Pending,
        head: &mut Head,
    ) -> Result<Option<(Decoder, Decoded)>, Error> {
        if !self.is_decoding {
            return Ok(None);
        }
        let settings = &self.shared.decode;
        settings
            .open(&pending.method, head.status, &mut head.headers)
            .map_err(|error| self.locate(error).with_stream_id(head.stream_id))
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

impl Pending {
    fn poll(&self, cx: &Context<'_>) -> Poll<Outcome> {
        match &self.slot {
            Some(slot) => slot.poll_head(cx),
            // The slot leaves only together with the stage.
            None => Poll::Pending,
        }
    }

    /// The tunnel takes over the slot, if there is one. Where it is refused, the response is like
    /// any other (RFC 9110 §9.3.6).
    fn tunnel(&mut self, head: &Head) -> Option<Duplex> {
        let writer = self.tunnel.take()?;
        let slot = self.slot.take_if(|_| head.status.is_success())?;
        Some(Duplex::on_stream(slot, writer))
    }

    /// The body takes over the slot, unless there is nothing left to read or to cancel.
    fn body(&mut self, head: &Head, is_end: bool, timeouts: BodyTimeouts) -> ResponseBody {
        let remaining = if expects_no_content(&self.method, head.status) {
            Some(0)
        } else {
            head.content_length
        };
        match self.slot.take() {
            Some(slot) if !is_end => ResponseBody::new(slot, remaining, timeouts),
            _ => ResponseBody::default(),
        }
    }

    fn response(&self, head: Head, body: ResponseBody) -> Response<ResponseBody> {
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = head.extensions;
        let info = ConnectionInfo::new(Arc::clone(&self.facts), self.is_reused, head.stream_id);
        response.extensions_mut().insert(info);
        response
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

/// The body of a CONNECT is the pipe into its tunnel, where a stream carries it: a new one at each
/// try, as the one before went with its stream. HTTP/1.1 hands over the whole connection.
fn open_tunnel(request: &mut OutgoingRequest, protocol: Protocol) -> Option<PipeWriter> {
    request.body = OutgoingBody::Empty;
    if protocol == Protocol::Http1 {
        return None;
    }
    let (writer, reader) = pipe();
    request.body = OutgoingBody::new(reader);
    Some(writer)
}

fn sleep(limit: Option<Duration>) -> Option<Pin<Box<Sleep>>> {
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
