//! Settings of one connection.

use std::{fmt, marker::PhantomData, sync::Arc};

use tower::Service;

use super::{
    Http1Connection, Http2Connection, Negotiated,
    core::Core,
    server::{Server, Wanted},
};
use crate::{
    client::{dialer::PriorKnowledge, info::Protocol, settings::Settings},
    config::Timeouts,
    connect::{Connected, Destination, TlsConfig},
    decode,
    error::{BoxError, Error},
    http1, http2,
    netloc::Scheme,
    protocols::Protocols,
};

/// Builds one connection: a [`Http2Connection`], a [`Http1Connection`], or whichever of the two is
/// [`Negotiated`]. The settings are those of [`TransportBuilder`](crate::TransportBuilder), as far as
/// they concern one connection.
pub struct ConnectionBuilder<C> {
    server: Server,
    port: Option<u16>,
    is_secure: Option<bool>,
    settings: Settings,
    max_untaken: usize,
    kind: PhantomData<fn() -> C>,
}

impl<C> ConnectionBuilder<C> {
    /// Each holds a head, and content up to a stream's window (1 MiB by default).
    const MAX_UNTAKEN: usize = 256;

    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            port: None,
            is_secure: None,
            settings: Settings::default(),
            max_untaken: Self::MAX_UNTAKEN,
            kind: PhantomData,
        }
    }

    /// The port, whatever the [`Server`] says. Default: what that says, else that of the scheme.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// TLS settings, as [`TransportBuilder::tls`](crate::TransportBuilder::tls).
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.settings.tls = tls;
        self
    }

    /// Time limits, as [`TransportBuilder::timeouts`](crate::TransportBuilder::timeouts). The wait for
    /// a stream, and for the dial before it, is bounded by
    /// [`pool_wait`](Timeouts::pool_wait); that of `poll_ready` is not.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// Whether responses come decoded, as
    /// [`TransportBuilder::decode`](crate::TransportBuilder::decode). Default: yes.
    #[must_use]
    pub fn decode(mut self, is_on: bool) -> Self {
        self.settings.decode.is_on = is_on;
        self
    }

    /// Bounds on what responses decode to.
    #[must_use]
    pub fn decode_limits(mut self, limits: decode::Limits) -> Self {
        self.settings.decode.limits = limits;
        self
    }

    /// Whether responses carry an [`HttpHeaderMap`](crate::HttpHeaderMap), as
    /// [`TransportBuilder::keep_fields`](crate::TransportBuilder::keep_fields). Default: those of an
    /// [`Http1Connection`] do, as hyper's did; others do not.
    #[must_use]
    pub fn keep_fields(mut self, is_on: bool) -> Self {
        self.settings.keeps_fields = is_on;
        self
    }

    /// A connector of one's own, as
    /// [`TransportBuilder::connector`](crate::TransportBuilder::connector).
    #[must_use]
    pub fn connector<S>(mut self, connector: S) -> Self
    where
        S: Service<Destination, Response = Connected> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
    {
        self.settings.set_connector(connector);
        self
    }

    /// How many responses may be kept that are still to be taken with `response`; a further request
    /// of that kind fails with [`Kind::Overloaded`](crate::error::Kind::Overloaded). Default 256, at
    /// least 1. Each may hold a head and as much content as a stream's window lets through.
    #[must_use]
    pub fn max_untaken(mut self, responses: usize) -> Self {
        self.max_untaken = responses;
        self
    }

    fn core(
        self,
        protocols: Protocols,
        is_secure_by_default: fn(Option<u16>) -> bool,
    ) -> Result<Arc<Core>, Error> {
        let netloc = self.server.resolve(&Wanted {
            port: self.port,
            is_secure: self.is_secure,
            is_secure_by_default,
        })?;
        let protocols = match (netloc.scheme(), protocols) {
            // Nothing is negotiated without TLS.
            (Scheme::Http, Protocols::Any) => Protocols::Http1,
            (_, protocols) => protocols,
        };
        let assembled = self.settings.assemble(PriorKnowledge::None);
        Core::new(netloc, protocols, assembled, self.max_untaken)
    }
}

