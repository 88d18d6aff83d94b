//! The receive windows at work: managers are asked, updates gathered, stalls watched.
//!
//! Owns: what is known of the way to the peer, whose window has an increment to announce, and the one
//! queue of windows that are used up for no reason of the caller's. Never: decides how much is given;
//! the windows' managers do.
//! Invariants: increments go out when output is laid out, one WINDOW_UPDATE a window, so that no
//! manager can make more of them than there are writes; behind the heads, so that none is for a
//! stream that the peer has not heard of. A window that is not used up stands in no queue but by
//! mistake, and is passed over there.
//! Spec: RFC 9113 §5.2, §6.9.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Closure, Core, Event, Failure, Stage, Timer};
use crate::http2::{
    Credit, ErrorCode, StreamId, Violation,
    flow::{Ask, Path, RecvWindow, Scope, WindowView},
    frame::{Ping, WindowUpdate},
    stream::RecvHalf,
};

/// What the windows of a connection share.
#[derive(Debug)]
pub(super) struct Windows {
    /// The instant that the engine was told last.
    pub(super) now: Instant,
    pub(super) path: Path,
    stall_timeout: Option<Duration>,
    /// Streams that have an increment to announce; stale ids are skipped.
    updates: Vec<StreamId>,
    /// Windows that may be stalled, by the instant at which that is looked at; the connection's by
    /// its id. Stale ids are skipped.
    watched: VecDeque<(Instant, StreamId)>,
}

/// What follows from how much of a stream's window is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Nothing.
    Open,
    /// It has just been used up, and the caller has octets to read.
    UsedUp,
    /// It waits for its manager alone, and is watched from now on.
    Watched,
}

impl Windows {
    pub(super) fn new(stall_timeout: Option<Duration>, now: Instant) -> Self {
        Self {
            now,
            path: Path::new(now),
            stall_timeout,
            updates: Vec::new(),
            watched: VecDeque::new(),
        }
    }

    /// Asks the manager of a stream, unless nobody reads it yet: a wider window would invite the peer
    /// beyond what may be held of unclaimed pushes.
    #[inline]
    pub(super) fn ask_stream(&mut self, id: StreamId, recv: &mut RecvHalf, ask: Ask) {
        let is_settled = recv.window.need_not_ask(ask, self.path.follows_large());
        if !is_settled && !recv.is_unclaimed() {
            self.put_to_stream(id, recv, ask);
        }
    }

    fn put_to_stream(&mut self, id: StreamId, recv: &mut RecvHalf, ask: Ask) {
        let document = recv.document();
        let view = WindowView {
            document_size: document.map(|(size, _)| size),
            document_left: document.map(|(_, left)| left),
            ..self.path.view(Scope::Stream(id))
        };
        if recv.window.ask(self.now, ask, view) {
            self.updates.push(id);
        }
    }

    fn ask_connection(&self, window: &mut RecvWindow, ask: Ask) {
        if window.need_not_ask(ask, self.path.follows_large()) {
            return;
        }
        // Its increment is looked for whenever output is laid out.
        window.ask(self.now, ask, self.path.view(Scope::Connection));
    }

    /// Octets of a stream were consumed; none, if an empty frame was.
    pub(super) fn consumed(&mut self, id: StreamId, recv: &mut RecvHalf, credit: Option<Credit>) {
        let octets = credit.map_or(0, |credit| recv.window.release(credit));
        self.ask_stream(id, recv, Ask::Consumed(octets));
    }

    /// Looks whether a stream can go on by its window, and asks its manager if it cannot.
    pub(super) fn settle(&mut self, id: StreamId, recv: &mut RecvHalf) -> Settled {
        if !recv.window.is_used_up() || !recv.expects_content() {
            return Settled::Open;
        }
        let is_new = recv.window.episode.begin();
        if is_new {
            self.ask_stream(id, recv, Ask::Blocked);
        }
        if !recv.window.is_used_up() {
            Settled::Open
        } else if recv.window.parked() == 0 {
            self.watch(id, &mut recv.window)
        } else if is_new {
            Settled::UsedUp
        } else {
            Settled::Open
        }
    }

