//! A dial: a byte stream, its protocol, and the driver that is put to work on it.

use std::{collections::HashSet, fmt, pin::Pin, sync::Arc};

use tower::{ServiceExt, util::BoxCloneSyncService};
use tracing::{Instrument, debug_span};

use super::info::Facts;
use crate::{
    connect::{Alpn, Connected, Destination},
    driver::{DriverConfig, Endpoint, Handle, Http2Driver, Observer},
    error::{BoxError, Error, Kind, Retry, Scope},
    netloc::{Netloc, Scheme},
    pool,
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
    driver: DriverConfig,
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
pub(super) struct Http2Conn {
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
        driver: DriverConfig,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                connector,
                prior_knowledge,
                driver,
            }),
        }
    }

    /// Whether HTTP/2 can be spoken to a netloc at all, before anything is dialed.
    pub(super) fn admit(&self, netloc: &Netloc) -> Result<(), Error> {
        if netloc.scheme() == Scheme::Https || self.shared.prior_knowledge.covers(netloc) {
            return Ok(());
        }
        let why = "HTTP/2 without TLS needs prior knowledge: \
                   see TransportBuilder::http2_prior_knowledge";
        Err(Error::new(Kind::Scheme, Scope::Request, Retry::Never)
            .with_netloc(netloc)
            .with_source(why))
    }
}

impl Shared {
    async fn dial(&self, netloc: Netloc) -> Result<Http2Conn, Error> {
        let destination = Destination::new(netloc.clone());
        let connected = self
            .connector
            .clone()
            .oneshot(destination)
            .await
            .map_err(|cause| connect_error(cause, &netloc))?;
        if netloc.scheme() == Scheme::Https && connected.alpn != Alpn::Http2 {
            return Err(wrong_protocol(&connected, &netloc));
        }
        let endpoint = Endpoint {
            netloc: netloc.clone(),
            remote: connected.remote,
            alpn: connected.alpn.as_bytes().map(<[u8]>::to_vec),
            is_encrypted: netloc.scheme() == Scheme::Https,
        };
        let facts = Arc::new(Facts {
            local: connected.local,
            remote: connected.remote,
            alpn: connected.alpn,
            tls: connected.tls,
        });
        let (driver, handle) = Http2Driver::new(connected.io, endpoint, self.driver.clone());
        let span = debug_span!("connection", %netloc, remote = ?facts.remote);
        tokio::spawn(driver.run().instrument(span));
        Ok(Http2Conn { handle, facts })
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

fn wrong_protocol(connected: &Connected, netloc: &Netloc) -> Error {
    let error = Error::new(Kind::Alpn, Scope::Netloc, Retry::Never)
        .with_netloc(netloc)
        .with_addresses(connected.remote);
    match connected.alpn.as_bytes() {
        Some(chosen) => error.with_alpn(chosen).with_source(format!(
            "HTTP/2 was offered and the server chose {}",
            chosen.escape_ascii()
        )),
        None => error.with_source("HTTP/2 was offered and the server chose no protocol"),
    }
}

impl pool::Dial for Dialer {
    type Conn = Http2Conn;

    fn dial(
        &self,
        key: pool::Key,
    ) -> Pin<Box<dyn Future<Output = Result<Http2Conn, Error>> + Send>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.dial(key.netloc).await })
    }

    fn foresee(&self, _key: &pool::Key) -> pool::Sharing {
        pool::Sharing::Multiplexed
    }
}

impl pool::Conn for Http2Conn {
    fn try_reserve(&self) -> bool {
        self.handle.try_reserve()
    }

    fn release(&self) {
        self.handle.release_slot();
    }

    fn is_open(&self) -> bool {
        self.handle.is_open()
    }

    fn in_use(&self) -> usize {
        self.handle.in_use()
    }

    fn is_exclusive(&self) -> bool {
        false
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
