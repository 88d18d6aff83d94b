//! The connector over loopback sockets. How TLS ends is tested over pipes, in `tls::tests`.

use std::{error::Error as _, io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

use super::{testing::destination, *};

async fn listen(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn dial(tls: TlsConfig, uri: String) -> Result<Connected, Error> {
    let timeouts = ConnectTimeouts::default();
    Connector::new(tls, timeouts)
        .oneshot(destination(&uri))
        .await
}

/// Octets go both ways between the two.
async fn assert_linked(mut client: Connected, mut server: TcpStream) {
    let mut octets = [0; 4];
    client.io.write_all(b"ping").await.unwrap();
    server.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"ping");
    server.write_all(b"pong").await.unwrap();
    client.io.read_exact(&mut octets).await.unwrap();
    assert_eq!(&octets, b"pong");
}

#[test]
fn a_connector_and_its_dials_can_go_to_other_threads() {
    fn sendable<T: Send + 'static>(_: &T) {}
    fn shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
    let mut connector = Connector::new(TlsConfig::default(), ConnectTimeouts::default());
    shareable(&connector);
    sendable(&connector.call(destination("http://127.0.0.1/")));
}

#[tokio::test]
async fn http_gets_a_bare_stream_and_its_addresses() {
    let (listener, address) = listen("127.0.0.1:0").await.unwrap();
    for host in ["127.0.0.1", "localhost", "LocalHost"] {
        let uri = format!("http://{host}:{}/", address.port());
        let client = dial(TlsConfig::default(), uri).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!((client.local, client.remote), (Some(peer), Some(address)));
        assert_eq!((&client.alpn, client.tls), (&Alpn::None, None));
        assert_linked(client, server).await;
    }
}

#[tokio::test]
async fn an_ipv6_literal_needs_no_resolver() {
    let Ok((listener, address)) = listen("[::1]:0").await else {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    };
    let uri = format!("http://[::1]:{}/", address.port());
    let client = dial(TlsConfig::default(), uri).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    assert_eq!(client.remote, Some(address));
    assert_linked(client, server).await;
}

#[tokio::test]
async fn a_refused_port_names_the_address_and_keeps_the_system_s_error() {
    let (listener, address) = listen("127.0.0.1:0").await.unwrap();
    drop(listener);
    let uri = format!("http://{address}/");
    let error = dial(TlsConfig::default(), uri).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.scope(), error.retry()),
        (Kind::Connect, Scope::Netloc, Retry::Safe)
    );
    assert_eq!(error.addresses(), [address]);
    assert_eq!(
        error.netloc(),
        Some(destination(&format!("http://{address}/")).netloc())
    );
    let failures = error.source().unwrap();
    assert!(failures.is::<AddressErrors>());
    let root = failures
        .source()
        .unwrap()
        .downcast_ref::<io::Error>()
        .unwrap();
    assert_eq!(root.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn rfc_6761_6_4_an_invalid_name_does_not_resolve() {
    let uri = "http://nonexistent.invalid/".to_owned();
    let error = dial(TlsConfig::default(), uri).await.unwrap_err();
    // A machine whose name server is silent runs into the limit instead.
    if error.kind() != Kind::Timeout(Phase::Dns) {
        assert_eq!(error.kind(), Kind::Dns);
        assert!(error.source().unwrap().is::<io::Error>());
    }
    assert_eq!((error.scope(), error.retry()), (Scope::Netloc, Retry::Safe));
    assert_eq!(error.netloc().unwrap().host(), "nonexistent.invalid");
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
#[tokio::test]
async fn without_a_crypto_provider_https_says_so_and_http_works() {
    let (_listener, address) = listen("127.0.0.1:0").await.unwrap();
    let uri = format!("https://{address}/");
    let error = dial(TlsConfig::default(), uri).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (Kind::Tls, Retry::Never));
    assert_eq!(error.netloc().unwrap().port(), address.port());
    let settings = error.source().unwrap();
    assert_eq!(settings.to_string(), "the crypto provider cannot be used");
    let uri = format!("http://{address}/");
    dial(TlsConfig::default(), uri).await.unwrap();
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tls {
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::connect::tls::testing::{Authority, Server};

    #[tokio::test]
    async fn https_gets_tls_and_the_facts_of_it() {
        let (listener, address) = listen("127.0.0.1:0").await.unwrap();
        let authority = Authority::new();
        let server = Server::new(authority.issue(&["localhost"])).alpn(&["h2", "http/1.1"]);
        let acceptor = TlsAcceptor::from(server.build());
        let uri = format!("https://localhost:{}/", address.port());
        let serve = async {
            let (stream, peer) = listener.accept().await.unwrap();
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(b"pong").await.unwrap();
            stream.flush().await.unwrap();
            (stream, peer)
        };
        let tls = authority.client().build().unwrap();
        let (client, (_server, peer)) = tokio::join!(dial(tls, uri), serve);
        let mut client = client.unwrap();
        assert_eq!((client.local, client.remote), (Some(peer), Some(address)));
        assert_eq!(client.alpn, Alpn::Http2);
        let facts = client.tls.unwrap();
        assert_eq!(facts.version, Some(rustls::ProtocolVersion::TLSv1_3));
        assert!(facts.cipher.is_some() && !facts.resumed);
        let mut octets = [0; 4];
        client.io.read_exact(&mut octets).await.unwrap();
        assert_eq!(&octets, b"pong");
    }

    #[tokio::test]
    async fn a_bad_certificate_names_the_address_that_showed_it() {
        let (listener, address) = listen("127.0.0.1:0").await.unwrap();
        let (ours, theirs) = (Authority::new(), Authority::new());
        let acceptor = TlsAcceptor::from(Server::new(theirs.issue(&["127.0.0.1"])).build());
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(acceptor.accept(stream).await.is_err());
        };
        let tls = ours.client().build().unwrap();
        let (error, ()) = tokio::join!(dial(tls, format!("https://{address}/")), serve);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Certificate);
        assert_eq!(error.addresses(), [address]);
    }

    #[tokio::test]
    async fn a_server_that_never_speaks_tls_runs_into_the_limit() {
        let (listener, address) = listen("127.0.0.1:0").await.unwrap();
        let timeouts = ConnectTimeouts {
            tls: Some(Duration::from_millis(50)),
            ..ConnectTimeouts::default()
        };
        let connector = Connector::new(Authority::new().client().build().unwrap(), timeouts);
        let dialled = connector.oneshot(destination(&format!("https://{address}/")));
        let start = std::time::Instant::now();
        let (error, server) = tokio::join!(dialled, listener.accept());
        let least_other_limit = ConnectTimeouts::default().dns.unwrap();
        assert!(start.elapsed() < least_other_limit);
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope(), error.retry()),
            (Kind::Timeout(Phase::Tls), Scope::Netloc, Retry::Safe)
        );
        assert_eq!(error.addresses(), [address]);
        // The silent server sees the ClientHello and then the end: the socket is gone.
        let mut seen = Vec::new();
        server.unwrap().0.read_to_end(&mut seen).await.unwrap();
        assert!(!seen.is_empty());
    }

    #[tokio::test]
    async fn a_dropped_dial_closes_its_socket() {
        let (listener, address) = listen("127.0.0.1:0").await.unwrap();
        let tls = Authority::new().client().build().unwrap();
        let mut dialled = Box::pin(dial(tls, format!("https://{address}/")));
        let accepted = tokio::select! {
            _ = &mut dialled => unreachable!("the server is silent"),
            accepted = listener.accept() => accepted,
        };
        drop(dialled);
        let mut seen = Vec::new();
        accepted.unwrap().0.read_to_end(&mut seen).await.unwrap();
    }

    #[tokio::test]
    async fn a_host_that_no_certificate_can_name_is_refused_before_any_lookup() {
        let tls = Authority::new().client().build().unwrap();
        let error = dial(tls, "https://a..b/".to_owned()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.scope(), error.retry()),
            (Kind::Uri, Scope::Request, Retry::Never)
        );
        assert!(error.source().is_some());
    }
}
