//! The TLS settings of a transport.
//!
//! Owns: what is put into a `rustls::ClientConfig`. The crypto provider is handed to it and never
//! installed for the process, so two users of rustls in one program cannot disturb each other.
//! Nothing is read before `build`, so only `build` can fail.

use std::{error::Error as StdError, fmt, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, KeyLog, RootCertStore, client::WantsClientCert,
    crypto::CryptoProvider, version,
};
use tracing::warn;

use crate::error::{BoxError, Error, Kind, Retry, Scope};

use super::trust::{AnyCertificate, add_roots, certificates, default_roots, private_key};

/// The settings, as an error names them.
const PROVIDER: &str = "crypto provider";
const ROOTS: &str = "root certificates";
const IDENTITY: &str = "client certificate";

/// TLS settings, ready for use and cheap to clone; clones share the sessions that can be resumed.
///
/// [`Default`] trusts the roots of the enabled cargo features, as [`TlsConfig::builder`] does; if
/// that is impossible (no crypto provider, no roots), each `https` dial fails and says so.
#[derive(Clone)]
pub struct TlsConfig {
    client: Result<Arc<ClientConfig>, Error>,
}

impl TlsConfig {
    /// Settings to be made.
    #[must_use]
    pub fn builder() -> TlsBuilder {
        TlsBuilder::default()
    }

    /// A configuration that rustls's own builder made: its provider, verifier, versions and
    /// session store stay as they are. If it names no ALPN protocols, those of the destination
    /// are offered; if it names some, they are.
    #[must_use]
    pub const fn from_rustls(client: Arc<ClientConfig>) -> Self {
        Self { client: Ok(client) }
    }

    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        self.client.clone()
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        TlsBuilder::default()
            .build()
            .unwrap_or_else(|error| Self { client: Err(error) })
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Ok(_) => f.debug_struct("TlsConfig").finish_non_exhaustive(),
            Err(error) => f.debug_tuple("TlsConfig").field(error).finish(),
        }
    }
}

/// Makes a [`TlsConfig`]: TLS 1.2 and 1.3, sessions resumed, and by default the roots of the
/// enabled cargo features (`webpki-roots`, `native-roots`, or both together).
#[derive(Clone, Default)]
pub struct TlsBuilder {
    trust: Trust,
    added_roots: Vec<Vec<u8>>,
    identity: Option<Identity>,
    key_log: Option<Arc<dyn KeyLog>>,
}

/// Whose certificates are accepted.
#[derive(Clone, Copy, Default)]
enum Trust {
    #[default]
    DefaultAndAddedRoots,
    AddedRoots,
    Anyone,
}

/// A client's certificate chain and its key, as the caller gave them.
#[derive(Clone)]
struct Identity {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    fn apply(
        self,
        config: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, BoxError> {
        let (chain, key) = (certificates(&self.chain)?, private_key(&self.key)?);
        Ok(config.with_client_auth_cert(chain, key)?)
    }
}

impl TlsBuilder {
    /// Trusts further roots: PEM text with any number of certificates, or one certificate in DER.
    #[must_use]
    pub fn add_root_certificates(mut self, pem_or_der: impl Into<Vec<u8>>) -> Self {
        self.added_roots.push(pem_or_der.into());
        self
    }

    /// Trusts the added roots, and nothing else.
    #[must_use]
    pub fn without_default_roots(mut self) -> Self {
        self.trust = Trust::AddedRoots;
        self
    }

    /// Shows this certificate to servers that ask for one: the chain with the client's own
    /// certificate first, and its key (PKCS #8, PKCS #1 or SEC 1, not encrypted). Both in PEM or
    /// DER; one PEM file may be given for both.
    #[must_use]
    pub fn client_auth(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some(Identity {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// Tells the secrets of every session to `key_log`, so that captured traffic can be read.
    #[must_use]
    pub fn key_log(mut self, key_log: Arc<dyn KeyLog>) -> Self {
        self.key_log = Some(key_log);
        self
    }

    /// Accepts **any** certificate from **any** server, so anyone between here and there can read
    /// and change everything. For tests against servers of one's own, and nothing else. Roots then
    /// count for nothing, unless [`without_default_roots`](Self::without_default_roots) is called
    /// later.
    #[must_use]
    pub fn dangerous_accept_any_certificate(mut self) -> Self {
        self.trust = Trust::Anyone;
        self
    }

    /// Reads what was given. With the feature `native-roots` this reads the system's files.
    ///
    /// # Errors
    /// [`Kind::Tls`] when no crypto provider is compiled in, no root is known, or a certificate or
    /// key cannot be read.
    pub fn build(self) -> Result<TlsConfig, Error> {
        let provider = provider().ok_or_else(|| {
            let remedy = "enable the feature aws-lc-rs or ring, or bring a ClientConfig";
            unusable(PROVIDER, format!("none is compiled in: {remedy}"))
        })?;
        // RFC 9113 §9.2: HTTP/2 needs TLS 1.2 or higher.
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|why| unusable(PROVIDER, why))?;
        let config = match self.trust {
            Trust::Anyone => {
                warn!("any server's certificate will be accepted");
                config
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(AnyCertificate::new(&provider)))
            }
            Trust::DefaultAndAddedRoots => {
                config.with_root_certificates(self.roots(default_roots())?)
            }
            Trust::AddedRoots => config.with_root_certificates(self.roots(RootCertStore::empty())?),
        };
        let mut config = match self.identity {
            Some(identity) => identity
                .apply(config)
                .map_err(|why| unusable(IDENTITY, why))?,
            None => config.with_no_client_auth(),
        };
        if let Some(key_log) = self.key_log {
            config.key_log = key_log;
        }
        Ok(TlsConfig::from_rustls(Arc::new(config)))
    }

    /// The roots from elsewhere together with those that were added.
    fn roots(&self, mut roots: RootCertStore) -> Result<RootCertStore, Error> {
        for given in &self.added_roots {
            add_roots(&mut roots, given).map_err(|why| unusable(ROOTS, why))?;
        }
        if roots.is_empty() {
            let remedy = "enable the feature webpki-roots or native-roots, or add some";
            return Err(unusable(ROOTS, format!("there are none: {remedy}")));
        }
        Ok(roots)
    }
}

impl fmt::Debug for TlsBuilder {
    /// Keys are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsBuilder").finish_non_exhaustive()
    }
}

/// The provider of the enabled features; aws-lc-rs where both are.
pub(super) fn provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = Some(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let provider = Some(rustls::crypto::ring::default_provider());
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    let provider = None;
    provider.map(Arc::new)
}

/// A setting that cannot work, and why: the source of the error that `build` returns.
#[derive(Debug)]
struct Unusable {
    setting: &'static str,
    why: BoxError,
}

/// No retry will mend the settings.
fn unusable(setting: &'static str, why: impl Into<BoxError>) -> Error {
    let why = why.into();
    Error::new(Kind::Tls, Scope::Netloc, Retry::Never).with_source(Unusable { setting, why })
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot be used", self.setting)
    }
}

impl StdError for Unusable {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.why)
    }
}
