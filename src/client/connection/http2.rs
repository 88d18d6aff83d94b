//! One HTTP/2 connection.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Buf;
use http::{Method, Request, Response, Uri, Version};
use http_body::Body;

use super::{
    Capture, ConnectionBuilder, IntoFields, RequestBuilder, ResponseFuture, Server, StreamPushes,
    caller::{Caller, new_call},
    core::Core,
    outstanding,
};
use crate::{
    body::ResponseBody,
    client::ConnectionInfo,
    error::{BoxError, Error, Kind, Retry, Scope},
    http2::{ErrorCode, StreamId, engine::PeerSettings},
    netloc::Netloc,
};

/// One HTTP/2 connection, under the caller's hand. hyper's `HTTP20Connection`.
///
/// A cheap handle: clones are the same connection, and may be used from many tasks and threads at
/// once. As a [`tower::Service`] it has a true `poll_ready`, which reserves a stream; as a
/// [`tower::load::Load`] it tells how many streams are in use.
///
/// ```no_run
/// use http_body_util::Empty;
/// use towline::Http2Connection;
///
/// # async fn fetch() -> Result<(), towline::Error> {
/// let connection = Http2Connection::builder("nghttp2.org").connect().await?;
/// let body = Empty::<&[u8]>::new();
/// let first = connection.request("GET", "/", (), body).await?;
/// let second = connection.request("GET", "/httpbin/headers", [("accept", "*/*")], body).await?;
/// let response = connection.response(second).await?;
/// println!("{second}: {}", response.status());
/// let body = connection.response(first).await?.into_body().read_all(1 << 20).await?;
/// println!("{first}: {} octets", body.len());
/// connection.close().await;
/// # Ok(())
/// # }
/// ```
///
/// **Connecting.** By [`connect`](Self::connect), or with the first request; whoever comes meanwhile
/// shares the attempt. One that fails is told to all of them, and the next request tries again. Once
/// made, the connection is not made anew: when it is over, every request fails with
/// [`Retry::Safe`], and [`is_closed`](Self::is_closed) says so.
///
/// **Requests** beyond the server's limit of streams wait in order, up to
/// [`pool_wait`](crate::config::Timeouts::pool_wait). None is sent again by itself; one that never
/// reached the server fails with [`Retry::Safe`] (RFC 9113 §8.7).
///
/// **URIs.** A path gets the scheme and authority of the connection, unless a `host` field names
/// another authority (RFC 9113 §8.3.1). An absolute URI is sent as it is, whatever its authority, but
/// its scheme must be that of the connection. CONNECT names host and port alone, and the connection's
/// server is the proxy.
///
/// **The end.** When the last handle is dropped and no future of a call is left, the connection takes
/// no more requests, finishes what was begun and closes. A response and its body outlive the handle;
/// those that were [kept](Self::response) and never taken are cancelled.
#[derive(Clone)]
pub struct Http2Connection {
    pub(super) caller: Caller,
}

impl Http2Connection {
    /// Settings of a connection to this server: a host, a host with a port, a URI or a [`Netloc`].
    #[must_use]
    pub fn builder(server: impl Into<Server>) -> ConnectionBuilder<Self> {
        ConnectionBuilder::new(server.into())
    }

    /// A connection with default settings: by TLS, at port 443 unless the server says otherwise.
    /// Nothing is dialed yet.
    ///
    /// # Errors
    /// As [`ConnectionBuilder::build`] has them.
    pub fn new(server: impl Into<Server>) -> Result<Self, Error> {
        Self::builder(server).build()
    }

    pub(super) const fn from_core(core: Arc<Core>) -> Self {
        Self {
            caller: Caller::new(core),
        }
    }

    fn core(&self) -> &Arc<Core> {
        &self.caller.core
    }

    /// Connects, unless that was done. Callers at the same time share one attempt; cancelled, it goes
    /// on. hyper's `connect()`.
    ///
    /// # Errors
    /// Those of a dial: [`Kind::Dns`], [`Kind::Connect`], [`Kind::Tls`], [`Kind::Certificate`],
    /// [`Kind::Alpn`] if the server does not choose HTTP/2 (RFC 9113 §3.2), a
    /// [`Kind::Timeout`]; and why the connection is over, if it is.
    pub async fn connect(&self) -> Result<(), Error> {
        self.core().connect().await
    }

