//! Frames to octets, laid out for one vectored write a batch.
//!
//! Owns: [`Output`], and the splitting of field blocks by the peer's SETTINGS_MAX_FRAME_SIZE.
//! Refuses: to decide what is sent, or when.
//! Invariant: what leaves an `Output` is what entered it, in that order; a frame is never begun
//! before another has ended, since each call appends whole frames.
//! Spec: RFC 9113 §4.1, §4.2, §6.2, §6.10.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::http2::{
    StreamId,
    consts::{FRAME_HEADER_LEN, MIN_MAX_FRAME_SIZE},
    frame::{Flags, FrameHeader, FrameType},
};

/// A payload shorter than this is copied behind its header: a segment of its own would cost more.
const INLINE_BELOW: usize = 1024;
/// An emptied buffer above this capacity is given back, so that one burst does not cost its
/// memory for the rest of the connection.
const KEEP_CAPACITY: usize = 64 * 1024;

/// Octets ready for the socket.
///
/// Small frames share one buffer; a large payload is a segment of its own and is never copied.
///
/// ```text
/// inline    | frames ... DATA header | frames ... DATA header | frames ...
/// segments                     payload ^              payload ^
///           |<- segments[0].before ->|<- segments[1].before ->|
/// ```
#[derive(Debug, Default)]
pub struct Output {
    /// Small frames, and the headers of large ones.
    inline: BytesMut,
    /// Large payloads, each with its place among the inline octets.
    segments: VecDeque<Segment>,
    /// The sum of `before` over all segments.
    inline_before: usize,
    /// Octets of all segments.
    segment_octets: usize,
}

#[derive(Debug)]
struct Segment {
    /// Inline octets between the segment before and this one.
    before: usize,
    payload: Bytes,
}

impl Output {
    /// Where whole frames are appended. What is in it already must be left alone.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.inline
    }

    /// Appends a frame with a payload that may be large: it is copied only if it is small.
    pub fn data(&mut self, header: FrameHeader, payload: Bytes) {
        debug_assert_eq!(
            u32::try_from(payload.len()),
            Ok(header.length),
            "a header tells the length of its payload"
        );
        header.encode(&mut self.inline);
        if payload.len() < INLINE_BELOW {
            self.inline.put_slice(&payload);
            return;
        }
        let before = self.inline.len() - self.inline_before;
        self.inline_before += before;
        self.segment_octets += payload.len();
        self.segments.push_back(Segment { before, payload });
    }

    /// Octets that have not been taken yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inline.len() + self.segment_octets
    }

    /// Whether all octets have been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets what has not been taken.
    pub fn clear(&mut self) {
        self.inline.clear();
        self.segments.clear();
        self.inline_before = 0;
        self.segment_octets = 0;
        self.shrink();
    }

    /// Inline octets before the next segment, or to the end.
    fn inline_run(&self) -> usize {
        self.segments
            .front()
            .map_or(self.inline.len(), |segment| segment.before)
    }

    /// Gives a large buffer back once it is empty. `capacity` would not tell: what has been
    /// advanced over no longer counts, until it is reclaimed.
    fn shrink(&mut self) {
        if self.inline.is_empty() && self.inline.try_reclaim(KEEP_CAPACITY + 1) {
            self.inline = BytesMut::new();
        }
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        match self.segments.front() {
            Some(Segment { before: 0, payload }) => payload,
            _ => &self.inline[..self.inline_run()],
        }
    }

    fn advance(&mut self, mut count: usize) {
        assert!(
            count <= self.len(),
            "{count} octets of {} taken",
            self.len()
        );
        while count > 0 {
            let inline = self.inline_run().min(count);
            self.inline.advance(inline);
            count -= inline;
            let Some(next) = self.segments.front_mut() else {
                break;
            };
            next.before -= inline;
            self.inline_before -= inline;
            if next.before > 0 {
                break;
            }
            let octets = next.payload.len().min(count);
            next.payload.advance(octets);
            self.segment_octets -= octets;
            count -= octets;
            if next.payload.is_empty() {
                self.segments.pop_front();
            }
        }
        self.shrink();
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut free = slices.iter_mut();
        let mut inline = &self.inline[..];
        let mut used = 0;
        let mut put = |octets: &'a [u8]| -> bool {
            if octets.is_empty() {
                return true;
            }
            let Some(slice) = free.next() else {
                return false;
            };
            *slice = IoSlice::new(octets);
            used += 1;
            true
        };
        for segment in &self.segments {
            let (run, rest) = inline.split_at(segment.before);
            inline = rest;
            if !put(run) || !put(&segment.payload) {
                return used;
            }
        }
        put(inline);
        used
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
