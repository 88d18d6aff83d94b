//! Settings of a transport.

use std::{collections::HashSet, fmt, time::Duration};

use tower::Service;

use super::{
    Transport,
    dialer::PriorKnowledge,
    settings::{Assembled, Settings},
    transport::Shared,
};
use crate::{
    config::Timeouts,
    connect::{Connected, Destination, TlsConfig},
    decode,
    error::BoxError,
    http1,
    http2::{
        self,
        flow::{Managers, WindowManagerFactory},
    },
    netloc::Netloc,
    pool::{Pool, PoolConfig},
};

/// Builds a [`Transport`]. Every setting has a default that suits production.
#[derive(Default)]
pub struct TransportBuilder {
    settings: Settings,
    prior_knowledge: PriorKnowledge,
    pool: PoolConfig,
}

impl TransportBuilder {
    /// TLS settings: trust anchors, a client certificate, or a `rustls::ClientConfig` of one's
    /// own. Default: server certificates are verified against the roots that cargo features built
    /// in. Not used by a [`connector`](Self::connector) of one's own.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.settings.tls = tls;
        self
    }

    /// Whether `http://` servers are known to speak HTTP/2 (RFC 9113 §3.3). Default: no, and then
    /// HTTP/1.1 is spoken to them; a request that demands HTTP/2 fails with
    /// [`Kind::Scheme`](crate::error::Kind::Scheme).
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
        self.settings.timeouts = timeouts;
        self
    }

    /// Settings of the HTTP/2 connections: windows, and bounds against hostile servers.
    #[must_use]
    pub fn http2(mut self, config: http2::Config) -> Self {
        self.settings.http2 = config;
        self
    }

    /// Who manages the receive windows of streams. Default: [`Adaptive`](crate::window::Adaptive)
    /// managers. [`WindowManagerLayer`](crate::layer::WindowManagerLayer) chooses otherwise for some
    /// requests. Counts more than [`http2`](Self::http2), in whatever order they are said.
    #[must_use]
    pub fn window_manager(mut self, factory: impl WindowManagerFactory) -> Self {
        self.settings.stream_window_managers = Some(Managers::new(factory));
        self
    }

    /// Who manages the receive windows of connections. Default: [`Adaptive`](crate::window::Adaptive)
    /// managers. Counts more than [`http2`](Self::http2), in whatever order they are said.
    #[must_use]
    pub fn connection_window_manager(mut self, factory: impl WindowManagerFactory) -> Self {
        self.settings.connection_window_managers = Some(Managers::new(factory));
        self
    }

    /// Settings of the HTTP/1.1 connections: bounds against hostile servers, and how long to wait
    /// for 100 (Continue).
    #[must_use]
    pub fn http1(mut self, config: http1::Config) -> Self {
        self.settings.http1 = config;
        self
    }

    /// How many HTTP/1.1 connections a netloc may have at once, dials under way included; requests
    /// beyond that wait in order. Those of requests that pin HTTP/1.1 are counted apart, and
    /// those that have become tunnels are not counted. Default 256; at least 1. HTTP/2 needs one
    /// connection for all.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.pool.max_connections = connections;
        self
    }

    /// How many idle HTTP/1.1 connections a netloc may keep; beyond that, the one that has been idle
    /// for longest closes. Default 256.
    #[must_use]
    pub fn max_idle(mut self, connections: usize) -> Self {
        self.pool.max_idle = connections;
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
        self.settings.decode.is_on = is_on;
        self
    }

    /// Whether responses also carry their fields in the order in which they came, as an
    /// [`HttpHeaderMap`](crate::HttpHeaderMap) in their extensions: over HTTP/1.1 line by line and in
    /// the server's letter case; over HTTP/2, which knows lower case alone, with the lines of one name
    /// together. Fields that decoding takes out are still there. Default: no.
    ///
    /// The same extension on a request says in which order and letter case its fields are written over
    /// HTTP/1.1: the values are those of the request's headers, and what is only in the extension is
    /// not sent.
    #[must_use]
    pub fn keep_fields(mut self, is_on: bool) -> Self {
        self.settings.keeps_fields = is_on;
        self
    }

    /// Whether servers may push ([`push`](crate::push)). Default: what
    /// [`http2::Config::enable_push`] says, which is no. Then what a server promises to requests that
    /// carry a [`push::Sink`](crate::push::Sink) among their extensions can be taken; what it
    /// promises to others is refused.
    #[must_use]
    pub fn push(mut self, is_on: bool) -> Self {
        self.settings.push = Some(is_on);
        self
    }

    /// Bounds on what responses decode to.
    #[must_use]
    pub fn decode_limits(mut self, limits: decode::Limits) -> Self {
        self.settings.decode.limits = limits;
        self
    }

    /// A connector of one's own: any service from [`Destination`] to [`Connected`], such as one
    /// for Unix sockets, tunnels, or pipes in a test. For `https` it says in
    /// [`Connected::alpn`] what was chosen; with nothing there, HTTP/1.1 is spoken. It must come to an
    /// end by itself: callers wait for the same dial. An error that is not [`Error`](crate::Error)
    /// becomes the source of one with [`Kind::Connect`](crate::error::Kind::Connect).
    #[must_use]
    pub fn connector<C>(mut self, connector: C) -> Self
    where
        C: Service<Destination, Response = Connected> + Clone + Send + Sync + 'static,
        C::Error: Into<BoxError>,
        C::Future: Send + 'static,
    {
        self.settings.set_connector(connector);
        self
    }

    /// The transport. Nothing is dialed until the first request.
    #[must_use]
    pub fn build(self) -> Transport {
        let Assembled {
            dialer,
            responses,
            timeouts,
        } = self.settings.assemble(self.prior_knowledge);
        let pool = PoolConfig {
            wait_timeout: timeouts.pool_wait,
            ..self.pool
        };
        Transport::from_shared(Shared {
            pool: Pool::new(dialer.clone(), pool),
            dialer,
            responses,
            timeouts,
        })
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder")
            .field("tls", &self.settings.tls)
            .field("prior_knowledge", &self.prior_knowledge)
            .field("timeouts", &self.settings.timeouts)
            .field("http2", &self.settings.http2)
            .field("http1", &self.settings.http1)
            .field("pool", &self.pool)
            .field("decode", &self.settings.decode)
            .field("keeps_fields", &self.settings.keeps_fields)
            .field("push", &self.settings.push)
            .finish_non_exhaustive()
    }
}
