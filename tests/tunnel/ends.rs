//! Octets both ways, and how each direction ends.

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{Request, StatusCode};
use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline::{Duplex, http2::message::Protocol};

use crate::peers::{
    Server, Wire, call, everywhere,
    servers::{self, read_all, send_all, status},
    transport,
};

/// Asks for a tunnel by extended CONNECT.
fn chat(url: &str) -> Request<Empty<Bytes>> {
    Request::connect(url)
        .extension(Protocol::WEBSOCKET)
        .body(Empty::new())
        .expect("a request")
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

#[test]
fn what_is_written_comes_back_and_both_ends_end() {
    everywhere(|wire| async move {
        let server = offering(wire, |mut request, mut respond| async move {
            assert_eq!(request.method(), "CONNECT");
            let mut tunnel = respond.send_response(status(200), false).unwrap();
            let all = read_all(request.body_mut()).await.unwrap();
            send_all(&mut tunnel, all.into(), true).await;
        })
        .await;
        let transport = transport();
        let mut response = call(&transport, chat(&server.url("/chat"))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut tunnel = Duplex::take(&mut response).expect("a tunnel");
        assert!(Duplex::take(&mut response).is_none(), "taken once");
        tunnel.write_all(b"to and fro").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = Vec::new();
        tunnel.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"to and fro");
    });
}
