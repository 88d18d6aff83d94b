//! Handshakes with servers of every sort, over pipes in memory.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
};

use rustls::{
    CertificateError, ClientConfig, KeyLog, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, server::TlsStream as ServerStream};

use super::testing::{Authority, Leaf, Server, provider};
use super::*;
use crate::{Protocols, connect::testing::destination};

type Outcome = (
    Result<Connected, Error>,
    io::Result<ServerStream<DuplexStream>>,
);

async fn handshake(
    client: &TlsConfig,
    destination: &Destination,
    server: Arc<ServerConfig>,
) -> Outcome {
    let (near, far) = duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(server);
    tokio::join!(client.connect(destination, near), acceptor.accept(far))
}

/// Why the client refuses the server's certificate for `https://good.test/`.
async fn refusal(client: &TlsConfig, leaf: Leaf) -> CertificateError {
    let server = Server::new(leaf).build();
    let (client, _) = handshake(client, &destination("https://good.test/"), server).await;
    let error = client.unwrap_err();
    assert_eq!(
        (error.kind(), error.scope(), error.retry()),
        (Kind::Certificate, Scope::Netloc, Retry::Never)
    );
    assert_eq!(error.netloc().unwrap().host(), "good.test");
    match rustls_cause(&error) {
        rustls::Error::InvalidCertificate(why) => why,
        other => panic!("{other:?}"),
    }
}

fn rustls_cause(error: &Error) -> rustls::Error {
    let source = error.source().expect("a source");
    source
        .downcast_ref::<rustls::Error>()
        .expect("rustls's own error")
        .clone()
}

#[tokio::test]
async fn a_certificate_of_an_added_root_is_believed_in_pem_and_in_der() {
    let authority = Authority::new();
    let server = Server::new(authority.issue(&["good.test"])).build();
    let builder = || TlsConfig::builder().without_default_roots();
    let pem_among_others = format!("text\n{}{}", Authority::new().pem(), authority.pem());
    for trusting in [
        builder().add_root_certificates(pem_among_others),
        builder().add_root_certificates(authority.der().to_vec()),
        TlsConfig::builder().add_root_certificates(authority.pem()),
    ] {
        let client = trusting.build().unwrap();
        let goal = destination("https://good.test/");
        let (client, server) = handshake(&client, &goal, Arc::clone(&server)).await;
        assert!(client.is_ok() && server.is_ok());
    }
}

#[tokio::test]
async fn certificates_that_do_not_vouch_for_the_host_are_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let client = ours.client().build().unwrap();
    let why = refusal(&client, theirs.issue(&["good.test"])).await;
    assert_eq!(why, CertificateError::UnknownIssuer);
    let why = refusal(&client, ours.issue_expired(&["good.test"])).await;
    assert!(
        matches!(why, CertificateError::ExpiredContext { .. }),
        "{why:?}"
    );
    let why = refusal(&client, ours.issue(&["evil.test", "127.0.0.1"])).await;
    assert!(
        matches!(why, CertificateError::NotValidForNameContext { .. }),
        "{why:?}"
    );
    // The roots of the cargo features do not know our authority either.
    #[cfg(any(feature = "webpki-roots", feature = "native-roots"))]
    {
        let why = refusal(&TlsConfig::default(), ours.issue(&["good.test"])).await;
        assert_eq!(why, CertificateError::UnknownIssuer);
    }
}

#[tokio::test]
async fn the_dangerous_mode_accepts_what_it_says() {
    let authority = Authority::new();
    let client = TlsConfig::builder()
        .dangerous_accept_any_certificate()
        .build()
        .unwrap();
    for version in [&TLS12, &TLS13] {
        for leaf in [
            authority.issue(&["evil.test"]),
            authority.issue_expired(&["good.test"]),
        ] {
            let server = Server::new(leaf).only(version).build();
            let (client, _) = handshake(&client, &destination("https://good.test/"), server).await;
            assert!(client.is_ok());
        }
    }
}

#[tokio::test]
async fn rfc_6066_3_names_are_sent_as_sni_and_addresses_are_not() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    for (uri, sni) in [
        ("https://good.test:8443/", Some("good.test")),
        ("https://good.test./", Some("good.test")),
        ("https://127.0.0.1/", None),
        ("https://[::1]/", None),
    ] {
        let leaf = authority.issue(&["good.test", "127.0.0.1", "::1"]);
        let (client, server) =
            handshake(&client, &destination(uri), Server::new(leaf).build()).await;
        assert!(client.is_ok(), "{uri}: {client:?}");
        assert_eq!(server.unwrap().get_ref().1.server_name(), sni, "{uri}");
    }
}

