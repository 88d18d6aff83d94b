//! A dial: a byte stream, its protocol, and the driver that is put to work on it.

use std::{collections::HashSet, fmt, pin::Pin, sync::Arc};

use tower::{ServiceExt, util::BoxCloneSyncService};
use tracing::{Instrument, debug_span};

use super::info::{Facts, Protocol};
use crate::{
    connect::{Alpn, Connected, Destination},
    driver::{Endpoint, Handle, Http1Config, Http1Driver, Http2Config, Http2Driver, Observer},
    error::{BoxError, Error, Kind, Retry, Scope},
    netloc::{Netloc, Scheme},
    pool::{self, Key, Sharing},
    protocols::Protocols,
};

/// Any connector, with its type erased.
pub(super) type BoxConnector = BoxCloneSyncService<Destination, Connected, BoxError>;

/// Makes the pool's connections.
#[derive(Clone)]
pub(super) struct Dialer {
    shared: Arc<Shared>,
}

struct Shared {
    connector: BoxConnector,
    prior_knowledge: PriorKnowledge,
    drivers: DriverConfigs,
}

/// Settings of the drivers of either protocol.
#[derive(Clone)]
pub(super) struct DriverConfigs {
    pub(super) http2: Http2Config,
    pub(super) http1: Http1Config,
}

/// Which cleartext servers are known to speak HTTP/2 (RFC 9113 §3.3).
#[derive(Clone, Debug, Default)]
pub(super) enum PriorKnowledge {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    Netlocs(HashSet<Netloc>),
}

/// A connection as pool and transport see it.
#[derive(Clone)]
pub(super) struct Conn {
    pub(super) handle: Handle,
    pub(super) facts: Arc<Facts>,
}

impl PriorKnowledge {
    fn covers(&self, netloc: &Netloc) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Netlocs(netlocs) => netlocs.contains(netloc),
        }
    }
}

impl Dialer {
    pub(super) fn new(
        connector: BoxConnector,
        prior_knowledge: PriorKnowledge,
        drivers: DriverConfigs,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                connector,
                prior_knowledge,
                drivers,
            }),
        }
    }

    /// Which connections may carry a request that asks for these protocols, before anything is
    /// dialed. Without TLS nothing is negotiated: what is spoken is known beforehand.
    pub(super) fn key(&self, netloc: Netloc, asked: Protocols) -> Result<Key, Error> {
        let is_known = self.shared.prior_knowledge.covers(&netloc);
        let protocols = match (netloc.scheme(), asked) {
            (Scheme::Https, asked) => asked,
            (Scheme::Http, Protocols::Any | Protocols::Http2) if is_known => Protocols::Http2,
            (Scheme::Http, Protocols::Any | Protocols::Http1) => Protocols::Http1,
            (Scheme::Http, Protocols::Http2) => {
                let why = "HTTP/2 without TLS needs prior knowledge: \
                           see TransportBuilder::http2_prior_knowledge";
                return Err(Error::new(Kind::Scheme, Scope::Request, Retry::Never)
                    .with_netloc(&netloc)
                    .with_source(why));
            }
        };
        Ok(Key::new(netloc, protocols))
    }
}

impl Shared {
    async fn dial(&self, key: Key) -> Result<Conn, Error> {
        let netloc = &key.netloc;
        let destination = Destination::new(netloc.clone()).with_protocols(key.protocols);
        let connected = self
            .connector
            .clone()
            .oneshot(destination)
            .await
            .map_err(|cause| connect_error(cause, netloc))?;
        let protocol = choose(&connected, &key)?;
        let endpoint = Endpoint {
            netloc: netloc.clone(),
            remote: connected.remote,
            alpn: connected.alpn.as_bytes().map(<[u8]>::to_vec),
            is_encrypted: netloc.scheme() == Scheme::Https,
        };
        let facts = Arc::new(Facts {
            protocol,
            local: connected.local,
            remote: connected.remote,
            alpn: connected.alpn,
            tls: connected.tls,
        });
        let span = debug_span!("connection", %netloc, remote = ?facts.remote);
        let handle = match protocol {
            Protocol::Http2 => {
                let (driver, handle) =
                    Http2Driver::new(connected.io, endpoint, self.drivers.http2.clone());
                tokio::spawn(driver.run().instrument(span));
                handle
            }
            Protocol::Http1 => {
                let (driver, handle) =
                    Http1Driver::new(connected.io, endpoint, self.drivers.http1.clone());
                tokio::spawn(driver.run().instrument(span));
                handle
            }
        };
        Ok(Conn { handle, facts })
    }
}

