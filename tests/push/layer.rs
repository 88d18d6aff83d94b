//! `PushLayer`: who gets what, and when.

use std::{
    convert::Infallible,
    future::Ready,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, header::USER_AGENT};
use http_body_util::{BodyExt, Empty};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower::{Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer, service_fn};
use tower_http::{set_header::SetRequestHeaderLayer, timeout::TimeoutLayer, trace::TraceLayer};
use towline::{
    Transport,
    error::Kind,
    layer::{PushHandler, PushLayer},
    push::{self, Push},
};

use super::{
    peers::{
        everywhere, request,
        servers::{self, answer},
        soon,
    },
    support::{Rig, asking, fulfil, promise, pushable, pushed_text, url},
};

const CANCEL: u32 = 8;
const REFUSED: u32 = 7;

/// A handler that passes pushes on to the test.
fn passing_on(
    sender: UnboundedSender<Push>,
) -> PushLayer<PushHandler<impl FnMut(Push) -> Ready<()> + Clone + Send + 'static>> {
    PushLayer::new(move |push| {
        let _gone = sender.send(push);
        std::future::ready(())
    })
}

#[test]
fn pushes_reach_the_handler_through_any_middleware() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            assert_eq!(request.headers()[USER_AGENT], "middle");
            let one = promise(&mut respond, &request, "/one");
            let two = promise(&mut respond, &request, "/two");
            answer(&mut respond, "well");
            fulfil(one, "1");
            fulfil(two, "2");
        })
        .await;
        let (sender, mut handed) = unbounded_channel();
        let layer = passing_on(sender);
        let agent = HeaderValue::from_static("middle");
        let service = ServiceBuilder::new()
            .layer(layer)
            .layer(TraceLayer::new_for_http())
            .layer(ConcurrencyLimitLayer::new(5))
            .layer(TimeoutLayer::with_status_code(
                http::StatusCode::GATEWAY_TIMEOUT,
                Duration::from_secs(60),
            ))
            .layer(SetRequestHeaderLayer::overriding(USER_AGENT, agent))
            .service(pushable(wire));
        for _ in 0..2 {
            let request = request("GET", &server.url("/"));
            let response = service.clone().oneshot(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "well");
            for (path, text) in [("/one", "1"), ("/two", "2")] {
                let push = soon(handed.recv()).await.unwrap();
                assert_eq!(push.path(), path);
                assert_eq!(pushed_text(push).await.unwrap(), text);
            }
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_there_already_stays() {
    let mut rig = Rig::new();
    let (sender, mut handed) = unbounded_channel();
    let layer = passing_on(sender);
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(rig.transport.clone());
    let (request, mut pushes) = asking(&url("/"));
    let _calling = tokio::spawn(service.clone().oneshot(request));
    let mut peer = rig.peer().await;
    assert_eq!(peer.request().await, 1);
    let _other = tokio::spawn(service.oneshot(super::peers::request("GET", &url("/"))));
    assert_eq!(peer.request().await, 3);
    peer.promise(1, 2, "/mine").await;
    peer.promise(3, 4, "/other").await;
    assert_eq!(pushes.next().await.unwrap().path(), "/mine");
    assert_eq!(handed.recv().await.unwrap().path(), "/other");
    assert!(handed.try_recv().is_err() && pushes.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_slow_or_panics_holds_up_no_other() {
    let mut rig = Rig::new();
    let (sender, mut handed) = unbounded_channel();
    let handler = move |push: Push| {
        let sender: UnboundedSender<Push> = sender.clone();
        async move {
            match push.path() {
                "/slow" => std::future::pending().await,
                "/panics" => panic!("as a test wants it"),
                _ => sender.send(push).unwrap(),
            }
        }
    };
    let service = ServiceBuilder::new()
        .layer(PushLayer::new(handler))
        .service(rig.transport.clone());
    let _calling = tokio::spawn(service.oneshot(request("GET", &url("/"))));
    let mut peer = rig.peer().await;
    peer.request().await;
    for (id, path) in [(2, "/slow"), (4, "/panics"), (6, "/quick")] {
        peer.promise(1, id, path).await;
    }
    let quick = handed.recv().await.unwrap();
    assert_eq!(quick.path(), "/quick");
    assert_eq!(peer.resets().await, [(4, CANCEL)], "gone with its task");
}

/// What has been handed over is the handler's; what waits for it goes with the response.
#[tokio::test(start_paused = true)]
async fn a_service_takes_pushes_as_it_is_ready_and_keeps_them() {
    let mut rig = Rig::new();
    let (sender, mut handed) = unbounded_channel();
    let handler = service_fn(move |push: Push| {
        let sender: UnboundedSender<Push> = sender.clone();
        async move {
            sender.send(push).unwrap();
            std::future::pending::<Result<(), Infallible>>().await
        }
    });
    let handler = ServiceBuilder::new().concurrency_limit(1).service(handler);
    let service = ServiceBuilder::new()
        .layer(PushLayer::with_service(handler))
        .service(rig.transport.clone());
    let calling = tokio::spawn(service.clone().oneshot(request("GET", &url("/"))));
    let mut peer = rig.peer().await;
    peer.request().await;
    peer.promise(1, 2, "/handed").await;
    peer.promise(1, 4, "/waits").await;
    let push = handed.recv().await.unwrap();
    assert_eq!(peer.resets().await, []);
    assert!(handed.try_recv().is_err());
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    let mut resets = peer.resets().await;
    resets.sort_unstable();
    assert_eq!(resets, [(1, CANCEL), (4, CANCEL)]);
    peer.respond(2, "handed").await;
    assert_eq!(pushed_text(push).await.unwrap(), "handed");
}

/// Fails as it is told to, by what is asked for.
#[derive(Clone)]
struct Failing {
    handed: UnboundedSender<Push>,
    is_broken: Arc<Mutex<bool>>,
}

impl Service<Push> for Failing {
    type Response = ();
    type Error = &'static str;
    type Future = Ready<Result<(), &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        let is_broken = std::mem::take(&mut *self.is_broken.lock().unwrap());
        Poll::Ready(if is_broken { Err("broken") } else { Ok(()) })
    }

    fn call(&mut self, push: Push) -> Self::Future {
        *self.is_broken.lock().unwrap() = push.path() == "/breaks";
        let is_failure = push.path() == "/fails";
        self.handed.send(push).unwrap();
        std::future::ready(if is_failure { Err("failed") } else { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_broken_is_put_to_work_again_with_the_next_request() {
    let mut rig = Rig::new();
    let (sender, mut handed) = unbounded_channel();
    let handler = Failing {
        handed: sender,
        is_broken: Arc::default(),
    };
    let service = ServiceBuilder::new()
        .layer(PushLayer::with_service(handler))
        .service(rig.transport.clone());
    let _first = tokio::spawn(service.clone().oneshot(request("GET", &url("/"))));
    let mut peer = rig.peer().await;
    assert_eq!(peer.request().await, 1);
    for (id, path) in [(2, "/fails"), (4, "/breaks")] {
        peer.promise(1, id, path).await;
        let push = handed.recv().await.unwrap();
        assert_eq!(push.path(), path);
        push.cancel();
    }
    assert_eq!(peer.resets().await, [(2, CANCEL), (4, CANCEL)]);
    peer.promise(1, 6, "/nobody").await;
    assert_eq!(peer.resets().await, [(6, REFUSED)]);
    let _second = tokio::spawn(service.oneshot(request("GET", &url("/"))));
    assert_eq!(peer.request().await, 3);
    peer.promise(3, 8, "/again").await;
    assert_eq!(handed.recv().await.unwrap().path(), "/again");
}

#[tokio::test(start_paused = true)]
async fn the_handler_ends_with_the_service_and_its_requests() {
    let mut rig = Rig::new();
    let (sender, mut handed) = unbounded_channel();
    let layer = passing_on(sender);
    let service = ServiceBuilder::new()
        .layer(&layer)
        .service(rig.transport.clone());
    drop(layer);
    let calling = tokio::spawn(service.oneshot(request("GET", &url("/"))));
    let mut peer = rig.peer().await;
    peer.request().await;
    // The service went with its only call, but that is under way.
    peer.promise(1, 2, "/one").await;
    handed.recv().await.unwrap();
    peer.respond(1, "well").await;
    calling.await.unwrap().unwrap();
    assert!(handed.recv().await.is_none(), "the handler is gone");
}

/// A task goes with its runtime, and is missed by the next request.
#[test]
fn it_works_outside_a_runtime_and_after_one() {
    let (sender, mut handed) = unbounded_channel();
    let layer = passing_on(sender);
    let service = ServiceBuilder::new().layer(layer).service(Transport::new());
    let mut outside = Box::pin(service.oneshot(request("GET", "http://peer.test/")));
    let waker = futures_util::task::noop_waker();
    match outside.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(Err(error)) => assert_eq!(error.kind(), Kind::Shutdown),
        other => panic!("{other:?}"),
    }
    drop(outside);

    let (sinks, mut seen) = unbounded_channel();
    let inner = service_fn(move |request: Request<Empty<Bytes>>| {
        sinks
            .send(request.extensions().get::<push::Sink>().cloned())
            .unwrap();
        async { Ok::<_, Infallible>(()) }
    });
    let layer = passing_on(unbounded_channel().0);
    let mut service = ServiceBuilder::new().layer(layer).service(inner);
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let entered = runtime.enter();
        drop(service.call(request("GET", "http://peer.test/")));
        drop(entered);
        let sink = seen.try_recv().unwrap().unwrap();
        assert!(!sink.is_closed());
        drop(runtime);
        assert!(sink.is_closed());
    }
    assert!(handed.try_recv().is_err());
}
