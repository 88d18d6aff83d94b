//! The service that callers hold.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{Method, Request, Response};
use http_body::Body;
use tower::Service;

use super::{ResponseFuture, TransportBuilder, decoding::DecodeSettings, dialer::Dialer};
use crate::{
    body::{OutgoingBody, OutgoingRequest, ResponseBody},
    config::Timeouts,
    error::{BoxError, Error, Kind, Retry, Scope},
    netloc::{Netloc, NetlocError},
    pool::Pool,
};

/// An HTTP transport: a tower service from requests to responses, over pooled HTTP/2 connections.
///
/// ```no_run
/// use http_body_util::{BodyExt, Empty};
/// use tower::ServiceExt;
///
/// # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = towline::Transport::new();
/// let request = http::Request::get("https://example.com/").body(Empty::<&[u8]>::new())?;
/// let response = transport.oneshot(request).await?;
/// println!("{}", response.status());
/// let body = response.into_body().collect().await?.to_bytes();
/// # Ok(())
/// # }
/// ```
///
/// **Concurrency.** Clones share one pool, and may be used from many tasks and threads at once.
/// Requests to one netloc share one connection; those beyond the peer's limit of concurrent
/// streams wait in order. The service is always ready: the waiting is done by the call's future,
/// and bounded by [`TransportBuilder::max_waiting`] and [`Timeouts::pool_wait`].
///
/// **Cancellation.** Dropping the call's future, or the response's body, resets its stream and
/// harms nothing else. A dial goes on without the caller that began it.
///
/// **Retries.** A request is sent again by itself only where the server provably did not process
/// it: it was never written, was refused (`REFUSED_STREAM`), or lies above GOAWAY's last stream
/// (RFC 9113 §8.7), only if its body can be had again, and four times in all at most.
/// [`Error::retry`] says of any other failure what the caller may do. A failed dial is reported,
/// not repeated.
///
/// **Runtime.** Calls are made within a tokio runtime with time and I/O enabled; without one they
/// fail with [`Kind::Shutdown`]. A connection lives on the runtime of the caller who first asked
/// for it, and goes on only as long as that is driven.
///
/// **Health.** A peer that falls silent is not noticed by the transport itself yet: set
/// [`Timeouts::response_head`] where that matters.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
}

/// What all clones of a transport share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) pool: Pool<Dialer>,
    pub(super) dialer: Dialer,
    pub(super) timeouts: Timeouts,
    pub(super) decode: DecodeSettings,
}

impl Transport {
    /// A transport with default settings: TLS verified against the roots that were built in, and
    /// HTTP/2 alone.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport with settings of one's own.
    #[must_use]
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// Closes every pooled connection that carries no request now.
    pub fn close_idle(&self) {
        self.shared.pool.close_idle();
    }

    /// Ends the transport, for all its clones: callers who wait for a connection and those who
    /// come later get [`Kind::Shutdown`]; requests that are under way finish, and their connections
    /// close after them. The same happens, without a word to anybody, when the last clone is
    /// dropped.
    pub fn shutdown(&self) {
        self.shared.pool.shutdown();
    }

    pub(super) fn from_shared(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What must be right with a request before it goes anywhere.
    fn admit(&self, request: &Request<()>) -> Result<Netloc, Error> {
        let netloc = Netloc::from_uri(request.uri()).map_err(|cause| {
            let kind = match cause {
                NetlocError::Scheme(_) => Kind::Scheme,
                NetlocError::Relative | NetlocError::Authority(_) => Kind::Uri,
            };
            Error::new(kind, Scope::Request, Retry::Never).with_source(cause)
        })?;
        if request.method() == Method::CONNECT {
            return Err(Error::new(Kind::Request, Scope::Request, Retry::Never)
                .with_netloc(&netloc)
                .with_source("CONNECT is not supported by this transport yet"));
        }
        self.shared.dialer.admit(&netloc)?;
        Ok(netloc)
    }
}

impl Default for Transport {
    fn default() -> Self {
        Self::new()
    }
}

impl<B> Service<Request<B>> for Transport
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, ());
        let admitted = self.admit(&request);
        let mut parts = request.into_parts().0;
        let is_decoding = self.shared.decode.prepare(&mut parts);
        let request = OutgoingRequest {
            parts,
            body: OutgoingBody::new(body),
        };
        ResponseFuture::new(Arc::clone(&self.shared), admitted, request, is_decoding)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("pool", &self.shared.pool.snapshot())
            .finish_non_exhaustive()
    }
}
