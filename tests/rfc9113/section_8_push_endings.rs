//! RFC 9113 §8.4, §6.8: how pushes end, from either side, and with the connection.

use towline::http2::{
    ErrorCode,
    engine::{Closure, Refusal},
    frame::SettingId,
};

use super::section_8_push::{answer, promised};
use crate::support::*;

mod endings {
    use super::*;

    /// RFC 9113 §8.4.2: CANCEL or REFUSED_STREAM.
    #[test]
    fn a_promise_can_be_refused_and_what_crosses_that_is_ignored() {
        let mut t = promised();
        t.refuse(2);
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        t.sees([finished(2)]);
        t.peer_sends([
            response(2, 200).field("x-in-step", "late"),
            data(2, vec![0; 16_384]),
            rst_stream(2, ErrorCode::CANCEL),
        ]);
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn a_push_can_be_cancelled_amid_its_content() {
        let mut t = promised();
        t.claim(2);
        t.peer_sends([response(2, 200), data(2, "some")]);
        t.sees([head(2, 200), content(2, "some")]);
        t.cancel(2);
        t.peer_gets(rst_stream(2, ErrorCode::CANCEL));
        t.sees([finished(2)]);
        t.peer_sends([data(2, "more"), trailers(2, "x-in-step", "late")]);
        t.sees_nothing();
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn a_push_that_is_complete_can_still_be_let_go_of() {
        for let_go in [Script::refuse, Script::claim] {
            let mut t = promised();
            answer(&mut t, 2);
            let_go(&mut t, 2);
            t.peer_gets_nothing();
            answer(&mut t, 1);
            t.goes_on();
        }
    }

    #[test]
    fn the_peer_can_take_back_what_it_has_promised() {
        let mut t = promised();
        t.claim(2);
        t.peer_sends(rst_stream(2, ErrorCode::INTERNAL_ERROR));
        t.sees([reset(2, ErrorCode::INTERNAL_ERROR), finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn the_peer_can_break_off_what_it_pushes() {
        let mut t = promised();
        t.claim(2);
        t.peer_sends([
            response(2, 200),
            data(2, "some"),
            rst_stream(2, ErrorCode::CANCEL),
        ]);
        t.sees([
            head(2, 200),
            content(2, "some"),
            reset(2, ErrorCode::CANCEL),
            finished(2),
        ]);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// RFC 9113 §5.1: "STREAM_CLOSED" for what comes after the peer's own reset.
    #[test]
    fn a_response_after_the_peer_has_taken_back_its_promise_is_told_once() {
        let mut t = promised();
        t.claim(2);
        t.peer_sends([rst_stream(2, ErrorCode::CANCEL), response(2, 200)]);
        t.sees([reset(2, ErrorCode::CANCEL), finished(2)]);
        t.peer_gets(rst_stream(2, ErrorCode::STREAM_CLOSED));
        t.peer_sends(data(2, "more"));
        t.peer_gets_nothing();
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn pushes_outlive_the_request_that_brought_them() {
        let mut t = promised();
        t.claim(2);
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        answer(&mut t, 2);
        t.goes_on();
    }

    /// RFC 9113 §5.1.2: the peer's limit is on the streams that we open.
    #[test]
    fn pushes_take_no_slot_of_a_request() {
        let mut t = Script::connected_with(
            config(|config| config.enable_push = true),
            &[(SettingId::MAX_CONCURRENT_STREAMS, 1)],
        );
        t.speaks_for("https://example.com");
        t.open(get("/"));
        t.reads();
        t.peer_sends([
            push_promise(1, 2),
            push_promise(1, 4),
            response(2, 200),
            response(1, 200).end_stream(),
        ]);
        t.sees([
            promise(1, 2),
            promise(1, 4),
            head(2, 200),
            head(1, 200).end_stream(),
            finished(1),
        ]);
        assert_eq!(
            (t.engine.open_streams(), t.engine.promised_streams()),
            (0, 2)
        );
        t.open(get("/next"));
        assert_eq!(t.try_open(get("/one-too-many")), Err(Refusal::StreamLimit));
        assert_eq!(
            (t.engine.open_streams(), t.engine.promised_streams()),
            (1, 2)
        );
        t.peer_gets(headers(3).end_stream());
        t.claim(2);
        t.claim(4);
        t.peer_sends([data(2, "").end_stream(), response(4, 204).end_stream()]);
        t.sees([
            content(2, "").end_stream(),
            finished(2),
            head(4, 204).end_stream(),
            finished(4),
        ]);
        answer(&mut t, 3);
        t.goes_on();
    }
}

mod closing {
    use super::*;

    #[test]
    fn a_retired_connection_waits_for_pushes_that_are_claimed() {
        let mut t = promised();
        t.claim(2);
        t.engine.retire();
        t.sees([Seen::Retired]);
        answer(&mut t, 1);
        t.peer_gets_nothing();
        t.peer_sends([response(2, 200), data(2, "all").end_stream()]);
        t.peer_gets(goaway(2, ErrorCode::NO_ERROR));
        t.sees([
            head(2, 200),
            content(2, "all").end_stream(),
            finished(2),
            closed(Closure::Drained),
        ]);
        t.assert_quiet();
    }

    /// A server that promises and never answers must not keep a connection for ever.
    #[test]
    fn a_retired_connection_resets_pushes_that_nobody_has_claimed() {
        let mut t = promised();
        t.engine.retire();
        t.sees([Seen::Retired]);
        t.peer_sends([push_promise(1, 4), response(2, 200)]);
        t.sees([promise(1, 4), head(2, 200)]);
        t.peer_gets_nothing();
        t.peer_sends(response(1, 200).end_stream());
        t.peer_gets([
            rst_stream(2, ErrorCode::CANCEL),
            rst_stream(4, ErrorCode::CANCEL),
            goaway(4, ErrorCode::NO_ERROR),
        ]);
        t.sees([
            head(1, 200).end_stream(),
            finished(1),
            closed(Closure::Drained),
        ]);
        t.assert_quiet();
    }

    /// One claimed push keeps the others too: they may yet be claimed.
    #[test]
    fn a_retired_connection_that_waits_for_one_push_leaves_the_others() {
        let mut t = promised();
        t.peer_sends(push_promise(1, 4));
        t.sees([promise(1, 4)]);
        t.claim(4);
        t.engine.retire();
        t.sees([Seen::Retired]);
        answer(&mut t, 1);
        t.peer_gets_nothing();
        t.claim(2);
        answer(&mut t, 4);
        t.peer_gets_nothing();
        t.peer_sends(response(2, 200).end_stream());
        t.peer_gets(goaway(4, ErrorCode::NO_ERROR));
        t.sees([
            head(2, 200).end_stream(),
            finished(2),
            closed(Closure::Drained),
        ]);
        t.assert_quiet();
    }

    #[test]
    fn a_retired_connection_closes_when_its_last_push_is_cancelled() {
        let mut t = promised();
        t.claim(2);
        t.engine.retire();
        t.sees([Seen::Retired]);
        answer(&mut t, 1);
        t.cancel(2);
        t.peer_gets([
            rst_stream(2, ErrorCode::CANCEL),
            goaway(2, ErrorCode::NO_ERROR),
        ]);
        t.sees([finished(2), closed(Closure::Drained)]);
        t.assert_quiet();
    }

    /// RFC 9113 §6.8: its last stream identifier is one of ours.
    #[test]
    fn goaway_from_the_peer_concerns_no_push() {
        let mut t = promised();
        t.claim(2);
        t.open(get("/lost"));
        t.peer_gets(headers(3).end_stream());
        t.peer_sends(goaway(1, ErrorCode::NO_ERROR));
        t.sees([
            Seen::Retired,
            unprocessed(3, ErrorCode::NO_ERROR),
            finished(3),
        ]);
        // The server has not said that it will promise no more.
        t.peer_sends(push_promise(1, 4));
        t.sees([promise(1, 4)]);
        t.claim(4);
        answer(&mut t, 2);
        answer(&mut t, 1);
        t.peer_sends(response(4, 200).end_stream());
        t.sees([
            head(4, 200).end_stream(),
            finished(4),
            closed(Closure::Drained),
        ]);
        t.peer_gets(goaway(4, ErrorCode::NO_ERROR));
        t.assert_quiet();
    }

    /// RFC 9113 §6.8: the highest stream of the peer's that we might have acted on.
    #[test]
    fn our_goaway_names_the_highest_promise_that_was_taken() {
        let mut t = promised();
        t.peer_sends(push_promise(1, 6).field("content-length", "1"));
        t.peer_gets(rst_stream(6, ErrorCode::PROTOCOL_ERROR));
        t.engine.close(ErrorCode::NO_ERROR);
        t.peer_gets(goaway(2, ErrorCode::NO_ERROR));
        // RFC 9113 §6.8: what comes after is not looked at.
        t.peer_sends(push_promise(1, 8));
        t.peer_gets_nothing();
        t.sees([closed(Closure::Local(ErrorCode::NO_ERROR))]);
        t.assert_quiet();
    }

    #[test]
    fn a_connection_that_breaks_off_ends_pushes_with_it() {
        let mut t = promised();
        t.peer_sends([response(2, 200), data(2, "some")]);
        t.sees([head(2, 200), content(2, "some")]);
        t.peer_hangs_up();
        t.ends(Closure::Eof);
    }
}

mod windows {
    use towline::window::{Fixed, Managers, Scope};

    use super::*;

    /// A wider window would invite the server beyond what may be held of unclaimed pushes.
    #[test]
    fn the_manager_of_a_push_is_asked_once_somebody_wants_it() {
        let mut t = Script::pushing_with(|config| {
            config.stream_window_size = 1_000;
            config.stream_window_managers = Managers::new(|_: Scope, _: u32| Fixed::new(5_000));
        });
        t.open(get("/"));
        t.peer_gets([headers(1).end_stream(), window_update(1, 4_000)]);
        t.peer_sends([push_promise(1, 2), response(2, 200), data(2, vec![1; 999])]);
        t.sees([promise(1, 2), head(2, 200), content(2, vec![1; 999])]);
        t.peer_gets([]);
        t.claim(2);
        t.peer_gets(window_update(2, 4_000));
        t.claim(2);
        t.peer_gets([]);
        t.peer_sends(data(2, "x").end_stream());
        t.sees([content(2, "x").end_stream(), finished(2)]);
        answer(&mut t, 1);
        t.assert_quiet();
    }
}
