//! One exchange at a time: heads, bodies, trailers, and what a response tells of its connection.

use axum::{Router, extract::Path, routing};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use rustls::ProtocolVersion;
use tower::ServiceExt;
use towline::{connect::Alpn, error::Kind, http2::StreamId};

use crate::peers::{
    Wire, call, everywhere, get, get_text, info, request,
    servers::{self, answer, read_all, status},
    text, transport,
};

#[test]
fn get_brings_status_version_fields_and_body() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, move |request, mut respond| async move {
            assert_eq!(request.method(), "GET");
            assert_eq!(request.uri().scheme_str(), Some(wire.scheme()));
            assert_eq!(request.uri().path(), "/a/path");
            assert_eq!(request.uri().query(), Some("and=query"));
            assert_eq!(request.headers()["x-asked"], "yes");
            assert!(!request.headers().contains_key(header::CONTENT_LENGTH));
            assert!(request.body().is_end_stream());
            let mut response = status(203);
            let fields = response.headers_mut();
            fields.append("x-twice", HeaderValue::from_static("one"));
            fields.append("x-twice", HeaderValue::from_static("two"));
            let mut body = respond.send_response(response, false).unwrap();
            body.send_data("the body".into(), true).unwrap();
        })
        .await;
        let request = Request::get(server.url("/a/path?and=query"))
            .header("x-asked", "yes")
            .body(Empty::<Bytes>::new());
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NON_AUTHORITATIVE_INFORMATION);
        assert_eq!(response.version(), Version::HTTP_2);
        let twice: Vec<_> = response.headers().get_all("x-twice").iter().collect();
        assert_eq!(twice, ["one", "two"]);
        assert_eq!(text(response).await.unwrap(), "the body");
    });
}

#[test]
fn the_authority_is_the_uris_and_the_fragment_stays_here() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let authority = request.uri().authority().unwrap().to_string();
            assert!(!request.headers().contains_key(header::HOST));
            answer(&mut respond, authority);
        })
        .await;
        let address = server.address.to_string();
        let url = server.url("/x#fragment").replace("//", "//user:secret@");
        // RFC 9113 §8.3.1: user information is no part of `:authority`.
        assert_eq!(get_text(&transport(), &url).await.unwrap(), address);
    });
}

#[test]
fn post_sends_a_body_that_is_whole_with_its_length() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |mut request, mut respond| async move {
            let length = request.headers()[header::CONTENT_LENGTH].clone();
            let body = read_all(request.body_mut()).await.unwrap();
            assert_eq!(length, body.len().to_string());
            answer(&mut respond, body);
        })
        .await;
        let request = Request::post(server.url("/")).body(Full::<Bytes>::from("all of it"));
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "all of it");
    });
}

#[test]
fn an_empty_post_says_that_it_is_empty() {
    // RFC 9110 §8.6: where a body is expected, none is said to be of length 0.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            assert_eq!(request.headers()[header::CONTENT_LENGTH], "0");
            assert!(request.body().is_end_stream());
            answer(&mut respond, "");
        })
        .await;
        let request = request("POST", &server.url("/"));
        let response = transport().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
    });
}

#[test]
fn head_has_a_length_and_no_body() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            assert_eq!(request.method(), "HEAD");
            let mut response = status(200);
            let length = HeaderValue::from_static("5000");
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
            respond.send_response(response, true).unwrap();
        })
        .await;
        let head = request("HEAD", &server.url("/"));
        let response = transport().oneshot(head).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "5000");
        assert!(response.body().is_end_stream());
        assert_eq!(response.body().size_hint().exact(), Some(0));
        assert_eq!(text(response).await.unwrap(), "");
    });
}

#[test]
fn no_content_and_not_modified_have_no_body() {
    // RFC 9110 §15.3.5, §15.4.5; a 304 may say the length that a 200 would have.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let code = request.uri().path()[1..].parse().unwrap();
            let mut response = status(code);
            if code == 304 {
                let length = HeaderValue::from_static("77");
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, length);
            }
            respond.send_response(response, true).unwrap();
        })
        .await;
        for code in [204, 304] {
            let url = server.url(&format!("/{code}"));
            let response = get(&transport(), &url).await.unwrap();
            assert_eq!(response.status(), code);
            assert!(response.body().is_end_stream());
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "");
        }
    });
}

#[test]
fn trailers_go_both_ways_as_the_last_frame() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |mut request, mut respond| async move {
            let body = read_all(request.body_mut()).await.unwrap();
            let trailers = servers::trailers(request.body_mut()).await.unwrap();
            let mut stream = respond.send_response(status(200), false).unwrap();
            stream.send_data(body.into(), false).unwrap();
            stream.send_trailers(trailers).unwrap();
        })
        .await;
        let trailers: HeaderMap = [(
            HeaderName::from_static("x-checksum"),
            HeaderValue::from_static("42"),
        )]
        .into_iter()
        .collect();
        let sent = trailers.clone();
        let body = Full::<Bytes>::from("content").with_trailers(async { Some(Ok(sent)) });
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let data = body.frame().await.unwrap().unwrap();
        assert_eq!(data.into_data().unwrap(), "content");
        assert!(!body.is_end_stream());
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    });
}

