//! Interim responses, for callers who ask for them.
//!
//! A server may send any number of interim responses (1xx) before the final one: 100 (Continue),
//! 102 (Processing), 103 (Early Hints). They are passed over unless the request carries a
//! [`Sink`]:
//!
//! ```no_run
//! use http_body_util::Empty;
//! use tower::ServiceExt;
//!
//! # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
//! let (sink, mut interim) = towline::interim::channel();
//! let request = http::Request::get("https://example.com/")
//!     .extension(sink)
//!     .body(Empty::<&[u8]>::new())?;
//! let response = tokio::spawn(towline::Transport::new().oneshot(request));
//! while let Some(hints) = interim.recv().await {
//!     println!("{} {:?}", hints.status(), hints.headers().get_all("link"));
//! }
//! println!("{}", response.await??.status());
//! # Ok(())
//! # }
//! ```
//!
//! 101 (Switching Protocols) is not among them: it is the last of its kind, and comes as a response
//! (see [`Duplex`](crate::Duplex)).
//!
//! Owns: the queue between a connection's driver and the caller. It needs no bound of its own: the
//! number of interim responses to a request is limited on either protocol.
//! Spec: RFC 9110 §15.2, RFC 8297.

use std::task::{Context, Poll};

use http::Response;
use tokio::sync::mpsc;

/// Where interim responses go: an extension of the request.
#[derive(Clone, Debug)]
pub struct Sink(mpsc::UnboundedSender<Response<()>>);

/// The interim responses to a request, in the order in which they came.
#[derive(Debug)]
pub struct Interim(mpsc::UnboundedReceiver<Response<()>>);

/// A sink to put into a request's extensions, and what comes out of it.
#[must_use]
pub fn channel() -> (Sink, Interim) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Sink(sender), Interim(receiver))
}

impl Sink {
    pub(crate) fn send(&self, response: Response<()>) {
        // A caller who does not listen any more misses nothing that it asked for.
        let _gone = self.0.send(response);
    }
}

impl Interim {
    /// The next interim response; `None` once there can be no more: the final response has come, or
    /// the request has failed. Cancelling the wait loses nothing.
    pub async fn recv(&mut self) -> Option<Response<()>> {
        self.0.recv().await
    }

    /// The next interim response, if it is here already.
    pub fn try_recv(&mut self) -> Option<Response<()>> {
        self.0.try_recv().ok()
    }

    /// As [`recv`](Self::recv), for code that polls.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Response<()>>> {
        self.0.poll_recv(cx)
    }
}
