//! The canonical view: names without regard to case, one value at a time.
//!
//! Never: copies a name or a value, and never shows a value in a `Debug` output.
//! Spec: RFC 9110 §5.1, §5.6.1.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    iter::FusedIterator,
    slice,
};

use super::{RawName, RawValue, split::Members};

/// The name of a field as HTTP means it: the case in which it came does not count (RFC 9110 §5.1).
///
/// It is shown in lower case, and equals any text that differs in case at most. Lower case is made
/// only where it is asked for, so a name costs nothing.
#[derive(Clone, Copy)]
pub struct CanonicalName<'a>(&'a [u8]);

impl<'a> CanonicalName<'a> {
    pub(super) const fn new(name: &'a [u8]) -> Self {
        Self(name)
    }

    /// The octets in the case in which they came.
    #[must_use]
    pub const fn as_raw(self) -> &'a [u8] {
        self.0
    }

    /// The octets in lower case; copied only if they came in another.
    #[must_use]
    pub fn to_lowercase(self) -> Cow<'a, [u8]> {
        if self.0.iter().any(u8::is_ascii_uppercase) {
            self.0.to_ascii_lowercase().into()
        } else {
            self.0.into()
        }
    }
}

impl fmt::Display for CanonicalName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.to_lowercase()))
    }
}

impl fmt::Debug for CanonicalName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.to_lowercase()).fmt(f)
    }
}

impl PartialEq for CanonicalName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for CanonicalName<'_> {}

impl Hash for CanonicalName<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for chunk in self.0.chunks(32) {
            let mut lower = [0; 32];
            let lower = &mut lower[..chunk.len()];
            lower.copy_from_slice(chunk);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
        // No name has it, so that no two names in a row hash like two others.
        state.write_u8(0xff);
    }
}

impl PartialEq<[u8]> for CanonicalName<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        *self == CanonicalName(other)
    }
}

impl PartialEq<str> for CanonicalName<'_> {
    fn eq(&self, other: &str) -> bool {
        *self == *other.as_bytes()
    }
}

impl PartialEq<&str> for CanonicalName<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// The canonical pairs of a map: see [`HttpHeaderMap::iter`](super::HttpHeaderMap::iter).
#[derive(Clone)]
pub struct Iter<'a> {
    fields: slice::Iter<'a, (RawName, RawValue)>,
    /// The field whose values are being handed out.
    current: Option<(CanonicalName<'a>, Members<'a>)>,
}

impl<'a> Iter<'a> {
    pub(super) fn new(fields: &'a [(RawName, RawValue)]) -> Self {
        Self {
            fields: fields.iter(),
            current: None,
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (CanonicalName<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((name, members)) = &mut self.current
                && let Some(value) = members.next()
            {
                return Some((*name, value));
            }
            let (name, value) = self.fields.next()?;
            let members = Members::new(name.as_bytes(), value.as_bytes());
            self.current = Some((name.canonical(), members));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Each field has at least one value.
        (self.fields.len(), None)
    }
}

impl FusedIterator for Iter<'_> {}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter")
            .field("fields_left", &self.fields.len())
            .finish_non_exhaustive()
    }
}
