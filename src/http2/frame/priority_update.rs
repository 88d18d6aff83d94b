//! PRIORITY_UPDATE (RFC 9218 §7.1).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation};

const ID_LEN: usize = 4;

/// A new priority for a stream, in words of the `priority` field.
///
/// ```text
/// | reserved (1) prioritized stream (31) | priority field value (*) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityUpdate<'a> {
    /// The stream whose priority it is; never zero.
    pub prioritized: StreamId,
    /// The value as in the `priority` field (RFC 9218 §5), not looked into.
    pub value: &'a [u8],
}

impl<'a> PriorityUpdate<'a> {
    /// Reads the frame after its header. That servers never send one is for the engine to say.
    ///
    /// # Errors
    /// A connection fault when it is on a stream, shorter than 4 octets, or about stream 0.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9218 §7.1: on a stream, "a connection error of type PROTOCOL_ERROR".
        if !header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::PriorityUpdateOnStream));
        }
        // RFC 9113 §4.2: "too small to contain mandatory frame data".
        let Some((id, value)) = payload.split_first_chunk::<ID_LEN>() else {
            return Err(Fault::Connection(Violation::PriorityUpdateLength));
        };
        let prioritized = StreamId::from_wire(u32::from_be_bytes(*id));
        // RFC 9218 §7.1: about stream 0, "a connection error of type PROTOCOL_ERROR".
        if prioritized.is_connection() {
            return Err(Fault::Connection(Violation::PriorityUpdateId));
        }
        Ok(Self { prioritized, value })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let octets = ID_LEN + self.value.len();
        let stream_id = StreamId::CONNECTION;
        FrameHeader::of(FrameType::PRIORITY_UPDATE, Flags::NONE, stream_id, octets).encode(out);
        out.put_u32(self.prioritized.as_u32());
        out.put_slice(self.value);
    }
}
