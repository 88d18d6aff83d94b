//! Octets on their way to a socket, laid out for one vectored write a batch.
//!
//! Owns: how small pieces and large ones lie next to each other. Never: knows what the octets say.
//! Invariant: what leaves an `Output` is what entered it, in that order.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A payload shorter than this is copied behind what is there: a segment of its own would cost more.
const INLINE_BELOW: usize = 1024;
/// An emptied buffer above this capacity is given back, so that one burst does not cost its
/// memory for the rest of the connection.
const KEEP_CAPACITY: usize = 64 * 1024;

/// Octets ready for the socket.
///
/// Heads, frames and other small pieces share one buffer; a large payload is a segment of its own
/// and is never copied.
///
/// ```text
/// inline    | small pieces ......... | small pieces ......... | small pieces
/// segments                     payload ^              payload ^
///           |<- segments[0].before ->|<- segments[1].before ->|
/// ```
#[derive(Debug, Default)]
pub struct Output {
    /// Small pieces, and what stands before large ones.
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
    /// Where small pieces are appended. What is in it already must be left alone.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.inline
    }

    /// Appends what may be large: it is copied only if it is small.
    pub fn append(&mut self, payload: Bytes) {
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