#[tokio::test]
async fn rfc_7301_3_the_server_s_choice_among_what_was_offered_is_reported() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    for (protocols, speaks, chosen) in [
        (Protocols::Any, &["h2", "http/1.1"][..], Alpn::Http2),
        (Protocols::Any, &["http/1.1"], Alpn::Http1),
        (Protocols::Any, &[], Alpn::None),
        (Protocols::Http1, &["h2", "http/1.1"], Alpn::Http1),
        (Protocols::Http2, &["http/1.1", "h2"], Alpn::Http2),
    ] {
        let goal = destination("https://good.test/").with_protocols(protocols);
        let server = Server::new(authority.issue(&["good.test"]))
            .alpn(speaks)
            .build();
        let (client, _) = handshake(&client, &goal, server).await;
        assert_eq!(client.unwrap().alpn, chosen, "{protocols:?} to {speaks:?}");
    }
}

#[tokio::test]
async fn rfc_7301_3_2_a_server_that_speaks_none_of_the_offered_is_an_alpn_error() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    let goal = destination("https://good.test/").with_protocols(Protocols::Http2);
    let server = Server::new(authority.issue(&["good.test"]))
        .alpn(&["http/1.1"])
        .build();
    let (client, _) = handshake(&client, &goal, server).await;
    let error = client.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::Alpn, Retry::Never));
    let alert = AlertDescription::NoApplicationProtocol;
    assert_eq!(rustls_cause(&error), rustls::Error::AlertReceived(alert));
}

#[tokio::test]
async fn a_caller_s_own_configuration_keeps_its_alpn_and_else_gets_ours() {
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let mut own = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = Server::new(authority.issue(&["good.test"]))
        .alpn(&["h2", "own"])
        .build();
    let goal = destination("https://good.test/");
    let client = TlsConfig::from_rustls(Arc::new(own.clone()));
    let (bare, _) = handshake(&client, &goal, Arc::clone(&server)).await;
    assert_eq!(bare.unwrap().alpn, Alpn::Http2);
    own.alpn_protocols = vec![b"own".to_vec()];
    let client = TlsConfig::from_rustls(Arc::new(own));
    let (named, _) = handshake(&client, &goal, server).await;
    let chosen = named.unwrap().alpn;
    assert_eq!(chosen, Alpn::Other(b"own"[..].into()));
    assert_eq!(chosen.as_bytes(), Some(&b"own"[..]));
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_s_certificate_gets_it() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let leaf = clients.issue(&["client.test"]);
    let (der, key) = (leaf.certificate.to_vec(), leaf.key.serialize_der());
    let pem = format!("{}{}", leaf.key.serialize_pem(), leaf.pem);
    for builder in [
        authority.client().client_auth(der, key),
        authority.client().client_auth(pem.clone(), pem),
    ] {
        let client = builder.build().unwrap();
        for version in [&TLS12, &TLS13] {
            let server = Server::new(authority.issue(&["good.test"]))
                .asks_for_clients_of(&clients)
                .only(version)
                .build();
            let goal = destination("https://good.test/");
            let (connected, server) = handshake(&client, &goal, server).await;
            assert!(connected.is_ok());
            let shown = server
                .unwrap()
                .get_ref()
                .1
                .peer_certificates()
                .unwrap()
                .to_vec();
            assert_eq!(shown, std::slice::from_ref(&leaf.certificate));
        }
    }
}

#[tokio::test]
async fn a_client_without_the_certificate_asked_for_is_told_so() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let client = authority.client().build().unwrap();
    let goal = destination("https://good.test/");
    let server = || Server::new(authority.issue(&["good.test"])).asks_for_clients_of(&clients);
    // TLS 1.2: the server speaks last, so the handshake itself fails.
    let (connected, _) = handshake(&client, &goal, server().only(&TLS12).build()).await;
    let error = connected.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::Tls, Retry::Safe));
    assert!(matches!(
        rustls_cause(&error),
        rustls::Error::AlertReceived(_)
    ));
    // TLS 1.3: the client speaks last (RFC 8446 §2), so it hears of it when it reads.
    let (connected, _) = handshake(&client, &goal, server().only(&TLS13).build()).await;
    let late = connected.unwrap().io.read_u8().await.unwrap_err();
    let alert = AlertDescription::CertificateRequired;
    let late = late.downcast::<rustls::Error>().unwrap();
    assert_eq!(late, rustls::Error::AlertReceived(alert));
}

#[tokio::test]
async fn rfc_9113_9_2_tls_1_2_and_1_3_are_spoken_and_1_1_is_not() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    let goal = destination("https://good.test/");
    for version in [&TLS12, &TLS13] {
        let server = Server::new(authority.issue(&["good.test"]))
            .only(version)
            .build();
        let (connected, _) = handshake(&client, &goal, server).await;
        assert_eq!(
            connected.unwrap().tls.unwrap().version,
            Some(version.version)
        );
    }
    let mut server_hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2]; // record, handshake, TLS 1.1
    server_hello.extend([7; 32]);
    server_hello.extend([0, 0xc0, 0x14, 0]); // no session; ECDHE-RSA, AES-256-CBC, SHA; no compression
    let error = answered_with(&client, &server_hello).await;
    assert_eq!(error.kind(), Kind::Tls);
    assert!(matches!(
        rustls_cause(&error),
        rustls::Error::PeerIncompatible(_)
    ));
}