#[test]
fn trailers_may_follow_a_head_at_once() {
    // gRPC's "trailers only", but for its two heads.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            let mut body = respond.send_response(status(200), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("12"));
            body.send_trailers(trailers).unwrap();
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "12");
        assert_eq!(collected.to_bytes(), "");
    });
}

#[test]
fn interim_responses_are_passed_over() {
    // RFC 9110 §15.2.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            for code in [100, 103, 103] {
                respond.send_informational(status(code)).unwrap();
            }
            answer(&mut respond, "final");
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(text(response).await.unwrap(), "final");
    });
}

#[test]
fn heads_larger_than_a_frame_go_both_ways() {
    // 40,000 octets are three frames: HEADERS and two CONTINUATION (RFC 9113 §6.10).
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_header_list_size(1 << 20);
        };
        let server = servers::h2_with(wire, set, |request, mut respond| async move {
            let large = request.headers()["x-large"].clone();
            let mut response = status(200);
            response.headers_mut().insert("x-large", large);
            respond.send_response(response, true).unwrap();
        })
        .await;
        let large: String = (0..200_u8)
            .cycle()
            .take(40_000)
            .map(|index| char::from(b'!' + index % 90))
            .collect();
        let request = Request::get(server.url("/"))
            .header("x-large", &large)
            .body(Empty::<Bytes>::new());
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-large"], large);
    });
}

#[test]
fn a_head_above_our_limit_costs_its_stream_only() {
    // RFC 9113 §10.5.1; the limit is 64 KiB by default.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let mut response = status(200);
            if request.uri().path() == "/large" {
                let piece = HeaderValue::from_bytes(&[b'x'; 14_000]).unwrap();
                for index in 0..5 {
                    let name = HeaderName::try_from(format!("x-{index}")).unwrap();
                    response.headers_mut().insert(name, piece.clone());
                }
            }
            let _reset = respond.send_response(response, true);
        })
        .await;
        let transport = transport();
        let error = get(&transport, &server.url("/large")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::MalformedResponse);
        let response = get(&transport, &server.url("/small")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_head_above_the_servers_limit_is_not_sent() {
    // RFC 9113 §6.5.2: SETTINGS_MAX_HEADER_LIST_SIZE is advice, and worth taking.
    everywhere(|wire| async move {
        let set = |builder: &mut h2::server::Builder| {
            builder.max_header_list_size(2_000);
        };
        let server = servers::h2_with(wire, set, |_, mut respond| async move {
            answer(&mut respond, "small enough");
        })
        .await;
        let (transport, url) = (transport(), server.url("/"));
        // The first response shows that the server's settings have come.
        get_text(&transport, &url).await.unwrap();
        let large = Request::get(&url)
            .header("x-large", "x".repeat(3_000))
            .body(Empty::<Bytes>::new());
        let error = transport.clone().oneshot(large.unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Request);
        assert_eq!(get_text(&transport, &url).await.unwrap(), "small enough");
    });
}

#[test]
fn cookies_are_split_on_the_wire_and_set_cookies_never_joined() {
    // RFC 9113 §8.2.3.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let crumbs: Vec<_> = request.headers().get_all(header::COOKIE).iter().collect();
            assert_eq!(crumbs, ["a=1", "b=2", "c=3"]);
            let mut response = status(200);
            for cookie in ["d=4; Path=/", "e=5, six"] {
                let cookie = HeaderValue::from_static(cookie);
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            respond.send_response(response, true).unwrap();
        })
        .await;
        let request = Request::get(server.url("/"))
            .header(header::COOKIE, "a=1; b=2")
            .header(header::COOKIE, "c=3")
            .body(Empty::<Bytes>::new());
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        let cookies: Vec<_> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .collect();
        assert_eq!(cookies, ["d=4; Path=/", "e=5, six"]);
    });
}

#[test]
fn fields_of_one_connection_are_left_out() {
    // RFC 9113 §8.2.2.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            answer(&mut respond, names.join(" "));
        })
        .await;
        let request = Request::get(server.url("/"))
            .header(header::CONNECTION, "keep-alive, x-mine")
            .header("keep-alive", "timeout=5")
            .header("proxy-connection", "close")
            .header(header::TRANSFER_ENCODING, "chunked")
            .header(header::UPGRADE, "websocket")
            .header("x-mine", "1")
            .header(header::TE, "trailers, deflate")
            .header("x-kept", "1")
            .body(Empty::<Bytes>::new());
        let response = transport().oneshot(request.unwrap()).await.unwrap();
        // The transport adds what it can decode.
        assert_eq!(text(response).await.unwrap(), "accept-encoding te x-kept");
    });
}

