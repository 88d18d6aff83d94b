//! Who holds a promise, and what becomes of it when it is let go of.

use bytes::Bytes;
use futures_util::FutureExt;
use h2::Reason;
use towline::{
    error::Kind,
    http2::{self, ErrorCode, StreamId},
};

use super::{
    peers::{
        call, everywhere, get_text,
        raw::{self, RawPeer},
        servers::{self, answer, reset_of, status},
        soon, text,
    },
    support::{Rig, all, asking, paths, promise, pushable, pushed_text},
};

/// RST_STREAM with CANCEL (RFC 9113 §7).
const CANCEL: u32 = 8;
const REFUSED: u32 = 7;

/// PU-12, at a server that is told so.
#[test]
fn cancelling_tells_the_server_and_harms_nothing_else() {
    everywhere(|wire| async move {
        let (told, mut resets) = tokio::sync::mpsc::unbounded_channel();
        let server = servers::h2(wire, move |request, mut respond| {
            let told = told.clone();
            async move {
                if request.uri().path() == "/other" {
                    return answer(&mut respond, "well");
                }
                let mut one = promise(&mut respond, &request, "/one");
                let mut two = promise(&mut respond, &request, "/two");
                answer(&mut respond, "parent");
                let of_one = std::future::poll_fn(|cx| one.poll_reset(cx)).await;
                let mut body = two.send_response(status(200), false).unwrap();
                let of_two = reset_of(&mut body).await;
                told.send([of_one, of_two].map(Result::unwrap)).unwrap();
            }
        })
        .await;
        let transport = pushable(wire);
        let (request, mut pushes) = asking(&server.url("/"));
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "parent");
        pushes.next().await.unwrap().cancel();
        let response = pushes.next().await.unwrap().response().await.unwrap();
        drop(response);
        let resets = soon(resets.recv()).await.unwrap();
        assert_eq!(resets, [Reason::CANCEL, Reason::CANCEL]);
        let other = get_text(&transport, &server.url("/other")).await.unwrap();
        assert_eq!((other.as_str(), server.accepted()), ("well", 1));
    });
}

/// Every way to let go of one, and what still comes of it is ignored.
#[tokio::test(start_paused = true)]
async fn whatever_is_dropped_is_cancelled() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    for id in [2, 4, 6, 8, 10, 12] {
        peer.promise(1, id, "/").await;
    }
    peer.until_quiet().await;
    pushes.try_next().unwrap().cancel();
    assert_eq!(peer.resets().await, [(2, CANCEL)]);
    drop(pushes.try_next().unwrap());
    assert_eq!(peer.resets().await, [(4, CANCEL)]);
    // A wait for the head, polled and never polled.
    let mut response = Box::pin(pushes.try_next().unwrap().response());
    assert!((&mut response).now_or_never().is_none());
    drop(response);
    assert_eq!(peer.resets().await, [(6, CANCEL)]);
    drop(pushes.try_next().unwrap().response());
    assert_eq!(peer.resets().await, [(8, CANCEL)]);
    // A body, before and amid its content.
    peer.head(10, 0).await;
    drop(pushes.try_next().unwrap().response().await.unwrap());
    assert_eq!(peer.resets().await, [(10, CANCEL)]);
    peer.head(12, 0).await;
    peer.send(raw::DATA, 0, 12, b"much").await;
    let push = pushes.try_next().unwrap();
    let mut body = push.response().await.unwrap().into_body();
    assert_eq!(body.chunk().await.unwrap().unwrap(), "much");
    drop(body);
    assert_eq!(peer.resets().await, [(12, CANCEL)]);
    // PU-12: what was on its way.
    for id in [2, 4, 6, 8] {
        peer.respond(id, "late").await;
    }
    peer.send(raw::DATA, raw::END_STREAM, 10, b"late").await;
    peer.reset(12, 8).await;
    peer.respond(1, "well").await;
    assert_eq!(text(calling.await.unwrap().unwrap()).await.unwrap(), "well");
    assert!(pushes.next().await.is_none());
    assert_eq!(peer.resets().await, []);
}

#[tokio::test(start_paused = true)]
async fn dropping_all_of_them_cancels_what_was_not_taken_and_refuses_the_rest() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    for id in [2, 4, 6] {
        peer.promise(1, id, "/").await;
    }
    peer.respond(6, "whole").await;
    peer.until_quiet().await;
    let taken = pushes.try_next().unwrap();
    drop(pushes);
    // 6 has ended: there is nothing to reset.
    assert_eq!(peer.resets().await, [(4, CANCEL)]);
    peer.promise(1, 8, "/").await;
    assert_eq!(peer.resets().await, [(8, REFUSED)]);
    peer.respond(2, "taken").await;
    assert_eq!(pushed_text(taken).await.unwrap(), "taken");
    peer.respond(1, "well").await;
    assert_eq!(text(calling.await.unwrap().unwrap()).await.unwrap(), "well");
}

