//! One frame in: which stream it belongs to, whether it may come now, and what follows.
//!
//! Owns: the verdict of RFC 9113 §5.1 on every frame that the reader lets through. Never: reads
//! octets, or looks into what a field says.
//! Invariants: every field block is decoded, even for a stream that is gone, so that the decoder
//! stays in step with the peer (RFC 9113 §4.3). Every DATA frame is charged to the connection's
//! window, even for a stream that is gone (RFC 9113 §6.9). A RST_STREAM is never answered
//! (RFC 9113 §5.4.2).
//! Spec: RFC 9113 §5.1, §5.4, §6, §8.1.

use std::time::Instant;

use bytes::Bytes;

use super::{Core, Event, Failure, Preface};
use crate::http2::{
    Fault, StreamId, Violation,
    codec::{BlockOrigin, FieldBlock, Inbound},
    flow::{Ask, Path},
    frame::{Frame, Ping, RstStream, WindowUpdate},
    hpack::{Limits as FieldLimits, Outcome},
    message::SectionBuilder,
    push,
    stream::{ClosedBy, Lookup, Phase, RecvHalf, State},
};

/// What a DATA frame brought.
struct Arrival {
    id: StreamId,
    data: Bytes,
    /// Octets that flow control counts: the payload with its padding (RFC 9113 §6.9.1).
    wire_len: u32,
    end_stream: bool,
}

impl Core {
    pub(super) fn recv(&mut self, now: Instant, inbound: Inbound<'_>) -> Result<(), Fault> {
        // RFC 9113 §3.4: what was recognised by its header may still be an acknowledgement.
        if self.preface == Preface::Awaited
            && !matches!(&inbound, Inbound::Frame(Frame::Settings(settings)) if !settings.ack)
        {
            return Err(Fault::Connection(Violation::PrefaceNotSettings));
        }
        match inbound {
            Inbound::Data {
                stream_id,
                end_stream,
                data,
                wire_len,
            } => self.recv_data(
                now,
                Arrival {
                    id: stream_id,
                    data,
                    wire_len,
                    end_stream,
                },
            ),
            Inbound::Block(block) => self.recv_block(now, &block),
            Inbound::Frame(frame) => self.recv_frame(now, &frame),
        }
    }

    fn recv_frame(&mut self, now: Instant, frame: &Frame<'_>) -> Result<(), Fault> {
        match frame {
            Frame::Settings(settings) => self.recv_settings(now, settings),
            Frame::Ping(ping) => self.recv_ping(now, *ping),
            Frame::GoAway(goaway) => self.recv_goaway(now, goaway),
            Frame::WindowUpdate(update) => self.recv_window_update(now, *update),
            Frame::RstStream(reset) => self.recv_reset(now, *reset),
            // RFC 9218 §7.1: only clients send it.
            Frame::PriorityUpdate(_) => Err(Fault::Connection(Violation::PriorityUpdateFromServer)),
            // PRIORITY is deprecated (RFC 9113 §5.3.2), unknown types are ignored (§5.5); neither
            // is of use, so neither may come without end. The reader keeps the other types back.
            Frame::Priority(_)
            | Frame::Unknown(_)
            | Frame::Data(_)
            | Frame::Headers(_)
            | Frame::PushPromise(_)
            | Frame::Continuation(_) => self.budget.on_fault(now).map_err(Fault::Connection),
        }
    }

    fn recv_data(&mut self, now: Instant, arrival: Arrival) -> Result<(), Fault> {
        self.charge_connection(arrival.wire_len)
            .map_err(Fault::Connection)?;
        let id = arrival.id;
        match self.streams.look_up(id) {
            Lookup::Idle => Err(Fault::Connection(Violation::DataOnIdle)),
            Lookup::Live(_) => self.recv_content(now, arrival),
            Lookup::Closed(_) | Lookup::Forgotten(_) => {
                self.recv_late(now, id, arrival.wire_len, arrival.end_stream)
            }
        }
    }

