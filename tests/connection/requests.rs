//! Requests over HTTP/2: what a method, a path, fields and a body become on the wire.

use bytes::Bytes;
use h2::RecvStream;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{Empty, Full, StreamBody};
use towline::{
    Error, Http2Connection, HttpHeaderMap, Protocols, Proxy,
    connection::{IntoFields, Pseudo},
    error::{Kind, Retry, Scope},
};

use crate::{
    peers::{
        Server, Wire,
        bodies::{Scripted, Spoilt},
        everywhere, on_threads,
        raw::{DATA, END_STREAM, HEADERS, RawFrame, RawPeer},
        servers,
    },
    support::{NONE, get, raw, text, to},
};

/// A server that says what it was asked: method, URI and fields, line by line.
async fn mirror(wire: Wire) -> Server {
    servers::h2(wire, async |request: Request<RecvStream>, mut respond| {
        let (parts, _) = request.into_parts();
        let mut said = format!("{} {}\n", parts.method, parts.uri);
        for (name, value) in &parts.headers {
            said += &format!("{name}: {}\n", value.to_str().expect("text"));
        }
        servers::answer(&mut respond, said);
    })
    .await
}

/// What the mirror says of a request.
async fn said(connection: &Http2Connection, path: &str, fields: impl IntoFields) -> Vec<String> {
    let id = connection.request("GET", path, fields, NONE).await.unwrap();
    let response = connection.response(id).await.unwrap();
    text(response)
        .await
        .lines()
        .map(ToOwned::to_owned)
        .collect()
}

/// C2-05, C2-12, C2-13: scheme and authority are the connection's, the port where it is not the
/// scheme's own.
#[test]
fn a_path_gets_scheme_and_authority_of_the_connection() {
    everywhere(|wire| async move {
        let server = mirror(wire).await;
        let connection = to(&server).connect().await.unwrap();
        let said = said(&connection, "/a?b=c", ()).await;
        // C2-27: no field that nobody asked for.
        assert_eq!(said, [format!("GET {}", server.url("/a?b=c"))]);
    });
}

#[test]
fn a_default_port_is_not_in_the_authority() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        connection.request("GET", "/", (), NONE).await.unwrap();
        let head = peer.expect(HEADERS).await;
        let octets = head.payload.escape_ascii().to_string();
        // `:method GET`, `:scheme http`, `:path /` are of the static table; the authority is a literal.
        assert!(head.payload.len() < 16, "{octets}");
        assert!(!octets.contains("80"), "{octets}");
    });
}

/// C2-18: a `host` field is the authority where the URI names none.
#[test]
fn a_host_field_becomes_the_authority() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).connect().await.unwrap();
        let said_of = said(&connection, "/", [("Host", "other.test:8")]).await;
        assert_eq!(said_of, ["GET http://other.test:8/"]);
        let url = server.url("/");
        let same = server.address.to_string();
        assert_eq!(
            said(&connection, &url, [("host", same)]).await,
            [format!("GET {url}")]
        );
        for host in ["other.test", "me@other.test", "a b"] {
            let differs = connection.request("GET", url.as_str(), [("host", host)], NONE);
            assert_eq!(differs.await.unwrap_err().kind(), Kind::Request, "{host}");
        }
        let junk = connection
            .request("GET", "/", [("host", "a b")], NONE)
            .await;
        assert_eq!(junk.unwrap_err().kind(), Kind::Request);
    });
}

/// C2-19, LR-20: replaced in its place, and not sent twice.
#[test]
fn pseudo_headers_are_overridden_in_place() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).connect().await.unwrap();
        let request = connection
            .start_request("GET", "/a")
            .override_pseudo(Pseudo::Method, "REPORT")
            .override_pseudo(Pseudo::Authority, "other.test")
            .override_pseudo(Pseudo::Scheme, "http")
            .override_pseudo(Pseudo::Path, "/b?c");
        let id = request.send(NONE).await.unwrap();
        let response = connection.response(id).await.unwrap();
        assert_eq!(text(response).await, "REPORT http://other.test/b?c\n");
        let wrong = [
            (Pseudo::Method, "a b", Kind::Request),
            (Pseudo::Authority, "a b", Kind::Uri),
            (Pseudo::Path, "/a b", Kind::Uri),
            (Pseudo::Scheme, "a b", Kind::Scheme),
            (Pseudo::Scheme, "https", Kind::Uri),
        ];
        for (pseudo, value, kind) in wrong {
            let request = connection.start_request("GET", "/a");
            let request = request.override_pseudo(pseudo, value);
            assert_eq!(
                request.send(NONE).await.unwrap_err().kind(),
                kind,
                "{value}"
            );
        }
        // C2-19: as a field it has no name.
        let request = connection.start_request("GET", "/").header(":path", "/b");
        assert_eq!(request.send(NONE).await.unwrap_err().kind(), Kind::Request);
    });
}

