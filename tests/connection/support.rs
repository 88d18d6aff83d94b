//! Connections to the tests' servers, and to a peer that a test plays itself.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tokio::io::DuplexStream;
use tower::{Service, ServiceExt, service_fn};
use towline::{
    Error, Http1Connection, Http2Connection, ResponseBody,
    connect::Connected,
    connection::{ConnectionBuilder, ResponseFuture},
    http2::ErrorCode,
};

use crate::peers::{Server, raw::RawPeer, raw_http1::RawHttp1, tls};

/// No body.
pub(crate) const NONE: Empty<Bytes> = Empty::new();

/// A connection to one of the tests' servers; it adds no field to a request.
pub(crate) fn to(server: &Server) -> ConnectionBuilder<Http2Connection> {
    Http2Connection::builder(server.url("/"))
        .tls(tls::trusting())
        .decode(false)
}

/// As [`to`], over HTTP/1.1.
pub(crate) fn to_http1(server: &Server) -> ConnectionBuilder<Http1Connection> {
    Http1Connection::builder(server.url("/"))
        .tls(tls::trusting())
        .decode(false)
}

/// The client's ends of pipes, and the servers'.
pub(crate) struct Pipes {
    clients: Arc<Mutex<VecDeque<DuplexStream>>>,
    servers: VecDeque<DuplexStream>,
}

impl Pipes {
    /// So many; a dial beyond them fails.
    pub(crate) fn new(count: usize) -> Self {
        let pipes = (0..count).map(|_| tokio::io::duplex(4 << 20));
        let (clients, servers): (VecDeque<_>, _) = pipes.unzip();
        Self {
            clients: Arc::new(Mutex::new(clients)),
            servers,
        }
    }

    /// Connects through these pipes, one after the other.
    pub(crate) fn connecting<C>(&self, builder: ConnectionBuilder<C>) -> ConnectionBuilder<C> {
        let clients = Arc::clone(&self.clients);
        builder.connector(service_fn(move |_| {
            let client = clients.lock().expect("no panic here").pop_front();
            async move {
                let client = client.ok_or("there are no more pipes")?;
                Ok::<_, towline::error::BoxError>(Connected::new(client))
            }
        }))
    }

    /// The server's end of the next pipe.
    pub(crate) fn server(&mut self) -> DuplexStream {
        self.servers.pop_front().expect("a pipe")
    }

    /// How many were connected through.
    pub(crate) fn used(&self) -> usize {
        self.servers.len() - self.clients.lock().expect("no panic here").len()
    }
}

/// Settings of a connection through a pipe; it adds no field to a request.
pub(crate) fn through(pipes: &Pipes) -> ConnectionBuilder<Http2Connection> {
    let builder = Http2Connection::builder("http://server.test").decode(false);
    pipes.connecting(builder)
}

/// A connection, and the peer that the test plays, with these settings said.
pub(crate) async fn raw(settings: &[(u16, u32)]) -> (Http2Connection, RawPeer) {
    raw_by(settings, |builder| builder).await
}

/// As [`raw`], with other settings of ours.
pub(crate) async fn raw_by(
    settings: &[(u16, u32)],
    change: impl FnOnce(ConnectionBuilder<Http2Connection>) -> ConnectionBuilder<Http2Connection>,
) -> (Http2Connection, RawPeer) {
    let mut pipes = Pipes::new(1);
    let connection = change(through(&pipes)).connect().await.expect("a pipe");
    let mut peer = RawPeer::handshake(Box::new(pipes.server()), settings).await;
    // What was said is heard before anything is asked.
    let heard = peer.until_quiet().await;
    assert!(heard.iter().all(|frame| frame.stream == 0), "{heard:?}");
    (connection, peer)
}

/// A connection of HTTP/1.1, and the peer that the test plays.
pub(crate) async fn raw_http1() -> (Http1Connection, RawHttp1) {
    raw_http1_by(|builder| builder).await
}

/// As [`raw_http1`], with other settings.
pub(crate) async fn raw_http1_by(
    change: impl FnOnce(ConnectionBuilder<Http1Connection>) -> ConnectionBuilder<Http1Connection>,
) -> (Http1Connection, RawHttp1) {
    let mut pipes = Pipes::new(1);
    let builder = Http1Connection::builder("http://server.test").decode(false);
    let builder = change(pipes.connecting(builder));
    let connection = builder.connect().await.expect("a pipe");
    (connection, RawHttp1::new(Box::new(pipes.server())))
}

/// A GET without a body.
pub(crate) fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).body(NONE).expect("a request")
}

/// Waits until a clone has its reservation.
pub(crate) async fn ready<S>(service: &mut S) -> Result<(), Error>
where
    S: Service<Request<Empty<Bytes>>, Error = Error>,
{
    service.ready().await.map(|_| ())
}

/// Whether a clone has its reservation now.
pub(crate) async fn is_ready<S>(service: &mut S) -> bool
where
    S: Service<Request<Empty<Bytes>>, Error = Error>,
{
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(service.poll_ready(cx))).await;
    match polled {
        std::task::Poll::Ready(result) => result.map(|()| true).expect("an open connection"),
        std::task::Poll::Pending => false,
    }
}

/// A call in the slot that was reserved.
pub(crate) fn call<S>(service: &mut S, path: &str) -> ResponseFuture
where
    S: Service<Request<Empty<Bytes>>, Future = ResponseFuture>,
{
    service.call(get(path))
}

/// The whole body as text.
pub(crate) async fn text(response: Response<ResponseBody>) -> String {
    crate::peers::text(response).await.expect("a whole body")
}

/// What a service never fails with.
pub(crate) fn never(never: Infallible) -> Error {
    match never {}
}

/// The number of an error code on the wire.
pub(crate) fn number(code: ErrorCode) -> u32 {
    code.as_u32()
}
