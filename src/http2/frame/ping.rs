//! PING (RFC 9113 §6.7).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation, consts::PING_LEN};

/// A question that is answered with the same octets.
///
/// ```text
/// | opaque data (64) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Whether this is the answer.
    pub ack: bool,
    /// The opaque data.
    pub payload: [u8; PING_LEN],
}

impl Ping {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on a stream or not 8 octets long.
    pub fn parse(header: FrameHeader, payload: &[u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.7: on a stream, "a connection error of type PROTOCOL_ERROR".
        if !header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::PingOnStream));
        }
        // RFC 9113 §6.7: another length is "a connection error of type FRAME_SIZE_ERROR".
        let payload = payload
            .try_into()
            .map_err(|_| Fault::Connection(Violation::PingLength))?;
        Ok(Self {
            ack: header.flags.contains(Flags::ACK),
            payload,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::ACK.when(self.ack);
        FrameHeader::of(FrameType::PING, flags, StreamId::CONNECTION, PING_LEN).encode(out);
        out.put_slice(&self.payload);
    }
}
