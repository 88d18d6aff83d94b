//! towline: an outbound HTTP transport for tower, with its own HTTP/2 engine.

mod body;
mod client;
mod clock;
pub mod config;
pub mod connect;
mod driver;
pub mod error;
mod headers;
pub mod http2;
pub mod netloc;
mod pool;

pub use self::{
    body::ResponseBody,
    client::{ConnectionInfo, ResponseFuture, Transport, TransportBuilder},
    error::Error,
    netloc::Netloc,
};
