//! PING, and the ways in which a connection ends.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use towline::{
    config::Timeouts,
    error::{Initiator, Kind, Phase, Retry},
    http2::{ErrorCode, StreamId},
};

use crate::{
    peers::{
        Wire, everywhere, on_threads,
        raw::{
            ACK, DATA, END_STREAM, GOAWAY, MAX_CONCURRENT_STREAMS, PING, RST_STREAM, WINDOW_UPDATE,
        },
        servers,
    },
    support::{NONE, Pipes, get, number, raw, raw_by, ready, text, through, to},
};

/// LR-26, C2-39: the time that an answer takes, whoever else asks.
#[tokio::test(start_paused = true)]
async fn ping_tells_the_round_trip() {
    let (connection, mut peer) = raw(&[]).await;
    let first = tokio::spawn({
        let connection = connection.clone();
        async move { connection.ping_with(*b"the same").await }
    });
    let ping = peer.expect(PING).await;
    assert_eq!((ping.flags, ping.payload.as_slice()), (0, &b"the same"[..]));
    tokio::time::sleep(Duration::from_millis(30)).await;
    let second = tokio::spawn({
        let connection = connection.clone();
        async move { connection.ping_with(*b"the same").await }
    });
    assert_eq!(peer.expect(PING).await.payload, b"the same");
    // An answer to nothing is none.
    peer.send(PING, ACK, 0, b"whatever").await;
    tokio::time::sleep(Duration::from_millis(70)).await;
    peer.send(PING, ACK, 0, b"the same").await;
    assert_eq!(first.await.unwrap().unwrap(), Duration::from_millis(100));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!second.is_finished(), "one answer is for one PING");
    peer.send(PING, ACK, 0, b"the same").await;
    assert_eq!(second.await.unwrap().unwrap(), Duration::from_millis(90));
}

#[test]
fn pings_of_our_own_differ() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut first = Box::pin(connection.ping());
        let mut second = Box::pin(connection.ping());
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        let (one, other) = (peer.expect(PING).await, peer.expect(PING).await);
        assert_ne!(one.payload, other.payload);
        // Whoever leaves is not missed.
        drop(first);
        peer.send(PING, ACK, 0, &one.payload).await;
        peer.send(PING, ACK, 0, &other.payload).await;
        second.await.unwrap();
    });
}

#[test]
fn a_ping_connects_and_ends_with_the_connection() {
    everywhere(|wire| async move {
        let server = servers::hyper(wire, async |_| Response::new(Full::new(Bytes::new()))).await;
        let connection = to(&server).build().unwrap();
        connection.ping().await.unwrap();
        connection.close().await;
        let error = connection.ping().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
    });
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut ping = Box::pin(connection.ping());
        assert!(futures_util::poll!(&mut ping).is_pending());
        peer.expect(PING).await;
        peer.close().await;
        assert_eq!(ping.await.unwrap_err().kind(), Kind::Closed);
    });
}

/// C2-53, LR-05: no new streams, GOAWAY when the last is done, and a word to those who wait.
#[test]
fn close_finishes_what_was_begun() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        assert_eq!(peer.request().await, 1);
        let mut queued = Box::pin(connection.send_request(get("/")));
        assert!(futures_util::poll!(&mut queued).is_pending());
        let closing = tokio::spawn({
            let connection = connection.clone();
            async move { connection.close().await }
        });
        let error = queued.await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        assert!(connection.is_draining() && !connection.is_closed());
        assert!(peer.until_quiet().await.is_empty());
        assert!(!closing.is_finished());

        peer.head(1, 0).await;
        peer.send(DATA, END_STREAM, 1, b"the rest").await;
        let goaway = peer.expect(GOAWAY).await;
        assert_eq!(goaway.payload[..8], [0, 0, 0, 0, 0, 0, 0, 0]);
        closing.await.unwrap();
        assert!(peer.rest().await.is_empty());
        assert!(connection.is_closed());
        // A response that came is there still.
        assert_eq!(
            text(connection.response(id).await.unwrap()).await,
            "the rest"
        );
        // C2-10: a connection that is closed stays closed.
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        assert_eq!(connection.connect().await.unwrap_err().kind(), Kind::Closed);
        connection.close().await;
        connection.close_now(ErrorCode::INTERNAL_ERROR);
    });
}

