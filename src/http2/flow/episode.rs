//! A window that is used up, and since when.
//!
//! Owns: the marks by which a manager is asked once and a stall is noticed. Never: reads a clock,
//! or decides what becomes of a stream.
//! Invariant: an episode ends when the window is increased, and only then.

use std::time::Instant;

/// From when a window is used up until it is increased. Most windows never are, so the marks have a
/// box of their own, from the first time on.
#[derive(Debug, Default)]
pub(crate) struct Episode(Option<Box<Marks>>);

#[derive(Debug, Default)]
struct Marks {
    has_begun: bool,
    /// Since when nothing is unread either: the peer waits for the manager alone.
    stalled_since: Option<Instant>,
    /// Whether the watchdog has the window in its queue; outlasts the episode.
    is_watched: bool,
}

impl Episode {
    /// The window is used up; whether that is new.
    pub(crate) fn begin(&mut self) -> bool {
        let marks = self.0.get_or_insert_default();
        !std::mem::replace(&mut marks.has_begun, true)
    }

    /// The window was increased.
    pub(super) fn end(&mut self) {
        if let Some(marks) = &mut self.0 {
            marks.has_begun = false;
            marks.stalled_since = None;
        }
    }

    /// Nothing is unread; since when.
    pub(crate) fn stall(&mut self, now: Instant) -> Instant {
        let marks = self.0.get_or_insert_default();
        *marks.stalled_since.get_or_insert(now)
    }

    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        self.0.as_ref()?.stalled_since
    }

    /// The watchdog takes the window into its queue; false if it stands there.
    pub(crate) fn watch(&mut self) -> bool {
        let marks = self.0.get_or_insert_default();
        !std::mem::replace(&mut marks.is_watched, true)
    }

    /// The watchdog has taken the window out of its queue.
    pub(crate) fn unwatch(&mut self) {
        if let Some(marks) = &mut self.0 {
            marks.is_watched = false;
        }
    }
}
