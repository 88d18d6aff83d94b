//! Who gets which manager.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header::USER_AGENT};
use http_body_util::BodyExt;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::{set_header::SetRequestHeaderLayer, timeout::TimeoutLayer, trace::TraceLayer};
use towline::{
    http2,
    layer::WindowManagerLayer,
    window::{FlowControlManager, Managers, Scope, manager_fn},
};

use crate::{
    peers::{
        Wire, bodies::pattern, builder, everywhere, get, on_threads, plain, request, servers,
        transport,
    },
    support::{Count, sized},
};

const SIZE: usize = 3 << 20;

#[test]
fn a_layer_chooses_for_its_requests_through_any_other() {
    everywhere(|wire| async move {
        let server = sized(wire).await;
        let transport = transport();
        let count = Count::default();
        let layered = ServiceBuilder::new()
            .layer(WindowManagerLayer::new(count.factory()))
            .layer(TraceLayer::new_for_http())
            .layer(TimeoutLayer::with_status_code(
                StatusCode::REQUEST_TIMEOUT,
                Duration::from_secs(60),
            ))
            .layer(SetRequestHeaderLayer::overriding(
                USER_AGENT,
                HeaderValue::from_static("windows"),
            ))
            .service(transport.clone());
        let url = server.url(&format!("/{SIZE}"));
        let response = layered.oneshot(request("GET", &url)).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, pattern(SIZE));
        assert_eq!((count.made(), count.received()), (1, SIZE as u64));
        // The last of it came with the end, and needs no credit.
        assert!(count.consumed() >= (SIZE as u64) / 2);
        // The same transport, past the layer.
        let response = get(&transport, &url).await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!((count.made(), count.received()), (1, SIZE as u64));
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn the_innermost_layer_has_the_last_word() {
    on_threads(1, async {
        let server = sized(Wire::Clear).await;
        let (outer, inner) = (Count::default(), Count::default());
        let service = ServiceBuilder::new()
            .layer(WindowManagerLayer::new(outer.factory()))
            .layer(WindowManagerLayer::new(inner.factory()))
            .service(transport());
        let response = service.oneshot(request("GET", &server.url("/10"))).await;
        response.unwrap().into_body().collect().await.unwrap();
        assert_eq!((outer.made(), inner.made()), (0, 1));
    });
}

/// HTTP/1.1 has no windows.
#[test]
fn over_http1_a_layer_says_nothing() {
    on_threads(1, async {
        let server = servers::axum(Wire::ClearHttp1, axum_hello()).await;
        let count = Count::default();
        let service = ServiceBuilder::new()
            .layer(WindowManagerLayer::new(count.factory()))
            .service(plain(Wire::ClearHttp1));
        let response = service.oneshot(request("GET", &server.url("/"))).await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "hello");
        assert_eq!(count.made(), 0);
    });
}

fn axum_hello() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(|| async { "hello" }))
}

/// Whatever is said first.
#[test]
fn the_builder_chooses_for_streams_and_for_connections() {
    on_threads(1, async {
        let server = sized(Wire::Clear).await;
        let (streams, connections) = (Count::default(), Count::default());
        let transport = builder()
            .window_manager(streams.factory())
            .http2(http2::Config::default())
            .connection_window_manager(connections.factory())
            .build();
        for _ in 0..3 {
            let response = get(&transport, &server.url("/100000")).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
        assert_eq!((streams.made(), streams.received()), (3, 300_000));
        assert_eq!((connections.made(), connections.received()), (1, 300_000));
        assert_eq!(connections.consumed(), 300_000);
    });
}

#[test]
fn the_configuration_chooses_where_the_builder_does_not() {
    on_threads(1, async {
        let server = sized(Wire::Clear).await;
        let count = Count::default();
        let mut config = http2::Config::default();
        config.stream_window_managers = Managers::new(count.factory());
        let transport = builder().http2(config).build();
        let response = get(&transport, &server.url("/10")).await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!(count.made(), 1);
    });
}

/// The reader's side gathers credit before it returns any; a window may be smaller than that.
#[test]
fn windows_much_smaller_than_they_began_let_everything_through() {
    everywhere(|wire| async move {
        let server = sized(wire).await;
        let transport = builder()
            .window_manager(|_: Scope, _: u32| FlowControlManager::new(5_000))
            .build();
        // A mebibyte comes by itself, and the rest five thousand octets at a time.
        let size = (1 << 20) + 100_000;
        let response = get(&transport, &server.url(&format!("/{size}"))).await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), pattern(size));
    });
}

/// An octet for an octet, in a transport that is used as any other.
#[test]
fn a_closure_is_enough() {
    everywhere(|wire| async move {
        let server = sized(wire).await;
        let transport = builder()
            .window_manager(|_: Scope, _: u32| manager_fn(|octets, _| octets))
            .connection_window_manager(|_: Scope, _: u32| manager_fn(|octets, _| octets))
            .build();
        let response = get(&transport, &server.url(&format!("/{SIZE}"))).await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), pattern(SIZE));
    });
}
