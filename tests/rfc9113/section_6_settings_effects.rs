//! RFC 9113 §6.5.2, §6.9.2: what a setting does to windows, frames, tables and new streams.

use towline::http2::{
    ErrorCode, Violation, consts,
    engine::Refusal,
    frame::{FrameType, SettingId},
};

use crate::support::*;

/// RFC 9113 §6.9.2: the difference goes to every stream, and takes windows below zero.
#[test]
fn a_smaller_initial_window_takes_stream_windows_below_zero() {
    let mut t = Script::connected();
    t.open(post("/").whole(vec![b'a'; 60_000]));
    let sent: usize = t.reads().iter().map(content_len).sum();
    assert_eq!(sent, 60_000);
    t.open(post("/"));
    t.peer_gets(headers(3));
    // Stream 1 has ended its half; stream 3 has sent nothing.
    t.send(3, vec![b'b'; 5_000]);
    t.peer_gets(data(3, vec![b'b'; 5_000]));
    t.peer_sends(settings(&[(SettingId::INITIAL_WINDOW_SIZE, 3_000)]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.peer.lanes[&3].window, -2_000);
    assert_eq!(t.demands(), []);
    // The connection's window was not touched: 535 octets are left of it.
    t.peer_sends(window_update(3, 2_000));
    assert_eq!(t.demands(), []);
    t.peer_sends(window_update(3, 1));
    assert_eq!(t.demands(), [3]);
    t.send(3, vec![b'c'; 10]);
    t.peer_gets(data(3, "c"));
    // A larger one lifts it by the difference.
    t.peer_sends(settings(&[(SettingId::INITIAL_WINDOW_SIZE, 3_009)]));
    t.peer_gets([settings_ack(), data(3, "ccccccccc")]);
    t.sees([Seen::Settings]);
    t.finish(3);
    t.peer_gets(data(3, "").end_stream());
    t.peer_sends([response(1, 200).end_stream(), response(3, 200).end_stream()]);
    t.sees([
        head(1, 200).end_stream(),
        finished(1),
        head(3, 200).end_stream(),
        finished(3),
    ]);
    t.assert_quiet();
}

#[test]
fn the_initial_window_is_that_of_streams_opened_later() {
    let window = (SettingId::INITIAL_WINDOW_SIZE, 10);
    let mut t = Script::connected_with(config(|_| {}), &[window]);
    t.open(post("/").whole("0123456789abc"));
    t.peer_gets([headers(1), data(1, "0123456789")]);
    t.peer_sends(settings(&[(SettingId::INITIAL_WINDOW_SIZE, 0)]));
    t.peer_gets(settings_ack());
    t.open(post("/").whole("xyz"));
    t.peer_gets(headers(3));
    t.peer_sends([window_update(3, 3), window_update(1, 13)]);
    t.peer_gets([data(3, "xyz").end_stream(), data(1, "abc").end_stream()]);
    t.peer_sends([response(1, 200).end_stream(), response(3, 200).end_stream()]);
    assert_eq!(t.events().len(), 5);
    t.goes_on();
}

/// RFC 9113 §6.9.2.
#[test]
fn a_change_that_overflows_a_window_is_a_connection_error() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.peer_sends(window_update(1, consts::MAX_WINDOW_SIZE - 65_535));
    t.peer_sends(settings(&[(SettingId::INITIAL_WINDOW_SIZE, 65_536)]));
    t.connection_fails(ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowOverflow);
}

/// RFC 9113 §4.2, §6.5.2: for DATA.
#[test]
fn data_frames_are_cut_to_the_peers_max_frame_size() {
    let cases = [
        (16_384, vec![16_384, 16_384, 7_232]),
        (30_000, vec![30_000, 10_000]),
    ];
    for (max_frame_size, lengths) in cases {
        let setting = (SettingId::MAX_FRAME_SIZE, max_frame_size);
        let mut t = Script::connected_with(config(|_| {}), &[setting]);
        t.open(post("/").whole(vec![b'x'; 40_000]));
        let sent: Vec<_> = t.reads().iter().skip(1).map(content_len).collect();
        assert_eq!(sent, lengths);
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.assert_quiet();
    }
}

