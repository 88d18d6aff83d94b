//! The HTTP/2 connection of a client, as arithmetic: octets, instants and commands go in; octets,
//! deadlines and facts come out (RFC 9113).
//!
//! Owns: everything that both sides must agree on: settings, HPACK tables, streams, windows.
//! Never: waits, wakes, reads a clock or a socket.
//!
//! | family | methods |
//! |---|---|
//! | wire in | [`handle_input`](Engine::handle_input), [`handle_eof`](Engine::handle_eof) |
//! | clock in | [`handle_timeout`](Engine::handle_timeout), [`tick`](Engine::tick) |
//! | commands in | [`open`](Engine::open), [`send_data`](Engine::send_data), [`finish`](Engine::finish), [`resume`](Engine::resume), [`prioritize`](Engine::prioritize), [`release`](Engine::release), [`speaks_for`](Engine::speaks_for), [`claim`](Engine::claim), [`cancel`](Engine::cancel), [`ping`](Engine::ping), [`retire`](Engine::retire), [`close`](Engine::close) |
//! | facts out | [`poll_event`](Engine::poll_event), [`poll_demand`](Engine::poll_demand) |
//! | wire out | [`poll_output`](Engine::poll_output) |
//! | clock out | [`poll_timeout`](Engine::poll_timeout) |
//!
//! After any input, drain the facts, then the demands, then the output, then ask for the deadline.
//! Output can give rise to demands ([`has_demand`](Engine::has_demand)), and demands to output: go
//! round until there are none.
//! A command that names a stream which is gone does nothing: the stream may have ended while the
//! command was on its way.

mod end;
mod event;
mod goaway;
mod open;
mod priority;
mod promise;
mod recv;
mod send;
mod settings;
mod timer;
mod windows;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

pub use self::{
    event::{Closure, Event, Failure, GoAwayReceived, PeerSettings},
    open::{BodyPlan, Refusal, StreamOptions},
};
use self::{
    timer::{Timer, TimerTable},
    windows::Windows,
};
use super::{
    ErrorCode, Fault, Limits, StreamId, Violation,
    budget::Budget,
    codec::{BlockLimits, Reader},
    consts,
    flow::{Credit, Managers, RecvWindow, Scope, SendWindow, WindowManagerFactory},
    frame::Ping,
    hpack::{Decoder, Encoder},
    push::Pushes,
    schedule::Schedule,
    stream::{State, Table},
};

/// How a client's side of a connection behaves. All sizes are in octets; one that the protocol
/// has no room for is brought within its bounds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The receive window of each stream, announced as SETTINGS_INITIAL_WINDOW_SIZE. Default
    /// 1 MiB. What it becomes is for the stream's manager to say.
    pub stream_window_size: u32,
    /// The receive window of the connection. Default 16 MiB, announced at the start. Its credit goes
    /// back as octets arrive, so it bounds nothing but what is on its way.
    pub connection_window_size: u32,
    /// Who manages the windows of streams, where a stream's options say nothing else. Default:
    /// [`Adaptive`](super::flow::Adaptive) managers.
    pub stream_window_managers: Managers,
    /// Who manages the window of the connection. Default: an [`Adaptive`](super::flow::Adaptive)
    /// manager.
    pub connection_window_managers: Managers,
    /// How long a window may be used up, with nothing unread, before its stream fails, or the
    /// connection if it is the connection's: its manager does not give what the caller waits for.
    /// Default 10 s; `None` waits for ever.
    pub stall_timeout: Option<Duration>,
    /// The largest frame taken, announced as SETTINGS_MAX_FRAME_SIZE. Default 16,384, which is
    /// also the least.
    pub max_frame_size: u32,
    /// The dynamic table of our decoder, announced as SETTINGS_HEADER_TABLE_SIZE. Default 4,096.
    pub header_table_size: u32,
    /// How long the peer has to acknowledge our SETTINGS. Default 10 s; `None` waits for ever.
    pub settings_timeout: Option<Duration>,
    /// The first stream; odd. Default 1. Others serve to reach the last stream soon.
    pub first_stream_id: StreamId,
    /// Whether the peer may push, announced as SETTINGS_ENABLE_PUSH. Default false: promises made
    /// before the peer can know are refused, later ones are a fault of the connection's. If true,
    /// those of the [netloc](Engine::speaks_for) named are reported as [`Event::Promise`].
    pub enable_push: bool,
    /// Bounds against hostile peers.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_window_size: 1 << 20,
            connection_window_size: 16 << 20,
            stream_window_managers: Managers::default(),
            connection_window_managers: Managers::default(),
            stall_timeout: Some(Duration::from_secs(10)),
            max_frame_size: consts::MIN_MAX_FRAME_SIZE,
            header_table_size: consts::INITIAL_HEADER_TABLE_SIZE,
            settings_timeout: Some(Duration::from_secs(10)),
            first_stream_id: StreamId::FIRST,
            enable_push: false,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// No setting that the peer would have to take for a fault of ours (RFC 9113 §6.5.2).
    fn within_bounds(mut self) -> Self {
        self.max_frame_size = self
            .max_frame_size
            .clamp(consts::MIN_MAX_FRAME_SIZE, consts::MAX_MAX_FRAME_SIZE);
        self.stream_window_size = self.stream_window_size.min(consts::MAX_WINDOW_SIZE);
        self.connection_window_size = self
            .connection_window_size
            .clamp(consts::INITIAL_WINDOW_SIZE, consts::MAX_WINDOW_SIZE);
        // RFC 9113 §5.1.1: a client's streams are odd.
        if !self.first_stream_id.is_client() {
            self.first_stream_id = StreamId::FIRST;
        }
        self
    }
}

