//! How requests get to the chosen service: readiness, errors, cancellation, and other types.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt, poll};
use http::{Request, Response, Uri, header};
use http_body_util::{Empty, Full};
use tokio::sync::Notify;
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt,
    limit::ConcurrencyLimit,
    service_fn,
    util::{BoxCloneSyncService, MapErr},
};
use towline::{Mounts, ResponseBody, Transport};

/// Answers with its name.
#[derive(Clone)]
struct Named(&'static str);

impl<B> Service<Request<B>> for Named {
    type Response = Response<&'static str>;
    type Error = Infallible;
    type Future = Ready<Result<Response<&'static str>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        ready(Ok(Response::new(self.0)))
    }
}

/// Is never ready, or fails to be.
#[derive(Clone)]
struct Unready {
    fails: bool,
    /// A clone for each that is still there.
    alive: Arc<()>,
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl<B> Service<Request<B>> for Unready {
    type Response = Response<&'static str>;
    type Error = Broken;
    type Future = Ready<Result<Response<&'static str>, Broken>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self.fails {
            true => Poll::Ready(Err(Broken)),
            false => Poll::Pending,
        }
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        panic!("called without being ready")
    }
}

fn request(uri: &str) -> Request<()> {
    Request::get(uri).body(()).expect("a valid request")
}

/// What a service answers that needs not wait.
fn answer<S, T>(service: S, request: Request<()>) -> T
where
    S: Service<Request<()>, Response = Response<T>>,
    S::Error: fmt::Debug,
{
    let answer = service.oneshot(request).now_or_never();
    let answer = answer.expect("ready at once").expect("no failure");
    answer.into_body()
}

/// With whichever error the others have.
fn never_fails<S, E>(service: S) -> MapErr<S, fn(Infallible) -> E> {
    MapErr::new(service, |never| match never {})
}

#[test]
fn each_request_goes_to_the_service_of_its_uri() {
    let mounts = Mounts::new(Named("fallback"))
        .mount("https://h.test", Named("host"))
        .and_then(|mounts| mounts.mount("https://h.test/v2", Named("v2")))
        .expect("prefixes");
    assert_eq!(answer(mounts.clone(), request("https://h.test/v2/x")), "v2");
    assert_eq!(answer(mounts.clone(), request("https://h.test/")), "host");
    assert_eq!(answer(mounts.clone(), request("/v2")), "fallback");
    // The URI alone counts: neither the method nor `host` does.
    let mut lying = request("https://other.test/v2");
    let host = header::HeaderValue::from_static("h.test");
    lying.headers_mut().insert(header::HOST, host);
    assert_eq!(answer(mounts.clone(), lying), "fallback");
    let mut tunnel = request("https://h.test/v2");
    *tunnel.method_mut() = http::Method::CONNECT;
    assert_eq!(answer(mounts.clone(), tunnel.clone()), "v2");
    *tunnel.uri_mut() = Uri::from_static("h.test:443");
    assert_eq!(answer(mounts, tunnel), "fallback");
}

#[test]
fn the_mounted_service_sees_the_uri_as_it_was() {
    let echo = service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.uri().to_string()))
    });
    let mounts = Mounts::new(echo).mount("https://h.test/v2", echo);
    let uri = "https://me@h.test:443/%76%32/x?q";
    assert_eq!(answer(mounts.expect("a prefix"), request(uri)), uri);
}

#[tokio::test]
async fn a_busy_service_delays_only_its_own_requests() {
    let release = Arc::new(Notify::new());
    let waiting = {
        let release = Arc::clone(&release);
        service_fn(move |_request: Request<()>| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                Ok::<_, Infallible>(Response::new("busy"))
            }
        })
    };
    let mut mounts = Mounts::boxed(Named("fallback"))
        .mount_boxed("https://busy.test", ConcurrencyLimit::new(waiting, 1))
        .expect("a prefix");

    let mut first = mounts.call(request("https://busy.test/1"));
    assert!(poll!(&mut first).is_pending());
    let mut second = mounts.call(request("https://busy.test/2"));
    assert!(poll!(&mut second).is_pending());
    // Nobody else notices.
    let is_ready = mounts.ready().now_or_never();
    assert!(is_ready.is_some());
    assert_eq!(answer(mounts, request("https://h.test/")), "fallback");

    // One permit to go on: for the first, since the second was not let in.
    release.notify_one();
    assert!(poll!(&mut first).is_ready());
    drop(first);
    assert!(poll!(&mut second).is_pending());
    release.notify_one();
    let response = second.await.expect("no failure");
    assert_eq!(response.into_body(), "busy");
}

