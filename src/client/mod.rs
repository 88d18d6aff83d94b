//! The transport: from a request to a connection, and from a stream to a response.
//!
//! Owns: the joining of pool, connector and driver, which do not know each other; what is sent
//! again by itself; and the public service.

mod builder;
pub mod connection;
mod decoding;
mod dialer;
mod future;
mod info;
pub mod mounts;
mod pending;
mod proxy;
mod pushed;
mod settings;
mod transport;

pub use self::{
    builder::TransportBuilder, future::ResponseFuture, info::ConnectionInfo, proxy::Proxy,
    transport::Transport,
};
