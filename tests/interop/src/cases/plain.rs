//! One small request each.

use http::{Method, StatusCode, header::CONTENT_LENGTH};

use towline::connect::Alpn;

use crate::{
    client::bodiless,
    files::HELLO,
    site::Site,
    software::{Protocol, Scheme, Software},
};

/// A GET of known content; the connection tells what it is.
pub async fn get(site: &mut Site) {
    let client = site.client();
    let whole = client.get_ok(site.uri("/static/hello.txt")).await;
    assert_eq!(whole.text(), HELLO);

    let connection = whole.connection();
    assert_eq!(
        connection.remote_addr().map(|end| end.port()),
        Some(site.port())
    );
    assert!(
        !connection.is_reused(),
        "the first request opens the connection"
    );
    assert_eq!(*connection.alpn(), alpn(site));
    let is_tls = site.scheme() == Scheme::Tls;
    assert_eq!(connection.tls_version().is_some(), is_tls);
    let has_streams = site.protocol() == Protocol::Http2;
    assert_eq!(connection.stream_id().is_some(), has_streams);

    let again = client.get_ok(site.uri("/static/hello.txt")).await;
    assert!(again.connection().is_reused());
    assert_eq!(again.local_end(), whole.local_end());
}

/// What the server is known to choose.
fn alpn(site: &Site) -> Alpn {
    match (site.scheme(), site.protocol(), site.software()) {
        (Scheme::Cleartext, _, _) | (Scheme::Tls, Protocol::Http1, Software::Haproxy) => Alpn::None,
        (Scheme::Tls, Protocol::Http2, _) => Alpn::Http2,
        (Scheme::Tls, Protocol::Http1 | Protocol::Http1Pinned, _) => Alpn::Http1,
    }
}

/// A HEAD tells the length of what it does not send (RFC 9110 §9.3.2).
pub async fn head(site: &mut Site) {
    let request = bodiless(Method::HEAD, site.uri("/static/hello.txt"));
    let whole = site.client().exchange(request).await.expect("HEAD");
    whole.assert_ok();
    assert_eq!(whole.head.headers[CONTENT_LENGTH], HELLO.len().to_string());
    assert!(whole.body.is_empty());
}

/// A 204 has no content, and the connection goes on (RFC 9110 §15.3.5).
pub async fn no_content(site: &mut Site) {
    let client = site.client();
    let whole = client.get(site.uri("/live/no-content")).await.expect("GET");
    assert_eq!(whole.head.status, StatusCode::NO_CONTENT);
    assert!(whole.body.is_empty());
    let next = client.get_ok(site.uri("/static/hello.txt")).await;
    assert!(next.connection().is_reused());
}

/// A trailer section comes after the content (RFC 9110 §6.5).
pub async fn trailers(site: &mut Site) {
    let whole = site.client().get_ok(site.uri("/static/trailers.txt")).await;
    assert_eq!(whole.text(), HELLO);
    let trailers = whole.trailers.expect("a trailer section");
    assert_eq!(trailers["x-checksum"], "whole");
}
