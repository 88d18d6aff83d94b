//! Requests, octet by octet as the server gets them (RFC 9112 §3, §6, §7.1).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body::Frame;
use http_body_util::{Empty, Full, StreamBody};
use tokio::sync::mpsc;
use tower::Service;
use towline::{HttpHeaderMap, ResponseFuture, Transport};

use crate::peers::{
    Server, Wire,
    bodies::{Scripted, Spoilt, Step, pattern},
    call, everywhere_http1, plain,
    raw_http1::RawHttp1,
    request, soon,
};

/// Makes a request at a URL of the server's, and asserts that the server gets exactly these octets;
/// `{host}` is its address.
async fn assert_sent<B>(wire: Wire, expected: &str, request: impl FnOnce(&str) -> Request<B>)
where
    Transport: Service<Request<B>, Future = ResponseFuture>,
{
    let (sender, mut sent) = mpsc::unbounded_channel();
    let (tell, told) = tokio::sync::watch::channel(String::new());
    let server = Server::start(wire, move |stream, _| {
        let (sender, mut told) = (sender.clone(), told.clone());
        async move {
            let expected = told.wait_for(|text| !text.is_empty()).await;
            let expected = expected.expect("the test goes on").clone();
            let mut peer = RawHttp1::new(stream);
            let mut octets = Vec::new();
            while octets.len() < expected.len() && expected.as_bytes().starts_with(&octets) {
                octets.extend(peer.octets(1).await);
            }
            peer.answer("").await;
            octets.extend(peer.rest().await);
            sender.send(octets).expect("the test waits");
        }
    })
    .await;
    let expected = expected.replace("{host}", &server.address.to_string());
    tell.send_replace(expected.clone());
    let transport = plain(wire);
    let response = call(&transport, request(&server.url("")));
    assert_eq!(response.await.expect("a response").status(), 200);
    // With the last of it, the connection closes: nothing else may have been sent.
    drop(transport);
    let octets = soon(sent.recv()).await.expect("what came");
    assert_eq!(String::from_utf8_lossy(&octets), expected);
}

fn pieces(texts: &[&'static str]) -> Scripted {
    Scripted::new(texts.iter().map(|text| Step::Data(Bytes::from(*text))))
}

fn post(url: &str) -> http::request::Builder {
    Request::post(format!("{url}/post"))
}

#[test]
fn a_post_without_a_body_says_so() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\nuser-agent: hyper\r\n\
                        content-length: 0\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let request = post(url).header(header::USER_AGENT, "hyper");
            request.body(Empty::<Bytes>::new()).unwrap()
        })
        .await;
    });
}

#[test]
fn a_body_that_is_whole_has_its_length() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\nuser-agent: hyper\r\n\
                        content-length: 2\r\n\r\nhi";
        assert_sent(wire, expected, |url| {
            let request = post(url).header(header::USER_AGENT, "hyper");
            request.body(Full::<Bytes>::from("hi")).unwrap()
        })
        .await;
    });
}

#[test]
fn a_body_that_knows_its_length_streams_by_it() {
    everywhere_http1(|wire| async move {
        let expected =
            "POST /post HTTP/1.1\r\nhost: {host}\r\ncontent-length: 16\r\n\r\nsixteen octets!!";
        assert_sent(wire, expected, |url| {
            let body = pieces(&["sixteen", " ", "octets!!"]).of_length(16);
            post(url).body(body).unwrap()
        })
        .await;
    });
}

#[test]
fn a_body_of_unknown_length_goes_in_chunks_piece_by_piece() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n\
                        2\r\nhi\r\n5\r\nthere\r\n3\r\nsir\r\n0\r\n\r\n";
        assert_sent(wire, expected, |url| {
            post(url).body(pieces(&["hi", "there", "sir"])).unwrap()
        })
        .await;
    });
}

#[test]
fn a_length_that_the_caller_gives_takes_the_place_of_chunks() {
    everywhere_http1(|wire| async move {
        let expected =
            "POST /post HTTP/1.1\r\nhost: {host}\r\ncontent-length: 10\r\n\r\nhitheresir";
        assert_sent(wire, expected, |url| {
            let request = post(url).header(header::CONTENT_LENGTH, 10);
            request.body(pieces(&["hi", "there", "sir"])).unwrap()
        })
        .await;
    });
}

