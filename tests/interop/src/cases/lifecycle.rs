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
use towline::error::Kind;

use crate::{client::Client, site::Site, software::Software};

const RELOADS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(700);
const WORKERS: usize = 8;

/// Requests go on through reloads, and none is lost: GOAWAY retires a connection, what it had
/// begun ends on it, and the rest goes to a new one (RFC 9113 §6.8).
pub async fn reload(site: &mut Site) {
    let client = site.client();
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for n in 0..WORKERS {
        // Half of them are quick, half are under way whenever the reload comes.
        let path = match site.software() {
            Software::Nghttpd => "/static/hello.txt",
            _ if n % 2 == 0 => "/static/hello.txt",
            _ => "/live/delay?ms=100",
        };
        workers.spawn(get_until(stop.clone(), client.clone(), site.uri(path)));
    }
    for _ in 0..RELOADS {
        sleep(BETWEEN).await;
        site.reload();
    }
    sleep(BETWEEN).await;
    stop.store(true, Ordering::Relaxed);

    let mut ends = HashSet::new();
    let mut count = 0;
    while let Some(worker) = workers.join_next().await {
        let (done, used) =
            worker.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        count += done;
        ends.extend(used);
    }
    println!("{count} requests over {} connections", ends.len());
    assert!(
        ends.len() > 1,
        "no connection was retired, so nothing was tried"
    );
}

/// GETs in a row; each must succeed. Gives their count and our ends of the connections used.
async fn get_until(
    stop: Arc<AtomicBool>,
    client: Client,
    uri: Uri,
) -> (usize, HashSet<SocketAddr>) {
    let mut count = 0;
    let mut ends = HashSet::new();
    while !stop.load(Ordering::Relaxed) {
        let whole = client.get_ok(uri.clone()).await;
        count += 1;
        ends.insert(whole.local_end());
    }
    (count, ends)
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
