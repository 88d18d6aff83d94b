//! Responses that come decoded, and those that must not.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use tokio::sync::Notify;
use tower::ServiceExt;
use towline::{
    Error, ResponseBody,
    decode::{Coding, Decoded, Decoding},
};

use crate::{
    canned::{Canned, serve, serve_one},
    peers::{
        Server, Wire, everywhere, get, on_threads,
        raw::{self, RawPeer},
        servers, transport,
    },
    support::{Encoder, encoders, gzip, gzip_at, noise, text, zlib},
};

async fn octets(response: Response<ResponseBody>) -> Result<Bytes, Error> {
    Ok(response.into_body().collect().await?.to_bytes())
}

#[test]
fn content_comes_decoded_and_its_head_says_so() {
    everywhere(|wire| async move {
        let content = text(300_000);
        for Encoder { coding, encode } in encoders() {
            let encoded = encode(&content);
            let canned = Canned::encoded(coding.name(), &encoded)
                .field("content-type", "text/plain")
                .field("vary", "accept-encoding");
            let server = serve_one(wire, canned).await;
            let response = get(&transport(), &server.url("/")).await.unwrap();
            assert_eq!(response.headers().len(), 2);
            assert_eq!(response.headers()["content-type"], "text/plain");
            assert_eq!(response.headers()["vary"], "accept-encoding");
            let decoded = response.extensions().get::<Decoded>().unwrap();
            assert_eq!(decoded.codings(), [coding]);
            assert_eq!(decoded.content_length(), Some(encoded.len() as u64));
            let body = response.body();
            assert_eq!(
                (body.size_hint().lower(), body.size_hint().upper()),
                (0, None)
            );
            assert!(!body.is_end_stream());
            assert!(octets(response).await.unwrap() == content, "{coding}");
        }
    });
}

#[test]
fn stacked_codings_are_undone_whatever_lines_they_come_in() {
    on_threads(1, async {
        let encoded = gzip(&zlib(b"content"));
        for lines in [&["Deflate, x-GZIP"][..], &["deflate", "identity, gzip"]] {
            let canned = lines.iter().fold(Canned::new([&encoded]), |canned, line| {
                canned.field("content-encoding", line)
            });
            let server = serve_one(Wire::Clear, canned).await;
            let response = get(&transport(), &server.url("/")).await.unwrap();
            assert!(response.headers().is_empty());
            let decoded = response.extensions().get::<Decoded>().unwrap();
            assert_eq!(decoded.codings(), [Coding::Deflate, Coding::Gzip]);
            assert_eq!(decoded.content_length(), None);
            assert_eq!(octets(response).await.unwrap(), "content");
        }
    });
}

#[test]
fn what_has_no_coding_or_an_unknown_one_comes_as_it_is() {
    on_threads(1, async {
        // Not even gzip, so that decoding it would be seen.
        for content_encoding in ["compress", "gzip, compress", "gzip;x", "identity", ""] {
            let canned = Canned::encoded(content_encoding, b"content");
            let server = serve_one(Wire::Clear, canned).await;
            let response = get(&transport(), &server.url("/")).await.unwrap();
            assert_eq!(response.headers()["content-encoding"], content_encoding);
            assert_eq!(response.headers()["content-length"], "7");
            assert!(response.extensions().get::<Decoded>().is_none());
            assert_eq!(response.body().size_hint().exact(), Some(7));
            assert_eq!(octets(response).await.unwrap(), "content");
        }
        let server = serve_one(Wire::Clear, Canned::new(["content"])).await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        assert!(response.extensions().get::<Decoded>().is_none());
        assert_eq!(octets(response).await.unwrap(), "content");
    });
}

#[test]
fn codings_that_are_not_built_in_come_as_they_are() {
    on_threads(1, async {
        for coding in Coding::ALL.into_iter().filter(|it| !it.is_available()) {
            let server = serve_one(Wire::Clear, Canned::encoded(coding.name(), b"...")).await;
            let response = get(&transport(), &server.url("/")).await.unwrap();
            assert_eq!(response.headers()["content-encoding"], coding.name());
            assert_eq!(octets(response).await.unwrap(), "...");
        }
    });
}

