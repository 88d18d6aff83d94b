//! Requests over HTTP/1.1: what goes out, in which order, and how bodies are framed.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body_util::{Full, StreamBody};
use towline::{
    Http1Connection, HttpHeaderMap, Protocols,
    connection::IntoFields,
    error::{BoxError, Kind, Scope},
    http2::message::Protocol,
};

use crate::{
    peers::{Wire, bodies::Scripted, on_threads, raw_http1::RawHttp1, servers},
    support::{NONE, get, raw_http1, text, to_http1},
};

/// Sends a request, and gives its head as it came.
async fn head(
    connection: &Http1Connection,
    peer: &mut RawHttp1,
    method: &str,
    path: &str,
    fields: impl IntoFields,
) -> String {
    connection
        .request(method, path, fields, NONE)
        .await
        .unwrap();
    let head = peer.head().await;
    peer.answer("").await;
    connection.response().await.unwrap();
    head
}

/// H1-06 to H1-09, C2-13: `host` first with the port where it is not the default, the rest as given.
#[test]
fn fields_go_out_in_order_and_case() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let fields = [
            ("X-Bee", "1"),
            ("user-AGENT", "hyper"),
            ("x-a", "2"),
            ("X-BEE", "3"),
        ];
        let expected = "GET /a?b HTTP/1.1\r\nhost: server.test\r\nX-Bee: 1\r\nuser-AGENT: hyper\r\nx-a: 2\r\nX-BEE: 3\r\n\r\n";
        assert_eq!(
            head(&connection, &mut peer, "GET", "/a?b", fields).await,
            expected
        );
        let map = HttpHeaderMap::try_from_iter(fields).unwrap();
        assert_eq!(
            head(&connection, &mut peer, "GET", "/a?b", &map).await,
            expected
        );
        // The caller's map is not changed.
        assert_eq!(map.raw_len(), 4);
        // H1-09: what is about the connection is sent as given.
        let fields = [("Connection", "keep-alive"), ("Keep-Alive", "5")];
        assert_eq!(
            head(&connection, &mut peer, "GET", "/", fields).await,
            "GET / HTTP/1.1\r\nhost: server.test\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n\r\n"
        );
        // H1-08: one of the caller's own stands in its place.
        let fields = [("X-A", "1"), ("Host", "other.test")];
        assert_eq!(
            head(&connection, &mut peer, "GET", "/", fields).await,
            "GET / HTTP/1.1\r\nX-A: 1\r\nHost: other.test\r\n\r\n"
        );
        assert_eq!(
            head(&connection, &mut peer, "GET", "http://other.test:8/b", ()).await,
            "GET /b HTTP/1.1\r\nhost: other.test:8\r\n\r\n"
        );
        // A spelling of the caller's own goes before that of the fields.
        let spelling = HttpHeaderMap::try_from_iter([("X-Zed", ""), ("X-A", "")]).unwrap();
        let request = connection.start_request("GET", "/").extension(spelling);
        request
            .header("x-a", "1")
            .header("x-zed", "2")
            .send(NONE)
            .await
            .unwrap();
        let expected = "GET / HTTP/1.1\r\nhost: server.test\r\nX-Zed: 2\r\nX-A: 1\r\n\r\n";
        assert_eq!(peer.head().await, expected);
    });
}

/// H1-08: brackets for IPv6, and the port where it is not the scheme's.
#[test]
fn the_host_has_a_port_where_it_must() {
    on_threads(1, async {
        let server = servers::hyper(
            Wire::ClearHttp1,
            async |request: http::Request<hyper::body::Incoming>| {
                let host = request.headers()["host"].as_bytes().to_vec();
                http::Response::new(Full::new(Bytes::from(host)))
            },
        )
        .await;
        let connection = to_http1(&server).build().unwrap();
        connection.request("GET", "/", (), NONE).await.unwrap();
        let host = text(connection.response().await.unwrap()).await;
        assert_eq!(host, server.address.to_string());
    });
    for (server, host) in [
        ("[::1]:8", "[::1]:8"),
        ("::1", "[::1]"),
        ("a:80", "a"),
        ("a:443", "a:443"),
    ] {
        on_threads(1, async move {
            let pipes = crate::support::Pipes::new(1);
            let builder = Http1Connection::builder(server).secure(false);
            let mut pipes = pipes;
            let connection = pipes.connecting(builder).connect().await.unwrap();
            let mut peer = RawHttp1::new(Box::new(pipes.server()));
            let request = connection.start_request("GET", "/");
            request
                .extension(towline::decode::Decoding::Off)
                .send(NONE)
                .await
                .unwrap();
            let expected = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
            assert_eq!(peer.head().await, expected);
        });
    }
}

