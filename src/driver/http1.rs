//! The loop of an HTTP/1.1 connection.
//!
//! Owns: the engine and the socket; one exchange at a time, and whether the connection carries
//! another after it. Between two exchanges it goes on reading, so that a server that closes, or says
//! what nobody asked, is noticed before the next request is given to it.
//!
//! HTTP/1.1 has no flow control of its own: a response is read only while its reader keeps up.
//! Reads come before writes, as on HTTP/2: an end that the runtime has noticed is seen before a request
//! is written to a connection that is gone. After a long idle time the runtime is first given the
//! chance to notice: it may have stood still.

mod deliver;
mod failure;
mod outbound;
#[cfg(test)]
mod tests;

use std::{
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{Method, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::debug;

use self::{failure::End, outbound::Written};
use super::{
    exchange::BODY_TAKEN,
    failure::{Endpoint, Reached},
    handle::{Handle, Shared},
    mailbox::Command,
    pace::{Step, Timer, poll_reactor},
    upload::Upload,
};
use crate::{
    Error,
    body::{ExchangeId, OutgoingBody, OutgoingRequest, Slot},
    clock,
    error::Retry,
    header_map::HttpHeaderMap,
    http1::{self, BodyLength, BodyPlan, Engine, Output, Refusal, RequestError, RequestHead},
    io::Io,
};

/// How a driver treats its connection.
#[derive(Clone, Debug)]
pub(crate) struct Http1Config {
    pub(crate) engine: http1::Config,
    /// How long the peer may take none of our octets while some wait.
    pub(crate) write_timeout: Option<Duration>,
}

/// A connection's task. It is a future that ends with the connection, or when it is handed over.
pub(crate) struct Http1Driver {
    io: Box<dyn Io>,
    engine: Engine,
    shared: Arc<Shared>,
    endpoint: Endpoint,
    exchange: Option<Exchange>,
    next_id: ExchangeId,
    /// Wakers of callers to whom something was delivered in this turn.
    wakers: Vec<Waker>,
    commands: Vec<Command>,
    input: BytesMut,
    read_size: usize,
    /// The reader of the response has enough: nothing is read until it says so.
    is_held: bool,
    output: Output,
    written: Written,
    write_timeout: Option<Duration>,
    /// The socket takes nothing more; until this instant, what it still has to read is waited for.
    write_failure: Option<(io::Error, Instant)>,
    /// No request after the present one.
    is_retiring: bool,
    /// When it went to sleep without an exchange, if it has not been awake since.
    idle_since: Option<Instant>,
    timer: Timer,
    /// Why the connection is over, once it is.
    end: Option<End>,
    is_finished: bool,
}

/// A request on its way, and its response.
struct Exchange {
    id: ExchangeId,
    slot: Arc<Slot>,
    upload: Option<Upload>,
    /// The body said that it has something, or was not asked yet.
    is_body_ready: bool,
    /// What the socket had taken before this request.
    taken_before: u64,
    /// Whether another request went before on this connection: the server may have closed it while
    /// this one was on its way.
    is_reused: bool,
    is_idempotent: bool,
    has_interim: bool,
    has_head: bool,
}

/// Why a request was not begun.
enum Unopened {
    Refused(Refusal),
    Unsayable(RequestError),
    BodyTaken,
}

impl Http1Driver {
    /// The read buffer begins at this size, which most answers fit, and grows while reads fill it.
    const MIN_READ: usize = 8 * 1024;
    /// The largest single read.
    const MAX_READ: usize = 128 * 1024;
    /// Turns of the loop before other tasks get theirs.
    const MAX_TURNS: usize = 16;
    /// How long to read on once writing has failed and nothing more comes: a server that refuses an
    /// upload answers, closes, and makes our writing fail before its answer is read.
    const LAST_WORDS: Duration = Duration::from_secs(1);
    /// After how long without an exchange the runtime is asked for news of the socket before a
    /// request is written: shorter than any server keeps an idle connection, and so long that the
    /// turn it costs is nothing beside it.
    const LONG_IDLE: Duration = Duration::from_millis(100);
    /// How long a finished connection may take to say goodbye.
    const GOODBYE: Duration = Duration::from_secs(2);

    /// A driver for a fresh connection, and its handle. The driver must be spawned.
    pub(crate) fn new(io: Box<dyn Io>, endpoint: Endpoint, config: Http1Config) -> (Self, Handle) {
        let handle = Handle::exclusive();
        let driver = Self {
            io,
            engine: Engine::new(config.engine),
            shared: Arc::clone(&handle.shared),
            endpoint,
            exchange: None,
            next_id: ExchangeId::FIRST,
            wakers: Vec::new(),
            commands: Vec::new(),
            input: BytesMut::new(),
            read_size: Self::MIN_READ,
            is_held: false,
            output: Output::default(),
            written: Written::default(),
            write_timeout: config.write_timeout,
            write_failure: None,
            is_retiring: false,
            idle_since: None,
            timer: Timer::default(),
            end: None,
            is_finished: false,
        };
        (driver, handle)
    }

    /// Drives the connection to its end, then says goodbye to the peer.
    pub(crate) async fn run(mut self) {
        std::future::poll_fn(|cx| self.poll_turns(cx)).await;
        let says_goodbye = matches!(self.end, Some(End::Closed(_)));
        self.finish();
        if says_goodbye {
            let goodbye = self.io.shutdown();
            // The peer may be gone: that is its right.
            let _outcome = tokio::time::timeout(Self::GOODBYE, goodbye).await;
        }
    }

    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..Self::MAX_TURNS {
            let now = clock::now();
            let was_held = self.is_held;
            let read = self.read(cx, now);
            if read == Step::Idle {
                self.give_up_reading(now);
            }
            self.run_commands(now);
            if self.is_doubtful(now) {
                return poll_reactor(cx);
            }
            self.deliver();
            self.wake();
            let write = self.write(cx, now);
            self.deliver();
            self.wake();
            if self.end.is_some() {
                return Poll::Ready(());
            }
            // While it was held, the socket was not asked, and will not wake us.
            let reads_on = was_held && !self.is_held;
            let is_idle = read == Step::Idle && write == Step::Idle && !reads_on;
            if is_idle && self.poll_idle(cx, now).is_pending() {
                self.idle_since = self.exchange.is_none().then_some(now);
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether a request is to be written on the word of a reading that may be out of date.
    fn is_doubtful(&mut self, now: Instant) -> bool {
        let idle = self.idle_since.take();
        let idle = idle.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        idle >= Self::LONG_IDLE && self.exchange.is_some()
    }

    /// Sleeps until a command or a deadline comes; ready if one is there.
    fn poll_idle(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.exchange.is_none() && self.input.is_empty() {
            // A connection that waits in the pool holds no buffers.
            self.input = BytesMut::new();
            self.read_size = Self::MIN_READ;
        }
        let stuck = self.written.stuck_at(self.write_timeout);
        let last_words = self.write_failure.as_ref().map(|(_, until)| *until);
        let engine = self.engine.poll_timeout();
        let deadline = [stuck, last_words, engine].into_iter().flatten().min();
        if self.timer.poll(cx, deadline, now).is_ready() {
            self.handle_timeout(stuck);
            return Poll::Ready(());
        }
        self.shared.mailbox.poll_command(cx)
    }

    fn handle_timeout(&mut self, stuck: Option<Instant>) {
        let now = clock::now();
        self.engine.handle_timeout(now);
        if stuck.is_some_and(|at| at <= now) {
            self.end = Some(End::Stuck);
        }
    }

    fn run_commands(&mut self, now: Instant) {
        let mut commands = std::mem::take(&mut self.commands);
        self.shared.mailbox.drain(&mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Open(slot) => self.open(slot, now),
                Command::Cancel(id) if self.carries(id) => self.cancel(now),
                Command::Resume(id) if self.carries(id) => self.is_held = false,
                Command::PollBody(id) if self.carries(id) => {
                    if let Some(exchange) = &mut self.exchange {
                        exchange.is_body_ready = true;
                    }
                }
                Command::Reset(id, _) if self.carries(id) => self.reset(now),
                // An exchange that is over; or credit, PINGs or a priority, which only HTTP/2 has.
                Command::Cancel(_)
                | Command::Reset(..)
                | Command::Ping(_)
                | Command::Resume(_)
                | Command::PollBody(_)
                | Command::Prioritize(_)
                // HTTP/1.1 has neither promises nor windows.
                | Command::Claim(_)
                | Command::Release(..) => {}
                Command::Retire => self.retire(),
                Command::Close(_) => self.engine.close(),
            }
        }
        // The vector goes back, so that the next batch allocates nothing.
        self.commands = commands;
    }

    fn carries(&self, id: ExchangeId) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| exchange.id == id)
    }

    fn retire(&mut self) {
        self.is_retiring = true;
        self.shared.end();
        if self.exchange.is_none() {
            self.engine.close();
        }
    }

    fn open(&mut self, slot: Arc<Slot>, now: Instant) {
        if self.write_failure.is_some() || self.end.is_some() {
            return self.give_back(&slot, Refusal::Closed);
        }
        let id = self.next_id;
        let (engine, shared) = (&mut self.engine, &self.shared);
        let mut begun = None;
        let opened = slot.start(&mut self.wakers, |request| {
            begun = Some(begin(engine, request, (id, shared), now)?);
            Ok(id)
        });
        match (opened, begun) {
            (Some(Ok(id)), Some(begun)) => {
                let is_reused = id != ExchangeId::FIRST;
                self.next_id = id.next();
                self.exchange = Some(Exchange {
                    id,
                    slot,
                    upload: begun.upload,
                    is_body_ready: true,
                    taken_before: self.written.taken(),
                    is_reused,
                    is_idempotent: begun.is_idempotent,
                    has_interim: false,
                    has_head: false,
                });
            }
            (Some(Err(Unopened::Refused(Refusal::LengthDiffers))), _) => {
                self.refuse(&slot, self.endpoint.body_unfit(Refusal::LengthDiffers));
            }
            (Some(Err(Unopened::Refused(refusal))), _) => self.give_back(&slot, refusal),
            (Some(Err(Unopened::Unsayable(cause))), _) => {
                self.refuse(&slot, self.endpoint.unsayable_in_http1(cause));
            }
            (Some(Err(Unopened::BodyTaken)), _) => {
                self.refuse(&slot, self.endpoint.body_unfit(BODY_TAKEN));
            }
            // The caller has left.
            (Some(Ok(_)) | None, _) => self.shared.release_slot(),
        }
    }

    /// The request is at fault; the connection is as good as before.
    fn refuse(&mut self, slot: &Slot, error: Error) {
        self.wakers.extend(slot.fail(error, false));
        self.shared.release_slot();
    }

    /// The connection is no good for a request, which goes elsewhere.
    fn give_back(&mut self, slot: &Slot, refusal: Refusal) {
        // First, so that the slot which comes free is given to nobody.
        self.shared.end();
        let error = self.endpoint.refused_by_http1(refusal);
        self.wakers.extend(slot.fail(error, true));
        self.shared.release_slot();
    }

    /// The caller has left. What is left of the response is read to its end if that costs little,
    /// for the sake of the connection.
    fn cancel(&mut self, now: Instant) {
        if let Some(exchange) = &mut self.exchange {
            exchange.upload = None;
        }
        self.is_held = false;
        self.engine.cancel(now);
    }

    /// The caller ends the exchange by hand, and may still wait for it.
    fn reset(&mut self, now: Instant) {
        if let Some(exchange) = &self.exchange {
            let error = self.endpoint.broken_off();
            self.wakers.extend(exchange.slot.fail(error, false));
        }
        self.cancel(now);
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if self.is_held {
            self.listen_on(now);
        }
        if self.is_held || self.end.is_some() || self.engine.state() == http1::State::Closed {
            return Step::Idle;
        }
        self.input.reserve(self.read_size);
        let room = self.input.capacity() - self.input.len();
        match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
            Poll::Pending => Step::Idle,
            Poll::Ready(Ok(0)) => {
                self.engine.handle_eof(&mut self.input);
                Step::Moved
            }
            Poll::Ready(Ok(octets)) => {
                if octets >= room {
                    self.read_size = (self.read_size * 2).min(Self::MAX_READ);
                }
                self.engine.handle_input(now, &mut self.input);
                self.listen_on(now);
                Step::Moved
            }
            Poll::Ready(Err(error)) => {
                debug!(netloc = %self.endpoint.netloc, %error, "reading failed");
                self.end = Some(End::Io(Arc::new(error)));
                Step::Idle
            }
        }
    }

    fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    /// Leaves nobody waiting: what was never written goes back unsent, the rest has failed.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_finished, true) {
            return;
        }
        let end = self.end.take().unwrap_or(End::Dropped);
        debug!(netloc = %self.endpoint.netloc, ?end, "the connection is over");
        let unwritten = self.endpoint.http1_ended(&end, Reached::Unwritten);
        let is_resendable = unwritten.retry() == Retry::Safe;
        self.shared.ended_by(unwritten.clone());
        self.shared.end();
        let queued = self.shared.mailbox.close();
        for slot in queued.into_iter().filter_map(Command::into_request) {
            self.wakers
                .extend(slot.fail(unwritten.clone(), is_resendable));
            self.shared.release_slot();
        }
        if let Some(exchange) = self.exchange.take() {
            let reached = exchange.reached(self.written.taken());
            let error = self.endpoint.http1_ended(&end, reached);
            // Octets that are left are the beginning of an answer.
            let is_silent = end.is_disconnect() && self.input.is_empty();
            let is_resendable = match reached {
                Reached::Unwritten => is_resendable,
                _ => is_silent && exchange.may_be_repeated(),
            };
            exchange.fail(error, is_resendable, &mut self.wakers);
            self.shared.release_slot();
        }
        self.wake();
    }
}

