//! The response's half of an exchange.
//!
//! Owns: how far a response has been read, and the content that was read and not reported.
//! Never: decides what a head means for the connection.
//! Invariant: memory stays in proportion to the content, however small the chunks that carried it:
//! small ones are melted together, and no slice that is kept pins a read buffer much larger than
//! itself.
//! Spec: RFC 9112 §6.3, §7.1, §8.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::{
    Limits, Violation,
    framing::{Chunks, Found, Framing},
    response::{self, ResponseHead, SectionEnd},
};

/// Content shorter than this is copied out of the read buffer whatever its capacity.
const COPY_BELOW_AT_LEAST: usize = 1024;
/// Content this long is never copied: a slice of a read buffer costs less.
const COPY_BELOW_AT_MOST: usize = 16 * 1024;
/// Otherwise content is copied when it is less than this part of the read buffer.
const COPY_BELOW_PART: usize = 8;

/// What is left to read of a response.
#[derive(Debug)]
pub(super) struct RecvHalf {
    stage: Stage,
    /// Interim responses that came.
    interims: u32,
    /// Octets of content that came.
    received: u64,
    /// Small chunks of this read, not reported yet.
    melted: BytesMut,
    /// The largest that the read buffer was.
    input_capacity: usize,
}

#[derive(Debug)]
enum Stage {
    Head(SectionEnd),
    Length { expected: u64 },
    Chunked(Chunks),
    Close,
}

/// What came of a piece of input.
#[derive(Debug)]
pub(super) enum Received {
    Head(ResponseHead),
    Content(Bytes),
    /// The response is over.
    End(HeaderMap),
    /// Something was consumed that says nothing by itself; look again.
    More,
    /// More input is needed.
    Nothing,
}

/// What the end of the byte stream means for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEof {
    /// Not an octet of it came.
    Unanswered,
    HeadTruncated,
    BodyTruncated {
        received: u64,
        expected: Option<u64>,
    },
    /// It was to end so.
    End,
}

impl RecvHalf {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Head(SectionEnd::default()),
            interims: 0,
            received: 0,
            melted: BytesMut::new(),
            input_capacity: 0,
        }
    }

    /// Takes what comes next out of the input.
    pub(super) fn next(
        &mut self,
        input: &mut BytesMut,
        limits: &Limits,
        raw_fields: bool,
    ) -> Result<Received, Violation> {
        self.input_capacity = self.input_capacity.max(input.capacity());
        if input.is_empty() {
            return Ok(Received::Nothing);
        }
        match &mut self.stage {
            Stage::Head(end) => next_head(end, input, limits, raw_fields),
            Stage::Length { expected } => {
                let remaining = expected.saturating_sub(self.received);
                let octets = usize::try_from(remaining).unwrap_or(usize::MAX);
                Ok(Received::Content(self.take(input, octets.min(input.len()))))
            }
            Stage::Chunked(chunks) => match chunks.next(input, limits)? {
                Found::Content(octets) => Ok(self.take_chunk(input, octets)),
                Found::End(trailers) => Ok(Received::End(trailers)),
                Found::Nothing => Ok(Received::Nothing),
            },
            Stage::Close => {
                let octets = input.len();
                Ok(Received::Content(self.take(input, octets)))
            }
        }
    }

    /// One more interim response has come.
    pub(super) const fn on_interim(&mut self, limits: &Limits) -> Result<(), Violation> {
        if self.interims >= limits.interim_responses {
            return Err(Violation::InterimFlood);
        }
        self.interims += 1;
        Ok(())
    }

    /// The final head has come; whether content follows.
    pub(super) fn on_final(&mut self, framing: Framing) -> bool {
        self.stage = match framing {
            Framing::Empty | Framing::Length(0) => return false,
            Framing::Length(expected) => Stage::Length { expected },
            Framing::Chunked => Stage::Chunked(Chunks::default()),
            Framing::Close => Stage::Close,
        };
        true
    }

    /// Whether all content that was announced has come.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Length { expected } if expected == self.received)
    }

    /// Small content that was kept back.
    pub(super) fn take_melted(&mut self) -> Option<Bytes> {
        let melted = mem::take(&mut self.melted);
        (!melted.is_empty()).then(|| melted.freeze())
    }

    /// How many octets may still come, if that is bounded by `limit`.
    pub(super) fn is_drainable(&self, limit: u64) -> bool {
        match self.stage {
            Stage::Head(_) | Stage::Close => false,
            Stage::Length { expected } => expected.saturating_sub(self.received) <= limit,
            Stage::Chunked(_) => true,
        }
    }

    /// What it means that nothing more comes; so many octets are left in the input.
    pub(super) const fn at_eof(&self, left: usize) -> AtEof {
        let received = self.received;
        match self.stage {
            Stage::Head(_) if self.interims == 0 && left == 0 => AtEof::Unanswered,
            Stage::Head(_) => AtEof::HeadTruncated,
            Stage::Length { expected } => AtEof::BodyTruncated {
                received,
                expected: Some(expected),
            },
            Stage::Chunked(_) => AtEof::BodyTruncated {
                received,
                expected: None,
            },
            Stage::Close => AtEof::End,
        }
    }

    fn take_chunk(&mut self, input: &mut BytesMut, octets: usize) -> Received {
        if octets >= self.copy_below() {
            if let Some(melted) = self.take_melted() {
                // The order of the wire: what came before goes before.
                return Received::Content(melted);
            }
            self.on_chunk_taken(octets);
            return Received::Content(self.take(input, octets));
        }
        self.on_chunk_taken(octets);
        self.received += octets as u64;
        self.melted.extend_from_slice(&input[..octets]);
        input.advance(octets);
        Received::More
    }

    const fn on_chunk_taken(&mut self, octets: usize) {
        if let Stage::Chunked(chunks) = &mut self.stage {
            chunks.on_taken(octets);
        }
    }

    fn take(&mut self, input: &mut BytesMut, octets: usize) -> Bytes {
        self.received += octets as u64;
        if octets >= self.copy_below() {
            return input.split_to(octets).freeze();
        }
        let content = Bytes::copy_from_slice(&input[..octets]);
        input.advance(octets);
        content
    }

    fn copy_below(&self) -> usize {
        (self.input_capacity / COPY_BELOW_PART).clamp(COPY_BELOW_AT_LEAST, COPY_BELOW_AT_MOST)
    }
}

fn next_head(
    end: &mut SectionEnd,
    input: &mut BytesMut,
    limits: &Limits,
    raw_fields: bool,
) -> Result<Received, Violation> {
    if let Some(violation) = response::foreign(input) {
        return Err(violation);
    }
    let octets = end.seek(input);
    // A head that has not ended will be longer than what is here.
    if octets.unwrap_or(input.len() + 1) > limits.head_size {
        return Err(Violation::HeadTooLarge);
    }
    let Some(octets) = octets else {
        return Ok(Received::Nothing);
    };
    // All lines but the status line.
    let fields = end.lines().saturating_sub(1);
    if fields > limits.field_count {
        return Err(Violation::FieldCount);
    }
    // Whoever keeps a field keeps the head alive, but not the read buffer.
    let head = Bytes::copy_from_slice(&input[..octets]);
    input.advance(octets);
    *end = SectionEnd::default();
    Ok(Received::Head(response::head(&head, fields, raw_fields)?))
}
