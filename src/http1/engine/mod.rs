//! The engine itself: one connection, one exchange at a time.
//!
//! Owns: the order of things; whether a connection can be used again.
//! Never: holds a response back, or asks for more input than comes.
//! Invariants: a connection is used again only if both messages of the exchange ended where their
//! framing says, and nothing came that nobody had asked: what one exchange leaves behind must never
//! be taken for the answer to the next (request smuggling, response splitting). A half of an
//! exchange that is over does not exist.
//! Spec: RFC 9112 §6.3, §8, §9; RFC 9110 §7.8, §9.3.6, §10.1.1, §15.2.

mod event;
mod input;
mod output;

use std::{
    collections::VecDeque,
    fmt,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::Method;

pub use self::event::{Closure, Event, Failure};
use super::{
    Limits, RequestHead,
    recv::RecvHalf,
    request::BodyFraming,
    send::{Coding, Hold, SendHalf},
};

/// How a client's side of a connection behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How long a body waits for 100 (Continue) before it is sent anyway (RFC 9110 §10.1.1).
    /// Default 1 s: servers that know the expectation answer at once, and those that do not must
    /// not hang us.
    pub continue_timeout: Duration,
    /// How long the rest of a response that nobody wants may take to come. Default 1 s.
    pub drain_timeout: Duration,
    /// Whether [`ResponseHead::raw`](super::ResponseHead::raw) is filled. Default off.
    pub raw_fields: bool,
    /// Bounds against hostile servers.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            continue_timeout: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(1),
            raw_fields: false,
            limits: Limits::default(),
        }
    }
}

/// The client's end of one HTTP/1.1 connection. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    stage: Stage,
    exchange: Option<Exchange>,
    /// The head of the request, until it is taken.
    head: BytesMut,
    events: VecDeque<Event>,
}

/// The life of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Tunnel,
    Closed,
}

/// A request and its response.
#[derive(Debug)]
struct Exchange {
    method: Method,
    /// Whether 101 is a possible answer.
    asks_to_upgrade: bool,
    send: Option<SendHalf>,
    recv: Option<RecvHalf>,
    /// Why the connection cannot be used again after this.
    closing: Option<Closure>,
    /// Whether the server wants no more of the request than it has by the end of the response.
    is_unwanted: bool,
    /// The caller has left.
    drain: Option<Drain>,
}

/// What a response that nobody wants may still cost.
#[derive(Clone, Copy, Debug)]
struct Drain {
    octets: u64,
    until: Option<Instant>,
}

/// What a connection can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A request may be opened.
    Idle,
    /// An exchange is under way.
    Busy,
    /// The rest of a response is read and dropped; the connection may become idle again.
    Draining,
    /// What is read and written is not HTTP's any more.
    Tunnel,
    /// Nothing goes in or out.
    Closed,
}

/// What body a request will have.
#[derive(Clone, Debug)]
pub enum BodyPlan {
    /// None.
    Empty,
    /// All of it, here.
    Whole(Bytes),
    /// Piece by piece, each when [`wants_data`](Engine::wants_data) asks for it.
    Streaming,
}

/// Why no exchange was opened. Nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Another exchange is under way.
    Busy,
    /// The connection carries no more requests.
    Closed,
    /// The body that is here is not as long as the head says.
    LengthDiffers,
}

/// Whether [`Engine::poll_output`] left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything that may be sent was given out.
    Drained,
    /// The batch is full: write it, then ask again.
    More,
}

impl Engine {
    /// Octets after which a batch of output is cut off.
    pub const OUTPUT_TARGET: usize = 128 * 1024;

    /// Room for a head that is kept for the next one, in octets.
    const MAX_KEPT: usize = 4 * 1024;

