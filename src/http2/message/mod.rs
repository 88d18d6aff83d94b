//! Field sections to heads of messages and back, and what is malformed.
//!
//! Owns: the rules of one field section: its pseudo-header fields, its names and values, what
//! may not cross from one connection to the next.
//! Refuses: to know HPACK, frames or streams; whether a head may come now, or whether the
//! content is as long as it says, is for the engine.
//! Spec: RFC 9113 §8.1 to §8.5, RFC 8441 §4, RFC 9110 §5, §6.4 to §6.6.

mod request;
mod section;

#[cfg(test)]
mod tests;

use http::{Method, StatusCode};

use crate::headers::target;

pub use self::{
    request::{Protocol, RequestError, RequestHead, has_trailer_fields, trailer_fields},
    section::{PromisedHead, ResponseHead, SectionBuilder},
};

/// Whether a response cannot have content, whatever its fields say (RFC 9110 §6.4.1): any to
/// HEAD, 1xx, 204, 304. A 2xx to CONNECT has none either: the DATA that follows it is the tunnel
/// (RFC 9110 §9.3.6).
#[must_use]
pub fn expects_no_content(method: &Method, status: StatusCode) -> bool {
    target::expects_no_content(method, status)
}