/// PU-16: before its end, with the future or with the body.
#[tokio::test(start_paused = true)]
async fn leaving_the_response_cancels_what_was_not_taken() {
    for has_head in [false, true] {
        let mut rig = Rig::new();
        let (mut peer, calling, mut pushes) = rig.asked().await;
        for (id, path) in [(2, "/taken"), (4, "/waits"), (6, "/whole")] {
            peer.promise(1, id, path).await;
        }
        peer.respond(6, "whole").await;
        let taken = pushes.next().await.unwrap();
        if has_head {
            peer.head(1, 0).await;
            drop(calling.await.unwrap().unwrap());
        } else {
            peer.until_quiet().await;
            calling.abort();
            assert!(calling.await.unwrap_err().is_cancelled());
        }
        let mut resets = peer.resets().await;
        resets.sort_unstable();
        assert_eq!(resets, [(1, CANCEL), (4, CANCEL)], "{has_head}");
        // RFC 9113 §5.1: it may have been made before the server knew.
        peer.promise(1, 8, "/late").await;
        assert_eq!(peer.resets().await, [(8, REFUSED)]);
        assert!(pushes.next().await.is_none());
        peer.respond(2, "taken").await;
        assert_eq!(pushed_text(taken).await.unwrap(), "taken");
    }
}

/// Those of another request in the same queue stay.
#[tokio::test(start_paused = true)]
async fn leaving_one_response_leaves_what_is_promised_to_others() {
    let mut rig = Rig::new();
    let (sink, mut pushes) = towline::push::channel();
    let ask = |rig: &Rig| {
        let mut request = super::peers::request("GET", &super::support::url("/"));
        request.extensions_mut().insert(sink.clone());
        tokio::spawn(call(&rig.transport, request))
    };
    let first = ask(&rig);
    let mut peer = rig.peer().await;
    peer.request().await;
    let second = ask(&rig);
    peer.request().await;
    for (parent, id, path) in [(1, 2, "/a"), (3, 4, "/b"), (1, 6, "/c"), (3, 8, "/d")] {
        peer.promise(parent, id, path).await;
    }
    peer.until_quiet().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let mut resets = peer.resets().await;
    resets.sort_unstable();
    assert_eq!(resets, [(1, CANCEL), (2, CANCEL), (6, CANCEL)]);
    peer.respond(3, "well").await;
    second.await.unwrap().unwrap();
    drop(sink);
    assert_eq!(paths(&all(&mut pushes).await), ["/b", "/d"]);
}

/// A response that has ended takes nothing along, read or unread.
#[tokio::test(start_paused = true)]
async fn dropping_a_response_that_has_ended_leaves_its_promises() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/one").await;
    peer.respond(1, "unread").await;
    peer.until_quiet().await;
    drop(calling.await.unwrap().unwrap());
    assert_eq!(peer.resets().await, []);
    peer.respond(2, "one").await;
    let push = pushes.next().await.unwrap();
    assert_eq!(pushed_text(push).await.unwrap(), "one");
    assert!(pushes.next().await.is_none());
}

/// RFC 9113 §8.4: a promised stream outlives the reset of the one that it was promised on.
#[tokio::test(start_paused = true)]
async fn a_response_that_the_server_resets_leaves_its_promises() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/one").await;
    peer.reset(1, 2).await;
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INTERNAL_ERROR));
    let push = pushes.next().await.unwrap();
    assert!(pushes.next().await.is_none());
    peer.respond(2, "one").await;
    assert_eq!(pushed_text(push).await.unwrap(), "one");
}

