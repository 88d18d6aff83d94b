//! Every limit that a hostile peer runs into, in one place.
//!
//! Owns: the numbers, and the two counters behind the floods. Never: reads a clock.
//! Spec: RFC 9113 §10.5.

use std::time::{Duration, Instant};

use super::{Violation, consts};

/// Bounds on what a peer can make us hold or do, each with the attack it stops.
///
/// All are on by default. Our own cancels are never counted as the peer's faults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a decoded field section, names and values plus 32 a field. Default 64 KiB.
    /// Charged while decoding, so that a small block cannot unfold into a large section
    /// (HPACK bombs, CVE-2016-6581). Announced as SETTINGS_MAX_HEADER_LIST_SIZE.
    pub field_section_size: u32,
    /// Fields of a section. Default 256 (many tiny fields cost more than their octets).
    pub field_count: usize,
    /// CONTINUATION frames of one field block. Default: the larger of 5 and 1.25 times what the
    /// largest section needs (CONTINUATION flood, RUSTSEC-2024-0332).
    pub continuations: Option<u32>,
    /// Answers that the peer calls for before we can write: acknowledgements of SETTINGS and PING,
    /// and resets that its faults provoked. No honest peer sends so many at once. Default 100 (ping, settings and reset floods,
    /// CVE-2019-9512, CVE-2019-9515, CVE-2019-9514).
    pub queued_control_frames: u32,
    /// Faults and useless frames that may come at once. Default 1000 (CVE-2019-9518 and kin).
    pub fault_burst: u32,
    /// Faults and useless frames that are forgiven a second. Default 33.
    pub faults_per_second: u32,
    /// Interim (1xx) responses of a stream. Default 16 (endless 1xx).
    pub interim_responses: u32,
    /// Octets of our own encoder's dynamic table at most, whatever the peer offers. Default 4 KiB
    /// (memory).
    pub encoder_table_size: u32,
    /// Streams that the peer may have promised and not finished, reserved and open together.
    /// Default 100. More are refused with `REFUSED_STREAM` (promises without end, and never a
    /// response to them). Announced as SETTINGS_MAX_CONCURRENT_STREAMS, which the RFC lets bound the
    /// open ones only: an honest peer may go beyond it, so what is refused for want of room is a
    /// fault from the 33rd promise to a request on.
    pub promised_streams: u32,
    /// Octets of all promised requests and their responses, sections counted as
    /// [`field_section_size`](Self::field_section_size) counts them, that are held on a connection
    /// while nobody has claimed them. Default 2 MiB: above a stream's window, so that one large
    /// response waits for its reader, and is not reset. A promise beyond it is refused with
    /// `REFUSED_STREAM` as one beyond `promised_streams` is, a response that grows beyond it is reset
    /// with `CANCEL` (memory filled with what nobody asked for, CVE-2024-2398).
    pub unclaimed_push_octets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            field_section_size: 65_536,
            field_count: 256,
            continuations: None,
            queued_control_frames: 100,
            fault_burst: 1_000,
            faults_per_second: 33,
            interim_responses: 16,
            encoder_table_size: consts::INITIAL_HEADER_TABLE_SIZE,
            promised_streams: 100,
            unclaimed_push_octets: 2 << 20,
        }
    }
}

impl Limits {
    /// The bound on CONTINUATION frames for frames of `max_frame_size` octets.
    #[must_use]
    pub fn max_continuations(&self, max_frame_size: u32) -> u32 {
        self.continuations.unwrap_or_else(|| {
            let frames = self.field_section_size.div_ceil(max_frame_size.max(1));
            // A quarter more than needed: a peer need not fill its frames to the brim.
            5.max(frames.saturating_add(frames.div_ceil(4)))
        })
    }

    /// The bound on the octets of an encoded field block.
    ///
    /// Huffman coding can lengthen a string (by 30/8 at worst, for octets nobody sends), and a
    /// literal costs a few octets more than its strings, so the block gets twice the section.
    #[must_use]
    pub const fn max_block_octets(&self) -> usize {
        self.field_section_size as usize * 2
    }
}

/// Counts what a peer does against the [`Limits`].
#[derive(Debug)]
pub(crate) struct Budget {
    queued_control_frames: u32,
    max_queued_control_frames: u32,
    tokens: u32,
    burst: u32,
    per_second: u32,
    refilled: Instant,
    /// WINDOW_UPDATE frames that our own DATA has called for, and that are therefore free.
    expected_updates: u32,
}

