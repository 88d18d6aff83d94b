//! `PushCache`: what is taken in, who is answered, and what is let go of.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::{timeout::TimeoutLayer, trace::TraceLayer};
use towline::{
    ConnectionInfo, Error, Protocols, Transport,
    decode::Decoding,
    layer::{FromPush, PushCache, PushCacheBody, PushCacheLayer, PushLayer},
    push::{Push, Sink},
};

use super::{
    peers::{
        everywhere,
        raw::{self, RawPeer},
        request, servers,
        servers::answer,
    },
    support::{Rig, asking, block_of, promise, pushable, url},
};

pub(crate) const CANCEL: u32 = 8;
pub(crate) const REFUSED: u32 = 7;

pub(crate) const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=60")];

pub(crate) type Cached = PushCacheBody<towline::ResponseBody>;

/// A call on a task of its own.
type Calling = JoinHandle<Result<Response<Cached>, Error>>;

/// A cache over a pipe, and the request of which its pushes are promises.
pub(crate) struct CacheRig {
    pub(crate) cache: PushCache<Transport>,
    pub(crate) peer: RawPeer,
    pub(crate) parent: Calling,
    pub(crate) rig: Rig,
}

impl CacheRig {
    pub(crate) async fn new() -> Self {
        Self::with(PushCacheLayer::new()).await
    }

    pub(crate) async fn with(layer: PushCacheLayer) -> Self {
        let mut rig = Rig::new();
        let cache = layer.layer(rig.transport.clone());
        let parent = tokio::spawn(cache.clone().oneshot(request("GET", &url("/"))));
        let mut peer = rig.peer().await;
        assert_eq!(peer.request().await, 1);
        Self {
            cache,
            peer,
            parent,
            rig,
        }
    }

    /// A call, on its way.
    pub(crate) fn call(&self, request: Request<Empty<Bytes>>) -> Calling {
        tokio::spawn(self.cache.clone().oneshot(request))
    }

    pub(crate) fn get(&self, path: &str) -> Calling {
        self.call(request("GET", &url(path)))
    }

    /// Promises, and sends a whole response.
    pub(crate) async fn push(&mut self, id: u32, path: &str, fields: &[(&str, &str)]) {
        self.peer.promise(1, id, path).await;
        self.peer
            .respond_with(id, fields, &format!("push {id}"))
            .await;
        self.peer.until_quiet().await;
    }

    /// The request is answered from the push, without a word to the server.
    pub(crate) async fn answers(&mut self, request: Request<Empty<Bytes>>) -> Response<Bytes> {
        let response = self.call(request).await.unwrap().unwrap();
        assert!(response.extensions().get::<FromPush>().is_some());
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_eq!(self.peer.requests().await, []);
        Response::from_parts(parts, body)
    }

    /// The request goes to the server, on this stream; how it resets others meanwhile.
    pub(crate) async fn asks(
        &mut self,
        stream: u32,
        request: Request<Empty<Bytes>>,
    ) -> Vec<(u32, u32)> {
        let calling = self.call(request);
        let frames = self.peer.until_quiet().await;
        let heads = frames.iter().filter(|frame| frame.kind == raw::HEADERS);
        let heads: Vec<_> = heads.map(|head| head.stream).collect();
        assert_eq!(heads, [stream]);
        self.peer.respond(stream, "asked").await;
        let response = calling.await.unwrap().unwrap();
        assert!(response.extensions().get::<FromPush>().is_none());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "asked");
        let resets = frames.iter().filter(|frame| frame.kind == raw::RST_STREAM);
        resets.map(|reset| (reset.stream, reset.number())).collect()
    }
}

/// GET of `/one`.
pub(crate) fn one() -> Request<Empty<Bytes>> {
    request("GET", &url("/one"))
}

