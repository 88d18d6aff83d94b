//! Request bodies that are written piece by piece.
//!
//! Owns: the one piece between the caller and the driver, what ends the body, and a waker for either
//! end. Never: wakes while it holds its lock.
//! Invariants: a body whose writer went without ending it never ends well; whoever found nothing to
//! do has left its waker, and every change that gives it something takes and wakes it.
//! Spec: RFC 9113 §8.1, RFC 9112 §7.1.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

use super::{core::Core, outstanding::Opened};
use crate::{
    body::{ExchangeId, Slot},
    driver::Handle,
    error::{Error, Kind, Retry, Scope},
    http2::{ErrorCode, StreamId},
    netloc::Netloc,
};

/// The body of a request, written piece by piece.
///
/// It comes from [`RequestBuilder::send_streaming`](super::RequestBuilder). The response may be waited
/// for meanwhile, and may come before the body has ended.
///
/// **Dropped** before [`finish`](Self::finish) or [`send_trailers`](Self::send_trailers), it breaks
/// the request off: its stream is reset with `CANCEL` (RFC 9113 §8.7), over HTTP/1.1 the connection
/// closes, and whoever waits for the response gets [`Kind::RequestBody`]. It holds the connection
/// open no longer than its stream does.
pub struct SendBody {
    pipe: Arc<Pipe>,
    /// There once the request is on its way.
    exchange: Exchange,
}

struct Exchange {
    slot: Arc<Slot>,
    handle: Handle,
    id: ExchangeId,
    stream_id: Option<StreamId>,
    netloc: Netloc,
}

/// The end that the driver reads.
pub(super) struct WrittenBody {
    pipe: Arc<Pipe>,
}

/// The end that is written to, before its request is on its way.
pub(super) struct BodyWriter {
    pipe: Arc<Pipe>,
}

#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Written and not read yet.
    piece: Option<Bytes>,
    end: Option<End>,
    /// The reader is gone.
    is_unread: bool,
    /// It left a piece behind.
    is_lost: bool,
    /// Waits for a piece, or the end.
    reader: Option<Waker>,
    /// Waits for room.
    writer: Option<Waker>,
}

enum End {
    /// In order; with trailers, until they are read.
    Finished(Option<HeaderMap>),
    /// The writer is gone.
    Deserted,
}

/// The writer went away without ending the body.
#[derive(Debug)]
pub(super) struct Deserted;

/// Both ends of a body.
pub(super) fn body() -> (BodyWriter, WrittenBody) {
    let pipe = Arc::new(Pipe::default());
    let written = WrittenBody {
        pipe: Arc::clone(&pipe),
    };
    (BodyWriter { pipe }, written)
}

impl BodyWriter {
    /// The writer of a request that is on its way.
    pub(super) fn attach(self, core: &Core, opened: Opened) -> Result<SendBody, Error> {
        let Some(conn) = core.conn() else {
            return Err(core.error(Kind::Closed, Scope::Connection, Retry::Safe));
        };
        let Opened { id, slot } = opened;
        let is_stream = core.protocol() == crate::client::info::Protocol::Http2;
        Ok(SendBody {
            pipe: self.pipe,
            exchange: Exchange {
                slot,
                handle: conn.handle.clone(),
                id,
                stream_id: is_stream.then(|| id.into()),
                netloc: core.netloc().clone(),
            },
        })
    }
}