    /// DATA or HEADERS on a stream that is gone. What crossed our reset is ignored, as much as
    /// could (RFC 9113 §5.1).
    fn recv_late(
        &mut self,
        now: Instant,
        id: StreamId,
        octets: u32,
        end_stream: bool,
    ) -> Result<(), Fault> {
        let could_cross = match self.streams.look_up(id) {
            Lookup::Closed(ClosedBy::LocalReset(late)) => {
                let could_cross = late.take(octets);
                if end_stream {
                    late.end();
                }
                could_cross
            }
            Lookup::Forgotten(late) => late.take(octets),
            Lookup::Closed(ClosedBy::PeerReset) => {
                return Err(Fault::Stream(id, Violation::FrameAfterReset));
            }
            // RFC 9113 §5.1: other frames on a closed stream may be "a connection error".
            Lookup::Closed(ClosedBy::End) | Lookup::Live(_) | Lookup::Idle => {
                return Err(Fault::Connection(Violation::FrameAfterEnd));
            }
        };
        self.ignore_late(now, could_cross)
    }

    /// DATA on a stream that is there.
    fn recv_content(&mut self, now: Instant, arrival: Arrival) -> Result<(), Fault> {
        let Arrival {
            id,
            data,
            wire_len,
            end_stream,
        } = arrival;
        let Some(recv) = self
            .streams
            .get_mut(id)
            .and_then(|stream| stream.recv.as_mut())
        else {
            // RFC 9113 §5.1: half-closed (remote).
            return Err(Fault::Stream(id, Violation::FrameAfterEnd));
        };
        let fault = |violation| Fault::Stream(id, violation);
        let credit = recv.window.debit(wire_len).map_err(fault)?;
        may_have_content(id, recv.phase())?;
        recv.on_content(data.len()).map_err(fault)?;
        if id.is_server() {
            self.pushes.charge(id, data.len()).map_err(fault)?;
        }
        if end_stream {
            recv.on_end().map_err(fault)?;
        }
        self.windows.ask_stream(id, recv, Ask::Received(wire_len));
        if data.is_empty() && !end_stream {
            self.windows.consumed(id, recv, credit);
            let settled = self.windows.settle(id, recv);
            self.act_on(id, settled);
            // Neither octets nor an end: of no use (CVE-2019-9518).
            return self.budget.on_fault(now).map_err(Fault::Connection);
        }
        // Padding was consumed by arriving; the caller owes for the content alone.
        let octets = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let (credit, padding) = credit.map_or((None, None), |credit| credit.split(octets));
        if padding.is_some() {
            self.windows.consumed(id, recv, padding);
        }
        self.events.push_back(Event::Data {
            id,
            data,
            credit,
            end_stream,
        });
        if end_stream {
            self.end_recv(id);
            return Ok(());
        }
        let is_outgrown = recv.window.is_outgrown();
        let is_long = recv.window.received() >= Path::PROBE_FROM;
        let is_probed = is_long && recv.window.wants_round_trips();
        let settled = self.windows.settle(id, recv);
        self.act_on(id, settled);
        if is_outgrown {
            self.windows.path.on_size(true);
        }
        if is_probed {
            self.probe();
        }
        Ok(())
    }

    fn recv_block(&mut self, now: Instant, block: &FieldBlock<'_>) -> Result<(), Fault> {
        match block.origin {
            BlockOrigin::Headers {
                stream_id,
                end_stream,
            } => self.recv_headers(now, stream_id, end_stream, block.block),
            BlockOrigin::PushPromise {
                stream_id,
                promised,
            } => self.recv_push_promise(now, stream_id, promised, block.block),
        }
    }

    /// Decodes a block into a section, whatever will become of it.
    pub(super) fn decode(
        &mut self,
        block: &[u8],
        mut section: SectionBuilder,
    ) -> Result<(SectionBuilder, Outcome), Fault> {
        let limits = FieldLimits {
            max_size: self.config.limits.field_section_size as usize,
            max_fields: self.config.limits.field_count,
        };
        let outcome = self
            .decoder
            .decode(block, limits, &mut |field| section.push(field))
            .map_err(|_| Fault::Connection(Violation::Compression))?;
        Ok((section, outcome))
    }

