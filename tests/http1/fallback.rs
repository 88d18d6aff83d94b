//! Which protocol is spoken: what ALPN chose, and HTTP/1.1 where it chose nothing (RFC 9113 §3.2).

use futures_util::future::join_all;
use http::{Request, Response, Version, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use towline::{
    Netloc, Protocols, ResponseFuture, Transport,
    connect::Alpn,
    error::{Kind, Retry, Scope},
};

use crate::peers::{
    Server, Stream, Wire, builder_over, call, get, get_text, info, on_threads, over_either,
    raw::{self, RawPeer},
    raw_http1::RawHttp1,
    request, root, servers, soon, text, transport_over,
};

/// A server by TLS that offers these protocols, and speaks what is chosen; of none, HTTP/1.1.
async fn offering(alpn: &'static [&'static str]) -> Server {
    Server::start_offering(
        Wire::TlsHttp1,
        move |_| alpn.to_vec(),
        |stream, _| async move {
            let wire = match stream.alpn() {
                Some(b"h2") => Wire::Tls,
                _ => Wire::TlsHttp1,
            };
            let echo = hyper::service::service_fn(|request: Request<Incoming>| async move {
                let version = format!("{:?}", request.version());
                Ok::<_, std::convert::Infallible>(Response::new(version))
            });
            servers::serve(wire, stream, echo).await;
        },
    )
    .await
}

/// A GET that is content with these protocols.
fn asking(transport: &Transport, url: &str, protocols: Protocols) -> ResponseFuture {
    let mut asking = request("GET", url);
    asking.extensions_mut().insert(protocols);
    call(transport, asking)
}

/// A GET that only HTTP/2 will do for.
fn demanding(transport: &Transport, url: &str) -> ResponseFuture {
    let mut demanding = request("GET", url);
    *demanding.version_mut() = Version::HTTP_2;
    call(transport, demanding)
}

#[test]
fn what_the_server_chooses_is_spoken_and_told() {
    for threads in [1, 2] {
        on_threads(threads, async {
            let cases: [(&[&str], Alpn, Version); 5] = [
                (&["http/1.1"], Alpn::Http1, Version::HTTP_11),
                (&[], Alpn::None, Version::HTTP_11),
                (&["h2"], Alpn::Http2, Version::HTTP_2),
                (&["h2", "http/1.1"], Alpn::Http2, Version::HTTP_2),
                (&["http/1.1", "h2"], Alpn::Http1, Version::HTTP_11),
            ];
            for (offered, alpn, version) in cases {
                let server = offering(offered).await;
                let transport = transport_over(Wire::TlsHttp1);
                for round in 0..2 {
                    let response = get(&transport, &server.url("/")).await.unwrap();
                    assert_eq!(response.version(), version);
                    let info = info(&response);
                    assert_eq!(*info.alpn(), alpn);
                    assert_eq!(info.stream_id().is_some(), version == Version::HTTP_2);
                    assert_eq!(info.is_reused(), round > 0);
                    assert!(info.tls_version().is_some());
                    assert_eq!(text(response).await.unwrap(), format!("{version:?}"));
                }
                assert_eq!(server.accepted(), 1);
            }
        });
    }
}

#[test]
fn cleartext_is_http_1_1_unless_it_is_known_better() {
    on_threads(1, async {
        let http1 = servers::hyper(Wire::ClearHttp1, |_| async { Response::new(String::new()) });
        let http2 = servers::hyper(Wire::Clear, |_| async { Response::new(String::new()) });
        let (http1, http2) = (http1.await, http2.await);
        let known = Netloc::from_uri(&http2.url("/").parse().unwrap()).unwrap();
        let builder = builder_over(Wire::ClearHttp1);
        let transport = builder.http2_prior_knowledge_of([known]).build();
        for (server, version) in [(&http1, Version::HTTP_11), (&http2, Version::HTTP_2)] {
            let response = get(&transport, &server.url("/")).await.unwrap();
            assert_eq!(response.version(), version);
            assert_eq!(*info(&response).alpn(), Alpn::None);
        }
    });
}

#[test]
fn http_2_that_is_demanded_and_not_there_is_a_clear_failure() {
    on_threads(1, async {
        for offered in [&["http/1.1"][..], &[]] {
            let server = offering(offered).await;
            let transport = transport_over(Wire::TlsHttp1);
            for fails in [
                demanding(&transport, &server.url("/")),
                asking(&transport, &server.url("/"), Protocols::Http2),
            ] {
                let error = fails.await.unwrap_err();
                assert_eq!((error.kind(), error.scope()), (Kind::Alpn, Scope::Netloc));
                assert_eq!(error.retry(), Retry::Never);
                let shown = error.to_string();
                assert!(shown.contains(&server.url("")), "{shown}");
                let cause = root(&error).to_string();
                assert!(
                    cause.contains("HTTP/2 was wanted") || cause.contains("NoApplicationProtocol"),
                    "{cause}"
                );
            }
            // Nobody else suffers.
            let well = get_text(&transport, &server.url("/")).await.unwrap();
            assert_eq!(well, "HTTP/1.1");
        }
    });
}

