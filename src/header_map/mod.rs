//! Fields in the order, the case and the lines in which they came.
//!
//! Owns: [`HttpHeaderMap`], its raw list and its canonical view; [`NOT_SPLIT`], the table of fields
//! that are no lists; the way to [`http::HeaderMap`] and back.
//! Never: changes a field that it was given, or copies octets that it can share.
//! Invariants: a field has at least one canonical value; a field that came by any other door than
//! [`HttpHeaderMap::append_unchecked`] has no CR, LF or NUL, so it cannot be two on the wire.
//! Spec: RFC 9110 §5.1 to §5.6; RFC 6265 §3.
//!
//! # Two views
//!
//! The raw view is what was given: [`HttpHeaderMap::iter_raw`] and `==` look at it. The canonical
//! view is what it means, and is made afresh at each look: names without regard to case, and each
//! value of a list on its own, without the white space around it.
//!
//! | raw | canonical |
//! |---|---|
//! | `Accept: text/html, text/plain` | `accept: text/html`, `accept: text/plain` |
//! | `ACCEPT: */*` | `accept: */*` |
//! | `Date: Tue, 31 Mar 2015 08:09:51 GMT` | `date: Tue, 31 Mar 2015 08:09:51 GMT` |
//! | `X-Note: "a, b", c` | `x-note: "a, b"`, `x-note: c` |
//!
//! A value is split at its commas unless its field stands in [`NOT_SPLIT`]. No comma counts within
//! a quoted string, whose backslash escapes count except in the entity tags of `if-match` and
//! `if-none-match`; within `<…>` in `link` and `dav`; within a comment in `via`. One that is not
//! closed hides all that follows it. The elements of a list that are empty are values like others,
//! except to [`HttpHeaderMap::get_list`], which leaves them out as RFC 9110 §5.6.1 bids.
//!
//! An [`http::HeaderMap`] turns into a map and back without loss. The other way round, what it cannot
//! hold goes: the case of names, and the order between fields of different names. Whoever must read
//! one as it is reads it canonically by [`HeaderMapExt`].
//!
//! # Cost
//!
//! With n raw fields. The times are those of `benches/header_map.rs` on one core of a cloud server;
//! those of [`http::HeaderMap`] stand beside them where it does the like.
//!
//! | operation | cost | 12 fields | 256 fields | `http`, 12 | `http`, 256 |
//! |---|---|---|---|---|---|
//! | build by [`append`](HttpHeaderMap::append) | O(octets) | 580 ns | 12 µs | 580 ns | 18 µs |
//! | build by [`append_unchecked`](HttpHeaderMap::append_unchecked) | O(n) | 340 ns | 7.4 µs | | |
//! | [`first`](HttpHeaderMap::first) of a name, [`contains_key`](HttpHeaderMap::contains_key) | O(n) | 40 ns | 0.5 µs; 3 µs if all names are as long | 20 ns | 20 ns |
//! | [`get`](HttpHeaderMap::get), [`get_all`](HttpHeaderMap::get_all) | O(n + octets of its values) | 90 ns | 0.7 µs | | |
//! | [`iter`](HttpHeaderMap::iter), [`len`](HttpHeaderMap::len) | O(octets of values) | 260 ns | 3.8 µs | | |
//! | [`iter_raw`](HttpHeaderMap::iter_raw) | O(n) | 25 ns | 0.4 µs | | |
//! | [`names`](HttpHeaderMap::names) | O(octets of names) | 450 ns | 10 µs | | |
//! | [`Clone`], [`merge`](HttpHeaderMap::merge): no octet is copied | O(n) | 250 ns | 5.3 µs | 190 ns | 4.4 µs |
//! | to an [`http::HeaderMap`] | O(octets) | 650 ns | 20 µs | | |
//! | from an [`http::HeaderMap`] | O(n) | 330 ns | 10 µs | | |
//! | [`insert`](HttpHeaderMap::insert), [`remove`](HttpHeaderMap::remove), [`pop_first`](HttpHeaderMap::pop_first) | O(n) | | | | |
//! | [`set_all`](HttpHeaderMap::set_all) of m fields | O(m(n + m)) | | | | |
//!
//! There is no index by name. To build one costs some 40 ns a field, as `http::HeaderMap` shows: in
//! a head of usual size that is a dozen look-ups, in the largest it is four of the slowest.
//!
//! # Secrets
//!
//! A value may be marked as a secret, by [`RawValue::sensitive`] or before by
//! [`http::HeaderValue::set_sensitive`]; the mark goes along into an [`http::HeaderMap`] and back.
//! `Debug` shows no value that is marked, and none of [`SECRET`] even without.

