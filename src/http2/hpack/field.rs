//! A field line as HPACK carries it: a name and a value of any octets, and a mark of sensitivity.
//!
//! Owns: the parsing of names and values into the types of `http`, done once for each literal, so
//! that a field that comes from the dynamic table costs a reference count and no look at its octets.
//! Never: judges. What `http` cannot hold is handed on as `Malformed`, for the message layer to
//! refuse, because the block must be decoded to its end whatever it says (RFC 9113 §4.3).
//! Invariant: a `Debug` output never shows the value of a sensitive field.
//! Spec: RFC 7541 §1.3, §7.1.3; RFC 9113 §8.2.1, §8.3.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::http2::consts::FIELD_OVERHEAD;

/// The pseudo-header fields (RFC 9113 §8.3, RFC 8441 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pseudo {
    /// `:method` of a request.
    Method,
    /// `:scheme` of a request.
    Scheme,
    /// `:authority` of a request.
    Authority,
    /// `:path` of a request.
    Path,
    /// `:status` of a response.
    Status,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    Protocol,
}

impl Pseudo {
    /// The name on the wire, colon included.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Method => ":method",
            Self::Scheme => ":scheme",
            Self::Authority => ":authority",
            Self::Path => ":path",
            Self::Status => ":status",
            Self::Protocol => ":protocol",
        }
    }

    const fn from_bytes(name: &[u8]) -> Option<Self> {
        match name {
            b":method" => Some(Self::Method),
            b":scheme" => Some(Self::Scheme),
            b":authority" => Some(Self::Authority),
            b":path" => Some(Self::Path),
            b":status" => Some(Self::Status),
            b":protocol" => Some(Self::Protocol),
            _ => None,
        }
    }
}

impl fmt::Display for Pseudo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a field, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldName {
    /// A pseudo-header field that is defined.
    Pseudo(Pseudo),
    /// A token in lower case.
    Header(HeaderName),
    /// Anything else: upper case, octets that no token has, nothing at all, or a colon followed by
    /// a name that is not defined.
    Malformed(Bytes),
}

impl FieldName {
    /// Parses the octets of a name.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Self {
        if let [b':', ..] = octets {
            return match Pseudo::from_bytes(octets) {
                Some(pseudo) => Self::Pseudo(pseudo),
                None => Self::Malformed(Bytes::copy_from_slice(octets)),
            };
        }
        match HeaderName::from_lowercase(octets) {
            // `http` lets the quotation mark through, which no token has (RFC 9110 §5.6.2).
            Ok(name) if !octets.contains(&b'"') => Self::Header(name),
            _ => Self::Malformed(Bytes::copy_from_slice(octets)),
        }
    }

    /// A name of the static table.
    pub(super) const fn from_static(name: &'static str) -> Self {
        match Pseudo::from_bytes(name.as_bytes()) {
            Some(pseudo) => Self::Pseudo(pseudo),
            None => Self::Header(HeaderName::from_static(name)),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Pseudo(pseudo) => pseudo.as_str().as_bytes(),
            Self::Header(name) => name.as_str().as_bytes(),
            Self::Malformed(octets) => octets,
        }
    }
}

impl From<Pseudo> for FieldName {
    fn from(pseudo: Pseudo) -> Self {
        Self::Pseudo(pseudo)
    }
}

impl From<HeaderName> for FieldName {
    fn from(name: HeaderName) -> Self {
        Self::Header(name)
    }
}

/// The value of a field, parsed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// Octets that a field value may have.
    Header(HeaderValue),
    /// Octets among which some are control characters.
    Malformed(Bytes),
}

impl FieldValue {
    /// Parses the octets of a value.
    #[must_use]
    pub fn from_bytes(octets: &[u8]) -> Self {
        Self::parse(octets, Bytes::copy_from_slice)
    }

    /// Parses the octets of a value and keeps the copy that `copy` makes of them.
    pub(super) fn parse(octets: &[u8], mut copy: impl FnMut(&[u8]) -> Bytes) -> Self {
        match HeaderValue::from_maybe_shared(copy(octets)) {
            Ok(value) => Self::Header(value),
            // The copy went with the error.
            Err(_) => Self::Malformed(copy(octets)),
        }
    }

