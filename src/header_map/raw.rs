//! A name and a value exactly as they were given, and the check of both.
//!
//! Owns: what a field is stored as, without a copy where the caller's type can be shared: the types
//! of `http` are kept as they are, since neither gives its octets away.
//! Never: changes an octet.
//! Invariant: a `Debug` output never shows a value that is marked sensitive.
//! Spec: RFC 9110 §5.1, §5.5, §5.6.2.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::{CanonicalName, InvalidField, Reason, split::Members};

/// The name of a field in the case in which it was given.
///
/// Made from text, octets, [`Bytes`] or a [`HeaderName`]; the last two are shared, not copied. It is
/// compared octet by octet: see [`CanonicalName`] for the comparison that HTTP means.
#[derive(Clone)]
pub struct RawName(Name);

#[derive(Clone)]
enum Name {
    Header(HeaderName),
    Octets(Bytes),
}

/// The value of a field as it was given: commas, white space and all.
///
/// Made from text, octets, [`Bytes`] or a [`HeaderValue`]; the last two are shared, not copied.
/// Equality is that of the octets: the mark for secrets does not count.
#[derive(Clone)]
pub struct RawValue(Value);

#[derive(Clone)]
enum Value {
    Header(HeaderValue),
    Octets { octets: Bytes, sensitive: bool },
}

impl RawName {
    /// The octets of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Name::Header(name) => name.as_str().as_bytes(),
            Name::Octets(octets) => octets,
        }
    }

    pub(super) fn canonical(&self) -> CanonicalName<'_> {
        CanonicalName::new(self.as_bytes())
    }

    /// Names are compared without regard to case (RFC 9110 §5.1).
    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.as_bytes().eq_ignore_ascii_case(name)
    }

    pub(super) fn check(&self) -> Result<(), Reason> {
        if is_token(self.as_bytes()) {
            Ok(())
        } else {
            Err(Reason::Name)
        }
    }

    /// The name as `http` has it; what that lets through is its matter.
    pub(super) fn to_header(&self) -> Result<HeaderName, InvalidField> {
        match &self.0 {
            Name::Header(name) => Ok(name.clone()),
            Name::Octets(octets) => HeaderName::from_bytes(octets).map_err(|_| {
                // A token can only be too long.
                let reason = self.check().err().unwrap_or(Reason::NameTooLong);
                InvalidField::new(self.clone(), reason)
            }),
        }
    }
}

impl RawValue {
    /// Marks the value as a secret: no `Debug` output shows it, and HPACK keeps it in no table (RFC
    /// 7541 §7.1.3).
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        match &mut self.0 {
            Value::Header(value) => value.set_sensitive(true),
            Value::Octets { sensitive, .. } => *sensitive = true,
        }
        self
    }

    /// Whether the value is marked as a secret.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        match &self.0 {
            Value::Header(value) => value.is_sensitive(),
            Value::Octets { sensitive, .. } => *sensitive,
        }
    }

    /// The octets of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Value::Header(value) => value.as_bytes(),
            Value::Octets { octets, .. } => octets,
        }
    }

    pub(super) fn check(&self) -> Result<(), Reason> {
        match &self.0 {
            Value::Header(_) => Ok(()),
            Value::Octets { octets, .. } if is_value(octets) => Ok(()),
            Value::Octets { .. } => Err(Reason::Value),
        }
    }

    pub(super) fn into_header(self) -> Result<HeaderValue, Reason> {
        match self.0 {
            Value::Header(value) => Ok(value),
            Value::Octets { octets, sensitive } => {
                let mut value =
                    HeaderValue::from_maybe_shared(octets).map_err(|_| Reason::Value)?;
                value.set_sensitive(sensitive);
                Ok(value)
            }
        }
    }

    /// The canonical values of a field of this name, sharing these octets where they can be shared.
    pub(super) fn split(&self, name: &[u8]) -> impl Iterator<Item = Bytes> {
        Members::new(name, self.as_bytes()).map(|member| match &self.0 {
            Value::Header(_) => Bytes::copy_from_slice(member),
            Value::Octets { octets, .. } => octets.slice_ref(member),
        })
    }
}

