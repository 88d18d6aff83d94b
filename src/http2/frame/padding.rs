//! Padding, which DATA, HEADERS and PUSH_PROMISE share.
//!
//! Owns: the one place that trusts, or refuses, a pad length.
//! Spec: RFC 9113 §6.1, §6.2, §6.6.

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader};
use crate::http2::{Fault, Violation};

/// What one frame type calls its faults, and the octets it cannot do without.
pub(super) struct Shape {
    /// Octets that stand between the pad length and the variable part.
    pub(super) fixed: usize,
    /// The payload is too short for pad length and fixed fields.
    pub(super) length: Violation,
    /// The padding reaches into the fixed fields or beyond the payload.
    pub(super) padding: Violation,
}

/// Takes pad length and padding off: what is left has at least `shape.fixed` octets.
pub(super) fn strip<'a>(
    header: &FrameHeader,
    payload: &'a [u8],
    shape: &Shape,
) -> Result<(&'a [u8], Option<u8>), Fault> {
    let (padding, rest) = if header.flags.contains(Flags::PADDED) {
        // RFC 9113 §4.2: "too small to contain mandatory frame data".
        let (padding, rest) = payload
            .split_first()
            .ok_or(Fault::Connection(shape.length))?;
        (Some(*padding), rest)
    } else {
        (None, payload)
    };
    let Some(room) = rest.len().checked_sub(shape.fixed) else {
        return Err(Fault::Connection(shape.length));
    };
    // RFC 9113 §6.1, §6.2, §6.6: padding beyond what is left is a connection error.
    let Some(variable) = room.checked_sub(usize::from(padding.unwrap_or(0))) else {
        return Err(Fault::Connection(shape.padding));
    };
    Ok((&rest[..shape.fixed + variable], padding))
}

/// PADDED if there is padding; none and zero octets of it are different frames.
pub(super) const fn flag(padding: Option<u8>) -> Flags {
    Flags::PADDED.when(padding.is_some())
}

/// What padding adds to a payload, its pad length octet included.
pub(super) fn overhead(padding: Option<u8>) -> usize {
    padding.map_or(0, |octets| 1 + usize::from(octets))
}

/// Appends the pad length, if there is one.
pub(super) fn encode_length(padding: Option<u8>, out: &mut BytesMut) {
    if let Some(octets) = padding {
        out.put_u8(octets);
    }
}

/// Appends the padding: "padding octets MUST be set to zero when sending" (RFC 9113 §6.1).
pub(super) fn encode(padding: Option<u8>, out: &mut BytesMut) {
    out.put_bytes(0, usize::from(padding.unwrap_or(0)));
}