    /// Sends a request, and returns the id of its stream once that is open. hyper's
    /// `request(method, url, body, headers)`.
    ///
    /// The response waits for [`response`](Self::response). Cancelled, the request is withdrawn.
    ///
    /// # Errors
    /// [`Kind::Request`], [`Kind::Uri`] or [`Kind::RequestBody`] if the request cannot be sent;
    /// [`Kind::Overloaded`] if too many responses wait to be
    /// [taken](ConnectionBuilder::max_untaken); those of [`connect`](Self::connect); a
    /// [`Kind::Timeout`] of [`Phase::PoolWait`](crate::error::Phase::PoolWait) if no stream came free;
    /// and why the connection takes no more requests.
    pub async fn request<M, U, B>(
        &self,
        method: M,
        path: U,
        headers: impl IntoFields,
        body: B,
    ) -> Result<StreamId, Error>
    where
        M: TryInto<Method, Error: Into<http::Error>>,
        U: TryInto<Uri, Error: Into<http::Error>>,
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        let request = self.start_request(method, path).headers(headers);
        request.send(body).await
    }

    /// Begins a request that is made piece by piece; sends nothing. hyper's `putrequest`.
    pub fn start_request<M, U>(&self, method: M, path: U) -> RequestBuilder<Self>
    where
        M: TryInto<Method, Error: Into<http::Error>>,
        U: TryInto<Uri, Error: Into<http::Error>>,
    {
        RequestBuilder::new(self.core(), method, path)
    }

    /// Sends a request whose response is the future's. Nothing happens before that is polled; dropping
    /// it cancels the exchange.
    ///
    /// # Errors
    /// The future's are those of [`request`](Self::request) and [`response`](Self::response).
    pub fn send_request<B>(&self, request: Request<B>) -> ResponseFuture
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        let call = new_call(self.core(), request, None);
        ResponseFuture::new(Arc::clone(self.core()), call)
    }

    /// Waits for the response on a stream, or without one, for that of the oldest whose response was
    /// not taken. hyper's `get_response(stream_id)`.
    ///
    /// Responses are those of [`request`](Self::request) and [`start_request`](Self::start_request),
    /// and may be taken in any order, by many tasks at once, each once. Cancelled, it has taken
    /// nothing.
    ///
    /// # Errors
    /// [`Kind::ResponseTaken`] if it was taken, or its stream [cancelled](Self::cancel), or somebody
    /// else waits for it now; [`Kind::UnknownStream`] if there was no such request, or none is left;
    /// and whatever has befallen the exchange: [`Kind::Reset`], [`Kind::GoAway`], [`Kind::Closed`],
    /// [`Kind::MalformedResponse`], [`Kind::RequestBody`], [`Kind::Timeout`], [`Kind::Shutdown`] and
    /// others.
    pub async fn response(
        &self,
        id: impl Into<Option<StreamId>>,
    ) -> Result<Response<ResponseBody>, Error> {
        outstanding::response(self.core(), id.into()).await
    }

    /// What the server promises on a stream (RFC 9113 §8.4): what has come of it, or all that will.
    /// hyper's `get_pushes(stream_id, capture_all)`.
    ///
    /// That is for requests of [`request`](Self::request) and [`start_request`](Self::start_request)
    /// that carry no [`push::Sink`](crate::push::Sink) of the caller's, while
    /// [push](ConnectionBuilder::push) is on. Promises may be taken before, amid and after the
    /// response, and as often as one likes: each is handed out once. They are kept for the latest
    /// requests, as many as there may be [responses](ConnectionBuilder::max_untaken) untaken; those
    /// of others are cancelled, as are those of a response that is dropped before its end, and all
    /// that are left with the last handle.
    ///
    /// # Errors
    /// [`Kind::UnknownStream`] if there was no such request, or it was too long ago, or push is not on;
    /// [`Kind::ResponseTaken`] while somebody else takes them.
    pub fn pushes(&self, id: StreamId, capture: Capture) -> Result<StreamPushes, Error> {
        StreamPushes::new(self.core(), id, capture)
    }

    /// Ends a stream with RST_STREAM (RFC 9113 §6.4). Whoever waits for its response, or reads its
    /// body, gets [`Kind::Reset`] with this code; a response that was not taken is gone. Done twice,
    /// or to a stream that is over or never was, it does nothing. hyper's `streams[id].close(code)`.
    pub fn cancel(&self, id: StreamId, code: ErrorCode) {
        if let Some(conn) = self.core().conn() {
            conn.handle.reset(id.into(), code);
        }
        // The exchange that was kept goes with what it holds.
        drop(self.core().kept.take(Some(u64::from(id.as_u32()))));
    }

    /// Sends a PING with octets of our own, and waits for its answer (RFC 9113 §6.7); the time that
    /// took. Any number may be under way. Cancelled, the answer is passed over.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and why the connection ended before the answer. There is no
    /// time limit: [`tokio::time::timeout`] has one.
    pub async fn ping(&self) -> Result<Duration, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.ping_with(number.to_be_bytes()).await
    }

    /// As [`ping`](Self::ping), with these octets. hyper's `ping(opaque_data)` of later releases.
    ///
    /// # Errors
    /// Those of [`ping`](Self::ping).
    pub async fn ping_with(&self, payload: [u8; 8]) -> Result<Duration, Error> {
        self.connect().await?;
        let core = self.core();
        let Some(conn) = core.conn() else {
            return Err(core.error(Kind::Closed, Scope::Connection, Retry::Safe));
        };
        let answered = conn.handle.ping(payload);
        answered.await.map_err(|_| {
            let why = conn.handle.why_ended();
            why.unwrap_or_else(|| core.error(Kind::Closed, Scope::Connection, Retry::Safe))
        })
    }

    /// Takes no more requests, lets those that were made finish, sends GOAWAY (RFC 9113 §6.8), and
    /// waits until the connection is closed. Requests that wait for a stream fail with
    /// [`Retry::Safe`]. It waits for bodies to be read or dropped: an unread one that is larger than
    /// its window holds it up. Cancelled, it goes on closing. Idempotent; on a connection that was
    /// never made, it sees to it that it never is. hyper's `close()`.
    pub async fn close(&self) {
        self.core().retire();
        self.core().over().await;
    }

    /// Closes now, whatever is under way: GOAWAY with this code, and every exchange fails with
    /// [`Kind::Shutdown`]. Does not wait; [`closed`](Self::closed) does. Idempotent.
    pub fn close_now(&self, code: ErrorCode) {
        self.core().end(|conn| conn.handle.close(code));
    }

    /// Waits until the connection is over, and its byte stream closed.
    pub async fn closed(&self) {
        self.core().over().await;
    }

    /// Whether the connection is over, or was closed before it was made.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core().is_closed()
    }

    /// Whether no more requests are taken: after GOAWAY of the server, [`close`](Self::close), or the
    /// end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_closed() || self.core().check_open().is_err()
    }

    /// Why the connection is over, as somebody is told whose request was never sent.
    #[must_use]
    pub fn why_closed(&self) -> Option<Error> {
        self.core().why_closed()
    }

    /// Where the connection leads.
    #[must_use]
    pub fn netloc(&self) -> &Netloc {
        self.core().netloc()
    }

    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.netloc().bare_host()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.netloc().port()
    }

    /// HTTP/2.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version::HTTP_2
    }

    /// Addresses, ALPN and TLS, once the connection is made.
    #[must_use]
    pub fn info(&self) -> Option<ConnectionInfo> {
        self.core().info()
    }

    /// What the server allows, once it has said it (RFC 9113 §6.5.2).
    #[must_use]
    pub fn peer_settings(&self) -> Option<PeerSettings> {
        self.core().conn()?.handle.peer_settings()
    }

    /// The streams that are in use, reservations and requests on their way among them.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.core().in_use()
    }
}

impl fmt::Debug for Http2Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().describe("Http2Connection", f)
    }
}