/// Sends a POST, and checks all of it after the lines that are the same for all.
async fn check_framing<B>(
    (connection, peer): (&Http1Connection, &mut RawHttp1),
    fields: impl IntoFields,
    body: B,
    expected: &str,
) where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let sent = connection.request("POST", "/post", fields, body).await;
    sent.unwrap();
    let expected = format!("POST /post HTTP/1.1\r\nhost: server.test\r\n{expected}");
    let octets = peer.octets(expected.len()).await;
    assert_eq!(String::from_utf8(octets).unwrap(), expected);
    peer.answer("").await;
    connection.response().await.unwrap();
}

/// H1-10 to H1-16: table 4.3.
#[test]
fn bodies_are_framed_by_what_is_known_of_them() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let pieces = |pieces: &'static [&'static str]| {
            let frames = pieces
                .iter()
                .map(|piece| Ok::<_, std::io::Error>(http_body::Frame::data(Bytes::from(*piece))));
            StreamBody::new(futures_util::stream::iter(frames))
        };
        let user = [("User-Agent", "hyper")];
        // H1-11.
        let expected = "User-Agent: hyper\r\ncontent-length: 0\r\n\r\n";
        check_framing((&connection, &mut peer), user, NONE, expected).await;
        // H1-12.
        let expected = "User-Agent: hyper\r\ncontent-length: 2\r\n\r\nhi";
        check_framing((&connection, &mut peer), user, String::from("hi"), expected).await;
        // H1-13.
        let file = Scripted::pieces(2, 8).of_length(16);
        let expected = "content-length: 16\r\n\r\nxxxxxxxxxxxxxxxx";
        check_framing((&connection, &mut peer), (), file, expected).await;
        // H1-14, H1-15: an empty piece is none.
        let generator = pieces(&["hi", "there", "", "sir"]);
        let expected =
            "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n5\r\nthere\r\n3\r\nsir\r\n0\r\n\r\n";
        check_framing((&connection, &mut peer), (), generator, expected).await;
        let generator = pieces(&["hi", "there", "sir"]);
        let length = [("content-length", "10")];
        let expected = "content-length: 10\r\n\r\nhitheresir";
        check_framing((&connection, &mut peer), length, generator, expected).await;
        // H1-16: one chunk.
        let coding = [("transfer-encoding", "chunked")];
        let text = String::from("oneline\n");
        let expected = "transfer-encoding: chunked\r\n\r\n8\r\noneline\n\r\n0\r\n\r\n";
        check_framing((&connection, &mut peer), coding, text, expected).await;
    });
}

/// H1-06, EX-12: what cannot be said is not written, and the connection is as good as before.
#[test]
fn what_cannot_be_said_is_not_written() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        for field in [
            ("a\r\nb", "c"),
            ("a", "b\r\nc: d"),
            ("a b", "c"),
            ("a", "\0"),
        ] {
            let error = connection
                .request("GET", "/", [field], NONE)
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.scope()),
                (Kind::Request, Scope::Request)
            );
        }
        for path in ["", "a b", "relative", "/\r\nX: y"] {
            let error = connection.request("GET", path, (), NONE).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Uri, "{path:?}");
        }
        let error = connection
            .request("GET\r\n", "/", (), NONE)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        let both = [("content-length", "2"), ("transfer-encoding", "chunked")];
        let error = connection
            .request("POST", "/", both, String::from("hi"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        let error = connection
            .request("POST", "/", [("content-length", "3")], String::from("hi"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::RequestBody);
        for extension in [Protocols::Http2] {
            let mut request = get("/");
            request.extensions_mut().insert(extension);
            let error = connection.send_request(request).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Request);
        }
        let mut request = get("/");
        *request.method_mut() = http::Method::CONNECT;
        request.extensions_mut().insert(Protocol::WEBSOCKET);
        assert_eq!(
            connection.send_request(request).await.unwrap_err().kind(),
            Kind::Request
        );
        let expected = "GET / HTTP/1.1\r\nhost: server.test\r\n\r\n";
        assert_eq!(head(&connection, &mut peer, "GET", "/", ()).await, expected);
    });
}