mod canonical;
mod convert;
mod error;
mod raw;
mod split;

use std::{collections::HashSet, fmt};

use bytes::Bytes;

use self::split::Members;
pub use self::{
    canonical::{CanonicalName, Iter},
    convert::HeaderMapExt,
    error::{InvalidField, Reason},
    raw::{RawName, RawValue},
    split::NOT_SPLIT,
};

/// The fields whose value `Debug` never shows: credentials, and cookies, which often are some.
pub const SECRET: &[&str] = &[
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
];

/// A list of fields that keeps their order, the case of their names and the lines they came in.
///
/// ```
/// use towline::HttpHeaderMap;
///
/// # fn main() -> Result<(), towline::header_map::InvalidField> {
/// let mut map = HttpHeaderMap::new();
/// map.append("Accept", "text/html, text/plain")?;
/// map.append("ACCEPT", "*/*")?;
/// assert_eq!(map.first_str("accept"), Some("text/html"));
/// assert_eq!(map.get_all("accept").count(), 3);
/// assert_eq!(map.len(), 3);
/// assert_eq!(map.raw_len(), 2);
/// let names: Vec<_> = map.iter_raw().map(|(name, _)| name).collect();
/// assert_eq!(names, ["Accept", "ACCEPT"]);
/// # Ok(())
/// # }
/// ```
///
/// A name to look up is text, octets, [`Bytes`] or an [`http::HeaderName`], in any case. Pseudo-header
/// fields have no place here: [`append`](Self::append) refuses their names.
///
/// `collect`, `extend` and `from` cannot fail, so they take only what is known to be valid: names
/// and values of `http`. Text goes through the doors that check it: [`append`](Self::append),
/// [`try_from_iter`](Self::try_from_iter) and [`try_extend`](Self::try_extend).
///
/// A map cannot be merged with itself:
/// ```compile_fail,E0502
/// # let mut map = towline::HttpHeaderMap::new();
/// map.merge(&map);
/// ```
///
/// A number is no name:
/// ```compile_fail,E0277
/// # let mut map = towline::HttpHeaderMap::new();
/// map.append(1, "one");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpHeaderMap {
    fields: Vec<(RawName, RawValue)>,
}

/// Putting fields in.
impl HttpHeaderMap {
    /// A map without fields. Allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// A map without fields, but with room for so many raw ones.
    #[must_use]
    pub fn with_capacity(fields: usize) -> Self {
        Self {
            fields: Vec::with_capacity(fields),
        }
    }

