//! The two windows: what we may send, and what the peer may.
//!
//! Owns: the counters of either. A manager is asked by [`RecvWindow`] and changes none of them.
//! Invariants of [`RecvWindow`]: `granted - received == left`, by which the peer is held to what it
//! was told; `received - released == parked`; `left + pending` is at most 2^31-1.
//! Spec: RFC 9113 §6.9.1, §6.9.2.

use std::time::Instant;

use super::{Credit, Manager, WindowView, episode::Episode};
use crate::http2::{Violation, consts::MAX_WINDOW_SIZE};

/// How many octets of DATA we may send.
///
/// It can be negative: a smaller SETTINGS_INITIAL_WINDOW_SIZE takes away what was already used
/// (RFC 9113 §6.9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWindow(i32);

impl SendWindow {
    /// A window of so many octets; at most 2^31-1.
    #[must_use]
    pub const fn new(octets: u32) -> Self {
        Self(signed(octets))
    }

    /// What can be sent now, in octets; zero while the window is negative.
    #[must_use]
    pub const fn available(self) -> u32 {
        if self.0 > 0 { self.0.unsigned_abs() } else { 0 }
    }

    /// The window as it stands, negative or not.
    #[must_use]
    pub const fn octets(self) -> i32 {
        self.0
    }

    /// Takes the octets of a DATA frame that is being cut. The caller cut it to `available`.
    pub fn consume(&mut self, octets: u32) {
        debug_assert!(octets <= self.available(), "DATA is cut to the window");
        self.0 = self.0.saturating_sub_unsigned(octets);
    }

    /// Adds a WINDOW_UPDATE.
    ///
    /// # Errors
    /// [`Violation::WindowOverflow`] above 2^31-1 (RFC 9113 §6.9.1).
    pub fn increase(&mut self, increment: u32) -> Result<(), Violation> {
        self.0 = self
            .0
            .checked_add_unsigned(increment)
            .ok_or(Violation::WindowOverflow)?;
        Ok(())
    }

    /// Follows a change of SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.9.2).
    ///
    /// # Errors
    /// [`Violation::WindowOverflow`] above 2^31-1.
    pub fn shift(&mut self, before: u32, after: u32) -> Result<(), Violation> {
        let shifted = i64::from(self.0) + i64::from(after) - i64::from(before);
        self.0 = i32::try_from(shifted).map_err(|_| Violation::WindowOverflow)?;
        Ok(())
    }
}

/// What a manager is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// [`WindowManager::on_open`](super::WindowManager::on_open).
    Open,
    /// [`WindowManager::on_received`](super::WindowManager::on_received).
    Received(u32),
    /// [`WindowManager::on_consumed`](super::WindowManager::on_consumed).
    Consumed(u32),
    /// [`WindowManager::on_blocked`](super::WindowManager::on_blocked).
    Blocked,
}

/// How many octets of DATA the peer may send, and how many were given back.
#[derive(Debug)]
pub struct RecvWindow {
    manager: Manager,
    initial: u32,
    /// What the peer was allowed, all in all.
    granted: u64,
    /// What the manager has answered and the peer does not know yet.
    pending: u32,
    received: u64,
    released: u64,
    pub(crate) episode: Episode,
}

impl RecvWindow {
    /// A window that the peer already has at `granted` octets, and that begins at `initial`: what
    /// is missing is pending.
    #[must_use]
    pub fn new(granted: u32, initial: u32, manager: Manager) -> Self {
        Self {
            manager,
            initial,
            granted: u64::from(granted),
            pending: initial.saturating_sub(granted),
            received: 0,
            released: 0,
            episode: Episode::default(),
        }
    }

    /// What the peer may still send, in octets.
    #[must_use]
    pub fn left(&self) -> u32 {
        // A debit is at most what is left, and no grant takes that above 2^31-1.
        u32::try_from(self.granted - self.received).unwrap_or(MAX_WINDOW_SIZE)
    }

    /// Whether nothing is left, and nothing pending.
    #[must_use]
    pub const fn is_used_up(&self) -> bool {
        self.granted == self.received && self.pending == 0
    }

    /// All octets that have come.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Whether more has come than the initial size.
    pub(crate) fn is_outgrown(&self) -> bool {
        self.received > u64::from(self.initial)
    }

    /// Octets whose credit is in somebody's hands: received and not yet released.
    #[must_use]
    pub const fn parked(&self) -> u64 {
        self.received - self.released
    }

    /// Counts the octets of a DATA frame, padding included, and gives the debt for them.
    ///
    /// # Errors
    /// [`Violation::WindowExceeded`] if the peer was not allowed so many (RFC 9113 §6.9.1).
    pub fn debit(&mut self, octets: u32) -> Result<Option<Credit>, Violation> {
        if octets > self.left() {
            return Err(Violation::WindowExceeded);
        }
        self.received += u64::from(octets);
        Ok(Credit::new(octets))
    }