#[test]
fn chunks_that_the_caller_asks_for_take_the_place_of_a_length() {
    everywhere_http1(|wire| async move {
        let head =
            "POST /post HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        let chunks = "8\r\noneline\n\r\nb\r\nanotherline\r\n0\r\n\r\n";
        assert_sent(wire, &(head.clone() + chunks), |url| {
            let request = post(url).header(header::TRANSFER_ENCODING, "chunked");
            let body = pieces(&["oneline\n", "anotherline"]).of_length(19);
            request.body(body).unwrap()
        })
        .await;
        assert_sent(wire, &(head + "2\r\nhi\r\n0\r\n\r\n"), |url| {
            let request = post(url).header(header::TRANSFER_ENCODING, "chunked");
            request.body(Full::<Bytes>::from("hi")).unwrap()
        })
        .await;
    });
}

#[test]
fn a_piece_that_is_empty_ends_nothing() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n\
                        1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
        assert_sent(wire, expected, |url| {
            post(url).body(pieces(&["a", "", "b"])).unwrap()
        })
        .await;
    });
}

#[test]
fn a_body_of_unknown_length_that_is_empty_is_no_chunk() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n\
                        0\r\n\r\n";
        assert_sent(wire, expected, |url| post(url).body(pieces(&[])).unwrap()).await;
    });
}

#[test]
fn trailers_follow_the_last_chunk() {
    everywhere_http1(|wire| async move {
        let expected = "POST /post HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n\
                        4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("42"));
            // RFC 9110 §6.5.1: what frames or routes comes too late there.
            trailers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("4"));
            trailers.insert(header::HOST, HeaderValue::from_static("elsewhere"));
            let frames = [
                Ok::<_, Spoilt>(Frame::data(Bytes::from("body"))),
                Ok(Frame::trailers(trailers)),
            ];
            let body = StreamBody::new(tokio_stream::iter(frames));
            post(url).body(body).unwrap()
        })
        .await;
    });
}

#[test]
fn a_large_body_goes_out_whole() {
    everywhere_http1(|wire| async move {
        let body = "0123456789abcdef".repeat(20_000);
        let expected = format!(
            "PUT / HTTP/1.1\r\nhost: {{host}}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_sent(wire, &expected, |url| {
            let body = Full::<Bytes>::from(body.clone());
            Request::put(url).body(body).unwrap()
        })
        .await;
    });
}

#[test]
fn methods_without_a_body_send_a_head_and_nothing_else() {
    everywhere_http1(|wire| async move {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "get", "X-OWN"] {
            let expected = format!("{method} /a?b=c HTTP/1.1\r\nhost: {{host}}\r\n\r\n");
            assert_sent(wire, &expected, |url| {
                request(method, &format!("{url}/a?b=c"))
            })
            .await;
        }
    });
}

#[test]
fn options_can_ask_about_the_whole_server() {
    everywhere_http1(|wire| async move {
        let expected = "OPTIONS * HTTP/1.1\r\nhost: {host}\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let server: Uri = url.parse().unwrap();
            let whole = Uri::builder()
                .scheme(server.scheme_str().unwrap())
                .authority(server.authority().unwrap().clone())
                .path_and_query("*");
            let mut request = request("OPTIONS", url);
            *request.uri_mut() = whole.build().unwrap();
            request
        })
        .await;
    });
}

#[test]
fn the_path_is_never_empty_and_fragment_and_user_stay_here() {
    everywhere_http1(|wire| async move {
        for (path, target) in [("", "/"), ("?q=1", "/?q=1"), ("/p?q=1#frag", "/p?q=1")] {
            let expected = format!("GET {target} HTTP/1.1\r\nhost: {{host}}\r\n\r\n");
            assert_sent(wire, &expected, |url| {
                let url = url.replace("//", "//user:secret@");
                request("GET", &format!("{url}{path}"))
            })
            .await;
        }
    });
}