    /// A map of any fields, each checked as by [`append`](Self::append).
    ///
    /// ```
    /// use towline::HttpHeaderMap;
    ///
    /// assert!(HttpHeaderMap::try_from_iter([("Accept", "*/*"), ("X-Id", "7")]).is_ok());
    /// assert!(HttpHeaderMap::try_from_iter([("x-id", "7\r\nset-cookie: a=1")]).is_err());
    /// ```
    ///
    /// # Errors
    /// The first invalid field.
    pub fn try_from_iter<N, V>(
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InvalidField>
    where
        N: Into<RawName>,
        V: Into<RawValue>,
    {
        let fields = fields.into_iter();
        let mut map = Self::with_capacity(fields.size_hint().0);
        for (name, value) in fields {
            map.append(name, value)?;
        }
        Ok(map)
    }

    /// Adds a field after all others. Never replaces one.
    ///
    /// # Errors
    /// The name is no token (RFC 9110 §5.6.2), or the value has a control character other than the
    /// tab (RFC 9110 §5.5). The map is as it was.
    pub fn append(
        &mut self,
        name: impl Into<RawName>,
        value: impl Into<RawValue>,
    ) -> Result<(), InvalidField> {
        let (name, value) = (name.into(), value.into());
        check(&name, &value)?;
        self.fields.push((name, value));
        Ok(())
    }

    /// Adds a field after all others, whatever its octets are.
    ///
    /// This is for who must keep what a peer sent. What is stored so must not be written to a
    /// connection unchecked: a CR LF in it would make two fields of one, or two messages. The way
    /// into an [`http::HeaderMap`] checks.
    pub fn append_unchecked(&mut self, name: impl Into<RawName>, value: impl Into<RawValue>) {
        self.fields.push((name.into(), value.into()));
    }

    /// Puts a field where the first of its name is, and removes the others of its name; without
    /// any, adds it after all others.
    ///
    /// # Errors
    /// As [`append`](Self::append) has them.
    pub fn insert(
        &mut self,
        name: impl Into<RawName>,
        value: impl Into<RawValue>,
    ) -> Result<(), InvalidField> {
        let (name, value) = (name.into(), value.into());
        check(&name, &value)?;
        self.replace((name, value));
        Ok(())
    }

    /// Replaces all fields of the names that occur: the first given of a name is
    /// [inserted](Self::insert), those that follow are [appended](Self::append).
    ///
    /// # Errors
    /// The first invalid field. The map is as it was.
    pub fn set_all<N, V>(
        &mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), InvalidField>
    where
        N: Into<RawName>,
        V: Into<RawValue>,
    {
        let mut set: Vec<RawName> = Vec::new();
        for (name, value) in Self::try_from_iter(fields)?.fields {
            if set.iter().any(|done| done.is(name.as_bytes())) {
                self.fields.push((name, value));
            } else {
                set.push(name.clone());
                self.replace((name, value));
            }
        }
        Ok(())
    }

    /// Adds fields after all others.
    ///
    /// # Errors
    /// The first invalid field. The map is as it was.
    pub fn try_extend<N, V>(
        &mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), InvalidField>
    where
        N: Into<RawName>,
        V: Into<RawValue>,
    {
        self.fields.append(&mut Self::try_from_iter(fields)?.fields);
        Ok(())
    }

    /// Adds the raw fields of another map after all others. Their octets are shared.
    pub fn merge(&mut self, other: &Self) {
        self.fields.extend_from_slice(&other.fields);
    }

    /// The canonical values of a name; if there are none, adds this field, and returns its own.
    ///
    /// # Errors
    /// As [`append`](Self::append) has them, if the field was to be added.
    pub fn get_or_append(
        &mut self,
        name: impl Into<RawName>,
        value: impl Into<RawValue>,
    ) -> Result<Vec<&[u8]>, InvalidField> {
        let name = name.into();
        if !self.contains_key(&name) {
            self.append(name.clone(), value)?;
        }
        Ok(self.get_all(name).collect())
    }

    fn replace(&mut self, field: (RawName, RawValue)) {
        let Some(first) = self
            .fields
            .iter()
            .position(|(name, _)| name.is(field.0.as_bytes()))
        else {
            self.fields.push(field);
            return;
        };
        let mut index = 0;
        self.fields.retain(|(name, _)| {
            let stays = index <= first || !name.is(field.0.as_bytes());
            index += 1;
            stays
        });
        self.fields[first] = field;
    }
}

/// Taking fields out.
impl HttpHeaderMap {
    /// Removes all fields of a name, and returns their canonical values; none if there were none.
    ///
    /// The values share what was stored, unless that was an [`http::HeaderValue`].
    pub fn remove(&mut self, name: impl AsRef<[u8]>) -> Option<Vec<Bytes>> {
        let name = name.as_ref();
        let mut values = Vec::new();
        self.fields.retain(|(other, value)| {
            let stays = !other.is(name);
            if !stays {
                values.extend(value.split(name));
            }
            stays
        });
        (!values.is_empty()).then_some(values)
    }

