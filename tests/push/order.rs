//! When promises come, and when they can be taken out: before, amid and after the response.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::StatusCode;
use towline::push::{Push, Pushes};

use super::{
    peers::{
        Server, Wire, call, everywhere, get_text,
        raw::{self, RawPeer},
        request,
        servers::{self, status},
        text,
    },
    support::{Rig, all, asking, fulfil, paths, promise, pushable, pushed_text, url},
};

/// The order of hyper's documentation: a promise, the head, a promise, the content; then the heads
/// that were promised, the later one first.
async fn documented(wire: Wire) -> Server {
    servers::h2(wire, |request, mut respond| async move {
        let one = promise(&mut respond, &request, "/one");
        let mut body = respond.send_response(status(200), false).unwrap();
        let two = promise(&mut respond, &request, "/two");
        body.send_data(Bytes::from_static(b"zero"), true).unwrap();
        fulfil(two, "second");
        fulfil(one, "first");
    })
    .await
}

/// Each call of the documented example, and what it yields.
#[test]
fn the_worked_example() {
    everywhere(|wire| async move {
        let server = documented(wire).await;
        let transport = pushable(wire);
        let (request, mut pushes) = asking(&server.url("/"));
        let response = call(&transport, request);
        // Before anything was sent.
        assert!(pushes.try_next().is_none());
        let response = tokio::spawn(response);
        let pushed = all(&mut pushes).await;
        assert_eq!(paths(&pushed), ["/one", "/two"]);
        let ids: Vec<_> = pushed
            .iter()
            .map(|push| push.stream_id().as_u32())
            .collect();
        assert_eq!(ids, [2, 4]);
        for (push, expected) in pushed.into_iter().zip(["first", "second"]) {
            assert_eq!(pushed_text(push).await.unwrap(), expected);
        }
        let response = response.await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(response).await.unwrap(), "zero");
        assert!(pushes.try_next().is_none());
        assert!(pushes.next().await.is_none());
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn promises_can_be_taken_out_after_the_response_was_read() {
    everywhere(|wire| async move {
        let server = documented(wire).await;
        let transport = pushable(wire);
        let (request, mut pushes) = asking(&server.url("/"));
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "zero");
        // The first was before the head: it is here without waiting.
        let one = pushes.try_next().unwrap();
        let two = pushes.next().await.unwrap();
        assert_eq!((one.path(), two.path()), ("/one", "/two"));
        assert!(pushes.next().await.is_none());
        assert_eq!(pushed_text(two).await.unwrap(), "second");
        assert_eq!(pushed_text(one).await.unwrap(), "first");
    });
}

/// Each step of the documented order, and what is there after it.
#[tokio::test(start_paused = true)]
async fn each_promise_is_there_as_soon_as_its_fields_are() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    assert!(pushes.try_next().is_none());
    peer.promise(1, 2, "/one").await;
    peer.until_quiet().await;
    assert!(!calling.is_finished());
    let one = pushes.try_next().unwrap();
    assert!(pushes.try_next().is_none());
    // A response before that of the request that it came with.
    peer.head(2, 0).await;
    let response = one.response().await.unwrap();
    assert!(!calling.is_finished());

    peer.head(1, 0).await;
    let parent = calling.await.unwrap().unwrap();
    assert!(pushes.try_next().is_none());
    peer.promise(1, 4, "/two").await;
    let two = pushes.next().await.unwrap();
    peer.send(raw::DATA, raw::END_STREAM, 1, b"zero").await;
    assert!(pushes.next().await.is_none());
    peer.send(raw::DATA, raw::END_STREAM, 2, b"first").await;
    peer.respond(4, "second").await;
    assert_eq!(text(response).await.unwrap(), "first");
    assert_eq!(text(parent).await.unwrap(), "zero");
    assert_eq!(pushed_text(two).await.unwrap(), "second");
    assert_eq!(peer.resets().await, []);
}

