//! RFC 9113 §6.5: SETTINGS, and what each of them changes at once.

use std::time::Duration;

use towline::http2::{
    ErrorCode, Violation, consts,
    engine::{Event, PeerSettings},
    frame::SettingId,
};

use crate::support::*;

fn applied(t: &mut Script) -> PeerSettings {
    t.events()
        .iter()
        .find_map(|event| match event {
            Event::PeerSettings(settings) => Some(*settings),
            _ => None,
        })
        .expect("SETTINGS were applied")
}

#[test]
fn all_settings_are_applied_and_unknown_ones_ignored() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends([
        settings(&[
            (SettingId::from(0xbeef), 1),
            (SettingId::HEADER_TABLE_SIZE, 100),
            (SettingId::ENABLE_PUSH, 0),
            (SettingId::MAX_CONCURRENT_STREAMS, 5),
            (SettingId::INITIAL_WINDOW_SIZE, 1_000),
            (SettingId::MAX_FRAME_SIZE, 20_000),
            (SettingId::MAX_HEADER_LIST_SIZE, 3_000),
            (SettingId::ENABLE_CONNECT_PROTOCOL, 1),
            (SettingId::NO_RFC7540_PRIORITIES, 1),
            (SettingId::from(0), u32::MAX),
        ]),
        settings_ack(),
    ]);
    t.peer_gets(settings_ack());
    let expected = PeerSettings {
        header_table_size: 100,
        max_concurrent_streams: 5,
        initial_window_size: 1_000,
        max_frame_size: 20_000,
        max_header_list_size: 3_000,
        enable_connect_protocol: true,
        no_rfc7540_priorities: true,
    };
    assert_eq!(applied(&mut t), expected);
    assert_eq!(t.engine.peer_settings(), expected);
    t.goes_on();
}

#[test]
fn what_the_peer_does_not_say_is_as_section_6_5_2_has_it() {
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends([settings(&[]), settings_ack()]);
    let expected = PeerSettings {
        header_table_size: 4_096,
        // Unlimited, now that the peer could have said otherwise.
        max_concurrent_streams: u32::MAX,
        initial_window_size: 65_535,
        max_frame_size: 16_384,
        max_header_list_size: u32::MAX,
        enable_connect_protocol: false,
        no_rfc7540_priorities: false,
    };
    assert_eq!(applied(&mut t), expected);
    t.peer_gets(settings_ack());
    t.goes_on();
}

/// RFC 9113 §6.5.3: "in the order they appear"; the last one stays.
#[test]
fn settings_are_applied_in_their_order() {
    let mut t = Script::connected();
    t.peer_sends(settings(&[
        (SettingId::MAX_FRAME_SIZE, 20_000),
        (SettingId::MAX_CONCURRENT_STREAMS, 0),
        (SettingId::MAX_FRAME_SIZE, 30_000),
        (SettingId::MAX_CONCURRENT_STREAMS, 1),
    ]));
    t.peer_gets(settings_ack());
    let settings = applied(&mut t);
    assert_eq!(settings.max_frame_size, 30_000);
    assert_eq!(settings.max_concurrent_streams, 1);
    t.goes_on();
}

/// A window that is too large for a moment is too large, whatever comes next.
#[test]
fn a_bad_value_is_an_error_wherever_it_stands() {
    let mut t = Script::connected();
    t.peer_sends(settings(&[
        (SettingId::MAX_FRAME_SIZE, 1),
        (SettingId::MAX_FRAME_SIZE, 16_384),
    ]));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::MaxFrameSizeValue);
}

