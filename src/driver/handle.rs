//! The callers' end of a driver.
//!
//! Owns: the count of stream slots, and whether new streams are taken. Slots are reserved before a
//! request enters the mailbox and freed by the driver when its stream ends, so the mailbox never
//! holds more requests than the peer takes at once (RFC 9113 §5.1.2).

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::mailbox::{Command, Mailbox, PingCommand};
use crate::{
    body::{ExchangeControl, ExchangeId, Slot},
    error::Error,
    http2::{Credit, ErrorCode, engine::PeerSettings},
};

/// Whoever wants to know when a connection can take more, or nothing more.
pub(crate) trait Observer: Send + Sync {
    /// A slot came free; so many are in use still.
    fn slot_freed(&self, in_use: usize);
    /// The peer allows more streams than before.
    fn limit_raised(&self);
    /// No new streams are taken from now on.
    fn ended(&self);
    /// The connection is over, and its byte stream closed.
    fn over(&self) {}
}

/// A connection's handle; clones are the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(super) shared: Arc<Shared>,
}

/// What the handles and the driver share.
pub(super) struct Shared {
    pub(super) mailbox: Mailbox,
    in_use: AtomicUsize,
    limit: AtomicUsize,
    takes_streams: AtomicBool,
    observer: OnceLock<Box<dyn Observer>>,
    is_over: AtomicBool,
    why_retired: OnceLock<Error>,
    why_ended: OnceLock<Error>,
    peer_settings: Mutex<Option<PeerSettings>>,
    credit_step: u32,
}

impl Handle {
    /// A handle for up to `limit` streams at once, until the peer says how many.
    pub(super) fn new(limit: usize, credit_step: u32) -> Self {
        Self {
            shared: Arc::new(Shared {
                mailbox: Mailbox::default(),
                in_use: AtomicUsize::new(0),
                limit: AtomicUsize::new(limit),
                takes_streams: AtomicBool::new(true),
                observer: OnceLock::new(),
                is_over: AtomicBool::new(false),
                why_retired: OnceLock::new(),
                why_ended: OnceLock::new(),
                peer_settings: Mutex::new(None),
                credit_step,
            }),
        }
    }

    /// A handle for one exchange at a time, on a connection without flow control.
    pub(super) fn exclusive() -> Self {
        Self::new(1, u32::MAX)
    }

    /// Takes one slot; false when none is free or no new streams are taken.
    pub(crate) fn try_reserve(&self) -> bool {
        let shared = &self.shared;
        if !self.is_open() {
            return false;
        }
        let limit = shared.limit.load(Ordering::Relaxed);
        shared
            .in_use
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |in_use| {
                (in_use < limit).then_some(in_use + 1)
            })
            .is_ok()
    }

    /// Gives a slot back.
    pub(crate) fn release_slot(&self) {
        self.shared.release_slot();
    }

    /// Whether new streams are taken.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.takes_streams.load(Ordering::Acquire)
    }

    /// Slots taken now.
    pub(crate) fn in_use(&self) -> usize {
        self.shared.in_use.load(Ordering::Acquire)
    }

    /// Asks the driver to take no new streams, and to close when the last is done.
    pub(crate) fn retire(&self) {
        // A driver that is gone has nothing to retire.
        let _gone = self.shared.mailbox.push(Command::Retire);
    }

    /// Installs the observer; only the first one counts.
    pub(crate) fn observe(&self, observer: Box<dyn Observer>) {
        let _second = self.shared.observer.set(observer);
        if !self.is_open() {
            self.shared.observed(|observer| observer.ended());
        }
        if self.is_over() {
            self.shared.observed(|observer| observer.over());
        }
    }

    /// Whether the connection is over, and its byte stream closed.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.is_over.load(Ordering::Acquire)
    }

    /// Why no new streams are taken, if it was the peer who said so.
    pub(crate) fn why_retired(&self) -> Option<Error> {
        self.shared.why_retired.get().cloned()
    }

    /// What the peer allows, once it has said it.
    pub(crate) fn peer_settings(&self) -> Option<PeerSettings> {
        *self.shared.lock_settings()
    }

    /// Ends an exchange with a code, and tells whoever waits for it.
    pub(crate) fn reset(&self, id: ExchangeId, code: ErrorCode) {
        // With the driver gone, so is the exchange.
        let _gone = self.shared.mailbox.push(Command::Reset(id, code));
    }

    /// Sends a PING; the time until its answer comes. An error if the connection ends first.
    pub(crate) fn ping(&self, payload: [u8; 8]) -> oneshot::Receiver<Duration> {
        let (answer, answered) = oneshot::channel();
        let ping = Box::new(PingCommand { payload, answer });
        // With the driver gone, the sender goes with the command.
        let _gone = self.shared.mailbox.push(Command::Ping(ping));
        answered
    }

    /// Asks the driver to close now, whatever is under way.
    pub(crate) fn close(&self, code: ErrorCode) {
        // A driver that is gone has nothing to close.
        let _gone = self.shared.mailbox.push(Command::Close(code));
    }

    /// Why the connection is over, once it is: as somebody is told whose request was never written.
    pub(crate) fn why_ended(&self) -> Option<Error> {
        self.shared.why_ended.get().cloned()
    }

    /// Sends the request of a slot for which a stream was reserved. The driver frees the
    /// reservation. False if the driver is gone: the reservation is freed, and the request still
    /// in its slot.
    pub(crate) fn send(&self, slot: Arc<Slot>) -> bool {
        let sent = self.shared.mailbox.push(Command::Open(slot)).is_ok();
        if !sent {
            self.release_slot();
        }
        sent
    }

    /// What response bodies tell the driver.
    pub(crate) fn control(&self) -> Arc<dyn ExchangeControl> {
        self.shared.clone()
    }
}

