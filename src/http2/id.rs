//! Stream identifiers (RFC 9113 §5.1.1).

use std::fmt;

/// A 31-bit stream identifier (RFC 9113 §5.1.1). Zero stands for the connection itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// Stream 0: the connection as a whole.
    pub const CONNECTION: Self = Self(0);
    /// The first stream that a client opens.
    pub const FIRST: Self = Self(1);
    /// The largest identifier; being odd, it is the last stream that a client can open.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The identifier in a 32-bit field of the wire; the reserved bit is ignored on receipt
    /// (RFC 9113 §4.1).
    #[must_use]
    pub const fn from_wire(value: u32) -> Self {
        Self(value & Self::MAX.0)
    }

    /// The number.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// Whether this is stream 0.
    #[must_use]
    pub const fn is_connection(self) -> bool {
        self.0 == 0
    }

    /// Whether a client opens streams of this parity: odd numbers.
    #[must_use]
    pub const fn is_client(self) -> bool {
        self.0 % 2 == 1
    }

    /// Whether a server opens streams of this parity: even numbers but zero.
    #[must_use]
    pub const fn is_server(self) -> bool {
        self.0 != 0 && self.0.is_multiple_of(2)
    }

    /// The next identifier of the same parity, or `None` when they are used up.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(2) {
            Some(next) if next <= Self::MAX.0 => Some(Self(next)),
            _ => None,
        }
    }
}

impl From<StreamId> for u32 {
    fn from(id: StreamId) -> Self {
        id.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.0)
    }
}