impl Budget {
    /// WINDOW_UPDATE frames that are never more than this ahead of our DATA.
    const MAX_EXPECTED_UPDATES: u32 = 65_536;

    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            queued_control_frames: 0,
            max_queued_control_frames: limits.queued_control_frames,
            tokens: limits.fault_burst,
            burst: limits.fault_burst,
            per_second: limits.faults_per_second,
            refilled: now,
            expected_updates: 0,
        }
    }

    /// An answer that the peer provoked was queued.
    pub(crate) fn on_control_queued(&mut self) -> Result<(), Violation> {
        self.queued_control_frames += 1;
        if self.queued_control_frames > self.max_queued_control_frames {
            return Err(Violation::ControlFlood);
        }
        Ok(())
    }

    /// All queued answers were handed to the socket.
    pub(crate) fn on_control_sent(&mut self) {
        self.queued_control_frames = 0;
    }

    /// Takes a token for a fault or a useless frame.
    pub(crate) fn on_fault(&mut self, now: Instant) -> Result<(), Violation> {
        self.refill(now);
        self.tokens = self.tokens.checked_sub(1).ok_or(Violation::FaultFlood)?;
        Ok(())
    }

    /// We sent DATA, or opened a stream: the peer may answer with WINDOW_UPDATE, on the stream and
    /// on the connection, and again for each kilobyte if it likes its updates small.
    pub(crate) fn on_sent(&mut self, octets: u32) {
        self.expected_updates =
            (self.expected_updates + 2 + octets / 1_024).min(Self::MAX_EXPECTED_UPDATES);
    }

    /// A WINDOW_UPDATE came: free when our DATA called for it, a useless frame otherwise.
    pub(crate) fn on_window_update(&mut self, now: Instant) -> Result<(), Violation> {
        if self.expected_updates > 0 {
            self.expected_updates -= 1;
            Ok(())
        } else {
            self.on_fault(now)
        }
    }

    fn refill(&mut self, now: Instant) {
        let millis = now.saturating_duration_since(self.refilled).as_millis();
        let earned = millis.saturating_mul(u128::from(self.per_second)) / 1_000;
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if earned > 0 {
            self.tokens = self.burst.min(self.tokens.saturating_add(earned));
            // Only whole tokens move the mark, so that fractions of one are not lost.
            self.refilled +=
                Duration::from_millis(1_000) * earned.min(self.burst) / self.per_second.max(1);
            if self.tokens == self.burst {
                self.refilled = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(now: Instant) -> Budget {
        Budget::new(&Limits::default(), now)
    }

    #[test]
    fn faults_are_forgiven_at_33_a_second() {
        let start = Instant::now();
        let mut budget = budget(start);
        for _ in 0..1_000 {
            budget.on_fault(start).unwrap();
        }
        assert_eq!(budget.on_fault(start), Err(Violation::FaultFlood));
        let later = start + Duration::from_secs(2);
        for _ in 0..66 {
            budget.on_fault(later).unwrap();
        }
        assert_eq!(budget.on_fault(later), Err(Violation::FaultFlood));
    }

    #[test]
    fn a_long_rest_earns_no_more_than_the_burst() {
        let start = Instant::now();
        let mut budget = budget(start);
        let later = start + Duration::from_secs(86_400);
        let forgiven = (0..5_000).take_while(|_| budget.on_fault(later).is_ok());
        assert_eq!(forgiven.count(), 1_000);
    }

    #[test]
    fn updates_that_our_data_calls_for_are_free() {
        let now = Instant::now();
        let mut budget = budget(now);
        for _ in 0..10_000 {
            budget.on_sent(16_384);
            for _ in 0..18 {
                budget.on_window_update(now).unwrap();
            }
        }
        assert_eq!(budget.tokens, 1_000);
    }

    #[test]
    fn the_hundred_and_first_unread_answer_is_a_flood() {
        let mut budget = budget(Instant::now());
        for _ in 0..100 {
            budget.on_control_queued().unwrap();
        }
        assert_eq!(budget.on_control_queued(), Err(Violation::ControlFlood));
        budget.on_control_sent();
        budget.on_control_queued().unwrap();
    }

    #[test]
    fn continuations_allow_the_largest_section_and_a_quarter_more() {
        let mut limits = Limits::default();
        assert_eq!(limits.max_continuations(16_384), 5);
        limits.field_section_size = 1 << 20;
        assert_eq!(limits.max_continuations(16_384), 80);
    }
}