/// RFC 9112 §3.2.2, §3.2.3: a connection to a proxy.
#[test]
fn a_connection_can_lead_to_a_proxy() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let proxy = towline::Proxy::new(connection.netloc().clone());
        let request = connection
            .start_request("GET", "http://other.test/a")
            .extension(proxy);
        request.send(NONE).await.unwrap();
        let expected = "GET http://other.test/a HTTP/1.1\r\nhost: other.test\r\n\r\n";
        assert_eq!(peer.head().await, expected);
        peer.answer("").await;
        connection.response().await.unwrap();
        connection
            .request("CONNECT", "other.test:443", (), NONE)
            .await
            .unwrap();
        let expected = "CONNECT other.test:443 HTTP/1.1\r\nhost: other.test:443\r\n\r\n";
        assert_eq!(peer.head().await, expected);
        peer.send("HTTP/1.1 200 OK\r\n\r\n").await;
        let mut response = connection.response().await.unwrap();
        assert!(towline::Duplex::take(&mut response).is_some());
    });
}

/// LR-40's kin for HTTP/1.1: head, pieces, end; by chunks or by length; with trailers.
#[test]
fn a_body_is_written_piece_by_piece() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let request = connection.start_request("POST", "/").header("X-A", "b");
        let mut body = request.send_streaming().await.unwrap();
        assert_eq!(body.stream_id(), None);
        let expected =
            "POST / HTTP/1.1\r\nhost: server.test\r\nX-A: b\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(peer.head().await, expected);
        body.send_data("").await.unwrap();
        body.send_data("ab").await.unwrap();
        assert_eq!(peer.until("ab\r\n").await, "2\r\nab\r\n");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "7".parse().unwrap());
        body.send_trailers(trailers).unwrap();
        assert_eq!(peer.until("\r\n\r\n").await, "0\r\nx-sum: 7\r\n\r\n");
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");

        // What was announced is there: nobody waits for the end to be said, and saying it is no fault.
        let request = connection
            .start_request("POST", "/")
            .header("content-length", "3");
        let mut body = request.send_streaming().await.unwrap();
        body.send_data("abc").await.unwrap();
        assert!(
            peer.until("abc")
                .await
                .ends_with("content-length: 3\r\n\r\nabc")
        );
        peer.answer("b").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "b");
        body.finish().unwrap();
        assert!(!connection.is_draining());
    });
}

/// Dropped unfinished, a request must not look like one: the connection closes.
#[test]
fn a_body_that_is_dropped_closes_the_connection() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let mut body = connection
            .start_request("POST", "/")
            .send_streaming()
            .await
            .unwrap();
        body.send_data("ab").await.unwrap();
        let mut response = Box::pin(connection.response());
        assert!(futures_util::poll!(&mut response).is_pending());
        peer.until("ab\r\n").await;
        drop(body);
        let error = response.await.unwrap_err();
        assert_eq!(error.kind(), Kind::RequestBody);
        connection.closed().await;
        assert!(peer.rest().await.is_empty(), "no last chunk");
    });
}

/// The same where the server reads nothing, so that nobody asks the body any more.
#[test]
fn a_body_that_is_dropped_while_it_is_stuck_closes_the_connection() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        let request = connection.start_request("POST", "/");
        let mut body = request.send_streaming().await.unwrap();
        // More than the pipe holds.
        body.send_data(vec![7; 8 << 20]).await.unwrap();
        body.send_data("ab").await.unwrap();
        peer.head().await;
        drop(body);
        connection.closed().await;
        let error = connection.response().await.unwrap_err();
        assert_eq!(error.kind(), Kind::RequestBody);
    });
}

/// The second upload waits for its turn, and is not begun before.
#[test]
fn an_upload_waits_for_its_turn() {
    on_threads(1, async {
        let (connection, mut peer) = raw_http1().await;
        connection.request("GET", "/a", (), NONE).await.unwrap();
        peer.head().await;
        let mut starting = Box::pin(connection.start_request("POST", "/b").send_streaming());
        assert!(futures_util::poll!(&mut starting).is_pending());
        peer.answer("a").await;
        assert_eq!(text(connection.response().await.unwrap()).await, "a");
        let body = starting.await.unwrap();
        assert!(peer.head().await.starts_with("POST /b "));
        body.finish().unwrap();
        assert_eq!(peer.until("\r\n\r\n").await, "0\r\n\r\n");
    });
}
