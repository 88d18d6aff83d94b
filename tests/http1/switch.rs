//! Interim responses, upgrades (101) and CONNECT: what comes before the final response, and what
//! comes in its place (RFC 9110 §7.8, §9.3.6, §15.2).

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use towline::{
    Duplex, Netloc, Proxy,
    error::{Kind, Retry},
    http1::Violation,
    interim,
};

use crate::peers::{
    Server, call, everywhere_http1, get_text, plain, raw_http1::RawHttp1, request, root, soon,
    text, transport_over,
};

#[test]
fn interim_responses_come_in_order_before_the_final_one() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            while peer.try_head().await.is_some() {
                peer.send(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                     HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b.js>\r\n\r\n",
                )
                .await;
                peer.answer("final").await;
            }
        })
        .await;
        let transport = transport_over(wire);
        let (sink, mut interim) = interim::channel();
        let mut asking = request("GET", &server.url("/"));
        asking.extensions_mut().insert(sink);
        let response = call(&transport, asking).await.unwrap();
        for status in [100, 102] {
            assert_eq!(interim.recv().await.unwrap().status(), status);
        }
        let hints = interim.recv().await.unwrap();
        assert_eq!(hints.status(), StatusCode::EARLY_HINTS);
        let links: Vec<_> = hints.headers().get_all(header::LINK).iter().collect();
        assert_eq!(links, ["</a.css>", "</b.js>"]);
        assert!(interim.recv().await.is_none());
        assert_eq!(text(response).await.unwrap(), "final");
        // Nobody need listen, and the connection is the same.
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "final"
        );
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn interim_responses_are_heard_as_they_come() {
    everywhere_http1(|wire| async move {
        let (go_on, awaited) = tokio::sync::watch::channel(false);
        let server = Server::start(wire, move |stream, _| {
            let mut awaited = awaited.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                peer.send("HTTP/1.1 103 Early Hints\r\n\r\n").await;
                awaited.wait_for(|go| *go).await.expect("the test goes on");
                peer.answer("final").await;
                peer.rest().await;
            }
        })
        .await;
        let (sink, mut interim) = interim::channel();
        let mut asking = request("GET", &server.url("/"));
        asking.extensions_mut().insert(sink);
        let response = tokio::spawn(call(&transport_over(wire), asking));
        assert_eq!(interim.recv().await.unwrap().status(), 103);
        go_on.send_replace(true);
        let response = response.await.unwrap().unwrap();
        assert_eq!(text(response).await.unwrap(), "final");
        assert!(interim.recv().await.is_none());
    });
}

#[test]
fn interim_responses_end_with_the_failure_too() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            peer.send("HTTP/1.1 103 Early Hints\r\n\r\n").await;
            peer.close().await;
        })
        .await;
        let (sink, mut interim) = interim::channel();
        let mut asking = request("GET", &server.url("/"));
        asking.extensions_mut().insert(sink);
        let error = call(&transport_over(wire), asking).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Closed, Retry::IfIdempotent)
        );
        assert_eq!(interim.recv().await.unwrap().status(), 103);
        assert!(interim.recv().await.is_none());
    });
}

/// A request that asks for another protocol.
fn upgrade(url: &str) -> Request<Empty<&'static [u8]>> {
    Request::get(url)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "echo")
        .body(Empty::new())
        .unwrap()
}

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// Gives octets back until the client ends its direction; then says goodbye and ends its own.
async fn echo(mut peer: RawHttp1) {
    let mut piece = vec![0; 16 << 10];
    loop {
        match peer.io.read(&mut piece).await {
            Ok(count @ 1..) => peer.send(&piece[..count]).await,
            Ok(0) => break,
            Err(_) => return,
        }
    }
    peer.send("goodbye").await;
    let _gone = peer.io.shutdown().await;
}

async fn assert_echoes(mut tunnel: Duplex) {
    // What came with the head is not lost, and comes first.
    let mut first = [0; 5];
    tunnel.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"early");
    let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    let (mut reader, mut writer) = tokio::io::split(tunnel);
    let expected = sent.clone();
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        assert!(read[..expected.len()] == expected);
        // Our direction had ended by then; the other went on.
        assert_eq!(&read[expected.len()..], b"goodbye");
    });
    writer.write_all(&sent).await.unwrap();
    writer.shutdown().await.unwrap();
    reading.await.unwrap();
}

#[test]
fn an_upgrade_hands_over_the_connection() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            let head = peer.head().await;
            assert!(head.contains("connection: upgrade\r\nupgrade: echo\r\n"));
            peer.send(format!("{SWITCH}early")).await;
            echo(peer).await;
        })
        .await;
        let transport = transport_over(wire);
        for served in 1..=2 {
            let mut response = call(&transport, upgrade(&server.url("/"))).await.unwrap();
            assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
            assert_eq!(response.headers()[header::UPGRADE], "echo");
            let tunnel = Duplex::take(&mut response).expect("a tunnel");
            assert!(Duplex::take(&mut response).is_none(), "taken once");
            assert_eq!(text(response).await.unwrap(), "");
            assert_echoes(tunnel).await;
            assert_eq!(server.accepted(), served);
        }
    });
}

