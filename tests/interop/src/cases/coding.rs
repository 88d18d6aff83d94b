//! Content that the server encodes.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Empty;
use towline::decode::{Coding, Decoded, Decoder, Decoding, Limits, Pulled};

use crate::{
    client::{Client, Whole, bodiless},
    files::lines,
    site::Site,
};

/// The server encodes; we decode, or leave it as it came, or do not ask for it (RFC 9110 §8.4).
pub async fn compressed(site: &mut Site) {
    let client = site.client();
    let whole = client.get_ok(site.uri("/static/lines.txt")).await;
    let decoded: &Decoded = whole.head.extensions.get().expect("the server encodes");
    assert_eq!(decoded.codings(), [Coding::Gzip]);
    assert!(!whole.head.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(whole.body, lines());

    let raw = undecoded(&client, site, Some("gzip")).await;
    assert_eq!(raw.head.headers[header::CONTENT_ENCODING], "gzip");
    assert!(raw.body.len() < lines().len() / 2, "{}", raw.body.len());
    assert_eq!(decode(raw.body), lines());

    let plain = undecoded(&client, site, None).await;
    assert!(!plain.head.headers.contains_key(header::CONTENT_ENCODING));
    assert_eq!(plain.body, lines());

    let head = bodiless(Method::HEAD, site.uri("/static/lines.txt"));
    let head = client.exchange(head).await.expect("HEAD");
    head.assert_ok();
    assert!(head.body.is_empty());
}

async fn undecoded(client: &Client, site: &Site, accept: Option<&str>) -> Whole {
    let mut request = Request::get(site.uri("/static/lines.txt")).extension(Decoding::Off);
    if let Some(accept) = accept {
        request = request.header(header::ACCEPT_ENCODING, accept);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .expect("a whole request");
    let whole = client.exchange(request).await.expect("GET");
    whole.assert_ok();
    assert!(whole.head.extensions.get::<Decoded>().is_none());
    whole
}

fn decode(octets: Bytes) -> Vec<u8> {
    let mut decoder = Decoder::new(&[Coding::Gzip], Limits::default()).expect("gzip is built in");
    decoder.push(octets);
    decoder.finish();
    let mut all = Vec::new();
    while let Pulled::Data(data) = decoder.pull().expect("it is gzip") {
        all.extend_from_slice(&data);
    }
    all
}
