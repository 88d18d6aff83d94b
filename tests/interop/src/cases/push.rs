//! Responses that a server sends before they are asked for.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use tokio::time::sleep;
use towline::{
    ConnectionInfo, ResponseBody,
    http2::{self, ErrorCode},
    push::{self, Push, Pushes},
};

use crate::{
    client::{Client, bodiless},
    files::{HELLO, check_large, lines},
    site::Site,
};

/// Comes with [`PUSHED`].
const PAGE: &str = "/push/page.txt";
const PUSHED: [&str; 2] = ["/static/hello.txt", "/static/lines.txt"];
/// Comes with `/static/large.bin`.
const LARGE: &str = "/push/large.txt";

fn pushable(site: &Site) -> Client {
    site.client_with(|builder| builder.push(true))
}

/// A GET, and what is promised with it.
fn asking(site: &Site, path: &str) -> (Request<Empty<Bytes>>, Pushes) {
    let (sink, pushes) = push::channel();
    let mut request = bodiless(Method::GET, site.uri(path));
    request.extensions_mut().insert(sink);
    (request, pushes)
}

/// All that is still promised.
async fn rest(pushes: &mut Pushes) -> Vec<Push> {
    let mut rest = Vec::new();
    while let Some(push) = pushes.next().await {
        rest.push(push);
    }
    rest
}

async fn whole(response: Response<ResponseBody>) -> Bytes {
    let body = response.into_body().collect().await;
    body.expect("a whole body").to_bytes()
}

/// The promises are those of [`PAGE`], and each is kept.
async fn check_pushed(site: &Site, mut pushed: Vec<Push>) {
    pushed.sort_by(|one, other| one.path().cmp(other.path()));
    let paths: Vec<_> = pushed.iter().map(Push::path).collect();
    assert_eq!(paths, PUSHED);
    for push in pushed {
        assert_eq!(push.method(), Method::GET);
        assert_eq!(*push.uri(), site.uri(push.path()));
        assert!(push.stream_id().is_server() && push.parent_id().is_client());
        let is_hello = push.path() == PUSHED[0];
        let response = push.response().await.expect("a pushed response");
        assert_eq!(response.status(), 200);
        let body = whole(response).await;
        if is_hello {
            assert_eq!(body, HELLO);
        } else {
            assert_eq!(body.len(), lines().len());
            assert!(body == lines());
        }
    }
}

/// The connection goes on: nothing was left half-way, and HPACK is in step.
async fn goes_on(site: &Site, client: &Client) {
    for _ in 0..2 {
        let next = client.get_ok(site.uri("/static/hello.txt")).await;
        assert_eq!(next.text(), HELLO);
        assert!(next.connection().is_reused());
    }
}

/// Pushes are taken, and read to their end, before anybody looks at the response.
pub async fn push_before(site: &mut Site) {
    let client = pushable(site);
    let (request, mut pushes) = asking(site, PAGE);
    let sending = client.clone();
    let response = tokio::spawn(async move { sending.send(request).await });
    let pushed = vec![
        pushes.next().await.expect("a promise"),
        pushes.next().await.expect("another"),
    ];
    check_pushed(site, pushed).await;
    let response = response.await.expect("no panic").expect("a response");
    assert_eq!(whole(response).await, HELLO);
    assert!(pushes.next().await.is_none());
    goes_on(site, &client).await;
}

/// Pushes are taken when the head is there, and read before the body.
pub async fn push_amid(site: &mut Site) {
    let client = pushable(site);
    let (request, mut pushes) = asking(site, PAGE);
    let response = client.send(request).await.expect("a response");
    let pushed = rest(&mut pushes).await;
    check_pushed(site, pushed).await;
    assert_eq!(whole(response).await, HELLO);
    goes_on(site, &client).await;
}

/// Pushes are taken when the response was read, without waiting.
pub async fn push_after(site: &mut Site) {
    let client = pushable(site);
    let (request, mut pushes) = asking(site, PAGE);
    let response = client.send(request).await.expect("a response");
    assert_eq!(whole(response).await, HELLO);
    let pushed = vec![
        pushes.try_next().expect("a promise"),
        pushes.try_next().expect("another"),
    ];
    assert!(pushes.try_next().is_none());
    check_pushed(site, pushed).await;
    assert!(pushes.next().await.is_none());
    goes_on(site, &client).await;
}

