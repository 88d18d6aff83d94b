//! RFC 9113 §6.6, §6.7, §8.4: PING, and PUSH_PROMISE while push is off.

use towline::http2::{
    ErrorCode, Violation,
    frame::{FrameType, SettingId},
};

use crate::support::*;

#[test]
fn a_ping_is_answered_with_the_same_octets() {
    let mut t = Script::connected();
    t.peer_sends([ping(*b"whatever"), ping([0; 8])]);
    t.peer_gets([ping_ack(*b"whatever"), ping_ack([0; 8])]);
    t.goes_on();
}

#[test]
fn the_answer_to_our_ping_is_reported() {
    let mut t = Script::connected();
    t.engine.ping(*b"question");
    t.engine.ping(*b"and more");
    t.peer_gets([ping(*b"question"), ping(*b"and more")]);
    t.peer_sends([ping_ack(*b"and more"), ping_ack(*b"question")]);
    t.sees([Seen::Pong(*b"and more"), Seen::Pong(*b"question")]);
    t.goes_on();
}

#[test]
fn an_answer_that_nobody_asked_for_is_ignored() {
    let mut t = Script::connected();
    t.engine.ping(*b"question");
    t.peer_gets(ping(*b"question"));
    t.peer_sends([
        ping_ack(*b"nonsense"),
        ping_ack(*b"question"),
        ping_ack(*b"question"),
    ]);
    t.sees([Seen::Pong(*b"question")]);
    t.goes_on();
}

/// A connection whose peer has not acknowledged our ENABLE_PUSH of 0, and one open stream.
fn before_the_acknowledgement() -> Script {
    let mut t = Script::fresh();
    t.open(get("/"));
    t.reads();
    t.peer_sends(settings(&[]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    t
}

/// RFC 9113 §8.4: the promise crossed our SETTINGS, so only the stream is refused.
#[test]
fn a_promise_before_our_settings_are_acknowledged_is_refused() {
    let mut t = before_the_acknowledgement();
    t.peer_sends(push_promise(1, 2).field("x-in-step", "promise"));
    t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
    // What the peer sends on it before it hears of that is ignored, but decoded and counted.
    t.peer_sends([
        response(2, 200).field("x-in-step", "promise"),
        data(2, vec![0; 16_384]),
        data(2, "").end_stream(),
        settings_ack(),
        response(1, 200).field("x-in-step", "promise").end_stream(),
    ]);
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn a_refused_promise_may_be_spread_over_continuations() {
    let mut t = before_the_acknowledgement();
    t.peer_sends(push_promise(1, 2).padded(7).cut(&[3, 0, 2]));
    t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
    t.peer_sends([settings_ack(), response(1, 200).end_stream()]);
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn the_reset_of_a_refused_promise_is_not_answered() {
    let mut t = before_the_acknowledgement();
    t.peer_sends(push_promise(1, 2));
    t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
    t.peer_sends([
        rst_stream(2, ErrorCode::CANCEL),
        window_update(2, 1),
        priority(2),
        settings_ack(),
        response(1, 200).end_stream(),
    ]);
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

/// RFC 9113 §6.6: "MUST handle PUSH_PROMISE frames that might have been created before".
#[test]
fn a_promise_that_crossed_our_reset_is_refused() {
    let mut t = before_the_acknowledgement();
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.peer_sends([push_promise(1, 2), settings_ack()]);
    t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
    t.goes_on();
}

#[test]
fn a_malformed_promise_is_refused_all_the_same() {
    let mut t = before_the_acknowledgement();
    t.peer_sends([
        push_promise(1, 2)
            .field(":path", "/twice")
            .field("Upper", "case"),
        settings_ack(),
        response(1, 200).end_stream(),
    ]);
    t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

/// RFC 9113 §6.6: "MUST treat the receipt of a PUSH_PROMISE frame as a connection error".
#[test]
fn a_promise_after_the_acknowledgement_is_a_connection_error() {
    let mut t = before_the_acknowledgement();
    t.peer_sends([settings_ack(), push_promise(1, 2)]);
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseDisabled);
}

/// RFC 9113 §5.1.1, §6.6.
#[test]
fn a_promise_of_a_stream_that_no_server_opens_is_a_connection_error() {
    for promised in [0, 1, 3, 101] {
        let mut t = before_the_acknowledgement();
        t.peer_sends(push_promise(1, promised));
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);
    }
}

/// RFC 9113 §5.1.1: identifiers only grow.
#[test]
fn a_promise_of_a_stream_that_is_not_new_is_a_connection_error() {
    for again in [2, 4] {
        let mut t = before_the_acknowledgement();
        t.peer_sends(push_promise(1, 4));
        t.peer_gets(rst_stream(4, ErrorCode::REFUSED_STREAM));
        t.peer_sends(push_promise(1, again));
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);
    }
}

/// RFC 9113 §6.6: on a stream that is neither open nor half-closed (local).
#[test]
fn a_promise_on_a_stream_that_cannot_have_one_is_a_connection_error() {
    let violation = Violation::PushPromiseStream;
    // Idle.
    let mut t = before_the_acknowledgement();
    t.peer_sends(push_promise(3, 2));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    // Half-closed (remote).
    let mut t = before_the_acknowledgement();
    t.open(post("/"));
    t.peer_gets(headers(3));
    t.peer_sends(response(3, 200).end_stream());
    t.sees([head(3, 200).end_stream()]);
    t.peer_sends(push_promise(3, 2));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    // Closed by both ends.
    let mut t = before_the_acknowledgement();
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.peer_sends(push_promise(1, 2));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    // Closed by the peer's reset.
    let mut t = before_the_acknowledgement();
    t.peer_sends(rst_stream(1, ErrorCode::CANCEL));
    t.sees([reset(1, ErrorCode::CANCEL), finished(1)]);
    t.peer_sends(push_promise(1, 2));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
}

#[test]
fn a_promise_that_cannot_be_decoded_is_a_compression_error() {
    let mut t = before_the_acknowledgement();
    t.peer_sends(raw(FrameType::PUSH_PROMISE, 4, 1, b"\0\0\0\x02\xbe"));
    t.connection_fails(ErrorCode::COMPRESSION_ERROR, Violation::Compression);
}

/// RFC 9113 §6.5.2: "A server MUST NOT set this to 1"; 0 says nothing to a client.
#[test]
fn a_server_may_say_that_it_wants_no_push() {
    let mut t = Script::connected_with(config(|_| {}), &[(SettingId::ENABLE_PUSH, 0)]);
    t.peer_sends(settings(&[(SettingId::ENABLE_PUSH, 0)]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    t.goes_on();
}
