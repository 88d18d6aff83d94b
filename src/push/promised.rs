//! One promise, as the caller holds it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use http::{Method, Request, Response, Uri, Version};

use crate::{
    body::{Answer, Promise, ResponseBody, Slot},
    clock,
    error::Error,
    header_map::HttpHeaderMap,
    http2::{StreamId, message::PromisedHead},
};

/// Makes a response of what has come of a promise.
pub(crate) trait Responder: Send + Sync + fmt::Debug {
    /// The response to a request of this method, of which the head is here, and the rest comes
    /// through the slot.
    fn respond(
        &self,
        slot: Arc<Slot>,
        method: Method,
        answer: Answer,
    ) -> Result<Response<ResponseBody>, Error>;
}

/// A response that a server has promised, and the request that it is to answer.
///
/// **Cancellation.** Dropping it resets the stream with `CANCEL`, and harms nothing else.
pub struct Push {
    promise: Promise,
    request: Request<()>,
    promised_at: Instant,
    /// There once somebody has asked for it.
    fields: OnceLock<HttpHeaderMap>,
    responder: Arc<dyn Responder>,
}

impl Push {
    pub(super) fn new(promise: Promise, head: PromisedHead, responder: Arc<dyn Responder>) -> Self {
        let mut request = Request::new(());
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.headers_mut() = head.headers;
        *request.version_mut() = Version::HTTP_2;
        Self {
            promise,
            request,
            promised_at: clock::now(),
            fields: OnceLock::new(),
            responder,
        }
    }

    pub(super) fn into_promise(self) -> Promise {
        self.promise
    }

    /// Whether it was promised to the request for which this responder stands.
    pub(super) fn is_made_by(&self, responder: &Arc<dyn Responder>) -> bool {
        Arc::ptr_eq(&self.responder, responder)
    }

    /// The method: GET or HEAD.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.request.method()
    }

    /// The scheme: that of the connection.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.uri().scheme_str().unwrap_or_default()
    }

    /// The host, with the port where the server named one: those of the connection.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.uri().authority().map_or("", |named| named.as_str())
    }

    /// The path, with the query where there is one.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri().path_and_query().map_or("", |path| path.as_str())
    }

    /// Scheme, authority and path in one.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// The fields of the request, without the pseudo-header fields.
    #[must_use]
    pub fn request_headers(&self) -> &HttpHeaderMap {
        self.fields
            .get_or_init(|| HttpHeaderMap::from(self.request.headers()))
    }

    /// The request that the server has made up.
    #[must_use]
    pub fn request(&self) -> Request<()> {
        self.request.clone()
    }

    /// The stream that the response comes on.
    #[must_use]
    pub const fn stream_id(&self) -> StreamId {
        self.promise.id
    }

    /// The stream of the request that it was promised to.
    #[must_use]
    pub const fn parent_id(&self) -> StreamId {
        self.promise.parent
    }

    /// When the promise came. The response is no older.
    #[must_use]
    pub const fn promised_at(&self) -> Instant {
        self.promised_at
    }

    /// Whether the stream that the response comes on is not closed, as far as is known. Until then
    /// the response counts as validated by the origin (RFC 9113 §8.4), whatever it says itself of
    /// being stored.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.promise.is_open()
    }

    /// Waits for the response's head, as a call does. It may be asked for before, amid and after the
    /// response to the request that it was promised to.
    ///
    /// The response is treated as that one: decoded where that is decoded, with the limit of a
    /// silent body, and with [`ConnectionInfo`](crate::ConnectionInfo) among its extensions. No
    /// other time limit applies.
    ///
    /// **Cancellation.** Dropping the future, or later the body, resets the stream with `CANCEL`.
    ///
    /// # Errors
    ///
    /// As those of a call: the server has reset the stream, or broken a rule on it; the connection
    /// is over; or more had come than is held for nobody, before this was called
    /// ([`Limits::unclaimed_push_octets`](crate::http2::Limits::unclaimed_push_octets)). Where the head
    /// had come before, the body says so.
    pub async fn response(self) -> Result<Response<ResponseBody>, Error> {
        let Self {
            promise,
            request,
            responder,
            ..
        } = self;
        promise.claim();
        let answer = std::future::poll_fn(|cx| promise.poll_head(cx)).await?;
        let method = request.method().clone();
        match promise.into_slot() {
            Some(slot) => responder.respond(slot, method, answer),
            None => unreachable!("a promise keeps its slot until here"),
        }
    }

    /// Resets the stream with `CANCEL`: the response is not wanted. As dropping it, by name.
    pub fn cancel(self) {}
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("stream_id", &self.stream_id())
            .field("parent_id", &self.parent_id())
            .field("method", self.method())
            .field("uri", self.uri())
            .finish_non_exhaustive()
    }
}
