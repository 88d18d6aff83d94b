//! A server that keeps its own books of a connection, and holds the client to RFC 9113.
//!
//! Owns: both HPACK tables of its side, what it allows the client, and how far each stream is.
//! Refuses, by a panic that cites the section: any frame that a client must not send. The books
//! are kept apart from the engine's on purpose: nothing of `engine`, `stream` or `flow` is used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::{Buf, Bytes, BytesMut};
use towline::http2::{
    ErrorCode, consts,
    frame::{
        Continuation, Data, Frame, FrameHeader, FrameType, GoAway, Headers, Ping, PushPromise,
        RstStream, SettingId, Settings, SettingsBuilder, WindowUpdate,
    },
    hpack::{Decoder, Encoder, FieldRef, Limits, Outcome},
};

use super::frames::{Line, Section, Wire, octets, stream};

const LARGEST_WINDOW: i64 = consts::MAX_WINDOW_SIZE as i64;

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
    promised: BTreeSet<u32>,
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
            },
            unacknowledged: VecDeque::new(),
            unanswered: VecDeque::new(),
            lanes: BTreeMap::new(),
            promised: BTreeSet::new(),
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
                for (_, lane) in self.lanes.range_mut(last + 1..) {
                    lane.server = Half::Reset;
                }
            }
            Wire::PushPromise { promised, .. } => {
                self.promised.insert(*promised);
            }
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
            Wire::Ping { ack: true, .. } => {}
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
        match Frame::parse(header, payload) {
            Ok(Frame::Settings(frame)) if !frame.ack => {
                self.unacknowledged.push_back(frame.iter().collect());
            }
            Ok(Frame::Headers(frame)) => {
                let half = frame.end_stream.then_some(Half::Ended);
                self.note_server_half(frame.stream_id.as_u32(), half);
            }
            Ok(Frame::Ping(Ping {
                ack: false,
                payload,
            })) => self.unanswered.push_back(payload),
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

/// What the client sends.
impl Peer {
    /// Takes octets from the client, and gives the frames that they complete.
    pub(crate) fn receive(&mut self, octets: &[u8]) -> Vec<Wire> {
        self.received.extend_from_slice(octets);
        if self.stage == Stage::Preface && self.received.len() >= consts::PREFACE.len() {
            let preface = self.received.split_to(consts::PREFACE.len());
            assert_eq!(preface, consts::PREFACE[..], "RFC 9113 §3.4");
            self.stage = Stage::Settings;
        }
        let mut frames = Vec::new();
        while self.stage != Stage::Preface
            && let Some(header) = self.received.first_chunk().map(FrameHeader::parse)
            && self.received.len() - consts::FRAME_HEADER_LEN >= header.length as usize
        {
            self.received.advance(consts::FRAME_HEADER_LEN);
            let payload = self.received.split_to(header.length as usize).freeze();
            frames.extend(self.receive_frame(header, &payload));
        }
        frames
    }

    fn receive_frame(&mut self, header: FrameHeader, payload: &Bytes) -> Option<Wire> {
        assert!(
            header.length <= self.allows.max_frame_size,
            "RFC 9113 §4.2: {header:?} above SETTINGS_MAX_FRAME_SIZE"
        );
        assert_ne!(self.stage, Stage::GoneAway, "{header:?} after GOAWAY");
        let is_settings = header.frame_type == FrameType::SETTINGS;
        if self.stage == Stage::Settings {
            assert!(is_settings, "RFC 9113 §3.4: {header:?} comes first");
            self.stage = Stage::Frames;
        }
        let continues = header.frame_type == FrameType::CONTINUATION;
        let expected = self.block.as_ref().map(|block| block.section.id);
        assert_eq!(
            continues.then_some(header.stream_id.as_u32()),
            expected,
            "RFC 9113 §6.10: {header:?}"
        );
        let frame =
            Frame::parse(header, payload).expect("RFC 9113 §6: a frame that is well-formed");
        match frame {
            Frame::Data(frame) => Some(self.receive_data(&frame)),
            Frame::Headers(frame) => self.receive_headers(&frame),
            Frame::Continuation(frame) => self.receive_fragment(frame.fragment, frame.end_headers),
            Frame::RstStream(frame) => Some(self.receive_reset(frame)),
            Frame::Settings(frame) => Some(self.receive_settings(frame)),
            Frame::Ping(Ping { ack, payload }) => {
                if ack {
                    let asked = self.unanswered.pop_front();
                    assert_eq!(asked, Some(payload), "RFC 9113 §6.7: the same octets");
                }
                Some(Wire::Ping { ack, payload })
            }
            Frame::GoAway(frame) => {
                self.stage = Stage::GoneAway;
                Some(Wire::GoAway {
                    last: frame.last_stream_id.as_u32(),
                    code: frame.code,
                    debug_data: octets(frame.debug_data),
                })
            }
            Frame::WindowUpdate(frame) => Some(self.receive_window_update(frame)),
            // RFC 9113 §8.4: a client promises nothing. The others are of no use to anybody.
            Frame::PushPromise(_)
            | Frame::Priority(_)
            | Frame::PriorityUpdate(_)
            | Frame::Unknown(_) => panic!("a client has no cause to send {header:?}"),
        }
    }

    fn receive_data(&mut self, frame: &Data<'_>) -> Wire {
        let id = frame.stream_id.as_u32();
        let lane = self
            .lanes
            .get_mut(&id)
            .expect("RFC 9113 §5.1: DATA on idle");
        assert_eq!(
            lane.client,
            Half::Open,
            "RFC 9113 §5.1: DATA after the end of {id}"
        );
        assert_ne!(
            lane.server,
            Half::Reset,
            "RFC 9113 §5.1: DATA after our reset of {id}"
        );
        let wire_len = i64::try_from(frame.wire_len()).expect("24 bits");
        lane.window -= wire_len;
        self.window -= wire_len;
        assert!(
            wire_len == 0 || lane.window >= 0,
            "RFC 9113 §6.9.1: the window of stream {id} is exceeded by {}",
            -lane.window
        );
        assert!(
            wire_len == 0 || self.window >= 0,
            "RFC 9113 §6.9.1: the connection's window is exceeded by {}",
            -self.window
        );
        assert!(wire_len > 0 || frame.end_stream, "DATA of no use on {id}");
        if frame.end_stream {
            lane.client = Half::Ended;
        }
        Wire::Data {
            id,
            data: octets(frame.data),
            padding: frame.padding,
            end_stream: frame.end_stream,
        }
    }

    fn receive_headers(&mut self, frame: &Headers<'_>) -> Option<Wire> {
        let id = frame.stream_id.as_u32();
        match self.lanes.get(&id) {
            None => {
                assert!(frame.stream_id.is_client(), "RFC 9113 §5.1.1: {id} is even");
                assert!(id > self.last_id, "RFC 9113 §5.1.1: {id} does not grow");
                let open = self.open_lanes();
                let limit = self.allows.max_concurrent_streams;
                assert!(open < limit, "RFC 9113 §5.1.2: {open} streams are open");
                self.last_id = id;
                let initial = consts::INITIAL_WINDOW_SIZE;
                let credit = self.client_setting(SettingId::INITIAL_WINDOW_SIZE, initial);
                let lane = Lane {
                    client: Half::Open,
                    server: Half::Open,
                    window: self.allows.initial_window,
                    credit: i64::from(credit),
                };
                self.lanes.insert(id, lane);
            }
            Some(lane) => {
                assert_eq!(
                    lane.client,
                    Half::Open,
                    "RFC 9113 §5.1: HEADERS after the end"
                );
                assert_ne!(
                    lane.server,
                    Half::Reset,
                    "RFC 9113 §5.1: HEADERS after our reset"
                );
                assert!(frame.end_stream, "RFC 9113 §8.1: trailers end the stream");
            }
        }
        self.block = Some(Block {
            section: Section {
                id,
                end_stream: frame.end_stream,
                ..Section::default()
            },
            fragments: Vec::new(),
            octets: Vec::new(),
        });
        self.receive_fragment(frame.fragment, frame.end_headers)
    }

    fn receive_fragment(&mut self, fragment: &[u8], end_headers: bool) -> Option<Wire> {
        let block = self.block.as_mut().expect("begun by HEADERS");
        block.fragments.push(fragment.len());
        block.octets.extend_from_slice(fragment);
        if !end_headers {
            return None;
        }
        let Block {
            mut section,
            mut fragments,
            octets: encoded,
        } = self.block.take().expect("just seen");
        let limits = Limits {
            max_size: self.allows.max_header_list_size,
            max_fields: usize::MAX,
        };
        let mut lines: Vec<Line> = Vec::new();
        let outcome = self
            .decoder
            .decode(&encoded, limits, &mut |field| {
                lines.push((
                    octets(field.name.as_bytes()),
                    octets(field.value.as_bytes()),
                ));
            })
            .expect("RFC 9113 §4.3: a block that can be decoded");
        assert_eq!(outcome, Outcome::Complete, "RFC 9113 §6.5.2: list size");
        fragments.pop();
        section.lines = lines;
        section.cuts = fragments;
        let lane = self.lanes.get_mut(&section.id).expect("entered by HEADERS");
        if section.end_stream {
            lane.client = Half::Ended;
        }
        Some(Wire::Headers(section))
    }

    fn receive_reset(&mut self, frame: RstStream) -> Wire {
        let id = frame.stream_id.as_u32();
        match self.lanes.get_mut(&id) {
            Some(lane) => {
                // RFC 9113 §5.4.2: an endpoint "SHOULD NOT send more than one RST_STREAM".
                assert_ne!(
                    lane.client,
                    Half::Reset,
                    "RFC 9113 §5.4.2: {id} is reset again"
                );
                lane.client = Half::Reset;
            }
            None => assert!(
                self.promised.remove(&id),
                "RFC 9113 §6.4: RST_STREAM on idle stream {id}"
            ),
        }
        let code: ErrorCode = frame.code;
        Wire::RstStream { id, code }
    }

    fn receive_settings(&mut self, frame: Settings<'_>) -> Wire {
        if !frame.ack {
            let values: Vec<_> = frame.iter().collect();
            let pairs = values.iter().map(|(id, value)| (id.as_u16(), *value));
            self.client.extend(pairs);
            return Wire::Settings(values);
        }
        let values = self.unacknowledged.pop_front();
        for (id, value) in values.expect("RFC 9113 §6.5.3: nothing to acknowledge") {
            self.bind(id, value);
        }
        Wire::SettingsAck
    }

    /// A setting of ours binds the client from now on.
    fn bind(&mut self, id: SettingId, value: u32) {
        match id {
            SettingId::HEADER_TABLE_SIZE => self.decoder.set_max_table_size(value as usize),
            SettingId::MAX_CONCURRENT_STREAMS => {
                self.allows.max_concurrent_streams = value as usize;
            }
            SettingId::INITIAL_WINDOW_SIZE => {
                let shift = i64::from(value) - self.allows.initial_window;
                self.allows.initial_window += shift;
                for lane in self.lanes.values_mut() {
                    lane.window += shift;
                }
            }
            SettingId::MAX_FRAME_SIZE => self.allows.max_frame_size = value,
            SettingId::MAX_HEADER_LIST_SIZE => self.allows.max_header_list_size = value as usize,
            _ => {}
        }
    }

    fn receive_window_update(&mut self, frame: WindowUpdate) -> Wire {
        let WindowUpdate {
            stream_id,
            increment,
        } = frame;
        let id = stream_id.as_u32();
        let credit = if stream_id.is_connection() {
            &mut self.credit
        } else {
            let lane = self
                .lanes
                .get_mut(&id)
                .expect("RFC 9113 §5.1: WINDOW_UPDATE on idle");
            assert_ne!(
                lane.client,
                Half::Reset,
                "RFC 9113 §5.1: WINDOW_UPDATE after a reset"
            );
            &mut lane.credit
        };
        *credit += i64::from(increment);
        assert!(
            *credit <= LARGEST_WINDOW,
            "RFC 9113 §6.9.1: the window of {id} overflows"
        );
        Wire::WindowUpdate { id, increment }
    }
}
