//! Which requests ask for a tunnel, where they go, and what comes of those that get none.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use h2::Reason;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use tower::{ServiceBuilder, ServiceExt};
use towline::{
    Duplex, Error, Netloc, Proxy,
    error::{Kind, Retry, Scope},
    http2::message::Protocol,
};

use crate::{
    chat, echo, offering, open,
    peers::{
        Server, Wire,
        bodies::Scripted,
        call, everywhere, get_text, on_threads,
        raw::{self, RawPeer},
        request, root,
        servers::{self, answer, read_all, send_all, status},
        text, transport,
    },
};

/// The proxy that a server is.
fn proxy(server: &Server) -> Proxy {
    let uri = server.url("/").parse().expect("a URI");
    Proxy::new(Netloc::from_uri(&uri).expect("a netloc"))
}

#[track_caller]
fn is_refused(error: &Error, why: &str) {
    assert_eq!(
        (error.kind(), error.scope()),
        (Kind::Request, Scope::Request)
    );
    assert_eq!(error.retry(), Retry::Never);
    let root = root(error).to_string();
    assert!(root.contains(why), "{root}");
}

/// RFC 8441 §4.
#[test]
fn an_extended_connect_says_what_it_wants_and_of_whom() {
    everywhere(|wire| async move {
        let server = offering(wire, move |request, respond| async move {
            let protocol = request.extensions().get::<h2::ext::Protocol>();
            assert_eq!(protocol.map(h2::ext::Protocol::as_str), Some("websocket"));
            assert_eq!(request.uri().scheme_str(), Some(wire.scheme()));
            assert_eq!(request.uri().path_and_query().unwrap(), "/chat?room=1");
            assert_eq!(request.headers()["sec-websocket-version"], "13");
            assert!(!request.headers().contains_key(header::CONTENT_LENGTH));
            echo(request, respond).await;
        })
        .await;
        let mut request = chat(&server.url("/chat?room=1"));
        let fields = request.headers_mut();
        fields.insert("sec-websocket-version", HeaderValue::from_static("13"));
        // Of which a middleware may be sure that it is true.
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let mut response = call(&transport(), request).await.unwrap();
        let mut tunnel = Duplex::take(&mut response).unwrap();
        tunnel.write_all(b"hello").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = String::new();
        tunnel.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello");
    });
}

/// RFC 9110 §9.3.6, RFC 9113 §8.5.
#[test]
fn a_plain_connect_goes_to_its_proxy() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, respond| async move {
            assert_eq!(request.uri().to_string(), "target.example:443");
            assert_eq!(request.headers()["proxy-authorization"], "Basic bWU6cHc=");
            echo(request, respond).await;
        })
        .await;
        let request = Request::connect("target.example:443")
            .header("proxy-authorization", "Basic bWU6cHc=")
            .extension(proxy(&server))
            .body(Empty::<Bytes>::new());
        let mut response = call(&transport(), request.unwrap()).await.unwrap();
        let mut tunnel = Duplex::take(&mut response).unwrap();
        tunnel.write_all(b"hello").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = String::new();
        tunnel.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello");
    });
}

#[test]
fn http_goes_through_a_proxy_as_it_is_and_https_does_not() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            answer(&mut respond, request.uri().to_string());
        })
        .await;
        let transport = transport();
        let get = |url: &str| {
            Request::get(url)
                .extension(proxy(&server))
                .body(Empty::<Bytes>::new())
                .unwrap()
        };
        let response = call(&transport, get("http://plain.example/page")).await;
        let asked = text(response.unwrap()).await.unwrap();
        assert_eq!(asked, "http://plain.example/page");
        let error = call(&transport, get("https://secret.example/")).await;
        is_refused(&error.unwrap_err(), "by CONNECT alone");
        let mut request = chat("https://secret.example/chat");
        request.extensions_mut().insert(proxy(&server));
        let error = call(&transport, request).await;
        is_refused(&error.unwrap_err(), "by CONNECT alone");
    });
}

#[test]
fn a_connect_that_cannot_be_one_goes_nowhere() {
    on_threads(1, async {
        let server = offering(Wire::Clear, |_, _| async {}).await;
        let transport = transport();
        let connect = |uri: &str| Request::connect(uri).extension(proxy(&server));
        let empty = Empty::<Bytes>::new;
        for uri in [
            "target.example",
            "target.example:0",
            "http://target.example:80/",
        ] {
            let error = call(&transport, connect(uri).body(empty()).unwrap()).await;
            is_refused(&error.unwrap_err(), "a host and a port");
        }
        let error = call(&transport, request("CONNECT", "target.example:443")).await;
        is_refused(&error.unwrap_err(), "towline::Proxy");

        let target = "target.example:443";
        let whole = connect(target).body(Full::<Bytes>::from("content"));
        let error = call(&transport, whole.unwrap()).await;
        is_refused(&error.unwrap_err(), "no content");
        let streaming = connect(target).body(Scripted::pieces(1, 1));
        let error = call(&transport, streaming.unwrap()).await;
        is_refused(&error.unwrap_err(), "no content");
        let announced = connect(target).header(header::CONTENT_LENGTH, "7");
        let error = call(&transport, announced.body(empty()).unwrap()).await;
        is_refused(&error.unwrap_err(), "no content");

        let misplaced = Request::get(server.url("/")).extension(Protocol::WEBSOCKET);
        let error = call(&transport, misplaced.body(empty()).unwrap()).await;
        is_refused(&error.unwrap_err(), "CONNECT only");
        assert!(server.accepted() <= 1);
    });
}

