//! Many requests at once.

use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, StatusCode};
use tokio::time::sleep;
use towline::ConnectionInfo;

use crate::{
    client::{bodiless, local_ends},
    site::Site,
    software::{Protocol, Software},
};

const REQUESTS: usize = 1000;
/// Connections that a thousand requests may take where the server allows no thousand streams.
const CONNECTIONS: usize = 10;
/// Connections that HTTP/1.1 may use; a divisor of [`REQUESTS`].
const HTTP1_CONNECTIONS: usize = 50;

/// A thousand requests at once are all answered.
pub async fn concurrent(site: &mut Site) {
    match site.protocol() {
        Protocol::Http2 => concurrent_streams(site).await,
        Protocol::Http1 | Protocol::Http1Pinned => concurrent_connections(site).await,
    }
}

/// They use all the connections that they may have, one after another on each, and no more.
async fn concurrent_connections(site: &Site) {
    let client = site.client_with(|builder| builder.max_connections(HTTP1_CONNECTIONS));
    // The origin answers so many at a time, and none alone.
    let uri = site.uri(&format!("/live/barrier?count={HTTP1_CONNECTIONS}"));
    let all = join_all((0..REQUESTS).map(|_| client.get_ok(uri.clone()))).await;
    let ends = local_ends(&all);
    assert_eq!(ends.len(), HTTP1_CONNECTIONS, "connections: {ends:?}");
}

/// They use one connection, or, where the server allows fewer streams, a few.
async fn concurrent_streams(site: &Site) {
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

/// A large body that nobody reads holds up no other request, and can be dropped: on HTTP/2 they share
/// its connection, on HTTP/1.1 they share another.
pub async fn unread_body(site: &mut Site) {
    let client = site.client();
    let unread = client
        .send(bodiless(Method::GET, site.uri("/static/large.bin")))
        .await
        .expect("GET");
    assert_eq!(unread.status(), StatusCode::OK);
    let connection: &ConnectionInfo = unread.extensions().get().expect("every response has it");
    let unread_end = connection.local_addr().expect("TCP has addresses");
    // Until its window, or the socket's buffer, is full.
    sleep(Duration::from_millis(500)).await;

    let mut others = Vec::new();
    for _ in 0..50 {
        others.push(client.get_ok(site.uri("/static/hello.txt")).await);
    }
    drop(unread);
    others.push(client.get_ok(site.uri("/static/hello.txt")).await);
    let ends = local_ends(&others);
    assert_eq!(ends.len(), 1, "connections: {ends:?}");
    let shares = site.protocol() == Protocol::Http2;
    assert_eq!(ends.contains(&unread_end), shares);
}
