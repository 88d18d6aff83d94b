//! Sends requests to different services by their URLs, and says which one answered.
//!
//! Two servers are started on the loopback, each with a certificate of its own. One stands for a
//! partner, whose certificate only one transport trusts. Two services over that transport are
//! mounted: one for all of the partner, one for its API. Everything else goes to the fallback,
//! which trusts the other server.
//!
//! ```text
//! cargo run --example mount
//! cargo run --example mount -- /api/users /apis /api/../about
//! ```

mod support;

use clap::Parser;
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Empty};
use tower::ServiceExt;
use tower_http::set_header::SetResponseHeader;
use towline::{Mounts, Protocols, Transport};

use self::support::{Failure, Target, While};

/// Sends requests to different services by their URLs.
#[derive(Parser)]
struct Arguments {
    /// What to ask the partner for. Its API is at /api.
    #[arg(default_values = ["/", "/about", "/api", "/api/users?page=2", "/apis", "/api/../about"])]
    paths: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();

    println!("1. Two servers start: the partner, and one for everything else.");
    let partner = Target::new(None, None, Protocols::Any).await?;
    let other = Target::new(None, None, Protocols::Any).await?;
    let site = partner.url.to_string();
    let mut urls = Vec::new();
    for path in arguments.paths {
        let url = format!(
            "{}/{}",
            site.trim_end_matches('/'),
            path.trim_start_matches('/')
        );
        urls.push(url.parse::<Uri>().during(format!("reading {url}"))?);
    }
    urls.push(other.url);

    println!();
    println!("2. Services are mounted at prefixes of URLs. What none covers goes to the fallback.");
    let to_partner = Transport::builder().tls(partner.tls).build();
    let to_others = Transport::builder().tls(other.tls).build();
    let service = Mounts::new(signed("the fallback", to_others))
        .mount(
            format!("{site}api"),
            signed("the partner's API", to_partner.clone()),
        )?
        .mount(partner.url, signed("the partner", to_partner))?;
    for prefix in service.prefixes() {
        println!("   {prefix}");
    }

    println!();
    println!("3. Requests go to the service with the longest prefix.");
    for url in urls {
        let prefix = service.prefix_of(&url).map(ToString::to_string);
        println!("   {url}");
        println!("     prefix     {}", prefix.as_deref().unwrap_or("none"));
        let request = Request::get(url).body(Empty::<&[u8]>::new())?;
        let response = service.clone().oneshot(request).await?;
        let served_by = response.headers()[&SERVED_BY].to_str()?.to_owned();
        let body = response.into_body().collect().await?.to_bytes();
        println!("     served by  {served_by}");
        println!(
            "     answer     {}",
            String::from_utf8_lossy(&body).trim_end()
        );
    }
    Ok(())
}

/// Where a service leaves its name in the responses.
const SERVED_BY: HeaderName = HeaderName::from_static("served-by");

/// Puts a layer around a transport, as a service of its own would have one.
fn signed(name: &'static str, transport: Transport) -> SetResponseHeader<Transport, HeaderValue> {
    SetResponseHeader::overriding(transport, SERVED_BY, HeaderValue::from_static(name))
}
