//! Promises by the stream that they were made on.

use futures_util::StreamExt;
use towline::{
    Http2Connection,
    connection::{Capture, StreamPushes},
    error::Kind,
    http2::{ErrorCode, StreamId},
    push::Push,
};

use crate::{
    peers::{
        on_threads,
        raw::{DATA, END_HEADERS, END_STREAM, PUSH_PROMISE, RST_STREAM, RawPeer},
    },
    support::{NONE, number, raw, raw_by, text},
};

/// A connection on which the server may push.
async fn pushable() -> (Http2Connection, RawPeer) {
    raw_by(&[], |builder| builder.push(true)).await
}

/// Promises a GET of a path on a stream.
async fn promise(peer: &mut RawPeer, parent: u32, promised: u32, path: &str) {
    let mut payload = promised.to_be_bytes().to_vec();
    // `:method GET`, `:scheme http`, then `:authority` and `:path` as literals (RFC 7541 §6.2.2).
    payload.extend_from_slice(&[0x82, 0x86]);
    for (index, text) in [(1, "server.test"), (4, path)] {
        payload.extend_from_slice(&[index, u8::try_from(text.len()).expect("a short text")]);
        payload.extend_from_slice(text.as_bytes());
    }
    peer.send(PUSH_PROMISE, END_HEADERS, parent, &payload).await;
}

/// What is left to be taken, and kept.
async fn rest(pushes: StreamPushes) -> Vec<Push> {
    pushes.collect().await
}

fn paths(pushes: &[Push]) -> Vec<&str> {
    pushes.iter().map(Push::path).collect()
}

async fn pushed_text(push: Push) -> String {
    text(push.response().await.unwrap()).await
}

/// PU-04 to PU-07, PU-11: table 3.1, in its order of frames.
#[test]
fn promises_are_taken_by_their_stream() {
    on_threads(1, async {
        let (connection, mut peer) = pushable().await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        let pushes = connection.pushes(id, Capture::Buffered).unwrap();
        assert!(rest(pushes).await.is_empty());
        promise(&mut peer, 1, 2, "/one").await;
        peer.head(1, 0).await;
        promise(&mut peer, 1, 4, "/two").await;
        peer.send(DATA, END_STREAM, 1, b"zero").await;
        peer.head(4, 0).await;
        peer.head(2, 0).await;
        peer.send(DATA, END_STREAM, 4, b"second").await;
        peer.send(DATA, END_STREAM, 2, b"first").await;

        let pushes: Vec<_> = connection.pushes(id, Capture::All).unwrap().collect().await;
        let [one, two] = pushes.try_into().unwrap();
        assert_eq!((one.path(), two.path()), ("/one", "/two"));
        assert_eq!(one.parent_id(), id);
        assert_eq!(pushed_text(one).await, "first");
        assert_eq!(pushed_text(two).await, "second");
        assert_eq!(text(connection.response(id).await.unwrap()).await, "zero");
        let pushes = connection.pushes(id, Capture::Buffered).unwrap();
        assert!(rest(pushes).await.is_empty());
        assert_eq!(connection.open_streams(), 0);
    });
}

/// PU-05: abandoned midway, the rest is there for the next, and nothing twice.
#[test]
fn an_abandoned_iteration_loses_nothing() {
    on_threads(1, async {
        let (connection, mut peer) = pushable().await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        let mut pushes = connection.pushes(id, Capture::All).unwrap();
        let mut waiting = Box::pin(pushes.next());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        for (promised, path) in [(2, "/one"), (4, "/two"), (6, "/three")] {
            promise(&mut peer, 1, promised, path).await;
        }
        let one = waiting.await.unwrap();
        // One at a time.
        let error = connection.pushes(id, Capture::Buffered).unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::ResponseTaken, Some(id))
        );
        peer.until_quiet().await;
        drop(pushes);
        let pushes = connection.pushes(id, Capture::Buffered).unwrap();
        let pushes = rest(pushes).await;
        assert_eq!(paths(&pushes), ["/two", "/three"]);
        // PU-12.
        one.cancel();
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (2, number(ErrorCode::CANCEL))
        );
        connection.cancel(StreamId::from_wire(4), ErrorCode::NO_ERROR);
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (4, number(ErrorCode::NO_ERROR))
        );
        peer.head(1, END_STREAM).await;
        connection.response(id).await.unwrap();
    });
}

