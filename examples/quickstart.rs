//! Fetches one page over HTTP/2 and prints what came.
//!
//! Without a URL it starts a server of its own on the loopback, with a certificate made on the
//! spot, and fetches from that:
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- https://example.com/
//! cargo run --example quickstart -- --cacert ca.pem https://localhost:8443/
//! ```

mod support;

use std::path::PathBuf;

use clap::Parser;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use tower::ServiceExt;
use towline::{ConnectionInfo, ResponseBody, Transport};

use self::support::{Failure, Target};

/// Fetches a page over HTTP/2.
#[derive(Parser)]
struct Arguments {
    /// What to fetch; without it, a server of our own is started and asked.
    url: Option<Uri>,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let target = Target::new(arguments.url, arguments.cacert).await?;

    let transport = Transport::builder().tls(target.tls).build();
    let request = Request::get(target.url).body(Empty::<&[u8]>::new())?;
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
