//! One HTTP/1.1 connection: exchanges in a row, what is kept and what ends.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline::{
    Duplex, Http1Connection, HttpHeaderMap,
    config::Timeouts,
    error::{Kind, Phase, Retry},
    http1::ReasonPhrase,
};

use crate::{
    peers::{
        everywhere_http1, on_threads,
        raw_http1::{RawHttp1, response},
        servers,
    },
    support::{NONE, Pipes, call, get, raw_http1, raw_http1_by, ready, text, to_http1},
};

/// H1-17, H1-19: several requests, one after the other, on one socket.
#[test]
fn a_connection_is_kept_for_the_next_exchange() {
    everywhere_http1(|wire| async move {
        let server = servers::hyper(wire, async |request: Request<Incoming>| {
            let path = request.uri().path().to_owned();
            Response::new(Full::new(Bytes::from(path)))
        })
        .await;
        let connection = to_http1(&server).build().unwrap();
        for path in ["/a", "/b", "/c"] {
            connection.request("GET", path, (), NONE).await.unwrap();
            let response = connection.response().await.unwrap();
            assert_eq!(
                (response.status(), response.version()),
                (StatusCode::OK, Version::HTTP_11)
            );
            assert_eq!(text(response).await, path);
        }
        assert_eq!(server.accepted(), 1);
        let info = connection.info().unwrap();
        assert!(info.is_reused());
        assert_eq!(
            (info.remote_addr(), info.stream_id()),
            (Some(server.address), None)
        );
        assert_eq!(connection.is_secure(), wire.is_tls());
        // H1-21: idempotent.
        connection.close().await;
        connection.close().await;
        assert!(connection.is_closed());
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        assert_eq!(server.accepted(), 1);
    });
}

/// RFC 9112 §9.3.2: nothing is pipelined; later requests wait in order, and leave when it is their turn.
#[test]
fn later_requests_wait_in_order() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        for path in ["/a", "/b", "/c"] {
            connection.request("GET", path, (), NONE).await.unwrap();
        }
        assert!(peer.head().await.starts_with("GET /a "));
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n")
            .await;
        let first = connection.response().await.unwrap();
        let mut second = Box::pin(connection.response());
        assert!(futures_util::poll!(&mut second).is_pending());
        peer.send("the").await;
        assert_eq!(text(first).await, "the");
        let served = tokio::spawn(async move {
            assert!(peer.head().await.starts_with("GET /b "));
            peer.answer("b").await;
            assert!(peer.head().await.starts_with("GET /c "));
            peer.answer("c").await;
            peer
        });
        assert_eq!(text(second.await.unwrap()).await, "b");
        assert_eq!(text(connection.response().await.unwrap()).await, "c");
        let error = connection.response().await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
        served.await.unwrap();
    });
}

/// Requests of many tasks, and those of futures, stand in one line.
#[test]
fn many_tasks_take_turns() {
    everywhere_http1(|wire| async move {
        let server = servers::hyper(wire, async |request: Request<Incoming>| {
            let path = request.uri().path().to_owned();
            Response::new(Full::new(Bytes::from(path)))
        })
        .await;
        let connection = to_http1(&server).build().unwrap();
        let tasks = (0..20).map(|task| {
            let connection = connection.clone();
            tokio::spawn(async move {
                let path = format!("/{task}");
                let response = connection.send_request(get(&path)).await.unwrap();
                assert_eq!(text(response).await, path);
            })
        });
        for task in futures_util::future::join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// Two requests that are made while the connection is dialed: neither waits for the other's response.
#[test]
fn requests_before_the_connection_is_made_need_no_response_first() {
    on_threads(1, async {
        let mut pipes = Pipes::new(1);
        let builder = Http1Connection::builder("http://server.test").decode(false);
        let connection = pipes.connecting(builder).build().unwrap();
        // Each on a task of its own, that nothing but its own turn wakes.
        let requests = [(); 2].map(|()| {
            let connection = connection.clone();
            tokio::spawn(async move { connection.request("GET", "/", (), NONE).await })
        });
        for request in requests {
            request.await.unwrap().unwrap();
        }
        let mut peer = RawHttp1::new(Box::new(pipes.server()));
        peer.head().await;
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        let second = tokio::spawn(async move { text(connection.response().await.unwrap()).await });
        peer.head().await;
        peer.answer("b").await;
        assert_eq!(second.await.unwrap(), "b");
    });
}

/// R1-12, R1-16: what is left unread ends the connection, and with it the requests that wait.
#[test]
fn a_response_that_is_dropped_unread_ends_the_connection() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\nabc")
            .await;
        drop(connection.response().await.unwrap());
        let error = connection.response().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        assert_eq!(peer.drain().await, 0);
        assert!(connection.is_closed());
    });
}

