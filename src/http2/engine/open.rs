//! A request becomes a stream, in one step: identifier, HPACK and queue go by the same order.
//!
//! Owns: whether a stream may be opened now. Never: waits for a slot; whoever is refused has lost
//! nothing, since a refusal comes before anything is taken.
//! Spec: RFC 9113 §4.3, §5.1.1, §5.1.2, §6.5.2; RFC 8441 §4.

use bytes::Bytes;
use http::Method;

use super::{Core, Engine, Event, Preface, Stage};
use crate::http2::{
    StreamId,
    codec::writer,
    flow::{Ask, Managers, RecvWindow, Scope, SendWindow, WindowManagerFactory},
    message::RequestHead,
    stream::{Precedence, RecvHalf, SendHalf, Stream},
};
use crate::priority::Priority;

/// What body a request will have.
#[derive(Debug)]
pub enum BodyPlan {
    /// None: the head ends the stream.
    Empty,
    /// All of it, here.
    Whole(Bytes),
    /// Piece by piece, each when [`poll_demand`](Engine::poll_demand) asks for it.
    Streaming,
}

/// Why no stream was opened. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The connection takes no new streams: GOAWAY, closing, or no identifiers left.
    Retired,
    /// The peer's SETTINGS_MAX_CONCURRENT_STREAMS is reached (RFC 9113 §5.1.2).
    StreamLimit,
    /// The request is an extended CONNECT, which the peer's SETTINGS_ENABLE_CONNECT_PROTOCOL has
    /// not allowed (RFC 8441 §3).
    ExtendedConnect,
    /// The request is an extended CONNECT, and the peer's first SETTINGS, which say whether it is
    /// allowed, have not come (RFC 8441 §3).
    SettingsAwaited,
    /// The head is above the peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2).
    HeadTooLarge {
        /// What the head would take, in octets, 32 a field included.
        size: usize,
        /// What the peer allows.
        limit: u32,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Retired => f.write_str("the connection takes no new streams"),
            Self::StreamLimit => f.write_str("the peer's limit of concurrent streams is reached"),
            Self::ExtendedConnect => f.write_str("the peer does not offer extended CONNECT"),
            Self::SettingsAwaited => {
                f.write_str("the peer has not said yet whether it offers extended CONNECT")
            }
            Self::HeadTooLarge { size, limit } => write!(
                f,
                "the request head takes {size} octets where the peer allows {limit}"
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// What one stream does otherwise than the [`Config`](super::Config) says.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct StreamOptions {
    /// The priority by which the request's body goes, and which the server is taken to know: as a
    /// rule, what a `priority` field of the caller's own says (RFC 9218 §5). Default: that of the
    /// head, which is the one of the request's extensions.
    pub priority: Option<Priority>,
    /// Who manages the stream's window.
    pub window: Option<Managers>,
}

impl Engine {
    /// Opens a stream and queues its head.
    ///
    /// # Errors
    /// A [`Refusal`]: nothing was queued, and the request can go elsewhere.
    pub fn open(&mut self, head: &RequestHead<'_>, body: BodyPlan) -> Result<StreamId, Refusal> {
        self.open_with(head, body, StreamOptions::default())
    }

    /// Opens a stream as [`open`](Self::open) does, with options of its own.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with(
        &mut self,
        head: &RequestHead<'_>,
        body: BodyPlan,
        options: StreamOptions,
    ) -> Result<StreamId, Refusal> {
        let StreamOptions { priority, window } = options;
        let priority = priority.or(head.priority);
        let core = &mut self.core;
        core.admit(head)?;
        let id = core.streams.next_id().ok_or(Refusal::Retired)?;
        // Whatever is known to be empty ends with the head.
        let body = match body {
            BodyPlan::Whole(octets) if octets.is_empty() => BodyPlan::Empty,
            body => body,
        };
        let end_stream = matches!(body, BodyPlan::Empty);
        core.send_head(id, head, end_stream);
        let mut recv = core.recv_half(id, head.method.clone(), window.as_ref());
        core.windows.ask_stream(id, &mut recv, Ask::Open);
        let stream = Stream {
            send: core.send_half(body),
            recv: Some(recv),
            precedence: Precedence::announced(priority),
        };
        core.streams.insert(id, stream);
        core.budget.on_sent(0);
        core.schedule(id);
        if core.recv_window.is_used_up() {
            core.watch_connection();
        }
        if core.streams.next_id().is_none() {
            // RFC 9113 §5.1.1: a client that runs out of identifiers opens a new connection.
            core.retire();
        }
        Ok(id)
    }
}

impl Core {
    fn admit(&self, head: &RequestHead<'_>) -> Result<(), Refusal> {
        if self.stage != Stage::Open {
            return Err(Refusal::Retired);
        }
        // RFC 9113 §5.1.2: it bounds the streams that we open, not those that the peer promised.
        if self.streams.requests() >= self.peer.max_concurrent_streams as usize {
            return Err(Refusal::StreamLimit);
        }
        // RFC 8441 §4: `:protocol` may be sent once the peer has announced that it knows it.
        if head.protocol.is_some() && !self.peer.enable_connect_protocol {
            return Err(match self.preface {
                Preface::Awaited => Refusal::SettingsAwaited,
                Preface::Received => Refusal::ExtendedConnect,
            });
        }
        let limit = self.peer.max_header_list_size;
        // Most peers set no limit, or one above any head that fits into a single frame.
        if limit < u32::MAX {
            let size = head.list_size();
            if size > limit as usize {
                return Err(Refusal::HeadTooLarge { size, limit });
            }
        }
        Ok(())
    }

    fn send_head(&mut self, id: StreamId, head: &RequestHead<'_>, end_stream: bool) {
        self.heads_from.get_or_insert(self.control.len());
        let mark = writer::begin_headers(&mut self.control);
        self.encoder.begin(&mut self.control);
        let (encoder, control) = (&mut self.encoder, &mut self.control);
        head.for_each_field(&mut |field| encoder.field(field, control));
        let max_frame_size = self.peer.max_frame_size;
        writer::finish_headers(control, mark, id, end_stream, max_frame_size);
    }

    fn send_half(&self, body: BodyPlan) -> Option<SendHalf> {
        let window = SendWindow::new(self.peer.initial_window_size);
        match body {
            BodyPlan::Empty => None,
            BodyPlan::Whole(body) => Some(SendHalf::whole(window, body)),
            BodyPlan::Streaming => Some(SendHalf::streaming(window)),
        }
    }

    pub(super) fn recv_half(
        &self,
        id: StreamId,
        method: Method,
        managers: Option<&Managers>,
    ) -> RecvHalf {
        let size = self.config.stream_window_size;
        let managers = managers.unwrap_or(&self.config.stream_window_managers);
        let manager = managers.manager(Scope::Stream(id), size);
        RecvHalf::new(method, RecvWindow::new(size, size, manager))
    }

    /// Takes no new streams from now on.
    pub(super) fn retire(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Retired;
            self.events.push_back(Event::Retired);
        }
    }
}
