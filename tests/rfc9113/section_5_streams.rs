//! RFC 9113 §5.1: which frames may come in which state, and what follows those that may not.

use towline::http2::{ErrorCode, State, Violation, consts, frame::FrameType};

use crate::support::*;

/// A connection with one GET on stream 1 that awaits its response: half-closed (local).
fn asked() -> Script {
    let mut t = Script::connected();
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

/// A response is complete while its request is not: half-closed (remote).
fn answered_early() -> Script {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream()]);
    assert_eq!(t.engine.stream_state(stream(1)), State::HalfClosedRemote);
    t
}

/// Closed by both ends.
fn ended() -> Script {
    let mut t = asked();
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    assert_eq!(t.engine.stream_state(stream(1)), State::Closed);
    t
}

/// Closed by our reset.
fn cancelled() -> Script {
    let mut t = asked();
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t
}

/// Closed by the peer's reset.
fn reset_by_peer() -> Script {
    let mut t = asked();
    t.peer_sends(rst_stream(1, ErrorCode::INTERNAL_ERROR));
    t.sees([reset(1, ErrorCode::INTERNAL_ERROR), finished(1)]);
    t
}

#[test]
fn a_stream_passes_through_its_states() {
    let mut t = Script::connected();
    assert_eq!(t.engine.stream_state(stream(1)), State::Idle);
    t.open(post("/"));
    t.peer_gets(headers(1));
    assert_eq!(t.engine.stream_state(stream(1)), State::Open);
    t.finish(1);
    t.peer_gets(data(1, "").end_stream());
    assert_eq!(t.engine.stream_state(stream(1)), State::HalfClosedLocal);
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    assert_eq!(t.engine.stream_state(stream(1)), State::Closed);

    t.open(post("/"));
    t.peer_gets(headers(3));
    t.peer_sends(response(3, 200).end_stream());
    t.sees([head(3, 200).end_stream()]);
    assert_eq!(t.engine.stream_state(stream(3)), State::HalfClosedRemote);
    t.finish(3);
    t.peer_gets(data(3, "").end_stream());
    t.sees([finished(3)]);
    assert_eq!(t.engine.stream_state(stream(3)), State::Closed);
    assert_eq!(t.engine.stream_state(stream(5)), State::Idle);
    t.goes_on();
}

/// RFC 9113 §5.1.1.
#[test]
fn identifiers_are_odd_and_grow() {
    let mut t = Script::connected();
    let ids: Vec<_> = (0..4).map(|_| t.open(get("/"))).collect();
    assert_eq!(ids, [1, 3, 5, 7]);
    t.reads();
    for id in ids {
        t.peer_sends(rst_stream(id, ErrorCode::CANCEL));
    }
    t.events();
    t.goes_on();
}

mod idle {
    use super::*;

    #[test]
    fn frames_other_than_headers_and_priority_are_connection_errors() {
        for id in [3, 2, 0x7fff_ffff, 0x7fff_fffe] {
            for (frame, violation) in [
                (data(id, "x"), Violation::DataOnIdle),
                (data(id, "").end_stream(), Violation::DataOnIdle),
                (rst_stream(id, ErrorCode::CANCEL), Violation::ResetOnIdle),
                (window_update(id, 1), Violation::WindowUpdateOnIdle),
            ] {
                let mut t = asked();
                t.peer_sends(frame);
                t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
            }
        }
    }

    /// RFC 9113 §5.1.1: a server opens streams by promise only, and never those of a client.
    #[test]
    fn a_server_cannot_open_a_stream_by_headers() {
        for id in [2, 3] {
            let mut t = asked();
            t.peer_sends(response(id, 200));
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::HeadersOnIdle);
        }
    }

    #[test]
    fn priority_and_unknown_frames_are_ignored() {
        for id in [2, 3, 0x7fff_ffff] {
            let mut t = asked();
            t.peer_sends([priority(id), unknown(id), response(1, 200).end_stream()]);
            t.sees([head(1, 200).end_stream(), finished(1)]);
            t.goes_on();
        }
    }

    /// RFC 9113 §6.4: RST_STREAM "MUST NOT be sent for a stream in the idle state", so an error of
    /// such a stream is one of the connection (§5.4).
    #[test]
    fn a_stream_error_is_one_of_the_connection() {
        let zero = raw(FrameType::WINDOW_UPDATE, 0, 3, &[0; 4]);
        let mut t = asked();
        t.peer_sends(zero);
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::WindowUpdateZero);

        let mut t = asked();
        t.peer_sends(raw(FrameType::PRIORITY, 0, 3, &[0; 4]));
        t.connection_fails(ErrorCode::FRAME_SIZE_ERROR, Violation::PriorityLength);
    }
}

mod half_closed_local {
    use super::*;

