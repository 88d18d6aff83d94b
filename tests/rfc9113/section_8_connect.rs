//! RFC 9113 §8.5, RFC 8441 §4: CONNECT, and the tunnel that it makes.

use http::Method;
use towline::http2::{ErrorCode, Violation, engine::Refusal, frame::SettingId, message::Protocol};

use crate::support::*;

/// A tunnel that the peer has accepted.
fn tunnel() -> Script {
    let mut t = Script::connected();
    t.open(request(Method::CONNECT, "example.com:443").streaming());
    t.peer_gets(
        headers(1)
            .field(":method", "CONNECT")
            .field(":authority", "example.com:443"),
    );
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    t
}

#[test]
fn data_goes_both_ways_through_a_tunnel() {
    let mut t = tunnel();
    t.send(1, "to");
    t.peer_gets(data(1, "to"));
    t.peer_sends(data(1, "fro"));
    t.sees([content(1, "fro")]);
    t.peer_sends(data(1, "end").end_stream());
    t.sees([content(1, "end").end_stream()]);
    t.finish(1);
    t.peer_gets(data(1, "").end_stream());
    t.sees([finished(1)]);
    t.goes_on();
}

/// RFC 9110 §8.6, §9.3.6: a content-length in a 2xx to CONNECT is none.
#[test]
fn a_length_does_not_count_in_a_tunnel() {
    let mut t = Script::connected();
    t.open(request(Method::CONNECT, "example.com:443").streaming());
    t.reads();
    t.peer_sends([
        response(1, 200).field("content-length", "1"),
        data(1, "more than one").end_stream(),
    ]);
    t.sees([head(1, 200), content(1, "more than one").end_stream()]);
    t.finish(1);
    t.peer_gets(data(1, "").end_stream());
    t.sees([finished(1)]);
    t.goes_on();
}

/// RFC 9113 §8.5: other frames than DATA and those of streams "MUST be treated as a stream
/// error".
#[test]
fn trailers_in_a_tunnel_are_a_stream_error() {
    let mut t = tunnel();
    t.peer_sends(trailers(1, "x-sum", "1"));
    t.stream_fails(1, ErrorCode::PROTOCOL_ERROR, Violation::HeadersInTunnel);
}

#[test]
fn a_tunnel_that_is_refused_is_a_response_like_any_other() {
    let mut t = Script::connected();
    t.open(request(Method::CONNECT, "example.com:443").streaming());
    t.reads();
    t.peer_sends([
        response(1, 407).field("content-length", "2"),
        data(1, "no").end_stream(),
    ]);
    t.sees([head(1, 407), content(1, "no").end_stream()]);
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.goes_on();
}

/// RFC 8441 §4.
#[test]
fn an_extended_connect_names_its_protocol() {
    let enabled = (SettingId::ENABLE_CONNECT_PROTOCOL, 1);
    let mut t = Script::connected_with(config(|_| {}), &[enabled]);
    let asked = request(Method::CONNECT, "https://example.com/chat").streaming();
    t.open(asked.protocol(Protocol::WEBSOCKET));
    t.peer_gets(
        headers(1)
            .field(":method", "CONNECT")
            .field(":scheme", "https")
            .field(":authority", "example.com")
            .field(":path", "/chat")
            .field(":protocol", "websocket"),
    );
    t.peer_sends([response(1, 200), data(1, "frame")]);
    t.sees([head(1, 200), content(1, "frame")]);
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.goes_on();
}

/// RFC 8441 §3, §4: not before the peer has said so.
#[test]
fn an_extended_connect_that_the_peer_has_not_enabled_is_refused() {
    let asked = || {
        let asked = request(Method::CONNECT, "https://example.com/chat").streaming();
        asked.protocol(Protocol::WEBSOCKET)
    };
    let mut t = Script::fresh();
    t.reads();
    // Nothing is known yet.
    assert_eq!(t.try_open(asked()), Err(Refusal::SettingsAwaited));
    t.peer_sends([settings(&[]), settings_ack()]);
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.try_open(asked()), Err(Refusal::ExtendedConnect));
    t.goes_on();
}
