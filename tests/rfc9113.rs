//! The HTTP/2 engine through its public door, filed by section of RFC 9113.
//!
//! Each test is a transcript of one rule: what the peer sends, what the engine answers, what it
//! reports, and that nothing is left behind.

#[path = "rfc9113/constants.rs"]
mod constants;
#[path = "rfc9113/link.rs"]
mod link;
#[path = "rfc9113/operations.rs"]
mod operations;
#[path = "rfc9113/section_10_cancels.rs"]
mod section_10_cancels;
#[path = "rfc9113/section_10_limits.rs"]
mod section_10_limits;
#[path = "rfc9113/section_10_pushes.rs"]
mod section_10_pushes;
#[path = "rfc9113/section_3_starting.rs"]
mod section_3_starting;
#[path = "rfc9113/section_4_frames.rs"]
mod section_4_frames;
#[path = "rfc9113/section_5_adaptive.rs"]
mod section_5_adaptive;
#[path = "rfc9113/section_5_flow_control.rs"]
mod section_5_flow_control;
#[path = "rfc9113/section_5_hyper.rs"]
mod section_5_hyper;
#[path = "rfc9113/section_5_streams.rs"]
mod section_5_streams;
#[path = "rfc9113/section_5_window_managers.rs"]
mod section_5_window_managers;
#[path = "rfc9113/section_6_goaway.rs"]
mod section_6_goaway;
#[path = "rfc9113/section_6_ping_push.rs"]
mod section_6_ping_push;
#[path = "rfc9113/section_6_settings.rs"]
mod section_6_settings;
#[path = "rfc9113/section_6_settings_effects.rs"]
mod section_6_settings_effects;
#[path = "rfc9113/section_8_connect.rs"]
mod section_8_connect;
#[path = "rfc9113/section_8_promises.rs"]
mod section_8_promises;
#[path = "rfc9113/section_8_push.rs"]
mod section_8_push;
#[path = "rfc9113/section_8_push_endings.rs"]
mod section_8_push_endings;
#[path = "rfc9113/section_8_requests.rs"]
mod section_8_requests;
#[path = "rfc9113/section_8_responses.rs"]
mod section_8_responses;
#[path = "support/mod.rs"]
mod support;
