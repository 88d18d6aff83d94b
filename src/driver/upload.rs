//! Streaming request bodies.
//!
//! Owns: the asking. A body that was not taken whole is polled only when the engine says that its
//! octets can be sent, and its wake-ups come through the mailbox like any command.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{handle::Shared, http2::Http2Driver, mailbox::Command};
use crate::{
    body::{ExchangeId, OutgoingBody, StreamingBody},
    error::BoxError,
    http2::{ErrorCode, State, StreamId},
};

/// A request body that is being sent.
pub(super) struct Upload {
    body: StreamingBody,
    /// Octets that content-length still promises.
    remaining: Option<u64>,
    signal: Arc<BodyWaker>,
    /// `signal` again, as a body takes it.
    waker: Waker,
    /// Whether the caller writes it as one end of a tunnel, and is told when its end has left.
    is_tunnel: bool,
    /// Whether the server is to be heard first.
    is_withheld: bool,
}

/// Whether any body wanted asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nobody,
    Somebody,
}

/// What a body gave.
pub(super) enum Given {
    Data(Bytes),
    End(Option<http::HeaderMap>),
    Nothing,
}

/// Tells the driver that a body has something.
struct BodyWaker {
    shared: Arc<Shared>,
    id: ExchangeId,
    /// Whether the driver was told and has not asked the body since: bodies may wake a lot.
    is_told: AtomicBool,
}

impl Wake for BodyWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_told.swap(true, Ordering::AcqRel) {
            // With the driver gone, nobody sends the body any more.
            let _gone = self.shared.mailbox.push(Command::PollBody(self.id));
        }
    }
}

impl Upload {
    pub(super) fn new(
        body: StreamingBody,
        remaining: Option<u64>,
        id: ExchangeId,
        shared: Arc<Shared>,
    ) -> Self {
        let signal = Arc::new(BodyWaker {
            shared,
            id,
            is_told: AtomicBool::new(false),
        });
        Self {
            body,
            remaining,
            waker: Waker::from(Arc::clone(&signal)),
            signal,
            is_tunnel: false,
            is_withheld: false,
        }
    }

    /// The same, as one end of a tunnel.
    pub(super) fn of_tunnel(self) -> Self {
        Self {
            is_tunnel: true,
            ..self
        }
    }

    /// The same, to be asked for nothing before it is [let go](Self::let_go).
    pub(super) fn withheld(self) -> Self {
        Self {
            is_withheld: true,
            ..self
        }
    }

    pub(super) const fn is_tunnel(&self) -> bool {
        self.is_tunnel
    }

    pub(super) const fn is_withheld(&self) -> bool {
        self.is_withheld
    }

    /// Whether it was withheld until now.
    pub(super) fn let_go(&mut self) -> bool {
        std::mem::take(&mut self.is_withheld)
    }

    /// The body, to go out again; only one that was never polled can.
    pub(super) fn into_body(self) -> OutgoingBody {
        OutgoingBody::Streaming(self.body)
    }

    pub(super) fn poll(&mut self) -> Result<Given, BoxError> {
        // Before asking: what the body says from now on is news. A swap, since a store would let the
        // body look at its state before it.
        self.signal.is_told.swap(false, Ordering::AcqRel);
        match self.body.poll_frame(&mut Context::from_waker(&self.waker)) {
            Poll::Pending => Ok(Given::Nothing),
            Poll::Ready(None) => self.end(None),
            Poll::Ready(Some(Err(error))) => Err(error),
            Poll::Ready(Some(Ok(frame))) => self.take(frame),
        }
    }

    /// Whether all octets have come that content-length announced.
    pub(super) const fn owes_nothing(&self) -> bool {
        matches!(self.remaining, Some(0))
    }

    /// Whether it is known that nothing more comes.
    pub(super) fn is_end(&self) -> bool {
        self.body.is_end_stream() && matches!(self.remaining, None | Some(0))
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Given, BoxError> {
        match frame.into_data() {
            Ok(data) => {
                if let Some(remaining) = &mut self.remaining {
                    *remaining = remaining
                        .checked_sub(data.len() as u64)
                        .ok_or("the request's body is longer than its content-length")?;
                }
                Ok(Given::Data(data))
            }
            // Frames that are neither data nor trailers say nothing in HTTP/2.
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => self.end(Some(trailers)),
                Err(_) => Ok(Given::Data(Bytes::new())),
            },
        }
    }

    /// RFC 9113 §8.1.1: a request whose content differs from its content-length is malformed.
    fn end(&self, trailers: Option<http::HeaderMap>) -> Result<Given, BoxError> {
        match self.remaining {
            Some(1..) => Err("the request's body is shorter than its content-length".into()),
            _ => Ok(Given::End(trailers)),
        }
    }
}

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// How many bodies are asked, and how often, before a batch is written: bodies that give
    /// little or nothing must not keep the connection from its other work.
    pub(super) const MAX_ASKED: usize = 64;

    /// Asks the bodies whose octets can be sent.
    pub(super) fn feed(&mut self) -> Asked {
        let mut asked = Asked::Nobody;
        for _ in 0..Self::MAX_ASKED {
            let Some(id) = self.engine.poll_demand() else {
                break;
            };
            self.poll_body(id);
            asked = Asked::Somebody;
        }
        asked
    }

    fn poll_body(&mut self, id: StreamId) {
        let Some(exchange) = self.exchanges.get_mut(&id) else {
            return;
        };
        let Some(upload) = exchange.upload.as_mut().filter(|up| !up.is_withheld()) else {
            return;
        };
        match upload.poll() {
            Ok(Given::Nothing) => {}
            Ok(Given::Data(data)) => {
                let is_end = upload.is_end();
                self.engine.send_data(id, data);
                if is_end {
                    // The end goes out with the last octets.
                    self.finish_upload(id, None);
                }
            }
            Ok(Given::End(trailers)) => self.finish_upload(id, trailers),
            Err(cause) => {
                let error = self.endpoint.body_failed(cause).with_stream_id(id);
                self.wakers.extend(exchange.slot.fail(error, false));
                exchange.upload = None;
                self.engine.cancel(id, ErrorCode::CANCEL);
            }
        }
    }

    fn finish_upload(&mut self, id: StreamId, trailers: Option<http::HeaderMap>) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            if exchange.is_tunnel() {
                self.ending.push(id);
            } else {
                exchange.upload = None;
            }
        }
        self.engine.finish(id, trailers);
    }

    /// Lets go of the tunnels whose end has left the engine: that is how their writers hear of it.
    pub(super) fn let_go_of_ended(&mut self) {
        let (engine, exchanges) = (&self.engine, &mut self.exchanges);
        self.ending.retain(|id| {
            let state = engine.stream_state(*id);
            let is_ending = matches!(state, State::Open | State::HalfClosedRemote);
            if !is_ending && let Some(exchange) = exchanges.get_mut(id) {
                exchange.upload = None;
            }
            is_ending
        });
    }
}
