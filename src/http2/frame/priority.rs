//! PRIORITY (RFC 9113 §6.3), deprecated but still to be read.

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation};

/// The priority signal of RFC 7540, which RFC 9113 §5.3.2 deprecates.
///
/// ```text
/// | exclusive (1) | dependency (31) | weight (8) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriorityFields {
    /// The stream that this one depends on.
    pub dependency: StreamId,
    /// Whether it is to be the only one to do so.
    pub exclusive: bool,
    /// The weight as the octet on the wire; it means one more than it says.
    pub weight: u8,
}

impl PriorityFields {
    /// Octets of the three fields.
    pub const LEN: usize = 5;

    pub(super) const fn parse(octets: &[u8; Self::LEN]) -> Self {
        let [d0, d1, d2, d3, weight] = *octets;
        Self {
            dependency: StreamId::from_wire(u32::from_be_bytes([d0, d1, d2, d3])),
            exclusive: d0 & 0x80 != 0,
            weight,
        }
    }

    pub(super) fn encode(self, out: &mut BytesMut) {
        let exclusive = if self.exclusive { 0x8000_0000 } else { 0 };
        out.put_u32(self.dependency.as_u32() | exclusive);
        out.put_u8(self.weight);
    }
}

/// A priority signal on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// The stream.
    pub stream_id: StreamId,
    /// The signal.
    pub fields: PriorityFields,
}

impl Priority {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0; a stream fault when it is not 5 octets long.
    pub fn parse(header: FrameHeader, payload: &[u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.3: on stream 0, "a connection error of type PROTOCOL_ERROR".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::PriorityOnConnection));
        }
        // RFC 9113 §6.3: another length is "a stream error of type FRAME_SIZE_ERROR".
        let Ok(octets) = payload.try_into() else {
            return Err(Fault::Stream(header.stream_id, Violation::PriorityLength));
        };
        Ok(Self {
            stream_id: header.stream_id,
            fields: PriorityFields::parse(octets),
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let octets = PriorityFields::LEN;
        FrameHeader::of(FrameType::PRIORITY, Flags::NONE, self.stream_id, octets).encode(out);
        self.fields.encode(out);
    }
}
