//! Facts from the engine become contents of slots.
//!
//! Owns: the only place that collects wakers. A slot gives its waker once, so however many frames
//! came for it in one read, its reader is woken at most once.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, trace};

use super::{exchange::Exchange, failure::End, handle::Shared, http2::Http2Driver};
use crate::{
    body::{Arrived, Head, Promise, Slot, Then},
    error::Retry,
    http2::{
        ErrorCode, State, StreamId,
        engine::{Event, Failure},
        message::{PromisedHead, ResponseHead},
    },
};

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// Empties the engine of facts.
    pub(super) fn deliver(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.deliver_one(event);
        }
    }

    fn deliver_one(&mut self, event: Event) {
        match event {
            Event::Head {
                id,
                head,
                end_stream,
            } => self.deliver_head(id, head, end_stream),
            Event::Data {
                id,
                data,
                credit,
                end_stream,
            } => {
                let then = self.then(id, end_stream);
                self.arrive(id, Arrived::Data(data, credit), then);
            }
            Event::WindowUsedUp { id } => self.return_credit(id),
            Event::Trailers { id, fields } => {
                let then = self.then(id, true);
                self.arrive(id, Arrived::Trailers(fields), then);
            }
            Event::Failed { id, failure } => self.fail(id, failure),
            Event::SendStopped { id } => {
                trace!(%id, "the peer wants no more of the request's body");
                if let Some(exchange) = self.exchanges.get_mut(&id) {
                    exchange.upload = None;
                }
            }
            Event::Finished { id } => {
                if let Some(exchange) = self.exchanges.remove(&id) {
                    exchange.slot.sending_finished();
                    self.release_slot(id);
                }
            }
            Event::PeerSettings(settings) => {
                self.shared.set_peer_settings(settings);
            }
            Event::Retired => {
                debug!(netloc = %self.endpoint.netloc, "the connection is retired");
                if let Some(goaway) = self.engine.goaway() {
                    self.shared.retired_by(self.endpoint.retired(goaway));
                }
                self.shared.end();
            }
            Event::Closed(closure) => {
                let goaway = self.engine.goaway().cloned();
                self.end.get_or_insert(End::Closed(closure, goaway));
            }
            Event::Interim { id, head } => {
                trace!(%id, status = %head.status, "interim response");
                self.hear(id, head.status);
                self.arrive(id, Arrived::Interim(Head::from_http2(head, id)), Then::More);
            }
            Event::Promise { id, promised, head } => self.promise(id, promised, *head),
            Event::Pong { payload } => self.answer_ping(payload),
        }
    }

    fn deliver_head(&mut self, id: StreamId, head: ResponseHead, end_stream: bool) {
        let is_refused = !head.status.is_success() && self.has_tunnel(id);
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.has_head = true;
            exchange.upload.take_if(|_| is_refused);
        }
        let then = if is_refused && end_stream {
            Then::End { sending: None }
        } else {
            self.then(id, end_stream)
        };
        self.hear(id, head.status);
        if is_refused {
            // RFC 9110 §9.3.6: no tunnel, so nothing more is sent. The end needs no window.
            self.engine.finish(id, None);
        }
        self.arrive(id, Arrived::Head(Head::from_http2(head, id)), then);
    }

    /// Whether the caller writes, or will, what goes out on a stream.
    pub(super) fn has_tunnel(&self, id: StreamId) -> bool {
        let exchange = self.exchanges.get(&id);
        exchange.is_some_and(Exchange::is_tunnel)
    }

    /// What follows an arrival; at the end of a response an upload may still be under way.
    fn then(&self, id: StreamId, end_stream: bool) -> Then {
        if !end_stream {
            return Then::More;
        }
        let is_sending = self.engine.stream_state(id) != State::Closed;
        Then::End {
            sending: is_sending.then(|| id.into()),
        }
    }

    fn arrive(&mut self, id: StreamId, arrived: Arrived, then: Then) {
        if let Some(exchange) = self.exchanges.get(&id) {
            self.wakers.extend(exchange.slot.arrive(arrived, then));
        }
    }

    /// Credit that the reader gathers may be all that the peer waits for.
    fn return_credit(&mut self, id: StreamId) {
        let exchange = self.exchanges.get(&id);
        if let Some(credit) = exchange.and_then(|exchange| exchange.slot.hasten_credit()) {
            self.engine.release(id, credit);
        }
    }

    fn fail(&mut self, id: StreamId, failure: Failure) {
        let is_unprocessed = matches!(
            failure,
            Failure::Unprocessed(_) | Failure::Reset(ErrorCode::REFUSED_STREAM)
        );
        if let Some(exchange) = self.exchanges.remove(&id) {
            let mut error = self.endpoint.stream_failed(failure).with_stream_id(id);
            if exchange.has_head {
                // Whatever the peer says now, it has begun to answer.
                error = error.with_retry(Retry::IfIdempotent);
            }
            let is_resendable = is_unprocessed && !exchange.has_head;
            exchange.fail(error, is_resendable, &mut self.wakers);
            self.release_slot(id);
        }
    }

    /// Promised streams were never counted: the limit is on those that we open
    /// (RFC 9113 §5.1.2).
    fn release_slot(&self, id: StreamId) {
        if id.is_client() {
            self.shared.release_slot();
        }
    }

    /// Hands a promise to whoever takes those of its request. Where nobody does, it is refused at
    /// once, so that nothing is held.
    fn promise(&mut self, parent: StreamId, id: StreamId, head: PromisedHead) {
        let parent_exchange = self.exchanges.get(&parent);
        let promisee = parent_exchange.and_then(|exchange| exchange.slot.promisee());
        let slot = Slot::promised(id.into(), Arc::<Shared>::clone(&self.shared));
        let promise = Promise::new(parent, id, Arc::clone(&slot));
        let taken = match promisee {
            Some(promisee) => promisee.take(promise, head),
            None => Err(promise),
        };
        match taken {
            Ok(waker) => {
                trace!(%parent, %id, "a response is promised");
                self.exchanges.insert(id, Exchange::promised(slot));
                self.wakers.extend(waker);
            }
            Err(promise) => {
                self.engine.cancel(id, ErrorCode::REFUSED_STREAM);
                // There is no exchange to leave.
                let _slot = promise.into_slot();
            }
        }
    }
}
