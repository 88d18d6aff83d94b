//! Instructions a request, counted by callgrind: figures that do not depend on the machine's mood, so
//! that a change can be judged by them.
//!
//! Client and server share a thread and no socket: the server is a byte stream that answers with
//! prepared octets (`support/canned.rs`), and what it costs is in every client's count. Each count is
//! the difference of two runs of different length, so that what happens once is not in it. The kernel
//! is not in it either: see the `loopback` benchmark for time on a processor.
//!
//! ```text
//! cargo bench --bench instructions                (needs valgrind; prints the table of benches/README.md)
//! valgrind --tool=callgrind target/release/deps/instructions-* run towline get-100 20000
//! ```

#[path = "support/canned.rs"]
mod canned;

use std::{
    convert::Infallible,
    env,
    pin::Pin,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connected as HyperConnected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::{runtime, task::JoinSet};
use tower::{Service, ServiceExt, service_fn};
use towline::connect::{Connected, Destination};

use self::canned::{BODY, Canned};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is asked.
#[derive(Clone, Copy, Debug)]
struct Work {
    name: &'static str,
    is_http2: bool,
    at_once: u32,
    /// Octets of each request's body.
    body: usize,
}

const WORKS: [Work; 5] = [
    work("get-1", true, 1, 0),
    work("get-100", true, 100, 0),
    work("post-100", true, 100, 10_000),
    work("http1-get-1", false, 1, 0),
    work("http1-get-100", false, 100, 0),
];

const CLIENTS: [&str; 3] = ["towline", "hyper-util", "h2 alone"];

/// Requests of the two runs.
const RUNS: [u32; 2] = [2_000, 6_000];

const fn work(name: &'static str, is_http2: bool, at_once: u32, body: usize) -> Work {
    Work {
        name,
        is_http2,
        at_once,
        body,
    }
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [_, "run", client, name, requests] => {
            let work = WORKS.into_iter().find(|work| work.name == name);
            let work = work.expect("a work of the list");
            run(
                client,
                work,
                requests.parse().expect("a number of requests"),
            );
        }
        _ if arguments.contains(&"--bench") => tabulate(),
        // A test that the benchmark works.
        _ => {
            for (client, work) in races() {
                run(client, work, work.at_once);
            }
        }
    }
}

/// Who can do what: the h2 crate speaks HTTP/2 alone.
fn races() -> impl Iterator<Item = (&'static str, Work)> {
    let can = |client, work: Work| work.is_http2 || client != "h2 alone";
    let races = WORKS.into_iter();
    let races = races.flat_map(|work| CLIENTS.into_iter().map(move |client| (client, work)));
    races.filter(move |(client, work)| can(*client, *work))
}

fn tabulate() {
    println!("| work | client | instructions a request | of hyper-util's |");
    println!("|---|---|---:|---:|");
    let counts: Vec<_> = races()
        .map(|(client, work)| (client, work, count(client, work)))
        .collect();
    for (client, work, instructions) in &counts {
        let yardstick = counts
            .iter()
            .find(|(other, same, _)| *other == "hyper-util" && same.name == work.name);
        let ratio = yardstick.map_or(f64::NAN, |(_, _, theirs)| instructions / theirs);
        println!(
            "| {} | {client} | {instructions:.0} | {ratio:.2} |",
            work.name
        );
    }
}

/// Instructions a request, from runs of this program under callgrind.
fn count(client: &str, work: Work) -> f64 {
    let [short, long] = RUNS.map(|requests| {
        let program = env::current_exe().expect("a program has a path");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["run", client, work.name, &requests.to_string()])
            .output()
            .expect("valgrind is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        let collected = said.lines().find_map(|line| {
            let (_, count) = line.split_once("Collected : ")?;
            count.trim().parse::<f64>().ok()
        });
        collected.unwrap_or_else(|| panic!("callgrind says how much it collected: {said}"))
    });
    (long - short) / f64::from(RUNS[1] - RUNS[0])
}

