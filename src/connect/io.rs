//! What a connector hands over: octets both ways, and what is known of them.
//!
//! Owns: the erasure of the socket's type, and the names of the protocols that TLS may choose.
//! Spec: RFC 7301 §6, RFC 9113 §3.1.

use std::{fmt, net::SocketAddr};

use super::TlsFacts;
use crate::io::Io;

/// The protocol that TLS chose by ALPN (RFC 7301).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alpn {
    /// `h2`: HTTP/2 over TLS (RFC 9113 §3.1).
    Http2,
    /// `http/1.1` (RFC 7301 §6).
    Http1,
    /// None was chosen: the server knows no ALPN, or there is no TLS.
    #[default]
    None,
    /// A name that only a caller's own TLS configuration can have offered.
    Other(Box<[u8]>),
}

impl Alpn {
    pub(super) const HTTP2: &'static [u8] = b"h2";
    pub(super) const HTTP1: &'static [u8] = b"http/1.1";

    /// The name as it stood on the wire, if one was chosen.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Http2 => Some(Self::HTTP2),
            Self::Http1 => Some(Self::HTTP1),
            Self::None => None,
            Self::Other(name) => Some(name),
        }
    }
}

impl From<Option<&[u8]>> for Alpn {
    fn from(name: Option<&[u8]>) -> Self {
        match name {
            None => Self::None,
            Some(Self::HTTP2) => Self::Http2,
            Some(Self::HTTP1) => Self::Http1,
            Some(other) => Self::Other(other.into()),
        }
    }
}

/// A connection that is ready for its first octet of HTTP.
#[non_exhaustive]
pub struct Connected {
    /// The octets.
    pub io: Box<dyn Io>,
    /// What TLS chose; whoever speaks HTTP on `io` draws the conclusion.
    pub alpn: Alpn,
    /// Our end, where the stream has addresses.
    pub local: Option<SocketAddr>,
    /// The server's end, where the stream has addresses.
    pub remote: Option<SocketAddr>,
    /// What the TLS handshake settled; `None` for cleartext.
    pub tls: Option<TlsFacts>,
}

impl Connected {
    /// A cleartext stream of which nothing else is known.
    #[must_use]
    pub fn new(io: impl Io) -> Self {
        Self {
            io: Box::new(io),
            alpn: Alpn::None,
            local: None,
            remote: None,
            tls: None,
        }
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("alpn", &self.alpn)
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
