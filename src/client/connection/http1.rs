//! One HTTP/1.1 connection.

use std::{fmt, sync::Arc};

use bytes::Buf;
use http::{Method, Request, Response, Uri, Version};
use http_body::Body;

use super::{
    ConnectionBuilder, IntoFields, RequestBuilder, ResponseFuture, Server,
    caller::{Caller, new_call},
    core::Core,
    outstanding,
};
use crate::{
    body::ResponseBody,
    client::ConnectionInfo,
    error::{BoxError, Error},
    http2::ErrorCode,
    netloc::{Netloc, Scheme},
};

/// One HTTP/1.1 connection, under the caller's hand. hyper's `HTTP11Connection`.
///
/// A cheap handle: clones are the same connection, and may be used from many tasks and threads at
/// once. It carries one exchange at a time (RFC 9112 §9.3), and those that come meanwhile wait in
/// order; none is pipelined. As a [`tower::Service`] it has a true `poll_ready`, which reserves the
/// connection for one exchange.
///
/// ```no_run
/// use http_body_util::Empty;
/// use towline::{Http1Connection, HttpHeaderMap};
///
/// # async fn fetch() -> Result<(), towline::Error> {
/// let connection = Http1Connection::new("example.com")?;
/// let body = Empty::<&[u8]>::new();
/// connection.request("GET", "/", [("User-Agent", "example/1.0")], body).await?;
/// let response = connection.response().await?;
/// println!("{:?}", response.extensions().get::<HttpHeaderMap>());
/// let text = response.into_body().read_all(1 << 20).await?;
/// connection.close().await;
/// # Ok(())
/// # }
/// ```
///
/// **TLS** is spoken if [set](ConnectionBuilder::secure), if the URI says `https`, or at port 443.
///
/// **Connecting**, **URIs** and **the end** are as for [`Http2Connection`](super::Http2Connection).
/// The connection is kept for the next exchange as long as both sides allow it; once the server has
/// closed it, requests fail with [`Retry::Safe`](crate::error::Retry::Safe), and it is not made anew:
/// that is what a [`Transport`](crate::Transport) does.
///
/// **Fields** of a request go out in the order and letter case in which they were given, after `host`.
/// Responses carry theirs as they came, as an [`HttpHeaderMap`](crate::HttpHeaderMap) among their
/// extensions, unless that is [switched off](ConnectionBuilder::keep_fields); the reason phrase is
/// there as a [`ReasonPhrase`](crate::http1::ReasonPhrase) where it is not the usual one.
#[derive(Clone)]
pub struct Http1Connection {
    pub(super) caller: Caller,
}

impl Http1Connection {
    /// Settings of a connection to this server: a host, a host with a port, a URI or a [`Netloc`].
    #[must_use]
    pub fn builder(server: impl Into<Server>) -> ConnectionBuilder<Self> {
        ConnectionBuilder::new(server.into()).keep_fields(true)
    }

    /// A connection with default settings: in cleartext at port 80 unless the server says otherwise.
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
    /// As [`Http2Connection::connect`](super::Http2Connection::connect) has them.
    pub async fn connect(&self) -> Result<(), Error> {
        self.core().connect().await
    }

    /// Sends a request, or gives it its place behind those that were made before it. hyper's
    /// `request(method, url, body, headers)`.
    ///
    /// The response waits for [`response`](Self::response). A request behind others leaves when the
    /// response before it has been read to its end, and its own is waited for. Cancelled, the request
    /// is withdrawn.
    ///
    /// # Errors
    /// As [`Http2Connection::request`](super::Http2Connection::request) has them.
    pub async fn request<M, U, B>(
        &self,
        method: M,
        path: U,
        headers: impl IntoFields,
        body: B,
    ) -> Result<(), Error>
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

    /// Begins a request that is made piece by piece; sends nothing.
    pub fn start_request<M, U>(&self, method: M, path: U) -> RequestBuilder<Self>
    where
        M: TryInto<Method, Error: Into<http::Error>>,
        U: TryInto<Uri, Error: Into<http::Error>>,
    {
        RequestBuilder::new(self.core(), method, path)
    }

    /// Sends a request whose response is the future's. Nothing happens before that is polled; dropping
    /// it cancels the exchange, and closes the connection unless little of the response is left.
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

    /// Waits for the response to the oldest [`request`](Self::request) whose response was not taken.
    /// Cancelled, it has taken nothing. hyper's `get_response()`.
    ///
    /// # Errors
    /// [`Kind::UnknownStream`](crate::error::Kind::UnknownStream) if there is none, and whatever has
    /// befallen the exchange.
    pub async fn response(&self) -> Result<Response<ResponseBody>, Error> {
        outstanding::response(self.core(), None).await
    }

    /// Takes no more requests, lets the one that is under way finish, and waits until the connection is
    /// closed. Requests that wait fail with [`Retry::Safe`](crate::error::Retry::Safe). It waits for
    /// the body to be read or dropped. Cancelled, it goes on closing. Idempotent; on a connection that
    /// was never made, it sees to it that it never is. hyper's `close()`.
    pub async fn close(&self) {
        self.core().retire();
        self.core().over().await;
    }

    /// Closes now, whatever is under way; that fails. Does not wait; [`closed`](Self::closed) does.
    /// Idempotent.
    pub fn close_now(&self) {
        self.core()
            .end(|conn| conn.handle.close(ErrorCode::NO_ERROR));
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

    /// Whether no more requests are taken.
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

    /// Whether TLS is spoken. hyper's `secure`.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.netloc().scheme() == Scheme::Https
    }

    /// HTTP/1.1. What the server speaks is told with each response.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version::HTTP_11
    }

    /// Addresses, ALPN and TLS, once the connection is made.
    #[must_use]
    pub fn info(&self) -> Option<ConnectionInfo> {
        self.core().info()
    }
}

impl fmt::Debug for Http1Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().describe("Http1Connection", f)
    }
}
