//! RFC 9113 §10.5, the other way round: what callers do is not the peer's fault, and what can have
//! crossed it on the wire is not either.

use towline::{
    http2::ErrorCode,
    window::{Fixed, Managers},
};

use crate::{
    section_10_limits::{asked, forgiven},
    support::*,
};

/// More than are remembered, and more than the burst; every late frame is what a server sends
/// that has not heard yet.
#[test]
fn late_frames_of_5000_cancelled_streams_are_free() {
    let mut t = Script::connected();
    let ids: Vec<_> = (0..5_000)
        .map(|_| {
            let id = t.open(get("/"));
            t.cancel(id);
            id
        })
        .collect();
    assert_eq!(t.reads().len(), 10_000);
    assert_eq!(t.events().len(), 5_000);
    for id in ids {
        t.peer_sends([
            response(id, 103),
            response(id, 200).field("x-id", id.to_string()),
            data(id, vec![0; 4_096]),
            data(id, "").end_stream(),
            rst_stream(id, ErrorCode::NO_ERROR),
        ]);
        t.reads();
    }
    t.sees_nothing();
    // Not one token was taken.
    forgiven(t, &unknown(0), 1_000);
}

#[test]
fn cancelling_in_the_middle_of_a_response_is_free() {
    // Half of the connection's window is more than what comes.
    let fixed = Managers::new(|_, initial| Fixed::new(initial));
    let config = config(|config| config.connection_window_managers = fixed);
    let mut t = Script::connected_with(config, &[]);
    for _ in 0..2_000 {
        let id = t.open(get("/"));
        t.reads();
        t.peer_sends([response(id, 200), data(id, vec![0; 1_000])]);
        t.cancel(id);
        t.peer_sends([data(id, vec![0; 1_000]), trailers(id, "x-a", "b")]);
        t.peer_gets(rst_stream(id, ErrorCode::CANCEL));
        t.events();
        t.release(id);
    }
    forgiven(t, &unknown(0), 1_000);
}

/// RFC 9113 §5.1: what no window allowed cannot have crossed our reset.
#[test]
fn what_cannot_have_crossed_a_cancel_is_bounded() {
    let mut t = asked(Script::connected_with(
        config(|config| config.stream_window_size = 1_000),
        &[],
    ));
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.peer_sends([data(1, vec![0; 600]), data(1, vec![0; 400])]);
    forgiven(t, &data(1, "x"), 1_000);

    let mut t = asked(Script::connected());
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.peer_sends(response(1, 200).end_stream());
    // One reset may follow the end; a head may not.
    forgiven(t, &response(1, 200), 1_001);
}

/// A server that answers early and then resets the rest of the upload, on every request.
#[test]
fn resets_that_cross_our_end_are_free() {
    let mut t = Script::connected();
    for _ in 0..2_000 {
        let id = t.open(post("/").whole("small"));
        t.peer_gets([headers(id), data(id, "small").end_stream()]);
        t.peer_sends([
            response(id, 200).end_stream(),
            rst_stream(id, ErrorCode::NO_ERROR),
        ]);
        t.sees([head(id, 200).end_stream(), finished(id)]);
    }
    forgiven(t, &unknown(0), 1_000);
}

#[test]
fn resets_that_cross_our_end_are_free_however_late() {
    let mut t = Script::connected();
    let ids: Vec<_> = (0..2_000).map(|_| t.open(get("/"))).collect();
    assert_eq!(t.reads().len(), 2_000);
    t.peer_sends(ids.iter().map(|id| response(*id, 200).end_stream()));
    assert_eq!(t.events().len(), 4_000);
    t.peer_sends(ids.iter().map(|id| rst_stream(*id, ErrorCode::NO_ERROR)));
    t.sees_nothing();
    forgiven(t, &unknown(0), 1_000);
}

/// One can have crossed ours; the others cannot.
#[test]
fn resets_of_a_cancelled_stream_are_bounded() {
    let mut t = asked(Script::connected());
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    forgiven(t, &rst_stream(1, ErrorCode::CANCEL), 1_001);
}
