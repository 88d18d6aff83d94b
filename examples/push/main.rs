//! Takes what a server pushes: promises, their responses, one that is cancelled, and a request that
//! is answered from what had been pushed.
//!
//! Without a URL it starts a server of its own on the loopback, which pushes what its page needs:
//!
//! ```text
//! cargo run --example push --features push-cache
//! cargo run --example push --features push-cache -- https://localhost:8443/
//! cargo run --example push --features push-cache -- --cacert ca.pem https://localhost:8443/
//! ```
//!
//! Without the feature `push-cache` the last part is left out.

mod server;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;

use clap::Parser;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use tower::Service;
use towline::{
    Protocols, Transport,
    connect::TlsConfig,
    push::{self, Push, Pushes},
};

use self::support::{Failure, Target, While};

/// Takes what a server pushes.
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
    let target = if arguments.url.is_some() {
        Target::new(arguments.url, arguments.cacert, Protocols::Any).await?
    } else {
        our_own().await?
    };
    // Servers may push nothing unless they are let.
    let mut transport = Transport::builder().tls(target.tls).push(true).build();

    println!("1. A page is asked for, and what is pushed with it: by a sink in the request.");
    let (sink, mut pushes) = push::channel();
    let request = Request::get(target.url.clone())
        .extension(sink)
        .body(Empty::<&[u8]>::new())?;
    let response = transport.call(request).await?;
    println!("   GET {}", target.url);
    println!("     {:?} {}", response.version(), response.status());
    let page = response.into_body().collect().await?.to_bytes();
    println!("     {} octets", page.len());

    println!();
    println!("2. What was promised. The last is not wanted, the others are read.");
    let paths = take(&mut pushes).await;

    println!();
    answered_from_pushes(transport, target.url, &paths).await
}

/// The server of this example, and trust in its certificate.
async fn our_own() -> Result<Target, Failure> {
    let server = server::start().await.during("starting a server")?;
    println!("a server of our own listens at {}", server.url);
    println!();
    let tls = TlsConfig::builder().add_root_certificates(server.certificate);
    Ok(Target {
        url: server.url,
        tls: tls.build()?,
    })
}

/// Takes all promises, and says what they were for.
async fn take(pushes: &mut Pushes) -> Vec<String> {
    // They end when no more can come: with the page's own stream.
    let mut promised = Vec::new();
    while let Some(push) = pushes.next().await {
        let (method, path) = (push.method(), push.path());
        println!(
            "   promised: {method} {path}, on stream {}",
            push.stream_id()
        );
        promised.push(push);
    }
    if promised.is_empty() {
        println!("   nothing: this server does not push");
    }
    let paths = promised.iter().map(|push| push.path().to_owned()).collect();
    let unwanted = promised.pop();
    for push in promised {
        println!("   {}", push.path());
        if let Err(failure) = read(push).await {
            println!("     {failure:?}");
        }
    }
    if let Some(push) = unwanted {
        println!("   {}", push.path());
        println!("     cancelled");
        push.cancel();
    }
    paths
}

async fn read(push: Push) -> Result<(), Failure> {
    // It may be asked for at any time: what has come meanwhile is kept, within bounds.
    let response = push.response().await?;
    println!("     {:?} {}", response.version(), response.status());
    let octets = response.into_body().collect().await?.to_bytes();
    println!("     {} octets", octets.len());
    Ok(())
}

/// Another path at the same server.
fn at(url: &Uri, path: &str) -> Result<Uri, http::Error> {
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(path.parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// With a cache in front of the transport, what was pushed with a page answers for later requests.
#[cfg(feature = "push-cache")]
async fn answered_from_pushes(
    transport: Transport,
    url: Uri,
    paths: &[String],
) -> Result<(), Failure> {
    use tower::ServiceBuilder;
    use towline::layer::{FromPush, PushCacheLayer};

    println!("3. The same page through a PushCache, then twice what was pushed with it.");
    let mut service = ServiceBuilder::new()
        .layer(PushCacheLayer::new())
        .service(transport);
    let mut urls = vec![url];
    for path in paths {
        let pushed = at(&urls[0], path)?;
        urls.extend([pushed.clone(), pushed]);
    }
    for url in urls {
        let request = Request::get(&url).body(Empty::<&[u8]>::new())?;
        let response = service.call(request).await?;
        let is_pushed = response.extensions().get::<FromPush>().is_some();
        let origin = if is_pushed {
            "had been pushed"
        } else {
            "was asked for"
        };
        let status = response.status();
        let octets = response.into_body().collect().await?.to_bytes();
        println!("   GET {url}");
        println!("     {status}, {} octets, {origin}", octets.len());
    }
    Ok(())
}

#[cfg(not(feature = "push-cache"))]
async fn answered_from_pushes(_: Transport, _: Uri, _: &[String]) -> Result<(), Failure> {
    println!("3. A PushCache would be shown here with `--features push-cache`.");
    Ok(())
}