/// PU-01, PU-03: off, nothing is kept and nothing is there.
#[test]
fn without_push_there_are_no_promises() {
    on_threads(1, async {
        let (connection, _peer) = raw(&[]).await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        let error = connection.pushes(id, Capture::All).unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
        let (connection, _peer) = pushable().await;
        let error = connection
            .pushes(StreamId::FIRST, Capture::All)
            .unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
    });
}

/// PU-16: what nobody takes out is bounded, and goes with its response or the last handle.
#[test]
fn promises_of_old_requests_make_room() {
    on_threads(1, async {
        let settings = |builder: towline::connection::ConnectionBuilder<Http2Connection>| {
            builder.push(true).max_untaken(2)
        };
        let (connection, mut peer) = raw_by(&[], settings).await;
        let first = connection.request("GET", "/", (), NONE).await.unwrap();
        promise(&mut peer, 1, 2, "/one").await;
        peer.head(1, END_STREAM).await;
        connection.response(first).await.unwrap();
        assert_eq!(peer.until_quiet().await.len(), 1);
        connection.request("GET", "/", (), NONE).await.unwrap();
        let held = connection.pushes(first, Capture::Buffered).unwrap();
        let third = connection.request("GET", "/", (), NONE).await.unwrap();
        drop(held);
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (2, number(ErrorCode::CANCEL))
        );
        let error = connection.pushes(first, Capture::Buffered).unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);

        promise(&mut peer, 5, 4, "/two").await;
        promise(&mut peer, 5, 6, "/three").await;
        peer.until_quiet().await;
        let mut pushes = connection.pushes(third, Capture::All).unwrap();
        let two = pushes.next().await.unwrap();
        drop(connection);
        // With the last handle goes what was kept: the response, and with it what was promised.
        assert!(pushes.next().await.is_none());
        let mut resets = Vec::new();
        for _ in 0..3 {
            resets.push(peer.expect(RST_STREAM).await.stream);
        }
        resets.sort_unstable();
        assert_eq!(resets[..3], [3, 5, 6]);
        drop(two);
    });
}

/// A sink of the caller's own takes them instead, for whichever way the request is made.
#[test]
fn a_sink_of_ones_own_takes_the_promises() {
    on_threads(1, async {
        let (connection, mut peer) = pushable().await;
        let (sink, mut pushes) = towline::push::channel();
        let request = connection.start_request("GET", "/").extension(sink.clone());
        let id = request.send(NONE).await.unwrap();
        let mut request = crate::support::get("/");
        request.extensions_mut().insert(sink);
        let mut future = Box::pin(connection.send_request(request));
        assert!(futures_util::poll!(&mut future).is_pending());
        peer.until_quiet().await;
        promise(&mut peer, 1, 2, "/one").await;
        promise(&mut peer, 3, 4, "/two").await;
        let (one, two) = (pushes.next().await.unwrap(), pushes.next().await.unwrap());
        assert_eq!((one.path(), two.path()), ("/one", "/two"));
        assert!(connection.pushes(id, Capture::Buffered).is_err());
        // Without a sink there is nobody: it is refused.
        let other = connection.send_request(crate::support::get("/"));
        let mut other = Box::pin(other);
        assert!(futures_util::poll!(&mut other).is_pending());
        peer.until_quiet().await;
        promise(&mut peer, 5, 6, "/three").await;
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (6, number(ErrorCode::REFUSED_STREAM))
        );
    });
}
