//! Flow control of one's own: a window that begins small, and doubles when it kept the server waiting
//! for a quick reader. It says what it decides.
//!
//! Without a URL it starts a server of its own on the loopback:
//!
//! ```text
//! cargo run --release --example window_manager
//! cargo run --release --example window_manager -- --octets 20000000 --most 4000000
//! cargo run --release --example window_manager -- --octets 500000 --pause 20
//! cargo run --release --example window_manager -- --from https://localhost:8443/large --cacert ca.pem
//! ```
//!
//! With a pause after each piece the reader is slow, and the window does not grow: the server does
//! not wait for the window then, but for the reader.

mod support;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use indicatif::HumanBytes;
use tokio::time;
use tower::{ServiceBuilder, ServiceExt};
use towline::{
    Protocols, Transport, http2,
    layer::WindowManagerLayer,
    window::{Scope, WindowManager, WindowView},
};

use self::support::{Failure, Target};

/// Downloads over HTTP/2 with a window manager of its own.
#[derive(Parser)]
struct Arguments {
    /// What to download; without it, a server of our own is started.
    #[arg(long, value_name = "URL")]
    from: Option<Uri>,
    /// How many octets our own server sends.
    #[arg(long, default_value_t = 5_000_000)]
    octets: u32,
    /// The window at the beginning, in octets.
    #[arg(long, default_value_t = 65_535)]
    initial: u32,
    /// How far the window may grow, in octets.
    #[arg(long, default_value_t = 1_000_000)]
    most: u32,
    /// How long to wait after each piece, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pause: u64,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

/// The policy. There is one for each stream; the connection keeps the default.
struct Doubling {
    /// The size at which the window is held now.
    size: u32,
    most: u32,
    /// Since when the server cannot send.
    blocked: Option<Instant>,
    began: Instant,
}

impl WindowManager for Doubling {
    /// The server has used up the window. If it was read meanwhile, this is the place to give
    /// something; here that is left to the reading, which is told next.
    fn on_blocked(&mut self, now: Instant, window: &WindowView) -> u32 {
        self.blocked.get_or_insert(now);
        self.say(now, "blocked", window, 0);
        0
    }

    /// The caller has read something: fill the window up once half of it is missing. What is
    /// unread counts as if it had not arrived, so a slow reader slows the server.
    fn on_consumed(&mut self, now: Instant, _octets: u32, window: &WindowView) -> u32 {
        if window.missing_to(self.size) < self.size / 2 {
            return 0;
        }
        if let Some(blocked) = self.blocked.take()
            && now.saturating_duration_since(blocked) < QUICK
        {
            self.size = self.size.saturating_mul(2).min(self.most);
        }
        let missing = window.missing_to(self.size);
        self.say(now, "read", window, missing);
        missing
    }
}

/// A reader that takes longer for half of a window is what holds the server up.
const QUICK: Duration = Duration::from_millis(10);

impl Doubling {
    fn say(&self, now: Instant, why: &str, window: &WindowView, increment: u32) {
        let WindowView {
            window: left,
            unread,
            received,
            ..
        } = window;
        let at = now.saturating_duration_since(self.began).as_micros();
        println!(
            "{at:>9} us  {why:<8} {received:>10} received, {unread:>7} unread, {left:>7} left: \
             +{increment} for a window of {}",
            self.size
        );
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let is_ours = arguments.from.is_none();
    let target = Target::new(arguments.from, arguments.cacert, Protocols::Http2).await?;
    let url = if is_ours {
        format!("{}octets/{}", target.url, arguments.octets).parse()?
    } else {
        target.url
    };

    let mut config = http2::Config::default();
    config.stream_window_size = arguments.initial;
    let most = arguments.most;
    let began = Instant::now();
    // The layer chooses for the requests that pass through it. To choose for all of a transport,
    // give the same closure to `TransportBuilder::window_manager`.
    let client = ServiceBuilder::new()
        .layer(WindowManagerLayer::new(move |_: Scope, initial| Doubling {
            size: initial,
            most,
            blocked: None,
            began,
        }))
        .service(Transport::builder().tls(target.tls).http2(config).build());

    let request = Request::get(url)
        .version(http::Version::HTTP_2)
        .body(Empty::<&[u8]>::new())?;
    let response = client.oneshot(request).await?;
    println!("the server said {}", response.status());
    let mut body = response.into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        octets += frame?.data_ref().map_or(0, |data| data.len() as u64);
        if arguments.pause > 0 {
            time::sleep(Duration::from_millis(arguments.pause)).await;
        }
    }
    println!("{} in {:.2?}", HumanBytes(octets), began.elapsed());
    Ok(())
}
