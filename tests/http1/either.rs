//! What is the same on HTTP/1.1 and HTTP/2, with hyper and axum at the other end.

use axum::{Router, extract::Path, routing};
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::peers::{
    Server, Wire,
    bodies::{Meter, Scripted, Spoilt, Step, pattern},
    call, get, get_text, over_either, request, servers, text, transport_over,
};

/// Says what came: method, path with query, length of the body.
async fn reporting(wire: Wire) -> Server {
    servers::hyper(wire, |request: Request<Incoming>| async move {
        let method = request.method().clone();
        let path = request.uri().path_and_query().map(ToString::to_string);
        let octets = request.into_body().collect().await.unwrap().to_bytes();
        let path = path.unwrap_or_default();
        let report = format!("{method} {path} {}", octets.len());
        let mut response = Response::new(String::new());
        if method == Method::HEAD {
            // On HTTP/2, hyper would send the content, too.
            let length = HeaderValue::from(report.len());
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
        } else {
            *response.body_mut() = report;
        }
        response
    })
    .await
}

#[test]
fn all_methods_arrive() {
    over_either(|wire| async move {
        let server = reporting(wire).await;
        let transport = transport_over(wire);
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "X-OWN"] {
            let request = request(method, &server.url("/a/path?and=query"));
            let response = call(&transport, request).await.unwrap();
            let expected = format!("{method} /a/path?and=query 0");
            assert_eq!(text(response).await.unwrap(), expected);
        }
        let head = request("HEAD", &server.url("/"));
        let response = call(&transport, head).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "8");
        assert_eq!(response.body().size_hint().exact(), Some(0));
        assert_eq!(text(response).await.unwrap(), "");
        assert_eq!(server.accepted(), 1);
    });
}

/// Gives the body back as it comes.
async fn echoing(wire: Wire) -> Server {
    servers::hyper(wire, |request: Request<Incoming>| async {
        Response::new(request.into_body())
    })
    .await
}

#[test]
fn bodies_of_all_sorts_come_back() {
    over_either(|wire| async move {
        let server = echoing(wire).await;
        let transport = transport_over(wire);
        for octets in [0, 1, 1_000, 65_535, 65_536, 65_537, 1 << 20] {
            let body = pattern(octets);
            let whole = Request::post(server.url("/")).body(Full::new(body.clone()));
            let pieces = || {
                let pieces: Vec<_> = body.chunks(10_007).map(Bytes::copy_from_slice).collect();
                Scripted::new(pieces.into_iter().map(Step::Data))
            };
            let known = pieces().of_length(octets as u64);
            let known = Request::post(server.url("/")).body(known);
            let unknown = Request::post(server.url("/")).body(pieces());
            let responses = [
                call(&transport, whole.unwrap()).await,
                call(&transport, known.unwrap()).await,
                call(&transport, unknown.unwrap()).await,
            ];
            for response in responses {
                let echoed = response.unwrap().into_body().collect().await.unwrap();
                assert!(echoed.to_bytes() == body, "{octets} octets");
            }
        }
    });
}

#[test]
fn a_body_can_be_read_while_another_is_sent() {
    over_either(|wire| async move {
        let server = echoing(wire).await;
        let (mut sender, body) = http_body_util::channel::Channel::<Bytes, Spoilt>::new(1);
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport_over(wire).oneshot(request).await.unwrap();
        let mut echo = response.into_body();
        for round in 0..20_u8 {
            let data = Bytes::from(vec![round; 100]);
            sender.send_data(data.clone()).await.unwrap();
            let mut read = Vec::new();
            while read.len() < data.len() {
                let frame = echo.frame().await.unwrap().unwrap();
                read.extend_from_slice(frame.data_ref().unwrap());
            }
            assert_eq!(read, data);
        }
        drop(sender);
        assert!(echo.frame().await.is_none());
    });
}

