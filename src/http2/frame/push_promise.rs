//! PUSH_PROMISE (RFC 9113 §6.6).

use bytes::{BufMut, BytesMut};

use super::{
    Flags, FrameHeader, FrameType,
    padding::{self, Shape},
};
use crate::http2::{Fault, StreamId, Violation};

const ID_LEN: usize = 4;
const SHAPE: Shape = Shape {
    fixed: ID_LEN,
    length: Violation::PushPromiseLength,
    padding: Violation::PushPromisePadding,
};

/// The first fragment of the request that a server promises to answer unasked.
///
/// ```text
/// | pad length (8)? | reserved (1) promised stream (31) | fragment (*) | padding (*)? |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushPromise<'a> {
    /// The stream that the promise is made on.
    pub stream_id: StreamId,
    /// The stream that is promised: a server's, so even and not zero.
    pub promised: StreamId,
    /// Whether the field block is complete.
    pub end_headers: bool,
    /// This frame's share of the field block, without padding.
    pub fragment: &'a [u8],
    /// Octets of padding after the fragment.
    pub padding: Option<u8>,
}

impl<'a> PushPromise<'a> {
    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on stream 0, promises a stream that no server opens, lacks
    /// its fixed fields or is padded too far (RFC 9113 §4.2: it carries a field block).
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.6: on stream 0, "a connection error of type PROTOCOL_ERROR".
        if header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::PushPromiseOnConnection));
        }
        let (content, padding) = padding::strip(&header, payload, &SHAPE)?;
        let (id, fragment) = content
            .split_first_chunk::<ID_LEN>()
            .ok_or(Fault::Connection(Violation::PushPromiseLength))?;
        let promised = StreamId::from_wire(u32::from_be_bytes(*id));
        // RFC 9113 §6.6: the promised identifier "MUST be a valid choice for the next stream sent
        // by the sender"; §5.1.1: a server's are even. That it is new is for the stream table.
        if !promised.is_server() {
            return Err(Fault::Connection(Violation::PushPromiseId));
        }
        Ok(Self {
            stream_id: header.stream_id,
            promised,
            end_headers: header.flags.contains(Flags::END_HEADERS),
            fragment,
            padding,
        })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::END_HEADERS.when(self.end_headers) | padding::flag(self.padding);
        let octets = ID_LEN + self.fragment.len() + padding::overhead(self.padding);
        FrameHeader::of(FrameType::PUSH_PROMISE, flags, self.stream_id, octets).encode(out);
        padding::encode_length(self.padding, out);
        out.put_u32(self.promised.as_u32());
        out.put_slice(self.fragment);
        padding::encode(self.padding, out);
    }
}