/// A promise whose fields are cut is there once the last of them is.
#[tokio::test(start_paused = true)]
async fn a_promise_with_continuations_is_there_once_it_is_whole() {
    let mut rig = Rig::new();
    let (mut peer, _calling, mut pushes) = rig.asked().await;
    let block = super::support::block("/one");
    let (first, rest) = block.split_at(4);
    let payload = [&2_u32.to_be_bytes(), first].concat();
    let frames = [
        raw::frame(raw::PUSH_PROMISE, 0, 1, &payload),
        raw::frame(raw::CONTINUATION, 0, 1, &rest[..5]),
    ];
    peer.send_octets(&frames.concat()).await;
    let mut next = Box::pin(pushes.next());
    for _ in 0..10 {
        tokio::task::yield_now().await;
        assert!((&mut next).now_or_never().is_none());
    }
    let last = raw::frame(raw::CONTINUATION, raw::END_HEADERS, 1, &rest[5..]);
    peer.send_octets(&last).await;
    assert_eq!(next.await.unwrap().path(), "/one");
}

/// PU-05, PU-07: in the order of arrival, each once, whatever is abandoned on the way.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_given_twice_by_whoever_stops_waiting() {
    let mut rig = Rig::new();
    let (mut peer, _calling, mut pushes) = rig.asked().await;
    assert!(pushes.next().now_or_never().is_none());
    for (id, path) in [(2, "/a"), (4, "/b"), (6, "/c"), (8, "/d")] {
        peer.promise(1, id, path).await;
    }
    peer.until_quiet().await;
    let first = pushes.by_ref().take(2).collect::<Vec<_>>().await;
    assert_eq!(paths(&first), ["/a", "/b"]);
    // Never polled, and polled with a result that nobody looks at: only the latter takes one out.
    drop(pushes.next());
    let third = pushes.try_next().unwrap();
    assert_eq!(third.path(), "/c");
    assert_eq!(StreamExt::next(&mut pushes).await.unwrap().path(), "/d");
    assert!(pushes.try_next().is_none());
}

#[tokio::test(start_paused = true)]
async fn several_requests_at_once_each_have_their_own() {
    let mut rig = Rig::new();
    let (mut peer, first, mut of_first) = rig.asked().await;
    let (second, mut of_second) = rig.ask("/second");
    assert_eq!(peer.request().await, 3);
    peer.promise(3, 2, "/b").await;
    peer.promise(1, 4, "/a").await;
    peer.promise(3, 6, "/c").await;
    for stream in [6, 1, 4, 3, 2] {
        peer.respond(stream, &stream.to_string()).await;
    }
    let (a, bc) = (all(&mut of_first).await, all(&mut of_second).await);
    assert_eq!((paths(&a), paths(&bc)), (vec!["/a"], vec!["/b", "/c"]));
    let parents = |pushes: &[Push]| -> Vec<u32> {
        let parents = pushes.iter().map(|push| push.parent_id().as_u32());
        parents.collect()
    };
    assert_eq!((parents(&a), parents(&bc)), (vec![1], vec![3, 3]));
    for push in a.into_iter().chain(bc) {
        let expected = push.stream_id().to_string();
        assert_eq!(pushed_text(push).await.unwrap(), expected);
    }
    for (calling, expected) in [(first, "1"), (second, "3")] {
        let response = calling.await.unwrap().unwrap();
        assert_eq!(text(response).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn one_sink_may_serve_several_requests() {
    let mut rig = Rig::new();
    let (sink, mut pushes) = towline::push::channel();
    let ask = |rig: &Rig, path: &str| {
        let mut request = request("GET", &url(path));
        request.extensions_mut().insert(sink.clone());
        tokio::spawn(call(&rig.transport, request))
    };
    let first = ask(&rig, "/");
    let mut peer = rig.peer().await;
    assert_eq!(peer.request().await, 1);
    peer.promise(1, 2, "/a").await;
    peer.respond(1, "first").await;
    first.await.unwrap().unwrap();
    assert_eq!(pushes.next().await.unwrap().parent_id().as_u32(), 1);
    // There may be more: the test has a sink itself.
    assert!(pushes.next().now_or_never().is_none());
    let second = ask(&rig, "/second");
    assert_eq!(peer.request().await, 3);
    peer.promise(3, 4, "/b").await;
    peer.respond(3, "second").await;
    second.await.unwrap().unwrap();
    assert_eq!(pushes.next().await.unwrap().parent_id().as_u32(), 3);
    assert!(!sink.is_closed());
    let ends = tokio::spawn(async move { pushes.next().await.is_none() });
    tokio::task::yield_now().await;
    drop(sink);
    assert!(ends.await.unwrap());
}

/// PU-04, and what a request without a sink says of pushes.
#[test]
fn without_a_sink_promises_are_refused_and_the_decoder_stays_in_step() {
    everywhere(|wire| async move {
        let server = documented(wire).await;
        let transport = pushable(wire);
        for _ in 0..3 {
            let response = get_text(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response, "zero");
        }
        let (request, mut pushes) = asking(&server.url("/"));
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "zero");
        let pushed = all(&mut pushes).await;
        assert_eq!(paths(&pushed), ["/one", "/two"]);
        assert_eq!(server.accepted(), 1);
    });
}

/// As the same, by the octet: at once, as refused, and with the dynamic table in use.
#[tokio::test(start_paused = true)]
async fn what_nobody_wants_is_refused_at_once() {
    let mut rig = Rig::new();
    let call_plain = |rig: &Rig| tokio::spawn(call(&rig.transport, request("GET", &url("/"))));
    let plain = call_plain(&rig);
    let mut peer = rig.peer().await;
    assert_eq!(peer.request().await, 1);
    // RFC 7541 §6.2.1: the authority enters the dynamic table.
    let block = [&[0x82, 0x86, 0x84, 0x41, 9], &b"peer.test"[..]].concat();
    peer.promise_block(1, 2, &block).await;
    assert_eq!(peer.resets().await, [(2, 7)]);
    // What was on its way.
    peer.respond(2, "unwanted").await;
    peer.respond(1, "well").await;
    let response = plain.await.unwrap().unwrap();
    assert_eq!(text(response).await.unwrap(), "well");

    let (calling, mut pushes) = rig.ask("/");
    assert_eq!(peer.request().await, 3);
    peer.promise_block(3, 4, &[0x82, 0x86, 0x84, 0xbe]).await;
    assert_eq!(pushes.next().await.unwrap().authority(), "peer.test");
    peer.respond(3, "well").await;
    calling.await.unwrap().unwrap();
    assert_eq!(peer.resets().await, [(4, 8)], "dropped");
}

/// PU-01, PU-03: with push off, the sink hears of nothing.
#[tokio::test(start_paused = true)]
async fn nothing_is_promised_while_push_is_off() {
    let mut rig = Rig::with(|builder| builder.push(false));
    let (calling, mut pushes) = rig.ask("/");
    let mut peer = rig.peer().await;
    assert_eq!(peer.request().await, 1);
    peer.promise(1, 2, "/one").await;
    // RFC 9113 §8.4: "MUST treat … as a connection error".
    assert_eq!(peer.expect(raw::GOAWAY).await.payload[4..8], [0, 0, 0, 1]);
    assert!(pushes.next().await.is_none());
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), towline::error::Kind::Protocol);
}

