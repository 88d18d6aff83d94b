//! Content codings on their way in: gzip, deflate, brotli and zstd, undone as the octets come.
//!
//! Owns: how `content-encoding` is read, one decoder a coding, their stacking, and the bounds on
//! what they may give ([`Limits`]). Never: reads a socket or a clock, waits, or knows of messages;
//! octets go in by [`Decoder::push`] and come out by [`Decoder::pull`]. Memory is bounded by the
//! codings' windows, whatever comes in.
//! Spec: RFC 9110 §8.4; RFC 1950, 1951, 1952 (gzip, deflate), RFC 7932 (brotli), RFC 8878 and
//! RFC 9659 (zstd).
//!
//! A [`Transport`](crate::Transport) does all this by itself, see
//! [`TransportBuilder::decode`](crate::TransportBuilder::decode). By hand:
//!
//! ```
//! use towline::decode::{Coding, Decoder, Limits, Pulled};
//!
//! # fn main() -> Result<(), towline::decode::DecodeError> {
//! let mut decoder = Decoder::new(&[Coding::Deflate], Limits::default())?;
//! decoder.push(&b"\x78\xda\x2b\xc9\x2f\xcf\xc9\xcc\x4b\x55\x28"[..]);
//! decoder.push(&b"\xc9\x2f\x2f\x06\x00\x20\x79\x04\xf0"[..]);
//! decoder.finish();
//! let mut text = Vec::new();
//! while let Pulled::Data(data) = decoder.pull()? {
//!     text.extend_from_slice(&data);
//! }
//! assert_eq!(text, b"towline tows");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "brotli")]
mod brotli;
mod coding;
mod decoder;
mod deflate;
mod error;
mod gzip;
mod gzip_header;
mod inflate;
mod limits;
mod stage;
mod told;
#[cfg(feature = "zstd")]
mod zstd;

pub use self::{
    coding::{Coding, ContentEncoding},
    decoder::{Decoder, Pulled},
    error::{DecodeError, DecodeErrorKind},
    limits::Limits,
    told::{Decoded, Decoding},
};