/// C2-53: now, with a code, whatever is under way.
#[test]
fn close_now_ends_everything_with_a_code() {
    on_threads(1, async {
        let (mut connection, mut peer) = raw(&[]).await;
        let kept = connection.request("GET", "/", (), NONE).await.unwrap();
        let read = connection.request("GET", "/", (), NONE).await.unwrap();
        assert_eq!((peer.request().await, peer.request().await), (1, 3));
        peer.head(3, 0).await;
        let mut body = connection.response(read).await.unwrap().into_body();
        let mut ping = Box::pin(connection.ping());
        assert!(futures_util::poll!(&mut ping).is_pending());
        peer.expect(PING).await;
        connection.close_now(ErrorCode::ENHANCE_YOUR_CALM);
        connection.closed().await;
        let goaway = peer.expect(GOAWAY).await;
        assert_eq!(
            goaway.payload[4..8],
            number(ErrorCode::ENHANCE_YOUR_CALM).to_be_bytes()
        );
        assert!(peer.rest().await.is_empty());

        let errors = [
            connection.response(kept).await.unwrap_err(),
            body.read(1).await.unwrap_err(),
            ping.await.unwrap_err(),
            ready(&mut connection).await.unwrap_err(),
            connection.why_closed().unwrap(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Kind::Shutdown, "{error:?}");
            assert_eq!(error.code(), Some(ErrorCode::ENHANCE_YOUR_CALM));
            assert_eq!(error.initiator(), Some(Initiator::Local));
        }
        assert_eq!(connection.open_streams(), 0);
    });
}

/// C2-09: the last handle closes gracefully; what it kept goes, what was taken stays.
#[test]
fn the_last_handle_closes_gracefully() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let kept = connection.request("GET", "/", (), NONE).await.unwrap();
        let taken = connection.request("GET", "/", (), NONE).await.unwrap();
        let mut future = Box::pin(connection.send_request(get("/")));
        assert!(futures_util::poll!(&mut future).is_pending());
        assert_eq!(peer.request().await, kept.as_u32());
        assert_eq!(peer.request().await, taken.as_u32());
        assert_eq!(peer.request().await, 5);
        peer.head(3, 0).await;
        let response = connection.response(taken).await.unwrap();
        let clone = connection.clone();
        drop(connection);
        let id = clone.request("GET", "/", (), NONE).await.unwrap();
        clone.cancel(id, ErrorCode::CANCEL);
        peer.expect(RST_STREAM).await;
        assert_eq!(peer.request().await, id.as_u32());
        drop(clone);
        assert!(
            peer.until_quiet().await.is_empty(),
            "a future holds the connection"
        );
        peer.head(5, END_STREAM).await;
        future.await.unwrap();
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (1, number(ErrorCode::CANCEL))
        );
        peer.send(DATA, END_STREAM, 3, b"the rest").await;
        assert_eq!(text(response).await, "the rest");
        peer.expect(GOAWAY).await;
        assert!(peer.rest().await.is_empty());
    });
}

/// C2-52, EX-10: whoever waits hears of the end, and whether it was sent.
#[test]
fn an_end_of_the_peers_is_told_to_all() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        peer.request().await;
        let mut queued = Box::pin(connection.send_request(get("/")));
        assert!(futures_util::poll!(&mut queued).is_pending());
        peer.close().await;
        let error = connection.response(id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        let error = queued.await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        connection.closed().await;
        assert!(connection.is_closed());
        assert_eq!(connection.why_closed().unwrap().kind(), Kind::Closed);
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
    });
}