    /// Nothing is unread on a window that is used up: it is looked at again in a while.
    fn watch(&mut self, id: StreamId, window: &mut RecvWindow) -> Settled {
        let since = window.episode.stall(self.now);
        let limit = self.stall_timeout;
        match limit.and_then(|limit| since.checked_add(limit)) {
            Some(at) if window.episode.watch() => {
                let behind = self.watched.partition_point(|(before, _)| *before <= at);
                self.watched.insert(behind, (at, id));
                Settled::Watched
            }
            _ => Settled::Open,
        }
    }

    /// The next window whose instant has come.
    fn take_due(&mut self, now: Instant) -> Option<StreamId> {
        let is_due = self.watched.front().is_some_and(|(at, _)| *at <= now);
        let (_, id) = is_due.then(|| self.watched.pop_front())??;
        Some(id)
    }

    /// Places in the queues.
    pub(super) fn queued(&self) -> usize {
        self.updates.len() + self.watched.len()
    }

    pub(super) fn clear(&mut self) {
        self.updates.clear();
        self.watched.clear();
    }

    /// For tests: nothing is to be announced, and nothing watched.
    pub(super) fn is_quiet(&self) -> bool {
        self.queued() == 0
    }
}

impl Core {
    /// The connection begins: what widens its window goes out with the preface.
    pub(super) fn open_connection_window(&mut self) {
        self.windows
            .ask_connection(&mut self.recv_window, Ask::Open);
        self.queue_updates();
    }

    /// Counts a DATA frame, of whatever stream, on the connection. Its octets are consumed by
    /// arriving, so that one unread body does not keep the others from coming.
    ///
    /// RFC 9113 §6.9.1.
    pub(super) fn charge_connection(&mut self, octets: u32) -> Result<(), Violation> {
        let window = &mut self.recv_window;
        let credit = window.debit(octets)?;
        self.windows.path.on_data(self.windows.now, octets);
        self.windows.ask_connection(window, Ask::Received(octets));
        let octets = credit.map_or(0, |credit| window.release(credit));
        self.windows.ask_connection(window, Ask::Consumed(octets));
        if window.is_used_up() {
            self.watch_connection();
        }
        Ok(())
    }

    /// Nothing is left of the connection's window.
    pub(super) fn watch_connection(&mut self) {
        let window = &mut self.recv_window;
        if window.episode.begin() {
            self.windows.ask_connection(window, Ask::Blocked);
        }
        if window.is_used_up() {
            let settled = self.windows.watch(StreamId::CONNECTION, window);
            self.act_on(StreamId::CONNECTION, settled);
        }
    }

    /// Takes a debt back: its octets were read.
    pub(super) fn release(&mut self, id: StreamId, credit: Credit) {
        let Some(recv) = self
            .streams
            .get_mut(id)
            .and_then(|stream| stream.recv.as_mut())
        else {
            // The window went with the stream, or the peer has ended its half: RFC 9113 §6.9 has
            // nothing to give back to.
            return;
        };
        self.windows.consumed(id, recv, Some(credit));
        let settled = self.windows.settle(id, recv);
        self.act_on(id, settled);
    }

    /// A head has come, and found a window that is used up from the start.
    pub(super) fn settle_at_head(&mut self, id: StreamId) {
        let stream = self.streams.get_mut(id);
        if let Some(recv) = stream.and_then(|stream| stream.recv.as_mut()) {
            let settled = self.windows.settle(id, recv);
            self.act_on(id, settled);
        }
    }

    pub(super) fn act_on(&mut self, id: StreamId, settled: Settled) {
        match settled {
            Settled::Open => {}
            Settled::UsedUp => self.events.push_back(Event::WindowUsedUp { id }),
            Settled::Watched => self.arm_watchdog(),
        }
    }

