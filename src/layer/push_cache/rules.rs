//! Whether a pushed response may answer a request.
//!
//! Owns: the reading of the response's fields. What a server says of freshness is left to
//! `http-cache-semantics`, which reads directives in lower case only and adds up ages without a
//! bound: it gets them so that it can.
//! Spec: RFC 9111 §3, §4.1, §4.2, §5.1; RFC 9113 §8.4.

use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_cache_semantics::{CacheOptions, CachePolicy};

use crate::clock::Moment;

/// What is known of a push beside its response.
#[derive(Debug)]
pub(super) struct Circumstances {
    /// The request that the server has made up.
    pub(super) promised: Request<()>,
    /// When it was promised: the response is no older than that.
    pub(super) since: Moment,
    /// Whether its stream was still open when it was asked for.
    pub(super) was_open: bool,
    /// Whether all who ask are one user.
    pub(super) is_private: bool,
}

/// RFC 9111 §1.2.2: delta-seconds too large to be held are taken for this many.
const MAX_DELTA_SECONDS: u64 = 1 << 31;

impl Circumstances {
    /// Makes a response the answer to a request with these fields; false if it must not be.
    pub(super) fn admit<B>(&self, asked: &HeaderMap, response: &mut Response<B>) -> bool {
        let headers = response.headers();
        if !varies_alike(headers, self.promised.headers(), asked) {
            return false;
        }
        // RFC 9111 §7.3 leaves it to us: a cookie that is meant for one must not reach another.
        if !self.is_private && headers.contains_key(header::SET_COOKIE) {
            return false;
        }
        let policy = self.policy(response);
        // RFC 9111 §3.
        if !policy.is_storable() {
            return false;
        }
        // RFC 9113 §8.4: while its stream is open, "considered successfully validated".
        if self.was_open {
            return true;
        }
        let today = self.since.today();
        if policy.is_stale(today) {
            return false;
        }
        // RFC 9111 §5.1: without validation, a cache "MUST generate an Age".
        let age = HeaderValue::from(policy.age(today).as_secs());
        response.headers_mut().insert(header::AGE, age);
        true
    }

    fn policy<B>(&self, response: &Response<B>) -> CachePolicy {
        let options = CacheOptions {
            shared: !self.is_private,
            ..CacheOptions::default()
        };
        let mut readable = Response::new(());
        *readable.status_mut() = response.status();
        *readable.headers_mut() = readable_fields(response.headers());
        CachePolicy::new_options(&self.promised, &readable, self.since.date(), options)
    }
}

/// RFC 9111 §4.1: whether each field that the response names is the same in both requests.
fn varies_alike(response: &HeaderMap, promised: &HeaderMap, asked: &HeaderMap) -> bool {
    for line in response.get_all(header::VARY) {
        let Ok(line) = line.to_str() else {
            return false;
        };
        let names = line.split(',').map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            let is_alike = promised.get_all(name).iter().eq(asked.get_all(name));
            // "A stored response with a Vary header field value containing a member "*" always fails
            // to match."
            if name == "*" || !is_alike {
                return false;
            }
        }
    }
    true
}

/// The fields, with directives in lower case (RFC 9111 §5.2: they are case-insensitive) and an age
/// that can be added to.
fn readable_fields(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    if let header::Entry::Occupied(mut lines) = headers.entry(header::CACHE_CONTROL) {
        for line in lines.iter_mut() {
            let lower = line.as_bytes().to_ascii_lowercase();
            if let Ok(lower) = HeaderValue::from_bytes(&lower) {
                *line = lower;
            }
        }
    }
    if let header::Entry::Occupied(mut age) = headers.entry(header::AGE) {
        let text = age.get().to_str().unwrap_or_default();
        let is_number = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        let seconds = match text.parse() {
            Ok(seconds) => MAX_DELTA_SECONDS.min(seconds),
            Err(_) if is_number => MAX_DELTA_SECONDS,
            // RFC 9111 §5.1: what is no age is ignored.
            Err(_) => 0,
        };
        age.insert(HeaderValue::from(seconds));
    }
    headers
}