/// The client's end of one HTTP/2 connection. See the [module](self) for how to drive it.
#[derive(Debug)]
pub struct Engine {
    reader: Reader,
    core: Core,
}

/// All of the engine but the reader, which lends its frames to the rest.
#[derive(Debug)]
struct Core {
    config: Config,
    stage: Stage,
    preface: Preface,
    encoder: Encoder,
    decoder: Decoder,
    streams: Table,
    pushes: Pushes,
    send_window: SendWindow,
    recv_window: RecvWindow,
    windows: Windows,
    schedule: Schedule,
    /// Streams whose priority has changed; stale ids are skipped.
    reprioritized: Vec<StreamId>,
    peer: PeerSettings,
    local_settings_acked: bool,
    goaway: Option<GoAwayReceived>,
    budget: Budget,
    timers: TimerTable,
    /// Our PINGs that are not answered yet.
    pings: Vec<[u8; 8]>,
    /// Whole frames that leave before any DATA, in the order of their making.
    control: BytesMut,
    /// Where the first request head in `control` begins: it and what follows have not left.
    heads_from: Option<usize>,
    events: VecDeque<Event>,
}

/// The life of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Streams may be opened, before the peer has said anything, too (RFC 9113 §3.4).
    Open,
    /// No new streams; the rest finishes.
    Retired,
    /// Nothing goes in or out but what is queued.
    Closed,
}

/// The peer's preface: its first SETTINGS (RFC 9113 §3.4). It is due whatever the [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preface {
    Awaited,
    Received,
}

/// Whether [`Engine::poll_output`] left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything that may be sent was given out.
    Drained,
    /// The batch is full: write it, then ask again. Where it is not, whoever comes next has nothing
    /// to send: ask for demands, then again for output.
    More,
}

impl Engine {
    /// Octets after which a batch of output is cut off.
    pub const OUTPUT_TARGET: usize = 128 * 1024;