/// A wait that is cancelled has taken nothing, and its place in the line stays.
#[test]
fn a_wait_that_is_cancelled_keeps_its_place() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/a", (), NONE).await.unwrap();
        connection.request("GET", "/b", (), NONE).await.unwrap();
        let mut first = Box::pin(connection.response());
        let mut second = Box::pin(connection.response());
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(second);
        drop(first);
        peer.head().await;
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        let mut behind = Box::pin(connection.send_request(get("/c")));
        assert!(futures_util::poll!(&mut behind).is_pending());
        let second = tokio::spawn({
            let connection = connection.clone();
            async move { text(connection.response().await.unwrap()).await }
        });
        assert!(peer.head().await.starts_with("GET /b "));
        peer.answer("b").await;
        assert_eq!(second.await.unwrap(), "b");
        drop(behind);
    });
}

/// H1-20, R1-02, R1-12: a server that closes, at once or after its response, has closed for good.
#[test]
fn after_the_servers_close_there_is_an_error() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\na")
            .await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        connection.closed().await;
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));

        let (mut connection, mut peer) = raw_http1().await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        peer.close().await;
        connection.closed().await;
        assert!(connection.is_closed() && connection.is_draining());
        let error = ready(&mut connection).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
        assert_eq!(connection.why_closed().unwrap().kind(), Kind::Closed);
    });
}

/// RFC 9112 §9.6: the caller's word counts as the server's.
#[test]
fn a_request_may_be_the_last() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection
            .request("GET", "/", [("Connection", "close")], NONE)
            .await
            .unwrap();
        assert!(peer.head().await.contains("Connection: close\r\n"));
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        connection.closed().await;
        assert_eq!(peer.drain().await, 0);
    });
}

/// H1-21: the exchange that is under way finishes, those behind it do not begin.
#[test]
fn close_finishes_the_exchange_under_way() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/a", (), NONE).await.unwrap();
        connection.request("GET", "/b", (), NONE).await.unwrap();
        peer.head().await;
        let mut closing = Box::pin(connection.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        peer.answer("a").await;
        closing.await;
        assert_eq!(peer.drain().await, 0);
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        let error = connection.response().await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
    });
}

#[test]
fn close_now_breaks_the_exchange_off() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/a", (), NONE).await.unwrap();
        peer.head().await;
        connection.close_now();
        connection.closed().await;
        let error = connection.response().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        assert_eq!(peer.drain().await, 0);
    });
}

/// C2-09, H1-22: the last handle closes; a response that was taken is read to its end first.
#[test]
fn the_last_handle_closes() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/a", (), NONE).await.unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n")
            .await;
        let response = connection.response().await.unwrap();
        drop(connection);
        peer.send("abc").await;
        assert_eq!(text(response).await, "abc");
        assert_eq!(peer.drain().await, 0);
    });
}

/// H1-18, R1-01, R2-04: fields in the server's order and case, and its reason.
#[test]
fn responses_tell_what_the_server_wrote() {
    on_threads(1, async {
        let written = "HTTP/1.1 200 Fine By Me\r\nX-Bee: 1\r\nContent-Length: 0\r\nx-a: 2, 3\r\nX-BEE: 4\r\n\r\n";
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.send(written).await;
        let response = connection.response().await.unwrap();
        let reason = response.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"Fine By Me");
        let fields = response.extensions().get::<HttpHeaderMap>().unwrap();
        let fields = fields
            .iter_raw()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let expected: [(&[u8], &[u8]); 4] = [
            (b"X-Bee", b"1"),
            (b"Content-Length", b"0"),
            (b"x-a", b"2, 3"),
            (b"X-BEE", b"4"),
        ];
        assert!(fields.eq(expected));

        let (connection, mut peer) = raw_http1_by(|builder| builder.keep_fields(false)).await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.send(written).await;
        let response = connection.response().await.unwrap();
        assert!(response.extensions().get::<HttpHeaderMap>().is_none());
    });
}

