//! A connection that is one of HTTP/2 or of HTTP/1.1, as the server likes.

use http::Version;

use super::{ConnectionBuilder, Http1Connection, Http2Connection, Server, caller::Caller};
use crate::netloc::Netloc;

/// A connection of the protocol that TLS has chosen by ALPN (RFC 9113 §3.2): HTTP/2, or HTTP/1.1
/// where the server does not choose that. In cleartext it is HTTP/1.1. hyper's `HTTPConnection` of
/// later releases.
///
/// ```no_run
/// use towline::connection::Negotiated;
///
/// # async fn connect() -> Result<(), towline::Error> {
/// match Negotiated::builder("example.com").connect().await? {
///     Negotiated::Http2(connection) => println!("{:?}", connection.peer_settings()),
///     Negotiated::Http1(connection) => println!("{:?}", connection.info()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum Negotiated {
    /// HTTP/2.
    Http2(Http2Connection),
    /// HTTP/1.1.
    Http1(Http1Connection),
}

impl Negotiated {
    /// Settings of a connection to this server: a host, a host with a port, a URI or a [`Netloc`].
    /// Without a scheme, it is spoken to by TLS.
    #[must_use]
    pub fn builder(server: impl Into<Server>) -> ConnectionBuilder<Self> {
        ConnectionBuilder::new(server.into())
    }

    pub(super) const fn caller(&self) -> &Caller {
        match self {
            Self::Http2(connection) => &connection.caller,
            Self::Http1(connection) => &connection.caller,
        }
    }

    pub(super) const fn caller_mut(&mut self) -> &mut Caller {
        match self {
            Self::Http2(connection) => &mut connection.caller,
            Self::Http1(connection) => &mut connection.caller,
        }
    }

    /// What is spoken.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Self::Http2(connection) => connection.version(),
            Self::Http1(connection) => connection.version(),
        }
    }

    /// Where the connection leads.
    #[must_use]
    pub fn netloc(&self) -> &Netloc {
        self.caller().core.netloc()
    }
}
