//! One large download over a link of 100 ms round trip and 1 Gbit/s: how much of the link does a
//! client fill with its default settings? Between client and server stands a proxy that delays
//! and paces (`tests/support/link.rs`); each download is the first on its connection.
//!
//! ```text
//! cargo bench --bench long_link
//! ```
//!
//! | column | is |
//! |---|---|
//! | whole | the share of the link from the request to the last octet; a round trip goes by before the first comes, so 84 % is the most |
//! | content | the share from the first octet to the last |
//! | steady | the share after the first second of a download four times as long |

#[path = "../tests/support/link.rs"]
mod link;

use std::{
    convert::Infallible,
    env,
    net::{SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use hyper::service::service_fn;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::runtime;
use tower::{Service, ServiceExt};

use self::link::Link;

/// The link of the table.
const LINK: Link = Link {
    round_trip: Duration::from_millis(100),
    rate: 125e6,
};
/// Octets of the document.
const DOCUMENT: usize = 64 << 20;
/// Rounds, a download of every client in turn in each, so that what disturbs one disturbs all.
const ROUNDS: usize = 5;
/// When a download has had time to find its pace.
const RAMP: Duration = Duration::from_secs(1);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A client, made anew for each download.
type Contestant = (&'static str, fn(&Uri) -> Course);

fn main() {
    // Without it this is a test that the benchmark works.
    let is_bench = env::args().any(|argument| argument == "--bench");
    let (document, rounds) = if is_bench {
        (DOCUMENT, ROUNDS)
    } else {
        (1 << 20, 1)
    };
    let contestants: [Contestant; 5] = [
        ("towline", towline),
        ("hyper-util", hyper_util),
        ("hyper-util, adaptive", hyper_util_adaptive),
        ("reqwest", reqwest),
        ("reqwest, adaptive", reqwest_adaptive),
    ];
    let short = race(&contestants, document, rounds);
    let long = race(&contestants, 4 * document, rounds.div_ceil(2));
    println!(
        "{} MiB, {} ms round trip, {} Mbit/s: share of the link (medians of {rounds} rounds)",
        document >> 20,
        LINK.round_trip.as_millis(),
        LINK.rate * 8e-6
    );
    println!(
        "  {:<20} {:>7} {:>8} {:>7}",
        "", "whole", "content", "steady"
    );
    for (index, (name, _)) in contestants.iter().enumerate() {
        let share = |rounds: &[Vec<Course>], of: fn(&Course) -> f64| {
            100.0 * median(rounds.iter().map(|round| of(&round[index])))
        };
        println!(
            "  {name:<20} {:>5.1} % {:>6.1} % {:>5.1} %",
            share(&short, Course::whole),
            share(&short, Course::content),
            share(&long, Course::steady),
        );
    }
}

/// Every round's courses, in the order of the contestants.
fn race(contestants: &[Contestant], document: usize, rounds: usize) -> Vec<Vec<Course>> {
    let address = LINK.to(serve(document));
    let url: Uri = format!("http://{address}/").parse().expect("a URI");
    let run = |(name, run): &Contestant| {
        let course = run(&url);
        assert_eq!(course.octets, document, "{name} got the whole document");
        course
    };
    (0..rounds)
        .map(|_| contestants.iter().map(run).collect())
        .collect()
}

/// How a download went.
#[derive(Debug)]
struct Course {
    octets: usize,
    /// From the request.
    first: Duration,
    /// Likewise.
    last: Duration,
    /// What had come when the ramp was over, and when that was seen.
    ramp: Option<(Duration, usize)>,
}

impl Course {
    fn whole(&self) -> f64 {
        LINK.time_of(self.octets).div_duration_f64(self.last)
    }

    fn content(&self) -> f64 {
        let content = self.last - self.first;
        LINK.time_of(self.octets).div_duration_f64(content)
    }

    /// What there is no time to measure, is not there.
    fn steady(&self) -> f64 {
        let Some((since, before)) = self.ramp else {
            return f64::NAN;
        };
        LINK.time_of(self.octets - before)
            .div_duration_f64(self.last - since)
    }
}

fn towline(url: &Uri) -> Course {
    let transport = towline::Transport::builder()
        .http2_prior_knowledge(true)
        .build();
    download(transport, url)
}

fn hyper_util(url: &Uri) -> Course {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    download(builder.http2_only(true).build_http::<Empty<Bytes>>(), url)
}

fn hyper_util_adaptive(url: &Uri) -> Course {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .http2_only(true)
        .http2_adaptive_window(true)
        .timer(TokioTimer::new());
    download(builder.build_http::<Empty<Bytes>>(), url)
}

fn reqwest(url: &Uri) -> Course {
    download_by_reqwest(reqwest::Client::builder(), url)
}

fn reqwest_adaptive(url: &Uri) -> Course {
    let builder = reqwest::Client::builder().http2_adaptive_window(true);
    download_by_reqwest(builder, url)
}

fn download_by_reqwest(builder: reqwest::ClientBuilder, url: &Uri) -> Course {
    let client = builder.no_proxy().http2_prior_knowledge().build();
    let client = client.expect("a client without TLS needs nothing that could be missing");
    download(
        tower::service_fn(move |request: Request<Empty<Bytes>>| {
            let call = client.get(request.uri().to_string()).send();
            async move { Ok::<_, reqwest::Error>(Response::<reqwest::Body>::from(call.await?)) }
        }),
        url,
    )
}

/// One download on a runtime of its own.
fn download<S, B>(service: S, url: &Uri) -> Course
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives what a runtime needs");
    let course = runtime.block_on(follow(service, url));
    course.expect("the server answers")
}

async fn follow<S, B>(service: S, url: &Uri) -> Result<Course, BoxError>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url.clone();
    let began = Instant::now();
    let response = service.oneshot(request).await.map_err(Into::into)?;
    let mut body = response.into_body();
    let mut course = Course {
        octets: 0,
        first: Duration::ZERO,
        last: Duration::ZERO,
        ramp: None,
    };
    while let Some(frame) = body.frame().await {
        let octets = frame.map_err(Into::into)?.data_ref().map_or(0, Bytes::len);
        course.last = began.elapsed();
        if course.octets == 0 {
            course.first = course.last;
        }
        course.octets += octets;
        if course.last >= RAMP {
            course.ramp.get_or_insert((course.last, course.octets));
        }
    }
    Ok(course)
}

/// A cleartext HTTP/2 server on a thread of its own, with one document.
fn serve(document: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let address = listener.local_addr();
    thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system gives what a runtime needs");
        runtime.block_on(answer(listener, Bytes::from(vec![0; document])));
    });
    address.expect("a bound socket has an address")
}

async fn answer(listener: TcpListener, document: Bytes) {
    listener
        .set_nonblocking(true)
        .expect("a socket can be made nonblocking");
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime has I/O");
    while let Ok((stream, _)) = listener.accept().await {
        let document = document.clone();
        let service = service_fn(move |_| {
            let response = Response::new(Full::new(document.clone()));
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        // A connection ends in an error when its client is dropped.
        tokio::spawn(async move {
            drop(
                builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
