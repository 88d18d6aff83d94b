//! What a response tells of the connection that brought it.

use std::{net::SocketAddr, sync::Arc};

use rustls::{CipherSuite, ProtocolVersion};

use crate::{
    connect::{Alpn, TlsFacts},
    http2::StreamId,
};

/// The facts of the connection that brought a response, in the response's extensions.
///
/// ```
/// # fn show(response: &http::Response<()>) {
/// if let Some(info) = response.extensions().get::<towline::ConnectionInfo>() {
///     println!("{:?} from {:?}", info.alpn(), info.remote_addr());
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    facts: Arc<Facts>,
    is_reused: bool,
    stream_id: Option<StreamId>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http2,
    /// HTTP/1.1, or 1.0 where the server does no better.
    Http1,
}

/// What is the same for every response of a connection.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) protocol: Protocol,
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) alpn: Alpn,
    pub(super) tls: Option<TlsFacts>,
}

impl ConnectionInfo {
    pub(super) const fn new(
        facts: Arc<Facts>,
        is_reused: bool,
        stream_id: Option<StreamId>,
    ) -> Self {
        Self {
            facts,
            is_reused,
            stream_id,
        }
    }

    /// Our end of the connection, where it has addresses.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.facts.local
    }

    /// The server's end of the connection, where it has addresses.
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.facts.remote
    }

    /// What TLS chose by ALPN; [`Alpn::None`] for cleartext.
    #[must_use]
    pub fn alpn(&self) -> &Alpn {
        &self.facts.alpn
    }

    /// The version of TLS; `None` for cleartext.
    #[must_use]
    pub fn tls_version(&self) -> Option<ProtocolVersion> {
        self.facts.tls.and_then(|tls| tls.version)
    }

    /// The cipher suite; `None` for cleartext.
    #[must_use]
    pub fn tls_cipher(&self) -> Option<CipherSuite> {
        self.facts.tls.and_then(|tls| tls.cipher)
    }

    /// Whether the connection had been handed to another request before this one.
    #[must_use]
    pub const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// The stream that carried the exchange (RFC 9113 §5.1.1); `None` on HTTP/1.1, which has none.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        self.stream_id
    }
}
