//! CONTINUATION (RFC 9113 §6.10).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation};

/// A further fragment of the field block that the frame before it began.
///
/// ```text
/// | fragment (*) |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuation<'a> {
    /// The stream of the frame that began the block.
    pub stream_id: StreamId,
    /// Whether the field block is complete.
    pub end_headers: bool,
    /// This frame's share of the field block.
    pub fragment: &'a [u8],
}

impl<'a> Continuation<'a> {
    /// Reads the frame after its header. Whether a block is being continued is for
    /// [`Reader`](crate::http2::codec::Reader) to know.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.10: on stream 0, "a connection error of type PROTOCOL_ERROR".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::ContinuationOnConnection));
        }
        Ok(Self {
            stream_id: header.stream_id,
            end_headers: header.flags.contains(Flags::END_HEADERS),
            fragment: payload,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::END_HEADERS.when(self.end_headers);
        let octets = self.fragment.len();
        FrameHeader::of(FrameType::CONTINUATION, flags, self.stream_id, octets).encode(out);
        out.put_slice(self.fragment);
    }
}