    /// A connection on which nothing was said yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stage: Stage::Open,
            exchange: None,
            head: BytesMut::new(),
            events: VecDeque::new(),
        }
    }

    /// Begins an exchange, and queues the head of its request.
    ///
    /// # Errors
    /// A [`Refusal`]: nothing was queued, and the request can go elsewhere.
    pub fn open(
        &mut self,
        now: Instant,
        head: &RequestHead<'_>,
        body: BodyPlan,
    ) -> Result<(), Refusal> {
        match self.state() {
            State::Idle => {}
            State::Busy | State::Draining => return Err(Refusal::Busy),
            State::Tunnel | State::Closed => return Err(Refusal::Closed),
        }
        let hold = head.expects_continue().then(|| Hold {
            until: now.checked_add(self.config.continue_timeout),
        });
        let send = send_half(head.framing(), body, hold)?;
        if self.head.capacity() > Self::MAX_KEPT {
            self.head = BytesMut::new();
        }
        head.encode(&mut self.head);
        self.exchange = Some(Exchange {
            method: head.method().clone(),
            asks_to_upgrade: head.asks_to_upgrade(),
            send: Some(send),
            recv: Some(RecvHalf::new()),
            closing: head.closes().then_some(Closure::Announced),
            is_unwanted: false,
            drain: None,
        });
        Ok(())
    }

    /// The instant of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        let is_due = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        if let Some(send) = &mut exchange.send
            && is_due(send.held_until())
        {
            // RFC 9110 §10.1.1: no client waits "for an indefinite period".
            send.release();
        }
        if exchange.drain.is_some_and(|drain| is_due(drain.until)) {
            self.shut(Closure::Local);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let exchange = self.exchange.as_ref()?;
        let held = exchange.send.as_ref().and_then(SendHalf::held_until);
        let drained = exchange.drain.and_then(|drain| drain.until);
        held.into_iter().chain(drained).min()
    }

    /// The next fact, in the order of the wire.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The caller of the exchange has left: nothing more is reported of it, while it goes on, but
    /// [`Event::Finished`] or [`Event::Closed`]. What was reported of one that is over stays.
    ///
    /// The connection is kept if the request is wholly out and what is left of the response is
    /// little ([`Limits::drain`]) and comes soon ([`Config::drain_timeout`]); else it closes.
    pub fn cancel(&mut self, now: Instant) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        // What was reported of the exchange and not taken: all after the one before has ended.
        let is_before = |event: &Event| matches!(event, Event::Finished);
        let before = self.events.iter().rposition(is_before);
        self.events.truncate(before.map_or(0, |at| at + 1));
        let octets = self.config.limits.drain;
        let is_drainable = exchange.send.is_none()
            && exchange.closing.is_none()
            && exchange
                .recv
                .as_ref()
                .is_some_and(|recv| recv.is_drainable(octets));
        if !is_drainable {
            self.shut(Closure::Local);
        } else if exchange.drain.is_none() {
            let until = now.checked_add(self.config.drain_timeout);
            exchange.drain = Some(Drain { octets, until });
        }
    }

    /// Closes the connection, and with it the exchange if there is one.
    pub fn close(&mut self) {
        self.shut(Closure::Local);
    }

    /// What the connection can be used for now.
    #[must_use]
    pub const fn state(&self) -> State {
        match (self.stage, &self.exchange) {
            (Stage::Closed, _) => State::Closed,
            (Stage::Tunnel, _) => State::Tunnel,
            (Stage::Open, None) => State::Idle,
            (Stage::Open, Some(Exchange { drain: None, .. })) => State::Busy,
            (Stage::Open, Some(_)) => State::Draining,
        }
    }

    /// For tests: nothing is under way, queued, unread or awaited.
    ///
    /// # Panics
    /// If something is, saying what.
    pub fn assert_quiet(&self) {
        assert!(self.exchange.is_none(), "an exchange is under way");
        assert!(self.head.is_empty(), "a head is still queued");
        assert!(
            self.events.is_empty(),
            "events are unread: {:?}",
            self.events
        );
        assert_eq!(self.poll_timeout(), None, "a timer still runs");
    }

    fn report(&mut self, event: Event) {
        let is_wanted = |exchange: &Exchange| exchange.drain.is_none();
        if self.exchange.as_ref().is_some_and(is_wanted) {
            self.events.push_back(event);
        }
    }

    fn fail(&mut self, failure: Failure, closure: Closure) {
        // A response that is complete does not fail, however its request goes on.
        let is_open = |exchange: &Exchange| exchange.recv.is_some();
        if self.exchange.as_ref().is_some_and(is_open) {
            self.report(Event::Failed(failure));
        }
        self.shut(closure);
    }

    fn shut(&mut self, closure: Closure) {
        if self.stage != Stage::Closed {
            self.stage = Stage::Closed;
            self.exchange = None;
            self.head = BytesMut::new();
            self.events.push_back(Event::Closed(closure));
        }
    }

    /// Ends the exchange if nothing of it is left. An upload goes on after its response unless that
    /// says otherwise (RFC 9110 §7.5).
    fn conclude(&mut self) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        if exchange.recv.is_some() {
            return;
        }
        // A little that is here already still goes out.
        if exchange.is_unwanted && self.needs_body() {
            self.stop_sending();
        }
        match &self.exchange {
            Some(Exchange { send: Some(_), .. }) | None => {}
            Some(Exchange { closing, .. }) => match *closing {
                Some(closure) => self.shut(closure),
                None => {
                    self.exchange = None;
                    self.events.push_back(Event::Finished);
                }
            },
        }
    }

    /// The server has answered without the rest of the request.
    fn stop_sending(&mut self) {
        if let Some(exchange) = &mut self.exchange
            && exchange.send.take().is_some()
        {
            exchange.closing.get_or_insert(Closure::Unfinished);
            self.head.clear();
            self.report(Event::SendStopped);
        }
    }
}

/// The request's half, if the body is what the head says.
fn send_half(
    framing: BodyFraming,
    body: BodyPlan,
    hold: Option<Hold>,
) -> Result<SendHalf, Refusal> {
    let coding = match framing {
        BodyFraming::None => Coding::Plain { owed: 0 },
        BodyFraming::Length(owed) => Coding::Plain { owed },
        BodyFraming::Chunked => Coding::Chunked,
    };
    let mut send = SendHalf::new(coding, hold);
    let whole = match body {
        BodyPlan::Streaming => return Ok(send),
        BodyPlan::Empty => Bytes::new(),
        BodyPlan::Whole(whole) => whole,
    };
    send.push(whole)
        .and_then(|()| send.finish(None))
        .map_err(|_| Refusal::LengthDiffers)?;
    Ok(send)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "another exchange is under way on the connection",
            Self::Closed => "the connection carries no more requests",
            Self::LengthDiffers => "the body is not as long as the head says",
        })
    }
}

impl std::error::Error for Refusal {}
