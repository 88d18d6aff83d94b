//! Request bodies that are written piece by piece, over HTTP/2.

use bytes::Bytes;
use http::HeaderMap;
use towline::{
    Http2Connection,
    connection::SendBody,
    error::{Kind, Retry},
    http2::{ErrorCode, StreamId},
};

use crate::{
    peers::{
        Wire,
        bodies::pattern,
        everywhere, on_threads,
        raw::{DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, RST_STREAM, WINDOW_UPDATE},
        servers,
    },
    support::{NONE, number, raw, text, to},
};

/// C2-20, C2-22, LR-28: head, pieces, end; and the response.
#[test]
fn a_body_is_written_piece_by_piece() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, async |request, mut respond| {
            let mut body = request.into_body();
            let all = servers::read_all(&mut body).await.expect("a whole body");
            let trailers = servers::trailers(&mut body).await;
            let check = trailers.and_then(|trailers| trailers.get("x-sum").cloned());
            let said = format!("{} {:?}", all.len(), check);
            assert!(all == pattern(all.len()));
            servers::answer(&mut respond, said);
        })
        .await;
        let connection = to(&server).connect().await.unwrap();
        let octets = pattern(1 << 20);
        for has_trailers in [false, true] {
            let request = connection.start_request("POST", "/").header("x-a", "b");
            let (id, mut body) = request.send_streaming().await.unwrap();
            assert_eq!(body.stream_id(), Some(id));
            for piece in octets.chunks(100_000) {
                body.send_data(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            let said = if has_trailers {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", "7".parse().unwrap());
                body.send_trailers(trailers).unwrap();
                "1048576 Some(\"7\")"
            } else {
                body.finish().unwrap();
                "1048576 None"
            };
            assert_eq!(text(connection.response(id).await.unwrap()).await, said);
        }
    });
}

/// Table 1.8: an end alone is an empty DATA frame, and an empty piece is none.
#[test]
fn an_end_is_sent_with_the_last_piece_or_alone() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let (_, mut body) = streaming(&connection).await;
        let head = peer.expect(HEADERS).await;
        assert!(!head.has(END_STREAM));
        body.send_data("").await.unwrap();
        assert!(peer.until_quiet().await.is_empty());
        body.send_data("ab").await.unwrap();
        let data = peer.expect(DATA).await;
        assert_eq!(
            (data.payload.as_slice(), data.has(END_STREAM)),
            (&b"ab"[..], false)
        );
        body.finish().unwrap();
        let data = peer.expect(DATA).await;
        assert_eq!((data.payload.len(), data.has(END_STREAM)), (0, true));

        let (_, mut body) = streaming(&connection).await;
        body.send_data("ab").await.unwrap();
        body.finish().unwrap();
        let data = peer.expect(DATA).await;
        assert_eq!(
            (data.payload.as_slice(), data.has(END_STREAM)),
            (&b"ab"[..], true)
        );
    });
}

/// A POST whose body is written piece by piece.
async fn streaming(connection: &Http2Connection) -> (StreamId, SendBody) {
    let request = connection.start_request("POST", "/");
    request.send_streaming().await.unwrap()
}

async fn is_ready(body: &mut SendBody) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(body.poll_ready(cx).is_ready())).await
}

/// C2-22: the windows hold the caller up, and their opening lets it go.
#[test]
fn windows_hold_the_writer_up() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[(INITIAL_WINDOW_SIZE, 4)]).await;
        let (id, mut body) = streaming(&connection).await;
        assert_eq!(peer.request().await, 1);
        body.send_data("abcdef").await.unwrap();
        assert_eq!(peer.expect(DATA).await.payload, b"abcd");
        // One piece is with the driver, and one may wait.
        body.send_data("ghi").await.unwrap();
        assert!(peer.until_quiet().await.is_empty());
        assert!(!is_ready(&mut body).await);
        let mut cancelled = Box::pin(body.send_data("never"));
        assert!(futures_util::poll!(&mut cancelled).is_pending());
        drop(cancelled);
        peer.send(WINDOW_UPDATE, 0, 1, &3_u32.to_be_bytes()).await;
        assert_eq!(peer.expect(DATA).await.payload, b"ef");
        assert_eq!(peer.expect(DATA).await.payload, b"g");
        body.send_data("jkl").await.unwrap();
        body.finish().unwrap();
        peer.send(WINDOW_UPDATE, 0, 1, &100_u32.to_be_bytes()).await;
        let mut rest = Vec::new();
        loop {
            let data = peer.expect(DATA).await;
            rest.extend_from_slice(&data.payload);
            if data.has(END_STREAM) {
                break;
            }
        }
        assert_eq!(rest, b"hijkl");
        peer.head(1, END_STREAM).await;
        connection.response(id).await.unwrap();
    });
}

/// Dropped unfinished, the request is broken off, whether or not its octets could go.
#[test]
fn a_body_that_is_dropped_resets_its_stream() {
    on_threads(1, async {
        for window in [0, 65_535] {
            let (connection, mut peer) = raw(&[(INITIAL_WINDOW_SIZE, window)]).await;
            let (id, mut body) = streaming(&connection).await;
            let mut response = Box::pin(connection.response(id));
            assert!(futures_util::poll!(&mut response).is_pending());
            body.send_data("ab").await.unwrap();
            drop(body);
            let reset = peer.expect(RST_STREAM).await;
            assert_eq!(
                (reset.stream, reset.number()),
                (1, number(ErrorCode::CANCEL))
            );
            let error = response.await.unwrap_err();
            assert_eq!(
                (error.kind(), error.stream_id()),
                (Kind::RequestBody, Some(id))
            );
            assert_eq!(error.retry(), Retry::Never);
            let rest = peer.until_quiet().await;
            let is_ended = rest.iter().any(|frame| frame.has(END_STREAM));
            assert!(!is_ended, "the request is no whole one: {rest:?}");
            assert_eq!(connection.open_streams(), 0);
        }
    });
}

