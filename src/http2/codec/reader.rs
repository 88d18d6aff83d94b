//! Octets to frames, with field blocks made whole.
//!
//! Owns: the fragments of a block that has not ended yet, and nothing else of what it reads; the
//! octets stay in the caller's buffer, which the caller appends to.
//! Refuses: frames above our SETTINGS_MAX_FRAME_SIZE, from their header alone; blocks that are
//! interrupted or spread too thin (the "CONTINUATION flood": a block that never ends, each of its
//! frames cheap to send and costly to keep).
//! Invariant: the same octets give the same sequence, however they are cut into reads.
//! Spec: RFC 9113 §4.1, §4.2, §4.3, §6.10, §10.5.1.

use bytes::{Buf, Bytes, BytesMut};

use crate::http2::{
    Fault, StreamId, Violation,
    consts::FRAME_HEADER_LEN,
    frame::{Continuation, Data, Flags, Frame, FrameHeader, FrameType, Headers, PushPromise},
};

/// DATA shorter than this is copied out of the read buffer whatever its capacity.
const COPY_BELOW_AT_LEAST: usize = 1024;
/// DATA this long is never copied: a slice of a read buffer costs less.
const COPY_BELOW_AT_MOST: usize = 16 * 1024;
/// Otherwise DATA is copied when it is less than this part of the read buffer, so that octets
/// which a caller keeps never pin more than eight times their number.
const COPY_BELOW_PART: usize = 8;

/// How far a field block may be spread over CONTINUATION frames (RFC 9113 §10.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// CONTINUATION frames of one block, empty ones included.
    pub max_continuations: u32,
    /// Octets of all fragments of a block that has more than one.
    pub max_octets: usize,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// DATA. Its octets are a slice of the read buffer if there are enough to be worth it, and a
    /// copy otherwise; they may be kept.
    Data {
        /// The stream.
        stream_id: StreamId,
        /// Whether the peer is done with the stream.
        end_stream: bool,
        /// The content, without padding.
        data: Bytes,
        /// What flow control counts: the whole payload, padding included (RFC 9113 §6.1).
        wire_len: u32,
    },
    /// A field block, from HEADERS or PUSH_PROMISE and as many CONTINUATION as it took.
    Block(FieldBlock<'a>),
    /// Any other frame: never [`Frame::Data`], [`Frame::Headers`], [`Frame::PushPromise`] or
    /// [`Frame::Continuation`].
    Frame(Frame<'a>),
}

/// A whole field block, not decoded yet. It must be decoded even if nobody wants it: the field
/// decoder's state depends on every block (RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldBlock<'a> {
    /// The frame that began it.
    pub origin: BlockOrigin,
    /// Its octets.
    pub block: &'a [u8],
}

/// What a field block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOrigin {
    /// HEADERS: a head or a trailer section.
    Headers {
        /// The stream.
        stream_id: StreamId,
        /// Whether the peer is done with the stream.
        end_stream: bool,
    },
    /// PUSH_PROMISE: a request that the server made up.
    PushPromise {
        /// The stream that the promise is made on.
        stream_id: StreamId,
        /// The stream that is promised.
        promised: StreamId,
    },
}

impl BlockOrigin {
    /// The stream whose identifier the frames of the block carry.
    #[must_use]
    pub const fn stream_id(self) -> StreamId {
        match self {
            Self::Headers { stream_id, .. } | Self::PushPromise { stream_id, .. } => stream_id,
        }
    }
}

/// Cuts a connection's octets into frames.
#[derive(Debug)]
pub struct Reader {
    max_frame_size: u32,
    limits: BlockLimits,
    /// Octets at the front of the input that the last [`Inbound`] lay in.
    spent: usize,
    /// The block that came in several frames: growing, or whole and just handed out.
    gathered: Option<Gathered>,
    /// The largest capacity that the input was seen to have; what is left of it after cutting
    /// slices off says nothing about what a slice pins.
    input_capacity: usize,
}

#[derive(Debug)]
struct Gathered {
    origin: BlockOrigin,
    block: Vec<u8>,
    continuations: u32,
    whole: bool,
}

/// What the front of the input is ready to be taken as.
enum Front {
    /// A frame that is complete by itself.
    Frame(FrameHeader),
    /// The gathered block.
    Gathered,
}

