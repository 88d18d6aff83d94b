//! Responses to promises: like any other of the transport that brought them.

use std::{io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use futures_util::FutureExt;
use http::Request;
use towline::{
    ConnectionInfo, Error, HttpHeaderMap,
    config::Timeouts,
    decode::{Decoded, Decoding},
    error::{Kind, Phase},
    http2::{self, StreamId},
    push::Push,
};

use super::{
    peers::{
        bodies::pattern,
        builder_over, call, everywhere,
        raw::{self, END_HEADERS, END_STREAM},
        servers::{self, answer, send_all, status},
        text,
    },
    support::{Rig, asking, promise, pushed_text, url},
};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Promises something to stream 1, and sends its head and content, gzipped.
async fn push_gzipped(peer: &mut raw::RawPeer) {
    peer.promise(1, 2, "/one").await;
    // `content-encoding` is the name of entry 26.
    let head = [&[0x88, 0x0f, 11, 4], &b"gzip"[..]].concat();
    peer.send(raw::HEADERS, END_HEADERS, 2, &head).await;
    peer.send(raw::DATA, END_STREAM, 2, &gzip(b"much of a muchness"))
        .await;
    peer.respond(1, "well").await;
}

#[tokio::test(start_paused = true)]
async fn it_comes_decoded_and_tells_of_its_connection() {
    let mut rig = Rig::with(|builder| builder.keep_fields(true));
    let (mut peer, calling, mut pushes) = rig.asked().await;
    push_gzipped(&mut peer).await;
    let response = pushes.next().await.unwrap().response().await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert!(response.extensions().get::<Decoded>().is_some());
    let fields = response.extensions().get::<HttpHeaderMap>().unwrap();
    assert!(fields.contains_key("content-encoding"));
    let info = response.extensions().get::<ConnectionInfo>().unwrap();
    assert_eq!(info.stream_id(), Some(StreamId::from_wire(2)));
    assert!(info.is_reused());
    assert_eq!(text(response).await.unwrap(), "much of a muchness");
    calling.await.unwrap().unwrap();
}

/// What the request says of decoding holds for what is promised to it.
#[tokio::test(start_paused = true)]
async fn it_comes_as_it_is_where_its_request_wants_that() {
    let mut rig = Rig::new();
    let (mut request, mut pushes) = asking(&url("/"));
    request.extensions_mut().insert(Decoding::Off);
    let calling = tokio::spawn(call(&rig.transport, request));
    let mut peer = rig.peer().await;
    peer.request().await;
    push_gzipped(&mut peer).await;
    let response = pushes.next().await.unwrap().response().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let octets = response.into_body().read_all(1 << 10).await.unwrap();
    assert_eq!(octets, gzip(b"much of a muchness"));
    calling.await.unwrap().unwrap();
}

/// More than every window, with trailers; and another after it.
#[test]
fn it_may_be_of_any_length() {
    const OCTETS: usize = 3 << 20;
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let mut promised = promise(&mut respond, &request, "/long");
            let short = promise(&mut respond, &request, "/short");
            answer(&mut respond, "well");
            super::support::fulfil(short, "short");
            let mut body = promised.send_response(status(200), false).unwrap();
            let data = pattern(OCTETS);
            assert_eq!(send_all(&mut body, data, false).await, OCTETS);
            let mut fields = http::HeaderMap::new();
            fields.insert("x-sum", "1".parse().unwrap());
            body.send_trailers(fields).unwrap();
        })
        .await;
        // Until it is asked for, it may fill its window, and no more than the bound.
        let mut config = http2::Config::default();
        config.limits.unclaimed_push_octets = 2 * config.stream_window_size;
        let transport = builder_over(wire).push(true).http2(config).build();
        let (request, mut pushes) = asking(&server.url("/"));
        let response = call(&transport, request).await.unwrap();
        let long = pushes.next().await.unwrap();
        let mut body = long.response().await.unwrap().into_body();
        let octets = body.read_all(OCTETS).await.unwrap();
        assert!(octets == pattern(OCTETS));
        assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "1");
        assert_eq!(text(response).await.unwrap(), "well");
        let short = pushes.next().await.unwrap();
        assert_eq!(pushed_text(short).await.unwrap(), "short");
    });
}

/// RFC 9113 §8.1: interim responses may come on a promised stream, and nobody asked for them.
#[tokio::test(start_paused = true)]
async fn interim_responses_are_passed_over() {
    let mut rig = Rig::new();
    let (sink, mut interim) = towline::interim::channel();
    let (mut request, mut pushes) = asking(&url("/"));
    request.extensions_mut().insert(sink);
    let _calling = tokio::spawn(call(&rig.transport, request));
    let mut peer = rig.peer().await;
    peer.request().await;
    peer.promise(1, 2, "/one").await;
    // `:status` is the name of entry 8.
    let processing = [&[0x08, 3], &b"102"[..]].concat();
    peer.send(raw::HEADERS, END_HEADERS, 2, &processing).await;
    peer.respond(2, "one").await;
    let push = pushes.next().await.unwrap();
    assert_eq!(pushed_text(push).await.unwrap(), "one");
    assert!(interim.try_recv().is_none());
}

/// The limit on a silent body is the transport's; there is none on the head.
#[tokio::test(start_paused = true)]
async fn a_body_may_be_silent_for_only_so_long_and_a_head_for_ever() {
    let mut timeouts = Timeouts::default();
    timeouts.body_idle = Some(Duration::from_secs(10));
    timeouts.response_head = Some(Duration::from_secs(10));
    timeouts.whole = Some(Duration::from_secs(60));
    let mut rig = Rig::with(|builder| builder.timeouts(timeouts).idle_timeout(None));
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/one").await;
    peer.respond(1, "well").await;
    text(calling.await.unwrap().unwrap()).await.unwrap();
    let push = pushes.next().await.unwrap();
    let mut response = tokio::spawn(push.response());
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert!((&mut response).now_or_never().is_none());
    peer.head(2, 0).await;
    let response = response.await.unwrap().unwrap();
    let error: Error = text(response).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::BodyIdle));
    assert_eq!(error.stream_id(), Some(StreamId::from_wire(2)));
    assert_eq!(error.netloc().unwrap().to_string(), "http://peer.test");
    assert_eq!(peer.resets().await, [(2, 8)]);
}

/// A response is `Send`, and so is waiting for it; callers hold both where they like.
#[test]
fn pushes_go_where_their_callers_do() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    fn is_send<T: Send>(_: &T) {}
    let (sink, mut pushes) = towline::push::channel();
    is_send_and_sync(&sink);
    is_send_and_sync(&pushes);
    is_send(&pushes.next());
    let _ = |push: Push| {
        is_send_and_sync(&push);
        is_send(&push.response());
    };
    let _request = Request::builder().extension(sink);
}
