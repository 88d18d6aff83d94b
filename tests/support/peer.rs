//! A server that keeps its own books of a connection, and holds the client to RFC 9113.
//!
//! Owns: both HPACK tables of its side, what it allows the client, and how far each stream is.
//! Refuses, by a panic that cites the section: any frame that a client must not send. The books
//! are kept apart from the engine's on purpose: nothing of `engine`, `stream` or `flow` is used.

mod receive;

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use towline::http2::{
    consts,
    frame::{
        Continuation, Data, Frame, FrameHeader, GoAway, Headers, Ping, PriorityUpdate, PushPromise,
        RstStream, SettingId, Settings, SettingsBuilder, WindowUpdate,
    },
    hpack::{Decoder, Encoder, FieldRef},
};

use super::frames::{Section, Wire, octets, stream};

/// The scripted side of a connection.
pub(crate) struct Peer {
    encoder: Encoder,
    decoder: Decoder,
    /// Octets from the client that make no whole frame yet.
    received: BytesMut,
    stage: Stage,
    pub(crate) allows: Allows,
    /// SETTINGS of ours that the client has not acknowledged: they bind it from then on
    /// (RFC 9113 §6.5.3).
    unacknowledged: VecDeque<Vec<(SettingId, u32)>>,
    unanswered: VecDeque<[u8; 8]>,
    pub(crate) lanes: BTreeMap<u32, Lane>,
    last_id: u32,
    /// What the client may send on the connection.
    pub(crate) window: i64,
    /// What we may send on the connection.
    pub(crate) credit: i64,
    /// What the client's SETTINGS say.
    pub(crate) client: BTreeMap<u16, u32>,
    block: Option<Block>,
}

/// What the client was told that it may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allows {
    pub(crate) initial_window: i64,
    pub(crate) max_frame_size: u32,
    pub(crate) max_header_list_size: usize,
    pub(crate) max_concurrent_streams: usize,
    /// Whether PRIORITY_UPDATE is of use to us; not said before our SETTINGS.
    pub(crate) priority_updates: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Preface,
    Settings,
    Frames,
    GoneAway,
}

/// One direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Open,
    Ended,
    Reset,
}

/// A stream in our books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    pub(crate) client: Half,
    pub(crate) server: Half,
    /// What the client may send.
    pub(crate) window: i64,
    /// What we may send.
    pub(crate) credit: i64,
}

impl Lane {
    pub(crate) fn is_closed(&self) -> bool {
        self.client == Half::Reset
            || self.server == Half::Reset
            || (self.client == Half::Ended && self.server == Half::Ended)
    }
}

/// A field block on its way in.
struct Block {
    section: Section,
    fragments: Vec<usize>,
    octets: Vec<u8>,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self {
            encoder: Encoder::new(65_536),
            decoder: Decoder::new(4_096),
            received: BytesMut::new(),
            stage: Stage::Preface,
            allows: Allows {
                initial_window: 65_535,
                max_frame_size: 16_384,
                max_header_list_size: usize::MAX,
                max_concurrent_streams: usize::MAX,
                priority_updates: None,
            },
            unacknowledged: VecDeque::new(),
            unanswered: VecDeque::new(),
            lanes: BTreeMap::new(),
            last_id: 0,
            window: 65_535,
            credit: 65_535,
            client: BTreeMap::new(),
            block: None,
        }
    }

    /// Whether nothing is half-way or owed.
    pub(crate) fn assert_quiet(&self) {
        assert!(self.received.is_empty(), "a frame came in part");
        assert!(self.block.is_none(), "RFC 9113 §6.10: a block has no end");
        assert!(
            self.unacknowledged.is_empty(),
            "RFC 9113 §6.5.3: SETTINGS were not acknowledged"
        );
        assert!(
            self.unanswered.is_empty(),
            "RFC 9113 §6.7: a PING was not answered"
        );
    }

    /// Streams that are not over.
    pub(crate) fn open_lanes(&self) -> usize {
        self.lanes.values().filter(|lane| !lane.is_closed()).count()
    }

    /// Streams that the client has opened and that are not over (RFC 9113 §5.1.2).
    pub(crate) fn open_requests(&self) -> usize {
        let lanes = self.lanes.iter();
        lanes
            .filter(|(id, lane)| *id % 2 == 1 && !lane.is_closed())
            .count()
    }

    fn client_setting(&self, id: SettingId, otherwise: u32) -> u32 {
        self.client.get(&id.as_u16()).copied().unwrap_or(otherwise)
    }
}

