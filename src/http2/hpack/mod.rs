//! HPACK: field sections as field blocks and back (RFC 7541).
//!
//! A connection has one [`Encoder`] and one [`Decoder`]. Each sees all blocks of its direction, of
//! whatever stream, in the order of the wire: a block that is left out, or decoded in part, leaves
//! the dynamic table out of step with the peer's for good (RFC 7541 §2.2).
//!
//! ```
//! use bytes::BytesMut;
//! use towline::http2::hpack::{Decoder, Encoder, FieldRef, Limits, Outcome};
//!
//! let mut block = BytesMut::new();
//! let fields = [FieldRef::new(b":method", b"GET"), FieldRef::new(b"accept", b"text/plain")];
//! Encoder::new(4096).encode(fields, &mut block);
//!
//! let mut decoded = Vec::new();
//! let outcome = Decoder::new(4096).decode(&block, Limits::default(), &mut |field| decoded.push(field));
//! assert_eq!(outcome, Ok(Outcome::Complete));
//! assert_eq!(decoded[1].as_ref(), fields[1]);
//! ```

mod arena;
mod decoder;
mod dynamic_table;
mod encoder;
mod error;
mod field;
mod hash;
mod huffman;
mod huffman_table;
mod indexing;
mod integer;
mod search_table;
mod slots;
mod static_table;
mod string;

pub use self::{
    decoder::{Decoder, Limits, Outcome},
    encoder::Encoder,
    error::DecodeError,
    field::{Field, FieldName, FieldRef, FieldValue, Pseudo},
};
