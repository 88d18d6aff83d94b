//! The order of output: frames about the connection and heads first, then DATA by turns.
//!
//! Owns: when DATA is cut, and from which stream. Never: holds more of a streaming body than was
//! handed over; a body is asked for octets only when they can go.
//! Invariants: windows are debited only here, when a DATA frame is cut (RFC 9113 §6.9); an end needs
//! no window.
//! Spec: RFC 9113 §3.4, §4.3, §5.2, §6.9, §8.1.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::{Core, Engine, Progress, Stage};
use crate::http2::{
    StreamId,
    codec::{Output, writer},
    consts,
    frame::{Flags, FrameHeader, FrameType, SettingId, SettingsBuilder},
    message,
    schedule::{Rank, Turn},
    stream::{ClosedBy, End},
};

/// DATA frames are not made larger than this, whatever the peer takes: a frame is a turn, and
/// turns are shared.
const MAX_DATA_FRAME: u32 = 64 * 1024;

/// Room for heads and control frames that is kept for the next ones, in octets.
const MAX_KEPT: usize = 64 * 1024;

impl Engine {
    /// Gives a piece of a [`Streaming`](super::BodyPlan::Streaming) body, as
    /// [`poll_demand`](Self::poll_demand) asked. An empty piece asks to be asked again; one that
    /// was not asked for is kept until the windows let it go, behind those before it.
    pub fn send_data(&mut self, id: StreamId, data: Bytes) {
        if let Some(send) = self
            .core
            .streams
            .get_mut(id)
            .and_then(|stream| stream.send.as_mut())
            .filter(|send| !send.is_finished())
        {
            send.push(data);
            self.core.schedule(id);
        }
    }

    /// Ends a streaming body, with a trailer section if there is one.
    pub fn finish(&mut self, id: StreamId, trailers: Option<HeaderMap>) {
        if let Some(send) = self
            .core
            .streams
            .get_mut(id)
            .and_then(|stream| stream.send.as_mut())
            .filter(|send| !send.is_finished())
        {
            // A trailer section of nothing would be a frame for what a flag can say.
            let trailers = trailers.filter(message::has_trailer_fields);
            send.finish(trailers.map_or(End::Data, End::Trailers));
            self.core.schedule(id);
        }
    }

    /// The next stream whose streaming body should be asked for octets: it has none waiting, and
    /// the windows would let them go. None as long as a stream that comes first has octets: they
    /// are to go before others are added (see [`StreamOptions::priority`](super::StreamOptions)).
    pub fn poll_demand(&mut self) -> Option<StreamId> {
        let core = &mut self.core;
        if core.send_window.available() == 0 {
            return None;
        }
        while let Some(id) = core.schedule.pop_hungry() {
            if let Some(send) = core
                .streams
                .get_mut(id)
                .and_then(|stream| stream.send.as_mut())
            {
                send.is_queued_hungry = false;
                if send.is_hungry() {
                    return Some(id);
                }
            }
        }
        None
    }

    /// Whether [`poll_demand`](Self::poll_demand) may have something to ask, now or once what comes
    /// first has gone.
    #[must_use]
    pub const fn has_demand(&self) -> bool {
        self.core.schedule.is_anybody_hungry() && self.core.send_window.available() > 0
    }

    /// A streaming body that had nothing when it was asked has something now: it will be asked
    /// again.
    pub fn resume(&mut self, id: StreamId) {
        self.core.schedule(id);
    }

    /// Moves what may be sent to `out`, up to [`OUTPUT_TARGET`](Self::OUTPUT_TARGET) octets and a
    /// frame. Call it only when `out` was taken by the socket: what is queued here meanwhile is
    /// what the bound on queued control frames counts.
    pub fn poll_output(&mut self, out: &mut Output) -> Progress {
        let core = &mut self.core;
        core.announce_priorities();
        core.queue_updates();
        core.flush_control(out);
        core.schedule.begin();
        while out.len() < Self::OUTPUT_TARGET {
            match core.schedule.pop() {
                Turn::Of(id) => core.send_turn(id, out),
                Turn::Awaited => return Progress::More,
                Turn::Nobody => {
                    core.close_if_drained();
                    core.flush_control(out);
                    return Progress::Drained;
                }
            }
        }
        Progress::More
    }
}

