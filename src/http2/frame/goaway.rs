//! GOAWAY (RFC 9113 §6.8).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{ErrorCode, Fault, StreamId, Violation};

/// Octets of last stream identifier and error code.
const FIXED_LEN: usize = 8;

/// The beginning of the end of a connection.
///
/// ```text
/// | reserved (1) last stream (31) | error code (32) | debug data (*) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// The highest stream that the sender processed, or may yet.
    pub last_stream_id: StreamId,
    /// Why.
    pub code: ErrorCode,
    /// Whatever the sender wished to say to a human; it may hold secrets (RFC 9113 §6.8).
    pub debug_data: &'a [u8],
}

impl<'a> GoAway<'a> {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on a stream or shorter than 8 octets.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.8: on a stream, "a connection error of type PROTOCOL_ERROR".
        if !header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::GoAwayOnStream));
        }
        // RFC 9113 §4.2: "too small to contain mandatory frame data".
        let Some((&[i0, i1, i2, i3, c0, c1, c2, c3], debug_data)) =
            payload.split_first_chunk::<FIXED_LEN>()
        else {
            return Err(Fault::Connection(Violation::GoAwayLength));
        };
        Ok(Self {
            last_stream_id: StreamId::from_wire(u32::from_be_bytes([i0, i1, i2, i3])),
            code: ErrorCode::from(u32::from_be_bytes([c0, c1, c2, c3])),
            debug_data,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let octets = FIXED_LEN + self.debug_data.len();
        let stream_id = StreamId::CONNECTION;
        FrameHeader::of(FrameType::GOAWAY, Flags::NONE, stream_id, octets).encode(out);
        out.put_u32(self.last_stream_id.as_u32());
        out.put_u32(self.code.as_u32());
        out.put_slice(self.debug_data);
    }
}
