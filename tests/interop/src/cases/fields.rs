//! Large field sections: on HTTP/2 they need CONTINUATION frames (RFC 9113 §6.10), on HTTP/1.1
//! several reads.

use http::{Request, header::HeaderName};
use http_body_util::Empty;

use bytes::Bytes;

use crate::{
    pattern::{Pattern, digest_line},
    site::Site,
    software::Software,
};

const FIELDS: usize = 30;
const FIELD_LEN: usize = 1000;

/// Some 30 KB of request fields arrive unharmed.
pub async fn request_fields(site: &mut Site) {
    let values: Vec<String> = Pattern::new(FIELDS * FIELD_LEN / 2)
        .whole()
        .chunks(FIELD_LEN / 2)
        .map(|octets| octets.iter().map(|octet| format!("{octet:02x}")).collect())
        .collect();
    // nghttpd cannot tell what it got; that it answers shows that it took the section whole.
    let path = match site.software() {
        Software::Nghttpd => "/static/hello.txt",
        _ => "/live/request-fields",
    };
    let mut request = Request::get(site.uri(path));
    for (n, value) in values.iter().enumerate() {
        request = request.header(large(n), value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .expect("hex makes a value");
    let whole = site.client().exchange(request).await.expect("GET");
    whole.assert_ok();
    if site.software() != Software::Nghttpd {
        assert_eq!(whole.text(), digest_line(values.concat().as_bytes()));
    }
}

/// Some 30 KB of response fields arrive unharmed.
pub async fn response_fields(site: &mut Site) {
    let uri = site.uri(&format!("/live/response-fields?count={FIELDS}"));
    let whole = site.client().get_ok(uri).await;
    let values: String = (0..FIELDS)
        .map(|n| {
            whole.head.headers[large(n)]
                .to_str()
                .expect("the origin answers in ASCII")
        })
        .collect();
    assert_eq!(values.len(), FIELDS * FIELD_LEN);
    assert_eq!(whole.text(), digest_line(values.as_bytes()));
}

fn large(n: usize) -> HeaderName {
    format!("x-large-{n}").parse().expect("a small name")
}