#[tokio::test]
async fn a_service_that_fails_to_get_ready_fails_only_its_own_requests() {
    let broken = Unready {
        fails: true,
        alive: Arc::default(),
    };
    let mut mounts = Mounts::boxed(never_fails(Named("fallback")))
        .mount_boxed("https://broken.test", broken)
        .expect("a prefix");
    let failure = mounts.call(request("https://broken.test/")).await;
    assert_eq!(failure.expect_err("is broken"), Broken);
    assert_eq!(answer(mounts, request("https://h.test/")), "fallback");
}

#[tokio::test]
async fn a_call_that_is_dropped_takes_its_clone_with_it() {
    let alive = Arc::new(());
    let unready = Unready {
        fails: false,
        alive: Arc::clone(&alive),
    };
    let mut mounts = Mounts::new(unready);
    assert_eq!(Arc::strong_count(&alive), 2);
    let mut call = mounts.call(request("https://h.test/"));
    assert!(poll!(&mut call).is_pending());
    assert_eq!(Arc::strong_count(&alive), 3);
    drop(call);
    assert_eq!(Arc::strong_count(&alive), 2);
    let _: &Arc<()> = &mounts.service_of(&Uri::from_static("/")).alive;
}

#[tokio::test]
async fn a_request_under_way_survives_its_mount() {
    let release = Arc::new(Notify::new());
    let slow = {
        let release = Arc::clone(&release);
        service_fn(move |_request: Request<()>| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                Ok::<_, Infallible>(Response::new("slow"))
            }
        })
    };
    let prefix = "https://slow.test".parse().expect("a prefix");
    let mut mounts = Mounts::boxed(Named("fallback"));
    let replaced = mounts.insert(Clone::clone(&prefix), BoxCloneSyncService::new(slow));
    assert!(replaced.is_none());
    let mut call = mounts.call(request("https://slow.test/"));
    assert!(poll!(&mut call).is_pending());
    assert!(mounts.remove(&prefix).is_some());
    assert_eq!(answer(mounts, request("https://slow.test/")), "fallback");
    release.notify_one();
    assert_eq!(call.await.expect("no failure").into_body(), "slow");
}

#[test]
fn mounts_stand_under_layers_and_within_mounts() {
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    let inner = Mounts::new(Named("other path")).mount("https://h.test/v2", Named("v2"));
    let mounts = Mounts::boxed(Named("fallback"))
        .mount_boxed("https://h.test", inner.expect("a prefix"))
        .expect("a prefix");
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<()>| {
            count.fetch_add(1, Ordering::Relaxed);
            request
        })
        .concurrency_limit(4)
        .service(mounts);
    assert_eq!(answer(service.clone(), request("https://h.test/v2")), "v2");
    assert_eq!(
        answer(service.clone(), request("https://h.test/v3")),
        "other path"
    );
    assert_eq!(answer(service, request("https://g.test/")), "fallback");
    assert_eq!(counted.load(Ordering::Relaxed), 3);
}

/// What callers may rely on.
fn is_usable<S, B>(service: S) -> S
where
    S: Service<Request<B>, Response = Response<ResponseBody>, Error = towline::Error>,
    S: Clone + Send + Sync + fmt::Debug + 'static,
    S::Future: Send + 'static,
{
    service
}

#[test]
fn mounted_transports_take_every_body_and_go_wherever_a_transport_goes() {
    let mounts = Mounts::new(Transport::new()).mount("https://h.test", Transport::new());
    let mounts = is_usable::<_, Empty<Bytes>>(mounts.expect("a prefix"));
    let mounts = is_usable::<_, Full<Bytes>>(mounts);
    let boxed = Mounts::boxed(mounts).mount_boxed("https://g.test", Transport::new());
    is_usable::<_, Empty<Bytes>>(boxed.expect("a prefix"));
}

#[tokio::test]
async fn the_error_is_that_of_the_service() {
    let failing = service_fn(async |_request: Request<()>| Err(BoxError::from(Broken)));
    let mounts = Mounts::boxed(never_fails(Named("fallback")))
        .mount_boxed("https://h.test", failing)
        .expect("a prefix");
    let failure = mounts.oneshot(request("https://h.test/")).await;
    let failure = failure.expect_err("fails always");
    assert!(failure.is::<Broken>(), "{failure:?}");
}
