//! The path that a request names, and responses that have no content because of the request.

use std::borrow::Cow;

use http::{Method, StatusCode, uri::PathAndQuery};

/// A path that begins with no slash, or `*` where the method is not OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidPath;

/// The path and query as a message carries them. Owned only when the URI lacks the slash.
pub(crate) fn path<'a>(
    method: &Method,
    path: Option<&'a PathAndQuery>,
) -> Result<Cow<'a, str>, InvalidPath> {
    // RFC 9112 §3.2.1, RFC 9113 §8.3.1: an empty path is sent as "/".
    let path = path.map_or("/", PathAndQuery::as_str);
    match path.as_bytes().first() {
        Some(b'/') => Ok(Cow::Borrowed(path)),
        // `http://host?query`: the path is empty, the query is not.
        Some(b'?') => Ok(Cow::Owned(format!("/{path}"))),
        // RFC 9112 §3.2.4, RFC 9113 §8.3.1: "*" is the whole server, for OPTIONS only.
        Some(b'*') if is_asterisk(method, path) => Ok(Cow::Borrowed(path)),
        _ => Err(InvalidPath),
    }
}

/// Whether the target is the whole server (RFC 9110 §9.3.7).
pub(crate) fn is_asterisk(method: &Method, path: &str) -> bool {
    path == "*" && method == Method::OPTIONS
}

/// Whether a response cannot have content, whatever its fields say (RFC 9110 §6.4.1): any to
/// HEAD, 1xx, 204, 304. A 2xx to CONNECT has none either: what follows it is the tunnel
/// (RFC 9110 §9.3.6).
pub(crate) fn expects_no_content(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || (method == Method::CONNECT && status.is_success())
}