impl Core {
    /// Queues the client's preface (RFC 9113 §3.4) and what widens the connection's window.
    pub(super) fn send_preface(&mut self, now: std::time::Instant) {
        let config = &self.config;
        self.control.extend_from_slice(consts::PREFACE);
        let mut settings = SettingsBuilder::new();
        if config.enable_push {
            // RFC 9113 §8.4.2: it bounds the pushed responses that may come at once. A server opens
            // no other stream, so without push it says nothing.
            let limit = config.limits.promised_streams;
            settings = settings.set(SettingId::MAX_CONCURRENT_STREAMS, limit);
        }
        settings
            .set(SettingId::HEADER_TABLE_SIZE, config.header_table_size)
            .set(SettingId::ENABLE_PUSH, u32::from(config.enable_push))
            .set(SettingId::INITIAL_WINDOW_SIZE, config.stream_window_size)
            .set(SettingId::MAX_FRAME_SIZE, config.max_frame_size)
            .set(
                SettingId::MAX_HEADER_LIST_SIZE,
                config.limits.field_section_size,
            )
            // RFC 9218 §2.1: neither sent nor obeyed.
            .set(SettingId::NO_RFC7540_PRIORITIES, 1)
            .frame()
            .encode(&mut self.control);
        if let Some(at) = config
            .settings_timeout
            .and_then(|limit| now.checked_add(limit))
        {
            self.timers.set(super::Timer::SettingsAck, at);
        }
        self.open_connection_window();
    }

    fn flush_control(&mut self, out: &mut Output) {
        if !self.control.is_empty() {
            let buffer: &mut BytesMut = out.buffer();
            buffer.extend_from_slice(&self.control);
            self.control.clear();
            self.heads_from = None;
            if self.control.capacity() > MAX_KEPT {
                self.control = BytesMut::new();
            }
        }
        self.budget.on_control_sent();
    }

    /// Puts a stream where it belongs: among those that can send, or those that want octets.
    pub(super) fn schedule(&mut self, id: StreamId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let rank = Rank::from(stream.precedence.own());
        let Some(send) = &mut stream.send else {
            return;
        };
        if send.is_sendable() {
            if !send.is_scheduled {
                send.is_scheduled = true;
                self.schedule.push(id, rank);
            }
        } else if send.is_hungry() && !send.is_queued_hungry {
            send.is_queued_hungry = true;
            self.schedule.push_hungry(id, rank);
        }
    }

    /// One turn of one stream: a DATA frame, its end, or both.
    fn send_turn(&mut self, id: StreamId, out: &mut Output) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let rank = Rank::from(stream.precedence.own());
        let Some(send) = &mut stream.send else {
            return;
        };
        if send.pending() > 0 && self.send_window.available() == 0 {
            self.schedule.block(id, rank);
            return;
        }
        send.is_scheduled = false;
        if !send.is_sendable() {
            return;
        }
        let limit = self
            .send_window
            .available()
            .min(self.peer.max_frame_size)
            .min(MAX_DATA_FRAME);
        let data = send.cut(limit);
        let octets = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let end = send.take_end();
        self.send_window.consume(octets);
        self.budget.on_sent(octets);
        self.schedule.on_turn(rank);
        let end_with_data = matches!(end, Some(End::Data));
        if octets > 0 || end_with_data {
            let header = FrameHeader {
                length: octets,
                frame_type: FrameType::DATA,
                flags: if end_with_data {
                    Flags::END_STREAM
                } else {
                    Flags::NONE
                },
                stream_id: id,
            };
            out.data(header, data);
        }
        if let Some(End::Trailers(fields)) = &end {
            self.send_trailers(id, fields, out);
        }
        match end {
            Some(_) => self.end_send(id),
            None => self.schedule(id),
        }
    }

    /// Trailers are encoded in the moment of their sending: HPACK goes by the order of the wire
    /// (RFC 9113 §4.3), and the heads queued before went out with the control frames.
    fn send_trailers(&mut self, id: StreamId, fields: &HeaderMap, out: &mut Output) {
        let max_frame_size = self.peer.max_frame_size;
        let (encoder, buffer) = (&mut self.encoder, out.buffer());
        let mark = writer::begin_headers(buffer);
        encoder.begin(buffer);
        message::trailer_fields(fields, &mut |field| encoder.field(field, buffer));
        writer::finish_headers(buffer, mark, id, true, max_frame_size);
    }

    /// Our half is done; the stream, too, if the peer's is.
    fn end_send(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.send = None;
            if stream.recv.is_none() {
                self.finish(id, ClosedBy::End);
            }
        }
    }

    /// A retired connection closes once its last stream has finished (RFC 9113 §6.8); promised ones
    /// that nobody has claimed do not keep it.
    pub(super) fn close_if_drained(&mut self) {
        if self.stage == Stage::Retired && self.streams.requests() == 0 && self.drop_unclaimed() {
            self.send_goaway(crate::http2::ErrorCode::NO_ERROR, b"");
            self.close(super::Closure::Drained);
        }
    }
}