    #[test]
    fn any_frame_may_come() {
        let mut t = asked();
        t.peer_sends([
            priority(1),
            unknown(1),
            window_update(1, 1),
            response(1, 103),
            response(1, 200),
            data(1, "x"),
            trailers(1, "x-sum", "1"),
        ]);
        t.sees([
            interim(1, 103),
            head(1, 200),
            content(1, "x"),
            tail(1, "x-sum", "1"),
            finished(1),
        ]);
        t.goes_on();
    }

    #[test]
    fn a_reset_ends_it() {
        for code in [
            ErrorCode::NO_ERROR,
            ErrorCode::REFUSED_STREAM,
            ErrorCode::CANCEL,
            ErrorCode::HTTP_1_1_REQUIRED,
            ErrorCode::from(0xdead_beef),
        ] {
            let mut t = asked();
            t.peer_sends(rst_stream(1, code));
            t.sees([reset(1, code), finished(1)]);
            t.goes_on();
        }
    }
}

mod half_closed_remote {
    use super::*;

    /// RFC 9113 §5.1: "MUST respond with a stream error of type STREAM_CLOSED".
    #[test]
    fn headers_and_data_are_stream_errors() {
        for frame in [
            data(1, "x"),
            data(1, "").end_stream(),
            response(1, 200),
            trailers(1, "x-late", "1"),
        ] {
            let mut t = answered_early();
            t.peer_sends(frame);
            t.stream_fails(1, ErrorCode::STREAM_CLOSED, Violation::FrameAfterEnd);
        }
    }

    #[test]
    fn window_update_and_priority_may_come() {
        let mut t = answered_early();
        t.peer_sends([window_update(1, 5), priority(1), unknown(1)]);
        t.sees_nothing();
        t.send(1, "rest");
        t.finish(1);
        t.peer_gets(data(1, "rest").end_stream());
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 9113 §8.1: the answer is whole, and the upload is not wanted: no failure.
    #[test]
    fn a_reset_stops_the_upload() {
        for code in [ErrorCode::NO_ERROR, ErrorCode::CANCEL] {
            let mut t = answered_early();
            t.send(1, "in vain");
            t.peer_sends(rst_stream(1, code));
            t.sees([send_stopped(1), finished(1)]);
            assert_eq!(t.demands(), []);
            t.send(1, "more in vain");
            t.finish(1);
            t.goes_on();
        }
    }

    /// RFC 9113 §5.4.2: one RST_STREAM is enough, whatever else comes.
    #[test]
    fn it_is_reset_once() {
        let mut t = answered_early();
        t.peer_sends([
            data(1, "after the end"),
            rst_stream(1, ErrorCode::NO_ERROR),
            data(1, "after the reset"),
            response(1, 200),
        ]);
        t.stream_fails(1, ErrorCode::STREAM_CLOSED, Violation::FrameAfterEnd);
    }

    #[test]
    fn a_cancel_stops_the_upload() {
        let mut t = answered_early();
        t.send(1, "in vain");
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        // RFC 9113 §5.1: what may have crossed it.
        t.peer_sends([window_update(1, 1), rst_stream(1, ErrorCode::NO_ERROR)]);
        t.goes_on();
    }
}

mod closed_by_both_ends {
    use super::*;

    /// RFC 9113 §5.1: "MAY treat receipt of any other type of frame on a closed stream as a
    /// connection error of type STREAM_CLOSED".
    #[test]
    fn headers_and_data_are_connection_errors() {
        for frame in [
            data(1, "x"),
            data(1, "").end_stream(),
            response(1, 200),
            trailers(1, "x-late", "1"),
        ] {
            let mut t = ended();
            t.peer_sends(frame);
            t.connection_fails(ErrorCode::STREAM_CLOSED, Violation::FrameAfterEnd);
        }
    }

    /// RFC 9113 §5.1: an endpoint that sent END_STREAM "might receive a WINDOW_UPDATE or
    /// RST_STREAM frame".
    #[test]
    fn window_update_reset_and_priority_may_come() {
        let mut t = ended();
        t.peer_sends([
            window_update(1, 1),
            priority(1),
            unknown(1),
            rst_stream(1, ErrorCode::NO_ERROR),
            window_update(1, 1),
        ]);
        t.sees_nothing();
        t.goes_on();
    }

    /// There is nothing to reset any more.
    #[test]
    fn a_stream_error_is_not_answered() {
        let mut t = ended();
        t.peer_sends([
            raw(FrameType::WINDOW_UPDATE, 0, 1, &[0; 4]),
            raw(FrameType::PRIORITY, 0, 1, &[0; 4]),
        ]);
        t.sees_nothing();
        t.goes_on();
    }
}

mod closed_by_our_reset {
    use super::*;

    /// RFC 9113 §5.1: "MUST minimally process and then discard": HPACK and the connection's
    /// window are kept in step.
    #[test]
    fn all_frames_are_ignored() {
        let mut t = cancelled();
        t.peer_sends([
            response(1, 103).field("x-in-step", "yes"),
            response(1, 200).field("x-in-step", "yes"),
            data(1, "late").padded(9),
            window_update(1, 1),
            priority(1),
            unknown(1),
            trailers(1, "x-in-step", "yes"),
            rst_stream(1, ErrorCode::CANCEL),
        ]);
        t.sees_nothing();
        t.goes_on();
    }