/// RFC 8441 §3.
#[test]
fn a_server_that_does_not_offer_it_is_not_asked() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            assert_eq!(request.method(), "GET");
            answer(&mut respond, "well");
        })
        .await;
        let transport = transport();
        for _ in 0..2 {
            // On a connection that is fresh, then on one that is not.
            let error = call(&transport, chat(&server.url("/chat"))).await;
            is_refused(&error.unwrap_err(), "does not offer extended CONNECT");
        }
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "well"
        );
        assert_eq!(server.accepted(), 1);
    });
}

/// RFC 9110 §9.3.6: without a 2xx there is no tunnel, and the response is like any other.
#[test]
fn a_refusal_is_a_response_and_leaves_nothing_half_open() {
    everywhere(|wire| async move {
        let (ended, mut requests) = mpsc::unbounded_channel();
        let server = offering(wire, move |mut request, mut respond| {
            let ended = ended.clone();
            async move {
                let mut response = status(403);
                let length = HeaderValue::from_static("12");
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, length);
                let mut body = respond.send_response(response, false).unwrap();
                // The request ends by itself, before the response does.
                let rest = read_all(request.body_mut()).await.unwrap();
                ended.send(rest.len()).unwrap();
                send_all(&mut body, "not for you.".into(), true).await;
            }
        })
        .await;
        let transport = transport();
        for _ in 0..3 {
            let mut response = call(&transport, chat(&server.url("/"))).await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN);
            assert!(Duplex::take(&mut response).is_none());
            assert_eq!(text(response).await.unwrap(), "not for you.");
            assert_eq!(requests.recv().await.unwrap(), 0);
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_refusal_without_a_body_leaves_nothing_half_open() {
    on_threads(1, async {
        let server = Server::start(Wire::Clear, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[(0x8, 1)]).await;
            let id = peer.request().await;
            // `:status: 404`.
            let flags = raw::END_HEADERS | raw::END_STREAM;
            peer.send(raw::HEADERS, flags, id, &[0x8d]).await;
            let end = peer.expect(raw::DATA).await;
            assert!(end.has(raw::END_STREAM) && end.payload.is_empty());
            let next = peer.request().await;
            peer.head(next, raw::END_STREAM).await;
            let rest = peer.until_quiet().await;
            assert!(rest.iter().all(|frame| frame.kind != raw::RST_STREAM));
            peer.close().await;
        })
        .await;
        let transport = transport();
        let response = call(&transport, chat(&server.url("/"))).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(text(response).await.unwrap(), "");
        assert_eq!(get_text(&transport, &server.url("/")).await.unwrap(), "");
    });
}

#[test]
fn a_tunnel_that_was_refused_as_unprocessed_is_asked_for_again() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = offering(wire, move |request, mut respond| {
            let before = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if before < 2 {
                    respond.send_reset(Reason::REFUSED_STREAM);
                } else {
                    echo(request, respond).await;
                }
            }
        })
        .await;
        let mut tunnel = open(&transport(), &server).await;
        tunnel.write_all(b"at last").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = String::new();
        tunnel.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "at last");
        assert_eq!(tries.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_caller_who_leaves_before_the_head_resets_the_stream() {
    everywhere(|wire| async move {
        let (seen, mut resets) = mpsc::unbounded_channel();
        let (arrived, mut requests) = mpsc::unbounded_channel();
        let server = offering(wire, move |request, respond| {
            let (seen, arrived) = (seen.clone(), arrived.clone());
            async move {
                arrived.send(()).unwrap();
                let error = read_all(&mut request.into_body()).await.unwrap_err();
                seen.send(error.reason()).unwrap();
                drop(respond);
            }
        })
        .await;
        let transport = transport();
        let mut asked = Box::pin(call(&transport, chat(&server.url("/"))));
        tokio::select! {
            _ = &mut asked => panic!("nobody answered"),
            arrived = requests.recv() => arrived.unwrap(),
        }
        drop(asked);
        assert_eq!(resets.recv().await.unwrap(), Some(Reason::CANCEL));
    });
}

#[test]
fn a_tunnel_passes_layers_that_replace_bodies() {
    everywhere(|wire| async move {
        let server = offering(wire, echo).await;
        let service = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(|_| Empty::<Bytes>::new()))
            .service(transport());
        let request = chat(&server.url("/"));
        let mut response = service.oneshot(request).await.unwrap();
        let mut tunnel = Duplex::take(&mut response).expect("it came through");
        tunnel.write_all(b"hello").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = String::new();
        tunnel.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "hello");
    });
}
