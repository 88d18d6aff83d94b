//! What may still come on a stream that we have reset.
//!
//! Owns: the count of what the peer can have sent before it heard of our reset. That much is
//! ignored for nothing: we reset streams because callers leave, and no peer is to blame for it.
//! What comes beyond it is a useless frame like any other.
//! Spec: RFC 9113 §5.1, §5.4.2.

/// An allowance, of one stream or of all whose end is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Late {
    /// Octets of DATA: no more than the stream's window allowed.
    octets: u64,
    /// Frames that no window counts: HEADERS, DATA without octets, RST_STREAM.
    frames: u64,
}

impl Late {
    /// Nothing may come.
    pub(crate) const NONE: Self = Self {
        octets: 0,
        frames: 0,
    };
    /// RST_STREAM may come: the peer has ended the stream, but not heard that we have.
    pub(crate) const RESET: Self = Self {
        octets: 0,
        frames: 1,
    };

    /// Frames without octets that a response can well have: some interim heads, the final one,
    /// trailers or an end, and a reset after it.
    const FRAMES: u64 = 16;

    /// What can have crossed a reset of a stream whose window had so many octets left.
    pub(crate) fn after_reset(window: u32) -> Self {
        Self {
            octets: u64::from(window),
            frames: Self::FRAMES,
        }
    }

    /// Charges a frame of so many octets of DATA; false if it can not have crossed the reset.
    pub(crate) fn take(&mut self, octets: u32) -> bool {
        let left = if octets > 0 {
            &mut self.octets
        } else {
            &mut self.frames
        };
        let charge = u64::from(octets.max(1));
        match left.checked_sub(charge) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }

    /// The peer has ended the stream.
    pub(crate) fn end(&mut self) {
        *self = Self {
            frames: self.frames.min(1),
            ..Self::NONE
        };
    }

    /// Charges the peer's RST_STREAM, after which nothing comes.
    pub(crate) fn take_reset(&mut self) -> bool {
        std::mem::replace(self, Self::NONE).frames > 0
    }

    /// Takes over what is left of another allowance.
    pub(crate) fn add(&mut self, other: Self) {
        self.octets = self.octets.saturating_add(other.octets);
        self.frames = self.frames.saturating_add(other.frames);
    }
}