#[test]
fn heads_without_content_and_partial_content_stay_as_they_are() {
    on_threads(1, async {
        let encoded = gzip(b"content");
        let server = serve(Wire::Clear, move |request| {
            let status = request.uri().path()[1..].parse().unwrap();
            let mut canned = Canned::encoded("gzip", &encoded).status(status);
            if request.method() == Method::HEAD || [204, 304].contains(&status) {
                canned.pieces.clear();
            }
            if status == 204 {
                // RFC 9110 §8.6: it has none.
                canned.fields.pop();
            }
            canned
        })
        .await;
        let transport = transport();
        for (method, status) in [
            (Method::HEAD, 200),
            (Method::HEAD, 404),
            (Method::GET, 204),
            (Method::GET, 304),
            (Method::GET, 206),
        ] {
            let request = Request::builder().method(&method);
            let request = request.uri(server.url(&format!("/{status}")));
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            let response = transport.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-encoding"], "gzip");
            assert_eq!(
                response.headers().contains_key("content-length"),
                status != 204
            );
            assert!(response.extensions().get::<Decoded>().is_none());
            let has_content = status == 206;
            let octets = octets(response).await.unwrap();
            assert_eq!(
                octets.starts_with(b"\x1f\x8b"),
                has_content,
                "{method} {status}"
            );
        }
        // Others are decoded, errors as well.
        for status in [200, 203, 404, 500] {
            let url = server.url(&format!("/{status}"));
            let response = get(&transport, &url).await.unwrap();
            assert!(response.extensions().get::<Decoded>().is_some());
            assert_eq!(octets(response).await.unwrap(), "content");
        }
    });
}

#[test]
fn no_octets_are_no_content() {
    everywhere(|wire| async move {
        let none: [&[u8]; 0] = [];
        for Encoder { coding, .. } in encoders() {
            for canned in [
                Canned::new(none),
                Canned::new([b""]),
                Canned::new(none).trailer("x-t", "1"),
            ] {
                let has_trailers = canned.trailers.is_some();
                let canned = canned.field("content-encoding", coding.name());
                let server = serve_one(wire, canned).await;
                let response = get(&transport(), &server.url("/")).await.unwrap();
                assert!(!response.headers().contains_key("content-encoding"));
                let decoded = response.extensions().get::<Decoded>().unwrap();
                assert_eq!(decoded.codings(), [coding]);
                let collected = response.into_body().collect().await.unwrap();
                assert_eq!(collected.trailers().is_some(), has_trailers);
                assert_eq!(collected.to_bytes(), "");
            }
        }
    });
}

#[test]
fn an_encoded_body_without_octets_knows_its_end_unread() {
    on_threads(1, async {
        let server = serve_one(
            Wire::Clear,
            Canned::new([b""]).field("content-encoding", "gzip"),
        )
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        while !response.body().is_end_stream() {
            tokio::task::yield_now().await;
        }
        assert_eq!(response.body().size_hint().exact(), Some(0));
    });
}

#[test]
fn trailers_come_after_decoded_content() {
    everywhere(|wire| async move {
        // More than a piece, and cut anywhere.
        let content = text(100_000);
        for Encoder { coding, encode } in encoders() {
            let encoded = encode(&content);
            let canned = Canned::new(encoded.chunks(700))
                .field("content-encoding", coding.name())
                .trailer("x-sum", "17");
            let server = serve_one(wire, canned).await;
            let response = get(&transport(), &server.url("/")).await.unwrap();
            let mut body = response.into_body();
            let mut octets = Vec::new();
            let mut trailers: Option<HeaderMap> = None;
            while let Some(frame) = body.frame().await {
                assert!(trailers.is_none(), "nothing follows them");
                match frame.unwrap().into_data() {
                    Ok(data) => octets.extend_from_slice(&data),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                }
            }
            assert!(octets == content);
            assert_eq!(trailers.unwrap()["x-sum"], "17");
            assert!(body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some(0));
        }
    });
}

#[test]
fn the_first_half_comes_out_while_the_server_waits_with_the_second() {
    everywhere(|wire| async move {
        let was_read = Arc::new(Notify::new());
        let wait = Arc::clone(&was_read);
        let server = servers::h2(wire, move |_, mut respond| {
            let wait = Arc::clone(&wait);
            async move {
                // Two members: each is all there before the server waits.
                let head = Response::builder().header("content-encoding", "gzip");
                let mut body = respond
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                servers::send_all(&mut body, gzip(b"first ").into(), false).await;
                wait.notified().await;
                servers::send_all(&mut body, gzip(b"second").into(), true).await;
            }
        })
        .await;
        let response = get(&transport(), &server.url("/")).await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "first ");
        was_read.notify_one();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "second");
    });
}

