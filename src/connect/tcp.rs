//! A TCP connection to the first of several addresses that answers: Happy Eyeballs.
//!
//! Owns: the order of the addresses, the race between them, and the memory of every failure.
//! The race runs inside one future: dropping it drops every attempt, and no task is spawned.
//! Invariant: an address is waiting, running or failed, and never two of these.
//! Spec: RFC 8305 §4 (order), §5 (staggered attempts), §8 (values).

#[cfg(test)]
mod tests;

use std::{
    error::Error as StdError,
    fmt,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
    vec,
};

use tokio::{
    net::TcpStream,
    time::{Sleep, sleep},
};
use tracing::debug;

use crate::{
    error::{Error, Kind, Phase},
    netloc::Netloc,
};

use super::{dial_error, within};

/// How long an attempt runs alone before the next one joins it (RFC 8305 §8: 250 ms).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to whichever of `addresses` answers first.
pub(super) async fn connect(
    netloc: &Netloc,
    addresses: Vec<SocketAddr>,
    limit: Option<Duration>,
) -> Result<TcpStream, Error> {
    connect_by(netloc, addresses, limit, open).await
}

async fn connect_by<T, F>(
    netloc: &Netloc,
    addresses: Vec<SocketAddr>,
    limit: Option<Duration>,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, Error>
where
    F: Future<Output = io::Result<T>>,
{
    let mut race = Race::new(interleave(addresses));
    let kind = match within(limit, race.run(attempt)).await {
        Some(Some(stream)) => return Ok(stream),
        Some(None) => Kind::Connect,
        None => Kind::Timeout(Phase::Tcp),
    };
    let failures = race.abandon();
    let tried: Vec<_> = failures.iter().map(|(address, _)| address).collect();
    Err(dial_error(kind, netloc)
        .with_addresses(tried)
        .with_source(failures))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    debug!(%address, "connecting");
    let stream = TcpStream::connect(address).await?;
    // The driver writes whole batches: Nagle's algorithm would only hold back the last segment.
    // Without the option the connection is slower, yet right.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%address, %error, "TCP_NODELAY refused");
    }
    Ok(stream)
}

/// Alternates the address families, beginning with that of the first address (RFC 8305 §4).
///
/// The resolver's order within a family stays. Which family it names first is its judgement by
/// RFC 6724: IPv6, unless there is no route for it.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let leads_with_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let count = addresses.len();
    let (leading, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == leads_with_ipv6);
    let (mut leading, mut other) = (leading.into_iter(), other.into_iter());
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        order.extend(leading.next());
        order.extend(other.next());
    }
    order
}

/// Attempts at several addresses, of which the first success counts (RFC 8305 §5).
struct Race<F> {
    waiting: vec::IntoIter<SocketAddr>,
    running: Vec<(SocketAddr, Pin<Box<F>>)>,
    failed: AddressErrors,
}

/// Why a race starts its next attempt, or none any more.
enum Turn<T> {
    Connected(T),
    StartNext,
}

impl<F> Race<F> {
    fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            waiting: addresses.into_iter(),
            running: Vec::new(),
            failed: AddressErrors::default(),
        }
    }

    /// Runs to the first success; `None` when every address has failed.
    async fn run<T>(&mut self, attempt: impl Fn(SocketAddr) -> F) -> Option<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        loop {
            match self.waiting.next() {
                Some(address) => self.running.push((address, Box::pin(attempt(address)))),
                None if self.running.is_empty() => return None,
                None => {}
            }
            let mut delay = pin!(sleep(ATTEMPT_DELAY));
            match poll_fn(|cx| self.poll_turn(cx, delay.as_mut())).await {
                Turn::Connected(stream) => return Some(stream),
                Turn::StartNext => {}
            }
        }
    }

    /// Polls all that run; a failure lets the next begin at once, as the end of the delay does.
    fn poll_turn<T>(&mut self, cx: &mut Context<'_>, delay: Pin<&mut Sleep>) -> Poll<Turn<T>>
    where
        F: Future<Output = io::Result<T>>,
    {
        let failed_before = self.failed.0.len();
        let mut index = 0;
        while let Some((address, attempt)) = self.running.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Poll::Ready(Turn::Connected(stream)),
                Poll::Ready(Err(error)) => {
                    debug!(%address, %error, "not connected");
                    self.failed.0.push((*address, error));
                    drop(self.running.remove(index));
                }
            }
        }
        if self.failed.0.len() == failed_before {
            if self.waiting.as_slice().is_empty() {
                return Poll::Pending;
            }
            ready!(delay.poll(cx));
        }
        Poll::Ready(Turn::StartNext)
    }

    /// Ends the race: what still runs has taken too long.
    fn abandon(self) -> AddressErrors {
        let mut failed = self.failed;
        for (address, _) in self.running {
            failed.0.push((address, io::ErrorKind::TimedOut.into()));
        }
        failed
    }
}

/// Why no address of a host could be connected to: one error for each that was tried.
///
/// It is the source of a [`Kind::Connect`] error, and of a timeout while connecting.
#[derive(Debug, Default)]
pub struct AddressErrors(Vec<(SocketAddr, io::Error)>);

impl AddressErrors {
    /// Each address with its error, in the order in which they failed.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &io::Error)> {
        self.0.iter().map(|(address, error)| (*address, error))
    }
}

impl fmt::Display for AddressErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, error)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {error}")?;
        }
        Ok(())
    }
}

impl StdError for AddressErrors {
    /// The error that ended the race: the last.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .last()
            .map(|(_, error)| -> &(dyn StdError + 'static) { error })
    }
}
