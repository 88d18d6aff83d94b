//! Memory, and how often it is asked for: allocations a request, octets that an idle pooled
//! connection holds, and octets that an open stream holds whose head has not come.
//!
//! Every client is a process of its own, on one thread, and counts what it takes from the
//! allocator; the kernel's part is not in it, and the same for all. The server is another process.
//! What a caller's own future holds is not counted as the stream's.
//!
//! ```text
//! cargo bench --bench allocations
//! ```

#[path = "harness/contestants.rs"]
mod contestants;
#[expect(dead_code, reason = "only a part of it is needed here")]
mod harness;

use std::{
    alloc::System,
    env, fs,
    future::Future,
    path::Path,
    pin::Pin,
    process::{Command, ExitCode},
    task::Poll,
    time::Duration,
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::sleep;

use self::{
    contestants::{Course, H2, NAMES, Visitor},
    harness::{
        CLIENT,
        load::{self, Client},
        prepared::{self, Prepared, Role, SERVE, Site},
        work::{BoxError, Payload, Work},
    },
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What is counted.
struct Subject {
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    /// What it is to be at most.
    limit: f64,
}

const REQUEST: &str = "request";
const REQUEST_HTTP1: &str = "request-http1";
const CONNECTION: &str = "connection";
const STREAM: &str = "stream";

const SUBJECTS: [Subject; 4] = [
    subject(REQUEST, "allocations a request, HTTP/2", "", 6.0),
    subject(
        REQUEST_HTTP1,
        "allocations a request, HTTP/1.1",
        "",
        f64::INFINITY,
    ),
    subject(
        CONNECTION,
        "idle pooled connection, cleartext",
        "octets",
        10_000.0,
    ),
    subject(
        STREAM,
        "open stream that waits for its head",
        "octets",
        1_000.0,
    ),
];

/// Connections, and streams, that are held at once.
const HELD: usize = 500;
/// What a connection that has been asked once settles in.
const SETTLE: Duration = Duration::from_millis(200);

const fn subject(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    limit: f64,
) -> Subject {
    Subject {
        name,
        title,
        unit,
        limit,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [SERVE] => prepared::serve().map_err(Into::into),
        [CLIENT, name, subject, site] => be_client(name, subject, site),
        _ => compare(words.contains(&"--bench")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every client's figures, and leaves them to the table of marks.
fn compare(is_bench: bool) -> Result<(), BoxError> {
    let server = Prepared::start()?;
    let mut found = String::new();
    println!("| | unit | {} |", NAMES.join(" | "));
    println!("|---|---|{}", "---:|".repeat(NAMES.len()));
    for subject in &SUBJECTS {
        let Subject {
            title, unit, limit, ..
        } = subject;
        print!("| {title} | {unit} |");
        found += &format!("{title}\t{unit}\t{limit}");
        for name in NAMES {
            let Some(figure) = figure(name, subject, &server.site)? else {
                print!(" - |");
                continue;
            };
            print!(" {figure:.1} |");
            found += &format!("\t{name}={figure}");
        }
        println!();
        found += "\n";
    }
    if is_bench {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations.tsv");
        fs::write(path, found)?;
    }
    Ok(())
}

/// From a process of the client's own; `None` if it cannot do that.
fn figure(name: &str, subject: &Subject, site: &Site) -> Result<Option<f64>, BoxError> {
    if !contestants::can(name, &work(subject.name)) {
        return Ok(None);
    }
    let output = Command::new(env::current_exe()?)
        .args([CLIENT, name, subject.name, &site.to_string()])
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    let figure = said.trim().parse();
    figure.map(Some).map_err(|_| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        format!("{name}, {}: {complaint}", subject.name).into()
    })
}

/// What the requests of a subject are like.
fn work(subject: &str) -> Work {
    let is_http1 = subject == REQUEST_HTTP1;
    let work = Work::named(if is_http1 { "http1-get" } else { "get" });
    work.expect("these are in the list")
}

fn be_client(name: &str, subject: &str, site: &str) -> Result<(), BoxError> {
    let site: Site = site.parse()?;
    let work = work(subject).divided(10);
    let (role, netlocs) = match subject {
        CONNECTION => (Role::Small, prepared::NETLOCS),
        STREAM => (Role::Silent, 1),
        _ => (Role::Small, 1),
    };
    let course = Course {
        role,
        netlocs,
        ..Course::of(&work, &site)
    };
    let runtime = load::runtime(&work)?;
    let figure = match (subject, name) {
        // It has no pool, and connects to all from the start.
        (CONNECTION, H2) => runtime.block_on(of_h2_connections(&course))?,
        (CONNECTION, _) => runtime.block_on(contestants::with(name, &course, Connections))?,
        (STREAM, _) => runtime.block_on(contestants::with(name, &course, Streams))?,
        _ => runtime.block_on(contestants::with(name, &course, Requests(work)))?,
    };
    println!("{figure}");
    Ok(())
}

/// Counts allocations, and growth of what is allocated as one too.
struct Requests(Work);

impl Visitor for Requests {
    type Outcome = f64;

    async fn visit<C: Client>(self, client: C) -> Result<f64, BoxError> {
        let Self(work) = self;
        load::open(&client, &work).await?;
        load::drive(&client, &work, work.warm_up).await?;
        let region = Region::new(ALLOCATOR);
        load::drive(&client, &work, work.requests).await?;
        let change = region.change();
        let count = change.allocations + change.reallocations;
        Ok(count as f64 / f64::from(work.requests))
    }
}

/// Octets that are held now.
fn held() -> f64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

/// One request to each of many servers, and then peace.
struct Connections;

impl Visitor for Connections {
    type Outcome = f64;

    async fn visit<C: Client>(self, client: C) -> Result<f64, BoxError> {
        // What is made once is made by then.
        for netloc in HELD..HELD + 8 {
            client.fetch(netloc, Payload::Empty).await?;
        }
        sleep(SETTLE).await;
        let before = held();
        for netloc in 0..HELD {
            client.fetch(netloc, Payload::Empty).await?;
        }
        sleep(SETTLE).await;
        Ok((held() - before) / HELD as f64)
    }
}

/// The difference between many connections and few.
async fn of_h2_connections(course: &Course<'_>) -> Result<f64, BoxError> {
    let few = Course {
        netlocs: 8,
        ..*course
    };
    let few = contestants::H2Alone::connect(&few).await?;
    few.fetch(0, Payload::Empty).await?;
    let before = held();
    let many = Course {
        netlocs: HELD,
        ..*course
    };
    let many = contestants::H2Alone::connect(&many).await?;
    for netloc in 0..HELD {
        many.fetch(netloc, Payload::Empty).await?;
    }
    sleep(SETTLE).await;
    Ok((held() - before) / HELD as f64)
}

/// Requests on one connection that nobody answers.
struct Streams;

impl Visitor for Streams {
    type Outcome = f64;

    async fn visit<C: Client>(self, client: C) -> Result<f64, BoxError> {
        // The first opens the connection, and stays.
        let mut first = Box::pin(client.fetch(0, Payload::Empty));
        begin(first.as_mut()).await;
        sleep(SETTLE).await;
        let mut streams = Vec::with_capacity(HELD);
        let before = held();
        for _ in 0..HELD {
            let mut stream = Box::pin(client.fetch(0, Payload::Empty));
            begin(stream.as_mut()).await;
            streams.push(stream);
        }
        sleep(SETTLE).await;
        let own = size_of_val(&*first) as f64;
        Ok((held() - before) / HELD as f64 - own)
    }
}

/// Polls once.
async fn begin<F: Future>(mut future: Pin<&mut F>) {
    std::future::poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending(), "nobody answers");
        Poll::Ready(())
    })
    .await;
}
