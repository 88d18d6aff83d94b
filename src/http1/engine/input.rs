//! Octets in: what they are of the response, and what follows.
//!
//! Owns: the verdict on what a head means for the exchange and the connection.
//! Spec: RFC 9112 §6.3, §8, §9; RFC 9110 §7.8, §9.3.6, §10.1.1, §15.2.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};

use super::{Closure, Engine, Event, Exchange, Failure, Stage};
use crate::http1::{
    ResponseHead, Violation,
    framing::Framing,
    recv::{AtEof, Received},
    response,
    send::SendHalf,
};

/// Whether there is more to do with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    More,
    Wait,
}

impl Engine {
    /// Takes what the server sent. What is understood leaves `input`; the rest stays for next time,
    /// and must be there again unchanged, before what comes then. What follows the head of an
    /// [`Upgraded`](Event::Upgraded) response stays for good.
    pub fn handle_input(&mut self, now: Instant, input: &mut BytesMut) {
        while self.stage == Stage::Open && !input.is_empty() {
            match self.recv(input) {
                Ok(Step::More) => {}
                Ok(Step::Wait) => break,
                Err(violation) => {
                    self.flush();
                    self.fail(Failure::Fault(violation), Closure::Fault(violation));
                }
            }
        }
        self.flush();
        self.conclude();
        // Octets that come one by one must not put off what is due.
        self.handle_timeout(now);
        if self.stage == Stage::Closed {
            input.clear();
        }
    }

    /// The server closed the byte stream, leaving `input` unread; what of it could be understood
    /// must have been [handled](Self::handle_input) before.
    pub fn handle_eof(&mut self, input: &mut BytesMut) {
        if self.stage != Stage::Open {
            return;
        }
        let is_unsent = !self.head.is_empty();
        let left = input.len();
        input.clear();
        let at_eof = self
            .exchange
            .as_ref()
            .and_then(|exchange| exchange.recv.as_ref())
            .map(|recv| recv.at_eof(left));
        let failure = match at_eof {
            _ if is_unsent => Some(Failure::Unsent),
            Some(AtEof::Unanswered) => Some(Failure::Unanswered),
            Some(AtEof::HeadTruncated) => Some(Failure::HeadTruncated),
            Some(AtEof::BodyTruncated { received, expected }) => {
                Some(Failure::BodyTruncated { received, expected })
            }
            Some(AtEof::End) => {
                self.end_response(HeaderMap::new());
                None
            }
            None => None,
        };
        match failure {
            Some(failure) => self.fail(failure, Closure::Eof),
            None => {
                self.stop_sending();
                self.shut(Closure::Eof);
            }
        }
    }

    fn recv(&mut self, input: &mut BytesMut) -> Result<Step, Violation> {
        if !self.head.is_empty() {
            // RFC 9112 §9.2: it cannot be the answer to a request that nobody has seen.
            self.fail(Failure::Unsent, Closure::Unsolicited);
            return Ok(Step::Wait);
        }
        let Some(Exchange {
            recv: Some(recv),
            closing,
            drain,
            ..
        }) = &mut self.exchange
        else {
            return Ok(self.on_surplus());
        };
        let before = input.len();
        let received = recv.next(input, &self.config.limits, self.config.raw_fields)?;
        if let Some(drain) = drain {
            let consumed = (before - input.len()) as u64;
            let Some(octets) = drain.octets.checked_sub(consumed) else {
                let closure = closing.unwrap_or(Closure::Local);
                self.shut(closure);
                return Ok(Step::Wait);
            };
            drain.octets = octets;
        }
        match received {
            Received::Head(head) => self.on_head(head)?,
            Received::Content(data) => self.on_content(data),
            Received::End(trailers) => self.end_response(trailers),
            Received::More => {}
            Received::Nothing => return Ok(Step::Wait),
        }
        Ok(Step::More)
    }

    /// Octets that belong to no response (RFC 9112 §9.2): to take them for the next one would be to
    /// answer a request with what was said before it was made.
    fn on_surplus(&mut self) -> Step {
        let closing = self.exchange.as_ref().and_then(|exchange| exchange.closing);
        self.stop_sending();
        self.shut(closing.unwrap_or(Closure::Unsolicited));
        Step::Wait
    }

