//! To and from `http::HeaderMap`, and its canonical view.
//!
//! Never: splits or joins a line, changes a value, or loses the mark for secrets.
//! Invariant: a map that came from an `http::HeaderMap` goes back into one, and is equal to it.

use std::borrow::Borrow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    CanonicalName, HttpHeaderMap, InvalidField, RawName, RawValue, Reason, split::Members,
};

impl From<HeaderMap> for HttpHeaderMap {
    /// Every field, in the order in which the map iterates; names are in lower case, as they were
    /// there. No octet is copied.
    fn from(headers: HeaderMap) -> Self {
        let mut map = Self::with_capacity(headers.len());
        let mut current: Option<HeaderName> = None;
        for (name, value) in headers {
            // A further value of a name comes without it.
            current = name.or(current);
            map.fields.extend(
                current
                    .as_ref()
                    .map(|name| (name.into(), RawValue::from(value))),
            );
        }
        map
    }
}

impl From<&HeaderMap> for HttpHeaderMap {
    /// As from an owned map; the octets are shared.
    fn from(headers: &HeaderMap) -> Self {
        headers.iter().collect()
    }
}

impl TryFrom<HttpHeaderMap> for HeaderMap {
    type Error = InvalidField;

    /// Every raw field is appended once, its value unchanged.
    ///
    /// What an [`http::HeaderMap`] cannot hold is lost: the case of names, and the order between
    /// fields of different names. The order of values of one name and their marks for secrets stay.
    ///
    /// # Errors
    /// The first field that an `http::HeaderMap` cannot hold. Only
    /// [`append_unchecked`](HttpHeaderMap::append_unchecked) lets one in with an invalid name or
    /// value; any map can have names too long or too many.
    fn try_from(map: HttpHeaderMap) -> Result<Self, InvalidField> {
        convert(map.fields.len(), map.fields)
    }
}

impl TryFrom<&HttpHeaderMap> for HeaderMap {
    type Error = InvalidField;

    /// As from an owned map; the octets of values are shared.
    ///
    /// # Errors
    /// As from an owned map.
    fn try_from(map: &HttpHeaderMap) -> Result<Self, InvalidField> {
        let fields = map.fields.iter();
        convert(
            map.fields.len(),
            fields.map(|(name, value)| (name, value.clone())),
        )
    }
}

fn convert(
    len: usize,
    fields: impl IntoIterator<Item = (impl Borrow<RawName>, RawValue)>,
) -> Result<HeaderMap, InvalidField> {
    // Too many lines need not be too many names.
    let mut headers = HeaderMap::try_with_capacity(len).unwrap_or_default();
    for (name, value) in fields {
        let name = name.borrow();
        let header = name.to_header()?;
        let value = match value.into_header() {
            Ok(value) => value,
            Err(reason) => return Err(InvalidField::new(name.clone(), reason)),
        };
        if headers.try_append(header, value).is_err() {
            return Err(InvalidField::new(name.clone(), Reason::TooMany));
        }
    }
    Ok(headers)
}

/// The canonical view of an [`http::HeaderMap`], by the rules of [`HttpHeaderMap`].
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::ACCEPT};
/// use towline::HeaderMapExt;
///
/// let mut headers = HeaderMap::new();
/// headers.append(ACCEPT, HeaderValue::from_static("text/html, text/plain"));
/// headers.append(ACCEPT, HeaderValue::from_static("*/*"));
/// let accept: Vec<_> = headers.canonical("accept").collect();
/// assert_eq!(accept, [&b"text/html"[..], b"text/plain", b"*/*"]);
/// ```
pub trait HeaderMapExt: sealed::Sealed {
    /// All canonical pairs, in the order in which the map iterates.
    fn iter_canonical(&self) -> impl Iterator<Item = (CanonicalName<'_>, &[u8])>;

    /// The canonical values of a name, empty ones among them: see [`HttpHeaderMap::get_all`].
    fn canonical(&self, name: impl AsRef<str>) -> impl Iterator<Item = &[u8]>;

    /// The canonical values of a name that are not empty: see [`HttpHeaderMap::get_list`].
    fn list(&self, name: impl AsRef<str>) -> impl Iterator<Item = &[u8]>;
}

impl HeaderMapExt for HeaderMap {
    fn iter_canonical(&self) -> impl Iterator<Item = (CanonicalName<'_>, &[u8])> {
        self.iter().flat_map(|(name, value)| {
            let name = name.as_str().as_bytes();
            let members = Members::new(name, value.as_bytes());
            members.map(move |member| (CanonicalName::new(name), member))
        })
    }

    fn canonical(&self, name: impl AsRef<str>) -> impl Iterator<Item = &[u8]> {
        self.get_all(name.as_ref())
            .into_iter()
            .flat_map(move |value| Members::new(name.as_ref().as_bytes(), value.as_bytes()))
    }

    fn list(&self, name: impl AsRef<str>) -> impl Iterator<Item = &[u8]> {
        self.canonical(name).filter(|value| !value.is_empty())
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for http::HeaderMap {}
}

impl<N, V> FromIterator<(N, V)> for HttpHeaderMap
where
    N: Into<HeaderName>,
    V: Into<HeaderValue>,
{
    /// Of fields that are known to be valid; [`HttpHeaderMap::try_from_iter`] takes any.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut map = Self::new();
        map.extend(fields);
        map
    }
}

impl<N, V, const K: usize> From<[(N, V); K]> for HttpHeaderMap
where
    N: Into<HeaderName>,
    V: Into<HeaderValue>,
{
    /// Of fields that are known to be valid; [`HttpHeaderMap::try_from_iter`] takes any.
    fn from(fields: [(N, V); K]) -> Self {
        fields.into_iter().collect()
    }
}

impl<N, V> Extend<(N, V)> for HttpHeaderMap
where
    N: Into<HeaderName>,
    V: Into<HeaderValue>,
{
    /// Appends fields that are known to be valid, and replaces none;
    /// [`HttpHeaderMap::try_extend`] takes any.
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        let fields = fields.into_iter();
        self.fields.extend(fields.map(|(name, value)| {
            let (name, value): (HeaderName, HeaderValue) = (name.into(), value.into());
            (name.into(), value.into())
        }));
    }
}
