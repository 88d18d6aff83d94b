//! Events in the words of a transcript: comparable, and without the credit that they carry.

use bytes::Bytes;
use http::HeaderMap;
use towline::http2::{
    ErrorCode, Violation,
    engine::{Closure, Event, Failure},
};

use super::frames::{Line, octets};

/// What the engine reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Settings,
    Interim {
        id: u32,
        status: u16,
    },
    Head {
        id: u32,
        status: u16,
        end_stream: bool,
    },
    Content {
        id: u32,
        data: Bytes,
        end_stream: bool,
    },
    UsedUp(u32),
    Trailers {
        id: u32,
        lines: Vec<Line>,
    },
    Promise {
        id: u32,
        promised: u32,
        /// Its method and URI.
        request: String,
    },
    Failed {
        id: u32,
        failure: Failure,
    },
    SendStopped(u32),
    Finished(u32),
    Retired,
    Pong([u8; 8]),
    Closed(Closure),
}

impl Seen {
    pub(crate) fn end_stream(mut self) -> Self {
        match &mut self {
            Self::Head { end_stream, .. } | Self::Content { end_stream, .. } => *end_stream = true,
            _ => panic!("only a head and content say that the stream ends"),
        }
        self
    }

    pub(crate) fn of(event: &Event) -> Self {
        match event {
            Event::PeerSettings(_) => Self::Settings,
            Event::Interim { id, head } => Self::Interim {
                id: id.as_u32(),
                status: head.status.as_u16(),
            },
            Event::Head {
                id,
                head,
                end_stream,
            } => Self::Head {
                id: id.as_u32(),
                status: head.status.as_u16(),
                end_stream: *end_stream,
            },
            Event::Data {
                id,
                data,
                end_stream,
                ..
            } => Self::Content {
                id: id.as_u32(),
                data: data.clone(),
                end_stream: *end_stream,
            },
            Event::WindowUsedUp { id } => Self::UsedUp(id.as_u32()),
            Event::Trailers { id, fields } => Self::Trailers {
                id: id.as_u32(),
                lines: lines(fields),
            },
            Event::Promise { id, promised, head } => Self::Promise {
                id: id.as_u32(),
                promised: promised.as_u32(),
                request: format!("{} {}", head.method, head.uri),
            },
            Event::Failed { id, failure } => Self::Failed {
                id: id.as_u32(),
                failure: *failure,
            },
            Event::SendStopped { id } => Self::SendStopped(id.as_u32()),
            Event::Finished { id } => Self::Finished(id.as_u32()),
            Event::Retired => Self::Retired,
            Event::Pong { payload } => Self::Pong(*payload),
            Event::Closed(closure) => Self::Closed(closure.clone()),
            other => panic!("a kind of event that no transcript knows: {other:?}"),
        }
    }
}

/// The lines of a map, in its order.
pub(crate) fn lines(fields: &HeaderMap) -> Vec<Line> {
    fields
        .iter()
        .map(|(name, value)| (octets(name), octets(value)))
        .collect()
}

pub(crate) fn interim(id: u32, status: u16) -> Seen {
    Seen::Interim { id, status }
}

pub(crate) fn head(id: u32, status: u16) -> Seen {
    Seen::Head {
        id,
        status,
        end_stream: false,
    }
}

pub(crate) fn content(id: u32, data: impl AsRef<[u8]>) -> Seen {
    Seen::Content {
        id,
        data: octets(data),
        end_stream: false,
    }
}

/// A trailer section of one field.
pub(crate) fn tail(id: u32, name: &str, value: &str) -> Seen {
    Seen::Trailers {
        id,
        lines: vec![(octets(name), octets(value))],
    }
}

/// A promise as `push_promise` makes it.
pub(crate) fn promise(id: u32, promised: u32) -> Seen {
    promise_of(id, promised, "GET https://example.com/pushed")
}

pub(crate) fn promise_of(id: u32, promised: u32, request: &str) -> Seen {
    let request = request.to_owned();
    Seen::Promise {
        id,
        promised,
        request,
    }
}

pub(crate) fn used_up(id: u32) -> Seen {
    Seen::UsedUp(id)
}

pub(crate) fn stalled(id: u32) -> Seen {
    let failure = Failure::WindowStalled;
    Seen::Failed { id, failure }
}

pub(crate) fn reset(id: u32, code: ErrorCode) -> Seen {
    let failure = Failure::Reset(code);
    Seen::Failed { id, failure }
}

pub(crate) fn unprocessed(id: u32, code: ErrorCode) -> Seen {
    let failure = Failure::Unprocessed(code);
    Seen::Failed { id, failure }
}

pub(crate) fn fault(id: u32, violation: Violation) -> Seen {
    let failure = Failure::Fault(violation);
    Seen::Failed { id, failure }
}

pub(crate) fn send_stopped(id: u32) -> Seen {
    Seen::SendStopped(id)
}

pub(crate) fn finished(id: u32) -> Seen {
    Seen::Finished(id)
}

pub(crate) fn closed(closure: Closure) -> Seen {
    Seen::Closed(closure)
}