/// PU-01: what the client says of it, in its first SETTINGS.
#[tokio::test(start_paused = true)]
async fn the_setting_says_whether_push_is_on() {
    async fn announced(rig: Rig) -> bool {
        let (_calling, _pushes) = rig.ask("/");
        let settings = raw_settings(rig).await;
        let enable_push = settings.chunks(6).find(|entry| entry[..2] == [0, 2]);
        enable_push.expect("it is always said")[5] == 1
    }
    let by_config = |builder: towline::TransportBuilder| {
        let mut config = towline::http2::Config::default();
        config.enable_push = true;
        builder.http2(config)
    };
    assert!(announced(Rig::new()).await);
    assert!(!announced(Rig::with(|builder| builder.push(false))).await);
    assert!(!announced(Rig::with(|builder| by_config(builder).push(false))).await);
    assert!(announced(Rig::with(|builder| by_config(builder).push(true))).await);
    assert!(announced(Rig::unset(by_config)).await);
    assert!(!announced(Rig::unset(|builder| builder)).await);
}

/// The payload of the client's first SETTINGS.
async fn raw_settings(mut rig: Rig) -> Vec<u8> {
    let stream = rig.stream().await;
    RawPeer::settings_of(stream).await
}

/// Over HTTP/1.1 there is nothing to take out, and nothing to wait for.
#[test]
fn http1_has_no_pushes() {
    super::peers::everywhere_http1(|wire| async move {
        let server = servers::hyper(wire, |_| async {
            http::Response::new(http_body_util::Full::<Bytes>::from("well"))
        })
        .await;
        let (request, mut pushes): (_, Pushes) = asking(&server.url("/"));
        let response = call(&pushable(wire), request).await.unwrap();
        assert!(pushes.next().await.is_none());
        assert_eq!(text(response).await.unwrap(), "well");
    });
}
