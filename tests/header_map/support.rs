//! Maps and their views as text.

use http::{HeaderMap, HeaderName, HeaderValue};
use towline::HttpHeaderMap;

/// A map of these raw fields.
pub(crate) fn map(fields: &[(&str, &str)]) -> HttpHeaderMap {
    HttpHeaderMap::try_from_iter(fields.iter().copied()).unwrap()
}

/// An `http::HeaderMap` of these fields.
pub(crate) fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}

pub(crate) fn text(octets: &[u8]) -> &str {
    str::from_utf8(octets).unwrap()
}

/// The fields as they were added.
pub(crate) fn raw(map: &HttpHeaderMap) -> Vec<(&str, &str)> {
    map.iter_raw()
        .map(|(name, value)| (text(name.as_bytes()), text(value.as_bytes())))
        .collect()
}

/// The canonical pairs.
pub(crate) fn canonical(map: &HttpHeaderMap) -> Vec<(String, &str)> {
    map.iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// The canonical values of a name.
pub(crate) fn get<'a>(map: &'a HttpHeaderMap, name: &str) -> Option<Vec<&'a str>> {
    let values = map.get(name)?;
    Some(values.into_iter().map(text).collect())
}