    fn recv_headers(
        &mut self,
        now: Instant,
        id: StreamId,
        end_stream: bool,
        block: &[u8],
    ) -> Result<(), Fault> {
        let phase = self
            .streams
            .get(id)
            .and_then(|stream| stream.recv.as_ref())
            .map(RecvHalf::phase);
        let builder = match phase {
            Some(Phase::Body) => SectionBuilder::trailers(),
            Some(Phase::Reserved | Phase::Head) | None => SectionBuilder::response(),
        };
        let (section, outcome) = self.decode(block, builder)?;
        match self.streams.look_up(id) {
            Lookup::Idle => return Err(Fault::Connection(Violation::HeadersOnIdle)),
            Lookup::Closed(_) | Lookup::Forgotten(_) => {
                return self.recv_late(now, id, 0, end_stream);
            }
            Lookup::Live(_) => {}
        }
        if outcome == Outcome::LimitExceeded {
            return Err(Fault::Stream(id, Violation::FieldSectionTooLarge));
        }
        match phase {
            Some(Phase::Reserved | Phase::Head) => self.recv_head(id, section, end_stream),
            Some(Phase::Body) => self.recv_trailers(id, section, end_stream),
            // RFC 9113 §5.1: half-closed (remote).
            None => Err(Fault::Stream(id, Violation::FrameAfterEnd)),
        }
    }

    fn recv_head(
        &mut self,
        id: StreamId,
        section: SectionBuilder,
        end_stream: bool,
    ) -> Result<(), Fault> {
        let fault = |violation| Fault::Stream(id, violation);
        let head = section.finish_response().map_err(fault)?;
        let limit = self.config.limits.interim_responses;
        let Some(recv) = self
            .streams
            .get_mut(id)
            .and_then(|stream| stream.recv.as_mut())
        else {
            return Ok(());
        };
        recv.on_head(&head, limit).map_err(fault)?;
        if id.is_server() {
            let octets = push::section_octets(&head.headers);
            self.pushes.charge(id, octets).map_err(fault)?;
        }
        let is_used_up = recv.window.is_used_up();
        if head.status.is_informational() {
            if end_stream {
                return Err(fault(Violation::EndWithInterim));
            }
            self.events.push_back(Event::Interim { id, head });
            return Ok(());
        }
        if end_stream {
            recv.on_end().map_err(fault)?;
        }
        self.events.push_back(Event::Head {
            id,
            head,
            end_stream,
        });
        if end_stream {
            self.end_recv(id);
        } else if is_used_up {
            self.settle_at_head(id);
        }
        Ok(())
    }

    fn recv_trailers(
        &mut self,
        id: StreamId,
        section: SectionBuilder,
        end_stream: bool,
    ) -> Result<(), Fault> {
        let fault = |violation| Fault::Stream(id, violation);
        let fields = section.finish_trailers().map_err(fault)?;
        if !end_stream {
            return Err(fault(Violation::TrailersWithoutEnd));
        }
        let recv = self.streams.get(id).and_then(|stream| stream.recv.as_ref());
        recv.map_or(Ok(()), RecvHalf::on_trailers).map_err(fault)?;
        if id.is_server() {
            let octets = push::section_octets(&fields);
            self.pushes.charge(id, octets).map_err(fault)?;
        }
        self.events.push_back(Event::Trailers { id, fields });
        self.end_recv(id);
        Ok(())
    }