/// Names and values, a line each.
fn fields(lines: &'static str) -> Vec<(&'static str, &'static str)> {
    let lines = lines.lines();
    lines
        .map(|line| line.split_once(": ").expect("a field"))
        .collect()
}

/// C2-16, C2-17: table 1.7.
#[test]
fn fields_about_the_connection_are_not_sent() {
    everywhere(|wire| async move {
        let server = mirror(wire).await;
        let connection = to(&server).connect().await.unwrap();
        let cases = [
            ("one: two\nconnection: close", "one: two"),
            (
                "one: two\nthree: four\nfive: six\nconnection: close, three, five",
                "one: two",
            ),
            (
                "one: two\nthree: four\nfive: six\nconnection: close\nconnection: three, five",
                "one: two",
            ),
            (
                "Connection: X-A, close\nX-A: 1\nKeep-Alive: 5\nX-B: 2\nTE: gzip\n\
                 Proxy-Connection: k\nTransfer-Encoding: chunked\nUpgrade: h2c",
                "x-b: 2",
            ),
            ("te: trailers", "te: trailers"),
        ];
        for (given, sent) in cases {
            let said = said(&connection, "/", fields(given)).await;
            assert_eq!(said[1..], [sent], "{given}");
        }
    });
}

/// C2-15, C2-26, C2-28: lower case, in order, a line a field; from whatever fields are made of.
#[test]
fn fields_keep_their_order_and_their_lines() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).connect().await.unwrap();
        let sent = [
            "x-b: 1",
            "date: Tue, 31 Mar 2015 08:09:51 GMT",
            "x-a: 2, 3",
            "x-a: 4",
        ];
        let list = [
            ("X-B", "1"),
            ("Date", "Tue, 31 Mar 2015 08:09:51 GMT"),
            ("X-A", "2, 3"),
            ("x-a", "4"),
        ];
        let map = HttpHeaderMap::try_from_iter(list).unwrap();
        let headers = HeaderMap::try_from(&map).unwrap();
        assert_eq!(said(&connection, "/", list).await[1..], sent);
        assert_eq!(said(&connection, "/", list.to_vec()).await[1..], sent);
        assert_eq!(said(&connection, "/", &list[..]).await[1..], sent);
        assert_eq!(said(&connection, "/", &map).await[1..], sent);
        assert_eq!(said(&connection, "/", map).await[1..], sent);
        assert_eq!(said(&connection, "/", &headers).await[1..], sent);
        assert_eq!(said(&connection, "/", headers).await[1..], sent);
        let mut request = connection.start_request(Method::GET, Uri::from_static("/"));
        for (name, value) in list {
            request = request.header(name, value);
        }
        let id = request.send(NONE).await.unwrap();
        let said = text(connection.response(id).await.unwrap()).await;
        assert!(said.lines().skip(1).eq(sent));
    });
}

/// RFC 7541 §7.1.3: what is a secret stays one.
#[test]
fn a_sensitive_value_is_never_indexed() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut value = HeaderValue::from_static("!!!!");
        value.set_sensitive(true);
        let id = connection
            .request("GET", "/", [("x-key", value)], NONE)
            .await;
        id.unwrap();
        let head = peer.expect(HEADERS).await;
        // The pattern of a literal that is never indexed, with a new name (RFC 7541 §6.2.3).
        assert!(head.payload.contains(&0x10), "{:02x?}", head.payload);
    });
}

/// The error says whose fault it is, and where it was to go.
fn check_refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: Kind) {
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind(), error.scope()),
        (kind, Scope::Request),
        "{error:?}"
    );
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(error.netloc().unwrap().host(), "server.test");
}

/// Nothing has gone out, and no stream is held.
async fn check_untouched(connection: &Http2Connection, peer: &mut RawPeer) {
    let sent = peer.until_quiet().await;
    assert!(sent.iter().all(|frame| frame.kind != HEADERS), "{sent:?}");
    assert_eq!(connection.open_streams(), 0);
}

