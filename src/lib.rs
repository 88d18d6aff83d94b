//! towline: an outbound HTTP transport for tower, with its own HTTP/2 engine.

mod clock;
pub mod connect;
pub mod error;
mod headers;
pub mod http2;
pub mod netloc;
mod pool;

pub use self::{error::Error, netloc::Netloc};