    /// RFC 9113 §5.2, §6.9: "the content of DATA frames counts toward the connection
    /// flow-control window".
    #[test]
    fn late_data_gives_its_credit_back_to_the_connection() {
        let window = consts::INITIAL_WINDOW_SIZE;
        let config = config(|config| config.connection_window_size = window);
        let mut t = Script::connected_with(config, &[]);
        t.open(get("/"));
        t.reads();
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        t.peer_sends([
            response(1, 200),
            data(1, vec![0; 16_384]),
            data(1, vec![0; 16_383]),
        ]);
        t.peer_gets_nothing();
        // One octet more, and half of the window is owed.
        t.peer_sends(data(1, "x"));
        t.peer_gets(window_update(0, 32_768));
        t.goes_on();
    }

    /// RFC 9113 §5.4.2: one RST_STREAM is enough.
    #[test]
    fn it_is_not_reset_again() {
        let mut t = cancelled();
        t.peer_sends([
            raw(FrameType::WINDOW_UPDATE, 0, 1, &[0; 4]),
            raw(FrameType::PRIORITY, 0, 1, &[0; 4]),
            rst_stream(1, ErrorCode::CANCEL),
            data(1, "x"),
            response(1, 200).end_stream(),
            data(1, "x"),
            rst_stream(1, ErrorCode::CANCEL),
        ]);
        t.sees_nothing();
        t.goes_on();
    }

    /// What the peer's fault provoked is a reset like any other.
    #[test]
    fn a_reset_that_a_fault_provoked_is_one_too() {
        let mut t = asked();
        t.peer_sends([
            data(1, "no head"),
            data(1, "still none"),
            response(1, 200).end_stream(),
        ]);
        t.stream_fails(1, ErrorCode::PROTOCOL_ERROR, Violation::DataBeforeHead);
    }

    #[test]
    fn commands_on_it_do_nothing() {
        let mut t = cancelled();
        t.cancel(1);
        t.send(1, "in vain");
        t.finish(1);
        t.engine.resume(stream(1));
        assert_eq!(t.demands(), []);
        t.sees_nothing();
        t.goes_on();
    }
}

mod closed_by_the_peers_reset {
    use super::*;

    /// RFC 9113 §5.1, §5.4.2: told once, and once only.
    #[test]
    fn headers_and_data_are_answered_with_one_reset() {
        for frame in [data(1, "x"), response(1, 200), trailers(1, "x-late", "1")] {
            let mut t = reset_by_peer();
            t.peer_sends([frame.clone(), frame]);
            t.peer_gets(rst_stream(1, ErrorCode::STREAM_CLOSED));
            t.sees_nothing();
            t.goes_on();
        }
    }

    /// RFC 9113 §5.4.2: "MUST NOT send a RST_STREAM in response to a RST_STREAM frame".
    #[test]
    fn a_reset_is_never_answered() {
        let mut t = reset_by_peer();
        t.peer_sends([
            rst_stream(1, ErrorCode::CANCEL),
            rst_stream(1, ErrorCode::STREAM_CLOSED),
            window_update(1, 1),
            priority(1),
        ]);
        t.sees_nothing();
        t.goes_on();
    }
}

mod forgotten {
    use super::*;

    /// A connection on which stream 1 ended so, and then 300 others did: more than are remembered.
    fn long_ago(mut t: Script) -> Script {
        for _ in 0..300 {
            let id = t.open(get("/"));
            t.peer_gets(headers(id).end_stream());
            t.peer_sends(response(id, 200).end_stream());
            t.sees([head(id, 200).end_stream(), finished(id)]);
        }
        t
    }

    #[test]
    fn all_frames_are_ignored_however_it_ended() {
        for t in [ended(), cancelled(), reset_by_peer()] {
            let mut t = long_ago(t);
            t.peer_sends([
                response(1, 200).field("x-in-step", "yes"),
                data(1, "late"),
                window_update(1, 1),
                rst_stream(1, ErrorCode::CANCEL),
                priority(1),
                raw(FrameType::WINDOW_UPDATE, 0, 1, &[0; 4]),
                trailers(1, "x-in-step", "yes"),
            ]);
            t.sees_nothing();
            t.goes_on();
        }
    }

    #[test]
    fn late_data_gives_its_credit_back_to_the_connection() {
        let window = consts::INITIAL_WINDOW_SIZE;
        let config = config(|config| config.connection_window_size = window);
        let mut t = Script::connected_with(config, &[]);
        t.open(get("/"));
        t.reads();
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        let mut t = long_ago(t);
        t.peer_sends([data(1, vec![0; 16_384]), data(1, vec![0; 16_384])]);
        t.peer_gets(window_update(0, 32_768));
        t.goes_on();
    }
}