impl Reader {
    /// A reader for a connection on which we announce this SETTINGS_MAX_FRAME_SIZE.
    #[must_use]
    pub const fn new(max_frame_size: u32, limits: BlockLimits) -> Self {
        Self {
            max_frame_size,
            limits,
            spent: 0,
            gathered: None,
            input_capacity: 0,
        }
    }

    /// Takes up another SETTINGS_MAX_FRAME_SIZE, once the peer has acknowledged it.
    pub const fn set_max_frame_size(&mut self, octets: u32) {
        self.max_frame_size = octets;
    }

    /// The next frame, or the next whole field block, from the front of `input`; `None` when
    /// more octets are needed.
    ///
    /// Octets that the result borrows leave `input` on the next call: until then, only append.
    ///
    /// # Errors
    /// The fault of the frame at the front. After a [`Fault::Stream`] that frame is done with and
    /// reading may go on; after a [`Fault::Connection`] nothing that follows can be trusted.
    pub fn next<'a>(&'a mut self, input: &'a mut BytesMut) -> Result<Option<Inbound<'a>>, Fault> {
        self.release(input);
        match self.front(input)? {
            None => Ok(None),
            Some(Front::Frame(header)) if header.frame_type == FrameType::DATA => {
                self.take_data(header, input).map(Some)
            }
            Some(Front::Frame(header)) => {
                // A fault of one stream lets reading go on behind the frame: spend it first.
                self.spent = frame_len(header);
                whole_frame(header, payload(header, input)).map(Some)
            }
            Some(Front::Gathered) => Ok(self.gathered.as_ref().map(|gathered| {
                Inbound::Block(FieldBlock {
                    origin: gathered.origin,
                    block: &gathered.block,
                })
            })),
        }
    }

    /// Lets go of what the last result borrowed. A gathered block is rare and may be large, so
    /// its buffer is not kept.
    fn release(&mut self, input: &mut BytesMut) {
        input.advance(self.spent);
        self.spent = 0;
        if self
            .gathered
            .as_ref()
            .is_some_and(|gathered| gathered.whole)
        {
            self.gathered = None;
        }
    }

    /// Swallows fragments until something can be handed out.
    fn front(&mut self, input: &mut BytesMut) -> Result<Option<Front>, Fault> {
        loop {
            let Some(header) = self.header(input)? else {
                return Ok(None);
            };
            if input.len() < frame_len(header) {
                return Ok(None);
            }
            let ends_block = header.flags.contains(Flags::END_HEADERS);
            match header.frame_type {
                FrameType::HEADERS | FrameType::PUSH_PROMISE if !ends_block => {
                    self.begin_block(header, payload(header, input))?;
                }
                FrameType::CONTINUATION => self.continue_block(header, payload(header, input))?,
                _ => return Ok(Some(Front::Frame(header))),
            }
            input.advance(frame_len(header));
            if self
                .gathered
                .as_ref()
                .is_some_and(|gathered| gathered.whole)
            {
                return Ok(Some(Front::Gathered));
            }
        }
    }

    /// The header at the front, judged before its payload is waited for.
    fn header(&self, input: &BytesMut) -> Result<Option<FrameHeader>, Fault> {
        let Some(octets) = input.first_chunk::<FRAME_HEADER_LEN>() else {
            return Ok(None);
        };
        let header = FrameHeader::parse(octets);
        // RFC 9113 §4.2: FRAME_SIZE_ERROR, of the connection for every frame with a field block,
        // for SETTINGS and for stream 0. A peer that ignores our limit elsewhere gets the same
        // (§5.4.1 leaves that to us): else its frame would have to be read to be skipped.
        if header.length > self.max_frame_size {
            return Err(Fault::Connection(Violation::FrameTooLarge));
        }
        let continues = header.frame_type == FrameType::CONTINUATION;
        match &self.gathered {
            // RFC 9113 §6.10: CONTINUATION follows HEADERS, PUSH_PROMISE or CONTINUATION without
            // END_HEADERS, else "a connection error of type PROTOCOL_ERROR".
            None if continues && header.stream_id.is_connection() => {
                Err(Fault::Connection(Violation::ContinuationOnConnection))
            }
            None if continues => Err(Fault::Connection(Violation::ContinuationUnexpected)),
            None => Ok(Some(header)),
            // RFC 9113 §6.2: "any other type of frame or a frame on a different stream".
            Some(block) if !continues || header.stream_id != block.origin.stream_id() => {
                Err(Fault::Connection(Violation::BlockInterrupted))
            }
            Some(block) => {
                block.admit(header, self.limits)?;
                Ok(Some(header))
            }
        }
    }

