//! A body larger than memory should hold.

use std::fs;

use http::{Method, StatusCode, Uri, response};
use http_body_util::BodyExt as _;
use towline::decode::{Coding, Decoded};

use crate::{
    client::bodiless,
    files::{BLOCK, LARGE_LEN, check_large, check_lines},
    site::Site,
};

/// What reading may add to the process: windows and read buffers, and nothing that grows with
/// the body.
const GROWTH_LIMIT: usize = 64 << 20;
const SAMPLE_EVERY: u64 = 1 << 20;

/// 256 MB are read octet by octet right, in memory that stays flat.
///
/// The process must do nothing else meanwhile.
pub async fn download(site: &mut Site) {
    flat(site, site.uri("/static/large.bin"), check_large).await;
}

/// The same of 256 MB that the server encodes as it sends them, which we decode as we read them.
pub async fn download_encoded(site: &mut Site) {
    let uri = site.uri(&format!("/live/lines?blocks={}", LARGE_LEN / BLOCK as u64));
    let response = flat(site, uri, check_lines).await;
    let decoded: &Decoded = response.extensions.get().expect("the server encodes");
    assert_eq!(decoded.codings(), [Coding::Gzip]);
}

async fn flat(site: &Site, uri: Uri, check: impl Fn(u64, &[u8])) -> response::Parts {
    let client = site.client();
    client.get_ok(site.uri("/static/hello.txt")).await;
    let before = resident();
    let mut peak = before;

    let response = client.send(bodiless(Method::GET, uri)).await.expect("GET");
    assert_eq!(response.status(), StatusCode::OK);
    let (head, mut body) = response.into_parts();
    let (mut offset, mut sampled) = (0, 0);
    while let Some(frame) = body.frame().await {
        // Trailers may end it; nghttpd adds them to everything.
        let Ok(data) = frame.expect("the body goes on to its end").into_data() else {
            continue;
        };
        check(offset, &data);
        offset += data.len() as u64;
        if offset >= sampled + SAMPLE_EVERY {
            sampled = offset;
            peak = peak.max(resident());
        }
    }
    assert_eq!(offset, LARGE_LEN);
    let growth = peak.max(resident()) - before;
    println!("resident before: {before}, growth: {growth}");
    assert!(
        growth < GROWTH_LIMIT,
        "{growth} octets more resident than before"
    );
    head
}

/// The octets of this process that are in memory.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("the system is Linux");
    let pages: usize = text
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok())
        .expect("the second field of statm is a count of pages");
    pages * rustix::param::page_size()
}
