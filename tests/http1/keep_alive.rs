//! When a connection carries another request, and when it must not (RFC 9112 §9).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version, header};
use http_body_util::{BodyExt, Empty, Full};
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::peers::{
    Server, Wire, call, everywhere_http1, get, get_text, info, on_threads,
    raw_http1::{self, RawHttp1},
    request, servers, soon, text, transport_over,
};

/// Answers each first request of a connection with these octets, and a second with `again`; tells
/// when the client has closed, and what it had sent by then.
async fn answering(wire: Wire, octets: &'static str) -> (Server, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (sender, closed) = mpsc::unbounded_channel();
    let server = Server::start(wire, move |stream, _| {
        let sender = sender.clone();
        async move {
            let mut peer = RawHttp1::new(stream);
            let mut next = octets.to_owned();
            while let Some(head) = peer.try_head().await {
                peer.send(&next).await;
                if head.starts_with("LAST") {
                    break;
                }
                next = raw_http1::response("again");
            }
            sender.send(peer.rest().await).expect("the test waits");
        }
    })
    .await;
    (server, closed)
}

#[test]
fn requests_in_a_row_share_a_connection() {
    everywhere_http1(|wire| async move {
        let server = servers::hyper(wire, |request: Request<hyper::body::Incoming>| async {
            http::Response::new(request.into_body())
        })
        .await;
        let transport = transport_over(wire);
        for round in 0..20 {
            let body = format!("body {round}");
            let request = Request::post(server.url("/")).body(body.clone());
            let response = call(&transport, request.unwrap()).await.unwrap();
            assert_eq!(info(&response).is_reused(), round > 0);
            assert_eq!(text(response).await.unwrap(), body);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_connection_is_busy_until_its_response_has_come_in_full() {
    everywhere_http1(|wire| async move {
        let (go_on, awaited) = tokio::sync::watch::channel(false);
        let server = Server::start(wire, move |stream, before| {
            let mut awaited = awaited.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                if before == 0 {
                    peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf ")
                        .await;
                    awaited.wait_for(|go| *go).await.expect("the test goes on");
                    peer.send("done").await;
                } else {
                    peer.answer("second").await;
                }
                peer.answer_all("again").await;
            }
        })
        .await;
        let transport = transport_over(wire);
        let first = get(&transport, &server.url("/")).await.unwrap();
        let second = get(&transport, &server.url("/")).await.unwrap();
        assert!(!info(&second).is_reused());
        assert_eq!(text(second).await.unwrap(), "second");
        go_on.send_replace(true);
        assert_eq!(text(first).await.unwrap(), "half done");
        for _ in 0..4 {
            let again = get(&transport, &server.url("/")).await.unwrap();
            assert!(info(&again).is_reused());
            assert_eq!(text(again).await.unwrap(), "again");
        }
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_server_that_says_close_gets_no_second_request() {
    // RFC 9112 §9.6: in any case, and wherever it stands in the list.
    everywhere_http1(|wire| async move {
        for octets in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\ncontent-length: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: Close\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ] {
            let (server, mut closed) = answering(wire, octets).await;
            let transport = transport_over(wire);
            for served in 1..=2 {
                assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
                assert_eq!(server.accepted(), served);
                // We close, and need not be waited for.
                assert_eq!(soon(closed.recv()).await.unwrap(), b"");
            }
        }
    });
}

#[test]
fn a_caller_who_says_close_has_it_closed() {
    everywhere_http1(|wire| async move {
        let octets = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        let (server, mut closed) = answering(wire, octets).await;
        let transport = transport_over(wire);
        let closing = Request::get(server.url("/")).header(header::CONNECTION, "close");
        let closing = closing.body(Empty::<&[u8]>::new()).unwrap();
        let response = call(&transport, closing).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "hi");
        assert_eq!(soon(closed.recv()).await.unwrap(), b"");
        assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn an_http_1_0_server_keeps_a_connection_only_if_it_says_so() {
    everywhere_http1(|wire| async move {
        for (octets, accepted) in [
            ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 2),
            (
                "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi",
                1,
            ),
        ] {
            let (server, _closed) = answering(wire, octets).await;
            let transport = transport_over(wire);
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response.version(), Version::HTTP_10);
            assert_eq!(text(response).await.unwrap(), "hi");
            let again = get_text(&transport, &server.url("/")).await.unwrap();
            assert_eq!(again, if accepted == 1 { "again" } else { "hi" });
            assert_eq!(server.accepted(), accepted);
        }
    });
}

#[test]
fn octets_after_a_response_are_no_answer_to_the_next_request() {
    // RFC 9112 §9.2: what nobody asked for must not be taken for the next response.
    everywhere_http1(|wire| async move {
        for octets in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi\
             HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nx",
        ] {
            let (server, mut closed) = answering(wire, octets).await;
            let transport = transport_over(wire);
            for served in 1..=2 {
                assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
                assert_eq!(soon(closed.recv()).await.unwrap(), b"");
                assert_eq!(server.accepted(), served);
            }
        }
    });
}

#[test]
fn a_body_behind_a_head_that_has_none_is_no_answer_to_the_next_request() {
    everywhere_http1(|wire| async move {
        for (method, octets) in [
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\ncontent-length: 47\r\n\r\n\
                 HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
            ),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\nevil"),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil",
            ),
        ] {
            let (server, mut closed) = answering(wire, octets).await;
            let transport = transport_over(wire);
            for served in 1..=2 {
                let request = request(method, &server.url("/"));
                let response = call(&transport, request).await.unwrap();
                assert_eq!(text(response).await.unwrap(), "");
                assert_eq!(soon(closed.recv()).await.unwrap(), b"");
                assert_eq!(server.accepted(), served);
            }
        }
    });
}

#[test]
fn a_server_that_talks_while_idle_loses_the_connection() {
    everywhere_http1(|wire| async move {
        for chatter in [
            "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n",
            "\r\n",
            "x",
        ] {
            let (sender, mut closed) = mpsc::unbounded_channel();
            let (go_on, awaited) = tokio::sync::watch::channel(0);
            let server = Server::start(wire, move |stream, before| {
                let (sender, mut awaited) = (sender.clone(), awaited.clone());
                async move {
                    let mut peer = RawHttp1::new(stream);
                    peer.head().await;
                    peer.answer("hi").await;
                    let now = awaited.wait_for(|served| *served > before).await;
                    drop(now.expect("the test goes on"));
                    peer.send(chatter).await;
                    sender.send(peer.rest().await).expect("the test waits");
                }
            })
            .await;
            let transport = transport_over(wire);
            for served in 1..=3 {
                assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "hi");
                go_on.send_replace(served);
                assert_eq!(soon(closed.recv()).await.unwrap(), b"");
                assert_eq!(server.accepted(), served);
            }
        }
    });
}

#[test]
fn a_server_that_closes_while_idle_is_noticed() {
    everywhere_http1(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                peer.answer("hi").await;
                // Returns when the client has closed, too: it has seen it.
                peer.close().await;
                sender.send(()).expect("the test waits");
            }
        })
        .await;
        let transport = transport_over(wire);
        for served in 1..=3 {
            // Not even a request that must not be repeated fails.
            let request = request("POST", &server.url("/"));
            let response = call(&transport, request).await.unwrap();
            assert!(!info(&response).is_reused());
            assert_eq!(text(response).await.unwrap(), "hi");
            soon(closed.recv()).await.unwrap();
            assert_eq!(server.accepted(), served);
        }
    });
}

