//! The service that callers hold.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Buf;
use http::{Method, Request, Response, Uri, Version, header};
use http_body::Body;
use tower::Service;

use super::{Proxy, ResponseFuture, TransportBuilder, dialer::Dialer, pending::ResponseSettings};
use crate::{
    body::{OutgoingBody, OutgoingRequest, ResponseBody},
    config::Timeouts,
    error::{BoxError, Error, Kind, Retry, Scope},
    http1::Target,
    http2::message::Protocol,
    netloc::{Netloc, NetlocError, Scheme},
    pool::{Key, Pool},
    protocols::Protocols,
};

/// An HTTP transport: a tower service from requests to responses, over pooled HTTP/2 and HTTP/1.1
/// connections.
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
/// Requests to one netloc share one HTTP/2 connection, and those beyond the peer's limit of concurrent
/// streams wait in order; over HTTP/1.1 each has a connection, and those beyond
/// [`TransportBuilder::max_connections`] wait in order. The service is always ready: the waiting is done by the call's future,
/// and bounded by [`TransportBuilder::max_waiting`] and [`Timeouts::pool_wait`].
///
/// **Cancellation.** Dropping the call's future, or the response's body, resets its stream and
/// harms nothing else; over HTTP/1.1 it closes the connection, unless little of the response is left.
/// A dial goes on without the caller that began it.
///
/// **Retries.** A request is sent again by itself where the server provably did not process it: it
/// was never written, was refused (`REFUSED_STREAM`), or lies above GOAWAY's last stream
/// (RFC 9113 §8.7); and where a kept HTTP/1.1 connection closed without a word as the request was
/// written to it, if doing it twice is harmless (RFC 9112 §9.3.1, RFC 9110 §9.2.2). In each case only
/// if its body can be had again, and four times in all at most. [`Error::retry`] says of any other
/// failure what the caller may do. A failed dial is reported, not repeated.
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
    pub(super) responses: Arc<ResponseSettings>,
}

impl Transport {
    /// A transport with default settings: TLS verified against the roots that were built in; HTTP/2
    /// where the server chooses it, else HTTP/1.1.
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
    fn admit(&self, request: &Request<()>) -> Result<Key, Error> {
        let netloc = destination(request)?;
        let asked = asked_protocols(request).map_err(|error| error.with_netloc(&netloc))?;
        self.shared.dialer.key(netloc, asked)
    }
}

/// What the request is content with: its extension says so, else its version. HTTP/1.1 is what
/// every request says that nobody gave a version, so it demands nothing.
pub(super) fn asked_protocols(request: &Request<()>) -> Result<Protocols, Error> {
    // RFC 8441 is about HTTP/2.
    if request.extensions().get::<Protocol>().is_some() {
        return Ok(Protocols::Http2);
    }
    if let Some(protocols) = request.extensions().get() {
        return Ok(*protocols);
    }
    match request.version() {
        Version::HTTP_2 => Ok(Protocols::Http2),
        Version::HTTP_3 => Err(rejected(Kind::Request)
            .with_source("the request demands HTTP/3, which this transport does not speak")),
        _ => Ok(Protocols::Any),
    }
}

/// Where the connection for a request leads: to its proxy, or to the netloc of its URI.
fn destination(request: &Request<()>) -> Result<Netloc, Error> {
    let proxy = request.extensions().get().map(Proxy::netloc);
    let is_extended = request.extensions().get::<Protocol>().is_some();
    if request.method() == Method::CONNECT {
        refuse_content(request)?;
        if !is_extended {
            return tunnel_proxy(request.uri(), proxy).cloned();
        }
    }
    let netloc = netloc_of(request.uri())?;
    match proxy {
        None => Ok(netloc),
        Some(_) if netloc.scheme() == Scheme::Https => Err(rejected(Kind::Request)
            .with_netloc(&netloc)
            .with_source("https goes through a proxy by CONNECT alone")),
        Some(proxy) => Ok(proxy.clone()),
    }
}

/// The netloc of a request's URI.
pub(super) fn netloc_of(uri: &Uri) -> Result<Netloc, Error> {
    Netloc::from_uri(uri).map_err(|cause| {
        let kind = match cause {
            NetlocError::Scheme(_) => Kind::Scheme,
            NetlocError::Relative | NetlocError::Authority(_) => Kind::Uri,
        };
        rejected(kind).with_source(cause)
    })
}

/// RFC 9110 §9.3.6: CONNECT asks a proxy, by the host and port of the target and nothing else.
fn tunnel_proxy<'a>(target: &Uri, proxy: Option<&'a Netloc>) -> Result<&'a Netloc, Error> {
    check_tunnel(target)?;
    proxy.ok_or_else(|| {
        rejected(Kind::Request).with_source("CONNECT goes to a proxy: see towline::Proxy")
    })
}

/// Whether a URI is the host and port that CONNECT names.
pub(super) fn check_tunnel(target: &Uri) -> Result<(), Error> {
    let is_authority = target.scheme().is_none() && target.path_and_query().is_none();
    let has_port = target.port_u16().is_some_and(|port| port != 0);
    if !is_authority || !has_port {
        return Err(rejected(Kind::Request)
            .with_source("CONNECT names a host and a port, unless it has a Protocol"));
    }
    Ok(())
}

/// RFC 9110 §9.3.6: a CONNECT "does not have content", so a length of it says nothing or lies.
pub(super) fn refuse_content(request: &Request<()>) -> Result<(), Error> {
    let mut lengths = request.headers().get_all(header::CONTENT_LENGTH).iter();
    if lengths.all(|length| length == "0") {
        return Ok(());
    }
    Err(rejected(Kind::Request).with_source(CONNECT_HAS_NO_CONTENT))
}

/// Says why a CONNECT is refused that has a body, or announces one.
pub(super) const CONNECT_HAS_NO_CONTENT: &str =
    "CONNECT has no content: write to the tunnel that it brings";

pub(super) fn rejected(kind: Kind) -> Error {
    Error::new(kind, Scope::Request, Retry::Never)
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
        // RFC 9112 §3.2.2: a proxy is told the whole URI.
        let target = match request.extensions().get::<Proxy>() {
            None => Target::Origin,
            Some(_) => Target::Absolute,
        };
        let mut parts = request.into_parts().0;
        let is_decoding = self.shared.responses.decode.prepare(&mut parts);
        let request = OutgoingRequest {
            parts,
            body: OutgoingBody::new(body),
            target,
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