#[test]
fn a_server_that_does_not_switch_answers_as_ever() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            RawHttp1::new(stream).answer_all("as ever").await;
        })
        .await;
        let transport = transport_over(wire);
        for _ in 0..2 {
            let mut response = call(&transport, upgrade(&server.url("/"))).await.unwrap();
            assert!(Duplex::take(&mut response).is_none());
            assert_eq!(text(response).await.unwrap(), "as ever");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_switches_before_it_has_the_request_is_at_fault() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            peer.send(SWITCH).await;
            peer.drain().await;
        })
        .await;
        let body = crate::peers::bodies::Scripted::new([crate::peers::bodies::Step::Stall]);
        let request = Request::post(server.url("/"))
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "echo")
            .body(body);
        let error = call(&transport_over(wire), request.unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::MalformedResponse);
        assert_eq!(
            root(&error).downcast_ref(),
            Some(&Violation::SwitchingEarly)
        );
    });
}

#[test]
fn a_tunnel_that_nobody_takes_is_closed() {
    everywhere_http1(|wire| async move {
        let (sender, mut closed) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                peer.head().await;
                peer.send(SWITCH).await;
                sender.send(peer.rest().await).expect("the test waits");
            }
        })
        .await;
        let transport = transport_over(wire);
        let response = call(&transport, upgrade(&server.url("/"))).await.unwrap();
        drop(response);
        assert_eq!(soon(closed.recv()).await.unwrap(), b"");

        // Nor does one outlive its response whose body was read.
        let response = call(&transport, upgrade(&server.url("/"))).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(body.collect().await.unwrap().to_bytes().is_empty());
        drop(parts);
        assert_eq!(soon(closed.recv()).await.unwrap(), b"");
    });
}

#[test]
fn a_tunnel_outlives_its_transport() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            peer.head().await;
            peer.send(format!("{SWITCH}early")).await;
            echo(peer).await;
        })
        .await;
        let transport = transport_over(wire);
        let mut response = call(&transport, upgrade(&server.url("/"))).await.unwrap();
        let tunnel = Duplex::take(&mut response).expect("a tunnel");
        transport.shutdown();
        drop((transport, response));
        assert_echoes(tunnel).await;
    });
}

fn proxy(server: &Server) -> Proxy {
    Proxy::new(Netloc::from_uri(&server.url("/").parse().unwrap()).unwrap())
}

/// Asks the proxy for a tunnel.
fn connect(proxy: Proxy) -> Request<Empty<&'static [u8]>> {
    Request::connect("target.test:443")
        .extension(proxy)
        .body(Empty::new())
        .unwrap()
}

#[test]
fn connect_makes_a_tunnel_through_a_proxy() {
    everywhere_http1(|wire| async move {
        for established in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            // RFC 9110 §9.3.6: whatever its fields say.
            "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n",
        ] {
            let server = Server::start(wire, move |stream, _| async move {
                let mut peer = RawHttp1::new(stream);
                let head = peer.head().await;
                let expected = "CONNECT target.test:443 HTTP/1.1\r\nhost: target.test:443\r\n\r\n";
                if head == expected {
                    peer.send(format!("{established}early")).await;
                    echo(peer).await;
                }
            })
            .await;
            let transport = transport_over(wire);
            let mut response = call(&transport, connect(proxy(&server))).await.unwrap();
            assert!(response.status().is_success());
            let tunnel = Duplex::take(&mut response).expect("a tunnel");
            assert_echoes(tunnel).await;
        }
    });
}

#[test]
fn a_proxy_that_refuses_answers_as_any_server() {
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            while peer.try_head().await.is_some() {
                peer.send(
                    "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 2\r\n\r\nno",
                )
                .await;
            }
        })
        .await;
        let transport = transport_over(wire);
        for _ in 0..2 {
            let mut response = call(&transport, connect(proxy(&server))).await.unwrap();
            assert_eq!(response.status(), StatusCode::PROXY_AUTHENTICATION_REQUIRED);
            assert!(Duplex::take(&mut response).is_none());
            assert_eq!(text(response).await.unwrap(), "no");
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_proxy_is_asked_by_the_whole_uri() {
    // RFC 9112 §3.2.2.
    everywhere_http1(|wire| async move {
        let server = Server::start(wire, |stream, _| async move {
            let mut peer = RawHttp1::new(stream);
            while let Some(head) = peer.try_head().await {
                peer.answer(&head).await;
            }
        })
        .await;
        let transport = plain(wire);
        let request = Request::get("http://origin.test:8080/a?b=c")
            .extension(proxy(&server))
            .body(Empty::<&[u8]>::new());
        let response = call(&transport, request.unwrap()).await.unwrap();
        let expected =
            "GET http://origin.test:8080/a?b=c HTTP/1.1\r\nhost: origin.test:8080\r\n\r\n";
        assert_eq!(text(response).await.unwrap(), expected);
        let request = Request::get("https://origin.test/")
            .extension(proxy(&server))
            .body(Empty::<&[u8]>::new());
        let error = call(&transport, request.unwrap()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (Kind::Request, Retry::Never));
    });
}

#[test]
fn a_websocket_upgrade_works_with_the_servers_and_clients_of_others() {
    use axum::{Router, extract::WebSocketUpgrade, routing};
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::{
        WebSocketStream,
        tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
    };

    async fn echo_messages(mut socket: axum::extract::ws::WebSocket) {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    everywhere_http1(|wire| async move {
        let routes = Router::new().route(
            "/chat",
            routing::get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo_messages) }),
        );
        let server = crate::peers::servers::axum(wire, routes).await;
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let request = Request::get(server.url("/chat"))
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, key)
            .extension(towline::Protocols::Http1)
            .body(Empty::<&[u8]>::new());
        let mut response = call(&transport_over(wire), request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let accept = derive_accept_key(key.as_bytes());
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_ACCEPT], accept);
        let tunnel = Duplex::take(&mut response).expect("a tunnel");
        let mut socket = WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await;
        for text in ["one".to_owned(), "x".repeat(100_000)] {
            socket.send(Message::text(text.clone())).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
}
