//! What a connector is asked for: a netloc, and the protocols to offer there.
//!
//! Spec: RFC 7301 §3.1, RFC 9113 §3.2.

use super::Alpn;
use crate::{netloc::Netloc, protocols::Protocols};

/// Where a connection shall lead, and what may be spoken on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    netloc: Netloc,
    protocols: Protocols,
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

/// The names to offer, the preferred one first (RFC 7301 §3.1).
pub(super) fn alpn_names(protocols: Protocols) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = match protocols {
        Protocols::Any => &[Alpn::HTTP2, Alpn::HTTP1],
        Protocols::Http2 => &[Alpn::HTTP2],
        Protocols::Http1 => &[Alpn::HTTP1],
    };
    names.iter().map(|name| name.to_vec()).collect()
}
