//! GOAWAY from the peer: the connection is retired, and streams that the peer never saw are handed
//! back.
//!
//! Owns: what the last GOAWAY said. Never: ends a stream that the peer may have processed; those
//! finish, and the connection with them.
//! Spec: RFC 9113 §6.8.

use std::time::Instant;

use bytes::Bytes;

use super::{Core, Event, Failure, GoAwayReceived};
use crate::http2::{Fault, Violation, frame::GoAway, stream::ClosedBy};

/// How much of the debug data is kept: enough for a sentence in an error.
const MAX_DEBUG_DATA: usize = 256;

impl Core {
    pub(super) fn recv_goaway(&mut self, now: Instant, frame: &GoAway<'_>) -> Result<(), Fault> {
        if self.goaway.is_some() {
            // A graceful end takes two (RFC 9113 §6.8); without end, each looks at every stream.
            self.budget.on_fault(now).map_err(Fault::Connection)?;
        }
        let last = frame.last_stream_id;
        // RFC 9113 §6.8: "Endpoints MUST NOT increase the value they send".
        if self
            .goaway
            .as_ref()
            .is_some_and(|before| last > before.last_stream_id)
        {
            return Err(Fault::Connection(Violation::GoAwayIncreased));
        }
        let debug_data = &frame.debug_data[..frame.debug_data.len().min(MAX_DEBUG_DATA)];
        self.goaway = Some(GoAwayReceived {
            last_stream_id: last,
            code: frame.code,
            debug_data: Bytes::copy_from_slice(debug_data),
        });
        self.retire();
        // RFC 9113 §6.8: the peer has not processed these, and will not. It is about streams of
        // ours: the peer goes on with what it has promised.
        for id in self.streams.requests_above(last) {
            let failure = Failure::Unprocessed(frame.code);
            self.events.push_back(Event::Failed { id, failure });
            self.finish(id, ClosedBy::PeerReset);
        }
        Ok(())
    }
}