    /// The peer's half is done; the stream, too, if ours is.
    fn end_recv(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            if let Some(recv) = &stream.recv {
                self.windows.path.on_size(recv.window.is_outgrown());
            }
            stream.recv = None;
            if stream.send.is_none() {
                self.finish(id, ClosedBy::End);
            }
        }
    }

    fn recv_ping(&mut self, now: Instant, ping: Ping) -> Result<(), Fault> {
        if !ping.ack {
            self.budget.on_control_queued().map_err(Fault::Connection)?;
            let payload = ping.payload;
            Ping { ack: true, payload }.encode(&mut self.control);
            return Ok(());
        }
        if self.windows.path.on_pong(now, ping.payload) {
            return Ok(());
        }
        match self.pings.iter().position(|sent| *sent == ping.payload) {
            Some(index) => {
                self.pings.remove(index);
                let payload = ping.payload;
                self.events.push_back(Event::Pong { payload });
                Ok(())
            }
            // RFC 9113 §6.7 forbids no answer without a question; it is of no use, though.
            None => self.budget.on_fault(now).map_err(Fault::Connection),
        }
    }

    fn recv_window_update(&mut self, now: Instant, update: WindowUpdate) -> Result<(), Fault> {
        let WindowUpdate {
            stream_id: id,
            increment,
        } = update;
        self.budget
            .on_window_update(now)
            .map_err(Fault::Connection)?;
        if id.is_connection() {
            self.send_window
                .increase(increment)
                .map_err(Fault::Connection)?;
            self.schedule.unblock();
            return Ok(());
        }
        match self.streams.look_up(id) {
            Lookup::Idle => Err(Fault::Connection(Violation::WindowUpdateOnIdle)),
            // RFC 9113 §5.1: may come for a while after the stream is closed.
            Lookup::Closed(_) | Lookup::Forgotten(_) => Ok(()),
            // RFC 9113 §5.1: in reserved (remote), "a connection error".
            Lookup::Live(stream) if stream.state() == State::ReservedRemote => {
                Err(Fault::Connection(Violation::WindowUpdateOnReserved))
            }
            Lookup::Live(stream) => {
                if let Some(send) = &mut stream.send {
                    send.window
                        .increase(increment)
                        .map_err(|violation| Fault::Stream(id, violation))?;
                    self.schedule(id);
                }
                Ok(())
            }
        }
    }

    fn recv_reset(&mut self, now: Instant, reset: RstStream) -> Result<(), Fault> {
        let RstStream {
            stream_id: id,
            code,
        } = reset;
        let could_cross = match self.streams.look_up(id) {
            Lookup::Idle => return Err(Fault::Connection(Violation::ResetOnIdle)),
            Lookup::Live(stream) => {
                let event = if stream.recv.is_none() {
                    // RFC 9113 §8.1: the response is whole, only the upload is cut short.
                    Event::SendStopped { id }
                } else {
                    let failure = Failure::Reset(code);
                    Event::Failed { id, failure }
                };
                if id.is_server() {
                    // Promised and taken back: rapid reset the other way round (CVE-2023-44487).
                    self.budget.on_fault(now).map_err(Fault::Connection)?;
                }
                self.events.push_back(event);
                self.finish(id, ClosedBy::PeerReset);
                return Ok(());
            }
            // RFC 9113 §5.1: after END_STREAM and RST_STREAM of ours, one may come; a second one
            // is of no use.
            Lookup::Closed(by @ ClosedBy::End) => {
                *by = ClosedBy::PeerReset;
                true
            }
            Lookup::Closed(ClosedBy::LocalReset(late)) => late.take_reset(),
            Lookup::Closed(ClosedBy::PeerReset) => false,
            Lookup::Forgotten(late) => late.take(0),
        };
        self.ignore_late(now, could_cross)
    }

    /// Ignores a frame on a stream that is gone; one that cannot have crossed its end is counted.
    fn ignore_late(&mut self, now: Instant, could_cross: bool) -> Result<(), Fault> {
        if could_cross {
            Ok(())
        } else {
            self.budget.on_fault(now).map_err(Fault::Connection)
        }
    }
}

/// Whether DATA may come in this phase of a stream.
const fn may_have_content(id: StreamId, phase: Phase) -> Result<(), Fault> {
    match phase {
        Phase::Body => Ok(()),
        Phase::Head => Err(Fault::Stream(id, Violation::DataBeforeHead)),
        // RFC 9113 §5.1: in reserved (remote), "a connection error".
        Phase::Reserved => Err(Fault::Connection(Violation::DataOnReserved)),
    }
}
