//! The sole reading of the clock; every layer below is handed its instants.

use std::time::Instant;

/// The present. It follows tokio's clock, so that tests may pause time.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A moment on the clock, and on the calendar: what servers date by it.
#[cfg(feature = "push-cache")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: Instant,
    date: std::time::SystemTime,
}

#[cfg(feature = "push-cache")]
impl Moment {
    /// A moment that has passed.
    pub(crate) fn of(at: Instant) -> Self {
        let date = std::time::SystemTime::now();
        let passed = now().saturating_duration_since(at);
        Self {
            at,
            // Before the calendar begins, so much that has passed makes no difference.
            date: date.checked_sub(passed).unwrap_or(date),
        }
    }

    /// On the calendar.
    pub(crate) const fn date(self) -> std::time::SystemTime {
        self.date
    }

    /// The present on the calendar, by the time that has passed: however the calendar was set
    /// meanwhile.
    pub(crate) fn today(self) -> std::time::SystemTime {
        self.date + now().saturating_duration_since(self.at)
    }
}
