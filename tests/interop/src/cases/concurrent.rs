//! Many streams on one connection.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use tokio::time::sleep;

use crate::{
    client::{bodiless, local_ends},
    site::Site,
    software::Software,
};

const REQUESTS: usize = 1000;
/// Connections that a thousand requests may take where the server allows no thousand streams.
const CONNECTIONS: usize = 10;

/// A thousand requests at once use one connection, or, where the server allows fewer streams,
/// a few.
pub async fn concurrent(site: &mut Site) {
    // The origin answers none before all have come: they really are open at once.
    let barrier = format!("/live/barrier?count={REQUESTS}");
    let (path, limit) = match site.software() {
        Software::Nginx | Software::Haproxy | Software::Node => (barrier.as_str(), 1),
        // It allows them, but works on fewer at a time.
        Software::Apache => ("/static/hello.txt", 1),
        // It has no origin.
        Software::Nghttpd => ("/static/hello.txt", 1),
        // It allows a hundred, whatever is configured.
        Software::H2o => ("/static/hello.txt", CONNECTIONS),
    };
    let client = site.client();
    // The first response tells us the server's limit, which lets all the others go at once.
    let first = client.get_ok(site.uri("/static/hello.txt")).await;
    let all = join_all((0..REQUESTS).map(|_| client.get_ok(site.uri(path)))).await;
    let ends = local_ends(all.iter().chain([&first]));
    println!("{} responses over {} connections", all.len(), ends.len());
    assert!(ends.len() <= limit, "connections: {ends:?}");
}

/// A large body that nobody reads holds up no other stream of its connection, and can be dropped.
pub async fn unread_body(site: &mut Site) {
    let client = site.client();
    let unread = client
        .send(bodiless(Method::GET, site.uri("/static/large.bin")))
        .await
        .expect("GET");
    assert_eq!(unread.status(), StatusCode::OK);
    // Until its window is full.
    sleep(Duration::from_millis(500)).await;

    let mut others = Vec::new();
    for _ in 0..50 {
        others.push(client.get_ok(site.uri("/static/hello.txt")).await);
    }
    drop(unread);
    others.push(client.get_ok(site.uri("/static/hello.txt")).await);
    let ends = local_ends(&others);
    assert_eq!(ends.len(), 1, "connections: {ends:?}");
}