/// C2-30, EX-12, EX-13: what no message can hold is not sent.
#[test]
fn junk_is_refused_before_it_is_sent() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let fields = [
            ("a\r\nb", "c"),
            ("a", "b\r\nc: d"),
            ("a b", "c"),
            ("", "c"),
            ("a:", "c"),
            ("a", "\0"),
        ];
        for (name, value) in fields {
            let sent = connection.request("GET", "/", [(name, value)], NONE).await;
            check_refused(sent, Kind::Request);
            let request = connection.start_request("GET", "/").header(name, value);
            check_refused(request.send(NONE).await, Kind::Request);
        }
        for method in ["", "G T", "GET\r\n"] {
            let sent = connection.request(method, "/", (), NONE).await;
            check_refused(sent, Kind::Request);
        }
        for path in ["", "a b", "relative", "a/b", "/\r\n", "http://:80/"] {
            let sent = connection.request("GET", path, (), NONE).await;
            check_refused(sent, Kind::Uri);
        }
        for url in ["ftp://a/", "https://server.test/"] {
            let sent = connection.request("GET", url, (), NONE).await;
            check_refused(sent, Kind::Scheme);
        }
        check_untouched(&connection, &mut peer).await;
    });
}

/// What a method or a length forbids is not sent either.
#[test]
fn contradictions_are_refused_before_they_are_sent() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let sent = connection.request("GET", "*", (), NONE).await;
        check_refused(sent, Kind::Request);
        let text = String::from("ab");
        let length = [("content-length", "3")];
        let sent = connection.request("POST", "/", length, text).await;
        check_refused(sent, Kind::RequestBody);
        let sent = connection.request("CONNECT", "/", (), NONE).await;
        check_refused(sent, Kind::Request);
        let text = String::from("ab");
        let sent = connection.request("CONNECT", "a:1", (), text).await;
        check_refused(sent, Kind::Request);
        let sent = connection.request("CONNECT", "a:1", length, NONE).await;
        check_refused(sent, Kind::Request);
        check_untouched(&connection, &mut peer).await;
    });
}

/// A request that demands another protocol is not for this connection.
#[test]
fn what_a_request_demands_must_be_what_is_spoken() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut demanding = get("/");
        demanding.extensions_mut().insert(Protocols::Http1);
        let error = connection.send_request(demanding).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        let mut demanding = get("/");
        *demanding.version_mut() = http::Version::HTTP_3;
        let error = connection.send_request(demanding).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        let mut demanding = get("/");
        *demanding.version_mut() = http::Version::HTTP_2;
        let mut sent = Box::pin(connection.send_request(demanding));
        assert!(futures_util::poll!(&mut sent).is_pending());
        assert_eq!(peer.request().await, 1);
    });
}

/// A connection to a proxy asks it for tunnels, and for what `http` URIs of others name.
#[test]
fn a_connection_can_lead_to_a_proxy() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).connect().await.unwrap();
        // Without a word, an absolute URI is the caller's affair: a server may speak for many hosts.
        assert_eq!(
            said(&connection, "http://other.test/a", ()).await,
            ["GET http://other.test/a"]
        );
        let asked = |url: &str, proxy: &str| {
            let mut request = get(url);
            let proxy = towline::Netloc::from_uri(&proxy.parse().unwrap()).unwrap();
            request.extensions_mut().insert(Proxy::new(proxy));
            connection.send_request(request)
        };
        let here = server.url("/");
        let response = asked("http://other.test/a", &here).await.unwrap();
        assert_eq!(text(response).await, "GET http://other.test/a\n");
        let error = asked("https://other.test/a", &here).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        let error = asked("http://other.test/a", "http://proxy.test")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
    });
}

/// The HEADERS frame and the DATA frames of a request's stream, up to its end.
async fn framing(peer: &mut RawPeer) -> (bool, Vec<(usize, bool)>) {
    let head = peer.expect(HEADERS).await;
    let mut data = Vec::new();
    let mut is_end = head.has(END_STREAM);
    let ends_with_head = is_end;
    while !is_end {
        let frame: RawFrame = peer.expect(DATA).await;
        is_end = frame.has(END_STREAM);
        data.push((frame.payload.len(), is_end));
    }
    (ends_with_head, data)
}

