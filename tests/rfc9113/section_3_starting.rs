//! RFC 9113 §3.4: the two prefaces.

use bytes::Bytes;
use towline::http2::{
    ErrorCode, Violation, consts,
    engine::Closure,
    frame::{FrameType, SettingId},
};

use crate::support::*;

#[test]
fn the_client_begins_with_the_preface_and_settings() {
    let mut t = Script::fresh();
    // The peer's books check the 24 octets.
    t.peer_gets(default_preface());
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn a_small_connection_window_is_not_widened() {
    let config = config(|config| config.connection_window_size = consts::INITIAL_WINDOW_SIZE);
    let mut t = Script::fresh_with(config);
    let [settings, _] = default_preface();
    t.peer_gets(settings);
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn requests_need_not_wait_for_the_peers_preface() {
    let mut t = Script::fresh();
    assert_eq!(t.open(get("/")), 1);
    let [settings_frame, widened] = default_preface();
    t.peer_gets([settings_frame, widened, headers(1).end_stream()]);
    t.peer_sends([settings(&[]), settings_ack(), response(1, 204).end_stream()]);
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings, head(1, 204).end_stream(), finished(1)]);
    t.assert_quiet();
}

#[test]
fn an_empty_settings_frame_is_a_preface() {
    Script::connected_with(config(|_| {}), &[]).goes_on();
}

#[test]
fn the_first_frame_must_be_settings() {
    for first in [
        ping([0; 8]),
        window_update(0, 1),
        goaway(0, ErrorCode::NO_ERROR),
        response(1, 200),
        data(1, "early"),
        rst_stream(1, ErrorCode::CANCEL),
        priority(1),
        push_promise(1, 2),
        raw(FrameType::CONTINUATION, 4, 1, b""),
    ] {
        let mut t = Script::fresh();
        t.open(get("/"));
        t.reads();
        t.peer_sends([first, settings(&[])]);
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PrefaceNotSettings);
    }
}

#[test]
fn an_acknowledgement_is_no_preface() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends([settings_ack(), settings(&[])]);
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PrefaceNotSettings);
}

#[test]
fn settings_on_a_stream_are_no_preface() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends(raw(FrameType::SETTINGS, 0, 1, b""));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::SettingsOnStream);
}

/// A GOAWAY may be left out for a peer that does not speak HTTP/2.
#[test]
fn what_is_not_http2_is_shown_to_the_caller() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46 alert",
        b"\0\0\x01\xbe\0\0\0\0\0?",
    ] {
        let mut t = Script::fresh();
        t.open(get("/"));
        t.reads();
        t.peer_sends_octets(answer);
        t.ends(Closure::NotHttp2(Bytes::copy_from_slice(answer)));
    }
}

#[test]
fn of_a_long_answer_that_is_not_http2_64_octets_are_shown() {
    let mut t = Script::fresh();
    t.reads();
    let answer = b"HTTP/1.1 505 HTTP Version Not Supported\r\n".repeat(100);
    t.peer_sends_octets(&answer);
    t.ends(Closure::NotHttp2(Bytes::copy_from_slice(&answer[..64])));
}

#[test]
fn a_preface_may_come_octet_by_octet() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends_in_pieces(
        1,
        [
            settings(&[(SettingId::MAX_CONCURRENT_STREAMS, 7)]),
            settings_ack(),
        ],
    );
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.engine.peer_settings().max_concurrent_streams, 7);
    t.goes_on();
}

#[test]
fn an_answer_too_short_to_tell_is_shown_when_the_peer_hangs_up() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends_octets(b"HTTP/1.");
    t.sees_nothing();
    t.peer_hangs_up();
    t.ends(Closure::NotHttp2(Bytes::from_static(b"HTTP/1.")));
}

#[test]
fn a_preface_that_is_cut_off_is_still_http2() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends_octets(b"\0\0\x06\x04\0\0\0\0\0\0\x03");
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn a_peer_that_says_nothing_and_hangs_up_is_an_eof() {
    let mut t = Script::fresh();
    t.open(get("/"));
    t.reads();
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

/// Retiring a connection changes nothing of what the peer must say first.
#[test]
fn the_peers_preface_is_due_on_a_retired_connection_too() {
    let mut t = Script::fresh();
    t.open(get("/"));
    t.engine.retire();
    t.reads();
    t.sees([Seen::Retired]);
    t.peer_sends_octets(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let answer = Bytes::from_static(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    t.ends(Closure::NotHttp2(answer));

    let mut t = Script::fresh();
    t.open(get("/"));
    t.engine.retire();
    t.reads();
    t.sees([Seen::Retired]);
    t.peer_sends(ping([1; 8]));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PrefaceNotSettings);
}
