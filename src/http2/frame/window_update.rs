//! WINDOW_UPDATE (RFC 9113 §6.9).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation, consts::MAX_WINDOW_SIZE};

const LEN: usize = 4;

/// Leave to send more DATA, on a stream or on the whole connection.
///
/// ```text
/// | reserved (1) | window size increment (31) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowUpdate {
    /// The stream, or [`StreamId::CONNECTION`].
    pub stream_id: StreamId,
    /// Octets, from 1 to 2^31-1.
    pub increment: u32,
}

impl WindowUpdate {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is not 4 octets long; when the increment is zero, a fault of
    /// what it was meant for.
    pub fn parse(header: FrameHeader, payload: &[u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.9: another length is "a connection error of type FRAME_SIZE_ERROR".
        let octets: [u8; LEN] = payload
            .try_into()
            .map_err(|_| Fault::Connection(Violation::WindowUpdateLength))?;
        let stream_id = header.stream_id;
        match u32::from_be_bytes(octets) & MAX_WINDOW_SIZE {
            // RFC 9113 §6.9: an increment of 0 is a stream error; "errors on the connection
            // flow-control window MUST be treated as a connection error".
            0 if stream_id.is_connection() => Err(Fault::Connection(Violation::WindowUpdateZero)),
            0 => Err(Fault::Stream(stream_id, Violation::WindowUpdateZero)),
            increment => Ok(Self {
                stream_id,
                increment,
            }),
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        debug_assert!(
            (1..=MAX_WINDOW_SIZE).contains(&self.increment),
            "an increment of {} is a fault of ours",
            self.increment
        );
        FrameHeader::of(FrameType::WINDOW_UPDATE, Flags::NONE, self.stream_id, LEN).encode(out);
        out.put_u32(self.increment);
    }
}