#[test]
fn trailers_go_both_ways() {
    over_either(|wire| async move {
        let server = servers::hyper(wire, |request: Request<Incoming>| async move {
            let collected = request.into_body().collect().await.unwrap();
            let trailers = collected.trailers().unwrap().clone();
            let frames = [
                Ok::<_, Spoilt>(Frame::data(collected.to_bytes())),
                Ok(Frame::trailers(trailers)),
            ];
            let body = StreamBody::new(tokio_stream::iter(frames));
            let mut response = Response::new(body);
            // hyper sends those alone that were announced, on HTTP/1.1.
            let announced = HeaderValue::from_static("x-sum");
            response.headers_mut().insert(header::TRAILER, announced);
            response
        })
        .await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        let frames = [
            Ok::<_, Spoilt>(Frame::data(Bytes::from("body"))),
            Ok(Frame::trailers(trailers.clone())),
        ];
        let body = StreamBody::new(tokio_stream::iter(frames));
        let request = Request::post(server.url("/"))
            .header(header::TE, "trailers")
            .header(header::TRAILER, "x-sum");
        let request = request.body(body).unwrap();
        let response = transport_over(wire).oneshot(request).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers(), Some(&trailers));
        assert_eq!(collected.to_bytes(), "body");
    });
}

#[test]
fn axum_serves_what_is_asked() {
    over_either(|wire| async move {
        let routes = Router::new()
            .route(
                "/items/{id}",
                routing::get(|Path(id): Path<u32>| async move { id.to_string() }),
            )
            .route(
                "/items",
                routing::post(|body: String| async { (StatusCode::CREATED, body) }),
            )
            .route(
                "/gone",
                routing::get(|| async { axum::response::Redirect::permanent("/items/1") }),
            );
        let server = servers::axum(wire, routes).await;
        let transport = transport_over(wire);
        assert_eq!(
            get_text(&transport, &server.url("/items/7")).await.unwrap(),
            "7"
        );
        let post = Request::post(server.url("/items")).body("new".to_owned());
        let response = call(&transport, post.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(text(response).await.unwrap(), "new");
        let response = get(&transport, &server.url("/gone")).await.unwrap();
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()[header::LOCATION], "/items/1");
        let response = get(&transport, &server.url("/nowhere")).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let delete = request("DELETE", &server.url("/items"));
        let response = call(&transport, delete).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn cookies_and_other_repeated_fields_are_all_there() {
    over_either(|wire| async move {
        let server = servers::hyper(wire, |request: Request<Incoming>| async move {
            let mut response = Response::new(String::new());
            for value in request.headers().get_all("x-copy") {
                response.headers_mut().append("set-cookie", value.clone());
            }
            response
        })
        .await;
        let request = Request::get(server.url("/"))
            .header("x-copy", "a=1")
            .header("x-copy", "b=2")
            .body(Empty::<Bytes>::new());
        let response = transport_over(wire)
            .oneshot(request.unwrap())
            .await
            .unwrap();
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
    });
}

#[test]
fn many_callers_get_their_own_answers() {
    over_either(|wire| async move {
        let server = servers::hyper(wire, |request: Request<Incoming>| async move {
            let length: usize = request.uri().path()[1..].parse().unwrap();
            Response::new(Full::new(pattern(length)))
        })
        .await;
        let transport = transport_over(wire);
        let callers = (0..16).map(|caller| {
            let (transport, base) = (transport.clone(), server.url("/"));
            tokio::spawn(async move {
                for round in 0..20 {
                    let length = (caller * 7_919 + round * 1_009) % 100_000;
                    let response = get(&transport, &format!("{base}{length}")).await.unwrap();
                    let body = response.into_body().collect().await.unwrap();
                    assert!(body.to_bytes() == pattern(length));
                }
            })
        });
        for outcome in join_all(callers).await {
            outcome.unwrap();
        }
        assert!(server.accepted() <= 16);
    });
}

#[test]
fn a_body_is_asked_for_no_more_than_it_gives() {
    over_either(|wire| async move {
        let server = reporting(wire).await;
        let meter = Meter::default();
        let body = Scripted::pieces(100, 1_000)
            .of_length(100_000)
            .metered(&meter);
        let request = Request::builder().method(Method::PUT).uri(server.url("/"));
        let response = transport_over(wire)
            .oneshot(request.body(body).unwrap())
            .await;
        let reported = text(response.unwrap()).await.unwrap();
        assert!(reported.ends_with(" 100000"), "{reported}");
        assert_eq!(meter.octets(), 100_000);
        assert!((100..=102).contains(&meter.polls()), "{}", meter.polls());
    });
}
