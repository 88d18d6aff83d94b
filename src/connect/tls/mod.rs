//! TLS over any byte stream, by rustls.
//!
//! Owns: the handshake, the protocols it offers, and the reading of its failures. Refuses: TLS
//! below 1.2 (RFC 9113 §9.2); renegotiation, compression and the cipher suites that HTTP/2
//! prohibits need no refusing, as rustls has none of them (RFC 9113 §9.2.1, §9.2.2).
//! Spec: RFC 8446, RFC 6066 §3, RFC 7301.

mod config;
#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
pub(super) mod testing;
#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
mod tests;
mod trust;

use std::io;

use rustls::{
    AlertDescription, CipherSuite, HandshakeKind, ProtocolVersion, pki_types::ServerName,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tracing::debug;

use crate::{
    error::{Error, Kind, Retry, Scope},
    netloc::Netloc,
};

pub use self::config::{TlsBuilder, TlsConfig};
use super::{Alpn, Connected, Destination, Io, destination::alpn_names, dial_error};

/// What a TLS handshake settled, besides the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The version of TLS.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite.
    pub cipher: Option<CipherSuite>,
    /// Whether an earlier session was resumed, which saves the certificates.
    pub resumed: bool,
}

/// A handshake that has all it needs but the octets.
pub(super) struct Handshake {
    connector: TlsConnector,
    server_name: ServerName<'static>,
    alpn: Vec<Vec<u8>>,
    netloc: Netloc,
}

impl TlsConfig {
    /// Does the TLS handshake with the destination over a stream that already leads there, be it a
    /// tunnel, a Unix socket or a pipe. No time limit is kept.
    ///
    /// # Errors
    /// [`Kind::Certificate`], [`Kind::Alpn`] or [`Kind::Tls`]; [`Kind::Uri`] when the host can be
    /// no server's name.
    pub async fn connect(
        &self,
        destination: &Destination,
        io: impl Io,
    ) -> Result<Connected, Error> {
        self.prepare(destination)?.run(io).await
    }

    pub(super) fn prepare(&self, destination: &Destination) -> Result<Handshake, Error> {
        let netloc = destination.netloc();
        let client = self.client().map_err(|error| error.with_netloc(netloc))?;
        // An address is checked against the certificate, yet never sent as SNI (RFC 6066 §3).
        let server_name = ServerName::try_from(netloc.bare_host())
            .map_err(|error| {
                Error::new(Kind::Uri, Scope::Request, Retry::Never)
                    .with_netloc(netloc)
                    .with_source(error)
            })?
            .to_owned();
        let alpn = if client.alpn_protocols.is_empty() {
            alpn_names(destination.protocols())
        } else {
            client.alpn_protocols.clone()
        };
        Ok(Handshake {
            connector: TlsConnector::from(client),
            server_name,
            alpn,
            netloc: netloc.clone(),
        })
    }
}

impl Handshake {
    pub(super) async fn run(self, io: impl Io) -> Result<Connected, Error> {
        let stream = self
            .connector
            .with_alpn(self.alpn)
            .connect(self.server_name, io)
            .await
            .map_err(|error| failure(error, &self.netloc))?;
        let connected = describe(stream);
        debug!(alpn = ?connected.alpn, facts = ?connected.tls, "TLS is up");
        Ok(connected)
    }
}

fn describe(stream: TlsStream<impl Io>) -> Connected {
    let (_, session) = stream.get_ref();
    let alpn = Alpn::from(session.alpn_protocol());
    let facts = TlsFacts {
        version: session.protocol_version(),
        cipher: session.negotiated_cipher_suite().map(|suite| suite.suite()),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
    };
    Connected {
        alpn,
        tls: Some(facts),
        ..Connected::new(stream)
    }
}

/// Names a failed handshake. The `io::Error` that carries rustls's own error skips it in its
/// `source()`, so that one is taken out and becomes the source itself.
fn failure(error: io::Error, netloc: &Netloc) -> Error {
    match error.downcast::<rustls::Error>() {
        Ok(cause) => verdict(&cause, netloc).with_source(cause),
        Err(error) => dial_error(Kind::Tls, netloc).with_source(error),
    }
}

fn verdict(cause: &rustls::Error, netloc: &Netloc) -> Error {
    let kind = match cause {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Kind::Certificate
        }
        // RFC 7301 §3.2: the server supports none of the protocols that we offered.
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Kind::Alpn,
        _ => return dial_error(Kind::Tls, netloc),
    };
    // The server would say the same again.
    dial_error(kind, netloc).with_retry(Retry::Never)
}
