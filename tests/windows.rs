//! Window managers of the caller's own, from the builder and from a layer, against a real server.

#[path = "windows/choice.rs"]
mod choice;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "windows/stalls.rs"]
mod stalls;
#[path = "windows/support.rs"]
mod support;