#[test]
fn an_unread_body_is_not_decoded_ahead() {
    // Its window stays closed, so the server can send no more than that.
    everywhere(|wire| async move {
        const WINDOW: usize = 1 << 20;
        const SIZE: usize = 4 << 20;
        let encoded = Bytes::from(gzip_at(0, &noise(SIZE)));
        let sent = tokio::sync::watch::Sender::new(0);
        let mut seen = sent.subscribe();
        let server = servers::h2(wire, move |_, mut respond| {
            let (sent, mut rest) = (sent.clone(), encoded.clone());
            async move {
                let head = Response::builder().header("content-encoding", "gzip");
                let mut body = respond
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                while !rest.is_empty() {
                    let piece = rest.split_to(rest.len().min(16_384));
                    let octets = servers::send_all(&mut body, piece, rest.is_empty()).await;
                    sent.send_modify(|sent| *sent += octets);
                }
            }
        })
        .await;
        let transport = transport();
        let response = get(&transport, &server.url("/")).await.unwrap();
        seen.wait_for(|sent| *sent >= WINDOW).await.unwrap();
        let mut body = response.into_body();
        let first = body.read(10).await.unwrap();
        assert_eq!(first, &noise(10)[..]);
        // One piece was taken: no more than that and the window can have been sent.
        assert!(*seen.borrow() <= WINDOW + (32 << 10), "{}", *seen.borrow());
        let rest = body.read_all(SIZE).await.unwrap();
        assert!(rest == noise(SIZE)[10..]);
    });
}

#[test]
fn the_encoded_octets_are_there_for_whoever_wants_them() {
    everywhere(|wire| async move {
        let encoded = gzip(&text(550));
        let server = serve_one(wire, Canned::encoded("gzip", &encoded)).await;
        let transport = transport();
        let get = || get(&transport, &server.url("/"));

        let body = get().await.unwrap().into_body();
        let raw = body.into_raw().expect("nothing was read");
        assert_eq!(raw.size_hint().exact(), Some(encoded.len() as u64));
        assert_eq!(raw.collect().await.unwrap().to_bytes(), encoded);

        // Not amid decoding: what is left decodes to nothing by itself.
        let mut body = get().await.unwrap().into_body();
        assert_eq!(body.read(3).await.unwrap(), &text(3)[..]);
        let mut body = body.into_raw().expect_err("some was read");
        assert_eq!(body.read_all(547).await.unwrap(), &text(550)[3..]);

        let mut request = Request::get(server.url("/"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        request.extensions_mut().insert(Decoding::Off);
        let response = transport.clone().oneshot(request).await.unwrap();
        let mut body = response.into_body();
        assert_eq!(body.read(4).await.unwrap(), &encoded[..4]);
        // Raw as it is, at any time.
        let body = body.into_raw().expect("it was never decoded");
        assert_eq!(body.collect().await.unwrap().to_bytes(), &encoded[4..]);
    });
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn octets_that_mean_nothing_do_not_hold_up_an_executor() {
    const FRAMES: usize = 100;
    on_threads(1, async {
        let server = Server::start(Wire::Clear, |io, _| async move {
            let mut peer = RawPeer::handshake(io, &[]).await;
            let stream = peer.request().await;
            // `:status: 200`, then content-encoding (entry 26) as a literal (RFC 7541 §6.2.2).
            let block = [&[0x88, 0x0f, 26 - 15, 4][..], b"gzip"].concat();
            peer.send(raw::HEADERS, raw::END_HEADERS, stream, &block)
                .await;
            // Too large to be melted together on the way.
            let nothing = gzip(b"").repeat(60);
            for _ in 0..FRAMES {
                peer.send(raw::DATA, 0, stream, &nothing).await;
            }
            let other = peer.request().await;
            peer.head(other, raw::END_STREAM).await;
            peer.rest().await;
        })
        .await;
        let transport = transport();
        let response = get(&transport, &server.url("/nothing")).await.unwrap();
        // What came before this is here by now.
        get(&transport, &server.url("/other")).await.unwrap();

        let mut body = response.into_body();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut polls = 0;
        loop {
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
            polls += 1;
            if woken.0.load(Ordering::SeqCst) < polls {
                break;
            }
        }
        assert!((2..FRAMES).contains(&polls), "{polls}");
    });
}