    /// Removes the first raw field.
    ///
    /// Name and value turn into [`Bytes`], and can be appended again as they are.
    pub fn pop_first(&mut self) -> Option<(RawName, RawValue)> {
        (!self.is_empty()).then(|| self.fields.remove(0))
    }

    /// Removes all fields. Keeps the room for them.
    pub fn clear(&mut self) {
        self.fields.clear();
    }
}

/// Looking at fields.
impl HttpHeaderMap {
    /// All canonical values of a name, in order; none if there is no field of it.
    #[must_use]
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Vec<&[u8]>> {
        let values: Vec<_> = self.get_all(name).collect();
        (!values.is_empty()).then_some(values)
    }

    /// All canonical values of a name, in order; if there is no field of it, this one.
    #[must_use]
    pub fn get_or<'a>(
        &'a self,
        name: impl AsRef<[u8]>,
        default: &'a (impl AsRef<[u8]> + ?Sized),
    ) -> Vec<&'a [u8]> {
        self.get(name).unwrap_or_else(|| vec![default.as_ref()])
    }

    /// All canonical values of a name, in order, the empty elements of lists among them.
    pub fn get_all(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(other, _)| other.is(name.as_ref()))
            .flat_map(|(name, value)| Members::new(name.as_bytes(), value.as_bytes()))
    }

    /// All canonical values of a name that are not empty, in order: the elements of a list (RFC 9110
    /// §5.6.1).
    pub fn get_list(&self, name: impl AsRef<[u8]>) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).filter(|value| !value.is_empty())
    }

    /// The first canonical value of a name; it may be empty.
    #[must_use]
    pub fn first(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        let (name, value) = self.fields.iter().find(|(other, _)| other.is(name))?;
        Members::new(name.as_bytes(), value.as_bytes()).next()
    }

    /// The first canonical value of a name as text; none if there is none, or it is not UTF-8.
    #[must_use]
    pub fn first_str(&self, name: impl AsRef<[u8]>) -> Option<&str> {
        str::from_utf8(self.first(name)?).ok()
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub fn contains_key(&self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        self.fields.iter().any(|(other, _)| other.is(name))
    }

    /// The canonical pairs of names and values, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(&self.fields)
    }

    /// The names of the canonical pairs, each as often as it has values.
    pub fn keys(&self) -> impl Iterator<Item = CanonicalName<'_>> {
        self.iter().map(|(name, _)| name)
    }

    /// The names, each once, in the order in which they first occur.
    pub fn names(&self) -> impl Iterator<Item = CanonicalName<'_>> {
        let mut seen = HashSet::with_capacity(self.fields.len());
        let names = self.fields.iter().map(|(name, _)| name.canonical());
        names.filter(move |name| seen.insert(*name))
    }

    /// The values of the canonical pairs.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().map(|(_, value)| value)
    }

    /// The fields exactly as they were added.
    pub fn iter_raw(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&RawName, &RawValue)> + ExactSizeIterator {
        self.fields.iter().map(|(name, value)| (name, value))
    }

    /// How many canonical pairs there are. Reads the values of all fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// How many fields were added.
    #[must_use]
    pub const fn raw_len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field, which is to say no canonical pair.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether both maps have the same canonical pairs in the same order, however they were written.
    #[must_use]
    pub fn eq_canonical(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

fn check(name: &RawName, value: &RawValue) -> Result<(), InvalidField> {
    let result = name.check().and_then(|()| value.check());
    result.map_err(|reason| InvalidField::new(name.clone(), reason))
}

impl<'a> IntoIterator for &'a HttpHeaderMap {
    type Item = (CanonicalName<'a>, &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for HttpHeaderMap {
    /// The raw list as lossy text, secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpHeaderMap(")?;
        let fields = self.fields.iter().map(|(name, value)| {
            if SECRET.iter().any(|secret| name.is(secret.as_bytes())) {
                (name, value.clone().sensitive())
            } else {
                (name, value.clone())
            }
        });
        f.debug_list().entries(fields).finish()?;
        f.write_str(")")
    }
}