    /// A connection that is about to send its preface (RFC 9113 §3.4).
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let config = config.within_bounds();
        let limits = &config.limits;
        let reader = Reader::new(
            config.max_frame_size,
            BlockLimits {
                max_continuations: limits.max_continuations(config.max_frame_size),
                max_octets: limits.max_block_octets(),
            },
        );
        let mut core = Core {
            stage: Stage::Open,
            preface: Preface::Awaited,
            encoder: Encoder::new(limits.encoder_table_size as usize),
            // RFC 9113 §6.5.3: what we announce holds once it is acknowledged.
            decoder: Decoder::new(consts::INITIAL_HEADER_TABLE_SIZE as usize),
            streams: Table::new(config.first_stream_id),
            pushes: Pushes::new(limits.unclaimed_push_octets),
            send_window: SendWindow::new(consts::INITIAL_WINDOW_SIZE),
            recv_window: RecvWindow::new(
                consts::INITIAL_WINDOW_SIZE,
                config.connection_window_size,
                config
                    .connection_window_managers
                    .manager(Scope::Connection, config.connection_window_size),
            ),
            windows: Windows::new(config.stall_timeout, now),
            schedule: Schedule::default(),
            reprioritized: Vec::new(),
            peer: PeerSettings::INITIAL,
            local_settings_acked: false,
            goaway: None,
            pings: Vec::new(),
            budget: Budget::new(limits, now),
            timers: TimerTable::default(),
            control: BytesMut::new(),
            heads_from: None,
            events: VecDeque::new(),
            config,
        };
        core.send_preface(now);
        Self { reader, core }
    }

    /// Takes what the peer sent. Whole frames leave `input`; a partial one stays for next time.
    /// What the peer does wrong becomes output and an event.
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) {
        let Self { reader, core } = self;
        core.windows.now = now;
        if core.preface == Preface::Awaited && !core.recognise(input) {
            return;
        }
        while core.stage != Stage::Closed {
            let handled = match reader.next(input) {
                Ok(Some(inbound)) => core.recv(now, inbound),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = handled {
                core.on_fault(now, fault);
            }
            // After each frame, so that nothing depends on how the octets were cut into reads.
            core.close_if_drained();
        }
        if core.stage == Stage::Closed {
            input.clear();
        }
    }

    /// The peer closed the byte stream, leaving `rest` unread.
    pub fn handle_eof(&mut self, rest: &[u8]) {
        let core = &mut self.core;
        let is_foreign = core.preface == Preface::Awaited && !rest.is_empty();
        core.close(if is_foreign && !core.begins_preface(rest) {
            Closure::NotHttp2(Bytes::copy_from_slice(rest))
        } else {
            Closure::Eof
        });
    }

    /// The instant of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        while let Some(timer) = self.core.timers.take_expired(now) {
            match timer {
                Timer::SettingsAck => {
                    let late = Fault::Connection(Violation::SettingsAckLate);
                    self.core.on_fault(now, late);
                }
                Timer::Stall => self.core.check_stalls(now),
            }
        }
        self.core.close_if_drained();
    }

    /// The commands that follow are given at this instant, which window managers are told. Without
    /// it, they count as given at the last instant that the engine was told.
    pub fn tick(&mut self, now: Instant) {
        self.core.windows.now = now;
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.timers.next()
    }

    /// The next fact, in the order of the wire.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// Gives octets back to the peer: those that `credit` came with were consumed.
    pub fn release(&mut self, id: StreamId, credit: Credit) {
        self.core.release(id, credit);
    }

    /// Ends a stream from this side with RST_STREAM (RFC 9113 §6.4), or refuses a promise. Nothing
    /// more is reported of it but [`Event::Finished`]. Never counted as the peer's fault.
    pub fn cancel(&mut self, id: StreamId, code: ErrorCode) {
        self.core.pushes.settle(id);
        if self.core.stage != Stage::Closed && self.core.streams.get(id).is_some() {
            self.core.reset(id, code);
            self.core.close_if_drained();
        }
    }

    /// Sends a PING (RFC 9113 §6.7); [`Event::Pong`] brings its answer.
    pub fn ping(&mut self, payload: [u8; 8]) {
        if self.core.stage != Stage::Closed {
            let ping = Ping {
                ack: false,
                payload,
            };
            ping.encode(&mut self.core.control);
            self.core.pings.push(payload);
        }
    }

    /// Takes no new streams, and closes once the last one has finished.
    pub fn retire(&mut self) {
        self.core.retire();
        self.core.close_if_drained();
    }

    /// Closes at once: GOAWAY goes out, and every stream is over.
    pub fn close(&mut self, code: ErrorCode) {
        if self.core.stage != Stage::Closed {
            self.core.send_goaway(code, b"");
            self.core.close(Closure::Local(code));
        }
    }

    /// Whether the connection is over; output may still be queued.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.stage == Stage::Closed
    }

    /// What the peer allows, as far as it has said.
    #[must_use]
    pub fn peer_settings(&self) -> PeerSettings {
        self.core.peer
    }

    /// The last GOAWAY of the peer.
    #[must_use]
    pub fn goaway(&self) -> Option<&GoAwayReceived> {
        self.core.goaway.as_ref()
    }

    /// Octets of heads and control frames that wait for [`poll_output`](Self::poll_output).
    #[must_use]
    pub fn queued_octets(&self) -> usize {
        self.core.control.len()
    }

    /// How many of the streams that we have opened are not closed; those that the peer promised are
    /// [`promised_streams`](Self::promised_streams).
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.core.streams.requests()
    }

    /// The state of a stream (RFC 9113 §5.1).
    #[must_use]
    pub fn stream_state(&self, id: StreamId) -> State {
        match self.core.streams.get(id) {
            Some(stream) => stream.state(),
            None if self.core.streams.is_idle(id) => State::Idle,
            None => State::Closed,
        }
    }

    /// For tests: nothing is owed, open, queued or awaited.
    ///
    /// # Panics
    /// If something is, saying what.
    pub fn assert_quiet(&self) {
        let core = &self.core;
        assert_eq!(core.streams.len(), 0, "streams are still open");
        assert_eq!(core.pushes.unclaimed(), (0, 0), "promises are unclaimed");
        assert_eq!(core.recv_window.parked(), 0, "connection window not whole");
        assert!(core.schedule.is_empty(), "streams are still scheduled");
        assert!(core.control.is_empty(), "frames are still queued");
        assert!(core.windows.is_quiet(), "windows are updated or watched");
        assert!(
            core.events.is_empty(),
            "events are unread: {:?}",
            core.events
        );
        assert_eq!(core.timers.next(), None, "a timer still runs");
    }
}
