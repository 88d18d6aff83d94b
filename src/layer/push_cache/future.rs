//! One call: waiting for what was pushed, then asking if it will not do.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Request, Response};
use pin_project_lite::pin_project;
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep},
};
use tower::Service;
use tracing::debug;

use super::{
    FromPush, PushCacheBody,
    rules::Circumstances,
    store::{Entry, Settings},
};
use crate::{body::ResponseBody, clock::Moment, error::Error};

/// A push that may answer a request, and was claimed for it. Dropped, it is cancelled.
pub(super) struct Candidate {
    response: Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Error>> + Send>>,
    limit: Pin<Box<Sleep>>,
    circumstances: Circumstances,
    /// The fields of the request.
    asked: HeaderMap,
}

impl Candidate {
    /// `None` outside a runtime, where no time can be kept.
    pub(super) fn new(entry: Entry, asked: &HeaderMap, settings: &Settings) -> Option<Self> {
        Handle::try_current().ok()?;
        let push = entry.push;
        let circumstances = Circumstances {
            promised: push.request(),
            since: Moment::of(push.promised_at()),
            was_open: push.is_open(),
            is_private: settings.is_private,
        };
        Some(Self {
            response: Box::pin(push.response()),
            limit: Box::pin(sleep(settings.max_wait)),
            circumstances,
            asked: asked.clone(),
        })
    }

    /// Waits for the response; `None` if the request has to be sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Response<ResponseBody>>> {
        let uri = self.circumstances.promised.uri();
        let mut response = match self.response.as_mut().poll(cx) {
            Poll::Ready(Ok(response)) => response,
            Poll::Ready(Err(error)) => {
                debug!(%uri, %error, "the push has failed: the request goes out");
                return Poll::Ready(None);
            }
            Poll::Pending => {
                ready!(self.limit.as_mut().poll(cx));
                debug!(%uri, "the push takes too long: the request goes out");
                return Poll::Ready(None);
            }
        };
        if !self.circumstances.admit(&self.asked, &mut response) {
            debug!(%uri, "the push is no answer: the request goes out");
            return Poll::Ready(None);
        }
        response.extensions_mut().insert(FromPush);
        Poll::Ready(Some(response))
    }
}

pin_project! {
    /// The future of a [`PushCache`](super::PushCache)'s call.
    #[must_use = "futures do nothing unless polled"]
    pub struct PushCacheFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        stage: Stage<S, S::Future, B>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<S, F, B> {
        /// For what was pushed; what it takes to ask is kept.
        Waiting { candidate: Candidate, rest: Option<(S, Request<B>)> },
        /// The service behind the cache.
        Asking { #[pin] call: F },
    }
}

impl<S, B> PushCacheFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) const fn waiting(candidate: Candidate, inner: S, request: Request<B>) -> Self {
        let rest = Some((inner, request));
        Self {
            stage: Stage::Waiting { candidate, rest },
        }
    }

    pub(super) const fn asking(call: S::Future) -> Self {
        Self {
            stage: Stage::Asking { call },
        }
    }
}

impl<S, B, R> Future for PushCacheFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<PushCacheBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            match stage.as_mut().project() {
                StageProjection::Asking { call } => {
                    let response = ready!(call.poll(cx))?;
                    return Poll::Ready(Ok(response.map(PushCacheBody::asked)));
                }
                StageProjection::Waiting { candidate, rest } => {
                    let pushed = ready!(candidate.poll(cx));
                    let rest = rest.take();
                    if let Some(response) = pushed {
                        return Poll::Ready(Ok(response.map(PushCacheBody::pushed)));
                    }
                    let Some((mut inner, request)) = rest else {
                        panic!("a call's future was polled after it was ready");
                    };
                    let call = inner.call(request);
                    stage.set(Stage::Asking { call });
                }
            }
        }
    }
}

impl<S, B> fmt::Debug for PushCacheFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Waiting { .. } => "waiting for a push",
            Stage::Asking { .. } => "asking",
        };
        f.debug_struct("PushCacheFuture")
            .field("stage", &stage)
            .finish()
    }
}
