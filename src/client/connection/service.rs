//! Connections as tower services, and their load.
//!
//! Owns: nothing; each clone's reservation is its own.

use std::task::{Context, Poll};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use tower::{Service, load::Load};

use super::{Http1Connection, Http2Connection, Negotiated, ResponseFuture};
use crate::{
    body::ResponseBody,
    error::{BoxError, Error},
};

/// `poll_ready` reserves a stream for this clone: it is pending until one is free, or the connection
/// made, and fails once the connection takes no more. Clones share no reservation; one that waits is
/// served in its turn, and one that is dropped gives up what it has. A `call` without it waits in its
/// future.
impl<B> Service<Request<B>> for Http2Connection
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.caller.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.caller.call(request)
    }
}

/// As for [`Http2Connection`], with the connection itself in place of a stream.
impl<B> Service<Request<B>> for Http1Connection
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.caller.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.caller.call(request)
    }
}

/// As the connection that it is.
impl<B> Service<Request<B>> for Negotiated
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.caller_mut().poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.caller_mut().call(request)
    }
}

/// The streams that are in use, reservations among them.
impl Load for Http2Connection {
    type Metric = usize;

    fn load(&self) -> usize {
        self.open_streams()
    }
}

/// Whether an exchange is under way or reserved: 1 if so.
impl Load for Http1Connection {
    type Metric = usize;

    fn load(&self) -> usize {
        self.caller.core.in_use()
    }
}

/// As the connection that it is.
impl Load for Negotiated {
    type Metric = usize;

    fn load(&self) -> usize {
        self.caller().core.in_use()
    }
}
