//! The instants at which the engine wants to be called again.
//!
//! Owns: one deadline for each kind of timer; the table has as many places as the enum has names.
//! Never: reads a clock.

use std::time::Instant;

/// What can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The peer has not acknowledged our SETTINGS (RFC 9113 §6.5.3).
    SettingsAck,
    /// A window has been used up for too long.
    Stall,
}

impl Timer {
    /// Every timer; the table is sized by it.
    const ALL: [Self; 2] = [Self::SettingsAck, Self::Stall];
}

/// A deadline for each timer that runs.
#[derive(Debug, Default)]
pub(super) struct TimerTable([Option<Instant>; Timer::ALL.len()]);

impl TimerTable {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one timer that has run out.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let expired = Timer::ALL
            .into_iter()
            .find(|timer| self.0[*timer as usize].is_some_and(|at| at <= now))?;
        self.stop(expired);
        Some(expired)
    }
}
