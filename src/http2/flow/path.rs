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
    pub(crate) fn on_data(&mut self, now: Instant, octets: u32) {
        let Some(Shortest { time, .. }) = self.round_trip else {
            return;
        };
        let span = time.max(Self::SPAN);
        if let Some(sample) = self.meter.count(now, octets, span)
            && !sample.has_pause
        {
            let product = sample.octets_in(time);
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
