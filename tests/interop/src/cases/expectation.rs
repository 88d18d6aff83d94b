//! Servers that answer before they have the request's body, and those that are asked to.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use towline::{
    error::Kind,
    http1,
    interim::{self, Interim},
};

use crate::{
    client::Client,
    pattern::{Pattern, Streamed},
    site::Site,
    software::{Protocol, Software},
};

/// Within what `/live/limited` takes.
const SMALL_LEN: usize = 500_000;
/// Well above it, above what h2o takes at all, and above what socket buffers hold.
const LARGE_LEN: usize = 30_000_000;
const CHUNK: usize = 50_001;

/// A body is sent when 100 (Continue) has come, and not at all when the final answer comes instead
/// (RFC 9110 §10.1.1).
///
/// On HTTP/2 the wait ends after a second, which a busy machine may let pass, and nginx and h2o do: of
/// when the body went nothing is said there.
pub async fn expect_continue(site: &mut Site) {
    let client = site.client_with(|builder| {
        // A busy machine must not make us send the body unasked.
        let mut config = http1::Config::default();
        config.continue_timeout = Duration::from_secs(60);
        builder.http1(config)
    });
    let is_held = site.protocol() != Protocol::Http2;

    let pattern = Pattern::new(SMALL_LEN);
    let (request, asked) = expecting(site, "/live/echo", pattern);
    let whole = client.exchange(request).await.expect("POST");
    whole.assert_ok();
    assert_eq!(whole.body.len(), SMALL_LEN);
    pattern.check(0, &whole.body);
    if !is_held {
        return;
    }
    assert_eq!(asked.get(), Some(&Some(StatusCode::CONTINUE)));

    let (request, asked) = expecting(site, "/live/limited", Pattern::new(LARGE_LEN));
    let whole = client.exchange(request).await.expect("POST");
    assert_eq!(whole.head.status, StatusCode::PAYLOAD_TOO_LARGE);
    // h2o asks for every body before it looks.
    if site.software() != Software::H2o {
        assert_eq!(asked.get(), None, "nobody asked for the body");
    }
    client.get_ok(site.uri("/static/hello.txt")).await;
}

/// A POST that expects 100 (Continue), and what had come of it when its body was first asked.
fn expecting(
    site: &Site,
    path: &str,
    pattern: Pattern,
) -> (Request<Held>, Arc<OnceLock<Option<StatusCode>>>) {
    let (sink, interim) = interim::channel();
    let asked = Arc::new(OnceLock::new());
    let body = Held {
        interim,
        asked: asked.clone(),
        body: pattern.streamed(CHUNK),
    };
    let request = Request::post(site.uri(path))
        .header(header::EXPECT, "100-continue")
        .header(header::CONTENT_LENGTH, pattern.len())
        .extension(sink)
        .body(body)
        .expect("a whole request");
    (request, asked)
}

/// A body that notes, when it is first asked, which interim response had come before.
struct Held {
    interim: Interim,
    asked: Arc<OnceLock<Option<StatusCode>>>,
    body: Streamed,
}

impl Body for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self {
            interim,
            asked,
            body,
        } = &mut *self;
        asked.get_or_init(|| interim.try_recv().map(|response| response.status()));
        Pin::new(body).poll_frame(cx)
    }
}

/// The answer to an upload that is too large comes while it still goes out, and is heard (RFC 9110
/// §15.5.14); what follows is not harmed.
pub async fn too_large(site: &mut Site) {
    let client = site.client();
    let pattern = Pattern::new(LARGE_LEN);
    refused(&client, site, || Full::new(pattern.whole())).await;
    refused(&client, site, || pattern.streamed(CHUNK)).await;

    let pattern = Pattern::new(SMALL_LEN);
    let request = Request::post(site.uri("/live/limited"))
        .body(Full::new(pattern.whole()))
        .expect("a whole request");
    let whole = client.exchange(request).await.expect("POST");
    whole.assert_ok();
    assert_eq!(whole.text(), pattern.digest());
}

/// A server that closes with octets of ours unread resets the connection, and its answer may be lost
/// by that (RFC 9112 §9.6). So a call may fail, as a closed connection and nothing else; of a few,
/// one brings the answer.
async fn refused<B>(client: &Client, site: &Site, body: impl Fn() -> B)
where
    B: Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
{
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        let request = Request::post(site.uri("/live/limited"))
            .body(body())
            .expect("a whole request");
        match client.exchange(request).await {
            Ok(whole) => {
                assert_eq!(whole.head.status, StatusCode::PAYLOAD_TOO_LARGE);
                return;
            }
            Err(error) => assert_eq!(error.kind(), Kind::Closed, "{error:?}"),
        }
    }
    panic!("no answer in {TRIES} tries");
}

/// Interim responses come before the final one, in order and with their fields (RFC 8297).
pub async fn early_hints(site: &mut Site) {
    let (sink, mut interim) = interim::channel();
    let request = Request::get(site.uri("/live/hints"))
        .extension(sink)
        .body(Full::new(Bytes::new()))
        .expect("a whole request");
    let whole = site.client().exchange(request).await.expect("GET");
    whole.assert_ok();
    assert_eq!(whole.text(), "hinted");
    let mut came = Vec::new();
    while let Some(response) = interim.recv().await {
        assert_eq!(response.status(), StatusCode::EARLY_HINTS);
        let links = response.headers().get_all(header::LINK);
        came.extend(
            links
                .iter()
                .map(|link| link.to_str().expect("ASCII").to_owned()),
        );
    }
    // As two fields or as one (RFC 9110 §5.3).
    assert_eq!(
        came.join(", "),
        "</style.css>; rel=preload; as=style, </script.js>; rel=preload; as=script"
    );
}