/// RFC 9113 §4.2, §6.5.2: for field blocks.
#[test]
fn field_blocks_are_cut_to_the_peers_max_frame_size() {
    let setting = (SettingId::MAX_FRAME_SIZE, 30_000);
    let mut t = Script::connected_with(config(|_| {}), &[setting]);
    t.open(get("/").field("x-large", &"{".repeat(40_000)));
    let sent = t.reads();
    assert!(
        matches!(&sent[..], [Wire::Headers(section)] if section.cuts == [30_000]),
        "{sent:?}"
    );
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

/// RFC 9113 §4.3.1, RFC 7541 §4.2: the peer's decoder insists on the size update.
#[test]
fn a_smaller_table_is_signalled_in_the_next_block() {
    let mut t = Script::connected();
    for value in ["one", "two"] {
        let id = t.open(get("/").field("x-value", value));
        t.peer_gets(headers(id).end_stream());
        t.peer_sends(response(id, 200).end_stream());
    }
    t.events();
    t.peer_sends(settings(&[
        (SettingId::HEADER_TABLE_SIZE, 0),
        (SettingId::HEADER_TABLE_SIZE, 64),
    ]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    t.open(get("/").field("x-value", "two"));
    t.peer_gets(
        headers(5)
            .field(":method", "GET")
            .field(":scheme", "https")
            .field(":authority", "example.com")
            .field(":path", "/")
            .field("x-value", "two")
            .end_stream(),
    );
    t.peer_sends(response(5, 200).end_stream());
    t.events();
    t.goes_on();
}

/// RFC 9113 §4.3.1: also when it is a trailer section.
#[test]
fn a_smaller_table_is_signalled_in_trailers_if_they_come_first() {
    let mut t = Script::connected();
    t.open(post("/").field("x-value", "one"));
    t.peer_gets(headers(1));
    t.peer_sends(settings(&[(SettingId::HEADER_TABLE_SIZE, 0)]));
    t.finish_with(1, map(&[("x-value", "one")]));
    t.peer_gets([settings_ack(), trailers(1, "x-value", "one")]);
    t.peer_sends(response(1, 200).end_stream());
    t.sees([Seen::Settings, head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

/// RFC 9113 §6.5.2: our own setting holds for the peer's encoder once it is acknowledged.
#[test]
fn our_table_size_holds_once_it_is_acknowledged() {
    for size in [0, 100, 65_536] {
        let config = config(|config| config.header_table_size = size);
        let mut t = Script::fresh_with(config);
        t.open(get("/"));
        t.reads();
        // Blocks before and after the acknowledgement, with fields that want to be kept.
        let large = "v".repeat(3_000);
        t.peer_sends([
            settings(&[]),
            response(1, 103).field("x-large", &large),
            settings_ack(),
            response(1, 103).field("x-large", &large),
            response(1, 200).field("x-large", &large).end_stream(),
        ]);
        t.peer_gets(settings_ack());
        t.sees([
            Seen::Settings,
            interim(1, 103),
            interim(1, 103),
            head(1, 200).end_stream(),
            finished(1),
        ]);
        t.goes_on();
    }
}

#[test]
fn a_peer_that_ignores_our_smaller_table_is_a_compression_error() {
    let mut t = Script::connected_with(config(|config| config.header_table_size = 0), &[]);
    t.open(get("/"));
    t.reads();
    // No size update in front of `:status: 200`.
    t.peer_sends(raw(FrameType::HEADERS, 5, 1, b"\x88"));
    t.connection_fails(ErrorCode::COMPRESSION_ERROR, Violation::Compression);
}

/// RFC 9113 §6.5.2: name, value and 32 octets a field.
#[test]
fn a_head_above_the_peers_list_size_is_refused_and_nothing_is_sent() {
    let size = ":methodGET".len()
        + ":schemehttps".len()
        + ":authorityexample.com".len()
        + ":path/".len()
        + 4 * 32;
    let size = u32::try_from(size).expect("a small head");
    let mut t = Script::connected_with(
        config(|_| {}),
        &[(SettingId::MAX_HEADER_LIST_SIZE, size - 1)],
    );
    assert_eq!(
        t.try_open(get("/")),
        Err(Refusal::HeadTooLarge {
            size: size as usize,
            limit: size - 1
        })
    );
    t.peer_gets_nothing();
    t.sees_nothing();
    t.peer_sends(settings(&[(SettingId::MAX_HEADER_LIST_SIZE, size)]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    // The identifier was not used up.
    assert_eq!(t.open(get("/")), 1);
    t.peer_gets(headers(1).end_stream());
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.assert_quiet();
}

/// RFC 9113 §5.1.2, §6.5.2.
#[test]
fn streams_above_the_peers_limit_are_refused() {
    let limit = (SettingId::MAX_CONCURRENT_STREAMS, 2);
    let mut t = Script::connected_with(config(|_| {}), &[limit]);
    t.open(get("/"));
    t.open(get("/"));
    assert_eq!(t.try_open(get("/")), Err(Refusal::StreamLimit));
    t.peer_gets([headers(1).end_stream(), headers(3).end_stream()]);
    t.peer_sends(response(1, 200).end_stream());
    assert_eq!(t.open(get("/")), 5);
    assert_eq!(t.try_open(get("/")), Err(Refusal::StreamLimit));
    t.peer_gets(headers(5).end_stream());
    t.peer_sends([response(3, 200).end_stream(), response(5, 200).end_stream()]);
    assert_eq!(t.events().len(), 6);
    t.goes_on();
}

/// A lower limit leaves open streams alone (RFC 9113 §5.1.2).
#[test]
fn a_limit_below_the_open_streams_stops_new_ones_only() {
    let mut t = Script::connected();
    t.open(get("/"));
    t.open(get("/"));
    t.reads();
    t.peer_sends(settings(&[(SettingId::MAX_CONCURRENT_STREAMS, 0)]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.try_open(get("/")), Err(Refusal::StreamLimit));
    t.peer_sends([response(1, 200).end_stream(), response(3, 200).end_stream()]);
    assert_eq!(t.events().len(), 4);
    assert_eq!(t.try_open(get("/")), Err(Refusal::StreamLimit));
    t.peer_sends(settings(&[(SettingId::MAX_CONCURRENT_STREAMS, 1)]));
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    t.goes_on();
}

/// RFC 9113 §6.5.2 recommends that no peer allows less than 100.
#[test]
fn before_the_peers_settings_100_streams_are_assumed() {
    let mut t = Script::fresh();
    for _ in 0..100 {
        t.open(get("/"));
    }
    assert_eq!(t.try_open(get("/")), Err(Refusal::StreamLimit));
    t.reads();
    t.peer_sends([settings(&[]), settings_ack()]);
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings]);
    assert_eq!(t.open(get("/")), 201);
    t.reads();
    for id in (1..=201).step_by(2) {
        t.peer_sends(response(id, 200).end_stream());
        t.sees([head(id, 200).end_stream(), finished(id)]);
    }
    t.assert_quiet();
}

/// Octets of a DATA frame; none of others.
fn content_len(wire: &Wire) -> usize {
    match wire {
        Wire::Data { data, .. } => data.len(),
        _ => 0,
    }
}
