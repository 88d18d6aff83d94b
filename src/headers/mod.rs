//! Rules about fields that HTTP/2 and HTTP/1.1 share.
//!
//! Owns: which fields belong to a connection and not to a message, which may not be trailers, how
//! content-length, te and an authority are read.
//! Refuses: to know how a message is framed, or in which version.
//! Spec: RFC 9110 §5.5, §6.5.1, §7.2, §7.6.1, §8.6, §10.1.4; RFC 9113 §8.2.2, §8.3.1.

pub(crate) mod authority;
pub(crate) mod content_length;

#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, header};

/// Whether the field is about one connection whatever `connection` says, so that no HTTP/2
/// message may have it (RFC 9113 §8.2.2). `te` is not among them: see [`te_asks_for_trailers`].
pub(crate) fn is_connection_specific(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a `connection` field names this one, and so makes it connection-specific (RFC 9110
/// §7.6.1).
pub(crate) fn is_nominated(headers: &HeaderMap, name: &HeaderName) -> bool {
    list(headers, &header::CONNECTION)
        .any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

/// Whether `te` has the member `trailers`, the only one that HTTP/2 lets through (RFC 9113
/// §8.2.2, RFC 9110 §10.1.4).
pub(crate) fn te_asks_for_trailers(headers: &HeaderMap) -> bool {
    list(headers, &header::TE).any(|member| member.eq_ignore_ascii_case(b"trailers"))
}

/// Whether the field must stay out of a trailer section: it frames the message, routes or changes
/// the request, authenticates, or says how the content or the answer is to be handled, all of
/// which is needed before the content (RFC 9110 §6.5.1).
pub(crate) fn is_forbidden_in_trailers(name: &HeaderName) -> bool {
    is_connection_specific(name)
        || matches!(
            name.as_str(),
            // Framing and routing.
            "content-length" | "host" | "trailer"
            // Request modifiers, conditions among them.
            | "cache-control" | "expect" | "max-forwards" | "pragma" | "range" | "te"
            | "if-match" | "if-modified-since" | "if-none-match" | "if-range" | "if-unmodified-since"
            // Authentication and state.
            | "authorization" | "proxy-authenticate" | "proxy-authorization" | "www-authenticate"
            | "cookie" | "set-cookie"
            // How the content is to be read.
            | "content-encoding" | "content-range" | "content-type"
            // How the response is to be handled.
            | "age" | "date" | "expires" | "location" | "retry-after" | "vary" | "warning"
        )
}

/// Takes leading and trailing white space off, which is no part of a value (RFC 9110 §5.5).
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The members of a field that is a comma-separated list, over all its lines (RFC 9110 §5.6.1).
pub(crate) fn list<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|octet| *octet == b','))
        .map(trim)
}
