//! towline: an outbound HTTP transport for tower, with its own HTTP/2 engine.

mod clock;
pub mod error;
pub mod http2;
pub mod netloc;
mod pool;

pub use self::{error::Error, netloc::Netloc};
