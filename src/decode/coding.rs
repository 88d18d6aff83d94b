//! The codings by their names, and the field that says which were applied.
//!
//! Owns: which codings this build can undo. Spec: RFC 9110 §8.4, §8.4.1; RFC 7932 §15 (`br`);
//! RFC 8878 §7.2 (`zstd`).

use std::fmt;

use http::{HeaderMap, header};

#[cfg(feature = "brotli")]
use super::brotli::Brotli;
#[cfg(feature = "zstd")]
use super::zstd::Zstd;
use super::{deflate::Deflate, error::DecodeError, gzip::Gzip, limits::Limits, stage::Unpack};
use crate::headers;

/// A content coding (RFC 9110 §8.4.1). Every variant is always there; which of them this build can
/// undo is said by [`is_available`](Self::is_available).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip`, also called `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate`: the zlib format (RFC 1950), or, as some servers send, deflate (RFC 1951) without
    /// it.
    Deflate,
    /// `br` (RFC 7932). Undone with the cargo feature `brotli`.
    Brotli,
    /// `zstd` (RFC 8878). Undone with the cargo feature `zstd`.
    Zstd,
}

/// Makes the decoder of a coding.
pub(super) type Opener = fn(&Limits) -> Result<Box<dyn Unpack>, DecodeError>;

impl Coding {
    /// All codings, the one that we would rather have first: zstd is the cheapest to undo and
    /// packs better than gzip, brotli packs best and costs more, and of the two that everybody
    /// speaks, servers agree on what gzip is.
    pub const ALL: [Self; 4] = [Self::Zstd, Self::Brotli, Self::Gzip, Self::Deflate];

    /// The coding of a name, in whatever case; `None` if it is not one of ours.
    ///
    /// ```
    /// use towline::decode::Coding;
    ///
    /// assert_eq!(Coding::from_name(b"X-GZip"), Some(Coding::Gzip));
    /// assert_eq!(Coding::from_name(b"compress"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        // RFC 9110 §8.4.1.3: x-gzip is equivalent to gzip.
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL
            .into_iter()
            .find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }

    /// The name, as it stands in `content-encoding` and `accept-encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Whether this build can undo it.
    #[must_use]
    pub const fn is_available(self) -> bool {
        self.opener().is_some()
    }

    pub(super) const fn opener(self) -> Option<Opener> {
        match self {
            Self::Gzip => Some(Gzip::open),
            Self::Deflate => Some(Deflate::open),
            #[cfg(feature = "brotli")]
            Self::Brotli => Some(Brotli::open),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some(Zstd::open),
            #[cfg(not(feature = "brotli"))]
            Self::Brotli => None,
            #[cfg(not(feature = "zstd"))]
            Self::Zstd => None,
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What `content-encoding` says of a message's content (RFC 9110 §8.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// No coding was applied.
    Identity,
    /// These, in the order in which they were applied: the last is undone first.
    Known(Vec<Coding>),
    /// One at least that this build cannot undo.
    Unknown,
}

impl ContentEncoding {
    /// Reads the field, over all its lines. Names are compared without regard to case; `identity`,
    /// which has no place there, and empty members are skipped.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        // Most responses end here.
        if !headers.contains_key(header::CONTENT_ENCODING) {
            return Self::Identity;
        }
        let mut codings = Vec::new();
        for name in headers::list(headers, &header::CONTENT_ENCODING) {
            // RFC 9110 §5.6.1.2: empty members are no members.
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            match Coding::from_name(name) {
                Some(coding) if coding.is_available() => codings.push(coding),
                _ => return Self::Unknown,
            }
        }
        if codings.is_empty() {
            return Self::Identity;
        }
        Self::Known(codings)
    }
}
