//! The server as a proxy, and tunnels through it and to it.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use towline::{Duplex, ResponseBody, http2::message};

use crate::{
    pattern::Pattern,
    site::Site,
    software::{Protocol, Scheme, Software},
};

/// More than the windows and buffers on the way hold, so that both directions must flow at once.
const TUNNEL_LEN: usize = 8_000_000;
const READ_LEN: usize = 64 * 1024;

/// A request goes by a proxy, which HTTP/1.1 tells the whole URI (RFC 9112 §3.2.2).
pub async fn by_proxy(site: &mut Site) {
    let uri = site.origin_uri("/live/target");
    let request = Request::get(uri.clone())
        .extension(site.as_proxy())
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let whole = site.client().exchange(request).await.expect("GET");
    whole.assert_ok();
    let came_to = whole.connection().remote_addr();
    assert_eq!(came_to.map(|end| end.port()), Some(site.port()));
    match (site.software(), site.protocol()) {
        (Software::Node, Protocol::Http1 | Protocol::Http1Pinned) => {
            assert_eq!(whole.text(), uri.to_string());
        }
        // Any of the others may ask the origin in its own words.
        _ => assert!(whole.text().ends_with("/live/target"), "{}", whole.text()),
    }
}

/// CONNECT makes a tunnel to a third party, which then gets the octets as they are (RFC 9110
/// §9.3.6).
pub async fn connect(site: &mut Site) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a loopback port");
    let target = listener.local_addr().expect("it is bound");
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await?;
        write.shutdown().await
    });
    let request = Request::connect(target.to_string())
        .extension(site.as_proxy())
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let client = site.client();
    let mut response = client.send(request).await.expect("CONNECT");
    assert_eq!(response.status(), StatusCode::OK);
    there_and_back(take(&mut response), site).await;
    let echoed = echo.await.expect("the echo does not panic");
    echoed.expect("the far end saw an orderly end");
}

/// A WebSocket's handshake makes a tunnel to the server itself: by an upgrade on HTTP/1.1 (RFC 9110
/// §7.8), by an extended CONNECT on HTTP/2 (RFC 8441 §5). What goes through it here is no WebSocket
/// frame, which no server on the way minds.
pub async fn websocket(site: &mut Site) {
    let uri = site.uri("/live/websocket");
    let request = match site.protocol() {
        Protocol::Http2 => Request::connect(uri).extension(message::Protocol::WEBSOCKET),
        Protocol::Http1 | Protocol::Http1Pinned => Request::get(uri)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    };
    let request = request
        .header("sec-websocket-version", "13")
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let client = site.client();
    // The server must have said first that it knows extended CONNECT (RFC 8441 §3).
    client.get_ok(site.uri("/static/hello.txt")).await;
    let mut response = client.send(request).await.expect("the handshake");
    match site.protocol() {
        Protocol::Http2 => assert_eq!(response.status(), StatusCode::OK),
        Protocol::Http1 | Protocol::Http1Pinned => {
            assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
            // RFC 6455 §1.3 has this answer to the key above.
            let accept = &response.headers()["sec-websocket-accept"];
            assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        }
    }
    there_and_back(take(&mut response), site).await;
    // The connection of an upgrade is gone with it; others are made.
    client.get_ok(site.uri("/static/hello.txt")).await;
}

/// A server that has no such protocol answers as to any request, and nothing is lost but the tunnel.
pub async fn websocket_refused(site: &mut Site) {
    let client = site.client();
    let request = Request::get(site.uri("/static/hello.txt"))
        .header("connection", "upgrade")
        .header("upgrade", "no-such-protocol")
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let mut response = client.send(request).await.expect("the answer");
    assert_ne!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert!(Duplex::take(&mut response).is_none());
    drop(response);
    client.get_ok(site.uri("/static/hello.txt")).await;
}

fn take(response: &mut Response<ResponseBody>) -> Duplex {
    Duplex::take(response).expect("a tunnel comes with such a response")
}

/// Writes and reads at once, then ends in order, first we and then the other end.
async fn there_and_back(tunnel: Duplex, site: &Site) {
    let pattern = Pattern::new(TUNNEL_LEN);
    let (mut read, mut write) = tokio::io::split(tunnel);
    let out = async {
        write.write_all(&pattern.whole()).await.expect("writing");
        write.flush().await.expect("flushing");
    };
    let back = async {
        let (mut offset, mut buf) = (0, vec![0; READ_LEN]);
        while offset < TUNNEL_LEN {
            let octets = read.read(&mut buf).await.expect("reading");
            assert!(octets > 0, "the end at {offset}");
            pattern.check(offset, &buf[..octets]);
            offset += octets;
        }
    };
    tokio::join!(out, back);
    write.shutdown().await.expect("our end");
    match read.read(&mut [0; 1]).await {
        Ok(octets) => assert_eq!(octets, 0, "octets that nobody sent"),
        Err(error) => assert!(ends_rudely(site), "no orderly end: {error:?}"),
    }
}

/// Whether the server closes what was upgraded without the goodbye of TLS (RFC 8446 §6.1), which
/// nobody can tell from an attacker's cut.
fn ends_rudely(site: &Site) -> bool {
    site.scheme() == Scheme::Tls
        && site.protocol() != Protocol::Http2
        && matches!(site.software(), Software::Nginx | Software::Apache)
}
