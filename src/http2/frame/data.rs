//! DATA (RFC 9113 §6.1).

use bytes::{BufMut, BytesMut};

use super::{
    Flags, FrameHeader, FrameType,
    padding::{self, Shape},
};
use crate::http2::{Fault, StreamId, Violation};

const SHAPE: Shape = Shape {
    fixed: 0,
    length: Violation::DataLength,
    padding: Violation::DataPadding,
};

/// A piece of a message's content.
///
/// ```text
/// | pad length (8)? | data (*) | padding (*)? |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// The stream.
    pub stream_id: StreamId,
    /// Whether the sender is done with the stream.
    pub end_stream: bool,
    /// The content, without padding.
    pub data: &'a [u8],
    /// Octets of padding after the data; `Some(0)` is a pad length alone.
    pub padding: Option<u8>,
}

impl<'a> Data<'a> {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0 or its pad length is missing or too large.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.1: "MUST be associated with a stream".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::DataOnConnection));
        }
        let (data, padding) = padding::strip(&header, payload, &SHAPE)?;
        Ok(Self {
            stream_id: header.stream_id,
            end_stream: header.flags.contains(Flags::END_STREAM),
            data,
            padding,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::END_STREAM.when(self.end_stream) | padding::flag(self.padding);
        FrameHeader::of(FrameType::DATA, flags, self.stream_id, self.wire_len()).encode(out);
        padding::encode_length(self.padding, out);
        out.put_slice(self.data);
        padding::encode(self.padding, out);
    }

    /// Octets of payload, which is what flow control counts: "The entire DATA frame payload is
    /// included in flow control, including the Pad Length and Padding fields" (RFC 9113 §6.1).
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.data.len() + padding::overhead(self.padding)
    }
}
