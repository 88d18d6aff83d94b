//! Small GETs without TLS, one and a hundred at once, over HTTP/2 (one connection) and over HTTP/1.1
//! (as many as requests at once): towline beside hyper-util's client, reqwest, and the h2 crate alone.
//! One server, one run, one thread for all clients.
//!
//! Criterion reports the time on the wall, which is mostly the server's. The table after it is of
//! the client's own work: the time its thread was on a processor, for each request. Ratios carry
//! over from machine to machine; microseconds do not. The table needs Linux.
//!
//! ```text
//! cargo bench --bench loopback
//! cargo bench --bench loopback -- table                (matches no benchmark: the tables alone)
//! cargo bench --bench loopback -- Http1.*towline --profile-time 10      (one client, for a profiler)
//! ```

mod support;

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput};
use http::Uri;
use tokio::{
    runtime::{self, Runtime},
    task::JoinSet,
};

use self::support::{
    clients::{Client, H2, HyperUtil, Protocol, Reqwest, Towline},
    server::{BODY, Server},
};

/// How many requests are under way at once, and how many a row of the table takes.
const LOADS: [(u64, u64); 2] = [(1, 5_000), (100, 30_000)];
/// Runs of each row, a run of every client in turn, so that what disturbs one disturbs all.
const ROUNDS: usize = 5;
/// The client that the others are compared with.
const YARDSTICK: &str = HyperUtil::NAME;

fn main() {
    let server = Server::start();
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives what a runtime needs");
    let races = [Protocol::Http2, Protocol::Http1].map(|protocol| Race {
        protocol,
        contestants: contestants(&runtime, &server, protocol),
    });
    // Each HTTP/2 client has one connection; those of HTTP/1.1 have one so far.
    assert_eq!(server.connections(), 7, "one connection a client");

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for race in &races {
        race.time(&mut criterion);
    }
    criterion.final_summary();
    // Without the first this is a test that the benchmark works; with the second a profiler
    // listens, and wants nothing but what it asked for.
    let has = |name| env::args().any(|argument| argument == name);
    if has("--bench") && !has("--profile-time") {
        for race in &races {
            race.tabulate();
        }
    }
}

/// The clients that speak one protocol.
struct Race<'a> {
    protocol: Protocol,
    contestants: Vec<Contestant<'a>>,
}

/// A client and the runtime that drives it.
struct Contestant<'a> {
    name: &'static str,
    /// Makes so many requests, so many at once.
    run: Box<dyn Fn(u64, u64) -> Duration + 'a>,
}

fn contestants<'a>(
    runtime: &'a Runtime,
    server: &Server,
    protocol: Protocol,
) -> Vec<Contestant<'a>> {
    let url = format!("http://{}/", server.address);
    let url: Uri = url.parse().expect("an address makes a URI");
    let mut contestants = vec![
        contestant(runtime, Towline::new(url.clone(), protocol)),
        contestant(runtime, HyperUtil::new(url.clone(), protocol)),
        contestant(runtime, Reqwest::new(&url, protocol)),
    ];
    if protocol == Protocol::Http2 {
        let h2 = runtime.block_on(H2::connect(url));
        contestants.push(contestant(runtime, h2.expect("the server is there")));
    }
    contestants
}

fn contestant<C: Client>(runtime: &Runtime, client: C) -> Contestant<'_> {
    let run = move |requests, at_once| runtime.block_on(run(&client, requests, at_once));
    // The first request opens the connection, alone, so that no client opens several.
    run(1, 1);
    Contestant {
        name: C::NAME,
        run: Box::new(run),
    }
}

/// Makes `requests` from `at_once` tasks, and says how long that took.
async fn run<C: Client>(client: &C, requests: u64, at_once: u64) -> Duration {
    let begun = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..at_once.min(requests) {
        callers.spawn(call(client.clone(), Arc::clone(&begun), requests));
    }
    while let Some(outcome) = callers.join_next().await {
        outcome.expect("no caller panics");
    }
    began.elapsed()
}

/// One caller: a request, its whole answer, and then the next.
async fn call<C: Client>(client: C, begun: Arc<AtomicU64>, requests: u64) {
    while begun.fetch_add(1, Ordering::Relaxed) < requests {
        let octets = client.get().await.expect("the server answers");
        assert_eq!(octets, BODY.len(), "the whole body comes");
    }
}

impl Race<'_> {
    /// The time on the wall, by Criterion: its iteration is one request.
    fn time(&self, criterion: &mut Criterion) {
        for (at_once, _) in LOADS {
            let name = format!("{:?} get/{at_once} at once", self.protocol);
            let mut group = criterion.benchmark_group(name);
            group.throughput(Throughput::Elements(1));
            for contestant in &self.contestants {
                group.bench_function(BenchmarkId::from_parameter(contestant.name), |bencher| {
                    bencher.iter_custom(|requests| (contestant.run)(requests, at_once));
                });
            }
            group.finish();
        }
    }

    /// Prints the time on a processor that a request costs each client.
    fn tabulate(&self) {
        if processor_time().is_none() {
            println!("The time of a thread on its processor can be had on Linux only.");
            return;
        }
        for (at_once, requests) in LOADS {
            println!();
            println!(
                "{:?}: processor time a request, {at_once} at once (medians of {ROUNDS} rounds)",
                self.protocol
            );
            let rounds: Vec<_> = (0..ROUNDS)
                .map(|_| round(&self.contestants, requests, at_once))
                .collect();
            for (index, contestant) in self.contestants.iter().enumerate() {
                let micros = median(rounds.iter().map(|round| round[index]));
                // Within a round, where both met the same machine.
                let ratio = median(
                    rounds
                        .iter()
                        .map(|round| round[index] / yardstick(&self.contestants, round)),
                );
                println!(
                    "  {:<10}  {micros:>6.2} us  {ratio:.2} of {YARDSTICK}",
                    contestant.name
                );
            }
        }
    }
}

/// Microseconds a request, of each contestant in turn.
fn round(contestants: &[Contestant<'_>], requests: u64, at_once: u64) -> Vec<f64> {
    let cost = |contestant: &Contestant<'_>| {
        // What the last one left behind is done before the next begins.
        (contestant.run)(at_once, at_once);
        let before = processor_time();
        (contestant.run)(requests, at_once);
        let after = processor_time();
        let spent = after.zip(before).map(|(after, before)| after - before);
        spent.unwrap_or_default().as_secs_f64() * 1e6 / requests as f64
    };
    contestants.iter().map(cost).collect()
}

fn yardstick(contestants: &[Contestant<'_>], round: &[f64]) -> f64 {
    let mut costs = contestants.iter().zip(round);
    costs
        .find(|(contestant, _)| contestant.name == YARDSTICK)
        .map_or(f64::NAN, |(_, cost)| *cost)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long this thread has been on a processor (Linux: the first number of its schedstat).
fn processor_time() -> Option<Duration> {
    // The number is brought up to date when the thread leaves its processor.
    thread::sleep(Duration::from_millis(1));
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = stat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}
