//! The HTTP/2 driver: one loop of commands, reads, deliveries and writes.
//!
//! Owns: the socket and the engine. Each turn carries out all commands, reads what is there,
//! handles all its frames, and only then wakes callers, each at most once. Having woken somebody it
//! yields once, so that the requests they make next leave in one write with each other.
//! Reads come before writes: a GOAWAY or an end that the runtime has noticed is seen before a request
//! is written to a connection that is gone.

use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasherDefault,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tracing::debug;

use super::{
    exchange::{BODY_TAKEN, Begun, Exchange, Unopened, start},
    failure::{End, Endpoint, Reached},
    handle::{Handle, Shared},
    mailbox::{Command, PingCommand},
    outbound::Written,
    pace::{Step, Timer},
};
use crate::{
    body::Slot,
    clock,
    error::Retry,
    http2::{self, Engine, ErrorCode, IdHasher, StreamId, codec::Output, engine::Refusal},
};

/// How a driver treats its connection.
#[derive(Clone, Debug)]
pub(crate) struct Http2Config {
    pub(crate) engine: http2::Config,
    /// How long the peer may take none of our octets while some wait.
    pub(crate) write_timeout: Option<Duration>,
}

/// A connection's task. It is a future that ends with the connection.
pub(crate) struct Http2Driver<IO> {
    pub(super) io: IO,
    pub(super) engine: Engine,
    pub(super) shared: Arc<Shared>,
    pub(super) endpoint: Endpoint,
    pub(super) exchanges: HashMap<StreamId, Exchange, BuildHasherDefault<IdHasher>>,
    /// Wakers of callers to whom something was delivered in this turn.
    pub(super) wakers: Vec<Waker>,
    commands: Vec<Command>,
    /// Requests that are not streams yet, because the socket takes nothing.
    held: VecDeque<Arc<Slot>>,
    /// Extended CONNECTs of which the peer has not said yet whether it takes any (RFC 8441 §3).
    undecided: Vec<Arc<Slot>>,
    /// Tunnels that were ended from this side, and whose end has not left the engine.
    pub(super) ending: Vec<StreamId>,
    /// Until when bodies wait for leave to go, the first one first.
    pub(super) withheld: VecDeque<(Instant, StreamId)>,
    input: BytesMut,
    read_size: usize,
    pub(super) output: Output,
    pub(super) written: Written,
    /// PINGs of callers that are not answered yet, and when each was sent.
    pings: Vec<(PingCommand, Instant)>,
    write_timeout: Option<Duration>,
    /// The socket takes nothing more; until this instant, what it still has to read comes first.
    pub(super) write_failure: Option<(io::Error, Instant)>,
    timer: Timer,
    has_yielded: bool,
    /// Why the connection is over, once it is.
    pub(super) end: Option<End>,
    is_finished: bool,
}

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// The read buffer begins at this size, which most answers fit, and grows while reads fill it.
    const MIN_READ: usize = 8 * 1024;
    /// The largest single read: several full frames, and no more than a cache holds.
    const MAX_READ: usize = 128 * 1024;
    /// Turns of the loop before other tasks get theirs.
    const MAX_TURNS: usize = 16;
    /// How long to read on once writing has failed. The answer of a peer that has left is here
    /// already: the runtime only has to notice.
    pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);
    /// Octets of heads and control frames that may wait behind a batch that the socket does not
    /// take, before requests are held back.
    const MAX_QUEUED: usize = 64 * 1024;
    /// How long a finished connection may take to say goodbye.
    const GOODBYE: Duration = Duration::from_secs(2);

    /// A driver for a fresh connection, and its handle. The driver must be spawned.
    pub(crate) fn new(io: IO, endpoint: Endpoint, config: Http2Config) -> (Self, Handle) {
        let credit_step = (config.engine.stream_window_size / 8).clamp(1, 64 * 1024);
        let takes_pushes = config.engine.enable_push;
        let mut engine = Engine::new(config.engine, clock::now());
        if takes_pushes {
            engine.speaks_for(endpoint.netloc.clone());
        }
        let limit = engine.peer_settings().max_concurrent_streams as usize;
        let handle = Handle::new(limit, credit_step);
        let driver = Self {
            io,
            engine,
            shared: Arc::clone(&handle.shared),
            endpoint,
            exchanges: HashMap::default(),
            wakers: Vec::new(),
            commands: Vec::new(),
            held: VecDeque::new(),
            undecided: Vec::new(),
            ending: Vec::new(),
            withheld: VecDeque::new(),
            input: BytesMut::new(),
            read_size: Self::MIN_READ,
            output: Output::default(),
            written: Written::default(),
            pings: Vec::new(),
            write_timeout: config.write_timeout,
            write_failure: None,
            timer: Timer::default(),
            has_yielded: false,
            end: None,
            is_finished: false,
        };
        (driver, handle)
    }

    fn poll_turns(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..Self::MAX_TURNS {
            let now = clock::now();
            self.engine.tick(now);
            let read = self.read(cx, now);
            if read == Step::Idle {
                self.give_up_reading(now);
            }
            self.run_commands(now);
            self.let_overdue_go(now);
            self.deliver();
            if self.wake() && !self.has_yielded {
                self.has_yielded = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.has_yielded = false;
            let write = self.write(cx, now);
            self.deliver();
            self.wake();
            if self.end.is_some() {
                return Poll::Ready(());
            }
            if read == Step::Idle && write == Step::Idle && self.poll_idle(cx, now).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sleeps until a command or a deadline comes; ready if one is there.
    fn poll_idle(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.exchanges.is_empty() && self.input.is_empty() {
            // A connection that waits in the pool holds no buffers.
            self.input = BytesMut::new();
            self.read_size = Self::MIN_READ;
        }
        let stuck = self
            .written
            .stuck_since
            .and_then(|since| since.checked_add(self.write_timeout?));
        let engine = self.engine.poll_timeout();
        let last_words = self.write_failure.as_ref().map(|(_, until)| *until);
        let deadline = [stuck, engine, last_words, self.next_leave()];
        let deadline = deadline.into_iter().flatten().min();
        if self.timer.poll(cx, deadline, now).is_ready() {
            let now = clock::now();
            self.engine.handle_timeout(now);
            if stuck.is_some_and(|at| at <= now) {
                self.end = Some(End::Stuck);
            }
            return Poll::Ready(());
        }
        self.shared.mailbox.poll_command(cx)
    }

    fn run_commands(&mut self, now: Instant) {
        let mut commands = std::mem::take(&mut self.commands);
        self.shared.mailbox.drain(&mut commands);
        while self.takes_requests()
            && let Some(slot) = self.held.pop_front()
        {
            self.open(slot);
        }
        for command in commands.drain(..) {
            match command {
                Command::Open(slot) if self.takes_requests() => self.open(slot),
                Command::Open(slot) => self.held.push_back(slot),
                Command::Release(id, credit) => self.engine.release(id.into(), credit),
                Command::Cancel(id) => self.cancel(id.into()),
                Command::Claim(id) => self.engine.claim(id.into()),
                Command::Reset(id, code) => self.reset(id.into(), code),
                Command::PollBody(id) => self.engine.resume(id.into()),
                Command::Prioritize(id) => self.prioritize(id.into()),
                // Nobody asks for it: what may be unread is bounded by the stream's window.
                Command::Resume(_) => {}
                Command::Ping(ping) => {
                    self.engine.ping(ping.payload);
                    self.pings.push((*ping, now));
                }
                Command::Retire => self.engine.retire(),
                Command::Close(code) => self.engine.close(code),
            }
        }
        // The vector goes back, so that the next batch allocates nothing.
        self.commands = commands;
        if self.takes_requests() {
            // After the commands and what was read: both may have settled it.
            for slot in std::mem::take(&mut self.undecided) {
                self.open(slot);
            }
        }
    }

    /// Whether a request may become a stream now. A socket that takes nothing must not let heads
    /// pile up: a caller who leaves costs a head and a reset once there is a stream, and nothing
    /// before.
    fn takes_requests(&self) -> bool {
        !self.engine.is_closed()
            && (self.output.is_empty() || self.engine.queued_octets() < Self::MAX_QUEUED)
    }

    fn open(&mut self, slot: Arc<Slot>) {
        let (engine, shared) = (&mut self.engine, &self.shared);
        let mut begun = Begun::default();
        let wakers = &mut self.wakers;
        match slot.start(wakers, |request| start(engine, request, shared, &mut begun)) {
            Some(Ok(id)) => {
                let id = StreamId::from(id);
                self.written.joining.push(id);
                let exchange = Exchange {
                    slot,
                    upload: begun.upload,
                    has_head: false,
                    batch: None,
                    follower: begun.follower,
                };
                if exchange.is_withheld() {
                    self.withhold(id);
                }
                self.exchanges.insert(id, exchange);
            }
            Some(Err(Unopened::Refused(Refusal::SettingsAwaited))) => self.undecided.push(slot),
            Some(Err(unopened)) => {
                let (error, is_resendable) = match unopened {
                    Unopened::Refused(refusal) => {
                        let is_elsewhere =
                            matches!(refusal, Refusal::Retired | Refusal::StreamLimit);
                        (self.endpoint.refused(refusal), is_elsewhere)
                    }
                    Unopened::Unsayable(cause) => (self.endpoint.unsayable(cause), false),
                    Unopened::BodyTaken => (self.endpoint.body_failed(BODY_TAKEN), false),
                };
                self.wakers.extend(slot.fail(error, is_resendable));
                self.shared.release_slot();
            }
            None => self.shared.release_slot(),
        }
    }

    /// The caller has left. Once the response is complete there is nothing to be sorry about
    /// (RFC 9113 §8.1); before, the peer is told to stop (RFC 9113 §8.7). A tunnel is broken off:
    /// there, the peer's end says nothing of ours (RFC 9113 §8.5).
    fn cancel(&mut self, id: StreamId) {
        let code = match self.engine.stream_state(id) {
            http2::State::HalfClosedRemote if !self.has_tunnel(id) => ErrorCode::NO_ERROR,
            _ => ErrorCode::CANCEL,
        };
        self.engine.cancel(id, code);
    }

    /// The caller ends an exchange by hand, and may still wait for it.
    fn reset(&mut self, id: StreamId, code: ErrorCode) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            let error = self.endpoint.cancelled(code).with_stream_id(id);
            self.wakers.extend(exchange.slot.fail(error, false));
            exchange.upload = None;
        }
        self.engine.cancel(id, code);
    }

    /// RFC 9113 §6.7: answers come in the order of what they answer.
    pub(super) fn answer_ping(&mut self, payload: [u8; 8]) {
        let is_meant = |(ping, _): &(PingCommand, Instant)| ping.payload == payload;
        if let Some(index) = self.pings.iter().position(is_meant) {
            let (ping, sent) = self.pings.remove(index);
            // Whoever asked may have left.
            let _gone = ping.answer.send(clock::now() - sent);
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if self.end.is_some() || self.engine.is_closed() {
            return Step::Idle;
        }
        self.input.reserve(self.read_size);
        let room = self.input.capacity() - self.input.len();
        match pin!(self.io.read_buf(&mut self.input)).poll(cx) {
            Poll::Pending => Step::Idle,
            Poll::Ready(Ok(0)) => {
                self.engine.handle_eof(&self.input);
                Step::Moved
            }
            Poll::Ready(Ok(octets)) => {
                if octets >= room {
                    self.read_size = (self.read_size * 2).min(Self::MAX_READ);
                }
                self.engine.handle_input(now, &mut self.input);
                Step::Moved
            }
            Poll::Ready(Err(error)) => {
                debug!(netloc = %self.endpoint.netloc, %error, "reading failed");
                self.end = Some(End::Io(Arc::new(error), self.engine.goaway().cloned()));
                Step::Idle
            }
        }
    }

    /// Wakes everybody to whom something was delivered; whether there was anybody.
    fn wake(&mut self) -> bool {
        let any = !self.wakers.is_empty();
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
        any
    }
}

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// Drives the connection to its end, then says goodbye to the peer.
    pub(crate) async fn run(mut self) {
        std::future::poll_fn(|cx| self.poll_turns(cx)).await;
        let says_goodbye = self.forget_unwritten();
        self.finish();
        if says_goodbye {
            let goodbye = std::future::poll_fn(|cx| self.poll_goodbye(cx));
            // The peer may be gone, or read nothing more: that is its right.
            let _outcome = tokio::time::timeout(Self::GOODBYE, goodbye).await;
        }
    }

    /// Requests of which no octet has left go out elsewhere, so none may leave here any more. The
    /// engine has dropped its own when it closed; here goes a batch that the socket has not begun
    /// to take. Whether there is anybody to say goodbye to.
    fn forget_unwritten(&mut self) -> bool {
        let is_forgotten = !self.output.is_empty() && !self.written.has_begun_batch();
        if is_forgotten {
            self.output.clear();
        }
        // Without our preface, which was in the first batch, a GOAWAY would say nothing
        // (RFC 9113 §3.4); and a peer to whom we cannot write gets none.
        let has_preface = self.written.has_begun() || !is_forgotten;
        has_preface && matches!(self.end, Some(End::Closed(..)))
    }

    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_write(cx))?;
            self.engine.poll_output(&mut self.output);
            if self.output.is_empty() {
                return Pin::new(&mut self.io).poll_shutdown(cx);
            }
        }
    }
}

