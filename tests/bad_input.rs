//! What is wrong with a request, a host or a server, before HTTP/2 is spoken: each has its own
//! kind, says where, keeps its cause to the root, and tells whether to try again. None hangs, and
//! none disturbs a request elsewhere.

#[path = "peers/mod.rs"]
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::{
    error::Error as StdError,
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use http::{Request, header};
use http_body_util::Empty;
use rustls::CertificateError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline::{
    Error, Netloc, ResponseFuture, Transport,
    config::Timeouts,
    connect::{AddressErrors, ConnectTimeouts, Connected, Connector, Destination, TlsConfig},
    error::{Kind, Phase, Retry, Scope},
    http2::{self, Violation, message::RequestError},
    netloc::NetlocError,
};

use peers::{
    Server, Stream, Wire, builder, call, get, get_text, on_threads, request, root,
    servers::{self, answer},
    tls::{self, Identity},
    transport,
};

/// Runs a call that must fail, while another goes its way beside it by the same transport.
async fn failure(transport: &Transport, call: ResponseFuture) -> Error {
    let healthy = servers::h2(Wire::Tls, |_, mut respond| async move {
        answer(&mut respond, "untouched");
    })
    .await;
    let url = healthy.url("/");
    let elsewhere = async {
        for _ in 0..3 {
            assert_eq!(get_text(transport, &url).await.unwrap(), "untouched");
        }
    };
    let (outcome, ()) = tokio::join!(call, elsewhere);
    let after = get_text(transport, &url).await;
    assert_eq!(after.unwrap(), "untouched");
    assert_eq!(healthy.accepted(), 1);
    outcome.expect_err("a failure")
}

/// A GET that only HTTP/2 will do for.
fn demand(transport: &Transport, url: &str) -> ResponseFuture {
    let mut demanding = request("GET", url);
    *demanding.version_mut() = http::Version::HTTP_2;
    call(transport, demanding)
}

/// As [`failure`], of a GET.
async fn failure_of(transport: &Transport, url: &str) -> Error {
    let error = failure(transport, get(transport, url)).await;
    // The netloc of the URL, where it has one, stands in the text.
    if let Ok(netloc) = Netloc::from_uri(&url.parse().unwrap()) {
        let shown = error.to_string();
        assert!(shown.contains(&netloc.to_string()), "{shown}");
        assert_eq!(error.netloc(), Some(&netloc));
    }
    error
}

fn assert_is(error: &Error, kind: Kind, scope: Scope, retry: Retry) {
    assert_eq!(error.kind(), kind);
    assert_eq!((error.scope(), error.retry()), (scope, retry));
}

/// The cause at the root, which must be of this type.
fn root_as<E: StdError + 'static>(error: &Error) -> &E {
    let root = root(error);
    root.downcast_ref()
        .unwrap_or_else(|| panic!("the root is {root:?}"))
}

#[test]
fn a_relative_uri() {
    on_threads(1, async {
        for uri in ["/path", "*", "host.test"] {
            let error = failure_of(&transport(), uri).await;
            assert_is(&error, Kind::Uri, Scope::Request, Retry::Never);
            assert_eq!(*root_as::<NetlocError>(&error), NetlocError::Relative);
            assert_eq!(error.netloc(), None);
        }
    });
}

#[test]
fn an_authority_that_cannot_be() {
    on_threads(1, async {
        for uri in [
            "http://host.test:0/",
            "http://host.test:65536/",
            "https://user@:443/",
        ] {
            let Ok(parsed) = uri.parse::<http::Uri>() else {
                continue;
            };
            let mut unusable = request("GET", "/");
            *unusable.uri_mut() = parsed;
            let transport = transport();
            let error = failure(&transport, call(&transport, unusable)).await;
            assert_is(&error, Kind::Uri, Scope::Request, Retry::Never);
            assert!(
                matches!(root_as(&error), NetlocError::Authority(_)),
                "{uri}"
            );
        }
    });
}

#[test]
fn a_scheme_that_nobody_carries() {
    on_threads(1, async {
        for (uri, scheme) in [("ftp://host.test/", "ftp"), ("ws://host.test/", "ws")] {
            let error = failure_of(&transport(), uri).await;
            assert_is(&error, Kind::Scheme, Scope::Request, Retry::Never);
            let expected = NetlocError::Scheme(scheme.to_owned());
            assert_eq!(*root_as::<NetlocError>(&error), expected);
        }
    });
}

