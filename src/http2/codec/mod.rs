//! Octets of a connection to frames, and frames to octets.
//!
//! Owns: where one frame ends and the next begins, the gathering and the splitting of field
//! blocks over CONTINUATION, and how octets lie in the buffers on both sides.
//! Refuses: to read or write a socket; to decode a field block; to know a stream.
//! Spec: RFC 9113 §4.1, §4.2, §6.10.

mod reader;
pub mod writer;

#[cfg(test)]
mod tests;

pub use self::{
    reader::{BlockLimits, BlockOrigin, FieldBlock, Inbound, Reader},
    writer::Output,
};
