//! Tunnels: CONNECT by a proxy and extended CONNECT, on HTTP/2, against the servers that Rust
//! programs run, and against one that says exactly what a test tells it to.
//!
//! Spec: RFC 9110 §9.3.6, RFC 9113 §8.5, RFC 8441.

#[path = "tunnel/ends.rs"]
mod ends;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