/// RFC 9110 §5.6.2: what a token is made of.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0_u8;
    while octet < 0x80 {
        table[octet as usize] = octet.is_ascii_alphanumeric()
            || matches!(
                octet,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        octet += 1;
    }
    table
};

/// Looks at all octets even after a bad one: most have none, and this needs no branch at each.
fn is_token(name: &[u8]) -> bool {
    let all = name
        .iter()
        .fold(true, |all, octet| all & TOKEN[usize::from(*octet)]);
    all && !name.is_empty()
}

/// RFC 9110 §5.5: visible characters, space, tab, and octets that ASCII does not know.
fn is_value(value: &[u8]) -> bool {
    let is_valid = |octet: u8| (octet >= b' ') & (octet != 0x7f) | (octet == b'\t');
    value.iter().fold(true, |all, octet| all & is_valid(*octet))
}

impl fmt::Debug for RawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for RawValue {
    /// The value as lossy text, or `(sensitive)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sensitive() {
            f.write_str("(sensitive)")
        } else {
            String::from_utf8_lossy(self.as_bytes()).fmt(f)
        }
    }
}

impl From<HeaderName> for RawName {
    fn from(name: HeaderName) -> Self {
        Self(Name::Header(name))
    }
}

impl From<&HeaderName> for RawName {
    fn from(name: &HeaderName) -> Self {
        name.clone().into()
    }
}

impl From<Bytes> for RawName {
    fn from(octets: Bytes) -> Self {
        Self(Name::Octets(octets))
    }
}

impl From<HeaderValue> for RawValue {
    fn from(value: HeaderValue) -> Self {
        Self(Value::Header(value))
    }
}

impl From<&HeaderValue> for RawValue {
    fn from(value: &HeaderValue) -> Self {
        value.clone().into()
    }
}

impl From<Bytes> for RawValue {
    fn from(octets: Bytes) -> Self {
        Self(Value::Octets {
            octets,
            sensitive: false,
        })
    }
}

impl From<RawName> for Bytes {
    /// Copies if the name was made from a [`HeaderName`].
    fn from(name: RawName) -> Self {
        match name.0 {
            Name::Header(name) => Self::copy_from_slice(name.as_str().as_bytes()),
            Name::Octets(octets) => octets,
        }
    }
}

impl From<RawValue> for Bytes {
    /// Copies if the value was made from a [`HeaderValue`]; the mark for secrets is lost.
    fn from(value: RawValue) -> Self {
        match value.0 {
            Value::Header(value) => Self::copy_from_slice(value.as_bytes()),
            Value::Octets { octets, .. } => octets,
        }
    }
}

/// What both types are made from and compared with.
macro_rules! octets {
    ($($type:ident)+) => {$(
        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Bytes::copy_from_slice(text.as_bytes()).into()
            }
        }

        impl From<String> for $type {
            fn from(text: String) -> Self {
                Bytes::from(text).into()
            }
        }

        impl From<&String> for $type {
            fn from(text: &String) -> Self {
                text.as_str().into()
            }
        }

        impl From<&[u8]> for $type {
            fn from(octets: &[u8]) -> Self {
                Bytes::copy_from_slice(octets).into()
            }
        }

        impl<const N: usize> From<&[u8; N]> for $type {
            fn from(octets: &[u8; N]) -> Self {
                octets.as_slice().into()
            }
        }

        impl From<Vec<u8>> for $type {
            fn from(octets: Vec<u8>) -> Self {
                Bytes::from(octets).into()
            }
        }

        impl AsRef<[u8]> for $type {
            fn as_ref(&self) -> &[u8] {
                self.as_bytes()
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }

        impl Eq for $type {}

        impl PartialEq<[u8]> for $type {
            fn eq(&self, other: &[u8]) -> bool {
                self.as_bytes() == other
            }
        }

        impl PartialEq<str> for $type {
            fn eq(&self, other: &str) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }

        impl PartialEq<&str> for $type {
            fn eq(&self, other: &&str) -> bool {
                self == *other
            }
        }
    )+};
}

octets! { RawName RawValue }
