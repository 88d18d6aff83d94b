//! A certificate authority of our own, made anew for each server.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The authority, and the certificate that it gave the server.
#[derive(Debug)]
pub struct Pki {
    /// The authority's certificate, PEM.
    pub authority: String,
    /// The server's certificate, PEM, good for `localhost` and 127.0.0.1.
    pub certificate: String,
    /// The server's private key, PEM.
    pub key: String,
}

impl Pki {
    /// Makes both.
    ///
    /// # Panics
    /// When the generator fails, which it has no reason to.
    pub fn generate() -> Self {
        let authority_key = KeyPair::generate().expect("a key can be generated");
        let mut params = CertificateParams::new([]).expect("no names, none wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "towline interop authority");
        let authority = params
            .self_signed(&authority_key)
            .expect("the parameters are whole");

        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key can be generated");
        let certificate = CertificateParams::new(names)
            .expect("both names are valid")
            .signed_by(&key, &Issuer::new(params, authority_key))
            .expect("the parameters are whole");
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes `key.pem`, `certificate.pem`, `bundle.pem` (both) and `authority.pem`.
    pub(crate) fn write(&self, directory: &Path) {
        let bundle = format!("{}{}", self.certificate, self.key);
        for (name, text) in [
            ("key.pem", &self.key),
            ("certificate.pem", &self.certificate),
            ("bundle.pem", &bundle),
            ("authority.pem", &self.authority),
        ] {
            fs::write(directory.join(name), text).expect("the scratch directory is writable");
        }
    }
}