/// What the peer sends.
impl Peer {
    pub(crate) fn encode(&mut self, wire: &Wire, out: &mut BytesMut) {
        self.note_sent(wire);
        match wire {
            Wire::Data {
                id,
                data,
                padding,
                end_stream,
            } => Data {
                stream_id: stream(*id),
                end_stream: *end_stream,
                data,
                padding: *padding,
            }
            .encode(out),
            Wire::Headers(section) => self.encode_section(section, None, out),
            Wire::PushPromise { promised, section } => {
                self.encode_section(section, Some(*promised), out);
            }
            Wire::RstStream { id, code } => RstStream {
                stream_id: stream(*id),
                code: *code,
            }
            .encode(out),
            Wire::Settings(values) => values
                .iter()
                .fold(SettingsBuilder::new(), |settings, (id, value)| {
                    settings.set(*id, *value)
                })
                .frame()
                .encode(out),
            Wire::SettingsAck => Settings::ACK.encode(out),
            Wire::Ping { ack, payload } => Ping {
                ack: *ack,
                payload: *payload,
            }
            .encode(out),
            Wire::GoAway {
                last,
                code,
                debug_data,
            } => GoAway {
                last_stream_id: stream(*last),
                code: *code,
                debug_data,
            }
            .encode(out),
            Wire::WindowUpdate { id, increment } => WindowUpdate {
                stream_id: stream(*id),
                increment: *increment,
            }
            .encode(out),
            Wire::PriorityUpdate { id, value } => PriorityUpdate {
                prioritized: stream(*id),
                value,
            }
            .encode(out),
            Wire::Raw(octets) => out.extend_from_slice(octets),
        }
    }

    fn encode_section(&mut self, section: &Section, promised: Option<u32>, out: &mut BytesMut) {
        let mut block = BytesMut::new();
        let lines = section.lines.iter();
        let fields = lines.map(|(name, value)| FieldRef::new(name, value));
        self.encoder.encode(fields, &mut block);
        let stream_id = stream(section.id);
        let first = section.cuts.first().copied().unwrap_or(block.len());
        let fragment = block.split_to(first);
        let end_headers = section.cuts.is_empty();
        match promised {
            None => Headers {
                stream_id,
                end_stream: section.end_stream,
                end_headers,
                priority: None,
                fragment: &fragment,
                padding: section.padding,
            }
            .encode(out),
            Some(promised) => PushPromise {
                stream_id,
                promised: stream(promised),
                end_headers,
                fragment: &fragment,
                padding: section.padding,
            }
            .encode(out),
        }
        for index in 1..=section.cuts.len() {
            let last = index == section.cuts.len();
            let octets = section.cuts.get(index).copied().unwrap_or(block.len());
            Continuation {
                stream_id,
                end_headers: last,
                fragment: &block.split_to(octets),
            }
            .encode(out);
        }
    }

