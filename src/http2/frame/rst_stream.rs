//! RST_STREAM (RFC 9113 §6.4).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{ErrorCode, Fault, StreamId, Violation};

const LEN: usize = 4;

/// The end of a stream before its time.
///
/// ```text
/// | error code (32) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RstStream {
    /// The stream.
    pub stream_id: StreamId,
    /// Why.
    pub code: ErrorCode,
}

impl RstStream {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0 or not 4 octets long.
    pub fn parse(header: FrameHeader, payload: &[u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.4: on stream 0, "a connection error of type PROTOCOL_ERROR".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::ResetOnConnection));
        }
        // RFC 9113 §6.4: another length is "a connection error of type FRAME_SIZE_ERROR".
        let octets: [u8; LEN] = payload
            .try_into()
            .map_err(|_| Fault::Connection(Violation::ResetLength))?;
        Ok(Self {
            stream_id: header.stream_id,
            code: ErrorCode::from(u32::from_be_bytes(octets)),
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        FrameHeader::of(FrameType::RST_STREAM, Flags::NONE, self.stream_id, LEN).encode(out);
        out.put_u32(self.code.as_u32());
    }
}
