//! Frames in the words of a transcript: what the scripted peer sends, and what it gets.

use std::{fmt, iter};

use bytes::{Bytes, BytesMut};
use towline::http2::{
    ErrorCode, StreamId,
    frame::{Flags, FrameHeader, FrameType, SettingId},
};

/// A field line of any octets.
pub(crate) type Line = (Bytes, Bytes);

/// A frame, or a field block with all the frames that it takes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Wire {
    Data {
        id: u32,
        data: Bytes,
        padding: Option<u8>,
        end_stream: bool,
    },
    Headers(Section),
    PushPromise {
        promised: u32,
        section: Section,
    },
    RstStream {
        id: u32,
        code: ErrorCode,
    },
    Settings(Vec<(SettingId, u32)>),
    SettingsAck,
    Ping {
        ack: bool,
        payload: [u8; 8],
    },
    GoAway {
        last: u32,
        code: ErrorCode,
        debug_data: Bytes,
    },
    WindowUpdate {
        id: u32,
        increment: u32,
    },
    PriorityUpdate {
        id: u32,
        value: Bytes,
    },
    /// Octets of any kind, which only the peer sends.
    Raw(Bytes),
}

/// A field section on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: u32,
    pub(crate) lines: Vec<Line>,
    pub(crate) end_stream: bool,
    pub(crate) padding: Option<u8>,
    /// Octets of each fragment but the last; the last takes the rest.
    pub(crate) cuts: Vec<usize>,
}

impl Wire {
    pub(crate) fn end_stream(mut self) -> Self {
        match &mut self {
            Self::Data { end_stream, .. } => *end_stream = true,
            Self::Headers(section) => section.end_stream = true,
            _ => panic!("END_STREAM is for DATA and HEADERS"),
        }
        self
    }

    pub(crate) fn padded(mut self, octets: u8) -> Self {
        match &mut self {
            Self::Data { padding, .. } => *padding = Some(octets),
            _ => self.section().padding = Some(octets),
        }
        self
    }

    pub(crate) fn field(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let line = (octets(name), octets(value));
        self.section().lines.push(line);
        self
    }

    /// Spreads the field block: fragments of these lengths, then CONTINUATION with the rest.
    pub(crate) fn cut(mut self, cuts: &[usize]) -> Self {
        self.section().cuts = cuts.to_vec();
        self
    }

    fn section(&mut self) -> &mut Section {
        match self {
            Self::Headers(section) | Self::PushPromise { section, .. } => section,
            _ => panic!("fields are for HEADERS and PUSH_PROMISE"),
        }
    }

    /// Whether `seen` is what a transcript expects: fields, their layout and debug data count
    /// only where the transcript names them.
    pub(crate) fn is_met_by(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Headers(expected), Self::Headers(seen)) => {
                expected.id == seen.id
                    && expected.end_stream == seen.end_stream
                    && (expected.lines.is_empty() || expected.lines == seen.lines)
                    && (expected.cuts.is_empty() || expected.cuts == seen.cuts)
            }
            (
                Self::GoAway { last, code, .. },
                Self::GoAway {
                    last: seen_last,
                    code: seen_code,
                    ..
                },
            ) => (last, code) == (seen_last, seen_code),
            _ => self == seen,
        }
    }
}

