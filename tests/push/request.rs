//! What a promise says of the request that it answers.

use std::time::Duration;

use http::{Method, Version};
use towline::http2::StreamId;

use super::support::{Rig, block, block_of, literal};

#[tokio::test(start_paused = true)]
async fn a_push_tells_all_of_its_request() {
    let mut rig = Rig::new();
    let (mut peer, _calling, mut pushes) = rig.asked().await;
    let before = tokio::time::Instant::now().into_std();
    tokio::time::advance(Duration::from_secs(5)).await;
    // `accept-encoding` is the name of entry 16, so an integer of two octets (RFC 7541 §5.1).
    let accept = [&[0x0f, 0x01, 4], &b"gzip"[..]].concat();
    let field = [
        &[0x00, 3],
        &b"x-a"[..],
        &[1],
        b"1",
        &[0x00, 3],
        b"x-a",
        &[1],
        b"2",
    ]
    .concat();
    let block = [block("/a,b?q=1&r=%20"), accept, field].concat();
    peer.promise_block(1, 2, &block).await;
    let push = pushes.next().await.unwrap();
    assert_eq!(push.method(), Method::GET);
    assert_eq!(push.scheme(), "http");
    assert_eq!(push.authority(), "peer.test");
    // PU-09: a comma cuts nothing.
    assert_eq!(push.path(), "/a,b?q=1&r=%20");
    assert_eq!(push.uri(), "http://peer.test/a,b?q=1&r=%20");
    assert_eq!(push.stream_id(), StreamId::from_wire(2));
    assert_eq!(push.parent_id(), StreamId::FIRST);
    assert!(push.is_open());
    assert_eq!(push.promised_at() - before, Duration::from_secs(5));

    // PU-10: without pseudo-header fields.
    let fields = push.request_headers();
    assert_eq!(fields.len(), 3);
    assert!(fields.contains_key("accept-encoding") && !fields.contains_key(":path"));
    let request = push.request();
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri(), push.uri());
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.headers()["accept-encoding"], "gzip");
    assert_eq!(request.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(request.headers().len(), 3);

    let shown = format!("{push:?} {pushes:?}");
    assert!(
        shown.contains("/a,b?q=1") && shown.contains("GET"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_head_is_promised_without_content() {
    let mut rig = Rig::new();
    let (mut peer, _calling, mut pushes) = rig.asked().await;
    peer.promise_block(1, 2, &block_of("HEAD", "peer.test", "/"))
        .await;
    let push = pushes.next().await.unwrap();
    assert_eq!(push.method(), Method::HEAD);
    // `content-length` is the name of entry 28.
    let length = [&[0x88, 0x0f, 13, 4], &b"1000"[..]].concat();
    let flags = super::peers::raw::END_HEADERS | super::peers::raw::END_STREAM;
    peer.send(super::peers::raw::HEADERS, flags, 2, &length)
        .await;
    let response = push.response().await.unwrap();
    assert_eq!(response.headers()["content-length"], "1000");
    let body = response.into_body().read_all(10).await.unwrap();
    assert!(body.is_empty());
}

/// PU-13, PU-14: nobody hears of a promise that must not be, and the connection goes on. Each way to be
/// wrong has its transcript with the engine; here, that the connection's netloc is what counts.
#[tokio::test(start_paused = true)]
async fn promises_for_others_or_of_unsafe_methods_are_reset_unheard() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    let https = [vec![0x87], literal(1, "peer.test"), vec![0x82, 0x84]].concat();
    let wrong = [
        block_of("GET", "other.test", "/a"),
        block_of("GET", "peer.test:8080", "/a"),
        block_of("GET", "peer.test.other.test", "/a"),
        block_of("GET", "me@peer.test", "/a"),
        block_of("POST", "peer.test", "/a"),
        block_of("FOO", "peer.test", "/a"),
        https,
    ];
    let mut id = 2;
    for block in &wrong {
        peer.promise_block(1, id, block).await;
        id += 2;
    }
    // The same netloc by another name.
    for authority in ["PEER.test", "peer.test:80"] {
        peer.promise_block(1, id, &block_of("GET", authority, "/b"))
            .await;
        assert_eq!(pushes.next().await.unwrap().authority(), authority);
        id += 2;
    }
    let resets = peer.resets().await;
    let faults: Vec<_> = (1..=7).map(|nth| (2 * nth, 1)).collect();
    assert_eq!(resets[..7], faults);
    // The two that were taken out and dropped.
    assert_eq!(resets[7..], [(16, 8), (18, 8)]);
    peer.respond(1, "well").await;
    assert!(pushes.next().await.is_none());
    assert_eq!(calling.await.unwrap().unwrap().status(), 200);
}