/// The same with a field.
pub(crate) fn one_with(name: &'static str, value: &'static str) -> Request<Empty<Bytes>> {
    let mut request = one();
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[test]
fn a_request_is_answered_from_a_push_once() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let path = request.uri().path().to_owned();
            if path != "/" {
                return answer(&mut respond, format!("asked for {path}"));
            }
            let mut promised = promise(&mut respond, &request, "/one");
            let mut head = servers::status(200);
            let fresh = "max-age=60".parse().unwrap();
            head.headers_mut().insert("cache-control", fresh);
            let mut body = promised.send_response(head, false).unwrap();
            body.send_data(Bytes::from_static(b"pushed"), true).unwrap();
            answer(&mut respond, "well");
        })
        .await;
        let service = ServiceBuilder::new()
            .layer(PushCacheLayer::new())
            .layer(TraceLayer::new_for_http())
            .layer(TimeoutLayer::with_status_code(
                StatusCode::GATEWAY_TIMEOUT,
                Duration::from_secs(60),
            ))
            .service(pushable(wire));
        let get = |path: &str| {
            let call = service.clone().oneshot(request("GET", &server.url(path)));
            async move {
                let response = call.await.unwrap();
                let is_pushed = response.extensions().get::<FromPush>().is_some();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                (is_pushed, String::from_utf8(body.to_vec()).unwrap())
            }
        };
        assert_eq!(get("/").await, (false, "well".to_owned()));
        // `fulfil` says nothing of freshness: without it, only what is still coming is used.
        let (is_pushed, body) = get("/one").await;
        let expected = if is_pushed {
            "pushed"
        } else {
            "asked for /one"
        };
        assert_eq!(body, expected);
        assert_eq!(get("/one").await, (false, "asked for /one".to_owned()));
        assert_eq!(server.accepted(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_fresh_answers_once() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", FRESH).await;
    t.push(4, "/two?q", FRESH).await;
    assert_eq!(t.cache.store().len(), 2);
    let response = t.answers(one()).await;
    assert_eq!(
        (response.status(), response.body().as_ref()),
        (StatusCode::OK, &b"push 2"[..])
    );
    let info = response.extensions().get::<ConnectionInfo>().unwrap();
    assert_eq!(info.stream_id().unwrap().as_u32(), 2);
    assert_eq!(t.asks(3, one()).await, []);
    // The same netloc by another name; another query is another resource.
    t.asks(5, request("GET", &url("/two"))).await;
    let same = request("GET", "HTTP://PEER.test:80/two?q");
    assert_eq!(t.answers(same).await.body(), "push 4");
    assert!(t.cache.store().is_empty());
}

/// While it is on its way, the request waits; nothing is asked for twice.
#[tokio::test(start_paused = true)]
async fn a_request_waits_for_what_was_promised() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.until_quiet().await;
    let mut first = t.get("/one");
    assert_eq!(t.peer.requests().await, []);
    assert!((&mut first).now_or_never().is_none());
    // A push answers one: the second asks.
    let second = t.get("/one");
    assert_eq!(t.peer.requests().await, [3]);
    t.peer.respond(3, "asked").await;
    t.peer.respond(2, "pushed").await;
    for (calling, is_pushed, text) in [(first, true, "pushed"), (second, false, "asked")] {
        let response = calling.await.unwrap().unwrap();
        assert_eq!(response.extensions().get::<FromPush>().is_some(), is_pushed);
        let mut body = response.into_body().into_inner();
        assert_eq!(body.read_all(100).await.unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_that_fails_is_asked_for_instead() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.until_quiet().await;
    let calling = t.get("/one");
    assert_eq!(t.peer.requests().await, []);
    t.peer.reset(2, 2).await;
    assert_eq!(t.peer.request().await, 3);
    t.peer.respond(3, "asked").await;
    let response = calling.await.unwrap().unwrap();
    assert!(response.extensions().get::<FromPush>().is_none());
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "asked"
    );
}

/// With the connection, too: on another one.
#[tokio::test(start_paused = true)]
async fn a_push_whose_connection_breaks_is_asked_for_on_another() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.until_quiet().await;
    let calling = t.get("/one");
    assert_eq!(t.peer.requests().await, []);
    drop(t.peer);
    let mut peer = t.rig.peer().await;
    assert_eq!(peer.request().await, 1);
    peer.respond(1, "asked").await;
    let response = calling.await.unwrap().unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "asked"
    );
    t.parent.await.unwrap().unwrap_err();
}