#[test]
fn what_is_left_unread_of_a_response_is_not_left_on_the_connection() {
    // The caller drops a body that has come in full: the connection is free all the same.
    everywhere_http1(|wire| async move {
        let octets = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        let (server, _closed) = answering(wire, octets).await;
        let transport = transport_over(wire);
        let mut body = get(&transport, &server.url("/")).await.unwrap().into_body();
        assert!(body.frame().await.is_some());
        drop(body);
        let again = get_text(&transport, &server.url("/")).await;
        assert_eq!(again.unwrap(), "again");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_restarts_is_found_again() {
    everywhere_http1(|wire| async move {
        let serve = |stream, _| async move { RawHttp1::new(stream).answer_all("served").await };
        let transport = transport_over(wire);
        let mut server = Server::start(wire, serve).await;
        for _ in 0..3 {
            let served = get_text(&transport, &server.url("/")).await;
            assert_eq!(served.unwrap(), "served");
            let address = server.stop().await;
            server = Server::start_at(address, wire, serve).await;
        }
    });
}

#[test]
fn heads_and_bodies_of_all_methods_leave_the_connection_clean() {
    everywhere_http1(|wire| async move {
        let server = servers::hyper(wire, |request: Request<hyper::body::Incoming>| async move {
            let octets = request.into_body().collect().await.unwrap().to_bytes();
            let mut response = http::Response::new(String::from("of ") + &octets.len().to_string());
            let length = http::HeaderValue::from_static("4");
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
            response
        })
        .await;
        let transport = transport_over(wire);
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            for body in ["", "x"] {
                let request = Request::builder().method(method).uri(server.url("/"));
                let request = request.body(body.to_owned()).unwrap();
                let response = transport.clone().oneshot(request).await.unwrap();
                let expected = match (method, body.len()) {
                    ("HEAD", _) => String::new(),
                    (_, octets) => format!("of {octets}"),
                };
                assert_eq!(text(response).await.unwrap(), expected, "{method}");
            }
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// A server in a thread of its own, which closes the first connection when it is told to; its
/// address, and what tells it.
fn closing_server() -> (std::net::SocketAddr, impl FnOnce()) {
    use std::io::{BufRead, BufReader, Read, Write};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (close, told) = std::sync::mpsc::channel::<()>();
    let (closed, was_closed) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).unwrap();
                if let Some(octets) = line.strip_prefix("content-length: ") {
                    length = octets.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = raw_http1::response(&format!("{length} octets"));
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let _gone = told.recv();
            drop(stream);
            let _gone = closed.send(());
        }
    });
    (address, move || {
        close.send(()).unwrap();
        was_closed.recv().unwrap();
    })
}

/// The runtime learns of an end only when it looks, and here it had no chance to.
#[test]
fn a_runtime_that_stood_still_looks_before_it_writes() {
    let (address, close) = closing_server();
    on_threads(1, async move {
        let transport = transport_over(Wire::ClearHttp1);
        let url = format!("http://{address}/");
        assert_eq!(get_text(&transport, &url).await.unwrap(), "0 octets");
        // Blocks the only thread.
        close();
        tokio::time::pause();
        let advance = std::pin::pin!(tokio::time::advance(Duration::from_secs(1)));
        let _time_has_passed = futures_util::poll!(advance);
        tokio::time::resume();
        let post = Request::post(&url).body(Full::<Bytes>::from("once"));
        let answer = call(&transport, post.unwrap()).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "4 octets");
    });
}
