//! Certificates and keys of the tests' own.

use std::sync::{Arc, LazyLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio_rustls::TlsAcceptor;
use towline::connect::TlsConfig;

/// A certificate that signed itself, and its key.
pub(crate) struct Identity {
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// The one that the servers show, for their address and for `localhost`.
pub(crate) static SERVER: LazyLock<Identity> =
    LazyLock::new(|| Identity::for_names(&["127.0.0.1", "localhost"]));

impl Identity {
    /// A certificate for these names or addresses.
    pub(crate) fn for_names(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        let key = KeyPair::generate().expect("a key");
        // A name of its own, or a stranger's would count as its issuer with a bad signature.
        let name = format!("{:?}", key.public_key_raw());
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        }
    }

    /// Shows this certificate, and offers these protocols.
    pub(crate) fn acceptor(&self, alpn: &[&str]) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .expect("a certificate that fits its key");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// The tests' own server, offering these protocols.
pub(crate) fn acceptor(alpn: &[&str]) -> TlsAcceptor {
    SERVER.acceptor(alpn)
}

/// Trusts the tests' own server and nobody else.
pub(crate) fn trusting() -> TlsConfig {
    TlsConfig::builder()
        .without_default_roots()
        .add_root_certificates(SERVER.pem.as_str())
        .build()
        .expect("TLS settings")
}
