//! What comes on a connection after what.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{Empty, Full};

use crate::{
    client::{Client, Whole, bodiless, local_ends},
    files::HELLO,
    pattern::Pattern,
    site::Site,
    software::Protocol,
};

const BODY_LEN: usize = 100_000;
const ROUNDS: usize = 3;

/// Requests of every sort follow each other on one connection: none takes an octet too many or too
/// few for what it was sent (RFC 9112 §6.3).
pub async fn keep_alive(site: &mut Site) {
    let client = site.client();
    let hello = site.uri("/static/hello.txt");
    let pattern = Pattern::new(BODY_LEN);
    let mut all = Vec::new();
    for _ in 0..ROUNDS {
        let whole = client.get_ok(hello.clone()).await;
        assert_eq!(whole.text(), HELLO);
        all.push(whole);

        let head = bodiless(Method::HEAD, hello.clone());
        all.push(client.exchange(head).await.expect("HEAD"));

        let known = Request::post(site.uri("/live/echo")).body(Full::new(pattern.whole()));
        let known = client.exchange(known.expect("a whole request")).await;
        all.push(check_echo(pattern, known.expect("POST")));

        let unknown = Request::post(site.uri("/live/echo")).body(pattern.streamed(7_001));
        let unknown = client.exchange(unknown.expect("a whole request")).await;
        all.push(check_echo(pattern, unknown.expect("POST")));

        all.push(client.get_ok(site.uri("/static/trailers.txt")).await);
    }
    let ends = local_ends(&all);
    assert_eq!(ends.len(), 1, "connections: {ends:?}");
}

fn check_echo(pattern: Pattern, whole: Whole) -> Whole {
    whole.assert_ok();
    assert_eq!(whole.body.len(), BODY_LEN);
    pattern.check(0, &whole.body);
    whole
}

/// A 304 has no content, whatever its fields say (RFC 9110 §15.4.5), and the connection goes on.
pub async fn not_modified(site: &mut Site) {
    let client = site.client();
    let hello = site.uri("/static/hello.txt");
    let first = client.get_ok(hello.clone()).await;
    let request = Request::get(hello.clone())
        .header(
            header::IF_MODIFIED_SINCE,
            &first.head.headers[header::LAST_MODIFIED],
        )
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let whole = client.exchange(request).await.expect("GET");
    assert_eq!(whole.head.status, StatusCode::NOT_MODIFIED);
    assert!(whole.body.is_empty());
    let next = client.get_ok(hello).await;
    assert_eq!(next.local_end(), first.local_end());
}

/// Requests that are pinned to HTTP/1.1 and those that are not share a transport, and each its own
/// connection.
pub async fn side_by_side(site: &mut Site) {
    let pinned = site.client();
    let free = pinned.speaking(Protocol::Http2);
    let mut ends = Vec::new();
    for _ in 0..ROUNDS {
        ends.push((
            end_of_get(&free, site).await,
            end_of_get(&pinned, site).await,
        ));
    }
    let (over_http2, over_http1) = ends[0];
    assert_ne!(over_http2, over_http1);
    assert!(ends.iter().all(|each| *each == ends[0]), "{ends:?}");
}

async fn end_of_get(client: &Client, site: &Site) -> std::net::SocketAddr {
    client
        .get_ok(site.uri("/static/hello.txt"))
        .await
        .local_end()
}