impl Shared {
    fn observed(&self, tell: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = self.observer.get() {
            tell(&**observer);
        }
    }

    pub(super) fn release_slot(&self) {
        let before = self.in_use.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(before > 0, "a slot is freed once");
        self.observed(|observer| observer.slot_freed(before - 1));
    }

    /// The peer has said how many streams it takes.
    pub(super) fn set_limit(&self, limit: usize) {
        let before = self.limit.swap(limit, Ordering::Relaxed);
        if limit > before {
            self.observed(|observer| observer.limit_raised());
        }
    }

    /// The peer's settings have come, or changed.
    pub(super) fn set_peer_settings(&self, settings: PeerSettings) {
        *self.lock_settings() = Some(settings);
        self.set_limit(settings.max_concurrent_streams as usize);
    }

    fn lock_settings(&self) -> std::sync::MutexGuard<'_, Option<PeerSettings>> {
        let settings = self.peer_settings.lock();
        settings.unwrap_or_else(PoisonError::into_inner)
    }

    /// The peer takes no new streams; said before [`end`](Self::end).
    pub(super) fn retired_by(&self, error: Error) {
        let _once = self.why_retired.set(error);
    }

    /// The driver is gone, and with it the byte stream.
    pub(super) fn set_over(&self) {
        self.is_over.store(true, Ordering::Release);
        self.observed(|observer| observer.over());
    }

    /// The connection is over; said before [`end`](Self::end), so that whoever finds it closed
    /// finds out why.
    pub(super) fn ended_by(&self, error: Error) {
        let _once = self.why_ended.set(error);
    }

    /// No new streams from now on.
    pub(super) fn end(&self) {
        if self.takes_streams.swap(false, Ordering::AcqRel) {
            self.observed(|observer| observer.ended());
        }
    }
}

impl ExchangeControl for Shared {
    fn release(&self, id: ExchangeId, credit: Credit) {
        // With the driver gone, so is the window.
        let _gone = self.mailbox.push(Command::Release(id, credit));
    }

    fn resume(&self, id: ExchangeId) {
        // With the driver gone, there is nothing to read.
        let _gone = self.mailbox.push(Command::Resume(id));
    }

    fn cancel(&self, id: ExchangeId) {
        // With the driver gone, so is the exchange.
        let _gone = self.mailbox.push(Command::Cancel(id));
    }

    fn claim(&self, id: ExchangeId) {
        // With the driver gone, nobody keeps account of it.
        let _gone = self.mailbox.push(Command::Claim(id));
    }

    fn credit_step(&self) -> u32 {
        self.credit_step
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("in_use", &self.in_use)
            .field("limit", &self.limit)
            .field("takes_streams", &self.takes_streams)
            .finish_non_exhaustive()
    }
}
