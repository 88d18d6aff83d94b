//! What a request asks for, and whether it may be answered from a push at all.
//!
//! Owns: the conditions on requests. A request that wants anything special goes to the server.

use http::{HeaderName, Method, Request, Uri, header};
use http_body::Body;

use crate::{decode::Decoding, netloc::Netloc, protocols::Protocols, push::Push};

/// What is asked for, as far as it finds a push: method, scheme, host, port, path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    is_head: bool,
    netloc: Netloc,
    path: String,
}

/// Fields by which a request says who asks (RFC 9110 §11.6.2, §11.7.2; RFC 6265 §5.4).
const CREDENTIALS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
];

/// Fields that ask for something else than the whole of the present representation, as far as caches
/// may give it.
const SPECIAL: [HeaderName; 10] = [
    // RFC 9111 §5.2.1, §5.4: the request says itself what it takes from a cache.
    header::CACHE_CONTROL,
    header::PRAGMA,
    // RFC 9110 §14.2, §13.1.
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    // RFC 9110 §10.1.1.
    header::EXPECT,
    // It may name something else than the URI does.
    header::HOST,
];

/// Whether a request says who asks.
pub(super) fn has_credentials<B>(request: &Request<B>) -> bool {
    has_any(request, &CREDENTIALS)
}

fn has_any<B>(request: &Request<B>, names: &[HeaderName]) -> bool {
    let headers = request.headers();
    !headers.is_empty() && names.iter().any(|name| headers.contains_key(name))
}

impl Question {
    /// What a request asks for, if a push may answer it.
    pub(super) fn of<B: Body>(request: &Request<B>) -> Option<Self> {
        let extensions = request.extensions();
        let is_special = has_any(request, &SPECIAL)
            || !request.body().is_end_stream()
            // A push is decoded as the request that it came with, and comes over HTTP/2.
            || extensions.get::<Decoding>().is_some()
            || extensions.get() == Some(&Protocols::Http1);
        if is_special {
            return None;
        }
        Self::new(request.method(), request.uri())
    }

    /// What a push answers.
    pub(super) fn answered_by(push: &Push) -> Option<Self> {
        Self::new(push.method(), push.uri())
    }

    fn new(method: &Method, uri: &Uri) -> Option<Self> {
        let is_head = match *method {
            Method::GET => false,
            Method::HEAD => true,
            _ => return None,
        };
        Some(Self {
            is_head,
            netloc: Netloc::from_uri(uri).ok()?,
            path: path(uri).to_owned(),
        })
    }

    /// Whether it is about this resource, by whichever method.
    pub(super) fn is_about(&self, netloc: &Netloc, uri: &Uri) -> bool {
        self.path == path(uri) && self.netloc == *netloc
    }
}

/// RFC 9110 §4.2.3: an empty path is `/`.
fn path(uri: &Uri) -> &str {
    match uri.path_and_query().map_or("", |path| path.as_str()) {
        "" => "/",
        path => path,
    }
}