/// One frame stands wherever several can.
impl IntoIterator for Wire {
    type Item = Self;
    type IntoIter = iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        iter::once(self)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data {
                id,
                data,
                padding,
                end_stream,
            } => {
                let end = if *end_stream { " END_STREAM" } else { "" };
                let len = data.len();
                write!(f, "DATA({id}, {len} octets, padding {padding:?}{end})")
            }
            Self::Headers(section) => write!(f, "HEADERS({section:?})"),
            Self::PushPromise { promised, section } => {
                write!(f, "PUSH_PROMISE({promised}, {section:?})")
            }
            Self::RstStream { id, code } => write!(f, "RST_STREAM({id}, {code:?})"),
            Self::Settings(values) => write!(f, "SETTINGS({values:?})"),
            Self::SettingsAck => f.write_str("SETTINGS(ACK)"),
            Self::Ping { ack, payload } => write!(f, "PING(ack {ack}, {payload:?})"),
            Self::GoAway {
                last,
                code,
                debug_data,
            } => write!(f, "GOAWAY({last}, {code:?}, {debug_data:?})"),
            Self::WindowUpdate { id, increment } => write!(f, "WINDOW_UPDATE({id}, {increment})"),
            Self::PriorityUpdate { id, value } => write!(f, "PRIORITY_UPDATE({id}, {value:?})"),
            Self::Raw(octets) => write!(f, "RAW({octets:02x?})"),
        }
    }
}

pub(crate) fn octets(octets: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(octets.as_ref())
}

pub(crate) fn stream(id: u32) -> StreamId {
    StreamId::from_wire(id)
}

pub(crate) fn data(id: u32, content: impl AsRef<[u8]>) -> Wire {
    Wire::Data {
        id,
        data: octets(content),
        padding: None,
        end_stream: false,
    }
}

/// HEADERS with no field yet; where one is expected, whatever its fields.
pub(crate) fn headers(id: u32) -> Wire {
    Wire::Headers(Section {
        id,
        ..Section::default()
    })
}

/// The head of a response.
pub(crate) fn response(id: u32, status: u16) -> Wire {
    headers(id).field(":status", status.to_string())
}

/// A trailer section of one field; it ends the stream as it must.
pub(crate) fn trailers(id: u32, name: &str, value: &str) -> Wire {
    headers(id).field(name, value).end_stream()
}

/// PUSH_PROMISE with no field yet.
pub(crate) fn bare_promise(id: u32, promised: u32) -> Wire {
    let section = Section {
        id,
        ..Section::default()
    };
    Wire::PushPromise { promised, section }
}

pub(crate) fn push_promise(id: u32, promised: u32) -> Wire {
    bare_promise(id, promised)
        .field(":method", "GET")
        .field(":scheme", "https")
        .field(":authority", "example.com")
        .field(":path", "/pushed")
}

pub(crate) fn rst_stream(id: u32, code: ErrorCode) -> Wire {
    Wire::RstStream { id, code }
}

pub(crate) fn settings(values: &[(SettingId, u32)]) -> Wire {
    Wire::Settings(values.to_vec())
}

pub(crate) fn settings_ack() -> Wire {
    Wire::SettingsAck
}

pub(crate) fn ping(payload: [u8; 8]) -> Wire {
    Wire::Ping {
        ack: false,
        payload,
    }
}

pub(crate) fn ping_ack(payload: [u8; 8]) -> Wire {
    Wire::Ping { ack: true, payload }
}

pub(crate) fn goaway(last: u32, code: ErrorCode) -> Wire {
    Wire::GoAway {
        last,
        code,
        debug_data: Bytes::new(),
    }
}

pub(crate) fn window_update(id: u32, increment: u32) -> Wire {
    Wire::WindowUpdate { id, increment }
}

/// PRIORITY, as RFC 7540 had it.
pub(crate) fn priority(id: u32) -> Wire {
    raw(FrameType::PRIORITY, 0, id, &[0, 0, 0, 0, 15])
}

/// A frame of a type that no RFC defines.
pub(crate) fn unknown(id: u32) -> Wire {
    raw(FrameType::from_wire(0xbe), 0xff, id, b"grease")
}

/// A frame of that header and payload, however wrong.
pub(crate) fn raw(frame_type: FrameType, flags: u8, id: u32, payload: &[u8]) -> Wire {
    let mut wire = BytesMut::new();
    let header = FrameHeader {
        length: u32::try_from(payload.len()).expect("a payload of a test"),
        frame_type,
        flags: Flags::from_wire(flags),
        stream_id: stream(id),
    };
    header.encode(&mut wire);
    wire.extend_from_slice(payload);
    Wire::Raw(wire.freeze())
}
