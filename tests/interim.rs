//! Interim responses on HTTP/2, for those who ask for them, and bodies that wait for one.
//!
//! Spec: RFC 9110 §10.1.1, §15.2; RFC 8297.

#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use h2::Reason;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{Empty, Full};
use tokio::sync::mpsc;
use towline::interim::{self, Interim, Sink};

use self::peers::{
    bodies::{Meter, Scripted},
    call, everywhere, get_text,
    servers::{self, answer, read_all, status},
    text, transport,
};

/// GET, with a sink for what comes before the response.
fn asking(url: &str) -> (Request<Empty<Bytes>>, Interim) {
    let (sink, interim) = interim::channel();
    let request = Request::get(url).extension(sink).body(Empty::new());
    (request.expect("a request"), interim)
}

/// An early hint (RFC 8297).
fn hint(link: &'static str) -> Response<()> {
    let mut hint = status(103);
    let link = HeaderValue::from_static(link);
    hint.headers_mut().insert(header::LINK, link);
    hint
}

#[test]
fn each_comes_in_order_with_its_fields_before_the_response() {
    everywhere(|wire| async move {
        let (go, may_end) = mpsc::unbounded_channel::<()>();
        let may_end = Arc::new(tokio::sync::Mutex::new(may_end));
        let server = servers::h2(wire, move |_, mut respond| {
            let may_end = Arc::clone(&may_end);
            async move {
                respond.send_informational(status(102)).unwrap();
                respond.send_informational(hint("</a.css>")).unwrap();
                respond.send_informational(hint("</b.css>")).unwrap();
                may_end.lock().await.recv().await.unwrap();
                answer(&mut respond, "well");
            }
        })
        .await;
        let (request, mut interim) = asking(&server.url("/"));
        let response = tokio::spawn(call(&transport(), request));
        let processing = interim.recv().await.unwrap();
        assert_eq!(processing.status(), StatusCode::PROCESSING);
        assert_eq!(processing.version(), Version::HTTP_2);
        for link in ["</a.css>", "</b.css>"] {
            let hint = interim.recv().await.unwrap();
            assert_eq!(hint.status(), StatusCode::EARLY_HINTS);
            assert_eq!(hint.headers()[header::LINK], link);
        }
        assert!(interim.try_recv().is_none());
        assert!(!response.is_finished());
        go.send(()).unwrap();
        // Over as soon as the head is here, though the body was not read.
        let response = response.await.unwrap().unwrap();
        assert!(interim.recv().await.is_none());
        assert_eq!(text(response).await.unwrap(), "well");
    });
}

#[test]
fn nobody_need_ask_for_them_or_go_on_listening() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            respond.send_informational(status(100)).unwrap();
            respond.send_informational(hint("</a.css>")).unwrap();
            answer(&mut respond, "well");
        })
        .await;
        let transport = transport();
        let url = server.url("/");
        assert_eq!(get_text(&transport, &url).await.unwrap(), "well");
        let (request, interim) = asking(&url);
        drop(interim);
        let response = call(&transport, request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "well");
    });
}

#[test]
fn those_of_a_try_that_was_refused_are_followed_by_those_of_the_next() {
    everywhere(|wire| async move {
        let tries = Arc::new(AtomicUsize::new(0));
        let server = servers::h2(wire, move |_, mut respond| {
            let before = tries.fetch_add(1, Ordering::SeqCst);
            async move {
                if before == 0 {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    return;
                }
                respond.send_informational(hint("</a.css>")).unwrap();
                answer(&mut respond, "well");
            }
        })
        .await;
        let (request, mut interim) = asking(&server.url("/"));
        let response = call(&transport(), request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "well");
        assert_eq!(interim.recv().await.unwrap().headers()["link"], "</a.css>");
        assert!(interim.recv().await.is_none());
    });
}

#[test]
fn a_request_that_fails_or_is_dropped_has_no_more() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            respond.send_informational(hint("</a.css>")).unwrap();
            if request.uri().path() == "/fails" {
                respond.send_reset(Reason::INTERNAL_ERROR);
            } else {
                std::future::pending::<()>().await;
            }
        })
        .await;
        let transport = transport();
        let (request, mut interim) = asking(&server.url("/fails"));
        call(&transport, request).await.unwrap_err();
        // The hint may have gone with the reset, on the server's side.
        while interim.recv().await.is_some() {}

        let (request, mut interim) = asking(&server.url("/waits"));
        let mut response = Box::pin(call(&transport, request));
        tokio::select! {
            _ = &mut response => panic!("nobody answers"),
            hint = interim.recv() => assert_eq!(hint.unwrap().status(), 103),
        }
        drop(response);
        assert!(interim.recv().await.is_none());

        let (request, mut interim) = asking("ftp://nowhere.test/");
        call(&transport, request).await.unwrap_err();
        assert!(interim.recv().await.is_none());
        let (request, mut interim) = asking(&server.url("/never-polled"));
        drop(call(&transport, request));
        assert!(interim.recv().await.is_none());
    });
}

/// RFC 9110 §10.1.1.
#[test]
fn a_body_waits_for_continue_and_its_sender_hears_of_it() {
    everywhere(|wire| async move {
        let meter = Meter::default();
        let seen = meter.clone();
        let server = servers::h2(wire, move |mut request, mut respond| {
            let seen = seen.clone();
            async move {
                assert_eq!(request.headers()[header::EXPECT], "100-continue");
                assert_eq!(seen.polls(), 0, "not before");
                respond.send_informational(status(100)).unwrap();
                let body = read_all(request.body_mut()).await.unwrap();
                answer(&mut respond, body.len().to_string());
            }
        })
        .await;
        let transport = transport();
        let post = |sink: Sink| {
            Request::post(server.url("/"))
                .header(header::EXPECT, "100-continue")
                .extension(sink)
        };
        let (sink, mut interim) = interim::channel();
        let body = Scripted::pieces(4, 10_000).metered(&meter);
        let response = call(&transport, post(sink).body(body).unwrap()).await;
        assert_eq!(text(response.unwrap()).await.unwrap(), "40000");
        assert_eq!(interim.recv().await.unwrap().status(), 100);
        assert!(interim.recv().await.is_none());
    });
}

#[test]
fn a_body_that_is_declined_is_not_sent() {
    everywhere(|wire| async move {
        let (seen, mut bodies) = mpsc::unbounded_channel();
        let server = servers::h2(wire, move |mut request, mut respond| {
            let seen = seen.clone();
            async move {
                if request.method() == "GET" {
                    return answer(&mut respond, "well");
                }
                respond.send_response(status(417), true).unwrap();
                let error = read_all(request.body_mut()).await.unwrap_err();
                seen.send(error.reason()).unwrap();
            }
        })
        .await;
        let transport = transport();
        let post = Request::post(server.url("/"))
            .header(header::EXPECT, "100-continue")
            .body(Full::<Bytes>::from("unwanted"));
        let response = call(&transport, post.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::EXPECTATION_FAILED);
        assert_eq!(text(response).await.unwrap(), "");
        // RFC 9113 §8.1: the stream ends without a fault, and the connection goes on.
        assert_eq!(bodies.recv().await.unwrap(), Some(Reason::NO_ERROR));
        assert_eq!(
            get_text(&transport, &server.url("/")).await.unwrap(),
            "well"
        );
        assert_eq!(server.accepted(), 1);
    });
}
