//! Servers that reload, stop and return, under load.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::Uri;
use tokio::{task::JoinSet, time::sleep};
use towline::error::{Kind, Retry};

use crate::{
    client::Client,
    site::Site,
    software::{Protocol, Software},
};

const RELOADS: usize = 2;
const BETWEEN: Duration = Duration::from_millis(600);
const WORKERS: usize = 8;

/// Requests go on through reloads, and none is lost: GOAWAY retires a connection, what it had
/// begun ends on it, and the rest goes to a new one (RFC 9113 §6.8). On HTTP/1.1 the server closes
/// what is idle and announces the end of the rest (RFC 9112 §9.6); a request that crosses the close
/// goes out again, as a GET may.
///
/// Except by Apache on HTTP/2: when a request crosses its first GOAWAY, mod_http2 ends the connection with
/// all that is under way. The transport cannot know whether those were processed, and says so.
pub async fn reload(site: &mut Site) {
    let allowance = match (site.software(), site.protocol()) {
        (Software::Apache, Protocol::Http2) => WORKERS * RELOADS,
        _ => 0,
    };
    let client = site.client();
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for n in 0..WORKERS {
        // Half of them are quick, half are under way whenever the reload comes.
        let path = ["/static/hello.txt", "/live/delay?ms=100"][n % 2];
        workers.spawn(get_until(stop.clone(), client.clone(), site.uri(path)));
    }
    for _ in 0..RELOADS {
        sleep(BETWEEN).await;
        site.reload();
    }
    sleep(BETWEEN).await;
    stop.store(true, Ordering::Relaxed);

    let mut all = Tally::default();
    while let Some(worker) = workers.join_next().await {
        let tally = worker.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        all.answered += tally.answered;
        all.lost.extend(tally.lost);
        all.ends.extend(tally.ends);
    }
    println!(
        "{} answered over {} connections",
        all.answered,
        all.ends.len()
    );
    assert!(
        all.ends.len() > 1,
        "no connection was retired, so nothing was tried"
    );
    assert!(all.lost.len() <= allowance, "lost: {:#?}", all.lost);
    for error in &all.lost {
        assert_eq!(error.retry(), Retry::IfIdempotent, "{error:?}");
    }
}

/// What came of a worker's requests.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    lost: Vec<towline::Error>,
    /// Our ends of the connections used.
    ends: HashSet<SocketAddr>,
}

/// GETs in a row.
async fn get_until(stop: Arc<AtomicBool>, client: Client, uri: Uri) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        match client.get(uri.clone()).await {
            Ok(whole) => {
                whole.assert_ok();
                tally.answered += 1;
                tally.ends.insert(whole.local_end());
            }
            Err(error) => tally.lost.push(error),
        }
    }
    tally
}

/// What is under way when the server is asked to stop is answered all the same.
pub async fn graceful_stop(site: &mut Site) {
    let client = site.client();
    client.get_ok(site.uri("/static/hello.txt")).await;
    let under_way = join_all((0..20).map(|_| client.get_ok(site.uri("/live/delay?ms=800"))));
    let stop = async {
        sleep(Duration::from_millis(300)).await;
        site.stop_gracefully();
    };
    tokio::join!(under_way, stop);
    site.wait_for_end().await;
    refused(&client, site).await;
}

/// A server that goes away is an error, and one that returns is used again.
pub async fn restart(site: &mut Site) {
    let client = site.client();
    client.get_ok(site.uri("/static/hello.txt")).await;
    for _ in 0..2 {
        site.kill();
        refused(&client, site).await;
        site.start_again();
        client.get_ok(site.uri("/static/hello.txt")).await;
    }
}

/// The server is gone, and the transport finds out: by its connection's end at first if it hears
/// of that so late, and then by the refusal of a new one.
async fn refused(client: &Client, site: &Site) {
    for _ in 0..50 {
        let error = client
            .get(site.uri("/static/hello.txt"))
            .await
            .expect_err("nobody listens");
        if error.kind() == Kind::Connect {
            return;
        }
        assert!(
            matches!(error.kind(), Kind::Closed | Kind::Io | Kind::GoAway),
            "{error:?}"
        );
        sleep(Duration::from_millis(20)).await;
    }
    panic!("still a connection to a server that is gone");
}