/// A request that goes out again brings the promises of each try.
#[tokio::test(start_paused = true)]
async fn promises_of_a_try_that_was_refused_come_before_those_of_the_next() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/first").await;
    peer.reset(1, REFUSED).await;
    assert_eq!(peer.request().await, 3);
    peer.promise(3, 4, "/second").await;
    peer.respond(3, "well").await;
    peer.respond(2, "first").await;
    assert_eq!(text(calling.await.unwrap().unwrap()).await.unwrap(), "well");
    let mut pushed = all(&mut pushes).await;
    assert_eq!(paths(&pushed), ["/first", "/second"]);
    assert_eq!(pushed_text(pushed.remove(0)).await.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_stream_fails_says_so() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    for id in [2, 4, 6] {
        peer.promise(1, id, "/").await;
    }
    peer.reset(2, REFUSED).await;
    // Content without a head (RFC 9113 §8.1).
    peer.head(4, raw::END_STREAM).await;
    peer.head(6, 0).await;
    let second_head = [&[0x08, 3], &b"1x0"[..]].concat();
    peer.send(raw::HEADERS, raw::END_HEADERS, 6, &second_head)
        .await;
    let error = pushes.next().await.unwrap().response().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Reset);
    assert_eq!(error.code(), Some(ErrorCode::REFUSED_STREAM));
    assert_eq!(error.stream_id(), Some(StreamId::from_wire(2)));
    let empty = pushes.next().await.unwrap();
    assert_eq!(pushed_text(empty).await.unwrap(), "");
    let response = pushes.next().await.unwrap().response().await.unwrap();
    let error = text(response).await.unwrap_err();
    assert_eq!(error.kind(), Kind::MalformedResponse);
    assert_eq!(error.stream_id(), Some(StreamId::from_wire(6)));
    assert!(!calling.is_finished());
    peer.respond(1, "well").await;
    assert_eq!(text(calling.await.unwrap().unwrap()).await.unwrap(), "well");
}

/// The connection is over: promises fail, what had come stays.
#[tokio::test(start_paused = true)]
async fn with_the_connection_go_promises_that_were_not_kept() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    for (id, path) in [(2, "/kept"), (4, "/begun"), (6, "/asked"), (8, "/waits")] {
        peer.promise(1, id, path).await;
    }
    peer.respond(2, "kept").await;
    peer.head(4, 0).await;
    let kept = pushes.next().await.unwrap();
    let begun = pushes.next().await.unwrap().response().await.unwrap();
    let asked = tokio::spawn(pushes.next().await.unwrap().response());
    peer.until_quiet().await;
    drop(peer);
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert_eq!(pushed_text(kept).await.unwrap(), "kept");
    assert_eq!(text(begun).await.unwrap_err().kind(), Kind::Truncated);
    let error = asked.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    let waits = pushes.next().await.unwrap();
    assert!(!waits.is_open());
    let error = waits.response().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(pushes.next().await.is_none());
}

/// RFC 9113 §6.8: GOAWAY is about our streams. The connection stays for what was asked for.
#[tokio::test(start_paused = true)]
async fn after_goaway_a_push_that_was_asked_for_is_still_kept() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/asked").await;
    peer.promise(1, 4, "/waits").await;
    let asked = tokio::spawn(pushes.next().await.unwrap().response());
    peer.until_quiet().await;
    peer.goaway(1, 0, b"").await;
    peer.respond(1, "well").await;
    assert_eq!(text(calling.await.unwrap().unwrap()).await.unwrap(), "well");
    peer.until_quiet().await;
    peer.respond(2, "asked").await;
    assert_eq!(text(asked.await.unwrap().unwrap()).await.unwrap(), "asked");
    // Nobody had asked for it when the connection came to its end.
    assert_eq!(peer.expect(raw::RST_STREAM).await.stream, 4);
    peer.expect(raw::GOAWAY).await;
    assert!(peer.next().await.is_none());
    let waits = pushes.next().await.unwrap();
    waits.response().await.unwrap_err();
}

/// Promises beyond the limit of streams are refused; those before, and the connection, go on.
#[tokio::test(start_paused = true)]
async fn no_more_are_taken_at_once_than_the_limit_says() {
    let mut config = http2::Config::default();
    config.limits.promised_streams = 3;
    let mut rig = Rig::with(|builder| builder.http2(config));
    let (mut peer, calling, mut pushes) = rig.asked().await;
    for id in [2, 4, 6, 8, 10] {
        peer.promise(1, id, "/").await;
    }
    assert_eq!(peer.resets().await, [(8, REFUSED), (10, REFUSED)]);
    // One that is done makes room.
    peer.respond(4, "done").await;
    peer.promise(1, 12, "/").await;
    peer.respond(1, "well").await;
    text(calling.await.unwrap().unwrap()).await.unwrap();
    let ids: Vec<_> = all(&mut pushes)
        .await
        .iter()
        .map(|push| push.stream_id().as_u32())
        .collect();
    assert_eq!(ids, [2, 4, 6, 12]);
}

/// Sends a promise to stream 1, and so many octets of it.
async fn push_octets(peer: &mut RawPeer, id: u32, octets: usize) {
    peer.promise(1, id, "/").await;
    peer.head(id, 0).await;
    let content = Bytes::from(vec![7; octets]);
    for piece in content.chunks(16_384) {
        peer.send(raw::DATA, 0, id, piece).await;
    }
}

