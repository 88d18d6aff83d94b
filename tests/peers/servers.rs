//! The Rust servers that people run: h2 itself, hyper, and axum on hyper.

use std::{convert::Infallible, error::Error as StdError, sync::Arc};

use axum::Router;
use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    server::{Builder, Connection, SendResponse},
};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    service::{HttpService, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};

use super::{Server, Stream, Wire};

/// h2's own server, each exchange on a task.
pub(crate) async fn h2<F, S>(wire: Wire, handle: F) -> Server
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    h2_with(wire, |_| {}, handle).await
}

/// As [`h2`], with other settings.
pub(crate) async fn h2_with<F, S>(wire: Wire, set: fn(&mut Builder), handle: F) -> Server
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let handle = Arc::new(handle);
    Server::start(wire, move |stream, _| {
        let handle = Arc::clone(&handle);
        async move {
            if let Some(mut connection) = handshake(stream, set).await {
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(handle(request, respond));
                }
            }
        }
    })
    .await
}

/// The server's half of HTTP/2's beginning.
pub(crate) async fn handshake(
    stream: Stream,
    set: fn(&mut Builder),
) -> Option<Connection<Stream, Bytes>> {
    let mut builder = Builder::new();
    set(&mut builder);
    builder.handshake(stream).await.ok()
}

/// A response of this status and no more.
pub(crate) fn status(code: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = code.try_into().expect("a status");
    response
}

/// Answers with a text.
pub(crate) fn answer(respond: &mut SendResponse<Bytes>, text: impl Into<Bytes>) {
    // The client may have left: that is its right.
    if let Ok(mut body) = respond.send_response(status(200), false) {
        let _gone = body.send_data(text.into(), true);
    }
}

/// Sends within the client's window, and says how many octets went out before the stream ended.
pub(crate) async fn send_all(body: &mut SendStream<Bytes>, mut data: Bytes, end: bool) -> usize {
    let mut sent = 0;
    while !data.is_empty() {
        body.reserve_capacity(data.len());
        let Some(Ok(capacity)) = std::future::poll_fn(|cx| body.poll_capacity(cx)).await else {
            return sent;
        };
        let piece = data.split_to(capacity.min(data.len()));
        sent += piece.len();
        if body.send_data(piece, end && data.is_empty()).is_err() {
            return sent;
        }
    }
    sent
}

/// Reads a request's body to its end, giving the window back.
pub(crate) async fn read_all(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// The trailers after a body that was read.
pub(crate) async fn trailers(body: &mut RecvStream) -> Option<HeaderMap> {
    body.trailers().await.expect("a stream that ended well")
}

/// Waits until the client resets the stream, and says with what.
pub(crate) async fn reset_of(body: &mut SendStream<Bytes>) -> Result<h2::Reason, h2::Error> {
    std::future::poll_fn(|cx| body.poll_reset(cx)).await
}

/// hyper's server of the wire's protocol.
pub(crate) async fn hyper<F, S, B>(wire: Wire, handle: F) -> Server
where
    F: Fn(Request<Incoming>) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    Server::start(wire, move |stream, _| {
        let handle = handle.clone();
        let service = service_fn(move |request| {
            let response = handle(request);
            async move { Ok::<_, Infallible>(response.await) }
        });
        serve(wire, stream, service)
    })
    .await
}

/// axum's routes on hyper.
pub(crate) async fn axum(wire: Wire, routes: Router) -> Server {
    Server::start(wire, move |stream, _| {
        serve(wire, stream, TowerToHyperService::new(routes.clone()))
    })
    .await
}

/// Serves one connection by hyper, to its end.
pub(crate) async fn serve<S, B>(wire: Wire, stream: Stream, service: S)
where
    S: HttpService<Incoming, ResBody = B, Future: Send + 'static> + Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let io = TokioIo::new(stream);
    if wire.is_http1() {
        let server = hyper::server::conn::http1::Builder::new();
        let _gone = server.serve_connection(io, service).with_upgrades().await;
    } else {
        let _gone = http2().serve_connection(io, service).await;
    }
}

fn http2() -> hyper::server::conn::http2::Builder<TokioExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(1_000);
    builder.enable_connect_protocol();
    builder
}
