//! The HTTP/2 connection of a client, as arithmetic: octets, instants and commands go in; octets,
//! deadlines and facts come out (RFC 9113).
//!
//! Owns: everything that both sides must agree on: settings, HPACK tables, streams, windows.
//! Never: waits, wakes, reads a clock or a socket.
//!
//! | family | methods |
//! |---|---|
//! | wire in | [`handle_input`](Engine::handle_input), [`handle_eof`](Engine::handle_eof) |
//! | clock in | [`handle_timeout`](Engine::handle_timeout) |
//! | commands in | [`open`](Engine::open), [`send_data`](Engine::send_data), [`finish`](Engine::finish), [`resume`](Engine::resume), [`release`](Engine::release), [`cancel`](Engine::cancel), [`ping`](Engine::ping), [`retire`](Engine::retire), [`close`](Engine::close) |
//! | facts out | [`poll_event`](Engine::poll_event), [`poll_demand`](Engine::poll_demand) |
//! | wire out | [`poll_output`](Engine::poll_output) |
//! | clock out | [`poll_timeout`](Engine::poll_timeout) |
//!
//! After any input, drain the facts, then the demands, then the output, then ask for the deadline.
//! A command that names a stream which is gone does nothing: the stream may have ended while the
//! command was on its way.

mod event;
mod goaway;
mod open;
mod recv;
mod send;
mod settings;
mod timer;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use self::timer::{Timer, TimerTable};
pub use self::{
    event::{Closure, Event, Failure, GoAwayReceived, PeerSettings},
    open::{BodyPlan, Refusal},
};
use super::{
    ErrorCode, Fault, Limits, StreamId, Violation,
    budget::Budget,
    codec::{BlockLimits, Reader},
    consts,
    flow::{Credit, RecvWindow, Refill, SendWindow},
    frame::{GoAway, Ping, RstStream, WindowUpdate},
    hpack::{Decoder, Encoder},
    schedule::Schedule,
    stream::{ClosedBy, Late, Lookup, State, Table},
};

/// How a client's side of a connection behaves. All sizes are in octets; one that the protocol
/// has no room for is brought within its bounds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The receive window of each stream, announced as SETTINGS_INITIAL_WINDOW_SIZE. Default
    /// 1 MiB. Bounds what an unread response body holds.
    pub stream_window_size: u32,
    /// The receive window of the connection. Default 16 MiB. Its credit goes back as octets
    /// arrive, so it bounds nothing but what is on its way.
    pub connection_window_size: u32,
    /// The largest frame taken, announced as SETTINGS_MAX_FRAME_SIZE. Default 16,384, which is
    /// also the least.
    pub max_frame_size: u32,
    /// The dynamic table of our decoder, announced as SETTINGS_HEADER_TABLE_SIZE. Default 4,096.
    pub header_table_size: u32,
    /// How long the peer has to acknowledge our SETTINGS. Default 10 s.
    pub settings_timeout: Option<Duration>,
    /// The first stream; odd. Default 1. Others serve to reach the last stream soon.
    pub first_stream_id: StreamId,
    /// Bounds against hostile peers.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_window_size: 1 << 20,
            connection_window_size: 16 << 20,
            max_frame_size: consts::MIN_MAX_FRAME_SIZE,
            header_table_size: consts::INITIAL_HEADER_TABLE_SIZE,
            settings_timeout: Some(Duration::from_secs(10)),
            first_stream_id: StreamId::FIRST,
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
    send_window: SendWindow,
    recv_window: RecvWindow,
    schedule: Schedule,
    /// Streams whose body should be asked for octets; stale ids are skipped.
    hungry: VecDeque<StreamId>,
    peer: PeerSettings,
    local_settings_acked: bool,
    goaway: Option<GoAwayReceived>,
    budget: Budget,
    timers: TimerTable,
    /// Our PINGs that are not answered yet.
    pings: Vec<[u8; 8]>,
    /// Whole frames that leave before any DATA, in the order of their making.
    control: BytesMut,
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
    /// The batch is full: write it, then ask again.
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
            send_window: SendWindow::new(consts::INITIAL_WINDOW_SIZE),
            recv_window: RecvWindow::new(
                consts::INITIAL_WINDOW_SIZE,
                Refill::new(config.connection_window_size),
            ),
            schedule: Schedule::default(),
            hungry: VecDeque::new(),
            peer: PeerSettings::INITIAL,
            local_settings_acked: false,
            goaway: None,
            pings: Vec::new(),
            budget: Budget::new(limits, now),
            timers: TimerTable::default(),
            control: BytesMut::new(),
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
        while let Some(timer) = self.core.timers.take_expired(now) {
            match timer {
                Timer::SettingsAck => {
                    let late = Fault::Connection(Violation::SettingsAckLate);
                    self.core.on_fault(now, late);
                }
            }
        }
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

    /// Ends a stream from this side with RST_STREAM (RFC 9113 §6.4). Nothing more is reported of it
    /// but [`Event::Finished`]. Never counted as the peer's fault.
    pub fn cancel(&mut self, id: StreamId, code: ErrorCode) {
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

    /// How many streams are open.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.core.streams.len()
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
        assert_eq!(core.recv_window.parked(), 0, "connection window not whole");
        assert!(core.schedule.is_empty(), "streams are still scheduled");
        assert!(core.control.is_empty(), "frames are still queued");
        assert!(
            core.events.is_empty(),
            "events are unread: {:?}",
            core.events
        );
        assert_eq!(core.timers.next(), None, "a timer still runs");
    }
}

