//! A request that is made piece by piece.
//!
//! Owns: the pieces, until they are sent. Never: touches the network before that.
//! Spec: RFC 9110 §5, RFC 9112 §3, RFC 9113 §8.3.1.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Buf;
use http::{Extensions, HeaderMap, Method, Request, Uri, uri};
use http_body::Body;

use super::{
    Http1Connection, Http2Connection, IntoFields, SendBody,
    caller::new_call,
    core::Core,
    outstanding::{self, Opened},
    upload,
};
use crate::{
    HttpHeaderMap,
    client::{info::Protocol, transport::rejected},
    error::{BoxError, Error, Kind, Retry, Scope},
    header_map::{RawName, RawValue},
    http2::StreamId,
    push::{self, Pushes},
};

/// A request on a connection, made piece by piece: fields first, then the body, whole or in pieces too.
///
/// It comes from `start_request` of a connection (hyper's `putrequest`), and nothing is sent before
/// [`send`](Self::send) or [`send_streaming`](Self::send_streaming). What is wrong with a piece is told
/// there, and nothing is sent then: [`Kind::Request`] for a method or a field, [`Kind::Uri`] for the
/// path.
#[must_use = "nothing is sent before `send` or `send_streaming`"]
pub struct RequestBuilder<C> {
    core: Arc<Core>,
    pieces: Result<Pieces, Error>,
    kind: PhantomData<fn() -> C>,
}

struct Pieces {
    method: Method,
    uri: uri::Parts,
    fields: HttpHeaderMap,
    extensions: Extensions,
}

/// A pseudo-header field of a request (RFC 9113 §8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pseudo {
    /// `:method`.
    Method,
    /// `:scheme`.
    Scheme,
    /// `:authority`; over HTTP/1.1, `host`.
    Authority,
    /// `:path`.
    Path,
}

impl<C> RequestBuilder<C> {
    pub(super) fn new<M, U>(core: &Arc<Core>, method: M, path: U) -> Self
    where
        M: TryInto<Method, Error: Into<http::Error>>,
        U: TryInto<Uri, Error: Into<http::Error>>,
    {
        Self {
            core: Arc::clone(core),
            pieces: Pieces::new(method, path),
            kind: PhantomData,
        }
    }

    /// Adds a field after all others. Over HTTP/2 its name is sent in lower case, and fields of one
    /// name together; over HTTP/1.1 all are sent in their order and case. hyper's `putheader`.
    pub fn header(self, name: impl Into<RawName>, value: impl Into<RawValue>) -> Self {
        self.change(|pieces| {
            let appended = pieces.fields.append(name, value);
            appended.map_err(|cause| rejected(Kind::Request).with_source(cause))
        })
    }

    /// Adds fields after all others.
    pub fn headers(self, fields: impl IntoFields) -> Self {
        self.change(|pieces| {
            let fields = fields.into_fields();
            let fields = fields.map_err(|cause| rejected(Kind::Request).with_source(cause))?;
            pieces.fields.merge(&fields);
            Ok(())
        })
    }

    /// Says otherwise what the method and path, or the connection, have said. hyper's
    /// `putheader(name, value, replace=True)` of later releases.
    pub fn override_pseudo(self, pseudo: Pseudo, value: &str) -> Self {
        self.change(|pieces| {
            let set = pieces.set_pseudo(pseudo, value);
            set.map_err(|cause| {
                let kind = match pseudo {
                    Pseudo::Method => Kind::Request,
                    Pseudo::Scheme => Kind::Scheme,
                    Pseudo::Authority | Pseudo::Path => Kind::Uri,
                };
                rejected(kind).with_source(cause)
            })
        })
    }

    /// Puts something among the request's extensions: an [`interim::Sink`](crate::interim::Sink), say,
    /// or a [`decode::Decoding`](crate::decode::Decoding).
    pub fn extension<T: Clone + Send + Sync + 'static>(self, extension: T) -> Self {
        self.change(|pieces| {
            pieces.extensions.insert(extension);
            Ok(())
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Pieces) -> Result<(), Error>) -> Self {
        // The first fault is the one that is told.
        if let Ok(pieces) = &mut self.pieces
            && let Err(fault) = change(pieces)
        {
            self.pieces = Err(fault);
        }
        self
    }

    async fn open<B>(self, body: B, may_queue: bool) -> Result<Option<Opened>, Error>
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        let Self { core, pieces, .. } = self;
        let mut request = pieces
            .and_then(|pieces| pieces.into_request(core.protocol(), body))
            .map_err(|error| error.with_netloc(core.netloc()))?;
        let pushes = sink(&core, request.extensions_mut());
        let call = new_call(&core, request, None);
        let opened = outstanding::open(&core, call, may_queue).await?;
        if let (Some(pushes), Some(opened)) = (pushes, &opened) {
            core.promised.keep(opened.id.into(), pushes);
        }
        Ok(opened)
    }

    async fn open_streaming(self) -> Result<SendBody, Error> {
        let core = Arc::clone(&self.core);
        let (writer, body) = upload::body();
        match self.open(body, false).await? {
            Some(opened) => writer.attach(&core, opened),
            // One that may not queue has begun.
            None => Err(core.error(Kind::Closed, Scope::Connection, Retry::Safe)),
        }
    }
}

