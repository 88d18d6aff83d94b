//! The service, and the task that hands pushes on.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tower::Service;
use tracing::{Instrument, debug, debug_span};

use super::feed::Feed;
use crate::{
    error::BoxError,
    push::{Push, Pushes, Sink},
};

/// Hands what servers push to a handler; made by [`PushLayer`](super::PushLayer).
#[derive(Clone)]
pub struct PushService<S, H> {
    inner: S,
    handler: H,
    feed: Arc<Feed>,
}

impl<S, H> PushService<S, H> {
    pub(super) fn new(inner: S, handler: H) -> Self {
        Self {
            inner,
            handler,
            feed: Arc::default(),
        }
    }
}

impl<S, H, B> Service<Request<B>> for PushService<S, H>
where
    S: Service<Request<B>>,
    H: Service<Push> + Clone + Send + 'static,
    H::Future: Future<Output = Result<H::Response, H::Error>> + Send + 'static,
    H::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if request.extensions().get::<Sink>().is_none() {
            let sink = self
                .feed
                .sink(|pushes| hand_on(pushes, self.handler.clone()));
            if let Some(sink) = sink {
                request.extensions_mut().insert(sink);
            }
        }
        self.inner.call(request)
    }
}

/// Hands each push to the handler, until no more can come or the handler fails.
async fn hand_on<H>(mut pushes: Pushes, mut handler: H)
where
    H: Service<Push>,
    H::Future: Send + 'static,
    H::Error: Into<BoxError>,
{
    loop {
        // First, so that what nobody can take yet can still be cancelled.
        let ready = std::future::poll_fn(|cx| handler.poll_ready(cx).map_err(Into::into));
        if let Err(error) = ready.await {
            let error: BoxError = error;
            debug!(error = &*error, "the handler of pushes has failed");
            return;
        }
        let Some(push) = pushes.next().await else {
            return;
        };
        let span = debug_span!("push", uri = %push.uri());
        let handled = handler.call(push);
        let run = async move {
            if let Err(error) = handled.await {
                let error: BoxError = error.into();
                debug!(error = &*error, "a push was not handled");
            }
        };
        tokio::spawn(run.instrument(span));
    }
}

impl<S: fmt::Debug, H> fmt::Debug for PushService<S, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