    /// The value on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Header(value) => value.as_bytes(),
            Self::Malformed(octets) => octets,
        }
    }

    /// The same value with the mark that `http` has for secrets.
    pub(super) fn into_sensitive(mut self) -> Self {
        if let Self::Header(value) = &mut self {
            value.set_sensitive(true);
        }
        self
    }
}

impl From<HeaderValue> for FieldValue {
    fn from(value: HeaderValue) -> Self {
        Self::Header(value)
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(value) => value.fmt(f),
            // It may be a secret: unlike a `HeaderValue` it has no mark that would tell.
            Self::Malformed(octets) => write!(f, "Malformed({} octets)", octets.len()),
        }
    }
}

/// A decoded field.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// Its value; marked sensitive itself if the field is.
    pub value: FieldValue,
    /// The peer sent it as never-indexed (RFC 7541 §6.2.3): whoever passes it on has to do the
    /// same.
    pub sensitive: bool,
}

impl Field {
    /// What the field counts against a limit on field sections (RFC 9113 §6.5.2).
    #[must_use]
    pub fn size(&self) -> usize {
        self.as_ref().size()
    }

    /// The field as an encoder takes it.
    #[must_use]
    pub fn as_ref(&self) -> FieldRef<'_> {
        FieldRef {
            name: self.name.as_bytes(),
            value: self.value.as_bytes(),
            sensitive: self.sensitive,
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// A field to encode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// Its name, in lower case: the encoder sends it as it is.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// Whether no table, here or at any hop, may keep it (RFC 7541 §7.1.3).
    pub sensitive: bool,
}

impl<'a> FieldRef<'a> {
    /// A field that is no secret.
    #[must_use]
    pub const fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            sensitive: false,
        }
    }

    /// A header field, as sensitive as its value says.
    #[must_use]
    pub fn header(name: &'a HeaderName, value: &'a HeaderValue) -> Self {
        Self {
            name: name.as_str().as_bytes(),
            value: value.as_bytes(),
            sensitive: value.is_sensitive(),
        }
    }

    /// What the field counts in a table and against a limit on field sections (RFC 7541 §4.1, RFC
    /// 9113 §6.5.2).
    #[must_use]
    pub const fn size(self) -> usize {
        self.name.len() + self.value.len() + FIELD_OVERHEAD
    }
}

impl fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name.escape_ascii())?;
        if self.sensitive {
            f.write_str("(sensitive)")
        } else {
            write!(f, "{}", self.value.escape_ascii())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_what_they_are() {
        for pseudo in [
            Pseudo::Method,
            Pseudo::Scheme,
            Pseudo::Authority,
            Pseudo::Path,
            Pseudo::Status,
        ] {
            assert_eq!(
                FieldName::from_bytes(pseudo.as_str().as_bytes()),
                pseudo.into()
            );
        }
        assert_eq!(FieldName::from_bytes(b":protocol"), Pseudo::Protocol.into());
        assert_eq!(
            FieldName::from_bytes(b"accept"),
            http::header::ACCEPT.into()
        );
        for name in [
            &b""[..],
            b"Accept",
            b":Path",
            b":",
            b":foo",
            b"a b",
            b"a:",
            b"a\"",
            b"\xff",
        ] {
            let expected = FieldName::Malformed(Bytes::copy_from_slice(name));
            assert_eq!(FieldName::from_bytes(name), expected, "RFC 9113 §8.2.1");
        }
    }

    #[test]
    fn values_keep_all_octets() {
        for value in [&b""[..], b"a b", b"\xff\x80", b"\t"] {
            let parsed = FieldValue::from_bytes(value);
            assert!(matches!(&parsed, FieldValue::Header(_)));
            assert_eq!(parsed.as_bytes(), value);
        }
        for value in [&b"\0"[..], b"a\r\nb", b"\x7f", b"\x01"] {
            let parsed = FieldValue::from_bytes(value);
            assert_eq!(parsed, FieldValue::Malformed(Bytes::copy_from_slice(value)));
        }
    }

    #[test]
    fn debug_keeps_secrets() {
        for value in ["hunter2", "hunter2\n"] {
            let field = Field {
                name: http::header::AUTHORIZATION.into(),
                value: FieldValue::from_bytes(value.as_bytes()).into_sensitive(),
                sensitive: true,
            };
            let shown = format!("{field:?} {:?} {:?}", field.as_ref(), field.value);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("authorization"), "{shown}");
        }
    }
}
