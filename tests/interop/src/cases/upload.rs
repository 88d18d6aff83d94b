//! Bodies larger than any window, out and back.

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

use crate::{pattern::Pattern, site::Site};

const UPLOAD_LEN: usize = 20_000_000;
/// No divisor of a window or a frame.
const CHUNK: usize = 50_001;

/// A POST of 20 MB whose length is known beforehand arrives unharmed.
pub async fn upload_whole(site: &mut Site) {
    let pattern = Pattern::new(UPLOAD_LEN);
    let request = Request::post(site.uri("/live/digest"))
        .body(Full::new(pattern.whole()))
        .expect("a whole request");
    let whole = site.client().exchange(request).await.expect("POST");
    whole.assert_ok();
    assert_eq!(whole.text(), pattern.digest());
}

/// A POST of 20 MB whose length only its end tells arrives unharmed.
pub async fn upload_streamed(site: &mut Site) {
    let pattern = Pattern::new(UPLOAD_LEN);
    let body = pattern.streamed(CHUNK);
    assert_eq!(
        body.size_hint().exact(),
        None,
        "or it would be the case above"
    );
    let request = Request::post(site.uri("/live/digest"))
        .body(body)
        .expect("a whole request");
    let whole = site.client().exchange(request).await.expect("POST");
    whole.assert_ok();
    assert_eq!(whole.text(), pattern.digest());
}

/// A trailer section goes out after the content (RFC 9110 §6.5).
pub async fn request_trailers(site: &mut Site) {
    let pattern = Pattern::new(UPLOAD_LEN);
    let trailers = HeaderMap::from_iter([(
        HeaderName::from_static("x-checksum"),
        HeaderValue::try_from(pattern.digest()).expect("a count and hex make a value"),
    )]);
    let body = pattern.streamed(CHUNK);
    let request = Request::post(site.uri("/live/trailers"))
        .header(header::TRAILER, "x-checksum")
        .body(body.with_trailers(std::future::ready(Some(Ok(trailers)))))
        .expect("a whole request");
    let whole = site.client().exchange(request).await.expect("POST");
    whole.assert_ok();
    assert_eq!(whole.text(), pattern.digest());
}

/// 20 MB go out, and then come back over the same stream.
pub async fn echo(site: &mut Site) {
    there_and_back(site, "/live/echo").await;
}

/// 20 MB come back over the stream that they go out by, while they go out.
pub async fn duplex(site: &mut Site) {
    there_and_back(site, "/live/duplex").await;
}

async fn there_and_back(site: &Site, path: &str) {
    let pattern = Pattern::new(UPLOAD_LEN);
    let request = Request::post(site.uri(path))
        .body(pattern.streamed(CHUNK))
        .expect("a whole request");
    let response = site.client().send(request).await.expect("POST");
    assert_eq!(response.status(), StatusCode::OK);

    let mut body = response.into_body();
    let mut offset = 0;
    while let Some(frame) = body.frame().await {
        // Trailers may end it; nghttpd adds them to everything.
        if let Ok(data) = frame.expect("the echo goes on to its end").into_data() {
            pattern.check(offset, &data);
            offset += data.len();
        }
    }
    assert_eq!(offset, UPLOAD_LEN);
}