#[test]
fn http_2_in_cleartext_needs_prior_knowledge() {
    on_threads(1, async {
        let transport = transport_over(Wire::ClearHttp1);
        for fails in [
            demanding(&transport, "http://host.test/"),
            asking(&transport, "http://host.test/", Protocols::Http2),
        ] {
            let error = fails.await.unwrap_err();
            assert_eq!(
                (error.kind(), error.scope()),
                (Kind::Scheme, Scope::Request)
            );
            assert_eq!(error.retry(), Retry::Never);
            let cause = root(&error).to_string();
            assert!(cause.contains("http2_prior_knowledge"), "{cause}");
        }
    });
}

#[test]
fn a_request_may_insist_on_http_1_1() {
    on_threads(1, async {
        let server = offering(&["h2", "http/1.1"]).await;
        let transport = transport_over(Wire::TlsHttp1);
        for round in 0..2 {
            let response = asking(&transport, &server.url("/"), Protocols::Http1);
            let response = response.await.unwrap();
            assert_eq!(response.version(), Version::HTTP_11);
            assert_eq!(*info(&response).alpn(), Alpn::Http1);
            assert_eq!(info(&response).is_reused(), round > 0);
            assert_eq!(text(response).await.unwrap(), "HTTP/1.1");
        }
        // In cleartext, prior knowledge is overridden, too.
        let server = servers::hyper(Wire::ClearHttp1, |_| async { Response::new(String::new()) });
        let server = server.await;
        let transport = transport_over(Wire::Clear);
        let response = asking(&transport, &server.url("/"), Protocols::Http1);
        assert_eq!(response.await.unwrap().version(), Version::HTTP_11);
    });
}

#[test]
fn http_1_1_that_is_insisted_on_and_not_there_is_a_clear_failure() {
    on_threads(1, async {
        let server = offering(&["h2"]).await;
        let transport = transport_over(Wire::TlsHttp1);
        let error = asking(&transport, &server.url("/"), Protocols::Http1);
        let error = error.await.unwrap_err();
        assert_eq!((error.kind(), error.scope()), (Kind::Alpn, Scope::Netloc));
        let well = get_text(&transport, &server.url("/")).await.unwrap();
        assert_eq!(well, "HTTP/2.0");
    });
}

#[test]
fn both_protocols_at_once_by_one_transport() {
    for threads in [1, 2] {
        on_threads(threads, async {
            let server = offering(&["h2", "http/1.1"]).await;
            let old = offering(&["http/1.1"]).await;
            let transport = transport_over(Wire::TlsHttp1);
            let (url, old_url) = (server.url("/"), old.url("/"));
            for _ in 0..5 {
                let (any, one, two, three) = tokio::join!(
                    get(&transport, &url),
                    asking(&transport, &url, Protocols::Http1),
                    demanding(&transport, &url),
                    get(&transport, &old_url),
                );
                for (response, version) in [
                    (any, Version::HTTP_2),
                    (one, Version::HTTP_11),
                    (two, Version::HTTP_2),
                    (three, Version::HTTP_11),
                ] {
                    let response = response.unwrap();
                    assert_eq!(response.version(), version);
                    assert_eq!(text(response).await.unwrap(), format!("{version:?}"));
                }
            }
            // One each for `Any`, `Http1`, and, as it was asked for before the first was there,
            // perhaps one for `Http2`.
            assert!((2..=3).contains(&server.accepted()));
            assert_eq!(old.accepted(), 1);
        });
    }
}

#[test]
fn who_demands_http_2_shares_the_connection_of_those_who_do_not() {
    on_threads(1, async {
        let server = offering(&["h2", "http/1.1"]).await;
        let transport = transport_over(Wire::TlsHttp1);
        get_text(&transport, &server.url("/")).await.unwrap();
        let response = demanding(&transport, &server.url("/")).await.unwrap();
        assert!(info(&response).is_reused());
        assert_eq!(server.accepted(), 1);
    });
}

/// Answers one request on HTTP/2, says goodbye and closes.
async fn last_of_http2(stream: Stream) {
    let Some(mut peer) = RawPeer::try_accept(stream).await else {
        return;
    };
    peer.settings(&[]).await;
    let stream = peer.request().await;
    peer.head(stream, raw::END_STREAM).await;
    peer.goaway(stream, 0, b"").await;
    peer.rest().await;
}

/// Answers one request on HTTP/1.1, and closes.
async fn last_of_http1(stream: Stream) {
    let mut peer = RawHttp1::new(stream);
    peer.head().await;
    peer.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .await;
    peer.rest().await;
}