/// Once its head was used, the body fails as it does: nothing can be asked for again.
#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_says_so() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.head_with(2, 0, FRESH).await;
    t.peer.until_quiet().await;
    let response = t.get("/one").await.unwrap().unwrap();
    t.peer.reset(2, 2).await;
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(error.kind(), towline::error::Kind::Reset);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_takes_too_long_is_cancelled_and_asked_for() {
    let layer = PushCacheLayer::new().max_wait(Duration::from_secs(2));
    let mut t = CacheRig::with(layer).await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.until_quiet().await;
    let calling = t.get("/one");
    t.peer.until_quiet().await;
    tokio::time::advance(Duration::from_millis(1_999)).await;
    assert_eq!(t.peer.requests().await, []);
    tokio::time::advance(Duration::from_millis(1)).await;
    let frames = t.peer.until_quiet().await;
    let kinds: Vec<_> = frames
        .iter()
        .map(|frame| (frame.kind, frame.stream))
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&(raw::RST_STREAM, 2)) && kinds.contains(&(raw::HEADERS, 3)));
    t.peer.respond(3, "asked").await;
    calling.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_cancels_the_push() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/one").await;
    t.peer.until_quiet().await;
    let calling = t.get("/one");
    assert_eq!(t.peer.requests().await, []);
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    assert_eq!(t.peer.resets().await, [(2, CANCEL)]);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_wait_and_the_oldest_goes_first() {
    let mut t = CacheRig::with(PushCacheLayer::new().max_entries(2)).await;
    for (id, path) in [(2, "/a"), (4, "/b"), (6, "/c")] {
        t.peer.promise(1, id, path).await;
    }
    assert_eq!(t.peer.resets().await, [(2, CANCEL)]);
    // The same again takes the place of the one before.
    t.peer.promise(1, 8, "/c").await;
    assert_eq!(t.peer.resets().await, [(6, CANCEL)]);
    assert_eq!(t.cache.store().len(), 2);
    t.cache.store().clear();
    let mut resets = t.peer.resets().await;
    resets.sort_unstable();
    assert_eq!(resets, [(4, CANCEL), (8, CANCEL)]);

    let mut none = CacheRig::with(PushCacheLayer::new().max_entries(0)).await;
    none.peer.promise(1, 2, "/a").await;
    assert_eq!(none.peer.resets().await, [(2, CANCEL)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_is_cancelled_in_time() {
    let mut t = CacheRig::with(PushCacheLayer::new().max_age(Duration::from_secs(10))).await;
    t.peer.promise(1, 2, "/a").await;
    t.peer.until_quiet().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    t.peer.promise(1, 4, "/b").await;
    assert_eq!(t.peer.resets().await, []);
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(t.peer.resets().await, [(2, CANCEL)]);
    tokio::time::advance(Duration::from_millis(5_999)).await;
    assert_eq!(t.peer.resets().await, []);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(t.peer.resets().await, [(4, CANCEL)]);
    // After a pause of the task's.
    t.peer.promise(1, 6, "/c").await;
    t.peer.until_quiet().await;
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(t.peer.resets().await, [(6, CANCEL)]);
}

#[tokio::test(start_paused = true)]
async fn with_the_cache_goes_what_waits_in_it() {
    let mut t = CacheRig::new().await;
    t.peer.promise(1, 2, "/a").await;
    t.peer.until_quiet().await;
    drop(t.cache);
    assert_eq!(t.peer.resets().await, [(2, CANCEL)]);
    // The request that brought it goes on, and nobody takes what is promised to it.
    t.peer.promise(1, 4, "/b").await;
    assert_eq!(t.peer.resets().await, [(4, REFUSED)]);
    t.peer.respond(1, "well").await;
    t.parent.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn leaving_the_response_leaves_what_was_taken_in() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", FRESH).await;
    t.parent.abort();
    assert_eq!(t.peer.resets().await, [(1, CANCEL)]);
    assert_eq!(t.answers(one()).await.body(), "push 2");
}

/// A head is answered from the promise of a head, and only that.
#[tokio::test(start_paused = true)]
async fn the_method_is_that_of_the_promise() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", FRESH).await;
    t.asks_head(3).await;
    let head = block_of("HEAD", "peer.test", "/one");
    t.peer.promise_block(1, 4, &head).await;
    t.peer.head_with(4, raw::END_STREAM, FRESH).await;
    t.peer.until_quiet().await;
    assert_eq!(t.cache.store().len(), 2);
    assert_eq!(t.answers(request("HEAD", &url("/one"))).await.body(), "");
    assert_eq!(t.answers(one()).await.body(), "push 2");
}

impl CacheRig {
    async fn asks_head(&mut self, stream: u32) {
        let calling = self.call(request("HEAD", &url("/one")));
        assert_eq!(self.peer.requests().await, [stream]);
        self.peer.head(stream, raw::END_STREAM).await;
        calling.await.unwrap().unwrap();
    }
}

/// RFC 9111 §4.4.
#[tokio::test(start_paused = true)]
async fn an_unsafe_request_makes_what_waits_for_its_url_invalid() {
    let mut t = CacheRig::new().await;
    for (id, path) in [(2, "/one"), (4, "/two")] {
        t.peer.promise(1, id, path).await;
    }
    t.peer.until_quiet().await;
    let mut unsafe_request = one();
    *unsafe_request.method_mut() = Method::DELETE;
    assert_eq!(t.asks(3, unsafe_request).await, [(2, CANCEL)]);
    let mut safe = request("OPTIONS", &url("/two"));
    *safe.method_mut() = Method::OPTIONS;
    assert_eq!(t.asks(5, safe).await, []);
    assert_eq!(t.cache.store().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sink_of_the_callers_own_stays() {
    let mut t = CacheRig::new().await;
    let (request, mut pushes) = asking(&url("/other"));
    let _calling = t.call(request);
    assert_eq!(t.peer.request().await, 3);
    t.peer.promise(3, 2, "/one").await;
    assert_eq!(pushes.next().await.unwrap().path(), "/one");
    assert!(t.cache.store().is_empty());
}

/// The request that is answered brings promises when it has to be sent after all.
#[tokio::test(start_paused = true)]
async fn what_is_promised_to_a_request_that_had_to_be_sent_is_taken_in() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", &[]).await;
    let calling = t.get("/one");
    assert_eq!(t.peer.request().await, 3);
    t.peer.promise(3, 4, "/two").await;
    t.peer.respond(3, "asked").await;
    calling.await.unwrap().unwrap();
    t.peer.until_quiet().await;
    assert_eq!(t.cache.store().len(), 1);
}

/// Under a `PushLayer` the handler says what the cache gets.
#[tokio::test(start_paused = true)]
async fn a_handler_may_hand_pushes_over() {
    let mut rig = Rig::new();
    let layer = PushCacheLayer::new().max_age(Duration::from_secs(10));
    let cache = layer.layer(rig.transport.clone());
    let store = cache.store();
    let handler = {
        let store = store.clone();
        move |push: Push| {
            if push.path() == "/one" {
                store.put(push);
            }
            std::future::ready(())
        }
    };
    let mut service = ServiceBuilder::new()
        .layer(PushLayer::new(handler))
        .service(cache);
    let _parent = tokio::spawn(service.call(request("GET", &url("/"))));
    let mut peer = rig.peer().await;
    peer.request().await;
    peer.promise(1, 2, "/dropped").await;
    peer.promise(1, 4, "/one").await;
    peer.respond_with(4, FRESH, "pushed").await;
    assert_eq!(peer.resets().await, [(2, CANCEL)]);
    let response = service.call(one()).await.unwrap();
    assert!(response.extensions().get::<FromPush>().is_some());
    // The time of what was handed over is kept, too, when no timer has run for long.
    tokio::time::advance(Duration::from_secs(11)).await;
    peer.until_quiet().await;
    peer.promise(1, 6, "/one").await;
    assert_eq!((peer.resets().await, store.len()), (vec![], 1));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(peer.resets().await, [(6, CANCEL)]);
    assert!(format!("{service:?}").contains("PushStore"));
}

/// A task goes with its runtime, and is missed by the next request; without one, nothing is taken in.
#[test]
fn it_works_outside_a_runtime_and_after_one() {
    let (sinks, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let inner = tower::service_fn(move |request: Request<Empty<Bytes>>| {
        let sink = request.extensions().get::<Sink>().cloned();
        sinks.send(sink).unwrap();
        async { Ok::<_, Error>(Response::new(())) }
    });
    let mut cache = PushCacheLayer::new().layer(inner);
    drop(cache.call(one()));
    assert!(seen.try_recv().unwrap().is_none());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let entered = runtime.enter();
        drop(cache.call(one()));
        drop(entered);
        let sink = seen.try_recv().unwrap().unwrap();
        assert!(!sink.is_closed());
        runtime.block_on(tokio::task::yield_now());
        drop(runtime);
        assert!(sink.is_closed());
    }
}

/// Requests that want something special are asked for, and leave the push for others.
#[tokio::test(start_paused = true)]
async fn requests_that_a_push_may_not_answer_are_passed_on() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", FRESH).await;
    let mut stream = 3;
    for (name, value) in [
        ("range", "bytes=0-3"),
        ("if-none-match", "\"a\""),
        ("if-match", "\"a\""),
        ("if-modified-since", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ("if-unmodified-since", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ("if-range", "\"a\""),
        ("cache-control", "max-age=5"),
        ("pragma", "no-cache"),
        ("authorization", "Basic YTpi"),
        ("proxy-authorization", "Basic YTpi"),
        ("cookie", "a=b"),
        ("host", "peer.test"),
    ] {
        assert_eq!(t.asks(stream, one_with(name, value)).await, [], "{name}");
        stream += 2;
    }
    let mut undecoded = one();
    undecoded.extensions_mut().insert(Decoding::Off);
    t.asks(stream, undecoded).await;
    assert_eq!(t.answers(one()).await.body(), "push 2");
}

/// Octets of a request's own are nothing that a push could answer; nor is HTTP/1.1.
#[tokio::test(start_paused = true)]
async fn requests_with_content_or_for_another_protocol_are_passed_on() {
    let mut t = CacheRig::new().await;
    t.push(2, "/one", FRESH).await;
    let with_content = one().map(|_| Full::<Bytes>::from("much"));
    let calling = tokio::spawn(t.cache.clone().oneshot(with_content));
    assert_eq!(t.peer.requests().await, [3]);
    calling.abort();
    let mut http1 = one();
    http1.extensions_mut().insert(Protocols::Http1);
    let calling = t.call(http1);
    drop(t.rig.stream().await);
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.stream_id(), None, "a connection of its own");
    assert_eq!(t.answers(one()).await.body(), "push 2");
}
