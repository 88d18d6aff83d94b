//! The HTTP/2 engine through its public door, filed by section of RFC 9113.
//!
//! Each test is a transcript of one rule: what the peer sends, what the engine answers, what it
//! reports, and that nothing is left behind.

#[path = "rfc9113/constants.rs"]
mod constants;
#[path = "rfc9113/section_3_starting.rs"]
mod section_3_starting;
#[path = "rfc9113/section_4_frames.rs"]
mod section_4_frames;
#[path = "support/mod.rs"]
mod support;
