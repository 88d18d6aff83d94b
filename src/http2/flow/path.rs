//! What is known of the way to the peer: its round trip, and how much it carries in one.
//!
//! Owns: the two estimates, and when a PING is worth sending for them. Never: sends it, reads a
//! clock, or takes part in what windows are given.
//! The round trip is the shortest that was seen, so that octets which queue on the way do not
//! lengthen it; multiplied with the rate it makes the bandwidth-delay product of the way alone.
//! Spec: RFC 9113 §6.5.3, §6.7.

use std::time::{Duration, Instant};

use super::{Scope, WindowView, meter::Meter};

/// The estimates of one connection.
#[derive(Debug)]
pub(crate) struct Path {
    /// When our SETTINGS went: their acknowledgement is the first round trip, for nothing.
    began: Instant,
    round_trip: Option<Shortest>,
    probe: Probe,
    pause: Duration,
    /// PINGs sent so far.
    probes: u32,
    meter: Meter,
    product: Option<u64>,
    follows_large: bool,
}

/// The shortest round trip of late.
#[derive(Clone, Copy, Debug)]
struct Shortest {
    time: Duration,
    seen: Instant,
}

/// The one PING of ours that may be under way.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// The next may go then.
    Due(Instant),
    Sent {
        payload: [u8; 8],
        at: Instant,
    },
}

impl Path {
    /// What a stream must have received before a PING is sent on its behalf, in octets.
    pub(crate) const PROBE_FROM: u64 = 512 * 1024;
    /// Between two PINGs at least; servers count them.
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    /// Between two PINGs at most, while the round trip stays what it is.
    const LAST_PAUSE: Duration = Duration::from_secs(32);
    /// After so long a longer round trip is believed: the way may have changed.
    const BELIEVED_FOR: Duration = Duration::from_secs(60);
    /// The shortest interval over which a rate is measured: reads come in bursts.
    pub(super) const SPAN: Duration = Duration::from_millis(5);

