//! What a connector is asked for: a netloc, and the protocols to offer there.
//!
//! Spec: RFC 7301 §3.1, RFC 9113 §3.2.

use crate::netloc::Netloc;

use super::Alpn;

/// Where a connection shall lead, and what may be spoken on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    netloc: Netloc,
    protocols: Protocols,
}

/// Which protocols TLS offers to the server by ALPN.
///
/// A caller's own `rustls::ClientConfig` that already names protocols is offered as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocols {
    /// HTTP/2, else HTTP/1.1, as the server likes.
    #[default]
    Any,
    /// HTTP/2 alone.
    Http2,
    /// HTTP/1.1 alone: for what HTTP/2 cannot carry, such as an upgrade.
    Http1,
}

impl Destination {
    /// The netloc, with whatever protocol its server prefers.
    #[must_use]
    pub const fn new(netloc: Netloc) -> Self {
        Self {
            netloc,
            protocols: Protocols::Any,
        }
    }

    /// The same netloc, with only these protocols offered.
    #[must_use]
    pub fn with_protocols(self, protocols: Protocols) -> Self {
        Self { protocols, ..self }
    }

    /// The scheme, host and port to connect to.
    #[must_use]
    pub const fn netloc(&self) -> &Netloc {
        &self.netloc
    }

    /// The protocols to offer, where there is TLS to offer them.
    #[must_use]
    pub const fn protocols(&self) -> Protocols {
        self.protocols
    }
}

impl From<Netloc> for Destination {
    fn from(netloc: Netloc) -> Self {
        Self::new(netloc)
    }
}

impl Protocols {
    /// The names to offer, the preferred one first (RFC 7301 §3.1).
    pub(super) fn names(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Any => &[Alpn::HTTP2, Alpn::HTTP1],
            Self::Http2 => &[Alpn::HTTP2],
            Self::Http1 => &[Alpn::HTTP1],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}
