//! Frames that no RFC we know defines (RFC 9113 §5.5).

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::StreamId;

/// A frame of a type we do not know: "Implementations MUST ignore and discard frames of unknown
/// types" (RFC 9113 §4.1). It is handed up so that its number can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown<'a> {
    /// The type.
    pub frame_type: FrameType,
    /// The flags, whatever they mean.
    pub flags: Flags,
    /// The stream, or [`StreamId::CONNECTION`].
    pub stream_id: StreamId,
    /// The payload as it came.
    pub payload: &'a [u8],
}

impl<'a> Unknown<'a> {
    /// Reads the frame after its header. Nothing can be wrong with it.
    #[must_use]
    pub const fn parse(header: FrameHeader, payload: &'a [u8]) -> Self {
        Self {
            frame_type: header.frame_type,
            flags: header.flags,
            stream_id: header.stream_id,
            payload,
        }
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let octets = self.payload.len();
        FrameHeader::of(self.frame_type, self.flags, self.stream_id, octets).encode(out);
        out.put_slice(self.payload);
    }
}
