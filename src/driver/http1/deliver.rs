//! Facts from the engine become contents of the slot.

use bytes::{Buf, Bytes};
use http::Extensions;
use tracing::{debug, trace};

use super::{End, Http1Driver};
use crate::{
    body::{Arrived, HandedOver, Head, Then},
    driver::failure::Reached,
    header_map::HttpHeaderMap,
    http1::{Closure, Event, Failure, ReasonPhrase, ResponseHead, Violation},
};

impl Http1Driver {
    /// Empties the engine of facts.
    pub(super) fn deliver(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.deliver_one(event);
        }
        // Once held, the slot is not asked again: it keeps in mind that its reader owes us a word.
        if let Some(exchange) = &self.exchange
            && !self.is_held
        {
            self.is_held = exchange.has_head && exchange.slot.is_held();
        }
    }

    fn deliver_one(&mut self, event: Event) {
        match event {
            Event::Interim { head } => {
                trace!(status = %head.status, "interim response");
                if let Some(exchange) = &mut self.exchange {
                    exchange.has_interim = true;
                }
                self.arrive(Arrived::Interim(self::head(head)), Then::More);
            }
            Event::Head { head, is_end } => {
                self.head_arrived();
                self.arrive(Arrived::Head(self::head(head)), self.then(is_end));
            }
            Event::Data { data, is_end } => {
                self.arrive(Arrived::Data(data, None), self.then(is_end));
            }
            Event::Trailers { fields } => self.arrive(Arrived::Trailers(fields), self.then(true)),
            Event::End => self.arrive(Arrived::Data(Bytes::new(), None), self.then(true)),
            Event::SendStopped => {
                trace!("the peer wants no more of the request's body");
                if let Some(exchange) = &mut self.exchange {
                    exchange.upload = None;
                }
            }
            Event::Finished => self.finish_exchange(),
            Event::Upgraded { head } => self.hand_over(head),
            Event::Failed(failure) => self.fail_exchange(failure),
            Event::Closed(closure) => {
                debug!(netloc = %self.endpoint.netloc, ?closure, "the connection is to close");
                self.end.get_or_insert(End::Closed(closure));
            }
        }
    }

    fn head_arrived(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.has_head = true;
        }
    }

    fn arrive(&mut self, arrived: Arrived, then: Then) {
        if let Some(exchange) = &self.exchange {
            self.wakers.extend(exchange.slot.arrive(arrived, then));
        }
    }

    /// The connection is free again.
    fn finish_exchange(&mut self) {
        self.is_held = false;
        if self.is_retiring {
            self.engine.close();
        }
        if self.exchange.take().is_some() {
            self.shared.release_slot();
        }
    }

    /// What follows an arrival; at the end of a response its upload may still be under way.
    fn then(&self, is_end: bool) -> Then {
        if !is_end {
            return Then::More;
        }
        let exchange = self.exchange.as_ref();
        let sending = exchange.filter(|_| self.engine.needs_body());
        Then::End {
            sending: sending.map(|exchange| exchange.id),
        }
    }

    fn fail_exchange(&mut self, failure: Failure) {
        // First, so that the slot which comes free is given to nobody.
        self.shared.end();
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        let reached = exchange.reached(self.written.taken());
        let error = self.endpoint.http1_failed(failure, reached);
        let is_resendable =
            failure.is_silent() && (reached == Reached::Unwritten || exchange.may_be_repeated());
        exchange.fail(error, is_resendable, &mut self.wakers);
        self.shared.release_slot();
    }

    /// The connection is the caller's from now on (RFC 9110 §7.8, §9.3.6).
    fn hand_over(&mut self, head: ResponseHead) {
        if self.output.has_remaining() {
            // It would go into the tunnel.
            let early = Violation::SwitchingEarly;
            self.end = Some(End::Closed(Closure::Fault(early)));
            return self.fail_exchange(Failure::Fault(early));
        }
        self.head_arrived();
        let handed_over = HandedOver {
            // What is left behind is never used: the end follows at once.
            io: std::mem::replace(&mut self.io, Box::new(tokio::io::empty())),
            read: std::mem::take(&mut self.input).freeze(),
        };
        self.end = Some(End::HandedOver);
        self.arrive(
            Arrived::HandedOver(self::head(head), handed_over),
            Then::End { sending: None },
        );
    }
}

fn head(head: ResponseHead) -> Head {
    let mut extensions = Extensions::new();
    if let Some(reason) = head.reason {
        extensions.insert(ReasonPhrase::new(reason));
    }
    if let Some(lines) = head.raw {
        let mut fields = HttpHeaderMap::with_capacity(lines.len());
        for (name, value) in lines {
            fields.append_unchecked(name, value);
        }
        extensions.insert(fields);
    }
    Head {
        version: head.version,
        status: head.status,
        headers: head.headers,
        content_length: head.content_length,
        stream_id: None,
        extensions,
    }
}