#[test]
fn a_body_knows_its_length_and_its_end() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let mut response = status(200);
            if request.uri().path() == "/known" {
                let length = HeaderValue::from_static("10");
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, length);
            }
            let mut body = respond.send_response(response, false).unwrap();
            body.send_data("hello".into(), false).unwrap();
            body.send_data("world".into(), true).unwrap();
        })
        .await;
        let transport = transport();
        let response = get(&transport, &server.url("/known")).await.unwrap();
        let mut body = response.into_body();
        let mut remaining = 10;
        assert_eq!(body.size_hint().exact(), Some(10));
        while let Some(frame) = body.frame().await {
            remaining -= frame.unwrap().into_data().unwrap().len() as u64;
            assert_eq!(body.size_hint().exact(), Some(remaining));
        }
        assert!(body.is_end_stream());

        let response = get(&transport, &server.url("/unknown")).await.unwrap();
        let mut body = response.into_body();
        assert_eq!(
            (body.size_hint().lower(), body.size_hint().upper()),
            (0, None)
        );
        while body.frame().await.is_some() {}
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
    });
}

#[test]
fn a_response_says_which_connection_and_stream_brought_it() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            answer(&mut respond, "x");
        })
        .await;
        let transport = transport();
        let mut local = None;
        for (index, stream) in [1, 3, 5].into_iter().enumerate() {
            let response = get(&transport, &server.url("/")).await.unwrap();
            let info = info(&response);
            assert_eq!(info.remote_addr(), Some(server.address));
            assert_eq!(info.local_addr().unwrap().ip(), server.address.ip());
            // The same connection, so the same port of ours.
            assert_eq!(*local.get_or_insert(info.local_addr()), info.local_addr());
            assert_eq!(info.is_reused(), index > 0);
            assert_eq!(info.stream_id().map(StreamId::as_u32), Some(stream));
            let is_tls = wire == Wire::Tls;
            assert_eq!(*info.alpn(), if is_tls { Alpn::Http2 } else { Alpn::None });
            let version = is_tls.then_some(ProtocolVersion::TLSv1_3);
            assert_eq!(info.tls_version(), version);
            assert_eq!(info.tls_cipher().is_some(), is_tls);
            assert_eq!(text(response).await.unwrap(), "x");
        }
    });
}

#[test]
fn a_response_head_may_come_before_the_request_has_ended() {
    // A call both ways, as gRPC has them: each message is answered before the next is sent.
    everywhere(|wire| async move {
        let server = servers::h2(wire, |mut request, mut respond| async move {
            let mut stream = respond.send_response(status(200), false).unwrap();
            while let Some(Ok(data)) = request.body_mut().data().await {
                let flow = request.body_mut().flow_control();
                flow.release_capacity(data.len()).unwrap();
                stream.send_data(data, false).unwrap();
            }
            stream.send_data(Bytes::new(), true).unwrap();
        })
        .await;
        let (mut sender, body) = http_body_util::channel::Channel::<Bytes>::new(1);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        for round in 0..20 {
            let message = format!("message {round}");
            sender.send_data(message.clone().into()).await.unwrap();
            let answered = body.frame().await.unwrap().unwrap();
            assert_eq!(answered.into_data().unwrap(), message);
        }
        drop(sender);
        assert!(body.frame().await.is_none());
    });
}

#[test]
fn a_stream_of_pieces_arrives_in_order() {
    everywhere(|wire| async move {
        let server = servers::hyper(wire, |request: Request<Incoming>| async {
            let length = request.headers().contains_key(header::CONTENT_LENGTH);
            assert!(!length, "nobody knows it");
            Response::new(request.into_body())
        })
        .await;
        let pieces = (0..100).map(|index| {
            let data = Bytes::from(format!("{index} "));
            Ok::<_, std::convert::Infallible>(http_body::Frame::data(data))
        });
        let body = StreamBody::new(tokio_stream::iter(pieces));
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        let expected: String = (0..100).map(|index| format!("{index} ")).collect();
        assert_eq!(text(response).await.unwrap(), expected);
    });
}

#[test]
fn axums_routes_are_reached() {
    everywhere(|wire| async move {
        let routes = Router::new()
            .route(
                "/hello/{name}",
                routing::get(|Path(name): Path<String>| async move { format!("hello {name}") }),
            )
            .route("/echo", routing::post(|body: Bytes| async move { body }));
        let server = servers::axum(wire, routes).await;
        let transport = transport();
        let url = server.url("/hello/axum");
        assert_eq!(get_text(&transport, &url).await.unwrap(), "hello axum");
        let request = Request::post(server.url("/echo")).body("back".to_owned());
        let response = call(&transport, request.unwrap()).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "back");
        let missing = get(&transport, &server.url("/missing")).await.unwrap();
        assert_eq!(missing.status(), 404);
        assert_eq!(server.accepted(), 1);
    });
}