/// How a handshake with a server that says just this, and no more, fails.
async fn answered_with(client: &TlsConfig, octets: &[u8]) -> Error {
    let (near, mut far) = duplex(64 * 1024);
    far.write_all(octets).await.unwrap();
    far.shutdown().await.unwrap();
    let goal = destination("https://good.test/");
    client.connect(&goal, near).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_error_with_its_cause() {
    let client = Authority::new().client().build().unwrap();
    let error = answered_with(&client, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!((error.kind(), error.retry()), (Kind::Tls, Retry::Safe));
    assert!(matches!(
        rustls_cause(&error),
        rustls::Error::InvalidMessage(_)
    ));
    let error = answered_with(&client, b"").await;
    assert_eq!((error.kind(), error.retry()), (Kind::Tls, Retry::Safe));
    let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn clones_resume_each_other_s_sessions() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    let server = Server::new(authority.issue(&["good.test"])).build();
    let mut resumed = Vec::new();
    for client in [client.clone(), client] {
        let goal = destination("https://good.test/");
        let (connected, accepted) = handshake(&client, &goal, Arc::clone(&server)).await;
        let (mut connected, mut accepted) = (connected.unwrap(), accepted.unwrap());
        // The ticket comes with the server's first octets (RFC 8446 §4.6.1).
        accepted.write_u8(1).await.unwrap();
        connected.io.read_u8().await.unwrap();
        resumed.push(connected.tls.unwrap().resumed);
    }
    assert_eq!(resumed, [false, true]);
}

#[tokio::test]
async fn a_key_log_hears_the_secrets() {
    #[derive(Debug, Default)]
    struct Labels(Mutex<Vec<String>>);
    impl KeyLog for Labels {
        fn log(&self, label: &str, _client_random: &[u8], _secret: &[u8]) {
            self.0.lock().unwrap().push(label.to_owned());
        }
    }
    let (authority, labels) = (Authority::new(), Arc::new(Labels::default()));
    let client = authority
        .client()
        .key_log(Arc::<Labels>::clone(&labels))
        .build()
        .unwrap();
    let server = Server::new(authority.issue(&["good.test"]))
        .only(&TLS13)
        .build();
    let (connected, _) = handshake(&client, &destination("https://good.test/"), server).await;
    assert!(connected.is_ok());
    let heard = labels.0.lock().unwrap();
    assert!(
        heard.iter().any(|label| label == "CLIENT_TRAFFIC_SECRET_0"),
        "{heard:?}"
    );
}

#[test]
fn settings_that_cannot_work_fail_when_they_are_built() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&["a.test"]), authority.issue(&["b.test"]));
    let client = || authority.client();
    let der = || one.certificate.to_vec();
    let (roots, identity) = ("root certificates", "client certificate");
    for (builder, setting, why) in [
        (
            TlsConfig::builder().without_default_roots(),
            roots,
            "there are none",
        ),
        (
            client().add_root_certificates("no PEM"),
            roots,
            "no certificate",
        ),
        (
            client().add_root_certificates([0x30, 3, 1, 2, 3]),
            roots,
            "BadEncoding",
        ),
        (
            client().add_root_certificates("-----BEGIN CERTIFICATE-----\n"),
            roots,
            "section end",
        ),
        (
            client().client_auth(der(), "no PEM"),
            identity,
            "invalid key format",
        ),
        (
            client().client_auth("no PEM", one.key.serialize_der()),
            identity,
            "no certificate",
        ),
        (
            client().client_auth(der(), other.key.serialize_pem()),
            identity,
            "may not be consistent",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (Kind::Tls, Retry::Never),
            "{why}"
        );
        let source = error.source().unwrap();
        assert_eq!(source.to_string(), format!("the {setting} cannot be used"));
        let cause = source.source().unwrap().to_string();
        assert!(cause.contains(why), "{cause:?} does not say {why:?}");
    }
}

#[test]
fn keys_are_not_shown() {
    let leaf = Authority::new().issue(&["a.test"]);
    let builder = Authority::new()
        .client()
        .client_auth(leaf.pem, leaf.key.serialize_pem());
    assert_eq!(format!("{builder:?}"), "TlsBuilder { .. }");
    assert_eq!(
        format!("{:?}", builder.build().unwrap()),
        "TlsConfig { .. }"
    );
}

#[test]
fn rfc_9113_9_2_2_no_suite_that_http_2_prohibits_is_offered() {
    let mut suites = provider().cipher_suites.clone();
    suites.retain(|suite| suite.version() == &TLS12);
    assert!(!suites.is_empty());
    for suite in suites {
        // Appendix A lists all that lack an ephemeral key exchange or an AEAD cipher.
        let name = suite.suite().as_str().unwrap();
        let aead = ["_GCM_", "_CHACHA20_POLY1305_"]
            .iter()
            .any(|mode| name.contains(mode));
        assert!(name.starts_with("TLS_ECDHE_") && aead, "{name}");
    }
}

#[test]
fn no_process_wide_crypto_provider_is_installed() {
    let _settings = (
        TlsConfig::default(),
        Authority::new().client().build().unwrap(),
    );
    assert!(CryptoProvider::get_default().is_none());
}
