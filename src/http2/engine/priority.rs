//! Priorities that change while their streams are open.
//!
//! Owns: which changes the peer hears of, and when: with the next output, so that however often a
//! priority changes meanwhile, one frame is queued for it at most.
//! Spec: RFC 9218 §2.1.1, §7, §7.1.

use super::{Core, Engine, Preface};
use crate::{
    http2::{StreamId, frame::PriorityUpdate, schedule::Rank},
    priority::Priority,
};

impl Engine {
    /// Gives a stream another priority: what is left of its body goes by it at once, and the server
    /// is told by PRIORITY_UPDATE (RFC 9218 §7.1) if that is of use. It is not told what it knows,
    /// nor once its response is complete, nor if its SETTINGS have come without
    /// SETTINGS_NO_RFC7540_PRIORITIES, so that it is likely to ignore it (RFC 9218 §2.1.1).
    pub fn prioritize(&mut self, id: StreamId, priority: Priority) {
        let core = &mut self.core;
        let Some(stream) = core.streams.get_mut(id) else {
            return;
        };
        let precedence = &mut stream.precedence;
        let before = precedence.own();
        precedence.change(priority);
        if !std::mem::replace(&mut precedence.is_queued, true) {
            core.reprioritized.push(id);
        }
        let now = Rank::from(Some(priority));
        core.schedule.change(id, before.into(), now);
    }
}

impl Core {
    /// Queues what the peer is to hear of priorities, behind the heads of their streams.
    pub(super) fn announce_priorities(&mut self) {
        if self.reprioritized.is_empty() {
            return;
        }
        // RFC 9218 §2.1.1: until the server's SETTINGS have come, both kinds of signals are sent;
        // from then on, only the kind that they are in favour of.
        let is_heard = self.preface == Preface::Awaited || self.peer.no_rfc7540_priorities;
        for id in self.reprioritized.drain(..) {
            let Some(stream) = self.streams.get_mut(id) else {
                continue;
            };
            stream.precedence.is_queued = false;
            // RFC 9218 §7.1: it is for streams "where data might still be received".
            if !is_heard || stream.recv.is_none() {
                continue;
            }
            if let Some(priority) = stream.precedence.announce() {
                let update = PriorityUpdate {
                    prioritized: id,
                    value: priority.as_str().as_bytes(),
                };
                update.encode(&mut self.control);
            }
        }
    }
}
