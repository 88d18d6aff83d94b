//! Making a byte stream to a server: DNS, then TCP, then TLS.
//!
//! Owns: the three steps, each with its time limit, and the facts learnt on the way. Refuses: to
//! speak HTTP, to choose between HTTP/2 and HTTP/1.1 (it reports what ALPN chose), to keep or
//! share connections. Nothing outlives a dropped dial but a lookup that the system cannot
//! interrupt (see `dns`). Anything that is a tower service from [`Destination`] to [`Connected`]
//! can stand in for [`Connector`].

mod destination;
mod dns;
mod io;
mod tcp;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tower::Service;
use tracing::{Instrument, debug, debug_span};

use crate::{
    error::{Error, Kind, Phase, Retry, Scope},
    netloc::{Netloc, Scheme},
};

pub use self::{
    destination::Destination,
    io::{Alpn, Connected},
    tcp::AddressErrors,
    tls::{TlsBuilder, TlsConfig, TlsFacts},
};
pub use crate::io::Io;

/// The time limits of a dial; `None` waits as long as the system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectTimeouts {
    /// Resolving the name. 5 s by default: what common resolvers wait for one name server, where
    /// a lookup that works takes milliseconds.
    pub dns: Option<Duration>,
    /// Connecting by TCP, over all addresses. 10 s by default: a lost SYN is repeated after 1, 3
    /// and 7 s (RFC 6298 §2, §5.5), so three may be lost before we give up.
    pub tcp: Option<Duration>,
    /// The TLS handshake. 10 s by default: two round trips and a signature, with the same
    /// allowance for loss.
    pub tls: Option<Duration>,
}

impl Default for ConnectTimeouts {
    fn default() -> Self {
        Self {
            dns: Some(Duration::from_secs(5)),
            tcp: Some(Duration::from_secs(10)),
            tls: Some(Duration::from_secs(10)),
        }
    }
}

/// Connects to destinations by DNS, TCP and, for `https`, TLS.
///
/// A tower service that is always ready: whoever calls it bounds the number of dials. Cheap to
/// clone; clones share the TLS sessions that can be resumed.
#[derive(Clone, Debug)]
pub struct Connector {
    tls: TlsConfig,
    timeouts: ConnectTimeouts,
}

impl Connector {
    /// A connector with these settings.
    #[must_use]
    pub const fn new(tls: TlsConfig, timeouts: ConnectTimeouts) -> Self {
        Self { tls, timeouts }
    }

    async fn dial(self, destination: Destination) -> Result<Connected, Error> {
        let netloc = destination.netloc();
        // What is wrong with the configuration or the host's name shows before any packet is sent.
        let handshake = match netloc.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(self.tls.prepare(&destination)?),
        };
        let addresses = dns::resolve(netloc, self.timeouts.dns).await?;
        let stream = tcp::connect(netloc, addresses, self.timeouts.tcp).await?;
        let (local, remote) = (stream.local_addr().ok(), stream.peer_addr().ok());
        debug!(?local, ?remote, "connected");
        let connected = match handshake {
            None => Connected::new(stream),
            Some(handshake) => match within(self.timeouts.tls, handshake.run(stream)).await {
                Some(outcome) => outcome,
                None => Err(dial_error(Kind::Timeout(Phase::Tls), netloc)),
            }
            .map_err(|error| error.with_addresses(remote))?,
        };
        Ok(Connected {
            local,
            remote,
            ..connected
        })
    }
}

impl Service<Destination> for Connector {
    type Response = Connected;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Connected, Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Destination) -> Self::Future {
        let span = debug_span!("connect", netloc = %destination.netloc());
        let dial = self.clone().dial(destination);
        Box::pin(dial.instrument(span))
    }
}

/// Runs `work`; `None` when the limit runs out first.
async fn within<F: Future>(limit: Option<Duration>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// No connection to the netloc; as no request was sent on it, sending one again is safe.
fn dial_error(kind: Kind, netloc: &Netloc) -> Error {
    Error::new(kind, Scope::Netloc, Retry::Safe).with_netloc(netloc)
}