#[test]
fn cleartext_without_prior_knowledge() {
    on_threads(1, async {
        let builder = || Transport::builder().tls(tls::trusting());
        let transport = builder().build();
        let error = failure(&transport, demand(&transport, "http://host.test/")).await;
        assert_is(&error, Kind::Scheme, Scope::Request, Retry::Never);
        let why = root(&error).to_string();
        assert!(why.contains("http2_prior_knowledge"), "{why}");

        // Knowledge of one server is none of another.
        let server = servers::h2(Wire::Clear, |_, mut respond| async move {
            answer(&mut respond, "known");
        })
        .await;
        let known = Netloc::from_uri(&server.url("/").parse().unwrap()).unwrap();
        let transport = builder().http2_prior_knowledge_of([known]).build();
        let error = failure(&transport, demand(&transport, "http://host.test/")).await;
        assert_eq!(error.kind(), Kind::Scheme);
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "known"
        );
    });
}

#[test]
fn a_method_and_fields_that_cannot_be_sent() {
    on_threads(1, async {
        let server = servers::h2(Wire::Tls, |_, mut respond| async move {
            answer(&mut respond, "well");
        })
        .await;
        let transport = transport();
        let connect = request("CONNECT", &server.url("/"));
        let error = failure(&transport, call(&transport, connect)).await;
        assert_is(&error, Kind::Request, Scope::Request, Retry::Never);
        assert!(root(&error).to_string().contains("CONNECT"));

        for (name, value, why) in [
            (header::HOST, "elsewhere.test", RequestError::HostDiffers),
            (
                header::CONTENT_LENGTH,
                "many",
                RequestError::ContentLengthInvalid,
            ),
            (
                header::CONTENT_LENGTH,
                "-1",
                RequestError::ContentLengthInvalid,
            ),
        ] {
            let mut unsayable = request("GET", &server.url("/"));
            unsayable.headers_mut().insert(name, value.parse().unwrap());
            let error = failure(&transport, call(&transport, unsayable)).await;
            assert_is(&error, Kind::Request, Scope::Request, Retry::Never);
            assert_eq!(*root_as::<RequestError>(&error), why);
            assert!(error.to_string().contains(&server.url("")));
        }
        // The connection that found it out is none the worse.
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "well"
        );
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_host_that_does_not_resolve() {
    // RFC 6761 §6.4: `.invalid` never does, with or without a network.
    on_threads(1, async {
        let mut timeouts = Timeouts::default();
        timeouts.connect.dns = None;
        let transport = builder().timeouts(timeouts).build();
        for url in [
            "https://no-such-host.invalid/",
            "http://no-such-host.invalid:81/",
        ] {
            let error = failure_of(&transport, url).await;
            assert_is(&error, Kind::Dns, Scope::Netloc, Retry::Safe);
            root_as::<io::Error>(&error);
            assert!(error.addresses().is_empty());
        }
    });
}

/// An address at which nobody listens.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn a_port_that_refuses() {
    on_threads(1, async {
        for scheme in ["http", "https"] {
            let address = closed_port();
            let error = failure_of(&transport(), &format!("{scheme}://{address}/")).await;
            assert_is(&error, Kind::Connect, Scope::Netloc, Retry::Safe);
            assert_eq!(error.addresses(), [address]);
            let tried = error
                .source()
                .unwrap()
                .downcast_ref::<AddressErrors>()
                .unwrap();
            assert_eq!(tried.iter().count(), 1);
            let refused = root_as::<io::Error>(&error);
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        }
    });
}

/// A TLS server of this identity that offers these protocols, and then acts by `serve`.
async fn tls_server<F, S>(identity: Identity, alpn: &'static [&'static str], serve: F) -> Server
where
    F: Fn(Stream) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let acceptor = identity.acceptor(alpn);
    Server::start(Wire::Clear, move |stream, _| {
        let (acceptor, serve) = (acceptor.clone(), serve.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(Box::new(stream)).await;
            }
        }
    })
    .await
}

/// The URL of a server whose TLS the test does itself.
fn https(server: &Server) -> String {
    format!("https://{}/", server.address)
}

/// Trusts the tests' server and one more.
fn trusting(identity: &Identity) -> Transport {
    let tls = TlsConfig::builder()
        .without_default_roots()
        .add_root_certificates(tls::SERVER.pem.as_str())
        .add_root_certificates(identity.pem.as_str())
        .build();
    builder().tls(tls.unwrap()).build()
}