    /// Asks for the round trip, if it is time.
    pub(super) fn probe(&mut self) {
        if let Some(payload) = self.windows.path.probe(self.windows.now) {
            let ping = Ping {
                ack: false,
                payload,
            };
            ping.encode(&mut self.control);
        }
    }

    /// Turns increments into WINDOW_UPDATE, the connection's first.
    pub(super) fn queue_updates(&mut self) {
        if self.stage == Stage::Closed {
            return;
        }
        if let Some(increment) = self.recv_window.take_increment() {
            self.queue_update(StreamId::CONNECTION, increment);
        }
        if self.windows.updates.is_empty() {
            return;
        }
        let mut updates = std::mem::take(&mut self.windows.updates);
        for id in updates.drain(..) {
            let stream = self.streams.get_mut(id);
            let recv = stream.and_then(|stream| stream.recv.as_mut());
            if let Some(increment) = recv.and_then(|recv| recv.window.take_increment()) {
                self.queue_update(id, increment);
            }
        }
        // The vector goes back, so that the next updates allocate nothing.
        self.windows.updates = updates;
    }

    fn queue_update(&mut self, stream_id: StreamId, increment: u32) {
        WindowUpdate {
            stream_id,
            increment,
        }
        .encode(&mut self.control);
    }

    /// Passes over streams that are gone before they outnumber the others. Without streams the
    /// connection's window keeps nobody waiting.
    pub(super) fn sweep_windows(&mut self) {
        let streams = &self.streams;
        let is_live = |id| streams.get(id).is_some();
        self.windows.updates.retain(|id| is_live(*id));
        let is_idle = streams.len() == 0;
        self.windows
            .watched
            .retain(|(_, id)| is_live(*id) || (id.is_connection() && !is_idle));
        if is_idle {
            self.recv_window.episode.unwatch();
        }
        self.arm_watchdog();
    }

    fn arm_watchdog(&mut self) {
        match self.windows.watched.front() {
            Some((at, _)) => self.timers.set(Timer::Stall, *at),
            None => self.timers.stop(Timer::Stall),
        }
    }

    /// Ends what has been stalled for too long, having asked a last time.
    pub(super) fn check_stalls(&mut self, now: Instant) {
        while let Some(id) = self.windows.take_due(now) {
            if id.is_connection() {
                self.check_connection(now);
            } else {
                self.check_stream(now, id);
            }
        }
        if self.stage != Stage::Closed {
            self.arm_watchdog();
        }
    }

    fn check_stream(&mut self, now: Instant, id: StreamId) {
        let Some(recv) = self
            .streams
            .get_mut(id)
            .and_then(|stream| stream.recv.as_mut())
        else {
            return;
        };
        recv.window.episode.unwatch();
        let Some(since) = recv.window.episode.stalled_since() else {
            return;
        };
        if self.windows.is_late(now, since) {
            self.windows.ask_stream(id, recv, Ask::Blocked);
            if recv.window.is_used_up() {
                let failure = Failure::WindowStalled;
                self.events.push_back(Event::Failed { id, failure });
                self.reset(id, ErrorCode::CANCEL);
            }
        } else {
            // It was increased meanwhile, and used up again.
            self.windows.watch(id, &mut recv.window);
        }
    }

    fn check_connection(&mut self, now: Instant) {
        let window = &mut self.recv_window;
        window.episode.unwatch();
        let Some(since) = window.episode.stalled_since() else {
            return;
        };
        if self.windows.is_late(now, since) {
            self.windows.ask_connection(window, Ask::Blocked);
            if window.is_used_up() {
                self.send_goaway(ErrorCode::INTERNAL_ERROR, b"window not increased");
                self.close(Closure::WindowStalled);
            }
        } else {
            self.windows.watch(StreamId::CONNECTION, window);
        }
    }
}

impl Windows {
    /// Whether a stall that began then has lasted for too long.
    fn is_late(&self, now: Instant, since: Instant) -> bool {
        let limit = self.stall_timeout;
        limit.is_some_and(|limit| now.saturating_duration_since(since) >= limit)
    }
}
