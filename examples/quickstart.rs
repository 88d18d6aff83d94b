//! Fetches one page over HTTP/2 and prints what came.
//!
//! Without arguments it starts a server of its own on the loopback, with a certificate made on
//! the spot, and fetches from that:
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- https://example.com/
//! cargo run --example quickstart -- --cacert ca.pem https://localhost:8443/
//! ```

use std::{error::Error, fs, path::PathBuf};

use clap::Parser;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use tower::ServiceExt;
use towline::{ConnectionInfo, ResponseBody, Transport, connect::TlsConfig};

#[path = "support/server.rs"]
mod server;

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
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut tls = TlsConfig::builder();
    if let Some(file) = arguments.cacert {
        tls = tls.add_root_certificates(fs::read(file)?);
    }
    let url = match arguments.url {
        Some(url) => url,
        None => {
            let server = server::start().await?;
            println!("a server of our own listens at {}", server.url);
            tls = tls.add_root_certificates(server.certificate);
            server.url
        }
    };

    let transport = Transport::builder().tls(tls.build()?).build();
    let request = Request::get(url).body(Empty::<&[u8]>::new())?;
    match transport.oneshot(request).await {
        Ok(response) => print_response(response).await,
        Err(error) => Err(explain(&error)),
    }
}

async fn print_response(response: Response<ResponseBody>) -> Result<(), Box<dyn Error>> {
    println!("{:?} {}", response.version(), response.status());
    for (name, value) in response.headers() {
        println!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    if let Some(info) = response.extensions().get::<ConnectionInfo>() {
        println!();
        println!("remote address  {:?}", info.remote_addr());
        println!(
            "protocol        {:?}, stream {}",
            info.alpn(),
            info.stream_id()
        );
        println!(
            "TLS             {:?}, {:?}",
            info.tls_version(),
            info.tls_cipher()
        );
    }
    let body = response.into_body().collect().await?.to_bytes();
    println!();
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}

/// The whole chain of causes, a line each.
fn explain(error: &towline::Error) -> Box<dyn Error> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because {error}"));
        cause = error.source();
    }
    text.into()
}
