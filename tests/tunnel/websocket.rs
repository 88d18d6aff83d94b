//! WebSocket over HTTP/2 (RFC 8441 §5): axum's server, and tungstenite on a tunnel of ours.

use axum::{
    Router,
    extract::ws::{self, WebSocket, WebSocketUpgrade},
    routing,
};
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};
use towline::{Duplex, Transport};

use crate::{
    chat,
    peers::{Server, Wire, bodies::pattern, call, everywhere, get_text, servers, transport},
};

/// Answers `handle` a WebSocket at `/ws`, and "well" at `/`.
async fn serving<F, S>(wire: Wire, handle: F) -> Server
where
    F: Fn(WebSocket) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let upgrade = move |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(handle) };
    let routes = Router::new()
        .route("/ws", routing::any(upgrade))
        .route("/", routing::get(async || "well"));
    servers::axum(wire, routes).await
}

/// Sends every message back.
async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, ws::Message::Text(_) | ws::Message::Binary(_)) {
            socket.send(message).await.expect("a client that listens");
        }
    }
}

async fn connect(transport: &Transport, server: &Server) -> WebSocketStream<Duplex> {
    let mut request = chat(&server.url("/ws"));
    let version = HeaderValue::from_static("13");
    request
        .headers_mut()
        .insert("sec-websocket-version", version);
    let mut response = call(transport, request).await.unwrap();
    assert_eq!(response.status(), 200);
    let tunnel = Duplex::take(&mut response).expect("a tunnel");
    WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await
}

#[test]
fn messages_come_back() {
    everywhere(|wire| async move {
        let server = serving(wire, echo).await;
        let mut socket = connect(&transport(), &server).await;
        for message in [
            Message::text("hello"),
            Message::binary(&b"\0\x01\x02"[..]),
            Message::text(""),
        ] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.send(Message::Ping("are you?".into())).await.unwrap();
        let pong = socket.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong("are you?".into()));
    });
}

#[test]
fn large_messages_go_both_ways_at_once() {
    const COUNT: usize = 4;
    everywhere(|wire| async move {
        let server = serving(wire, |socket| async move {
            // What comes in is read while what goes out is written.
            let (mut sink, mut stream) = socket.split();
            let writing = async {
                for _ in 0..COUNT {
                    let message = ws::Message::Binary(pattern(2 << 20));
                    sink.send(message).await.unwrap();
                }
            };
            let reading = async {
                for _ in 0..COUNT {
                    let message = stream.next().await.unwrap().unwrap();
                    assert!(message.into_data() == pattern(3 << 20));
                }
            };
            tokio::join!(writing, reading);
            sink.send(ws::Message::Text("all".into())).await.unwrap();
        })
        .await;
        let socket = connect(&transport(), &server).await;
        let (mut sink, mut stream) = socket.split();
        let writing = async {
            for _ in 0..COUNT {
                let message = Message::Binary(pattern(3 << 20));
                sink.send(message).await.unwrap();
            }
        };
        let reading = async {
            for _ in 0..COUNT {
                let message = stream.next().await.unwrap().unwrap();
                assert!(message.into_data() == pattern(2 << 20));
            }
        };
        tokio::join!(writing, reading);
        assert_eq!(stream.next().await.unwrap().unwrap(), Message::text("all"));
    });
}

#[test]
fn the_close_handshake_is_done_from_either_side() {
    everywhere(|wire| async move {
        let server = serving(wire, echo).await;
        let transport = transport();
        let mut socket = connect(&transport, &server).await;
        let bye = CloseFrame {
            code: CloseCode::Normal,
            reason: "bye".into(),
        };
        socket.close(Some(bye.clone())).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer, Message::Close(Some(bye)));
        assert!(socket.next().await.is_none());

        let leaving = serving(wire, |mut socket| async move {
            let away = ws::CloseFrame {
                code: ws::close_code::AWAY,
                reason: "away".into(),
            };
            let close = ws::Message::Close(Some(away));
            socket.send(close).await.unwrap();
            while let Some(Ok(_)) = socket.recv().await {}
        })
        .await;
        let mut socket = connect(&transport, &leaving).await;
        let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() else {
            panic!("the server closes");
        };
        assert_eq!(
            (close.code, close.reason.as_str()),
            (CloseCode::Away, "away")
        );
        assert!(socket.next().await.is_none());
    });
}

#[test]
fn a_server_that_goes_away_is_an_error_with_its_cause() {
    everywhere(|wire| async move {
        let server = serving(wire, echo).await;
        let mut socket = connect(&transport(), &server).await;
        socket.send(Message::text("hello")).await.unwrap();
        socket.next().await.unwrap().unwrap();
        server.stop().await;
        let error = socket.next().await.unwrap().unwrap_err();
        let Error::Io(error) = error else {
            panic!("{error:?}");
        };
        let cause = error.get_ref().expect("a cause");
        assert!(cause.is::<towline::Error>(), "{cause:?}");
    });
}

#[test]
fn many_sockets_and_plain_requests_share_a_connection() {
    everywhere(|wire| async move {
        let server = serving(wire, echo).await;
        let transport = transport();
        let mut sockets = Vec::new();
        for _ in 0..8 {
            sockets.push(connect(&transport, &server).await);
        }
        for (index, socket) in sockets.iter_mut().enumerate() {
            socket.send(Message::text(index.to_string())).await.unwrap();
        }
        let url = server.url("/");
        assert_eq!(get_text(&transport, &url).await.unwrap(), "well");
        for (index, socket) in sockets.iter_mut().enumerate().rev() {
            let message = socket.next().await.unwrap().unwrap();
            assert_eq!(message, Message::text(index.to_string()));
        }
        assert_eq!(server.accepted(), 1);
    });
}
