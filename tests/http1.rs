//! The transport over HTTP/1.1, against the servers that Rust programs run, and against one that
//! says exactly what a test tells it to. Filed by what is exchanged, and by what goes wrong. What is
//! the same on HTTP/2 is tested on both, in `either`.
//!
//! Spec: RFC 9110, RFC 9112.

#[path = "http1/cancel.rs"]
mod cancel;
#[path = "http1/either.rs"]
mod either;
#[path = "http1/fallback.rs"]
mod fallback;
#[path = "http1/hostile.rs"]
mod hostile;
#[path = "http1/keep_alive.rs"]
mod keep_alive;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "http1/pool.rs"]
mod pool;
#[path = "http1/pressure.rs"]
mod pressure;
#[path = "http1/requests.rs"]
mod requests;
#[path = "http1/responses.rs"]
mod responses;
#[path = "http1/retry.rs"]
mod retry;
#[path = "http1/switch.rs"]
mod switch;
#[path = "http1/timeouts.rs"]
mod timeouts;
#[path = "http1/upload.rs"]
mod upload;
