//! How fast octets go by.
//!
//! Owns: one interval at a time. Never: remembers an older one.

use std::time::{Duration, Instant};

/// Counts octets over intervals of a round trip or more.
#[derive(Debug, Default)]
pub(super) struct Meter {
    interval: Option<Interval>,
    octets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    began: Instant,
    /// Before then there is nothing to be said.
    due: Instant,
    /// Whether it only passes the time until one begins that counts.
    is_settling: bool,
}

/// What an interval came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    octets: u64,
    nanos: u64,
    /// Whether it took much longer than was asked for: there was a pause in it.
    pub(super) has_pause: bool,
}

impl Meter {
    /// An interval of more than so many times its length had a pause.
    const PAUSE: u32 = 4;

    /// Counts octets at an instant; whether there may be something to be [said](Self::sample) by
    /// now.
    #[inline]
    pub(super) fn count(&mut self, now: Instant, octets: u32) -> bool {
        self.octets += u64::from(octets);
        self.interval.is_none_or(|interval| now >= interval.due)
    }

    /// Ends an interval that is due, and begins one of at least `span`. The octets that begin an
    /// interval came in the time before it.
    pub(super) fn sample(&mut self, now: Instant, span: Duration) -> Option<Sample> {
        let octets = std::mem::take(&mut self.octets);
        let next = now.checked_add(span).map(|due| Interval {
            began: now,
            due,
            is_settling: false,
        });
        let interval = std::mem::replace(&mut self.interval, next)?;
        if interval.is_settling {
            return None;
        }
        let passed = now.saturating_duration_since(interval.began);
        Some(Sample {
            octets,
            nanos: u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX).max(1),
            has_pause: passed > span.saturating_mul(Self::PAUSE),
        })
    }

    /// What comes before an instant does not count.
    pub(super) fn settle_until(&mut self, at: Instant) {
        self.interval = Some(Interval {
            began: at,
            due: at,
            is_settling: true,
        });
    }
}

impl Sample {
    /// How many octets it makes in so much time.
    pub(super) fn octets_in(self, time: Duration) -> u64 {
        let product = u128::from(self.octets).saturating_mul(time.as_nanos());
        u64::try_from(product / u128::from(self.nanos)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(100);

    fn pass(meter: &mut Meter, now: Instant, octets: u32, span: Duration) -> Option<Sample> {
        let is_due = meter.count(now, octets);
        is_due.then(|| meter.sample(now, span)).flatten()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_interval_is_counted_from_its_first_octets() {
        let (mut meter, began) = (Meter::default(), Instant::now());
        assert_eq!(pass(&mut meter, began, 7_000, SPAN), None);
        assert_eq!(pass(&mut meter, began + at(99), 40, SPAN), None);
        let sample = pass(&mut meter, began + at(200), 60, SPAN).unwrap();
        assert_eq!(sample.octets_in(at(1_000)), 500);
        assert!(!sample.has_pause);
        assert_eq!(pass(&mut meter, began + at(299), 10, SPAN), None);
        let sample = pass(&mut meter, began + at(300), 10, SPAN).unwrap();
        assert_eq!(sample.octets_in(SPAN), 20);
    }

    #[test]
    fn what_comes_before_an_interval_does_not_count() {
        let (mut meter, now) = (Meter::default(), Instant::now());
        meter.settle_until(now + at(100));
        assert_eq!(pass(&mut meter, now + at(99), 5_000, SPAN), None);
        assert_eq!(pass(&mut meter, now + at(110), 5_000, SPAN), None);
        assert_eq!(pass(&mut meter, now + at(150), 10, SPAN), None);
        let sample = pass(&mut meter, now + at(210), 10, SPAN).unwrap();
        assert_eq!(sample.octets_in(SPAN), 20);
    }

    #[test]
    fn a_pause_is_seen() {
        let (mut meter, began) = (Meter::default(), Instant::now());
        pass(&mut meter, began, 1, SPAN);
        assert!(
            !pass(&mut meter, began + at(400), 1, SPAN)
                .unwrap()
                .has_pause
        );
        assert!(
            pass(&mut meter, began + at(801), 1, SPAN)
                .unwrap()
                .has_pause
        );
    }

    /// Two reads at one instant, and a span of nothing.
    #[test]
    fn no_time_is_no_rate_without_end() {
        let (mut meter, began) = (Meter::default(), Instant::now());
        pass(&mut meter, began, 1, Duration::ZERO);
        let sample = pass(&mut meter, began, u32::MAX, Duration::ZERO).unwrap();
        assert_eq!(sample.octets_in(Duration::ZERO), 0);
        assert_eq!(sample.octets_in(Duration::MAX), u64::MAX);
    }
}
