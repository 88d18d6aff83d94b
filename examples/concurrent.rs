//! Sends hundreds of requests at once over one connection, and sums up how long they took.
//!
//! Without a URL it starts a server of its own on the loopback and asks that:
//!
//! ```text
//! cargo run --release --example concurrent
//! cargo run --release --example concurrent -- -n 5000 -c 500
//! cargo run --release --example concurrent -- --cacert ca.pem https://localhost:8443/
//! ```

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::{StreamExt, stream};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tower::ServiceExt;
use towline::{ConnectionInfo, Protocols, Transport};

use self::support::{Failure, Target};

/// Sends many requests at once over one connection.
#[derive(Parser)]
struct Arguments {
    /// What to fetch; without it, a server of our own is started and asked.
    url: Option<Uri>,
    /// How many requests to send.
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "1000")]
    requests: NonZeroUsize,
    /// How many of them to have under way at once.
    #[arg(short, long, value_name = "COUNT", default_value = "200")]
    concurrency: NonZeroUsize,
    /// A file of certificates (PEM) to trust beside the built-in ones.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let (count, at_once) = (arguments.requests.get(), arguments.concurrency.get());
    let target = Target::new(arguments.url, arguments.cacert, Protocols::Any).await?;
    let (url, transport) = (target.url, Transport::builder().tls(target.tls).build());
    println!("{count} requests to {url}, at most {at_once} at once");

    // The first request opens the connection: if that fails, one error says why. It is kept out
    // of the latencies of the rest, which find the connection open.
    let first = fetch(&transport, &url).await?;

    let mut summary = Summary::default();
    let progress = progress_bar(count as u64);
    progress.inc(1);
    let began = Instant::now();
    // Clones of a transport share its connections, so the requests may as well come from many
    // tasks. Here one task has them all under way.
    let calls = stream::iter(1..count).map(|_| fetch(&transport, &url));
    let mut exchanges = calls.buffer_unordered(at_once);
    while let Some(outcome) = exchanges.next().await {
        summary.add(outcome);
        progress.inc(1);
    }
    let took = began.elapsed();
    progress.finish_and_clear();

    println!();
    println!(
        "connecting   {:.2?}, a first answer included",
        first.latency
    );
    summary.add_first(&first);
    summary.print(took);
    summary.verdict()
}

/// A bar on the standard error stream; it hides itself where that is not a terminal.
fn progress_bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {eta} left")
        .expect("a template whose fields indicatif knows");
    ProgressBar::new(count).with_style(style)
}

/// One request and its whole answer.
struct Exchange {
    status: StatusCode,
    /// Octets of the answer's body.
    octets: u64,
    /// From the call to the last octet.
    latency: Duration,
    /// Our end of the connection tells connections apart.
    local_addr: Option<SocketAddr>,
}

async fn fetch(transport: &Transport, url: &Uri) -> Result<Exchange, towline::Error> {
    let began = Instant::now();
    let mut request = Request::new(Empty::<&[u8]>::new());
    *request.uri_mut() = url.clone();
    let response = transport.clone().oneshot(request).await?;
    let status = response.status();
    let connection = response.extensions().get::<ConnectionInfo>();
    let local_addr = connection.and_then(ConnectionInfo::local_addr);
    // Read piece by piece, so that an answer of any size takes little memory.
    let mut body = response.into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        octets += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(Exchange {
        status,
        octets,
        latency: began.elapsed(),
        local_addr,
    })
}

/// What all exchanges came to.
#[derive(Default)]
struct Summary {
    latencies: Vec<Duration>,
    octets: u64,
    statuses: BTreeMap<StatusCode, usize>,
    connections: BTreeSet<SocketAddr>,
    failed: usize,
    /// The first failure stands for the others: they tend to have one cause.
    first_failure: Option<Failure>,
}

impl Summary {
    fn add(&mut self, outcome: Result<Exchange, towline::Error>) {
        match outcome {
            Ok(exchange) => {
                self.latencies.push(exchange.latency);
                self.add_first(&exchange);
            }
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| error.into());
            }
        }
    }

    /// Counts an exchange whose latency says little of the others.
    fn add_first(&mut self, exchange: &Exchange) {
        self.octets += exchange.octets;
        *self.statuses.entry(exchange.status).or_default() += 1;
        self.connections.extend(exchange.local_addr);
    }

    fn print(&mut self, took: Duration) {
        let statuses = self.statuses.iter();
        let answers: Vec<_> = statuses
            .map(|(status, count)| format!("{count} times {status}"))
            .collect();
        println!("answers      {}", answers.join(", "));
        println!("connections  {}", self.connections.len());
        if self.connections.len() > 1 {
            println!("             (the server let each carry only so many requests)");
        }
        println!("bodies       {} in all", HumanBytes(self.octets));
        if self.latencies.is_empty() {
            return;
        }
        let rate = self.latencies.len() as f64 / took.as_secs_f64();
        println!("rate         {rate:.0} requests a second, for {took:.2?}");
        println!();
        println!("latency, from a request's call to the last octet of its answer:");
        self.latencies.sort_unstable();
        for (name, percent, meaning) in [
            ("min", 0, ""),
            ("median", 50, "half of the requests took no longer"),
            ("p90", 90, "nine in ten took no longer"),
            ("p99", 99, "99 in 100 took no longer"),
            ("max", 100, ""),
        ] {
            let latency = format!("{:.2?}", percentile(&self.latencies, percent));
            println!(
                "{}",
                format!("  {name:<6}  {latency:>9}  {meaning}").trim_end()
            );
        }
    }

    fn verdict(self) -> Result<(), Failure> {
        match self.first_failure {
            None => Ok(()),
            Some(failure) => Err(failure.under(format!("{} requests failed", self.failed))),
        }
    }
}

/// The smallest latency that `percent` of all do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.saturating_sub(1)]
}