/// C2-32: a response may come before the upload has finished; the rest may be wanted or not.
#[test]
fn a_response_may_come_before_the_body_has_ended() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        // The server goes on reading.
        let (id, mut body) = streaming(&connection).await;
        peer.head(1, 0).await;
        connection.response(id).await.map(drop).unwrap();
        // The response was dropped before its end: so is the exchange.
        let reset = peer.expect(RST_STREAM).await;
        assert_eq!(
            (reset.stream, reset.number()),
            (1, number(ErrorCode::CANCEL))
        );
        peer.until_quiet().await;
        let error = body.send_data("ab").await.unwrap_err();
        assert_eq!(error.kind(), Kind::RequestBody);

        let (id, mut body) = streaming(&connection).await;
        peer.head(3, 0).await;
        let response = connection.response(id).await.unwrap();
        body.send_data("ab").await.unwrap();
        assert_eq!(peer.expect(DATA).await.payload, b"ab");
        peer.send(DATA, END_STREAM, 3, b"done").await;
        body.finish().unwrap();
        assert!(peer.expect(DATA).await.has(END_STREAM));
        assert_eq!(text(response).await, "done");
    });
}

/// The writer hears that the server wants no more, and why.
#[test]
fn a_server_may_stop_the_upload() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        // RFC 9113 §8.1: after a whole response, it is no fault.
        let (id, mut body) = streaming(&connection).await;
        peer.head(1, END_STREAM).await;
        peer.reset(1, number(ErrorCode::NO_ERROR)).await;
        peer.until_quiet().await;
        let error = body.send_data("ab").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::RequestBody, Some(id))
        );
        drop(body);
        assert_eq!(connection.response(id).await.unwrap().status(), 200);

        // A reset of the server's is what the writer is told, too.
        let (id, mut body) = streaming(&connection).await;
        body.send_data("ab").await.unwrap();
        peer.reset(3, number(ErrorCode::REFUSED_STREAM)).await;
        peer.until_quiet().await;
        let error = body.send_data("cd").await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (Kind::Reset, Some(ErrorCode::REFUSED_STREAM))
        );
        assert_eq!(body.finish().unwrap_err().kind(), Kind::Reset);
        assert_eq!(
            connection.response(id).await.unwrap_err().kind(),
            Kind::Reset
        );
    });
}

/// A writer that waits is woken by the end of its exchange.
#[test]
fn a_writer_that_waits_hears_of_the_end() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[(INITIAL_WINDOW_SIZE, 0)]).await;
        let (id, mut body) = streaming(&connection).await;
        body.send_data("ab").await.unwrap();
        let waiting = tokio::spawn(async move { body.send_data("cd").await });
        peer.until_quiet().await;
        assert!(!waiting.is_finished());
        connection.cancel(id, ErrorCode::CANCEL);
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::RequestBody, Some(id))
        );
    });
}

/// What was announced must come (RFC 9113 §8.1.1).
#[test]
fn a_body_is_as_long_as_announced() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let announced = || {
            connection
                .start_request("POST", "/")
                .header("content-length", "3")
        };
        let (id, mut body) = announced().send_streaming().await.unwrap();
        body.send_data("abcd").await.unwrap();
        assert_eq!(
            connection.response(id).await.unwrap_err().kind(),
            Kind::RequestBody
        );
        assert_eq!(peer.expect(RST_STREAM).await.stream, 1);
        let (id, mut body) = announced().send_streaming().await.unwrap();
        body.send_data("ab").await.unwrap();
        body.finish().unwrap();
        assert_eq!(
            connection.response(id).await.unwrap_err().kind(),
            Kind::RequestBody
        );
        assert_eq!(peer.expect(RST_STREAM).await.stream, 3);
        let (id, mut body) = announced().send_streaming().await.unwrap();
        body.send_data("abc").await.unwrap();
        body.finish().unwrap();
        assert!(peer.expect(HEADERS).await.stream == 1);
        peer.head(5, END_STREAM).await;
        connection.response(id).await.unwrap();
    });
}

/// A future that is dropped before the stream is open withdraws the request.
#[test]
fn a_start_that_is_cancelled_leaves_nothing() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut starting = Box::pin(connection.start_request("POST", "/").send_streaming());
        assert!(futures_util::poll!(&mut starting).is_pending());
        drop(starting);
        let mut starting = Box::pin(connection.request("GET", "/", (), NONE));
        assert!(futures_util::poll!(&mut starting).is_pending());
        drop(starting);
        let frames = peer.until_quiet().await;
        let opened = frames.iter().filter(|frame| frame.kind == HEADERS).count();
        let reset = frames
            .iter()
            .filter(|frame| frame.kind == RST_STREAM)
            .count();
        assert_eq!(opened, reset, "{frames:?}");
        assert_eq!(connection.open_streams(), 0);
        // It has left no response behind.
        let error = connection.response(None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
    });
}

/// RFC 9110 §10.1.1: pieces wait for leave as a whole body does.
#[test]
fn an_expectation_holds_the_pieces_back() {
    on_threads(1, async {
        let server = servers::hyper(
            Wire::Clear,
            async |request: http::Request<hyper::body::Incoming>| {
                http::Response::new(request.into_body())
            },
        )
        .await;
        let connection = to(&server).connect().await.unwrap();
        let request = connection
            .start_request("POST", "/")
            .header("expect", "100-continue");
        let (id, mut body) = request.send_streaming().await.unwrap();
        body.send_data("ab").await.unwrap();
        body.finish().unwrap();
        assert_eq!(text(connection.response(id).await.unwrap()).await, "ab");
    });
}