    /// Takes a debt back: its octets were read, thrown away, or were padding. How many they are.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "taking the debt by value is what keeps it from being returned twice"
    )]
    pub fn release(&mut self, credit: Credit) -> u32 {
        let octets = credit.octets();
        debug_assert!(u64::from(octets) <= self.parked(), "a debt of this window");
        // Another window's debt must not make this one's counters run away.
        self.released = (self.released + u64::from(octets)).min(self.received);
        octets
    }

    /// Asks the manager, and keeps its answer for [`take_increment`](Self::take_increment); whether
    /// something is to be taken there that was not before. `view` says what is known besides the
    /// window's own counters.
    pub fn ask(&mut self, now: Instant, ask: Ask, mut view: WindowView) -> bool {
        let window = self.left().saturating_add(self.pending);
        view.initial = self.initial;
        view.window = window;
        view.unread = self.parked();
        view.received = self.received;
        // RFC 9113 §6.9.1: no window is above 2^31-1.
        let room = MAX_WINDOW_SIZE.saturating_sub(window);
        let increment = self.manager.ask(now, ask, &view).min(room);
        if increment == 0 {
            return false;
        }
        self.episode.end();
        let had_none = self.pending == 0;
        self.pending += increment;
        had_none
    }

    /// Whether the manager is known to answer nothing: that saves the question, which comes with
    /// every frame.
    #[inline]
    pub(crate) fn need_not_ask(&self, ask: Ask, follows_large: bool) -> bool {
        match ask {
            Ask::Open => self.manager.opens_quietly(follows_large),
            Ask::Received(_) => self.manager.waits_for_readers(),
            Ask::Consumed(_) => {
                let held = self.granted - self.released + u64::from(self.pending);
                self.manager.is_content(held)
            }
            Ask::Blocked => false,
        }
    }

    /// The increment to announce, if there is one: from now on the peer may send so much more.
    pub fn take_increment(&mut self) -> Option<u32> {
        let increment = std::mem::take(&mut self.pending);
        self.granted += u64::from(increment);
        (increment > 0).then_some(increment)
    }

    /// Whether the manager goes by the round trip.
    pub(crate) const fn wants_round_trips(&self) -> bool {
        self.manager.wants_round_trips()
    }
}

/// RFC 9113 §6.9.1: no window is above 2^31-1, which is what an `i32` holds.
const fn signed(octets: u32) -> i32 {
    if octets > MAX_WINDOW_SIZE {
        i32::MAX
    } else {
        octets.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http2::flow::{Fixed, Scope, manager_fn};

    #[test]
    fn a_send_window_follows_settings_below_zero_and_back() {
        let mut window = SendWindow::new(65_535);
        window.consume(65_535);
        window.shift(65_535, 16_384).unwrap();
        assert_eq!((window.octets(), window.available()), (-49_151, 0));
        window.increase(50_000).unwrap();
        assert_eq!(window.available(), 849);
    }

    #[test]
    fn a_send_window_above_the_largest_is_a_violation() {
        let mut window = SendWindow::new(MAX_WINDOW_SIZE);
        assert_eq!(window.increase(1), Err(Violation::WindowOverflow));
        assert_eq!(window.shift(0, 1), Err(Violation::WindowOverflow));
        let mut wide = SendWindow::new(1);
        assert_eq!(wide.increase(u32::MAX >> 1), Err(Violation::WindowOverflow));
    }

    fn fixed(initial: u32, size: u32) -> RecvWindow {
        RecvWindow::new(initial, initial, Fixed::new(size).into())
    }

    fn consume(window: &mut RecvWindow, credit: Credit) -> bool {
        let octets = window.release(credit);
        let view = WindowView::new(Scope::Connection, 0);
        window.ask(Instant::now(), Ask::Consumed(octets), view)
    }

    #[test]
    fn a_receive_window_refills_at_half_and_loses_nothing() {
        let mut window = fixed(1000, 1000);
        let first = window.debit(499).unwrap().unwrap();
        assert!(!consume(&mut window, first));
        assert_eq!(window.take_increment(), None);
        let second = window.debit(1).unwrap().unwrap();
        assert_eq!(window.parked(), 1);
        assert!(consume(&mut window, second));
        // The peer has not been told yet.
        assert_eq!(window.left(), 500);
        assert_eq!(window.take_increment(), Some(500));
        assert_eq!((window.left(), window.parked()), (1000, 0));
    }

    #[test]
    fn a_receive_window_that_is_exceeded_is_a_violation() {
        let mut window = fixed(10, 20);
        let _credit = window.debit(1).unwrap();
        assert!(window.ask(
            Instant::now(),
            Ask::Open,
            WindowView::new(Scope::Connection, 0)
        ));
        // What is pending is not the peer's yet.
        assert_eq!(window.debit(10), Err(Violation::WindowExceeded));
        assert!(window.debit(0).unwrap().is_none());
        assert_eq!(window.take_increment(), Some(10));
        assert!(window.debit(19).unwrap().is_some());
    }

    #[test]
    fn a_wider_beginning_is_pending_from_the_start() {
        let mut window = RecvWindow::new(65_535, 1_000_000, Fixed::new(1_000_000).into());
        assert_eq!(window.take_increment(), Some(934_465));
        assert_eq!(window.left(), 1_000_000);
    }

    #[test]
    fn whatever_a_manager_answers_the_window_has_its_bound() {
        let wild = manager_fn(|_, _| u32::MAX);
        let mut window = RecvWindow::new(10, 10, wild.into());
        let view = WindowView::new(Scope::Connection, 0);
        let now = Instant::now();
        assert!(window.ask(now, Ask::Consumed(0), view));
        assert!(!window.ask(now, Ask::Consumed(0), view), "asked again");
        assert_eq!(window.take_increment(), Some(MAX_WINDOW_SIZE - 10));
        assert_eq!(window.left(), MAX_WINDOW_SIZE);
        assert!(!window.ask(now, Ask::Consumed(0), view));
        assert_eq!(window.take_increment(), None);
    }
}