impl ConnectionBuilder<Http2Connection> {
    /// Whether the server is known to speak HTTP/2 in cleartext (RFC 9113 §3.3), and is spoken to so.
    /// Default: no, and then by TLS; a [`Server`] that has a scheme says it by that.
    #[must_use]
    pub fn http2_prior_knowledge(mut self, is_known: bool) -> Self {
        self.is_secure = Some(!is_known);
        self
    }

    /// Windows, and bounds against hostile servers.
    #[must_use]
    pub fn http2(mut self, config: http2::Config) -> Self {
        self.settings.http2 = config;
        self
    }

    /// Whether the server may push ([`push`](crate::push)). Default: what
    /// [`http2::Config::enable_push`] says, which is no. Then what it promises can be taken with
    /// [`pushes`](Http2Connection::pushes), or by a [`push::Sink`](crate::push::Sink) of the caller's.
    #[must_use]
    pub fn push(mut self, is_on: bool) -> Self {
        self.settings.push = Some(is_on);
        self
    }

    /// The connection. Nothing is dialed before the first request or
    /// [`connect`](Http2Connection::connect) (hyper's constructor).
    ///
    /// # Errors
    /// [`Kind::Uri`](crate::error::Kind::Uri) or [`Kind::Scheme`](crate::error::Kind::Scheme) if the
    /// [`Server`] is none.
    pub fn build(self) -> Result<Http2Connection, Error> {
        let core = self.core(Protocols::Http2, |_| true)?;
        Ok(Http2Connection::from_core(core))
    }

    /// The connection, connected.
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Http2Connection::connect`].
    pub async fn connect(self) -> Result<Http2Connection, Error> {
        let connection = self.build()?;
        connection.connect().await?;
        Ok(connection)
    }
}

impl ConnectionBuilder<Http1Connection> {
    /// Whether to speak TLS. Default: what the scheme of the [`Server`] says; without one, yes if the
    /// port is 443.
    #[must_use]
    pub fn secure(mut self, is_secure: bool) -> Self {
        self.is_secure = Some(is_secure);
        self
    }

    /// Bounds against hostile servers, and how long to wait for 100 (Continue).
    #[must_use]
    pub fn http1(mut self, config: http1::Config) -> Self {
        self.settings.http1 = config;
        self
    }

    /// The connection. Nothing is dialed before the first request or
    /// [`connect`](Http1Connection::connect) (hyper's constructor).
    ///
    /// # Errors
    /// [`Kind::Uri`](crate::error::Kind::Uri) or [`Kind::Scheme`](crate::error::Kind::Scheme) if the
    /// [`Server`] is none.
    pub fn build(self) -> Result<Http1Connection, Error> {
        let core = self.core(Protocols::Http1, |port| port == Some(443))?;
        Ok(Http1Connection::from_core(core))
    }

    /// The connection, connected.
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Http1Connection::connect`].
    pub async fn connect(self) -> Result<Http1Connection, Error> {
        let connection = self.build()?;
        connection.connect().await?;
        Ok(connection)
    }
}

impl ConnectionBuilder<Negotiated> {
    /// Settings of the connection if it is one of HTTP/2.
    #[must_use]
    pub fn http2(mut self, config: http2::Config) -> Self {
        self.settings.http2 = config;
        self
    }

    /// Settings of the connection if it is one of HTTP/1.1.
    #[must_use]
    pub fn http1(mut self, config: http1::Config) -> Self {
        self.settings.http1 = config;
        self
    }

    /// The connection, connected: only then is it known what it is.
    ///
    /// # Errors
    /// Those of [`Http2Connection::connect`], and of `build` for the others.
    pub async fn connect(self) -> Result<Negotiated, Error> {
        let core = self.core(Protocols::Any, |_| true)?;
        core.connect().await?;
        Ok(match core.protocol() {
            Protocol::Http2 => Negotiated::Http2(Http2Connection::from_core(core)),
            Protocol::Http1 => Negotiated::Http1(Http1Connection::from_core(core)),
        })
    }
}

impl<C> fmt::Debug for ConnectionBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionBuilder")
            .field("server", &self.server)
            .field("port", &self.port)
            .field("is_secure", &self.is_secure)
            .field("timeouts", &self.settings.timeouts)
            .field("http2", &self.settings.http2)
            .field("http1", &self.settings.http1)
            .field("push", &self.settings.push)
            .field("max_untaken", &self.max_untaken)
            .finish_non_exhaustive()
    }
}
