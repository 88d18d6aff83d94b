//! PUSH_PROMISE: which are taken, and what becomes of the rest.
//!
//! Owns: the order of the questions: is the frame allowed, is the stream new, is the request good,
//! is there room. Never: keeps anything of a promise that it refuses but that the stream was reset.
//! Invariants: every field block is decoded (RFC 9113 §4.3). Every promise that breaks no rule of
//! the connection's is either reported or reset, so that no stream stays reserved that nobody knows.
//! Spec: RFC 9113 §5.1, §5.1.1, §6.6, §8.4.

use std::time::Instant;

use super::{Core, Engine, Event};
use crate::{
    http2::{
        ErrorCode, Fault, StreamId, Violation,
        flow::Ask,
        hpack::Outcome,
        message::{PromisedHead, SectionBuilder},
        push,
        stream::{ClosedBy, Lookup, Precedence, Stream},
    },
    netloc::Netloc,
};

/// Why a promise is not taken. The stream is reset with the code.
struct Refused {
    code: ErrorCode,
    /// Whether it counts as the peer's fault, and its reset as one that the peer has provoked.
    is_fault: bool,
    /// What it does to the stream that it came on.
    then: Result<(), Fault>,
}

impl Refused {
    /// It may break no rule, and is not taken all the same.
    const UNWANTED: Self = Self {
        code: ErrorCode::REFUSED_STREAM,
        is_fault: true,
        then: Ok(()),
    };

    const fn for_fault(violation: Violation) -> Self {
        Self {
            code: violation.code(),
            is_fault: true,
            then: Ok(()),
        }
    }
}

impl Engine {
    /// Names the scheme, host and port that the peer may promise responses of. Promises of any other
    /// are reset (RFC 9113 §8.4); without a call, so are all.
    pub fn speaks_for(&mut self, netloc: Netloc) {
        self.core.pushes.speaks_for(netloc);
    }

    /// Somebody reads the response to a promise: from now on it counts as any other, and not against
    /// [`Limits::unclaimed_push_octets`](crate::http2::Limits). Its stream may be gone already.
    pub fn claim(&mut self, promised: StreamId) {
        let core = &mut self.core;
        core.pushes.settle(promised);
        let stream = core.streams.get_mut(promised);
        if let Some(recv) = stream.and_then(|stream| stream.recv.as_mut())
            && recv.claim()
        {
            core.windows.ask_stream(promised, recv, Ask::Open);
        }
    }

    /// How many streams are reserved or open that the peer has promised.
    #[must_use]
    pub fn promised_streams(&self) -> usize {
        self.core.streams.promised()
    }
}

impl Core {
    pub(super) fn recv_push_promise(
        &mut self,
        now: Instant,
        id: StreamId,
        promised: StreamId,
        block: &[u8],
    ) -> Result<(), Fault> {
        let (section, outcome) = self.decode(block, SectionBuilder::push_request())?;
        // RFC 9113 §6.6: before the acknowledgement the peer may not know that push is off.
        if self.local_settings_acked && !self.config.enable_push {
            return Err(Fault::Connection(Violation::PushPromiseDisabled));
        }
        let parent = self.look_up_parent(id)?;
        if !self.streams.is_idle(promised) {
            // RFC 9113 §5.1.1: identifiers only grow.
            return Err(Fault::Connection(Violation::PushPromiseId));
        }
        let admitted =
            parent.and_then(|is_free| self.admit_promise(promised, section, outcome, is_free));
        match admitted {
            Ok(head) => {
                let recv = self.recv_half(promised, head.method.clone(), None);
                let stream = Stream {
                    send: None,
                    recv: Some(recv.promised()),
                    precedence: Precedence::announced(None),
                };
                self.streams.reserve(promised, stream);
                self.events.push_back(Event::Promise { id, promised, head });
                Ok(())
            }
            Err(refused) => self.refuse_promise(now, promised, &refused),
        }
    }

    /// The stream that a promise comes on: there, and then whether the promise is one of those that
    /// are free; or gone so lately that it is refused.
    fn look_up_parent(&mut self, id: StreamId) -> Result<Result<bool, Refused>, Fault> {
        if id.is_server() {
            // RFC 9113 §6.6: only on a stream that the client has opened.
            return Err(Fault::Connection(Violation::PushPromiseStream));
        }
        let late = match self.streams.look_up(id) {
            Lookup::Live(Stream {
                recv: Some(recv), ..
            }) => {
                if !recv.is_tunnel() {
                    return Ok(Ok(recv.on_promise()));
                }
                // RFC 9113 §8.5: on a tunnel, other frames "MUST be treated as a stream error".
                return Ok(Err(Refused {
                    then: Err(Fault::Stream(id, Violation::PushPromiseInTunnel)),
                    ..Refused::UNWANTED
                }));
            }
            // RFC 9113 §6.6: "MUST handle PUSH_PROMISE frames that might have been created before
            // the RST_STREAM frame is received".
            Lookup::Closed(ClosedBy::LocalReset(late)) | Lookup::Forgotten(late) => late,
            Lookup::Live(_) | Lookup::Closed(_) | Lookup::Idle => {
                return Err(Fault::Connection(Violation::PushPromiseStream));
            }
        };
        Ok(Err(Refused {
            is_fault: !late.take(0),
            ..Refused::UNWANTED
        }))
    }

    /// Whether a promise on a stream that may have some is taken.
    fn admit_promise(
        &mut self,
        promised: StreamId,
        section: SectionBuilder,
        outcome: Outcome,
        is_free: bool,
    ) -> Result<Box<PromisedHead>, Refused> {
        if !self.config.enable_push {
            return Err(Refused::UNWANTED);
        }
        if outcome == Outcome::LimitExceeded {
            return Err(Refused::for_fault(Violation::FieldSectionTooLarge));
        }
        let head = section
            .finish_push_request()
            .and_then(|head| self.pushes.judge(&head).map(|()| head))
            .map_err(Refused::for_fault)?;
        let limit = self.config.limits.promised_streams as usize;
        let octets = u32::try_from(push::promise_octets(&head)).unwrap_or(u32::MAX);
        if self.streams.promised() >= limit || !self.pushes.admit(promised, octets) {
            // There is no room for it.
            return Err(Refused {
                is_fault: !is_free,
                ..Refused::UNWANTED
            });
        }
        Ok(Box::new(head))
    }

    /// What the peer sends on the stream before it hears of this is ignored.
    fn refuse_promise(
        &mut self,
        now: Instant,
        promised: StreamId,
        refused: &Refused,
    ) -> Result<(), Fault> {
        self.streams
            .refuse_promise(promised, self.config.stream_window_size);
        if refused.is_fault {
            self.budget.on_fault(now).map_err(Fault::Connection)?;
            self.budget.on_control_queued().map_err(Fault::Connection)?;
        }
        self.reset(promised, refused.code);
        refused.then
    }
}