#[test]
fn each_bad_value_is_a_connection_error_of_its_code() {
    let protocol = ErrorCode::PROTOCOL_ERROR;
    let cases = [
        (
            SettingId::ENABLE_PUSH,
            1,
            protocol,
            Violation::EnablePushValue,
        ),
        (
            SettingId::ENABLE_PUSH,
            2,
            protocol,
            Violation::EnablePushValue,
        ),
        (
            SettingId::INITIAL_WINDOW_SIZE,
            1 << 31,
            ErrorCode::FLOW_CONTROL_ERROR,
            Violation::InitialWindowSizeValue,
        ),
        (
            SettingId::MAX_FRAME_SIZE,
            16_383,
            protocol,
            Violation::MaxFrameSizeValue,
        ),
        (
            SettingId::MAX_FRAME_SIZE,
            1 << 24,
            protocol,
            Violation::MaxFrameSizeValue,
        ),
        (
            SettingId::ENABLE_CONNECT_PROTOCOL,
            2,
            protocol,
            Violation::EnableConnectProtocolValue,
        ),
        (
            SettingId::NO_RFC7540_PRIORITIES,
            2,
            protocol,
            Violation::NoRfc7540PrioritiesValue,
        ),
    ];
    for (id, value, code, violation) in cases {
        let mut t = Script::connected();
        t.peer_sends(settings(&[(id, value)]));
        t.connection_fails(code, violation);

        // In the peer's preface, too.
        let mut t = Script::fresh();
        t.reads();
        t.peer_sends(settings(&[(id, value)]));
        t.connection_fails(code, violation);
    }
}

#[test]
fn the_largest_and_least_values_are_good() {
    let mut t = Script::connected();
    t.peer_sends(settings(&[
        (SettingId::HEADER_TABLE_SIZE, u32::MAX),
        (SettingId::INITIAL_WINDOW_SIZE, consts::MAX_WINDOW_SIZE),
        (SettingId::MAX_FRAME_SIZE, consts::MAX_MAX_FRAME_SIZE),
        (SettingId::MAX_FRAME_SIZE, consts::MIN_MAX_FRAME_SIZE),
        (SettingId::MAX_HEADER_LIST_SIZE, u32::MAX),
    ]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    t.goes_on();
}

/// RFC 8441 §3: 1 may not be taken back.
#[test]
fn enable_connect_protocol_cannot_be_withdrawn() {
    let mut t = Script::connected_with(config(|_| {}), &[(SettingId::ENABLE_CONNECT_PROTOCOL, 0)]);
    for value in [0, 1, 1] {
        t.peer_sends(settings(&[(SettingId::ENABLE_CONNECT_PROTOCOL, value)]));
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings]);
    }
    t.peer_sends(settings(&[(SettingId::ENABLE_CONNECT_PROTOCOL, 0)]));
    t.connection_fails(
        ErrorCode::PROTOCOL_ERROR,
        Violation::EnableConnectProtocolValue,
    );
}

#[test]
fn each_settings_frame_is_acknowledged_in_its_turn() {
    let mut t = Script::connected();
    t.peer_sends([settings(&[]), ping([7; 8]), settings(&[])]);
    t.peer_gets([settings_ack(), ping_ack([7; 8]), settings_ack()]);
    t.sees([Seen::Settings, Seen::Settings]);
    t.goes_on();
}

/// RFC 9113 §6.5.3.
#[test]
fn an_acknowledgement_that_nothing_awaits_is_a_connection_error() {
    let mut t = Script::connected();
    t.peer_sends(settings_ack());
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::SettingsAckUnasked);
}

/// RFC 9113 §6.5.3: after "a reasonable amount of time, it MAY issue a connection error".
#[test]
fn settings_that_are_not_acknowledged_in_time_end_the_connection() {
    let limit = Duration::from_secs(10);
    let mut t = Script::fresh();
    t.reads();
    t.peer_sends(settings(&[]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.engine.poll_timeout(), Some(t.now + limit));
    t.wait(limit - Duration::from_millis(1));
    t.sees_nothing();
    t.wait(Duration::from_millis(1));
    t.connection_fails(ErrorCode::SETTINGS_TIMEOUT, Violation::SettingsAckLate);
}

#[test]
fn the_time_runs_from_our_preface_even_if_the_peer_says_nothing() {
    let mut t = Script::fresh();
    t.reads();
    t.wait(Duration::from_secs(10));
    t.connection_fails(ErrorCode::SETTINGS_TIMEOUT, Violation::SettingsAckLate);
}

#[test]
fn an_acknowledgement_stops_the_clock() {
    let mut t = Script::connected();
    assert_eq!(t.engine.poll_timeout(), None);
    t.wait(Duration::from_secs(3_600));
    t.goes_on();
}

#[test]
fn without_a_limit_no_clock_runs() {
    let t = Script::fresh_with(config(|config| config.settings_timeout = None));
    assert_eq!(t.engine.poll_timeout(), None);
}
