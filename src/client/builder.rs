//! Settings of a transport.

use std::{collections::HashSet, fmt, time::Duration};

use tower::{Service, ServiceExt, util::BoxCloneSyncService};

use super::{
    Transport,
    decoding::DecodeSettings,
    dialer::{BoxConnector, Dialer, PriorKnowledge},
    transport::Shared,
};
use crate::{
    config::Timeouts,
    connect::{Connected, Connector, Destination, TlsConfig},
    decode,
    driver::DriverConfig,
    error::BoxError,
    http2,
    netloc::Netloc,
    pool::{Pool, PoolConfig},
};

/// Builds a [`Transport`]. Every setting has a default that suits production.
#[derive(Default)]
pub struct TransportBuilder {
    tls: TlsConfig,
    connector: Option<BoxConnector>,
    prior_knowledge: PriorKnowledge,
    timeouts: Timeouts,
    http2: http2::Config,
    pool: PoolConfig,
    decode: DecodeSettings,
}

impl TransportBuilder {
    /// TLS settings: trust anchors, a client certificate, or a `rustls::ClientConfig` of one's
    /// own. Default: server certificates are verified against the roots that cargo features built
    /// in. Not used by a [`connector`](Self::connector) of one's own.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// Whether `http://` servers are known to speak HTTP/2 (RFC 9113 §3.3). Default: no, and then
    /// requests to them fail with [`Kind::Scheme`](crate::error::Kind::Scheme).
    #[must_use]
    pub fn http2_prior_knowledge(mut self, all: bool) -> Self {
        self.prior_knowledge = if all {
            PriorKnowledge::All
        } else {
            PriorKnowledge::None
        };
        self
    }

    /// These `http://` servers, and no others, are known to speak HTTP/2 (RFC 9113 §3.3).
    #[must_use]
    pub fn http2_prior_knowledge_of(mut self, netlocs: impl IntoIterator<Item = Netloc>) -> Self {
        self.prior_knowledge = PriorKnowledge::Netlocs(netlocs.into_iter().collect::<HashSet<_>>());
        self
    }

    /// Time limits. Those of connecting are not used by a [`connector`](Self::connector) of one's
    /// own.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Settings of the HTTP/2 connections: windows, and bounds against hostile servers.
    #[must_use]
    pub fn http2(mut self, config: http2::Config) -> Self {
        self.http2 = config;
        self
    }

    /// How long a connection may be idle before it is closed; `None` keeps it. Default 90 s; at
    /// least 100 ms.
    #[must_use]
    pub fn idle_timeout(mut self, limit: Option<Duration>) -> Self {
        self.pool.idle_timeout = limit;
        self
    }

    /// How many callers may wait for one netloc; more fail with
    /// [`Kind::Overloaded`](crate::error::Kind::Overloaded). Default 16,384; at least 1, who waits
    /// for the dial.
    #[must_use]
    pub fn max_waiting(mut self, callers: usize) -> Self {
        self.pool.max_waiting = callers;
        self
    }

    /// Whether responses come decoded. Default: yes. Then requests say which codings are welcome,
    /// unless they have an `accept-encoding` or a `range` of their own; and a response whose
    /// `content-encoding` names only [codings](decode::Coding) that this build can undo comes
    /// without it and without its `content-length`, with the extension
    /// [`decode::Decoded`] and a body that decodes as it is read. Partial content
    /// (206) and what has an unknown coding comes as it is. The extension
    /// [`decode::Decoding`] chooses otherwise for one request.
    #[must_use]
    pub fn decode(mut self, is_on: bool) -> Self {
        self.decode.is_on = is_on;
        self
    }

    /// Bounds on what responses decode to.
    #[must_use]
    pub fn decode_limits(mut self, limits: decode::Limits) -> Self {
        self.decode.limits = limits;
        self
    }

    /// A connector of one's own: any service from [`Destination`] to [`Connected`], such as one
    /// for Unix sockets, tunnels, or pipes in a test. For `https` it says in
    /// [`Connected::alpn`] that HTTP/2 was chosen. It must come to an end by itself: everybody who
    /// asks for the netloc waits for the same dial. An error that is not
    /// [`Error`](crate::Error) becomes the source of one with
    /// [`Kind::Connect`](crate::error::Kind::Connect).
    #[must_use]
    pub fn connector<C>(mut self, connector: C) -> Self
    where
        C: Service<Destination, Response = Connected> + Clone + Send + Sync + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send + 'static,
    {
        let connector = connector.map_err(Into::into);
        self.connector = Some(BoxCloneSyncService::new(connector));
        self
    }

    /// The transport. Nothing is dialed until the first request.
    #[must_use]
    pub fn build(self) -> Transport {
        let connector = self.connector.unwrap_or_else(|| {
            let connector = Connector::new(self.tls, self.timeouts.connect);
            BoxCloneSyncService::new(connector.map_err(BoxError::from))
        });
        let driver = DriverConfig {
            engine: self.http2,
            write_timeout: self.timeouts.write_progress,
        };
        let dialer = Dialer::new(connector, self.prior_knowledge, driver);
        let pool = PoolConfig {
            wait_timeout: self.timeouts.pool_wait,
            ..self.pool
        };
        Transport::from_shared(Shared {
            pool: Pool::new(dialer.clone(), pool),
            dialer,
            timeouts: self.timeouts,
            decode: self.decode,
        })
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("tls", &self.tls)
            .field("prior_knowledge", &self.prior_knowledge)
            .field("timeouts", &self.timeouts)
            .field("http2", &self.http2)
            .field("pool", &self.pool)
            .field("decode", &self.decode)
            .finish_non_exhaustive()
    }
}
