//! Reading a response body by methods: how much, how far, and that nothing is ever lost.

#[path = "reading/cancel.rs"]
mod cancel;
#[path = "decode/canned.rs"]
#[expect(dead_code, reason = "the tests of decoding use the rest")]
mod canned;
#[path = "reading/examples.rs"]
mod examples;
#[path = "reading/limits.rs"]
mod limits;
#[path = "reading/mixed.rs"]
mod mixed;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "reading/reader.rs"]
mod reader;
#[path = "reading/support.rs"]
mod support;
