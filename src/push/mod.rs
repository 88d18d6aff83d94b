//! Server push: responses that a server sends before they are asked for.
//!
//! Off unless asked for, twice: [`TransportBuilder::push`](crate::TransportBuilder::push) lets
//! servers promise anything at all, and the request whose promises are wanted carries a [`Sink`]
//! among its extensions. What is promised to any other request is refused at once, and nothing is
//! held of it.
//!
//! ```no_run
//! use http_body_util::{BodyExt, Empty};
//! use tower::ServiceExt;
//!
//! # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = towline::Transport::builder().push(true).build();
//! let (sink, mut pushes) = towline::push::channel();
//! let request = http::Request::get("https://example.com/")
//!     .extension(sink)
//!     .body(Empty::<&[u8]>::new())?;
//! let response = transport.clone().oneshot(request).await?;
//! let page = response.into_body().collect().await?;
//! while let Some(push) = pushes.next().await {
//!     if push.path().ends_with(".css") {
//!         let response = push.response().await?;
//!         println!("{}", response.status());
//!     } else {
//!         push.cancel();
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is taken
//!
//! A promise has to be for GET or HEAD, without content, and for the scheme, host and port of the
//! connection that it comes on; any other is reset with `PROTOCOL_ERROR`, and nobody hears of it
//! (RFC 9113 §8.4). There is no way to widen that: a certificate that covers other hosts says
//! nothing of whose pushes they are. So nothing is taken through a [`Proxy`](crate::Proxy), whose
//! connection is not the origin's.
//!
//! # Who holds what
//!
//! A promise belongs to the [`Pushes`] until it is taken out, then to whoever has the [`Push`], and
//! once its response was asked for, to the response. Each is cancelled (RST_STREAM with `CANCEL`)
//! when it is dropped before its end. Dropping the [`Pushes`] refuses what comes after, too.
//!
//! Dropping the *response* to the request itself, or the future that waits for it, resets that
//! stream if it has not ended; with it go the promises that nobody has taken out. Those that were
//! taken out stay, as do all promises of a response that has ended, read or unread, or that the
//! server has reset.
//!
//! What nobody has asked for is bounded by [`http2::Limits`](crate::http2::Limits):
//! `promised_streams` at once, and `unclaimed_push_octets` of requests and responses, on each
//! connection. What would exceed them is reset, and says so where it was promised already. A
//! connection on which nothing else is under way does not stay open for promises that nobody has
//! asked for; nor does one whose transport is gone.
//!
//! Owns: the queue between connections' drivers and the caller, and the words for what is in it.
//! Never: makes a response, or keeps a limit.
//! Spec: RFC 9113 §8.4.

mod promised;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

pub use self::promised::Push;
pub(crate) use self::promised::Responder;
use self::queue::Queue;
use crate::{
    body::{Promise, Promisee},
    http2::message::PromisedHead,
};

/// Where promises go: an extension of the request.
///
/// It may be cloned, and put into several requests: their promises come out of the same
/// [`Pushes`], each saying by [`Push::parent_id`] which stream it was made on.
#[derive(Clone, Debug)]
pub struct Sink(Arc<LastSink>);

/// What is promised, in the order in which it came; each promise is handed out once.
///
/// A promise is there as soon as all of its fields are. Promises come before, amid or after the
/// response to the request; they can be taken out at any of these times, and afterwards.
///
/// They end once no more can come: when the stream of each request that carried the [`Sink`] has
/// ended or failed, and no clone of the sink is left elsewhere.
///
/// **Cancellation.** Dropping a wait loses nothing: what had come, and what comes, is there for the
/// next. Dropping the pushes cancels what was not taken out.
pub struct Pushes {
    queue: Arc<Queue>,
}

/// A sink to put into a request's extensions, and what comes out of it.
#[must_use]
pub fn channel() -> (Sink, Pushes) {
    let queue = Arc::new(Queue::default());
    let pushes = Pushes {
        queue: Arc::clone(&queue),
    };
    (Sink(Arc::new(LastSink { queue })), pushes)
}

/// What all clones of a sink share; gone with the last of them.
#[derive(Debug)]
struct LastSink {
    queue: Arc<Queue>,
}

impl Drop for LastSink {
    fn drop(&mut self) {
        if let Some(waker) = self.queue.end() {
            waker.wake();
        }
    }
}

impl Sink {
    /// Whether the [`Pushes`] are gone, so that all promises are refused.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.queue.is_closed()
    }

    /// Takes what is promised to one request, of which `responder` makes responses.
    pub(crate) fn bind(&self, responder: Arc<dyn Responder>) -> Arc<dyn Promisee> {
        Arc::new(Bound {
            sink: self.clone(),
            responder,
            has_left: AtomicBool::new(false),
        })
    }
}

impl Pushes {
    /// The next promise, if one is here already; does not wait.
    pub fn try_next(&mut self) -> Option<Push> {
        self.queue.try_take()
    }

    /// Waits for the next promise; `None` once no more can come.
    pub async fn next(&mut self) -> Option<Push> {
        std::future::poll_fn(|cx| self.poll_next_push(cx)).await
    }

    /// As [`next`](Self::next), for code that polls.
    pub fn poll_next_push(&mut self, cx: &mut Context<'_>) -> Poll<Option<Push>> {
        self.queue.poll_take(cx)
    }
}

impl Stream for Pushes {
    type Item = Push;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Push>> {
        self.queue.poll_take(cx)
    }
}

impl Drop for Pushes {
    fn drop(&mut self) {
        // Outside the queue's lock: each cancels its stream.
        drop(self.queue.close());
    }
}

impl fmt::Debug for Pushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushes")
            .field("queue", &self.queue)
            .finish()
    }
}

/// A sink as the driver of one request's connection holds it.
#[derive(Debug)]
struct Bound {
    sink: Sink,
    responder: Arc<dyn Responder>,
    /// Written and read under the queue's lock.
    has_left: AtomicBool,
}

impl Promisee for Bound {
    fn take(&self, promise: Promise, head: PromisedHead) -> Result<Option<Waker>, Promise> {
        let push = Push::new(promise, head, Arc::clone(&self.responder));
        let queue = &self.sink.0.queue;
        queue
            .put(push, || !self.has_left.load(Ordering::Relaxed))
            .map_err(Push::into_promise)
    }

    fn leave(&self) {
        let withdrawn = self.sink.0.queue.withdraw(
            || self.has_left.store(true, Ordering::Relaxed),
            |push| push.is_made_by(&self.responder),
        );
        // Outside the queue's lock: each cancels its stream.
        drop(withdrawn);
    }
}