#[test]
fn a_server_that_changes_its_mind_is_followed() {
    for threads in [1, 2] {
        on_threads(threads, async {
            let (sender, mut over) = mpsc::unbounded_channel();
            let offered = |before: usize| match before % 2 {
                0 => vec!["h2", "http/1.1"],
                _ => vec!["http/1.1"],
            };
            let server = Server::start_offering(Wire::TlsHttp1, offered, move |stream, before| {
                let sender = sender.clone();
                async move {
                    match before % 2 {
                        0 => last_of_http2(stream).await,
                        _ => last_of_http1(stream).await,
                    }
                    sender.send(()).expect("the test waits");
                }
            })
            .await;
            let transport = transport_over(Wire::TlsHttp1);
            for round in 0..6 {
                let response = get(&transport, &server.url("/")).await.unwrap();
                let version = match round % 2 {
                    0 => Version::HTTP_2,
                    _ => Version::HTTP_11,
                };
                assert_eq!(response.version(), version);
                drop(response);
                soon(over.recv()).await.unwrap();
                assert_eq!(server.accepted(), round + 1);
            }
        });
    }
}

#[test]
fn many_callers_survive_a_change_of_mind() {
    for threads in [1, 2] {
        on_threads(threads, async {
            let offered = |before: usize| match before {
                0 => vec!["h2"],
                _ => vec!["http/1.1"],
            };
            let server =
                Server::start_offering(Wire::TlsHttp1, offered, |stream, before| async move {
                    if before > 0 {
                        return RawHttp1::new(stream).answer_all("new").await;
                    }
                    let mut peer = RawPeer::handshake(stream, &[]).await;
                    let first = peer.request().await;
                    // All that follow go elsewhere.
                    peer.goaway(first, 0, b"").await;
                    peer.head(first, 0).await;
                    peer.send(raw::DATA, raw::END_STREAM, first, b"old").await;
                    peer.rest().await;
                })
                .await;
            let transport = transport_over(Wire::TlsHttp1);
            let calls = (0..10).map(|_| get_text(&transport, &server.url("/")));
            let texts = join_all(calls).await;
            let old = texts
                .iter()
                .filter(|text| matches!(text, Ok(text) if text == "old"));
            assert_eq!(old.count(), 1);
            let new = texts
                .iter()
                .filter(|text| matches!(text, Ok(text) if text == "new"));
            assert_eq!(new.count(), 9, "{texts:?}");
        });
    }
}

#[test]
fn the_same_request_arrives_in_the_words_of_either() {
    over_either(|wire| async move {
        let server = servers::hyper(wire, move |request: Request<Incoming>| async move {
            let fields = request.headers();
            let of_connection = [
                "connection",
                "keep-alive",
                "proxy-connection",
                "upgrade",
                "x-hop",
            ];
            for name in of_connection {
                // RFC 9113 §8.2.2: they say nothing there, and may not be sent.
                assert_eq!(fields.contains_key(name), wire.is_http1(), "{name}");
            }
            assert_eq!(fields[header::TE], "trailers");
            assert_eq!(fields["x-end-to-end"], "yes");
            let chunked = fields.get(header::TRANSFER_ENCODING);
            assert_eq!(chunked.is_some(), wire.is_http1());
            let authority = if wire.is_http1() {
                fields[header::HOST].to_str().unwrap().to_owned()
            } else {
                assert!(!fields.contains_key(header::HOST));
                request.uri().authority().unwrap().to_string()
            };
            let body = http_body_util::BodyExt::collect(request.into_body()).await;
            assert_eq!(body.unwrap().to_bytes(), "in chunks or not");
            Response::new(authority)
        })
        .await;
        let address = server.address.to_string();
        let request = Request::post(server.url("/"))
            .header(header::HOST, &address)
            .header(header::CONNECTION, "keep-alive, x-hop, upgrade")
            .header("keep-alive", "timeout=5")
            .header("proxy-connection", "keep-alive")
            .header(header::UPGRADE, "websocket")
            .header("x-hop", "1")
            .header(header::TE, "trailers")
            .header(header::TRANSFER_ENCODING, "chunked")
            .header("x-end-to-end", "yes")
            .body("in chunks or not".to_owned());
        let response = call(&transport_over(wire), request.unwrap()).await.unwrap();
        assert_eq!(text(response).await.unwrap(), address);
    });
}

#[test]
fn an_http_1_1_request_line_is_no_demand() {
    // Every request says HTTP/1.1 that nobody gave a version.
    on_threads(1, async {
        let server = offering(&["h2", "http/1.1"]).await;
        for version in [Version::HTTP_10, Version::HTTP_11] {
            let mut request = Request::get(server.url("/"))
                .body(Empty::<&[u8]>::new())
                .unwrap();
            *request.version_mut() = version;
            let response = call(&transport_over(Wire::TlsHttp1), request)
                .await
                .unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
        }
    });
}
