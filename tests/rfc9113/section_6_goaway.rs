//! RFC 9113 §6.8, §5.1.1: the end of a connection, and of its identifiers.

use bytes::Bytes;
use towline::http2::{
    ErrorCode, StreamId, Violation,
    engine::{Closure, Refusal},
};

use crate::support::*;

const NO_ERROR: ErrorCode = ErrorCode::NO_ERROR;

/// A connection with GETs on so many streams.
fn asked(streams: u32) -> Script {
    let mut t = Script::connected();
    for _ in 0..streams {
        t.open(get("/"));
    }
    t.reads();
    t
}

#[test]
fn goaway_on_an_idle_connection_closes_it() {
    let mut t = Script::connected();
    t.peer_sends(goaway(0, NO_ERROR));
    t.sees([Seen::Retired, closed(Closure::Drained)]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

#[test]
fn streams_above_the_last_were_not_processed_and_the_others_finish() {
    let mut t = asked(4);
    t.peer_sends(goaway(3, NO_ERROR));
    t.sees([
        Seen::Retired,
        unprocessed(5, NO_ERROR),
        finished(5),
        unprocessed(7, NO_ERROR),
        finished(7),
    ]);
    assert_eq!(t.try_open(get("/")), Err(Refusal::Retired));
    t.peer_sends([response(1, 200), data(1, "one").end_stream()]);
    t.sees([head(1, 200), content(1, "one").end_stream(), finished(1)]);
    t.release(1);
    t.peer_gets_nothing();
    t.peer_sends(response(3, 200).end_stream());
    t.sees([
        head(3, 200).end_stream(),
        finished(3),
        closed(Closure::Drained),
    ]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

#[test]
fn an_upload_on_a_retired_connection_goes_on() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.open(post("/"));
    t.reads();
    t.peer_sends(goaway(1, NO_ERROR));
    t.sees([Seen::Retired, unprocessed(3, NO_ERROR), finished(3)]);
    t.send(3, "for nobody");
    t.send(1, "to the end");
    t.finish(1);
    t.peer_gets(data(1, "to the end").end_stream());
    t.peer_sends(response(1, 200).end_stream());
    t.sees([
        head(1, 200).end_stream(),
        finished(1),
        closed(Closure::Drained),
    ]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

/// The upload is what ends the last stream: the connection closes with its last frame.
#[test]
fn a_connection_drains_when_its_last_upload_is_sent() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.reads();
    t.peer_sends([goaway(1, NO_ERROR), response(1, 200).end_stream()]);
    t.sees([Seen::Retired, head(1, 200).end_stream()]);
    t.send(1, "last");
    t.finish(1);
    t.peer_gets([data(1, "last").end_stream(), goaway(0, NO_ERROR)]);
    t.sees([finished(1), closed(Closure::Drained)]);
    t.assert_quiet();
}

#[test]
fn the_code_and_a_bounded_part_of_the_debug_data_are_kept() {
    let mut t = asked(2);
    t.peer_sends(Wire::GoAway {
        last: 1,
        code: ErrorCode::ENHANCE_YOUR_CALM,
        debug_data: Bytes::from(vec![b'!'; 1_000]),
    });
    t.sees([
        Seen::Retired,
        unprocessed(3, ErrorCode::ENHANCE_YOUR_CALM),
        finished(3),
    ]);
    let kept = t.engine.goaway().expect("GOAWAY came").clone();
    assert_eq!(kept.last_stream_id, StreamId::FIRST);
    assert_eq!(kept.code, ErrorCode::ENHANCE_YOUR_CALM);
    assert_eq!(kept.debug_data, vec![b'!'; 256]);
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

/// RFC 9113 §6.8: the graceful way is a GOAWAY of 2^31-1, and another one later.
#[test]
fn a_second_goaway_may_lower_the_last_stream() {
    let mut t = asked(3);
    t.peer_sends(goaway(0x7fff_ffff, NO_ERROR));
    t.sees([Seen::Retired]);
    t.peer_sends([goaway(3, NO_ERROR), goaway(3, NO_ERROR)]);
    t.sees([unprocessed(5, NO_ERROR), finished(5)]);
    t.peer_sends([
        response(1, 200).end_stream(),
        goaway(1, ErrorCode::INTERNAL_ERROR),
    ]);
    t.sees([
        head(1, 200).end_stream(),
        finished(1),
        unprocessed(3, ErrorCode::INTERNAL_ERROR),
        finished(3),
        closed(Closure::Drained),
    ]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

/// RFC 9113 §6.8: "MUST NOT increase the value".
#[test]
fn a_second_goaway_may_not_raise_the_last_stream() {
    let mut t = asked(2);
    t.peer_sends(goaway(1, NO_ERROR));
    t.sees([Seen::Retired, unprocessed(3, NO_ERROR), finished(3)]);
    t.peer_sends(goaway(3, NO_ERROR));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::GoAwayIncreased);
}

/// RFC 9113 §6.8: the connection's state is kept up, whatever becomes of the streams.
#[test]
fn after_goaway_hpack_and_windows_are_kept_in_step() {
    let mut t = asked(2);
    t.peer_sends([
        goaway(1, NO_ERROR),
        settings(&[]),
        ping([3; 8]),
        response(1, 103).field("x-in-step", "yes"),
        response(1, 200).field("x-in-step", "yes"),
        data(1, vec![0; 10_000]).end_stream(),
    ]);
    t.peer_gets([settings_ack(), ping_ack([3; 8]), goaway(0, NO_ERROR)]);
    t.sees([
        Seen::Retired,
        unprocessed(3, NO_ERROR),
        finished(3),
        Seen::Settings,
        interim(1, 103),
        head(1, 200),
        content(1, vec![0; 10_000]).end_stream(),
        finished(1),
        closed(Closure::Drained),
    ]);
    t.assert_quiet();
}

#[test]
fn a_connection_that_is_retired_from_this_side_drains() {
    let mut t = asked(1);
    t.engine.retire();
    t.engine.retire();
    t.sees([Seen::Retired]);
    assert_eq!(t.try_open(get("/")), Err(Refusal::Retired));
    t.peer_gets_nothing();
    t.peer_sends(response(1, 200).end_stream());
    t.sees([
        head(1, 200).end_stream(),
        finished(1),
        closed(Closure::Drained),
    ]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();

    let mut t = asked(1);
    t.engine.retire();
    t.cancel(1);
    t.peer_gets([rst_stream(1, ErrorCode::CANCEL), goaway(0, NO_ERROR)]);
    t.sees([Seen::Retired, finished(1), closed(Closure::Drained)]);
    t.assert_quiet();
}

#[test]
fn retiring_an_idle_connection_closes_it() {
    let mut t = Script::connected();
    t.engine.retire();
    t.sees([Seen::Retired, closed(Closure::Drained)]);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

#[test]
fn closing_from_this_side_sends_goaway_and_ends_all() {
    let mut t = asked(2);
    t.engine.close(ErrorCode::INADEQUATE_SECURITY);
    t.engine.close(NO_ERROR);
    t.peer_gets(goaway(0, ErrorCode::INADEQUATE_SECURITY));
    t.ends(Closure::Local(ErrorCode::INADEQUATE_SECURITY));
}

#[test]
fn closing_forgets_uploads_that_wait_for_a_window() {
    let mut t = Script::connected();
    t.open(post("/").whole(vec![0; 65_536]));
    t.open(post("/").whole("waits"));
    t.open(post("/"));
    t.reads();
    assert_eq!(t.peer.window, 0);
    t.engine.close(NO_ERROR);
    t.peer_gets(goaway(0, NO_ERROR));
    assert_eq!(t.demands(), []);
    t.ends(Closure::Local(NO_ERROR));
}

/// RFC 9113 §5.1.1: a client that has used up its identifiers opens a new connection.
#[test]
fn a_connection_without_identifiers_is_retired() {
    let first = StreamId::from_wire(0x7fff_fffd);
    let mut t = Script::connected_with(config(|config| config.first_stream_id = first), &[]);
    assert_eq!(t.open(get("/")), 0x7fff_fffd);
    t.sees_nothing();
    assert_eq!(t.open(get("/")), 0x7fff_ffff);
    t.sees([Seen::Retired]);
    assert_eq!(t.try_open(get("/")), Err(Refusal::Retired));
    t.peer_gets([
        headers(0x7fff_fffd).end_stream(),
        headers(0x7fff_ffff).end_stream(),
    ]);
    t.peer_sends([
        response(0x7fff_ffff, 200).end_stream(),
        response(0x7fff_fffd, 200).end_stream(),
    ]);
    assert_eq!(t.events().len(), 5);
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

#[test]
fn an_end_of_the_byte_stream_ends_all_streams() {
    let mut t = asked(2);
    t.peer_sends([response(1, 200), data(1, "half of")]);
    t.sees([head(1, 200), content(1, "half of")]);
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn an_end_of_the_byte_stream_on_a_retired_connection_is_an_end_too() {
    let mut t = asked(1);
    t.peer_sends(goaway(1, NO_ERROR));
    t.sees([Seen::Retired]);
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn an_end_in_the_middle_of_a_frame_is_an_end() {
    let mut t = asked(1);
    t.peer_sends_octets(b"\0\0\x01\x01\x05\0\0");
    t.sees_nothing();
    t.peer_hangs_up();
    t.ends(Closure::Eof);
}

#[test]
fn after_the_end_nothing_more_is_reported() {
    let mut t = Script::connected();
    t.engine.retire();
    t.sees([Seen::Retired, closed(Closure::Drained)]);
    t.peer_hangs_up();
    t.engine.close(ErrorCode::CANCEL);
    t.engine.retire();
    t.engine.ping([0; 8]);
    t.sees_nothing();
    t.peer_gets(goaway(0, NO_ERROR));
    t.assert_quiet();
}

/// Whoever drains says so last.
#[test]
fn a_cancelled_stream_drains_a_retired_connection() {
    let mut t = asked(1);
    t.peer_sends(goaway(1, NO_ERROR));
    t.cancel(1);
    t.sees([Seen::Retired, finished(1), closed(Closure::Drained)]);
    t.peer_gets([rst_stream(1, ErrorCode::CANCEL), goaway(0, NO_ERROR)]);
    t.assert_quiet();
}
