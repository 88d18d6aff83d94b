//! Octets out: the head, and content as it is given.
//!
//! Owns: when a request is wholly out. Never: holds more of a streaming body than was handed over.
//! Spec: RFC 9112 §6, §7.1; RFC 9110 §10.1.1.

use bytes::{BufMut, Bytes};
use http::HeaderMap;

use super::{Closure, Engine, Exchange, Failure, Progress};
use crate::http1::{
    Output,
    send::{Filled, LengthUnkept, SendHalf},
};

impl Engine {
    /// Moves what may be sent to `out`, until that holds about
    /// [`OUTPUT_TARGET`](Self::OUTPUT_TARGET) octets. Small bodies share a buffer with the head; large
    /// ones are not copied.
    pub fn poll_output(&mut self, out: &mut Output) -> Progress {
        let Some(Exchange {
            send: Some(send), ..
        }) = &mut self.exchange
        else {
            return Progress::Drained;
        };
        out.buffer().put_slice(&self.head);
        self.head.clear();
        match send.fill(out, Self::OUTPUT_TARGET) {
            Filled::Full => Progress::More,
            Filled::Waiting => Progress::Drained,
            Filled::Complete => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.send = None;
                }
                self.conclude();
                Progress::Drained
            }
        }
    }

    /// Whether a [`Streaming`](super::BodyPlan::Streaming) body should be asked for octets: all that
    /// it gave is out, and no expectation of 100 (Continue) holds it back.
    ///
    /// A body that has given all of its content-length is asked once more, for its end: until that
    /// is said, its last piece stays here, lest a body that is too long passes for a good one.
    #[must_use]
    pub fn wants_data(&self) -> bool {
        self.exchange
            .as_ref()
            .and_then(|exchange| exchange.send.as_ref())
            .is_some_and(SendHalf::is_hungry)
    }

    /// Whether octets of the request are still to be given out, or even to be given.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.exchange
            .as_ref()
            .is_some_and(|exchange| exchange.send.is_some())
    }

    /// Whether more of the request is to go than the little that goes by itself: its caller is still
    /// needed for it.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        self.exchange
            .as_ref()
            .and_then(|exchange| exchange.send.as_ref())
            .is_some_and(|send| !send.is_ended() || send.queued() > Self::OUTPUT_TARGET)
    }

    /// Gives a piece of a streaming body. In chunked it becomes one chunk. An empty piece is passed
    /// over, and so is one that nobody waits for.
    ///
    /// One that goes beyond the content-length fails the exchange
    /// ([`Failure::LengthExceeded`]).
    pub fn send_data(&mut self, data: Bytes) {
        self.send(|send| send.push(data));
    }

    /// Ends a streaming body, with a trailer section if there is one. Trailers are sent in chunked
    /// only, there being no place for them elsewhere (RFC 9110 §6.5.1); those fields that may not be
    /// trailers are left out.
    ///
    /// If the body is short of its content-length, the exchange fails
    /// ([`Failure::LengthUnmet`]).
    pub fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.send(|send| send.finish(trailers));
    }

    fn send(&mut self, give: impl FnOnce(&mut SendHalf) -> Result<(), LengthUnkept>) {
        let Some(Exchange {
            send: Some(send), ..
        }) = &mut self.exchange
        else {
            return;
        };
        let failure = match give(send) {
            Ok(()) => return,
            Err(LengthUnkept::Exceeded) => Failure::LengthExceeded,
            Err(LengthUnkept::Unmet) => Failure::LengthUnmet,
        };
        self.fail(failure, Closure::Local);
    }
}
