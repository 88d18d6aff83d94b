//! Fetches one page and prints what came: over HTTP/2 where the server speaks it, else HTTP/1.1.
//!
//! Without a URL it starts a server of its own on the loopback, with a certificate made on the
//! spot, and fetches from that:
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- --http1
//! cargo run --example quickstart -- https://example.com/
//! cargo run --example quickstart -- --cacert ca.pem https://localhost:8443/
//! ```

mod support;

use std::path::PathBuf;

use clap::Parser;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use tower::ServiceExt;
use towline::{ConnectionInfo, Protocols, ResponseBody, Transport};

use self::support::{Failure, Target};

/// Fetches a page.
#[derive(Parser)]
struct Arguments {
    /// What to fetch; without it, a server of our own is started and asked.
    url: Option<Uri>,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Speak HTTP/1.1: a server of our own then knows nothing better, and another is not offered
    /// anything better.
    #[arg(long)]
    http1: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    // A server of our own has no HTTP/2 then, and the transport falls back by itself; of another,
    // HTTP/1.1 has to be asked for.
    let (spoken, asked) = match (arguments.http1, &arguments.url) {
        (false, _) => (Protocols::Any, None),
        (true, None) => (Protocols::Http1, None),
        (true, Some(_)) => (Protocols::Any, Some(Protocols::Http1)),
    };
    let target = Target::new(arguments.url, arguments.cacert, spoken).await?;

    let transport = Transport::builder().tls(target.tls).build();
    let mut request = Request::get(target.url).body(Empty::<&[u8]>::new())?;
    if let Some(protocols) = asked {
        request.extensions_mut().insert(protocols);
    }
    let response = transport.oneshot(request).await?;

    println!("{:?} {}", response.version(), response.status());
    for (name, value) in response.headers() {
        println!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    print_connection(&response);
    let body = response.into_body().collect().await?.to_bytes();
    println!();
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}

/// Every response tells of the connection that brought it.
fn print_connection(response: &Response<ResponseBody>) {
    let Some(connection) = response.extensions().get::<ConnectionInfo>() else {
        return;
    };
    println!();
    if let Some(address) = connection.remote_addr() {
        println!("server    {address}");
    }
    match connection.stream_id() {
        Some(id) => println!("protocol  {:?}, stream {id}", response.version()),
        None => println!("protocol  {:?}", response.version()),
    }
    if let (Some(version), Some(cipher)) = (connection.tls_version(), connection.tls_cipher()) {
        println!("TLS       {version:?}, {cipher:?}");
    }
}
