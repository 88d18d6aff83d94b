//! Tunnels: CONNECT by a proxy and extended CONNECT, on HTTP/2, against the servers that Rust
//! programs run, and against one that says exactly what a test tells it to.
//!
//! Spec: RFC 9110 §9.3.6, RFC 9113 §8.5, RFC 8441.

#[path = "tunnel/asking.rs"]
mod asking;
#[path = "tunnel/ends.rs"]
mod ends;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "tunnel/pressure.rs"]
mod pressure;
#[path = "tunnel/websocket.rs"]
mod websocket;

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::Request;
use http_body_util::Empty;
use towline::{Duplex, Transport, http2::message::Protocol};

use self::peers::{
    Server, Wire, call,
    servers::{self, read_all, send_all, status},
};

/// Asks for a tunnel by extended CONNECT.
fn chat(url: &str) -> Request<Empty<Bytes>> {
    Request::connect(url)
        .extension(Protocol::WEBSOCKET)
        .body(Empty::new())
        .expect("a request")
}

/// A tunnel to a server that gives one.
async fn open(transport: &Transport, server: &Server) -> Duplex {
    let mut response = call(transport, chat(&server.url("/chat"))).await.unwrap();
    assert_eq!(response.status(), 200);
    Duplex::take(&mut response).expect("a tunnel")
}

/// A server that offers extended CONNECT.
async fn offering<F, S>(wire: Wire, handle: F) -> Server
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let set = |builder: &mut h2::server::Builder| {
        builder.enable_connect_protocol();
    };
    servers::h2_with(wire, set, handle).await
}

/// Reads all that the client sends, and then sends it back.
async fn echo(mut request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    assert_eq!(request.method(), "CONNECT");
    let mut tunnel = respond
        .send_response(status(200), false)
        .expect("a response");
    let all = read_all(request.body_mut()).await.expect("a clean end");
    send_all(&mut tunnel, all.into(), true).await;
}
