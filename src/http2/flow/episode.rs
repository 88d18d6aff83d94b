//! A window that is used up, and since when.
//!
//! Owns: the marks by which a manager is asked once and a stall is noticed. Never: reads a clock,
//! or decides what becomes of a stream.
//! Invariant: an episode ends when the window is increased, and only then.

use std::time::Instant;

/// From when a window is used up until it is increased.
#[derive(Debug, Default)]
pub(crate) struct Episode {
    has_begun: bool,
    /// Since when nothing is unread either: the peer waits for the manager alone.
    stalled_since: Option<Instant>,
    /// Whether the watchdog has the window in its queue; outlasts the episode.
    pub(crate) is_watched: bool,
}

impl Episode {
    /// The window is used up; whether that is new.
    pub(crate) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.has_begun, true)
    }

    /// The window was increased.
    pub(super) fn end(&mut self) {
        self.has_begun = false;
        self.stalled_since = None;
    }

    /// Nothing is unread.
    pub(crate) fn stall(&mut self, now: Instant) -> Instant {
        *self.stalled_since.get_or_insert(now)
    }

    pub(crate) const fn stalled_since(&self) -> Option<Instant> {
        self.stalled_since
    }
}