    fn on_head(&mut self, head: ResponseHead) -> Result<(), Violation> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(());
        };
        // RFC 9110 §9.3.6: any 2xx, whatever its fields say.
        let is_tunnel = exchange.method == Method::CONNECT && head.status.is_success();
        if is_tunnel || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.on_switch(head, is_tunnel);
        }
        if head.status.is_informational() {
            self.on_interim(head)
        } else {
            self.on_final(head)
        }
    }

    fn on_switch(&mut self, head: ResponseHead, is_tunnel: bool) -> Result<(), Violation> {
        let Some(exchange) = &self.exchange else {
            return Ok(());
        };
        if !is_tunnel && !exchange.asks_to_upgrade {
            return Err(Violation::SwitchingUnasked);
        }
        // RFC 9110 §7.8: not "in the middle of a message".
        if exchange.send.is_some() {
            return Err(Violation::SwitchingEarly);
        }
        self.report(Event::Upgraded { head });
        self.exchange = None;
        self.stage = Stage::Tunnel;
        Ok(())
    }

    fn on_interim(&mut self, head: ResponseHead) -> Result<(), Violation> {
        if let Some(exchange) = &mut self.exchange {
            if let Some(recv) = &mut exchange.recv {
                recv.on_interim(&self.config.limits)?;
            }
            if head.status == StatusCode::CONTINUE
                && let Some(send) = &mut exchange.send
            {
                send.release();
            }
        }
        self.report(Event::Interim { head });
        Ok(())
    }

    fn on_final(&mut self, head: ResponseHead) -> Result<(), Violation> {
        let Some(exchange) = &mut self.exchange else {
            return Ok(());
        };
        let framing = Framing::of(&exchange.method, &head)?;
        let is_last = !response::persists(&head) || framing == Framing::Close;
        if is_last {
            exchange.closing.get_or_insert(Closure::Announced);
        }
        let is_error = head.status.is_client_error() || head.status.is_server_error();
        // RFC 9112 §9.6: whoever closes after a response reads nothing after it.
        exchange.is_unwanted = is_error || is_last;
        // RFC 9110 §10.1.1: the server has decided without the body. RFC 9112 §9.5: it says that
        // it will not read on.
        let is_refused =
            exchange.send.as_ref().is_some_and(SendHalf::is_held) || (is_error && is_last);
        let goes_on = exchange
            .recv
            .as_mut()
            .is_some_and(|recv| recv.on_final(framing));
        if !goes_on {
            exchange.recv = None;
        }
        self.report(Event::Head {
            head,
            is_end: !goes_on,
        });
        if is_refused {
            self.stop_sending();
        }
        Ok(())
    }

    fn on_content(&mut self, data: Bytes) {
        self.report(Event::Data {
            data,
            is_end: false,
        });
        let is_complete = |exchange: &Exchange| {
            exchange
                .recv
                .as_ref()
                .is_some_and(|recv| recv.is_complete())
        };
        if self.exchange.as_ref().is_some_and(is_complete) {
            self.end_response(HeaderMap::new());
        }
    }

    /// Reports small content that was kept back.
    fn flush(&mut self) {
        let melted = self
            .exchange
            .as_mut()
            .and_then(|exchange| exchange.recv.as_mut()?.take_melted());
        if let Some(data) = melted {
            self.report(Event::Data {
                data,
                is_end: false,
            });
        }
    }

    fn end_response(&mut self, trailers: HeaderMap) {
        self.flush();
        if !trailers.is_empty() {
            self.report(Event::Trailers { fields: trailers });
        } else if let Some(Event::Head { is_end, .. } | Event::Data { is_end, .. }) =
            self.events.back_mut()
        {
            // Nobody has seen it yet, so it can say that it is the last.
            *is_end = true;
        } else {
            self.report(Event::End);
        }
        if let Some(exchange) = &mut self.exchange {
            exchange.recv = None;
        }
    }
}