impl SendBody {
    /// The stream that carries the body; `None` over HTTP/1.1.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        self.exchange.stream_id
    }

    /// Waits until there is room for a piece: until the one before has been taken, which happens as
    /// the windows of stream and connection let it go (RFC 9113 §5.2). hyper's `send` blocked for as
    /// long.
    ///
    /// # Errors
    /// As [`send_data`](Self::send_data) has them.
    pub fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.pipe.lock();
        if state.is_unread {
            drop(state);
            return Poll::Ready(Err(self.exchange.why_unread()));
        }
        if state.piece.is_none() {
            return Poll::Ready(Ok(()));
        }
        wait(&mut state.writer, cx);
        Poll::Pending
    }

    /// Waits for room, and hands over a piece of any size; it may leave in several frames. One of no
    /// octets sends nothing. hyper's `send(data)`.
    ///
    /// That it returns says that the piece will be sent next, not that the server has it. Cancelled,
    /// it has handed over nothing.
    ///
    /// # Errors
    /// What ended the exchange, if something did. [`Kind::RequestBody`] if the server has answered
    /// and takes no more of the body, which is no fault (RFC 9113 §8.1): the response says the rest.
    pub async fn send_data(&mut self, data: impl Into<Bytes>) -> Result<(), Error> {
        let data = data.into();
        std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
        if !data.is_empty() {
            self.pipe.change(|state| state.piece = Some(data));
        }
        Ok(())
    }

    /// Ends the body. The end goes out with the last piece, if that has not left. hyper's
    /// `send(data, final=True)`.
    ///
    /// # Errors
    /// As [`send_data`](Self::send_data) has them. A body that is shorter than the request's
    /// content-length fails later, and its response with it ([`Kind::RequestBody`]).
    pub fn finish(self) -> Result<(), Error> {
        self.end(None)
    }

    /// Ends the body with a trailer section (RFC 9113 §8.1). Fields that may be no trailers are left
    /// out (RFC 9110 §6.5.1); over HTTP/1.1, trailers are sent only where the body is chunked
    /// (RFC 9112 §7.1.2).
    ///
    /// # Errors
    /// As [`finish`](Self::finish) has them.
    pub fn send_trailers(self, trailers: HeaderMap) -> Result<(), Error> {
        self.end(Some(trailers))
    }

    fn end(self, trailers: Option<HeaderMap>) -> Result<(), Error> {
        let is_lost = self.pipe.change(|state| {
            let is_lost = state.is_lost || (state.is_unread && trailers.is_some());
            state.end = Some(End::Finished(trailers));
            is_lost
        });
        match self.exchange.slot.failure() {
            Some(failure) => Err(failure),
            None if is_lost => Err(self.exchange.why_unread()),
            // Who has sent all that was announced may find the reader gone.
            None => Ok(()),
        }
    }
}

impl Drop for SendBody {
    fn drop(&mut self) {
        if self.pipe.desert() {
            let error = self.exchange.error().with_source(Deserted);
            let waker = self.exchange.slot.fail(error, false);
            // The driver asks a body only when its octets can go, which may be never.
            self.exchange
                .handle
                .reset(self.exchange.id, ErrorCode::CANCEL);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Exchange {
    fn error(&self) -> Error {
        Error::new(Kind::RequestBody, Scope::Stream, Retry::Never)
            .with_netloc(&self.netloc)
            .with_stream_id(self.stream_id)
    }

    /// Why nobody reads the body any more.
    fn why_unread(&self) -> Error {
        self.slot.failure().unwrap_or_else(|| {
            self.error()
                .with_source("the exchange is over, and takes no more of the body")
        })
    }
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer changes something, and the reader is told.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let changed = change(&mut state);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        changed
    }

    /// The writer leaves; whether that breaks the body off.
    fn desert(&self) -> bool {
        self.change(|state| {
            let is_broken_off = state.end.is_none() && !state.is_unread;
            state.end.get_or_insert(End::Deserted);
            is_broken_off
        })
    }
}

impl Body for WrittenBody {
    type Data = Bytes;
    type Error = Deserted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Deserted>>> {
        let frame = {
            let state = &mut *self.pipe.lock();
            match (&mut state.piece, &mut state.end) {
                (_, Some(End::Deserted)) => Err(Deserted),
                (piece @ Some(_), _) => Ok((piece.take().map(Frame::data), state.writer.take())),
                (None, Some(End::Finished(trailers))) => {
                    Ok((trailers.take().map(Frame::trailers), None))
                }
                (None, None) => {
                    wait(&mut state.reader, cx);
                    return Poll::Pending;
                }
            }
        };
        Poll::Ready(match frame {
            Ok((frame, writer)) => {
                wake(writer);
                frame.map(Ok)
            }
            Err(deserted) => Some(Err(deserted)),
        })
    }

    fn is_end_stream(&self) -> bool {
        let state = self.pipe.lock();
        state.piece.is_none() && matches!(state.end, Some(End::Finished(None)))
    }
}

impl Drop for WrittenBody {
    fn drop(&mut self) {
        let mut state = self.pipe.lock();
        state.is_unread = true;
        state.is_lost = state.piece.take().is_some();
        state.reader = None;
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }
}

fn wait(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for SendBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.pipe.lock();
        f.debug_struct("SendBody")
            .field("netloc", &self.exchange.netloc)
            .field("stream_id", &self.exchange.stream_id)
            .field("is_over", &state.is_unread)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Deserted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body was dropped before its end")
    }
}

impl std::error::Error for Deserted {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_whose_writer_left_never_ends_well() {
        for piece in [None, Some(Bytes::from_static(b"ab"))] {
            let (writer, mut body) = body();
            writer.pipe.change(|state| state.piece = piece);
            assert!(writer.pipe.desert());
            assert!(!body.is_end_stream());
            let mut cx = Context::from_waker(Waker::noop());
            let polled = Pin::new(&mut body).poll_frame(&mut cx);
            assert!(matches!(polled, Poll::Ready(Some(Err(Deserted)))));
            // It is broken off once.
            assert!(!writer.pipe.desert());
        }
    }
}
