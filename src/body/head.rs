//! What a driver of either protocol says of a response, in words that both share.
//!
//! Owns: nothing of a connection, except the byte stream of one that has become a tunnel, while it
//! is on its way to the caller.

use std::fmt;

use crate::{
    http2::{self, StreamId},
    io::Io,
};
use bytes::Bytes;
use http::{Extensions, HeaderMap, Response, StatusCode, Version};

/// Which exchange of a connection: on HTTP/2 the number of its stream, on HTTP/1.1 a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExchangeId(u32);

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content_length: Option<u64>,
    /// The stream that carries it, on HTTP/2.
    pub(crate) stream_id: Option<StreamId>,
    /// What else the response is to tell: its reason phrase, its fields as they stood.
    pub(crate) extensions: Extensions,
}

/// A connection that has become the caller's own (RFC 9110 §7.8, §9.3.6).
pub(crate) struct HandedOver {
    pub(crate) io: Box<dyn Io>,
    /// What the peer sent on it that was read with the response head.
    pub(crate) read: Bytes,
}

impl ExchangeId {
    /// The first exchange of a connection.
    pub(crate) const FIRST: Self = Self(1);

    /// The one after it. Ids come round after four thousand million exchanges: whoever still names
    /// the old one left long ago.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl From<StreamId> for ExchangeId {
    fn from(id: StreamId) -> Self {
        Self(id.as_u32())
    }
}

impl From<ExchangeId> for StreamId {
    fn from(id: ExchangeId) -> Self {
        Self::from_wire(id.0)
    }
}

impl Head {
    /// A head that came on an HTTP/2 stream.
    pub(crate) fn from_http2(head: http2::message::ResponseHead, id: StreamId) -> Self {
        Self {
            version: Version::HTTP_2,
            status: head.status,
            headers: head.headers,
            content_length: head.content_length,
            stream_id: Some(id),
            extensions: Extensions::new(),
        }
    }

    /// The whole of an interim response: it has no content (RFC 9110 §15.2).
    pub(crate) fn into_interim(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        *response.version_mut() = self.version;
        *response.headers_mut() = self.headers;
        *response.extensions_mut() = self.extensions;
        response
    }
}

impl fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandedOver")
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}
