//! The HTTP/2 engine: arithmetic on octets, instants and commands (RFC 9113, RFC 7541).
//!
//! Nothing here reads a socket, a clock or an environment variable, and nothing waits.

mod code;
pub mod consts;
pub mod hpack;
mod id;
mod violation;

pub use self::{
    code::ErrorCode,
    id::StreamId,
    violation::{Fault, Violation},
};
