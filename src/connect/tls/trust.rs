//! Certificates and keys: how they are read, and which servers' are believed.
//!
//! Spec: RFC 7468 (PEM), RFC 5280 (certificates).

use rustls::{
    DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};

use crate::error::BoxError;

/// The certificates in PEM text; octets without any PEM section are taken for one in DER.
pub(super) fn certificates(pem_or_der: &[u8]) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    let found = CertificateDer::pem_slice_iter(pem_or_der).collect::<Result<Vec<_>, _>>()?;
    if !found.is_empty() {
        return Ok(found);
    }
    // A certificate is a SEQUENCE (RFC 5280 §4.1): what begins otherwise is PEM without any.
    match pem_or_der.first() {
        Some(0x30) => Ok(vec![CertificateDer::from(pem_or_der.to_vec())]),
        _ => Err("no certificate in what was given for one".into()),
    }
}

/// The first private key in PEM text; octets without any PEM section are taken for one in DER.
pub(super) fn private_key(pem_or_der: &[u8]) -> Result<PrivateKeyDer<'static>, BoxError> {
    match PrivateKeyDer::from_pem_slice(pem_or_der) {
        Err(pem::Error::NoItemsFound) => Ok(PrivateKeyDer::try_from(pem_or_der.to_vec())?),
        outcome => Ok(outcome?),
    }
}

/// Adds each certificate in `pem_or_der` as a root.
pub(super) fn add_roots(roots: &mut RootCertStore, pem_or_der: &[u8]) -> Result<(), BoxError> {
    for certificate in certificates(pem_or_der)? {
        roots.add(certificate)?;
    }
    Ok(())
}

/// The roots of every source that is compiled in. Each feature only adds to them, so enabling one
/// never makes a server unreachable.
pub(super) fn default_roots() -> RootCertStore {
    #[cfg_attr(
        not(any(feature = "webpki-roots", feature = "native-roots")),
        expect(unused_mut, reason = "no feature adds any")
    )]
    let mut roots = RootCertStore::empty();
    #[cfg(feature = "webpki-roots")]
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    #[cfg(feature = "native-roots")]
    add_native_roots(&mut roots);
    roots
}

/// Adds what the system trusts. One unreadable file, or an ancient certificate that rustls does
/// not take, must not cost the rest.
#[cfg(feature = "native-roots")]
fn add_native_roots(roots: &mut RootCertStore) {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!(%error, "some of the system's root certificates are missing");
    }
    let (added, ignored) = roots.add_parsable_certificates(loaded.certs);
    tracing::debug!(added, ignored, "the system's root certificates");
}

/// Believes anyone. A handshake signature is not checked either: made with a key that nobody
/// vouches for, it proves nothing.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    schemes: Vec<SignatureScheme>,
}

impl AnyCertificate {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self {
            schemes: provider
                .signature_verification_algorithms
                .supported_schemes(),
        }
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
