//! How streams and the connection end from this side: the verdict on a fault, resets, and the close.
//!
//! Owns: the one way out of the table of streams, and what goes with it. Never: answers a reset
//! with a reset, resets an idle stream, or sends a request that was handed back as unsent.
//! Spec: RFC 9113 §5.4, §6.4, §6.8.

use std::time::Instant;

use super::{Closure, Core, Event, Failure, Stage};
use crate::http2::{
    ErrorCode, Fault, StreamId, Violation,
    frame::{GoAway, RstStream},
    schedule::Schedule,
    stream::{ClosedBy, Late, Lookup},
};

impl Core {
    /// The verdict on what the peer did wrong becomes frames and events.
    pub(super) fn on_fault(&mut self, now: Instant, fault: Fault) {
        match fault {
            Fault::Connection(violation) => self.fail_connection(violation),
            Fault::Stream(id, violation) => {
                if let Err(violation) = self.fail_stream(now, id, violation) {
                    self.fail_connection(violation);
                }
            }
        }
    }

    /// RFC 9113 §5.4.2: RST_STREAM, once for a stream, and never in answer to another.
    fn fail_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        violation: Violation,
    ) -> Result<(), Violation> {
        match self.streams.look_up(id) {
            // RFC 9113 §6.4: RST_STREAM "MUST NOT be sent for a stream in the idle state"; §5.4
            // lets any stream error be one of the connection.
            Lookup::Idle => return Err(violation),
            // There is nothing to reset.
            Lookup::Closed(ClosedBy::End | ClosedBy::LocalReset(_)) | Lookup::Forgotten(_) => {
                return self.budget.on_fault(now);
            }
            // The peer takes a stream for open that it has reset itself.
            Lookup::Closed(ClosedBy::PeerReset) | Lookup::Live(_) => {}
        }
        // A push that nobody claims in time is nobody's fault; there are as many as were taken.
        if violation != Violation::UnclaimedPush {
            self.budget.on_fault(now)?;
            self.budget.on_control_queued()?;
        }
        match self.streams.look_up(id) {
            // It is told once.
            Lookup::Closed(by) => *by = ClosedBy::LocalReset(Late::NONE),
            _ => {
                let failure = Failure::Fault(violation);
                self.events.push_back(Event::Failed { id, failure });
            }
        }
        self.reset(id, violation.code());
        Ok(())
    }

    /// RFC 9113 §5.4.1: GOAWAY, then the end.
    pub(super) fn fail_connection(&mut self, violation: Violation) {
        if self.stage != Stage::Closed {
            self.send_goaway(violation.code(), violation.text().as_bytes());
            self.close(Closure::Fault(violation));
        }
    }

    /// A connection that closes sends no request that has not left: whoever made it hears that it
    /// was never sent, and sends it elsewhere.
    fn drop_unsent_heads(&mut self) {
        if let Some(heads_from) = self.heads_from.take() {
            self.control.truncate(heads_from);
        }
    }

    pub(super) fn send_goaway(&mut self, code: ErrorCode, debug_data: &[u8]) {
        self.drop_unsent_heads();
        let goaway = GoAway {
            // RFC 9113 §6.8: the peer's streams that we might have acted on.
            last_stream_id: self.pushes.last(),
            code,
            debug_data,
        };
        goaway.encode(&mut self.control);
    }

    /// Queues RST_STREAM, and takes the stream out if it is still there.
    pub(super) fn reset(&mut self, id: StreamId, code: ErrorCode) {
        RstStream {
            stream_id: id,
            code,
        }
        .encode(&mut self.control);
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        let by = match &stream.recv {
            Some(recv) => ClosedBy::LocalReset(Late::after_reset(recv.window.left())),
            // The peer has ended its half; a reset of its own may follow.
            None => ClosedBy::LocalReset(Late::RESET),
        };
        self.finish(id, by);
    }

    /// Resets the promises that nobody has claimed; false, and nothing done, if somebody waits for
    /// another one. Nothing is reported of them: the end of the connection follows.
    pub(super) fn drop_unclaimed(&mut self) -> bool {
        let ids = self.streams.promised_ids();
        let can = ids.iter().all(|id| self.pushes.is_unclaimed(*id));
        for stream_id in ids.into_iter().filter(|_| can) {
            let code = ErrorCode::CANCEL;
            RstStream { stream_id, code }.encode(&mut self.control);
        }
        can
    }

    /// Takes a stream out of the table and says so.
    pub(super) fn finish(&mut self, id: StreamId, by: ClosedBy) {
        if self.streams.remove(id, by).is_some() {
            self.events.push_back(Event::Finished { id });
            self.sweep();
        }
    }

    /// Ids of streams that are gone are skipped when their turn comes. While a window is closed it
    /// does not come, so they are swept out before they outnumber the streams.
    fn sweep(&mut self) {
        let live = self.streams.len();
        self.schedule
            .sweep(live, |id| self.streams.get(id).is_some());
        if self.reprioritized.len() > 2 * live {
            self.reprioritized
                .retain(|id| self.streams.get(*id).is_some());
        }
        if self.windows.queued() > 2 * live {
            self.sweep_windows();
        }
    }

    pub(super) fn close(&mut self, closure: Closure) {
        if self.stage != Stage::Closed {
            self.stage = Stage::Closed;
            self.drop_unsent_heads();
            self.timers.stop_all();
            self.streams.clear();
            self.pushes.settle_all();
            self.schedule = Schedule::default();
            self.reprioritized.clear();
            self.windows.clear();
            self.events.push_back(Event::Closed(closure));
        }
    }
}
