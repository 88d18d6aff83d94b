//! The service: takes pushes in, and finds those that answer a request.

use std::{
    fmt, mem,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower::Service;

use super::{
    PushCacheBody, PushCacheFuture, PushStore,
    future::Candidate,
    question::{Question, has_credentials},
};
use crate::push::Sink;

/// Answers requests from what servers have pushed, each push once, and passes the others on.
///
/// ```
/// use towline::{Transport, layer::PushCacheLayer};
/// use tower::ServiceBuilder;
///
/// let transport = Transport::builder().push(true).build();
/// let service = ServiceBuilder::new().layer(PushCacheLayer::new()).service(transport);
/// # let _ = service;
/// ```
///
/// It puts a [`push::Sink`](crate::push::Sink) into the requests that it passes on, and so works
/// through any other middleware between it and the transport, which must [let servers
/// push](crate::TransportBuilder::push). A sink that is there already stays. So under a
/// [`PushLayer`](crate::layer::PushLayer) it takes nothing in by itself, and that layer's handler may
/// hand it what it does not want otherwise:
///
/// ```
/// use towline::{Transport, layer::{PushCacheLayer, PushLayer}, push::Push};
/// use tower::{Layer, ServiceBuilder};
///
/// let cache = PushCacheLayer::new().layer(Transport::builder().push(true).build());
/// let store = cache.store();
/// let service = ServiceBuilder::new()
///     .layer(PushLayer::new(move |push: Push| {
///         let store = store.clone();
///         async move {
///             println!("{} is pushed", push.uri());
///             store.put(push);
///         }
///     }))
///     .service(cache);
/// # let _ = service;
/// ```
///
/// It is behind the cargo feature `push-cache`, as it brings a dependency that nothing else needs:
/// `http-cache-semantics`, which knows what servers say of freshness.
///
/// **What is answered.** A GET or HEAD without a body, for the same URL and by the same method as the
/// promise. While a response is still on its way the request waits for its head instead of asking
/// twice; should that fail, or take [too long](super::PushCacheLayer::max_wait), it is passed on. A
/// push answers one request: of two at once, the second is passed on. So it is not a cache of
/// responses, which another layer may be. The response has the extension [`FromPush`](super::FromPush).
///
/// **Which responses are used.** Those that may be stored (RFC 9111 §3), whose `vary` names only fields
/// that are alike in the request and in the promise (§4.1), and that are fresh (§4.2), aged from when
/// they were promised; or that were still coming when they were asked for, since these count as validated
/// (RFC 9113 §8.4), `no-cache` or not. A response of which nothing says how long it is fresh is used
/// only in the latter case. One that is not used is cancelled, and the request passed on.
///
/// **Who may be answered.** A service may serve many users, so nothing passes from one to another by
/// default: requests with `authorization`, `proxy-authorization` or `cookie` are passed on, and what is
/// pushed in answer to them is refused; responses that are `private` or set cookies are not used.
/// [`PushCacheLayer::private`](super::PushCacheLayer::private) says that there is one user.
/// Requests are passed on, too, that ask for part of a representation or under a condition
/// (`range`, `if-…`), that say themselves what they take from a cache (`cache-control`, `pragma`), that
/// have a `host` or an `expect`, the extension [`Decoding`](crate::decode::Decoding), or pin HTTP/1.1.
/// One by an unsafe method cancels what waits for its URL (RFC 9111 §4.4).
///
/// **Bounds.** So many pushes [wait](super::PushCacheLayer::max_entries), each [for so
/// long](super::PushCacheLayer::max_age); what they hold unread is bounded for each connection
/// ([`http2::Limits::unclaimed_push_octets`](crate::http2::Limits::unclaimed_push_octets)). A task
/// keeps these bounds: it is spawned with the first request, on the runtime of its caller, and ends
/// with the last clone of the service.
///
/// **Cancellation.** Dropping the call's future cancels the push that it waits for.
#[derive(Clone)]
pub struct PushCache<S> {
    inner: S,
    store: PushStore,
}

impl<S> PushCache<S> {
    pub(super) const fn new(inner: S, store: PushStore) -> Self {
        Self { inner, store }
    }

    /// The pushes that wait, for code that has others to add.
    #[must_use]
    pub fn store(&self) -> PushStore {
        self.store.clone()
    }

    /// The push that may answer a request. Outside a runtime nothing is waited for.
    fn find<B: Body>(&self, request: &Request<B>) -> Option<Candidate> {
        let question = Question::of(request)?;
        let entry = self.store.take(&question)?;
        Candidate::new(entry, request.headers(), self.store.settings())
    }
}

impl<S, B, R> Service<Request<B>> for PushCache<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    B: Body,
{
    type Response = Response<PushCacheBody<R>>;
    type Error = S::Error;
    type Future = PushCacheFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> PushCacheFuture<S, B> {
        if !request.method().is_safe() {
            self.store.invalidate(&request);
        }
        let takes_part = self.store.settings().is_private || !has_credentials(&request);
        if takes_part && let Some(candidate) = self.find(&request) {
            // The one that is ready goes along: it may be asked yet.
            let clone = self.inner.clone();
            let ready = mem::replace(&mut self.inner, clone);
            self.feed(&mut request);
            return PushCacheFuture::waiting(candidate, ready, request);
        }
        if takes_part {
            self.feed(&mut request);
        }
        PushCacheFuture::asking(self.inner.call(request))
    }
}

impl<S> PushCache<S> {
    /// What is pushed in answer to a request goes to the store, unless its caller wants it.
    fn feed<B>(&self, request: &mut Request<B>) {
        if request.extensions().get::<Sink>().is_none()
            && let Some(sink) = self.store.sink()
        {
            request.extensions_mut().insert(sink);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for PushCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushCache")
            .field("inner", &self.inner)
            .field("store", &self.store)
            .finish()
    }
}