/// C2-40: streams above the last that the peer names were not processed.
#[test]
fn goaway_hands_back_what_was_not_processed() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let processed = connection.request("GET", "/", (), NONE).await.unwrap();
        let refused = connection.request("GET", "/", (), NONE).await.unwrap();
        peer.goaway(1, number(ErrorCode::NO_ERROR), b"").await;
        let error = connection.response(refused).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::GoAway, Retry::Safe));
        assert_eq!(error.stream_id(), Some(refused));
        peer.head(1, END_STREAM).await;
        connection.response(processed).await.unwrap();
        connection.closed().await;
    });
}

/// C2-14: when the ids are used up, the connection takes no more.
#[test]
fn the_last_stream_is_the_end() {
    on_threads(1, async {
        let mut config = towline::http2::Config::default();
        config.first_stream_id = StreamId::MAX;
        let (connection, mut peer) = raw_by(&[], |builder| builder.http2(config)).await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        assert_eq!(id, StreamId::MAX);
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        peer.head(id.as_u32(), END_STREAM).await;
        connection.response(id).await.unwrap();
        connection.closed().await;
    });
}

/// EX-19: limits on the head and on the whole run for responses that are taken later, too.
#[tokio::test(start_paused = true)]
async fn time_limits_are_those_of_a_transport() {
    let mut timeouts = Timeouts::default();
    timeouts.response_head = Some(Duration::from_secs(5));
    let (connection, mut peer) = raw_by(&[], |builder| builder.timeouts(timeouts)).await;
    let start = tokio::time::Instant::now();
    let id = connection.request("GET", "/", (), NONE).await.unwrap();
    let late = connection.request("GET", "/", (), NONE).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let error = connection.response(id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::ResponseHead));
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    let reset = peer.expect(RST_STREAM).await;
    assert_eq!(
        (reset.stream, reset.number()),
        (1, number(ErrorCode::CANCEL))
    );
    // One that is there is not late, whenever it is asked for.
    peer.head(3, END_STREAM).await;
    peer.until_quiet().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    connection.response(late).await.unwrap();

    let mut timeouts = Timeouts::default();
    timeouts.whole = Some(Duration::from_secs(5));
    timeouts.body_idle = Some(Duration::from_secs(1));
    let (connection, mut peer) = raw_by(&[], |builder| builder.timeouts(timeouts)).await;
    let id = connection.request("GET", "/", (), NONE).await.unwrap();
    peer.head(1, 0).await;
    let error = connection
        .response(id)
        .await
        .unwrap()
        .into_body()
        .read(1)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.stream_id()),
        (Kind::Timeout(Phase::BodyIdle), Some(id))
    );
    let id = connection.request("GET", "/", (), NONE).await.unwrap();
    let error = connection.response(id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::Whole));
}

/// `Debug` says where it leads and how it stands.
#[test]
fn debug_tells_the_state() {
    on_threads(1, async {
        let server = servers::hyper(Wire::Clear, async |_| {
            Response::new(Full::new(Bytes::new()))
        })
        .await;
        let connection = to(&server).connect().await.unwrap();
        let shown = format!("{connection:?}");
        assert!(
            shown.contains("Http2Connection") && shown.contains("127.0.0.1"),
            "{shown}"
        );
        assert!(shown.contains("is_closed: false"), "{shown}");
        connection.close().await;
        assert!(format!("{connection:?}").contains("is_closed: true"));
        let request = connection
            .start_request("GET", "/")
            .header("cookie", "secret");
        assert!(!format!("{request:?}").contains("secret"));
    });
}

/// A handle that was dropped unused leaves by the front door.
#[test]
fn an_unused_connection_closes_gracefully() {
    on_threads(1, async {
        let mut pipes = Pipes::new(1);
        let connection = through(&pipes).connect().await.unwrap();
        drop(connection);
        let mut peer = crate::peers::raw::RawPeer::accept(Box::new(pipes.server())).await;
        peer.expect(GOAWAY).await;
        assert!(
            peer.rest()
                .await
                .iter()
                .all(|frame| frame.kind == WINDOW_UPDATE)
        );
    });
}
