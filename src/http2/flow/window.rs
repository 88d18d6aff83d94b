//! The two windows: what we may send, and what the peer may.
//!
//! Invariant of [`RecvWindow`]: `left + owed + (credit in others' hands) == granted`.
//! Spec: RFC 9113 §6.9.1, §6.9.2.

use super::{Credit, Refill};
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

/// How many octets of DATA the peer may send, and how many it is owed.
#[derive(Debug)]
pub struct RecvWindow {
    policy: Refill,
    left: i32,
    owed: u32,
}

impl RecvWindow {
    /// A window that the peer already has at `granted` octets, held at the policy's target from
    /// now on.
    #[must_use]
    pub fn new(granted: u32, policy: Refill) -> Self {
        Self {
            policy,
            left: signed(granted),
            owed: policy.target().saturating_sub(granted),
        }
    }

    /// What the peer may still send, in octets.
    #[must_use]
    pub const fn left(&self) -> u32 {
        if self.left > 0 {
            self.left.unsigned_abs()
        } else {
            0
        }
    }

    /// Counts the octets of a DATA frame, padding included, and gives the debt for them.
    ///
    /// # Errors
    /// [`Violation::WindowExceeded`] if the peer was not allowed so many (RFC 9113 §6.9.1).
    pub fn debit(&mut self, octets: u32) -> Result<Option<Credit>, Violation> {
        if octets > self.left() {
            return Err(Violation::WindowExceeded);
        }
        self.left = self.left.saturating_sub_unsigned(octets);
        Ok(Credit::new(octets))
    }

    /// Takes a debt back: its octets were read, thrown away, or were padding.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "taking the debt by value is what keeps it from being returned twice"
    )]
    pub fn release(&mut self, credit: Credit) {
        self.owed = self.owed.saturating_add(credit.octets());
    }

    /// The increment to announce now, if the policy wants one.
    pub fn take_increment(&mut self) -> Option<u32> {
        let room = MAX_WINDOW_SIZE - self.left();
        let increment = self.policy.on_consumed(self.owed).min(room);
        if increment == 0 {
            return None;
        }
        self.owed -= increment;
        self.left = self.left.saturating_add_unsigned(increment);
        Some(increment)
    }

    /// Octets whose credit is in somebody's hands: received and not yet released.
    #[must_use]
    pub fn parked(&self) -> u32 {
        let accounted = i64::from(self.left) + i64::from(self.owed);
        u32::try_from(i64::from(self.policy.target()) - accounted).unwrap_or(0)
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

    #[test]
    fn a_receive_window_refills_at_half_and_loses_nothing() {
        let mut window = RecvWindow::new(1000, Refill::new(1000));
        let first = window.debit(499).unwrap().unwrap();
        window.release(first);
        assert_eq!(window.take_increment(), None);
        let second = window.debit(1).unwrap().unwrap();
        assert_eq!(window.parked(), 1);
        window.release(second);
        assert_eq!(window.take_increment(), Some(500));
        assert_eq!((window.left(), window.parked()), (1000, 0));
    }

    #[test]
    fn a_receive_window_that_is_exceeded_is_a_violation() {
        let mut window = RecvWindow::new(10, Refill::new(10));
        assert_eq!(window.debit(11), Err(Violation::WindowExceeded));
        assert!(window.debit(0).unwrap().is_none());
    }

    #[test]
    fn a_wider_target_is_owed_from_the_start() {
        let mut window = RecvWindow::new(65_535, Refill::new(1_000_000));
        assert_eq!(window.take_increment(), Some(934_465));
        assert_eq!(window.left(), 1_000_000);
    }
}
