//! What is promised to the requests of a connection, by their streams.
//!
//! Owns: the promises' queues until they are taken out, the latest requests' alone: what was promised
//! is bounded by the engine, and how many may ask for it here. Never: refuses a promise; a queue that
//! is dropped does.
//! Spec: RFC 9113 §8.4.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
};

use futures_core::Stream;

use super::core::Core;
use crate::{
    error::{Error, Kind, Retry, Scope},
    http2::StreamId,
    push::{Push, Pushes},
};

/// How far [`pushes`](super::Http2Connection::pushes) go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capture {
    /// Those that have come so far, without waiting. hyper's `capture_all=False`.
    Buffered,
    /// All, until no more can come: the response on the stream has ended, or failed. hyper's
    /// `capture_all=True`.
    All,
}

/// What a server promises on one stream, in the order in which it came. Each promise is handed out
/// once; those that are not taken out stay for the next who asks, however this ends.
pub struct StreamPushes {
    core: Weak<Core>,
    id: StreamId,
    /// There until it goes back.
    pushes: Option<Pushes>,
    capture: Capture,
}

/// The queues of the latest requests.
pub(super) struct Promised {
    queues: Mutex<BTreeMap<StreamId, Queue>>,
    limit: usize,
}

enum Queue {
    Here(Pushes),
    /// Somebody has it.
    Out,
}

impl Promised {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queues: Mutex::default(),
            limit: limit.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamId, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the queue of a request; the oldest makes room for it.
    pub(super) fn keep(&self, id: StreamId, pushes: Pushes) {
        let mut queues = self.lock();
        let is_full = queues.len() >= self.limit;
        let oldest = if is_full { queues.pop_first() } else { None };
        queues.insert(id, Queue::Here(pushes));
        drop(queues);
        // Outside the lock: what nobody took out is cancelled.
        drop(oldest);
    }

    fn take(&self, id: StreamId) -> Result<Pushes, Kind> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&id).ok_or(Kind::UnknownStream)?;
        match std::mem::replace(queue, Queue::Out) {
            Queue::Here(pushes) => Ok(pushes),
            Queue::Out => Err(Kind::ResponseTaken),
        }
    }

    /// Puts a queue back that was taken out, unless it has had to make room meanwhile.
    fn put_back(&self, id: StreamId, pushes: Pushes) {
        let mut queues = self.lock();
        let place = queues.get_mut(&id);
        let unwanted = match place {
            Some(place) => {
                *place = Queue::Here(pushes);
                None
            }
            None => Some(pushes),
        };
        drop(queues);
        drop(unwanted);
    }
}

impl StreamPushes {
    pub(super) fn new(core: &Arc<Core>, id: StreamId, capture: Capture) -> Result<Self, Error> {
        let pushes = core.promised.take(id).map_err(|kind| {
            let error = core
                .error(kind, Scope::Request, Retry::Never)
                .with_stream_id(id);
            match kind {
                Kind::ResponseTaken => error.with_source("somebody else takes its promises now"),
                _ if !core.responses.takes_pushes => error.with_source("push is not on"),
                _ => error,
            }
        })?;
        Ok(Self {
            core: Arc::downgrade(core),
            id,
            pushes: Some(pushes),
            capture,
        })
    }

    /// The next promise; `None` when there is none any more, or with [`Capture::Buffered`], none now.
    /// Cancelled, it has taken none.
    pub async fn next(&mut self) -> Option<Push> {
        std::future::poll_fn(|cx| self.poll_next_push(cx)).await
    }

    /// As [`next`](Self::next), for code that polls.
    pub fn poll_next_push(&mut self, cx: &mut Context<'_>) -> Poll<Option<Push>> {
        let Some(pushes) = &mut self.pushes else {
            return Poll::Ready(None);
        };
        match self.capture {
            Capture::Buffered => Poll::Ready(pushes.try_next()),
            Capture::All => pushes.poll_next_push(cx),
        }
    }
}

impl Stream for StreamPushes {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Push>> {
        self.poll_next_push(cx)
    }
}

impl Drop for StreamPushes {
    fn drop(&mut self) {
        if let (Some(pushes), Some(core)) = (self.pushes.take(), self.core.upgrade()) {
            core.promised.put_back(self.id, pushes);
        }
    }
}

impl fmt::Debug for StreamPushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPushes")
            .field("id", &self.id)
            .field("capture", &self.capture)
            .finish_non_exhaustive()
    }
}
