//! Managers that give nothing, as callers hear of them.

use std::time::Duration;

use http_body_util::BodyExt;
use towline::{
    Error,
    error::{Initiator, Kind, Retry, Scope as Reach},
    http2::{self, ErrorCode, StreamId},
    window::{Scope, WindowManager, WindowView},
};

use crate::{
    peers::{Wire, bodies::pattern, builder, everywhere, get, on_threads},
    support::sized,
};

/// Gives nothing, whatever happens.
struct Nothing;

impl WindowManager for Nothing {
    fn on_consumed(&mut self, _: std::time::Instant, _: u32, _: &WindowView) -> u32 {
        0
    }

    fn on_blocked(&mut self, _: std::time::Instant, _: &WindowView) -> u32 {
        0
    }
}

fn impatient() -> http2::Config {
    let mut config = http2::Config::default();
    config.stall_timeout = Some(Duration::from_millis(20));
    config
}

#[test]
fn a_stalled_stream_is_named_and_the_others_go_on() {
    everywhere(|wire| async move {
        let server = sized(wire).await;
        let transport = builder()
            .http2(impatient())
            .window_manager(|_: Scope, _: u32| Nothing)
            .build();
        let response = get(&transport, &server.url("/2000000")).await.unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::WindowStalled, "{error}");
        assert_eq!(
            (error.scope(), error.retry()),
            (Reach::Stream, Retry::IfIdempotent)
        );
        assert_eq!(error.stream_id(), Some(StreamId::FIRST));
        assert_eq!(error.code(), Some(ErrorCode::CANCEL));
        assert_eq!(error.initiator(), Some(Initiator::Local));
        assert!(error.to_string().contains("[stream 1]"), "{error}");
        // What fits the window needs no manager.
        let response = get(&transport, &server.url("/1000000")).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, pattern(1_000_000));
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_stalled_connection_fails_and_a_new_one_serves() {
    on_threads(1, async {
        let server = sized(Wire::Clear).await;
        let mut config = impatient();
        config.connection_window_size = 65_535;
        let transport = builder()
            .http2(config)
            .connection_window_manager(|_: Scope, _: u32| Nothing)
            .build();
        let response = get(&transport, &server.url("/100000")).await.unwrap();
        let error: Error = response.into_body().collect().await.unwrap_err();
        assert_eq!(error.kind(), Kind::WindowStalled, "{error}");
        assert_eq!(
            (error.scope(), error.retry()),
            (Reach::Connection, Retry::IfIdempotent)
        );
        let response = get(&transport, &server.url("/50000")).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, pattern(50_000));
        assert_eq!(server.accepted(), 2);
    });
}

/// Whoever reads slowly is waited for.
#[test]
fn a_slow_reader_is_not_taken_for_a_stall() {
    on_threads(1, async {
        let server = sized(Wire::Clear).await;
        let transport = builder().http2(impatient()).build();
        let response = get(&transport, &server.url("/2000000")).await.unwrap();
        let mut body = response.into_body();
        let mut received = Vec::new();
        received.extend_from_slice(&body.read(100).await.unwrap());
        // Several times the limit, with the window used up and nothing read.
        tokio::time::sleep(Duration::from_millis(100)).await;
        received.extend_from_slice(&body.read_all(4 << 20).await.unwrap());
        assert_eq!(received, pattern(2_000_000));
    });
}