impl RequestBuilder<Http2Connection> {
    /// Sends the request, and returns the id of its stream once that is open. hyper's
    /// `endheaders(body, final=True)`.
    ///
    /// The response waits for [`response`](Http2Connection::response).
    ///
    /// # Errors
    /// As [`Http2Connection::request`] has them. Cancelled, the request is withdrawn.
    pub async fn send<B>(self, body: B) -> Result<StreamId, Error>
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        let core = Arc::clone(&self.core);
        match self.open(body, false).await? {
            Some(opened) => Ok(opened.id.into()),
            // One that may not queue has begun.
            None => Err(core.error(Kind::Closed, Scope::Connection, Retry::Safe)),
        }
    }

    /// Sends the head of the request; its body is written afterwards. hyper's `endheaders()`.
    ///
    /// The response waits for [`response`](Http2Connection::response), under the id of the stream.
    ///
    /// # Errors
    /// As [`Http2Connection::request`] has them. Cancelled, the request is withdrawn.
    pub async fn send_streaming(self) -> Result<(StreamId, SendBody), Error> {
        let core = Arc::clone(&self.core);
        let body = self.open_streaming().await?;
        match body.stream_id() {
            Some(id) => Ok((id, body)),
            // The connection is one of HTTP/2.
            None => Err(core.error(Kind::Closed, Scope::Connection, Retry::Safe)),
        }
    }
}

impl RequestBuilder<Http1Connection> {
    /// Sends the request, or gives it its place behind those that were made before it. hyper's
    /// `endheaders(body, final=True)`.
    ///
    /// # Errors
    /// As [`Http1Connection::request`] has them. Cancelled, the request is withdrawn.
    pub async fn send<B>(self, body: B) -> Result<(), Error>
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        self.open(body, true).await.map(|_| ())
    }

    /// Sends the head of the request, once its turn has come: when the response before has been read.
    /// Its body is written afterwards, by chunks unless there is a content-length (RFC 9112 §6.1).
    /// hyper's `endheaders()`.
    ///
    /// # Errors
    /// As [`Http1Connection::request`] has them. Cancelled, the request is withdrawn.
    pub async fn send_streaming(self) -> Result<SendBody, Error> {
        self.open_streaming().await
    }
}

/// Puts a sink for promises into a request whose caller has not, where there may be any.
fn sink(core: &Core, extensions: &mut Extensions) -> Option<Pushes> {
    let is_wanted = core.responses.takes_pushes && core.protocol() == Protocol::Http2;
    if !is_wanted || extensions.get::<push::Sink>().is_some() {
        return None;
    }
    let (sink, pushes) = push::channel();
    extensions.insert(sink);
    Some(pushes)
}

impl Pieces {
    fn new<M, U>(method: M, path: U) -> Result<Self, Error>
    where
        M: TryInto<Method, Error: Into<http::Error>>,
        U: TryInto<Uri, Error: Into<http::Error>>,
    {
        let method = method
            .try_into()
            .map_err(|cause| rejected(Kind::Request).with_source(cause.into()))?;
        let uri = path
            .try_into()
            .map_err(|cause| rejected(Kind::Uri).with_source(cause.into()))?;
        Ok(Self {
            method,
            uri: uri.into_parts(),
            fields: HttpHeaderMap::new(),
            extensions: Extensions::new(),
        })
    }

    fn set_pseudo(&mut self, pseudo: Pseudo, value: &str) -> Result<(), http::Error> {
        match pseudo {
            Pseudo::Method => self.method = value.parse()?,
            Pseudo::Scheme => self.uri.scheme = Some(value.parse()?),
            Pseudo::Authority => self.uri.authority = Some(value.parse()?),
            Pseudo::Path => self.uri.path_and_query = Some(value.parse()?),
        }
        Ok(())
    }

    fn into_request<B>(self, protocol: Protocol, body: B) -> Result<Request<B>, Error> {
        let headers = HeaderMap::try_from(&self.fields)
            .map_err(|cause| rejected(Kind::Request).with_source(cause))?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.headers_mut() = headers;
        *request.extensions_mut() = self.extensions;
        if protocol == Protocol::Http1 && !self.fields.is_empty() {
            // Their order and case.
            let extensions = request.extensions_mut();
            extensions.get_or_insert(self.fields);
        }
        *request.uri_mut() =
            Uri::from_parts(self.uri).map_err(|cause| rejected(Kind::Uri).with_source(cause))?;
        Ok(request)
    }
}

impl<C> fmt::Debug for RequestBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RequestBuilder");
        debug.field("netloc", self.core.netloc());
        match &self.pieces {
            Ok(pieces) => debug
                .field("method", &pieces.method)
                .field("uri", &pieces.uri)
                .field("fields", &pieces.fields),
            Err(fault) => debug.field("fault", fault),
        };
        debug.finish_non_exhaustive()
    }
}
