//! The HTTP/1.1 engine through its public door, filed by section of RFC 9112.
//!
//! Each test is a transcript of one rule: what the server sends, what the engine sends, what it
//! reports, and that nothing is left behind.

#[path = "rfc9112/cancels.rs"]
mod cancels;
#[path = "rfc9112/expectations.rs"]
mod expectations;
#[path = "rfc9112/limits.rs"]
mod limits;
#[path = "rfc9112/malformed.rs"]
mod malformed;
#[path = "rfc9112/operations.rs"]
mod operations;
#[path = "rfc9112/properties.rs"]
mod properties;
#[path = "rfc9112/script.rs"]
mod script;
#[path = "rfc9112/section_3_requests.rs"]
mod section_3_requests;
#[path = "rfc9112/section_4_heads.rs"]
mod section_4_heads;
#[path = "rfc9112/section_6_request_bodies.rs"]
mod section_6_request_bodies;
#[path = "rfc9112/section_6_response_bodies.rs"]
mod section_6_response_bodies;
#[path = "rfc9112/section_7_chunked.rs"]
mod section_7_chunked;
#[path = "rfc9112/section_8_incomplete.rs"]
mod section_8_incomplete;
#[path = "rfc9112/section_9_connections.rs"]
mod section_9_connections;
#[path = "rfc9112/upgrades.rs"]
mod upgrades;