/// Table 4.4: what ends a response, or makes it none.
#[test]
fn responses_end_where_their_framing_says() {
    on_threads(1, async {
        let cases = [
            (
                "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                Ok(""),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nhellotherechamp",
                Ok("hellotherechamp"),
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nwell\r\n2;a=b\r\nhi\r\n0\r\nx: y\r\n\r\n",
                Ok("wellhi"),
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", Ok("")),
            ("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nabc", Ok("abc")),
            ("HTTP/1.0 200 OK\r\n\r\nabc", Ok("abc")),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
                Err(Kind::MalformedResponse),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
                Err(Kind::Truncated),
            ),
            ("SQP/1 200 OK\r\n\r\n", Err(Kind::MalformedResponse)),
            ("", Err(Kind::Closed)),
        ];
        for (written, expected) in cases {
            let (connection, mut peer) = raw_http1().await;
            connection.request("GET", "/", (), NONE).await.unwrap();
            peer.head().await;
            peer.send(written).await;
            let mut closing = Box::pin(peer.close());
            let read = async {
                let response = connection.response().await?;
                response.into_body().read_all(100).await
            };
            let mut read = Box::pin(read);
            let mut is_closed = false;
            let read = loop {
                tokio::select! {
                    biased;
                    read = &mut read => break read,
                    () = &mut closing, if !is_closed => is_closed = true,
                }
            };
            let read = read.map_err(|error| error.kind());
            assert_eq!(read, expected.map(Bytes::from), "{written}");
        }
    });
}

/// R1-04: no content after HEAD, whatever the fields say.
#[test]
fn head_has_no_content() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("HEAD", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
            .await;
        assert_eq!(text(connection.response().await.unwrap()).await, "");
        connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head().await;
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
    });
}

/// H1-17, H1-23: interim responses are not final, whoever listens.
#[test]
fn interim_responses_are_passed_over_or_heard() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let (sink, mut interim) = towline::interim::channel();
        connection
            .start_request("GET", "/")
            .extension(sink)
            .send(NONE)
            .await
            .unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
            .await;
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        assert_eq!(interim.recv().await.unwrap().status(), 103);
    });
}

/// RFC 9110 §7.8: an upgrade makes the connection the caller's, and nobody else's.
#[test]
fn an_upgrade_takes_the_connection_away() {
    on_threads(1, async {
        let (mut connection, mut peer) = raw_http1().await;
        let fields = [("Connection", "upgrade"), ("Upgrade", "other")];
        connection.request("GET", "/", fields, NONE).await.unwrap();
        peer.head().await;
        peer.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nhello").await;
        let mut response = connection.response().await.unwrap();
        let mut tunnel = Duplex::take(&mut response).unwrap();
        let mut hello = [0; 5];
        tunnel.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
        connection.closed().await;
        assert!(ready(&mut connection).await.is_err());
        tunnel.write_all(b"there").await.unwrap();
        tunnel.flush().await.unwrap();
        assert_eq!(peer.octets(5).await, b"there");
    });
}

/// The service, and the time that a turn is waited for.
#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_is_bounded() {
    let mut timeouts = Timeouts::default();
    timeouts.pool_wait = Some(Duration::from_secs(5));
    let (mut connection, mut peer) = raw_http1_by(|builder| builder.timeouts(timeouts)).await;
    connection.request("GET", "/", (), NONE).await.unwrap();
    connection.request("GET", "/", (), NONE).await.unwrap();
    peer.head().await;
    let first = connection.response();
    let error = call(&mut connection.clone(), "/").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry()),
        (Kind::Timeout(Phase::PoolWait), Retry::Safe)
    );
    peer.send(response("a")).await;
    assert_eq!(text(first.await.unwrap()).await, "a");
    // The second's time was up as well, before it was asked for; but its turn came first.
    let second = tokio::spawn({
        let connection = connection.clone();
        async move { text(connection.response().await.unwrap()).await }
    });
    peer.head().await;
    peer.answer("b").await;
    assert_eq!(second.await.unwrap(), "b");
    ready(&mut connection).await.unwrap();
}
