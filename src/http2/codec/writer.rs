//! Frames to octets, laid out for one vectored write a batch.
//!
//! Owns: the splitting of field blocks by the peer's SETTINGS_MAX_FRAME_SIZE.
//! Refuses: to decide what is sent, or when.
//! Invariant: a frame is never begun before another has ended, since each call appends whole
//! frames.
//! Spec: RFC 9113 §4.1, §4.2, §6.2, §6.10.

use bytes::{BufMut, Bytes, BytesMut};

use crate::http2::{
    StreamId,
    consts::{FRAME_HEADER_LEN, MIN_MAX_FRAME_SIZE},
    frame::{Flags, FrameHeader, FrameType},
};

pub use crate::output::Output;

impl Output {
    /// Appends a frame with a payload that may be large: it is copied only if it is small.
    pub fn data(&mut self, header: FrameHeader, payload: Bytes) {
        debug_assert_eq!(
            u32::try_from(payload.len()),
            Ok(header.length),
            "a header tells the length of its payload"
        );
        header.encode(self.buffer());
        self.append(payload);
    }
}

/// Appends a field block that is encoded already, as HEADERS and as many CONTINUATION as it takes.
///
/// `max_frame_size` is the peer's; one below the least that a peer may ask for (RFC 9113 §6.5.2)
/// counts as that.
pub fn headers(
    out: &mut BytesMut,
    stream_id: StreamId,
    end_stream: bool,
    block: &[u8],
    max_frame_size: u32,
) {
    let mark = begin_headers(out);
    out.put_slice(block);
    finish_headers(out, mark, stream_id, end_stream, max_frame_size);
}

/// Where HEADERS began in a buffer; see [`begin_headers`].
#[derive(Debug)]
#[must_use = "the header is a blank until `finish_headers` fills it in"]
pub struct Mark {
    at: usize,
}

/// Leaves room for the header of HEADERS. The field block is then to be appended straight to
/// `out`, nothing else, until [`finish_headers`].
pub fn begin_headers(out: &mut BytesMut) -> Mark {
    let at = out.len();
    out.put_bytes(0, FRAME_HEADER_LEN);
    Mark { at }
}

/// Fills in the header before the field block that was appended since `mark`, and cuts what is
/// above `max_frame_size` into CONTINUATION frames; see [`headers`] for what counts.
#[expect(clippy::needless_pass_by_value, reason = "a mark is good for one time")]
pub fn finish_headers(
    out: &mut BytesMut,
    mark: Mark,
    stream_id: StreamId,
    end_stream: bool,
    max_frame_size: u32,
) {
    let max = usize::try_from(max_frame_size.max(MIN_MAX_FRAME_SIZE)).unwrap_or(usize::MAX);
    let block = mark.at + FRAME_HEADER_LEN;
    let octets = out.len() - block;
    let continuations = octets.saturating_sub(1) / max;
    out.put_bytes(0, continuations * FRAME_HEADER_LEN);

    // From the last fragment to the first, so that none is overwritten before it has moved.
    for index in (1..=continuations).rev() {
        let from = block + index * max;
        let len = (octets - index * max).min(max);
        let to = from + index * FRAME_HEADER_LEN;
        out.copy_within(from..from + len, to);
        let flags = Flags::END_HEADERS.when(index == continuations);
        let header = FrameHeader::of(FrameType::CONTINUATION, flags, stream_id, len);
        out[to - FRAME_HEADER_LEN..to].copy_from_slice(&header.octets());
    }
    let flags = Flags::END_STREAM.when(end_stream) | Flags::END_HEADERS.when(continuations == 0);
    let header = FrameHeader::of(FrameType::HEADERS, flags, stream_id, octets.min(max));
    out[mark.at..block].copy_from_slice(&header.octets());
}