impl Core {
    /// The verdict on what the peer did wrong becomes frames and events.
    fn on_fault(&mut self, now: Instant, fault: Fault) {
        match fault {
            Fault::Connection(violation) => self.fail_connection(violation),
            Fault::Stream(id, violation) => {
                if let Err(violation) = self.fail_stream(now, id, violation) {
                    self.fail_connection(violation);
                }
            }
        }
    }

    /// RFC 9113 §5.4.2: RST_STREAM, once for a stream, and never in answer to another.
    fn fail_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        violation: Violation,
    ) -> Result<(), Violation> {
        match self.streams.look_up(id) {
            // RFC 9113 §6.4: RST_STREAM "MUST NOT be sent for a stream in the idle state"; §5.4
            // lets any stream error be one of the connection.
            Lookup::Idle => return Err(violation),
            // There is nothing to reset.
            Lookup::Closed(ClosedBy::End | ClosedBy::LocalReset(_)) | Lookup::Forgotten(_) => {
                return self.budget.on_fault(now);
            }
            // The peer takes a stream for open that it has reset itself.
            Lookup::Closed(ClosedBy::PeerReset) | Lookup::Live(_) => {}
        }
        self.budget.on_fault(now)?;
        self.budget.on_control_queued()?;
        match self.streams.look_up(id) {
            // It is told once.
            Lookup::Closed(by) => *by = ClosedBy::LocalReset(Late::NONE),
            _ => {
                let failure = Failure::Fault(violation);
                self.events.push_back(Event::Failed { id, failure });
            }
        }
        self.reset(id, violation.code());
        Ok(())
    }

    /// RFC 9113 §5.4.1: GOAWAY, then the end.
    fn fail_connection(&mut self, violation: Violation) {
        if self.stage != Stage::Closed {
            self.send_goaway(violation.code(), violation.text().as_bytes());
            self.close(Closure::Fault(violation));
        }
    }

    fn send_goaway(&mut self, code: ErrorCode, debug_data: &[u8]) {
        let goaway = GoAway {
            // A client processes no stream of the server while push is off.
            last_stream_id: StreamId::CONNECTION,
            code,
            debug_data,
        };
        goaway.encode(&mut self.control);
    }

    /// Queues RST_STREAM, and takes the stream out if it is still there.
    fn reset(&mut self, id: StreamId, code: ErrorCode) {
        RstStream {
            stream_id: id,
            code,
        }
        .encode(&mut self.control);
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        let by = match &stream.recv {
            Some(recv) => ClosedBy::LocalReset(Late::after_reset(recv.window.left())),
            // The peer has ended its half; a reset of its own may follow.
            None => ClosedBy::LocalReset(Late::RESET),
        };
        self.finish(id, by);
    }

    /// Takes a stream out of the table and says so.
    fn finish(&mut self, id: StreamId, by: ClosedBy) {
        if self.streams.remove(id, by).is_some() {
            self.events.push_back(Event::Finished { id });
            self.sweep();
        }
    }

    /// Ids of streams that are gone are skipped when their turn comes. While a window is closed it
    /// does not come, so they are swept out before they outnumber the streams.
    fn sweep(&mut self) {
        let live = self.streams.len();
        if self.schedule.len() > 2 * live {
            self.schedule.retain(|id| self.streams.get(id).is_some());
        }
        if self.hungry.len() > 2 * live {
            self.hungry.retain(|id| self.streams.get(*id).is_some());
        }
    }

    fn release(&mut self, id: StreamId, credit: Credit) {
        let Some(recv) = self
            .streams
            .get_mut(id)
            .and_then(|stream| stream.recv.as_mut())
        else {
            // The window went with the stream, or the peer has ended its half: RFC 9113 §6.9 has
            // nothing to give back to.
            return;
        };
        recv.window.release(credit);
        if let Some(increment) = recv.window.take_increment() {
            WindowUpdate {
                stream_id: id,
                increment,
            }
            .encode(&mut self.control);
        }
    }

    fn close(&mut self, closure: Closure) {
        if self.stage != Stage::Closed {
            self.stage = Stage::Closed;
            self.timers.stop_all();
            self.streams.clear();
            self.schedule = Schedule::default();
            self.hungry.clear();
            self.events.push_back(Event::Closed(closure));
        }
    }
}
