//! What the client sends, held to the rules and entered in the books.

use bytes::{Buf, Bytes};
use towline::http2::{
    consts,
    frame::{
        Data, Frame, FrameHeader, FrameType, Headers, Ping, PriorityUpdate, RstStream, SettingId,
        Settings, WindowUpdate,
    },
    hpack::{Limits, Outcome},
};

use super::{Block, Half, Lane, Peer, Stage};
use crate::support::frames::{Line, Section, Wire, octets};

const LARGEST_WINDOW: i64 = consts::MAX_WINDOW_SIZE as i64;

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
            Frame::PriorityUpdate(frame) => Some(self.receive_priority_update(&frame)),
            Frame::PushPromise(_) | Frame::Priority(_) | Frame::Unknown(_) => {
                panic!("a client has no cause to send {header:?}")
            }
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
                let open = self.open_requests();
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
        let lane = self
            .lanes
            .get_mut(&id)
            .expect("RFC 9113 §6.4: RST_STREAM on idle");
        // RFC 9113 §5.4.2: an endpoint "SHOULD NOT send more than one RST_STREAM".
        assert_ne!(
            lane.client,
            Half::Reset,
            "RFC 9113 §5.4.2: {id} is reset again"
        );
        lane.client = Half::Reset;
        Wire::RstStream {
            id,
            code: frame.code,
        }
    }

    fn receive_settings(&mut self, frame: Settings<'_>) -> Wire {
        if !frame.ack {
            let values: Vec<_> = frame.iter().collect();
            let pairs = values.iter().map(|(id, value)| (id.as_u16(), *value));
            self.client.extend(pairs);
            return Wire::Settings(values);
        }
        let values = self.unacknowledged.pop_front();
        self.allows.priority_updates.get_or_insert(false);
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
            SettingId::NO_RFC7540_PRIORITIES => {
                self.allows.priority_updates = Some(value == 1);
            }
            _ => {}
        }
    }

    fn receive_priority_update(&self, frame: &PriorityUpdate<'_>) -> Wire {
        let id = frame.prioritized.as_u32();
        assert_ne!(
            self.allows.priority_updates,
            Some(false),
            "RFC 9218 §2.1.1: we are likely to ignore it"
        );
        let lane = self.lanes.get(&id);
        let lane = lane.expect("RFC 9218 §7.1: PRIORITY_UPDATE before the head says it");
        assert!(
            lane.client != Half::Reset && lane.server == Half::Open,
            "RFC 9218 §7.1: no data is to be received on {id}"
        );
        Wire::PriorityUpdate {
            id,
            value: octets(frame.value),
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