impl<IO> Http2Driver<IO> {
    /// Leaves nobody waiting: what was never written goes back unsent, the rest has failed.
    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_finished, true) {
            return;
        }
        let end = self.end.take().unwrap_or(End::Dropped);
        debug!(netloc = %self.endpoint.netloc, ?end, "the connection is over");
        let unwritten = self.endpoint.connection_failed(&end, Reached::Unwritten);
        let is_resendable = unwritten.retry() == Retry::Safe;
        self.shared.ended_by(unwritten.clone());
        self.shared.end();
        let queued = self.shared.mailbox.close();
        let queued = queued.into_iter().filter_map(Command::into_request);
        let held = self.held.drain(..).chain(self.undecided.drain(..));
        for slot in held.chain(queued) {
            self.wakers
                .extend(slot.fail(unwritten.clone(), is_resendable));
            self.shared.release_slot();
        }
        for (id, exchange) in self.exchanges.drain() {
            let reached = exchange.reached(self.written.taken());
            let error = self.endpoint.connection_failed(&end, reached);
            let is_resendable = is_resendable && reached == Reached::Unwritten;
            exchange.fail(error, is_resendable, &mut self.wakers);
            if id.is_client() {
                self.shared.release_slot();
            }
        }
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

/// A task can be dropped at any await: its runtime shuts down.
impl<IO> Drop for Http2Driver<IO> {
    fn drop(&mut self) {
        self.finish();
        self.shared.set_over();
    }
}
