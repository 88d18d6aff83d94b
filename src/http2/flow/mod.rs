//! Flow control (RFC 9113 §5.2, §6.9): windows, the credit that is owed for octets, and the policy
//! that turns credit into WINDOW_UPDATE.
//!
//! Owns: the arithmetic of both directions. Never: looks at streams, frames or a clock.

mod credit;
mod manager;
mod window;

pub use self::{
    credit::Credit,
    manager::Refill,
    window::{RecvWindow, SendWindow},
};