    /// A connection whose SETTINGS go now.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            began: now,
            round_trip: None,
            probe: Probe::Due(now),
            pause: Self::FIRST_PAUSE,
            probes: 0,
            meter: Meter::default(),
            product: None,
            follows_large: false,
        }
    }

    /// The peer has acknowledged our SETTINGS.
    pub(crate) fn on_settings_ack(&mut self, now: Instant) {
        self.saw(now, now.saturating_duration_since(self.began));
    }

    /// The payload of a PING, if one should be sent now.
    pub(crate) fn probe(&mut self, now: Instant) -> Option<[u8; 8]> {
        let Probe::Due(due) = self.probe else {
            return None;
        };
        if now < due {
            return None;
        }
        self.probes = self.probes.wrapping_add(1);
        let [a, b, c, d] = self.probes.to_be_bytes();
        let payload = [b'w', b'i', b'd', b'e', a, b, c, d];
        self.probe = Probe::Sent { payload, at: now };
        Some(payload)
    }

    /// A PING was answered; whether it was ours.
    pub(crate) fn on_pong(&mut self, now: Instant, payload: [u8; 8]) -> bool {
        match self.probe {
            Probe::Sent { payload: sent, at } if sent == payload => {
                self.saw(now, now.saturating_duration_since(at));
                // An instant that is out of reach does not come.
                let due = now.checked_add(self.pause).unwrap_or(now);
                self.probe = Probe::Due(due);
                self.pause = (self.pause * 2).min(Self::LAST_PAUSE);
                true
            }
            Probe::Due(_) | Probe::Sent { .. } => false,
        }
    }

    fn saw(&mut self, now: Instant, time: Duration) {
        if let Some(before) = self.round_trip {
            let age = now.saturating_duration_since(before.seen);
            if time > before.time && age < Self::BELIEVED_FOR {
                return;
            }
            if time.abs_diff(before.time) > before.time / 4 {
                // It is not settled yet.
                self.pause = Self::FIRST_PAUSE;
            }
        }
        self.round_trip = Some(Shortest { time, seen: now });
    }

    /// DATA has come, on whatever stream.
    #[inline]
    pub(crate) fn on_data(&mut self, now: Instant, octets: u32) {
        if let Some(Shortest { time, .. }) = self.round_trip
            && self.meter.count(now, octets)
        {
            self.measure(now, time);
        }
    }

    fn measure(&mut self, now: Instant, round_trip: Duration) {
        let sample = self.meter.sample(now, round_trip.max(Self::SPAN));
        if let Some(sample) = sample.filter(|sample| !sample.has_pause) {
            let product = sample.octets_in(round_trip);
            self.product = Some(match self.product {
                // The most of late: a moment in which little was to be sent says nothing.
                Some(before) if before > product => before - (before - product) / 8,
                _ => product,
            });
        }
    }

    /// A response has ended, or outgrown the initial window: what the next will do is most likely
    /// the same.
    pub(crate) fn on_size(&mut self, is_large: bool) {
        self.follows_large = is_large;
    }

    /// Whether the last response was larger than the initial window.
    pub(crate) const fn follows_large(&self) -> bool {
        self.follows_large
    }

    /// What a manager is told of it.
    pub(crate) fn view(&self, scope: Scope) -> WindowView {
        WindowView {
            round_trip: self.round_trip.map(|shortest| shortest.time),
            product: self.product,
            follows_large: self.follows_large,
            ..WindowView::new(scope, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn round_trip(path: &Path) -> Option<Duration> {
        path.view(Scope::Connection).round_trip
    }

    /// A PING that goes now, and is answered after `time`; when that is.
    fn probe(path: &mut Path, now: Instant, time: Duration) -> Instant {
        let payload = path.probe(now).expect("a PING is due");
        assert_eq!(path.probe(now), None, "one at a time");
        assert!(!path.on_pong(now, [0; 8]), "not ours");
        assert!(path.on_pong(now + time, payload));
        assert!(!path.on_pong(now + time, payload), "answered twice");
        now + time
    }

    #[test]
    fn the_shortest_round_trip_holds_for_a_while() {
        let began = Instant::now();
        let mut path = Path::new(began);
        assert_eq!(round_trip(&path), None);
        let now = began + millis(80);
        path.on_settings_ack(now);
        assert_eq!(round_trip(&path), Some(millis(80)));
        let now = probe(&mut path, now, millis(50));
        assert_eq!(round_trip(&path), Some(millis(50)));
        let now = probe(&mut path, now + millis(1_000), millis(300));
        assert_eq!(round_trip(&path), Some(millis(50)));
        // The way has changed, or else a shorter one shows up again.
        probe(&mut path, now + millis(59_000), millis(300));
        assert_eq!(round_trip(&path), Some(millis(300)));
    }

    #[test]
    fn pauses_between_pings_grow_while_nothing_changes() {
        let mut now = Instant::now();
        let mut path = Path::new(now);
        for seconds in [1, 2, 4, 8, 16, 32, 32] {
            now = probe(&mut path, now, millis(40));
            let due = now + Duration::from_secs(seconds);
            assert_eq!(path.probe(due - millis(1)), None, "{seconds}");
            now = due;
        }
        // A quarter less is news.
        now = probe(&mut path, now, millis(29));
        assert!(path.probe(now + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn the_product_is_the_most_of_late() {
        let began = Instant::now();
        let mut path = Path::new(began);
        let product = |path: &Path| path.view(Scope::Connection).product;
        path.on_data(began, 1_000_000);
        path.on_settings_ack(began + millis(100));
        let mut now = began + millis(100);
        let mut pass = |octets, time| {
            now += time;
            path.on_data(now, octets);
            product(&path)
        };
        assert_eq!(pass(1, millis(0)), None, "an interval begins");
        assert_eq!(pass(900_000, millis(99)), None, "it is short yet");
        assert_eq!(pass(100_000, millis(1)), Some(1_000_000));
        assert_eq!(pass(200_000, millis(100)), Some(900_000));
        assert_eq!(pass(4_000_000, millis(200)), Some(2_000_000));
        assert_eq!(
            pass(1, millis(401)),
            Some(2_000_000),
            "a pause says nothing"
        );
        assert_eq!(pass(2_000_000, millis(100)), Some(2_000_000));
    }

    /// Reads come in bursts: over a tenth of a millisecond there is no rate.
    #[test]
    fn a_short_way_is_measured_over_a_while() {
        let began = Instant::now();
        let mut path = Path::new(began);
        path.on_settings_ack(began + Duration::from_micros(100));
        for tick in 0..=50_u32 {
            path.on_data(began + Duration::from_micros(100) * (tick + 1), 100_000);
        }
        assert_eq!(path.view(Scope::Connection).product, Some(100_000));
    }
}
