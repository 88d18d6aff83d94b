//! Priorities, filed by section of RFC 9218: transcripts of the engine through its public door, and
//! the transport against servers that tell what they were told.
//!
//! How a value is read and written is tested beside the code.

#[path = "rfc9218/on_the_wire.rs"]
mod on_the_wire;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "rfc9218/properties.rs"]
mod properties;
#[path = "rfc9218/section_10_scheduling.rs"]
mod section_10_scheduling;
#[path = "rfc9218/section_5_field.rs"]
mod section_5_field;
#[path = "rfc9218/section_7_update.rs"]
mod section_7_update;
#[expect(dead_code, reason = "each test uses its own part of the support")]
#[path = "support/mod.rs"]
mod support;

use towline::priority::{Priority, Urgency};

/// `u=urgency`.
fn urgent(urgency: u8) -> Priority {
    Priority::new(Urgency::new(urgency).expect("an urgency of a test"))
}

/// `u=urgency, i`.
fn shared(urgency: u8) -> Priority {
    urgent(urgency).incremental(true)
}
