//! Why a field cannot be stored, or cannot be said in the types of `http`.
//!
//! Never: shows a value, which may be a secret.

use std::{error::Error, fmt};

use super::RawName;

/// Octets of a name that are shown; one from a hostile peer may be long.
const SHOWN: usize = 64;

/// A field that was refused: which one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    name: RawName,
    reason: Reason,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its name is empty, or has an octet that no token has, such as a colon, a space, CR or LF
    /// (RFC 9110 §5.6.2).
    Name,
    /// Its name is longer than an [`http::HeaderName`] may be: 65,535 octets.
    NameTooLong,
    /// Its value has a control character other than the tab: CR, LF and NUL among them (RFC 9110
    /// §5.5).
    Value,
    /// An [`http::HeaderMap`] has no room for one more name: 24,576 are the most.
    TooMany,
}

impl InvalidField {
    pub(super) const fn new(name: RawName, reason: Reason) -> Self {
        Self { name, reason }
    }

    /// The name of the field, as it was given.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// What is wrong with the field.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for InvalidField {
    /// The name with its octets escaped, up to the 64th.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let shown = name.get(..SHOWN).unwrap_or(name);
        let more = if shown.len() < name.len() { "…" } else { "" };
        write!(
            f,
            "the field `{}{more}` {}",
            shown.escape_ascii(),
            self.reason
        )
    }
}

impl Error for InvalidField {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "has a name that is no token (RFC 9110 §5.6.2)",
            Self::NameTooLong => "has a name of more than 65,535 octets",
            Self::Value => "has a control character in its value (RFC 9110 §5.5)",
            Self::TooMany => "is one more than an `http::HeaderMap` holds",
        })
    }
}