/// A push is refused before its response was asked for.
pub async fn push_refused(site: &mut Site) {
    let client = pushable(site);
    let (request, mut pushes) = asking(site, LARGE);
    let response = client.send(request).await.expect("a response");
    let push = pushes.next().await.expect("a promise");
    assert_eq!(push.path(), "/static/large.bin");
    push.cancel();
    assert_eq!(whole(response).await, HELLO);
    goes_on(site, &client).await;
}

/// A push is cancelled amid its content.
pub async fn push_cancelled(site: &mut Site) {
    let client = pushable(site);
    let (request, mut pushes) = asking(site, LARGE);
    let response = client.send(request).await.expect("a response");
    let push = pushes.next().await.expect("a promise");
    let pushed = push.response().await.expect("a pushed response");
    let mut body = pushed.into_body();
    let mut read = 0;
    while read < 3 << 20 {
        let frame = body.frame().await.expect("256 MiB").expect("no error");
        let data = frame.into_data().expect("no trailers yet");
        check_large(read, &data);
        read += data.len() as u64;
    }
    drop(body);
    assert_eq!(whole(response).await, HELLO);
    goes_on(site, &client).await;
}

/// What is promised to a request that wants none is refused, and costs that request nothing.
pub async fn push_unwanted(site: &mut Site) {
    unpushed(site, &pushable(site)).await;
}

/// A transport that does not let servers push gets no promise.
pub async fn push_off(site: &mut Site) {
    let client = site.client();
    unpushed(site, &client).await;
    let (request, mut pushes) = asking(site, PAGE);
    let response = client.send(request).await.expect("a response");
    assert_eq!(whole(response).await, HELLO);
    assert!(pushes.next().await.is_none());
}

/// Requests of which no push is taken come by one connection.
async fn unpushed(site: &Site, client: &Client) {
    let page = client.get_ok(site.uri(PAGE)).await;
    assert_eq!(page.text(), HELLO);
    let large = client.get_ok(site.uri(LARGE)).await;
    assert_eq!(large.local_end(), page.local_end());
    goes_on(site, client).await;
}

/// What is pushed and not read is held up to the bound; then its stream is reset, and no other.
pub async fn push_bounded(site: &mut Site) {
    let mut config = http2::Config::default();
    config.limits.unclaimed_push_octets = 128 * 1024;
    let client = site.client_with(|builder| builder.http2(config).push(true));
    let (request, mut pushes) = asking(site, LARGE);
    let response = client.send(request).await.expect("a response");
    let push = pushes.next().await.expect("a promise");
    while push.is_open() {
        sleep(Duration::from_millis(5)).await;
    }
    let reading = async { push.response().await?.into_body().collect().await };
    let error = reading.await.expect_err("it was reset");
    assert_eq!(error.code(), Some(ErrorCode::CANCEL), "{error:?}");
    assert_eq!(whole(response).await, HELLO);
    goes_on(site, &client).await;
}

/// The order that hyper documents, each step only when the one before was seen: a promise before
/// the head, one amid the body, the responses after the end, the later one first.
pub async fn push_stepwise(site: &mut Site) {
    let client = pushable(site);
    let step = || async {
        client.get_ok(site.uri("/live/step")).await;
    };
    let (request, mut pushes) = asking(site, "/live/push");
    let sending = client.clone();
    let response = tokio::spawn(async move { sending.send(request).await });
    let early = pushes.next().await.expect("a promise before the head");
    assert_eq!(early.path(), "/pushed/early");
    assert!(pushes.try_next().is_none() && !response.is_finished());

    step().await;
    let response = response.await.expect("no panic").expect("a response");
    let connection: &ConnectionInfo = response.extensions().get().expect("every response has it");
    assert_eq!(connection.stream_id(), Some(early.parent_id()));
    let mut body = response.into_body();
    let first = body.frame().await.expect("content").expect("no error");
    assert_eq!(first.into_data().expect("no trailers"), "one ");

    step().await;
    let late = pushes.next().await.expect("a promise amid the body");
    assert_eq!(late.path(), "/pushed/late");
    assert!(late.stream_id() > early.stream_id());

    step().await;
    let end = body.collect().await.expect("the end").to_bytes();
    assert_eq!(end, "two");
    assert!(pushes.next().await.is_none());
    assert!(early.is_open() && late.is_open());

    step().await;
    for (push, text) in [(early, "early"), (late, "late")] {
        let response = push.response().await.expect("a pushed response");
        assert_eq!(whole(response).await, text);
    }
    goes_on(site, &client).await;
}