fn certificate_error(error: &Error) -> &CertificateError {
    match root_as(error) {
        rustls::Error::InvalidCertificate(why) => why,
        other => panic!("not about a certificate: {other:?}"),
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for() {
    on_threads(1, async {
        let stranger = Identity::for_names(&["127.0.0.1"]);
        let server = tls_server(stranger, &["h2"], |_| async {}).await;
        let error = failure_of(&transport(), &https(&server)).await;
        assert_is(&error, Kind::Certificate, Scope::Netloc, Retry::Never);
        assert_eq!(error.addresses(), [server.address]);
        assert_eq!(*certificate_error(&error), CertificateError::UnknownIssuer);
    });
}

#[test]
fn a_certificate_for_another_name() {
    on_threads(1, async {
        let other = Identity::for_names(&["other.test"]);
        let transport = trusting(&other);
        let server = tls_server(other, &["h2"], |_| async {}).await;
        let error = failure_of(&transport, &https(&server)).await;
        assert_is(&error, Kind::Certificate, Scope::Netloc, Retry::Never);
        let why = certificate_error(&error);
        let is_name = matches!(
            why,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        );
        assert!(is_name, "{why:?}");
    });
}

#[test]
fn a_server_that_does_not_speak_tls() {
    on_threads(1, async {
        let server = Server::start(Wire::Clear, |mut stream, _| async move {
            let mut hello = [0; 16];
            stream.read_exact(&mut hello).await.unwrap();
            let answer = b"HTTP/1.1 400 The plain request was sent to an HTTPS port\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        })
        .await;
        let error = failure_of(&transport(), &https(&server)).await;
        assert_is(&error, Kind::Tls, Scope::Netloc, Retry::Safe);
        root_as::<rustls::Error>(&error);
    });
}

#[test]
fn a_server_that_closes_amid_the_tls_handshake() {
    on_threads(1, async {
        let server = Server::start(Wire::Clear, |mut stream, _| async move {
            // All of it, or the kernel would reset rather than close.
            let mut hello = [0; 16 << 10];
            let octets = stream.read(&mut hello).await.unwrap();
            assert!(octets > 0);
        })
        .await;
        let error = failure_of(&transport(), &https(&server)).await;
        assert_is(&error, Kind::Tls, Scope::Netloc, Retry::Safe);
        let closed = root_as::<io::Error>(&error);
        assert_eq!(closed.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_server_without_http2() {
    // RFC 7301 §3.2: it chooses no protocol, or refuses those that are offered.
    on_threads(1, async {
        for alpn in [&["http/1.1"][..], &[], &["spdy/3"]] {
            let identity = Identity::for_names(&["127.0.0.1"]);
            let transport = trusting(&identity);
            let server = tls_server(identity, alpn, |_| async {}).await;
            let error = failure(&transport, demand(&transport, &https(&server))).await;
            assert_is(&error, Kind::Alpn, Scope::Netloc, Retry::Never);
            assert_eq!(error.addresses(), [server.address]);
            assert!(error.source().is_some());
        }
    });
}

/// What servers say that do not speak HTTP/2, whole or in part.
const NOT_HTTP2: &[(&str, &str)] = &[
    (
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
        "an HTTP/1.x server sent",
    ),
    ("HTTP/1.", "an HTTP/1.x server sent"),
    ("220 mail.test ESMTP\r\n", "the server sent \"220 mail"),
    ("x", "the server sent \"x\""),
];

const PING_FIRST: &[u8] = b"\0\0\x08\x06\0\0\0\0\0are you?";

/// Reads the client's preface, answers it, and closes.
async fn say(mut stream: Stream, octets: &[u8]) {
    let mut preface = [0; 24];
    if stream.read_exact(&mut preface).await.is_ok() {
        let _gone = stream.write_all(octets).await;
        let _gone = stream.shutdown().await;
        peers::raw::RawPeer::drain(stream).await;
    }
}

#[test]
fn a_server_that_answers_the_preface_with_something_else() {
    // RFC 9113 §3.4.
    on_threads(1, async {
        for (said, shown) in NOT_HTTP2 {
            for wire in [Wire::Clear, Wire::Tls] {
                let server = Server::start(wire, |stream, _| say(stream, said.as_bytes())).await;
                let error = failure_of(&transport(), &server.url("/")).await;
                assert_is(&error, Kind::NotHttp2, Scope::Connection, Retry::Never);
                let root = root(&error).to_string();
                assert!(root.starts_with(shown), "{root}");
                assert_eq!(server.accepted(), 1, "never tried again");
            }
        }
    });
}

#[test]
fn a_server_whose_first_frame_is_not_settings() {
    // RFC 9113 §3.4: it does speak HTTP/2, wrongly.
    on_threads(1, async {
        for wire in [Wire::Clear, Wire::Tls] {
            let server = Server::start(wire, |stream, _| say(stream, PING_FIRST)).await;
            let error = failure_of(&transport(), &server.url("/")).await;
            assert_is(
                &error,
                Kind::Protocol,
                Scope::Connection,
                Retry::IfIdempotent,
            );
            let violation = root_as::<Violation>(&error);
            assert_eq!(*violation, Violation::PrefaceNotSettings);
        }
    });
}

#[test]
fn a_server_that_closes_at_once() {
    on_threads(1, async {
        for wire in [Wire::Clear, Wire::Tls] {
            let server = Server::start(wire, |mut stream, _| async move {
                let _gone = stream.shutdown().await;
                peers::raw::RawPeer::drain(stream).await;
            })
            .await;
            let error = failure_of(&transport(), &server.url("/")).await;
            assert_eq!(
                (error.kind(), error.scope()),
                (Kind::Closed, Scope::Connection)
            );
            // Safe if nothing was written before, and tried again by itself then.
            assert_ne!(error.retry(), Retry::Never);
            let closed = root_as::<io::Error>(&error);
            assert_eq!(closed.kind(), io::ErrorKind::UnexpectedEof);
            assert!((1..=4).contains(&server.accepted()));
        }
    });
}

#[test]
fn a_server_that_says_nothing() {
    on_threads(1, async {
        for said in ["", "HTTP/1.1"] {
            let server = Server::start(Wire::Clear, move |mut stream, _| async move {
                stream.write_all(said.as_bytes()).await.unwrap();
                peers::raw::RawPeer::drain(stream).await;
            })
            .await;
            let mut config = http2::Config::default();
            config.settings_timeout = Some(Duration::from_millis(250));
            let transport = builder().http2(config).build();
            let error = failure_of(&transport, &server.url("/")).await;
            let kind = Kind::Timeout(Phase::Settings);
            assert_is(&error, kind, Scope::Connection, Retry::IfIdempotent);
        }
    });
}

#[test]
fn an_empty_tls_configuration_says_what_is_missing() {
    let error = TlsConfig::builder()
        .without_default_roots()
        .build()
        .unwrap_err();
    assert_is(&error, Kind::Tls, Scope::Netloc, Retry::Never);
    let why = root(&error).to_string();
    assert!(why.contains("there are none"), "{why}");
}

#[test]
fn a_request_with_another_body_type_fails_the_same_way() {
    on_threads(1, async {
        let transport = transport();
        let relative = Request::post("/").body(Empty::<&[u8]>::new()).unwrap();
        let error = failure(&transport, call(&transport, relative)).await;
        assert_is(&error, Kind::Uri, Scope::Request, Retry::Never);
    });
}

#[test]
fn a_connector_of_ones_own() {
    on_threads(1, async {
        // Its error is the cause.
        let connector = tower::service_fn(|_: Destination| async { Err::<Connected, _>("no way") });
        let transport = builder().connector(connector).build();
        let error = get(&transport, "https://host.test/").await.unwrap_err();
        assert_is(&error, Kind::Connect, Scope::Netloc, Retry::Safe);
        assert_eq!(root(&error).to_string(), "no way");
        assert!(error.to_string().contains("https://host.test"));

        // Ours stays as it is, whatever lies between.
        let ours = Connector::new(tls::trusting(), ConnectTimeouts::default());
        let limited = tower::timeout::Timeout::new(ours, Duration::from_secs(30));
        let transport = builder().connector(limited).build();
        let address = closed_port();
        let error = failure_of(&transport, &format!("https://{address}/")).await;
        assert_is(&error, Kind::Connect, Scope::Netloc, Retry::Safe);
        assert_eq!(error.addresses(), [address]);

        // Where HTTP/2 is demanded, it must have been chosen.
        let connector = tower::service_fn(|_: Destination| async {
            let (client, _) = tokio::io::duplex(64);
            Ok::<_, io::Error>(Connected::new(client))
        });
        let transport = builder().connector(connector).build();
        let error = demand(&transport, "https://host.test/").await.unwrap_err();
        assert_is(&error, Kind::Alpn, Scope::Netloc, Retry::Never);
    });
}
