//! A client's process: loads one client as a work says, and measures what that takes of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::{self, Runtime},
    task::JoinSet,
};

use super::{
    prepared::{BODY, LARGE, Site},
    processor,
    work::{BoxError, Content, Finding, Payload, Work},
};

/// A client that is ready to ask the servers of a work. Clones share its connections.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// Asks one of the servers, and counts the octets of the answer's body.
    fn fetch(
        &self,
        netloc: usize,
        payload: Payload,
    ) -> impl Future<Output = Result<u64, BoxError>> + Send;
}

/// The runtime of a work, on the cores that it may use.
pub(crate) fn runtime(work: &Work) -> Result<Runtime, BoxError> {
    let runtime = if work.threads == 1 {
        processor::pin(processor::CLIENT)?;
        runtime::Builder::new_current_thread().enable_all().build()
    } else {
        processor::pin(processor::BOTH)?;
        runtime::Builder::new_multi_thread()
            .worker_threads(work.threads)
            .enable_all()
            .build()
    };
    Ok(runtime?)
}

/// Opens the connections, warms up, and measures.
pub(crate) async fn measure<C: Client>(
    client: C,
    work: &Work,
    site: &Site,
) -> Result<Finding, BoxError> {
    open(&client, work).await?;
    drive(&client, work, work.warm_up).await?;
    let clocks = || Ok::<_, BoxError>((processor::own_time()?, processor::time_of(site.process)?));
    let (client_before, server_before) = clocks()?;
    let (wall, mut times) = drive(&client, work, work.requests).await?;
    let (client_after, server_after) = clocks()?;
    times.sort_unstable();
    let rank = |share: usize| times.get(times.len() * share / 100).copied();
    Ok(Finding {
        requests: work.requests,
        client: client_after - client_before,
        server: server_after - server_before,
        wall,
        median: rank(50).unwrap_or_default(),
        p99: rank(99).unwrap_or_default(),
    })
}

/// One request to every server, each alone, so that no client opens more than it needs.
pub(crate) async fn open<C: Client>(client: &C, work: &Work) -> Result<(), BoxError> {
    // What is large warms up by itself.
    if work.octets().is_none() {
        for netloc in 0..work.netlocs {
            client.fetch(netloc, Payload::Empty).await?;
        }
    }
    Ok(())
}

/// Makes so many requests, as many at once as the work says.
pub(crate) async fn drive<C: Client>(
    client: &C,
    work: &Work,
    requests: u32,
) -> Result<(Duration, Vec<Duration>), BoxError> {
    let begun = Arc::new(AtomicU32::new(0));
    let payload = Payload::of(work.content);
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..work.at_once.min(requests) {
        let caller = Caller {
            client: client.clone(),
            work: *work,
            begun: Arc::clone(&begun),
            requests,
        };
        callers.spawn(caller.run(payload.clone()));
    }
    let mut times = Vec::new();
    while let Some(outcome) = callers.join_next().await {
        times.append(&mut outcome??);
    }
    Ok((began.elapsed(), times))
}

/// A request, its whole answer, and then the next.
struct Caller<C> {
    client: C,
    work: Work,
    begun: Arc<AtomicU32>,
    requests: u32,
}

impl<C: Client> Caller<C> {
    async fn run(self, payload: Payload) -> Result<Vec<Duration>, BoxError> {
        let Self { client, work, .. } = self;
        let expected = match work.content {
            Content::Download => LARGE,
            Content::Small | Content::Post(_) | Content::Upload => BODY.len() as u64,
        };
        let mut times = Vec::new();
        loop {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests {
                return Ok(times);
            }
            let began = work.is_timed.then(Instant::now);
            let netloc = number as usize % work.netlocs;
            let octets = client.fetch(netloc, payload.clone()).await?;
            if octets != expected {
                return Err(format!("{octets} octets came of {expected}").into());
            }
            times.extend(began.map(|began| began.elapsed()));
        }
    }
}
