//! Drivers: one task a connection, which owns the engine by value and moves its octets.
//!
//! Owns: the socket, the engine, and the only place where tasks are woken. A driver ends when its
//! connection is over, and leaves no caller waiting, however it ends.
//!
//! Callers reach a driver by its mailbox alone; it reaches them by their slots alone. No lock
//! guards protocol state.

mod deliver;
mod exchange;
mod expect;
mod failure;
mod handle;
mod http1;
mod http2;
mod mailbox;
mod outbound;
mod pace;
mod priority;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use self::{
    failure::Endpoint,
    handle::{Handle, Observer},
    http1::{Http1Config, Http1Driver},
    http2::{Http2Config, Http2Driver},
};