fn run(client: &str, work: Work, requests: u32) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives what a runtime needs");
    runtime.block_on(async {
        let outcome = match client {
            "towline" => race(towline(work), work, requests).await,
            "hyper-util" => race(hyper_util(work), work, requests).await,
            _ => race(h2_alone().await, work, requests).await,
        };
        outcome.expect("the server answers");
    });
}

/// Makes so many requests from as many tasks as the work says.
async fn race<S, B>(service: S, work: Work, requests: u32) -> Result<(), BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin,
    B::Error: Into<BoxError>,
{
    let body = Bytes::from(vec![b'x'; work.body]);
    // The first opens the connection, alone.
    call(service.clone(), body.clone()).await?;
    let begun = Arc::new(AtomicU32::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..work.at_once {
        let (service, begun, body) = (service.clone(), Arc::clone(&begun), body.clone());
        callers.spawn(async move {
            while begun.fetch_add(1, Ordering::Relaxed) < requests {
                call(service.clone(), body.clone()).await?;
            }
            Ok::<_, BoxError>(())
        });
    }
    while let Some(outcome) = callers.join_next().await {
        outcome??;
    }
    Ok(())
}

async fn call<S, B>(service: S, body: Bytes) -> Result<(), BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let uri = Uri::from_static("http://server.example/some/path?and=query");
    let mut request = if body.is_empty() {
        Request::get(uri)
    } else {
        Request::post(uri)
    };
    request = request.header("user-agent", "instructions");
    let response = service.oneshot(request.body(Full::new(body))?).await;
    let mut body = response.map_err(Into::into)?.into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        octets += frame.map_err(Into::into)?.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(octets, BODY.len(), "the whole body comes");
    Ok(())
}

fn connect(work: Work) -> Canned {
    if work.is_http2 {
        Canned::http2()
    } else {
        Canned::http1()
    }
}

fn towline(work: Work) -> towline::Transport {
    towline::Transport::builder()
        .http2_prior_knowledge(work.is_http2)
        .connector(service_fn(move |_: Destination| async move {
            Ok::<_, Infallible>(Connected::new(connect(work)))
        }))
        .build()
}

fn hyper_util(
    work: Work,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<hyper::body::Incoming>,
    Error = legacy::Error,
    Future = legacy::ResponseFuture,
> + Clone
+ Send {
    legacy::Client::builder(TokioExecutor::new())
        .http2_only(work.is_http2)
        .build(service_fn(move |_: Uri| {
            let io = HyperIo(TokioIo::new(connect(work)));
            std::future::ready(Ok::<_, Infallible>(io))
        }))
}

/// A connection as hyper-util wants it.
struct HyperIo(TokioIo<Canned>);

impl Connection for HyperIo {
    fn connected(&self) -> HyperConnected {
        HyperConnected::new()
    }
}

impl Read for HyperIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for HyperIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The h2 crate as a service: what it gives, and nothing between.
async fn h2_alone()
-> impl Service<Request<Full<Bytes>>, Response = Response<Http2Body>, Error = BoxError, Future: Send>
+ Clone
+ Send {
    let handshake = h2::client::handshake(Canned::http2()).await;
    let (sender, connection) = handshake.expect("the server is there");
    // It ends with the program.
    tokio::spawn(async move { drop(connection.await) });
    service_fn(move |request: Request<Full<Bytes>>| {
        let sender = sender.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let request = Request::from_parts(parts, ());
            let (response, mut upload) = sender
                .ready()
                .await?
                .send_request(request, body.is_empty())?;
            if !body.is_empty() {
                upload.send_data(body, true)?;
            }
            Ok(response.await?.map(Http2Body))
        }
    })
}

/// A response body of the h2 crate, which returns its credit.
struct Http2Body(h2::RecvStream);

impl Body for Http2Body {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, h2::Error>>> {
        let polled = self.0.poll_data(cx);
        polled.map(|data| {
            let data = data?;
            Some(data.and_then(|data| {
                self.0.flow_control().release_capacity(data.len())?;
                Ok(http_body::Frame::data(data))
            }))
        })
    }
}
