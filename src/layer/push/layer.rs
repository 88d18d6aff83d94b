//! The layer, and handlers that are functions.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use tower::{Layer, Service};

use super::PushService;
use crate::push::Push;

/// Hands what servers push, in answer to the requests that pass through, to a handler.
///
/// ```
/// use towline::{Transport, layer::PushLayer, push::Push};
/// use tower::ServiceBuilder;
///
/// let transport = Transport::builder().push(true).build();
/// let service = ServiceBuilder::new()
///     .layer(PushLayer::new(|push: Push| async move {
///         println!("{} is pushed", push.uri());
///         match push.response().await {
///             Ok(response) => println!("{}", response.status()),
///             Err(error) => println!("{error}"),
///         }
///     }))
///     .service(transport);
/// # let _ = service;
/// ```
///
/// It puts a [`push::Sink`](crate::push::Sink) into each request's extensions, and so works through
/// any other middleware between it and the transport. A sink that is there already stays, and takes
/// the pushes to that request alone. The transport must [let servers
/// push](crate::TransportBuilder::push).
///
/// **Who runs the handler.** A task that is spawned with the first request, on the runtime of its
/// caller, and serves all clones of the service. It takes pushes in the order in which they come,
/// from all connections, and spawns a task for each future that the handler returns, so that one
/// that is slow holds up no other. It takes the next push once the handler is ready: a service says
/// so itself, a function always is. What waits meanwhile is bounded, and cancelled beyond that, as
/// all pushes are that nobody has asked for ([`http2::Limits`](crate::http2::Limits)).
///
/// **Cancellation.** A push that has been handed over is the handler's: dropping the response to the
/// request, or the service, does not touch it. Dropping the response before its end cancels those
/// that wait for the handler. Once the service and its clones are dropped, and the requests that went
/// through it are over, the task ends.
#[derive(Clone)]
pub struct PushLayer<H> {
    handler: H,
}

impl<F> PushLayer<PushHandler<F>> {
    /// Each push goes to a function, whose future is run to its end.
    pub const fn new<R>(handler: F) -> Self
    where
        F: FnMut(Push) -> R + Clone + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::with_service(PushHandler { handler })
    }
}

impl<H> PushLayer<H> {
    /// Each push goes to a service. Its responses are dropped, its errors are logged; after one from
    /// `poll_ready` a clone of it is put to work with the next request.
    pub const fn with_service(handler: H) -> Self {
        Self { handler }
    }
}

impl<S, H: Clone> Layer<S> for PushLayer<H> {
    type Service = PushService<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        PushService::new(inner, self.handler.clone())
    }
}

impl<H> fmt::Debug for PushLayer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushLayer").finish_non_exhaustive()
    }
}

/// A function as a service that takes pushes.
#[derive(Clone)]
pub struct PushHandler<F> {
    handler: F,
}

impl<F, R> Service<Push> for PushHandler<F>
where
    F: FnMut(Push) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    type Response = ();
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, push: Push) -> Self::Future {
        let handled = (self.handler)(push);
        Box::pin(async move {
            handled.await;
            Ok(())
        })
    }
}

impl<F> fmt::Debug for PushHandler<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushHandler").finish_non_exhaustive()
    }
}