/// What nobody has asked for is held up to a bound; what somebody has asked for, up to its window.
#[tokio::test(start_paused = true)]
async fn octets_that_nobody_asked_for_are_bounded() {
    let mut config = http2::Config::default();
    config.limits.unclaimed_push_octets = 50_000;
    let mut rig = Rig::with(|builder| builder.http2(config));
    let (mut peer, calling, mut pushes) = rig.asked().await;
    push_octets(&mut peer, 2, 40_000).await;
    push_octets(&mut peer, 4, 40_000).await;
    let resets = peer.resets().await;
    assert_eq!(resets.len(), 1);
    assert_eq!(resets[0].0, 4);
    let (first, second) = (pushes.next().await.unwrap(), pushes.next().await.unwrap());
    // The head had come before there was too much.
    let error = text(second.response().await.unwrap()).await.unwrap_err();
    assert_eq!(error.stream_id(), Some(StreamId::from_wire(4)));
    // Asked for, the first counts no more.
    let response = first.response().await.unwrap();
    peer.until_quiet().await;
    push_octets(&mut peer, 6, 40_000).await;
    peer.send(raw::DATA, raw::END_STREAM, 2, &[7; 10_000]).await;
    assert_eq!(peer.resets().await, []);
    let body = response.into_body().read_all(1 << 20).await.unwrap();
    assert_eq!(body.len(), 50_000);
    drop(calling);
    drop(pushes);
}

/// One that has come whole counts until it is asked for or let go of, and no longer.
#[tokio::test(start_paused = true)]
async fn what_is_let_go_of_counts_no_more_though_it_was_whole() {
    let mut config = http2::Config::default();
    config.limits.unclaimed_push_octets = 50_000;
    let mut rig = Rig::with(|builder| builder.http2(config));
    let (mut peer, _calling, mut pushes) = rig.asked().await;
    for round in 0..5 {
        for (id, is_wanted) in [(4 * round + 2, false), (4 * round + 4, true)] {
            push_octets(&mut peer, id, 40_000).await;
            peer.send(raw::DATA, raw::END_STREAM, id, b"").await;
            assert_eq!(peer.resets().await, [], "{id}");
            let push = pushes.try_next().unwrap();
            if is_wanted {
                assert_eq!(pushed_text(push).await.unwrap().len(), 40_000);
            } else {
                push.cancel();
            }
            peer.until_quiet().await;
        }
    }
}

/// A transport that is gone keeps nothing for promises that nobody has asked for.
#[tokio::test(start_paused = true)]
async fn without_the_transport_only_what_was_asked_for_is_kept() {
    let mut rig = Rig::new();
    let (mut peer, calling, mut pushes) = rig.asked().await;
    peer.promise(1, 2, "/asked").await;
    peer.promise(1, 4, "/waits").await;
    peer.respond(1, "well").await;
    text(calling.await.unwrap().unwrap()).await.unwrap();
    let asked = tokio::spawn(pushes.next().await.unwrap().response());
    peer.until_quiet().await;
    drop(rig);
    peer.until_quiet().await;
    peer.respond(2, "asked").await;
    assert_eq!(text(asked.await.unwrap().unwrap()).await.unwrap(), "asked");
    assert_eq!(peer.expect(raw::RST_STREAM).await.stream, 4);
    assert!(pushes.next().await.unwrap().response().await.is_err());
}

/// A slot of the peer's limit is given for each request, and none for a promise.
#[tokio::test(start_paused = true)]
async fn promises_take_no_place_of_a_request() {
    let mut rig = Rig::new();
    let (calling, mut pushes) = rig.ask("/");
    let stream = rig.stream().await;
    let mut peer = RawPeer::handshake(stream, &[(raw::MAX_CONCURRENT_STREAMS, 1)]).await;
    peer.request().await;
    for round in 0_u32..3 {
        for nth in 0..4 {
            let id = 8 * round + 2 * nth + 2;
            peer.promise(1, id, "/").await;
            peer.respond(id, "pushed").await;
        }
        peer.until_quiet().await;
        for _ in 0..4 {
            pushes.try_next().unwrap();
        }
    }
    // Were the end of each promise the end of a request, there would be room for another.
    let (second, _of_second) = rig.ask("/second");
    let frames = peer.until_quiet().await;
    assert!(
        frames.iter().all(|frame| frame.kind != raw::HEADERS),
        "{frames:?}"
    );
    peer.respond(1, "well").await;
    assert_eq!(peer.request().await, 3);
    peer.respond(3, "second").await;
    calling.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}
