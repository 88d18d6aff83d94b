//! HEADERS (RFC 9113 §6.2).

use bytes::{BufMut, BytesMut};

use super::{
    Flags, FrameHeader, FrameType, PriorityFields,
    padding::{self, Shape},
};
use crate::http2::{Fault, StreamId, Violation};

const PLAIN: Shape = Shape {
    fixed: 0,
    length: Violation::HeadersLength,
    padding: Violation::HeadersPadding,
};
const WITH_PRIORITY: Shape = Shape {
    fixed: PriorityFields::LEN,
    ..PLAIN
};

/// The first fragment of a field block that opens a stream or ends a message.
///
/// ```text
/// | pad length (8)? | exclusive (1) dependency (31) weight (8)? | fragment (*) | padding (*)? |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The stream.
    pub stream_id: StreamId,
    /// Whether the sender is done with the stream; CONTINUATION frames still belong to this one.
    pub end_stream: bool,
    /// Whether the field block is complete.
    pub end_headers: bool,
    /// The deprecated priority signal, which nobody has to heed (RFC 9113 §5.3.2). That a stream
    /// may not depend on itself was a rule of RFC 7540 and is none of RFC 9113.
    pub priority: Option<PriorityFields>,
    /// This frame's share of the field block, without padding.
    pub fragment: &'a [u8],
    /// Octets of padding after the fragment.
    pub padding: Option<u8>,
}

impl<'a> Headers<'a> {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0, lacks its fixed fields or is padded too far: to
    /// lose a fragment is to lose the state of the field decoder (RFC 9113 §4.2).
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.2: "MUST be associated with a stream".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::HeadersOnConnection));
        }
        let (priority, fragment, padding) = if header.flags.contains(Flags::PRIORITY) {
            let (content, padding) = padding::strip(&header, payload, &WITH_PRIORITY)?;
            let (fields, fragment) = content
                .split_first_chunk()
                .ok_or(Fault::Connection(Violation::HeadersLength))?;
            (Some(PriorityFields::parse(fields)), fragment, padding)
        } else {
            let (fragment, padding) = padding::strip(&header, payload, &PLAIN)?;
            (None, fragment, padding)
        };
        Ok(Self {
            stream_id: header.stream_id,
            end_stream: header.flags.contains(Flags::END_STREAM),
            end_headers: header.flags.contains(Flags::END_HEADERS),
            priority,
            fragment,
            padding,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::END_STREAM.when(self.end_stream)
            | Flags::END_HEADERS.when(self.end_headers)
            | Flags::PRIORITY.when(self.priority.is_some())
            | padding::flag(self.padding);
        let octets = self.fragment.len()
            + self.priority.map_or(0, |_| PriorityFields::LEN)
            + padding::overhead(self.padding);
        FrameHeader::of(FrameType::HEADERS, flags, self.stream_id, octets).encode(out);
        padding::encode_length(self.padding, out);
        if let Some(fields) = self.priority {
            fields.encode(out);
        }
        out.put_slice(self.fragment);
        padding::encode(self.padding, out);
    }
}