/// C2-20, C2-23, C2-24, C2-25: table 1.8.
#[test]
fn bodies_end_their_streams() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        connection.request("POST", "/", (), NONE).await.unwrap();
        assert_eq!(framing(&mut peer).await, (true, vec![]));
        for octets in [0, 1, 1023, 1024, 1025, 2048] {
            let body = Full::new(Bytes::from(vec![7; octets]));
            connection.request("POST", "/", (), body).await.unwrap();
            let expected = if octets == 0 {
                (true, vec![])
            } else {
                (false, vec![(octets, true)])
            };
            assert_eq!(framing(&mut peer).await, expected, "{octets} octets");
        }
        // A text is a body of its own.
        connection
            .request("POST", "/", (), String::from("text"))
            .await
            .unwrap();
        assert_eq!(framing(&mut peer).await, (false, vec![(4, true)]));
        // Files, of which nobody knows the end before it is read.
        for (pieces, octets) in [(0, 0), (1, 1024), (3, 10)] {
            connection
                .request("POST", "/", (), Scripted::pieces(pieces, octets))
                .await
                .unwrap();
            let (ends_with_head, data) = framing(&mut peer).await;
            assert!(!ends_with_head);
            let sum: usize = data.iter().map(|(octets, _)| octets).sum();
            assert_eq!(sum, pieces * octets);
            assert!(data.last().unwrap().1);
        }
    });
}

/// A body that fails fails its exchange: whoever made it hears that, and the server a reset.
#[test]
fn a_body_that_fails_fails_its_request() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let frames = [Ok(http_body::Frame::data(Bytes::from("a"))), Err(Spoilt)];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let id = connection.request("POST", "/", (), body).await.unwrap();
        let error = connection.response(id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::RequestBody, Some(id))
        );
        assert_eq!(peer.expect(crate::peers::raw::RST_STREAM).await.stream, 1);
    });
}

/// C2-27, CN-04: the length is said where it is known, and nobody else said it.
#[test]
fn a_known_length_is_announced() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).connect().await.unwrap();
        let cases = [
            ("POST", "ab", "", "content-length: 2"),
            ("POST", "", "", "content-length: 0"),
            ("GET", "", "", ""),
            ("POST", "ab", "Content-Length: 2", "content-length: 2"),
        ];
        for (method, body, given, sent) in cases {
            let body = Full::new(Bytes::from_static(body.as_bytes()));
            let id = connection.request(method, "/", fields(given), body).await;
            let response = connection.response(id.unwrap()).await.unwrap();
            assert!(
                text(response).await.lines().skip(1).eq(sent.lines()),
                "{sent}"
            );
        }
    });
}

/// C2-27, R2-12 to R2-16: by default what is encoded comes decoded, and requests say so.
#[test]
fn decoding_is_as_a_transports() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        let connection = to(&server).decode(true).connect().await.unwrap();
        let line = &said(&connection, "/", ()).await[1];
        assert!(
            line.starts_with("accept-encoding: ") && line.contains("gzip"),
            "{line}"
        );
        let request = connection
            .start_request("GET", "/")
            .extension(towline::decode::Decoding::Off);
        let id = request.send(NONE).await.unwrap();
        let said = text(connection.response(id).await.unwrap()).await;
        assert!(!said.contains("accept-encoding"), "{said}");
    });
}

/// R2-04: an ordered map, if it was asked for.
#[test]
fn responses_carry_an_ordered_map_if_asked_for() {
    on_threads(1, async {
        let server = mirror(Wire::Clear).await;
        for keeps in [false, true] {
            let connection = to(&server).keep_fields(keeps).connect().await.unwrap();
            let id = connection.request("GET", "/", (), NONE).await.unwrap();
            let response = connection.response(id).await.unwrap();
            assert_eq!(
                response.extensions().get::<HttpHeaderMap>().is_some(),
                keeps
            );
        }
    });
}

/// OPTIONS may ask for the server as a whole (RFC 9113 §8.3.1).
#[test]
fn an_asterisk_is_the_whole_server() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        connection.request("OPTIONS", "*", (), NONE).await.unwrap();
        let head = peer.expect(HEADERS).await;
        // `:path: *`: index 4, a literal of one octet, be it Huffman-coded.
        let octets = &head.payload;
        let path = octets
            .windows(2)
            .find(|pair| matches!(pair, [0x44 | 0x04, 0x81 | 0x01]));
        assert!(path.is_some(), "{octets:02x?}");
    });
}

#[test]
fn a_builder_that_is_dropped_sends_nothing() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        drop(
            connection
                .start_request("GET", "/")
                .header(header::ACCEPT, "*/*"),
        );
        drop(connection.send_request(get("/")));
        drop(connection.request("GET", "/", (), Empty::<Bytes>::new()));
        assert_eq!(peer.until_quiet().await, []);
        assert_eq!(connection.open_streams(), 0);
    });
}
