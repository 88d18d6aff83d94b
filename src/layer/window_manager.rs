//! Who manages the windows of a request's stream.

use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

use crate::http2::flow::{Managers, WindowManagerFactory};

/// Chooses the window manager of the streams of the requests that pass through it, in place of the
/// transport's ([`TransportBuilder::window_manager`](crate::TransportBuilder::window_manager)).
///
/// It puts [`Managers`] into the request's extensions. Where several layers do, the innermost has the
/// last word. Over HTTP/1.1, which has no windows, it says nothing.
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_http::trace::TraceLayer;
/// use towline::{
///     Transport,
///     layer::WindowManagerLayer,
///     window::{Fixed, Scope},
/// };
///
/// // Downloads of this service may fill eight mebibytes each, however near the server is.
/// let service = ServiceBuilder::new()
///     .layer(WindowManagerLayer::new(|_: Scope, _: u32| Fixed::new(8 << 20)))
///     .layer(TraceLayer::new_for_http())
///     .service(Transport::new());
/// # async fn call<S: tower::Service<http::Request<http_body_util::Empty<&'static [u8]>>>>(_: S) {}
/// # let _ = call(service);
/// ```
#[derive(Clone, Debug)]
pub struct WindowManagerLayer {
    managers: Managers,
}

impl WindowManagerLayer {
    /// A layer for the managers that the factory makes, one for each stream.
    pub fn new(factory: impl WindowManagerFactory) -> Self {
        Self {
            managers: Managers::new(factory),
        }
    }
}

impl<S> Layer<S> for WindowManagerLayer {
    type Service = WindowManagerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WindowManagerService {
            inner,
            managers: self.managers.clone(),
        }
    }
}

/// What [`WindowManagerLayer`] makes: a service that marks its requests.
#[derive(Clone, Debug)]
pub struct WindowManagerService<S> {
    inner: S,
    managers: Managers,
}

impl<S, B> Service<Request<B>> for WindowManagerService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(self.managers.clone());
        self.inner.call(request)
    }
}
