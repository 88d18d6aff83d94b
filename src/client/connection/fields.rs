//! Fields of a request as callers have them.

use http::HeaderMap;

use crate::{
    HttpHeaderMap,
    header_map::{InvalidField, RawName, RawValue},
};

/// What the fields of a request can be made of: an [`HttpHeaderMap`] or an [`http::HeaderMap`], owned
/// or borrowed; a list of names and values; and `()` for none.
///
/// ```
/// use towline::{HttpHeaderMap, connection::IntoFields};
///
/// # fn main() -> Result<(), towline::header_map::InvalidField> {
/// assert!(().into_fields()?.is_empty());
/// let fields = [("accept", "text/html"), ("X-Id", "7")].into_fields()?;
/// assert_eq!(fields.raw_len(), 2);
/// assert!([("x-id", "7\r\nset-cookie: a=1")].into_fields().is_err());
/// # Ok(())
/// # }
/// ```
///
/// The raw fields of a map are taken, one by one: a comma in a value makes no two of it.
pub trait IntoFields {
    /// The fields, in their order.
    ///
    /// # Errors
    /// The first one that no message can have.
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField>;
}

impl IntoFields for () {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        Ok(HttpHeaderMap::new())
    }
}

impl IntoFields for HttpHeaderMap {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        Ok(self)
    }
}

impl IntoFields for &HttpHeaderMap {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        Ok(self.clone())
    }
}

impl IntoFields for HeaderMap {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        Ok(self.into())
    }
}

impl IntoFields for &HeaderMap {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        Ok(self.into())
    }
}

impl<N: Into<RawName>, V: Into<RawValue>, const K: usize> IntoFields for [(N, V); K] {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        HttpHeaderMap::try_from_iter(self)
    }
}

impl<N: Into<RawName>, V: Into<RawValue>> IntoFields for Vec<(N, V)> {
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        HttpHeaderMap::try_from_iter(self)
    }
}

impl<N, V> IntoFields for &[(N, V)]
where
    N: Into<RawName> + Clone,
    V: Into<RawValue> + Clone,
{
    fn into_fields(self) -> Result<HttpHeaderMap, InvalidField> {
        HttpHeaderMap::try_from_iter(self.iter().cloned())
    }
}
