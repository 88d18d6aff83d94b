//! What the tests of TLS share: a certificate authority and servers of their own.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};

use super::{TlsBuilder, TlsConfig, config};

pub(super) fn provider() -> Arc<CryptoProvider> {
    config::provider().expect("tests of TLS need a provider's feature")
}

/// A certificate authority that only its own tests trust.
pub(in crate::connect) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(in crate::connect) struct Leaf {
    pub(in crate::connect) pem: String,
    pub(in crate::connect) certificate: CertificateDer<'static>,
    pub(in crate::connect) key: KeyPair,
}

impl Authority {
    pub(in crate::connect) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        // A name of its own, or a stranger's root would count as the issuer with a bad signature.
        params
            .distinguished_name
            .push(DnType::CommonName, format!("{:?}", key.public_key_raw()));
        Self(CertifiedIssuer::self_signed(params, key).expect("a root certificate"))
    }

    pub(in crate::connect) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(in crate::connect) fn der(&self) -> &CertificateDer<'static> {
        self.0.der()
    }

    /// A valid certificate for these names or addresses.
    pub(in crate::connect) fn issue(&self, names: &[&str]) -> Leaf {
        self.issue_with(names, |_| {})
    }

    pub(in crate::connect) fn issue_expired(&self, names: &[&str]) -> Leaf {
        self.issue_with(names, |params| params.not_after = date_time_ymd(2001, 1, 1))
    }

    fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Leaf {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }

    /// Client settings that trust this authority alone.
    pub(in crate::connect) fn client(&self) -> TlsBuilder {
        TlsConfig::builder()
            .without_default_roots()
            .add_root_certificates(self.pem())
    }
}

/// A TLS server in the making.
pub(in crate::connect) struct Server {
    leaf: Leaf,
    versions: Vec<&'static SupportedProtocolVersion>,
    client_roots: Option<RootCertStore>,
    alpn: Vec<Vec<u8>>,
}

impl Server {
    /// TLS 1.2 and 1.3, no ALPN, clients unauthenticated.
    pub(in crate::connect) fn new(leaf: Leaf) -> Self {
        Self {
            leaf,
            versions: rustls::ALL_VERSIONS.to_vec(),
            client_roots: None,
            alpn: Vec::new(),
        }
    }

    pub(in crate::connect) fn only(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    pub(in crate::connect) fn asks_for_clients_of(mut self, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("a root");
        self.client_roots = Some(roots);
        self
    }

    pub(in crate::connect) fn alpn(mut self, names: &[&str]) -> Self {
        self.alpn = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    pub(in crate::connect) fn build(self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions)
            .expect("versions");
        let builder = match self.client_roots {
            None => builder.with_no_client_auth(),
            Some(roots) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
                    .build()
                    .expect("a verifier"),
            ),
        };
        let key = PrivateKeyDer::try_from(self.leaf.key.serialize_der()).expect("a key");
        let mut config = builder
            .with_single_cert(vec![self.leaf.certificate], key)
            .expect("a certificate that fits its key");
        config.alpn_protocols = self.alpn;
        Arc::new(config)
    }
}
