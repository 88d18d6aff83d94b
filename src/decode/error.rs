//! What can be wrong with encoded octets.

use std::{error::Error as StdError, fmt, sync::Arc};

use super::Coding;

/// Why content could not be decoded.
#[derive(Clone, Debug)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    coding: Option<Coding>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The sort of flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The octets are not what the coding's format allows.
    Corrupt,
    /// The octets decode, but to others than were encoded: a checksum or a length disagrees.
    Checksum,
    /// The octets end before the format does.
    Truncated,
    /// The format ends before the octets do.
    TrailingOctets,
    /// More octets came out for those that went in than [`Limits::max_ratio`](super::Limits).
    RatioExceeded,
    /// More octets went in than [`Limits::max_barren`](super::Limits), and nothing came out.
    Barren,
    /// More octets came out than [`Limits::max_output`](super::Limits).
    TooLarge,
    /// Decoding asks for more memory than [`Limits::max_zstd_window_log`](super::Limits) allows,
    /// or than there is.
    WindowTooLarge,
    /// More codings are stacked than [`Limits::max_codings`](super::Limits).
    TooManyCodings,
    /// This build cannot undo the coding: its cargo feature is off.
    Unavailable,
}

impl DecodeError {
    pub(super) const fn new(kind: DecodeErrorKind) -> Self {
        Self {
            kind,
            coding: None,
            source: None,
        }
    }

    pub(super) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    pub(super) fn of(mut self, coding: Coding) -> Self {
        self.coding = Some(coding);
        self
    }

    /// The sort of flaw.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// The coding that was being undone; `None` if it was not one alone.
    #[must_use]
    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }
}

impl From<DecodeErrorKind> for DecodeError {
    fn from(kind: DecodeErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "the encoded octets are corrupt",
            Self::Checksum => "the checksum or length disagrees with what was decoded",
            Self::Truncated => "the encoded octets are cut short",
            Self::TrailingOctets => "octets follow the end of the encoded ones",
            Self::RatioExceeded => "too many octets come of too few",
            Self::Barren => "too many encoded octets mean nothing",
            Self::TooLarge => "more octets were decoded than allowed",
            Self::WindowTooLarge => "decoding takes more memory than allowed",
            Self::TooManyCodings => "too many codings are stacked",
            Self::Unavailable => "the coding is not built in",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)?;
        match self.coding {
            Some(coding) => write!(f, " [{coding}]"),
            None => Ok(()),
        }
    }
}

impl StdError for DecodeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| -> &(dyn StdError + 'static) { source })
    }
}
