//! One connection under the caller's hand, of either protocol: against the servers that Rust programs
//! run, and against one that says exactly what a test tells it to. The ids are those of the rows of
//! hyper 0.3.1's behaviour that a test shows.

#[path = "connection/ends.rs"]
mod ends;
#[path = "connection/http1.rs"]
mod http1;
#[path = "connection/http1_requests.rs"]
mod http1_requests;
#[path = "connection/making.rs"]
mod making;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "connection/pushes.rs"]
mod pushes;
#[path = "connection/ready.rs"]
mod ready;
#[path = "connection/requests.rs"]
mod requests;
#[path = "connection/responses.rs"]
mod responses;
#[path = "connection/support.rs"]
mod support;
#[path = "connection/upload.rs"]
mod upload;