#[test]
fn the_callers_fields_go_out_in_order_and_as_they_are() {
    // Fields of the connection as well: what they ask is asked of this connection.
    everywhere_http1(|wire| async move {
        let expected = "GET / HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\nx-twice: one\r\n\
                        x-twice: two\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\n\
                        keep-alive: timeout=5\r\nproxy-connection: keep-alive\r\nx-empty: \r\n\r\n";
        assert_sent(wire, expected, |url| {
            let mut request = request("GET", url);
            let fields = [
                ("accept", "*/*"),
                ("x-twice", "one"),
                ("x-twice", "two"),
                ("connection", "keep-alive, x-hop"),
                ("x-hop", "1"),
                ("keep-alive", "timeout=5"),
                ("proxy-connection", "keep-alive"),
                ("x-empty", ""),
            ];
            for (name, value) in fields {
                let value = HeaderValue::from_static(value);
                request.headers_mut().append(name, value);
            }
            request
        })
        .await;
    });
}

#[test]
fn a_host_that_the_caller_gives_is_kept() {
    everywhere_http1(|wire| async move {
        let expected = "GET / HTTP/1.1\r\naccept: */*\r\nhost: {host}\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let authority = url.parse::<Uri>().unwrap().authority().unwrap().to_string();
            let builder = Request::get(url).header("accept", "*/*");
            let builder = builder.header(header::HOST, authority);
            builder.body(Empty::<Bytes>::new()).unwrap()
        })
        .await;
    });
}

#[test]
fn te_is_announced_as_a_field_of_the_connection() {
    // RFC 9110 §10.1.4.
    everywhere_http1(|wire| async move {
        let expected = "GET / HTTP/1.1\r\nhost: {host}\r\nte: trailers\r\nconnection: te\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let builder = Request::get(url).header(header::TE, "trailers");
            builder.body(Empty::<Bytes>::new()).unwrap()
        })
        .await;
    });
}

#[test]
fn octets_of_a_large_chunked_body_are_all_there() {
    everywhere_http1(|wire| async move {
        const PIECES: usize = 100;
        let piece = pattern(50_001);
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            let mut same = 0;
            loop {
                let line = peer.until("\r\n").await;
                let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
                let chunk = peer.octets(size + 2).await;
                assert!(chunk.ends_with(b"\r\n"));
                if size == 0 {
                    break;
                }
                same += usize::from(chunk[..size] == pattern(50_001));
            }
            peer.answer(&same.to_string()).await;
            peer.rest().await;
        })
        .await;
        let steps = (0..PIECES).map(|_| Step::Data(piece.clone()));
        let request = Request::builder().method(Method::POST).uri(server.url("/"));
        let request = request.body(Scripted::new(steps)).unwrap();
        let response = call(&plain(wire), request).await.unwrap();
        let text = crate::peers::text(response).await.unwrap();
        assert_eq!(text, PIECES.to_string());
    });
}

#[test]
fn names_go_out_in_the_order_and_case_that_the_caller_gives() {
    everywhere_http1(|wire| async move {
        let expected = "GET / HTTP/1.1\r\nhost: {host}\r\nX-Second: 2\r\nX-First: 1\r\n\
                        x-SECOND: 3\r\nx-other: 4\r\n\r\n";
        assert_sent(wire, expected, |url| {
            let mut spelled = HttpHeaderMap::new();
            for (name, value) in [("X-Second", "2"), ("X-First", "1"), ("x-SECOND", "3")] {
                spelled.append(name, value).unwrap();
            }
            let mut request = request("GET", url);
            for (name, value) in [
                ("x-first", "1"),
                ("x-other", "4"),
                ("x-second", "2"),
                ("x-second", "3"),
            ] {
                let value = HeaderValue::from_static(value);
                request.headers_mut().append(name, value);
            }
            request.extensions_mut().insert(spelled);
            request
        })
        .await;
    });
}

#[test]
fn what_is_welcome_is_said_unless_the_caller_says_it() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            while let Some(head) = peer.try_head().await {
                let fields = head
                    .lines()
                    .filter(|line| line.starts_with("accept-encoding:"));
                let fields: Vec<_> = fields.collect();
                peer.answer(&fields.join("|")).await;
            }
        })
        .await;
        let transport = crate::peers::transport_over(wire);
        let said = crate::peers::get_text(&transport, &server.url("/")).await;
        assert!(said.unwrap().contains("gzip, deflate"));
        let own = Request::get(server.url("/")).header(header::ACCEPT_ENCODING, "own");
        let own = own.body(Empty::<Bytes>::new()).unwrap();
        let response = call(&transport, own).await.unwrap();
        let said = crate::peers::text(response).await.unwrap();
        assert_eq!(said, "accept-encoding: own");
    });
}
