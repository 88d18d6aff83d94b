//! What a push has from the request that it was promised to.
//!
//! Owns: what makes a request its user's own. Never: decides what that means for a push; that is
//! for whoever would give it to another.
//! Spec: RFC 9110 §11.6.2, §11.7.2; RFC 6265 §5.4.

use http::{HeaderMap, HeaderName, header, request};

use crate::decode::Decoding;

/// What of a request matters to whoever holds what is promised to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parent {
    pub(super) has_credentials: bool,
    pub(super) decoding: Option<Decoding>,
}

/// Fields by which a request says who asks (RFC 9110 §11.6.2, §11.7.2; RFC 6265 §5.4).
const CREDENTIALS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
];

impl Parent {
    /// Of a request as it is sent.
    pub(crate) fn of(request: &request::Parts) -> Self {
        Self {
            has_credentials: has_credentials(&request.headers),
            decoding: request.extensions.get().copied(),
        }
    }
}

/// Whether a request with these fields says who asks.
pub(crate) fn has_credentials(headers: &HeaderMap) -> bool {
    !headers.is_empty() && CREDENTIALS.iter().any(|name| headers.contains_key(name))
}
