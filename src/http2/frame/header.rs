//! The nine octets before every payload, and the two small vocabularies in them.
//!
//! Owns: the layout of the frame header, the names of frame types and flags.
//! Refuses: to judge a length, a type or a flag; the rules differ by frame.
//! Spec: RFC 9113 §4.1.

use std::{fmt, ops::BitOr};

use bytes::{BufMut, BytesMut};

use crate::http2::{
    StreamId,
    consts::{FRAME_HEADER_LEN, MAX_MAX_FRAME_SIZE},
};

/// What stands before every payload (RFC 9113 §4.1).
///
/// ```text
/// | length (24) | type (8) | flags (8) | reserved (1) | stream identifier (31) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Octets of payload; the header's own nine do not count.
    pub length: u32,
    /// Which frame the payload is.
    pub frame_type: FrameType,
    /// The flags, undefined bits included.
    pub flags: Flags,
    /// The stream, or [`StreamId::CONNECTION`].
    pub stream_id: StreamId,
}

impl FrameHeader {
    /// Reads a header. Every nine octets are one.
    #[must_use]
    pub const fn parse(octets: &[u8; FRAME_HEADER_LEN]) -> Self {
        let [l0, l1, l2, frame_type, flags, s0, s1, s2, s3] = *octets;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            frame_type: FrameType::from_wire(frame_type),
            flags: Flags::from_wire(flags),
            // RFC 9113 §4.1: the reserved bit "MUST be ignored when receiving".
            stream_id: StreamId::from_wire(u32::from_be_bytes([s0, s1, s2, s3])),
        }
    }

    /// The nine octets.
    ///
    /// # Panics
    /// When `length` does not fit its 24 bits: whatever followed would be misread by the peer.
    #[must_use]
    pub fn octets(&self) -> [u8; FRAME_HEADER_LEN] {
        assert!(
            self.length <= MAX_MAX_FRAME_SIZE,
            "a payload of {} octets has no frame",
            self.length
        );
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream_id.as_u32().to_be_bytes();
        [
            l0,
            l1,
            l2,
            self.frame_type.as_u8(),
            self.flags.bits(),
            s0,
            s1,
            s2,
            s3,
        ]
    }

    /// Appends the nine octets.
    ///
    /// # Panics
    /// As [`octets`](Self::octets).
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_slice(&self.octets());
    }

    /// The header of a payload of so many octets.
    pub(in crate::http2) fn of(
        frame_type: FrameType,
        flags: Flags,
        stream_id: StreamId,
        octets: usize,
    ) -> Self {
        Self {
            // What does not fit 32 bits does not fit 24 either: `octets` refuses it.
            length: u32::try_from(octets).unwrap_or(u32::MAX),
            frame_type,
            flags,
            stream_id,
        }
    }
}

/// Builds the constants and their names from one list.
macro_rules! frame_types {
    ($($value:literal $name:ident $section:literal;)+) => {
        impl FrameType {
            $(
                #[doc = concat!("`", stringify!($name), "` (", $section, ").")]
                pub const $name: Self = Self($value);
            )+

            /// The name that its RFC gives this type, or `None` if we know of none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

/// The type of a frame (RFC 9113 §6, §11.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameType(u8);

frame_types! {
    0x0 DATA "RFC 9113 §6.1";
    0x1 HEADERS "RFC 9113 §6.2";
    0x2 PRIORITY "RFC 9113 §6.3";
    0x3 RST_STREAM "RFC 9113 §6.4";
    0x4 SETTINGS "RFC 9113 §6.5";
    0x5 PUSH_PROMISE "RFC 9113 §6.6";
    0x6 PING "RFC 9113 §6.7";
    0x7 GOAWAY "RFC 9113 §6.8";
    0x8 WINDOW_UPDATE "RFC 9113 §6.9";
    0x9 CONTINUATION "RFC 9113 §6.10";
    0x10 PRIORITY_UPDATE "RFC 9218 §7.1";
}

impl FrameType {
    /// The type in that octet of the wire; each of the 256 is one.
    #[must_use]
    pub const fn from_wire(value: u8) -> Self {
        Self(value)
    }

    /// The octet.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "frame type {:#04x}", self.0),
        }
    }
}

impl fmt::Debug for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The flags of a frame (RFC 9113 §4.1). What a bit means depends on the frame's type.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// On DATA and HEADERS: the sender is done with the stream (RFC 9113 §6.1).
    pub const END_STREAM: Self = Self(0x01);
    /// On SETTINGS and PING: this answers one (RFC 9113 §6.5, §6.7).
    pub const ACK: Self = Self(0x01);
    /// On HEADERS, PUSH_PROMISE and CONTINUATION: the field block ends here (RFC 9113 §6.2).
    pub const END_HEADERS: Self = Self(0x04);
    /// On DATA, HEADERS and PUSH_PROMISE: the payload begins with a pad length (RFC 9113 §6.1).
    pub const PADDED: Self = Self(0x08);
    /// On HEADERS: priority fields stand before the fragment (RFC 9113 §6.2).
    pub const PRIORITY: Self = Self(0x20);

    /// The flags in that octet of the wire.
    #[must_use]
    pub const fn from_wire(bits: u8) -> Self {
        Self(bits)
    }

    /// The octet.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `flags` are set; RFC 9113 §4.1: bits without a meaning are ignored.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// `self` when `set`, otherwise none.
    #[must_use]
    pub const fn when(self, set: bool) -> Self {
        if set { self } else { Self::NONE }
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({:#04x})", self.0)
    }
}