    /// Whatever a script sends, right or wrong, is entered in the books.
    fn note_sent(&mut self, wire: &Wire) {
        match wire {
            Wire::Data {
                id,
                data,
                padding,
                end_stream,
            } => {
                let padding = padding.map_or(0, |octets| i64::from(octets) + 1);
                let octets = i64::try_from(data.len()).expect("a test's content") + padding;
                self.credit -= octets;
                if let Some(lane) = self.lanes.get_mut(id) {
                    lane.credit -= octets;
                }
                self.note_server_half(*id, end_stream.then_some(Half::Ended));
            }
            Wire::Headers(section) => {
                let half = section.end_stream.then_some(Half::Ended);
                self.note_server_half(section.id, half);
            }
            Wire::RstStream { id, .. } => self.note_server_half(*id, Some(Half::Reset)),
            Wire::GoAway { last, .. } => {
                // RFC 9113 §6.8: it is about the streams that the client has opened.
                for (_, lane) in self
                    .lanes
                    .range_mut(last + 1..)
                    .filter(|(id, _)| *id % 2 == 1)
                {
                    lane.server = Half::Reset;
                }
            }
            Wire::PushPromise { promised, .. } => self.note_promise(*promised),
            Wire::Settings(values) => self.unacknowledged.push_back(values.clone()),
            // RFC 9113 §6.5.3: from here on our encoder goes by the client's settings.
            Wire::SettingsAck => {
                let size = self.client_setting(SettingId::HEADER_TABLE_SIZE, 4_096);
                self.encoder.set_peer_table_size(size as usize);
            }
            Wire::Ping {
                ack: false,
                payload,
            } => self.unanswered.push_back(*payload),
            Wire::WindowUpdate { id: 0, increment } => self.window += i64::from(*increment),
            Wire::WindowUpdate { id, increment } => {
                if let Some(lane) = self.lanes.get_mut(id) {
                    lane.window += i64::from(*increment);
                }
            }
            Wire::Raw(octets) => self.note_raw(octets),
            Wire::Ping { ack: true, .. } | Wire::PriorityUpdate { .. } => {}
        }
    }

    /// The client sends nothing on it; what it may be granted is the client's to say.
    fn note_promise(&mut self, promised: u32) {
        let initial = consts::INITIAL_WINDOW_SIZE;
        let credit = self.client_setting(SettingId::INITIAL_WINDOW_SIZE, initial);
        if promised > 0 && promised.is_multiple_of(2) {
            self.lanes.entry(promised).or_insert(Lane {
                client: Half::Ended,
                server: Half::Open,
                window: 0,
                credit: i64::from(credit),
            });
        }
    }

    /// Of what is sent by the octet, the frame at its front is entered if it is a good one.
    fn note_raw(&mut self, wire: &[u8]) {
        let Some((header, payload)) = wire.split_first_chunk() else {
            return;
        };
        let header = FrameHeader::parse(header);
        if header.length as usize != payload.len() {
            return;
        }
        let id = header.stream_id.as_u32();
        match Frame::parse(header, payload) {
            Ok(Frame::Settings(frame)) if !frame.ack => {
                self.note_sent(&Wire::Settings(frame.iter().collect()));
            }
            Ok(Frame::Headers(frame)) => {
                self.note_server_half(id, frame.end_stream.then_some(Half::Ended));
            }
            Ok(Frame::Data(frame)) => self.note_sent(&Wire::Data {
                id,
                data: octets(frame.data),
                padding: frame.padding,
                end_stream: frame.end_stream,
            }),
            Ok(Frame::PushPromise(frame)) => self.note_promise(frame.promised.as_u32()),
            Ok(Frame::RstStream(_)) => self.note_server_half(id, Some(Half::Reset)),
            Ok(Frame::Ping(Ping { ack, payload })) => self.note_sent(&Wire::Ping { ack, payload }),
            Ok(Frame::GoAway(frame)) => self.note_sent(&Wire::GoAway {
                last: frame.last_stream_id.as_u32(),
                code: frame.code,
                debug_data: Bytes::new(),
            }),
            Ok(Frame::WindowUpdate(WindowUpdate { increment, .. })) => {
                self.note_sent(&Wire::WindowUpdate { id, increment });
            }
            _ => {}
        }
    }

    fn note_server_half(&mut self, id: u32, half: Option<Half>) {
        if let Some(half) = half
            && let Some(lane) = self.lanes.get_mut(&id)
            && lane.server != Half::Reset
        {
            lane.server = half;
        }
    }
}
