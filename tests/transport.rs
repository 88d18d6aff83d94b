//! The transport against the servers that Rust programs run, and against one that says exactly
//! what a test tells it to. Filed by what is exchanged, and by what goes wrong.

#[path = "transport/concurrency.rs"]
mod concurrency;
#[path = "transport/download.rs"]
mod download;
#[path = "transport/exchange.rs"]
mod exchange;
#[path = "transport/failure.rs"]
mod failure;
#[path = "transport/lifecycle.rs"]
mod lifecycle;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "transport/retry.rs"]
mod retry;
#[path = "transport/timeouts.rs"]
mod timeouts;
#[path = "transport/upload.rs"]
mod upload;
