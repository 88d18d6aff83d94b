//! The HTTP/2 engine: arithmetic on octets, instants and commands (RFC 9113, RFC 7541).
//!
//! Nothing here reads a socket, a clock or an environment variable, and nothing waits. The
//! [`Engine`] is the whole of it; the modules below are its parts, usable on their own.
//!
//! | module | does | refuses to |
//! |---|---|---|
//! | [`frame`] | parses and encodes frames | judge streams or HTTP |
//! | [`codec`] | finds frames in octets, gathers field blocks, lays out output | keep state of streams |
//! | [`hpack`] | compresses field lines | judge fields |
//! | [`message`] | turns field sections into heads and back | know streams |
//! | [`flow`] | counts windows and credit | know frames |
//! | [`engine`] | joins them by the rules of RFC 9113 | wait, wake, read a clock |

mod budget;
mod code;
pub mod codec;
pub mod consts;
pub mod engine;
pub mod flow;
pub mod frame;
pub mod hpack;
mod id;
pub mod message;
mod push;
mod schedule;
mod stream;
mod violation;

pub(crate) use self::stream::IdHasher;
pub use self::{
    budget::Limits,
    code::ErrorCode,
    engine::{Config, Engine},
    flow::Credit,
    id::StreamId,
    stream::State,
    violation::{Fault, Violation},
};
