//! Talks WebSocket over HTTP/2 and prints each step.
//!
//! Over HTTP/2 a WebSocket is a tunnel on one stream of a connection (RFC 8441), beside which other
//! requests and other WebSockets go on. The transport makes the tunnel, by an extended CONNECT; what
//! is said in it is the business of a WebSocket library, here tungstenite.
//!
//! Without a URL it starts an echo server of its own on the loopback, with axum:
//!
//! ```text
//! cargo run --example websocket
//! cargo run --example websocket -- --say one --say two
//! cargo run --example websocket -- wss://example.com/chat
//! ```

mod support;

use std::{future::IntoFuture, path::PathBuf};

use axum::{
    Router,
    extract::ws::{Message as ServerMessage, WebSocket, WebSocketUpgrade},
    routing,
};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Uri, uri};
use http_body_util::Empty;
use tokio::net::TcpListener;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};
use tower::ServiceExt;
use towline::{ConnectionInfo, Duplex, Protocols, Transport, http2::message::Protocol};

use self::support::{Failure, Target, While};

/// Talks WebSocket over HTTP/2.
#[derive(Parser)]
struct Arguments {
    /// Whom to talk to (`wss://` or `ws://`); without it, an echo server of our own is started.
    url: Option<Uri>,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// What to say, a message each time it is given; after each, one answer is waited for.
    #[arg(long, value_name = "TEXT", default_values = ["hello", "how are you?"])]
    say: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let url = match arguments.url {
        Some(url) => url,
        None => echo_server().await.during("starting a server")?,
    };
    let target = Target::new(Some(as_http(url)?), arguments.cacert, Protocols::Any).await?;

    // A `ws://` server must be known to speak HTTP/2; of a `wss://` server, TLS tells.
    let transport = Transport::builder()
        .tls(target.tls)
        .http2_prior_knowledge(true)
        .build();
    let mut socket = open(&transport, target.url).await?;
    for text in arguments.say {
        println!("we say      {text}");
        socket.send(Message::text(text)).await?;
        match socket.next().await.transpose()? {
            Some(answer) => println!("we are told {answer}"),
            None => break,
        }
    }

    // Each side says that it is done; then each ends its direction of the stream.
    println!("closing");
    socket.close(None).await?;
    while let Some(rest) = socket.next().await.transpose()? {
        if !rest.is_close() {
            println!("we are told {rest}");
        }
    }
    println!("closed");
    Ok(())
}

/// Asks for a tunnel, and makes a WebSocket of it.
async fn open(transport: &Transport, url: Uri) -> Result<WebSocketStream<Duplex>, Failure> {
    println!("CONNECT {url}, protocol websocket");
    let request = Request::connect(url)
        .extension(Protocol::WEBSOCKET)
        .header("sec-websocket-version", "13")
        .body(Empty::<&[u8]>::new())?;
    let mut response = transport.clone().oneshot(request).await?;
    println!("{:?} {}", response.version(), response.status());
    if let Some(connection) = response.extensions().get::<ConnectionInfo>()
        && let Some(id) = connection.stream_id()
    {
        println!("the tunnel is stream {id} of its connection");
    }
    // Without a 2xx there is none, and the response is like any other.
    let tunnel = Duplex::take(&mut response)
        .ok_or_else(|| std::io::Error::other("the server gave no tunnel"))?;
    Ok(WebSocketStream::from_raw_socket(tunnel, Role::Client, None).await)
}

/// RFC 8441 §5: over HTTP/2, `wss` is `https` and `ws` is `http`.
fn as_http(url: Uri) -> Result<Uri, Failure> {
    let mut parts = url.into_parts();
    parts.scheme = match parts.scheme.as_ref().map(uri::Scheme::as_str) {
        Some("wss") => Some(uri::Scheme::HTTPS),
        Some("ws") => Some(uri::Scheme::HTTP),
        _ => parts.scheme,
    };
    Ok(Uri::from_parts(parts)?)
}

/// Starts a server that sends every message back, and gives its URL.
async fn echo_server() -> Result<Uri, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}/echo", listener.local_addr()?).parse()?;
    println!("an echo server of our own listens at {url}");
    let upgrade = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) };
    // axum's server speaks HTTP/2 to those who begin with it, and offers extended CONNECT.
    let routes = Router::new().route("/echo", routing::any(upgrade));
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(url)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let is_said = matches!(message, ServerMessage::Text(_) | ServerMessage::Binary(_));
        if is_said && socket.send(message).await.is_err() {
            return;
        }
    }
}