    fn begin_block(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Fault> {
        let (origin, fragment) = if header.frame_type == FrameType::HEADERS {
            let frame = Headers::parse(header, payload)?;
            (frame.origin(), frame.fragment)
        } else {
            let frame = PushPromise::parse(header, payload)?;
            (frame.origin(), frame.fragment)
        };
        // RFC 9113 §10.5.1.
        if fragment.len() > self.limits.max_octets {
            return Err(Fault::Connection(Violation::ContinuationFlood));
        }
        self.gathered = Some(Gathered {
            origin,
            block: fragment.to_vec(),
            continuations: 0,
            whole: false,
        });
        Ok(())
    }

    fn continue_block(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Fault> {
        let frame = Continuation::parse(header, payload)?;
        let Some(gathered) = &mut self.gathered else {
            return Err(Fault::Connection(Violation::ContinuationUnexpected));
        };
        gathered.block.extend_from_slice(frame.fragment);
        gathered.continuations += 1;
        gathered.whole = frame.end_headers;
        Ok(())
    }

    /// Takes a DATA frame out of the input for good.
    fn take_data(
        &mut self,
        header: FrameHeader,
        input: &mut BytesMut,
    ) -> Result<Inbound<'static>, Fault> {
        let frame = Data::parse(header, payload(header, input))?;
        let (stream_id, end_stream, octets) = (frame.stream_id, frame.end_stream, frame.data.len());
        let start = FRAME_HEADER_LEN + usize::from(frame.padding.is_some());

        self.input_capacity = self.input_capacity.max(input.capacity());
        let copy_below =
            (self.input_capacity / COPY_BELOW_PART).clamp(COPY_BELOW_AT_LEAST, COPY_BELOW_AT_MOST);
        let data = if octets < copy_below {
            let data = Bytes::copy_from_slice(frame.data);
            input.advance(frame_len(header));
            data
        } else {
            let mut whole = input.split_to(frame_len(header));
            whole.advance(start);
            whole.truncate(octets);
            whole.freeze()
        };
        Ok(Inbound::Data {
            stream_id,
            end_stream,
            data,
            wire_len: header.length,
        })
    }
}

impl Gathered {
    /// Whether one more CONTINUATION is within the limits, known from its header alone.
    fn admit(&self, next: FrameHeader, limits: BlockLimits) -> Result<(), Fault> {
        let octets = self.block.len().saturating_add(payload_len(next));
        // RFC 9113 §10.5.1; an empty fragment costs a frame all the same.
        if self.continuations >= limits.max_continuations || octets > limits.max_octets {
            return Err(Fault::Connection(Violation::ContinuationFlood));
        }
        Ok(())
    }
}

impl Headers<'_> {
    const fn origin(&self) -> BlockOrigin {
        BlockOrigin::Headers {
            stream_id: self.stream_id,
            end_stream: self.end_stream,
        }
    }
}

impl PushPromise<'_> {
    const fn origin(&self) -> BlockOrigin {
        BlockOrigin::PushPromise {
            stream_id: self.stream_id,
            promised: self.promised,
        }
    }
}

/// Anything but DATA and fragments, lent from the input.
fn whole_frame(header: FrameHeader, payload: &[u8]) -> Result<Inbound<'_>, Fault> {
    Ok(match Frame::parse(header, payload)? {
        Frame::Headers(frame) => Inbound::Block(FieldBlock {
            origin: frame.origin(),
            block: frame.fragment,
        }),
        Frame::PushPromise(frame) => Inbound::Block(FieldBlock {
            origin: frame.origin(),
            block: frame.fragment,
        }),
        frame => Inbound::Frame(frame),
    })
}

/// The payload of a frame that lies whole at the front of the input.
fn payload(header: FrameHeader, input: &BytesMut) -> &[u8] {
    &input[FRAME_HEADER_LEN..frame_len(header)]
}

fn frame_len(header: FrameHeader) -> usize {
    FRAME_HEADER_LEN + payload_len(header)
}

/// The length as an index: 24 bits fit every `usize` that tokio runs on.
fn payload_len(header: FrameHeader) -> usize {
    usize::try_from(header.length).unwrap_or(usize::MAX)
}