/// A task can be dropped at any await: its runtime shuts down.
impl Drop for Http1Driver {
    fn drop(&mut self) {
        self.finish();
        self.shared.set_over();
    }
}

impl Exchange {
    /// How far the exchange has come; `taken` octets were taken by the socket in all.
    fn reached(&self, taken: u64) -> Reached {
        if self.has_head {
            Reached::Head
        } else if taken <= self.taken_before {
            Reached::Unwritten
        } else {
            Reached::Written
        }
    }

    /// Whether the request may go out again by itself although it was written: the server closed a
    /// connection that it had kept, perhaps before it saw the request, and doing it twice is
    /// harmless (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
    fn may_be_repeated(&self) -> bool {
        self.is_reused && self.is_idempotent && !self.has_interim && !self.has_head
    }

    /// Ends the exchange; an upload that has given nothing goes back to its request.
    fn fail(self, error: Error, is_resendable: bool, wakers: &mut Vec<Waker>) {
        if is_resendable && let Some(upload) = self.upload {
            self.slot.return_body(upload.into_body());
        }
        wakers.extend(self.slot.fail(error, is_resendable));
    }
}

/// A request that the engine has taken.
struct Begun {
    upload: Option<Upload>,
    is_idempotent: bool,
}

/// Gives a request to the engine. Its body is taken only if that succeeds, and stays with the
/// request if it can be sent again.
fn begin(
    engine: &mut Engine,
    request: &mut OutgoingRequest,
    (id, shared): (ExchangeId, &Arc<Shared>),
    now: Instant,
) -> Result<Begun, Unopened> {
    let length = BodyLength::from(request.body.exact_len());
    let names = spelling(&request.parts);
    let head = RequestHead::from_parts(&request.parts, request.target, length)
        .map_err(Unopened::Unsayable)?
        .spelling(&names);
    let announced = head.content_length();
    let plan = match &request.body {
        OutgoingBody::Empty => BodyPlan::Empty,
        OutgoingBody::Whole(body) => BodyPlan::Whole(body.clone()),
        OutgoingBody::Streaming(_) => BodyPlan::Streaming,
        OutgoingBody::Taken => return Err(Unopened::BodyTaken),
    };
    engine.open(now, &head, plan).map_err(Unopened::Refused)?;
    let is_idempotent = is_idempotent(&request.parts.method);
    let upload = request
        .body
        .take_streaming()
        .map(|body| Upload::new(body, announced, id, Arc::clone(shared)));
    Ok(Begun {
        upload,
        is_idempotent,
    })
}

/// How the caller wants names to be written, and in which order, if it says so.
fn spelling(parts: &request::Parts) -> Vec<Bytes> {
    let Some(fields) = parts.extensions.get::<HttpHeaderMap>() else {
        return Vec::new();
    };
    let names = fields.iter_raw().map(|(name, _)| name.as_bytes());
    names.map(Bytes::copy_from_slice).collect()
}

/// Whether doing it twice is the same as doing it once (RFC 9110 §9.2.2).
fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}