/// What is spoken on a connection: what ALPN chose, and HTTP/1.1 where it chose nothing
/// (RFC 9113 §3.2). Without TLS, what is known beforehand.
fn choose(connected: &Connected, key: &Key) -> Result<Protocol, Error> {
    if key.netloc.scheme() == Scheme::Http {
        return Ok(match key.protocols {
            Protocols::Http2 => Protocol::Http2,
            Protocols::Any | Protocols::Http1 => Protocol::Http1,
        });
    }
    match (&connected.alpn, key.protocols) {
        (Alpn::Http2, Protocols::Any | Protocols::Http2) => Ok(Protocol::Http2),
        (Alpn::Http1 | Alpn::None, Protocols::Any | Protocols::Http1) => Ok(Protocol::Http1),
        _ => Err(wrong_protocol(connected, key)),
    }
}

/// A connector of ours gives our error; another's becomes its source.
fn connect_error(cause: BoxError, netloc: &Netloc) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => Error::new(Kind::Connect, Scope::Netloc, Retry::Safe)
            .with_netloc(netloc)
            .with_source(cause),
    }
}

fn wrong_protocol(connected: &Connected, key: &Key) -> Error {
    let error = Error::new(Kind::Alpn, Scope::Netloc, Retry::Never)
        .with_netloc(&key.netloc)
        .with_addresses(connected.remote);
    let wanted = match key.protocols {
        Protocols::Any => "HTTP/2 or HTTP/1.1",
        Protocols::Http2 => "HTTP/2",
        Protocols::Http1 => "HTTP/1.1",
    };
    match connected.alpn.as_bytes() {
        Some(chosen) => error.with_alpn(chosen).with_source(format!(
            "{wanted} was wanted, and the connection speaks {}",
            chosen.escape_ascii()
        )),
        None => error.with_source(format!(
            "{wanted} was wanted, and the server chose no protocol"
        )),
    }
}

impl pool::Dial for Dialer {
    type Conn = Conn;

    fn dial(&self, key: Key) -> Pin<Box<dyn Future<Output = Result<Conn, Error>> + Send>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.dial(key).await })
    }

    fn foresee(&self, key: &Key) -> Sharing {
        match (key.netloc.scheme(), key.protocols) {
            (_, Protocols::Http2) => Sharing::Multiplexed,
            (_, Protocols::Http1) | (Scheme::Http, Protocols::Any) => Sharing::Exclusive,
            (Scheme::Https, Protocols::Any) => Sharing::Unknown,
        }
    }
}

impl pool::Conn for Conn {
    fn try_reserve(&self) -> bool {
        self.handle.try_reserve()
    }

    fn release(&self) {
        self.handle.release_slot();
    }

    fn is_open(&self) -> bool {
        self.handle.is_open()
    }

    fn is_exclusive(&self) -> bool {
        self.facts.protocol == Protocol::Http1
    }

    fn in_use(&self) -> usize {
        self.handle.in_use()
    }

    fn retire(&self) {
        self.handle.retire();
    }

    fn why_ended(&self) -> Option<Error> {
        self.handle.why_ended()
    }

    fn watch(&self, watcher: pool::Watcher) {
        self.handle.observe(Box::new(WatchedBy(watcher)));
    }
}

/// Joins what a driver tells to what the pool listens to.
struct WatchedBy(pool::Watcher);

impl Observer for WatchedBy {
    fn slot_freed(&self, in_use: usize) {
        self.0.slot_freed(in_use);
    }

    fn limit_raised(&self) {
        self.0.limit_raised();
    }

    fn ended(&self) {
        self.0.ended();
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("prior_knowledge", &self.shared.prior_knowledge)
            .finish_non_exhaustive()
    }
}
