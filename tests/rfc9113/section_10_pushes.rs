//! RFC 9113 §10.5: what a server can make us hold or do by promises.

use towline::http2::{Config, ErrorCode, Limits, Violation};

use crate::support::*;

/// What `push_promise` costs, as field sections are counted: names, values, and 32 a field.
const PROMISE: u32 = (7 + 7 + 10 + 5) + (3 + 5 + 11 + 7) + 4 * 32;

fn asked(change: impl FnOnce(&mut Limits)) -> Script {
    let mut t = Script::pushing_with(|config| change(&mut config.limits));
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

#[track_caller]
fn answer(t: &mut Script, id: u32) {
    t.peer_sends(response(id, 200).end_stream());
    t.sees([head(id, 200).end_stream(), finished(id)]);
}

#[test]
fn the_defaults_are_a_hundred_streams_and_more_than_one_window() {
    let limits = Limits::default();
    assert_eq!(limits.promised_streams, 100);
    assert_eq!(limits.unclaimed_push_octets, 2 << 20);
    assert!(limits.unclaimed_push_octets > Config::default().stream_window_size);
}

mod streams {
    use super::*;

    /// RFC 9113 §8.4.2: reserved streams are bounded by no setting.
    #[test]
    fn promises_beyond_the_limit_are_refused_and_a_place_that_is_free_is_taken() {
        let mut t = asked(|limits| limits.promised_streams = 2);
        t.peer_sends([push_promise(1, 2), push_promise(1, 4), push_promise(1, 6)]);
        t.peer_gets(rst_stream(6, ErrorCode::REFUSED_STREAM));
        t.sees([promise(1, 2), promise(1, 4)]);
        t.claim(2);
        // Open counts as reserved does.
        t.peer_sends([response(2, 200), push_promise(1, 8)]);
        t.peer_gets(rst_stream(8, ErrorCode::REFUSED_STREAM));
        t.sees([head(2, 200)]);
        t.peer_sends([data(2, "").end_stream(), push_promise(1, 10)]);
        t.sees([content(2, "").end_stream(), finished(2), promise(1, 10)]);
        t.refuse(4);
        t.peer_gets(rst_stream(4, ErrorCode::REFUSED_STREAM));
        t.sees([finished(4)]);
        t.peer_sends([rst_stream(10, ErrorCode::CANCEL), push_promise(1, 12)]);
        t.sees([reset(10, ErrorCode::CANCEL), finished(10), promise(1, 12)]);
        t.claim(10);
        t.claim(12);
        answer(&mut t, 12);
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn no_place_means_no_promise() {
        let mut t = asked(|limits| limits.promised_streams = 0);
        t.peer_sends(push_promise(1, 2));
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        answer(&mut t, 1);
        t.goes_on();
    }
}

mod floods {
    use super::*;

    /// So many rounds of the same are forgiven, and not one more.
    #[track_caller]
    fn is_a_flood(
        change: impl FnOnce(&mut Limits),
        free: u32,
        mut round: impl FnMut(&mut Script, u32),
    ) {
        let mut t = asked(|limits| {
            limits.fault_burst = 20;
            change(limits);
        });
        for count in 1..=free + 20 {
            round(&mut t, 2 * count);
            t.reads();
            t.events();
            assert!(!t.engine.is_closed(), "after {count}");
        }
        round(&mut t, 2 * (free + 21));
        t.connection_fails(ErrorCode::ENHANCE_YOUR_CALM, Violation::FaultFlood);
    }

    /// The peer need not know what room there is: a page's worth of promises is free.
    #[test]
    fn promises_beyond_the_limit_are_counted_when_they_are_too_many_on_a_stream() {
        let none = |limits: &mut Limits| limits.promised_streams = 0;
        is_a_flood(none, 32, |t, id| t.peer_sends(push_promise(1, id)));
    }

    #[test]
    fn promises_for_which_there_is_no_room_are_counted_when_they_are_too_many_on_a_stream() {
        let none = |limits: &mut Limits| limits.unclaimed_push_octets = 0;
        is_a_flood(none, 32, |t, id| t.peer_sends(push_promise(1, id)));
    }

    #[test]
    fn malformed_promises_are_counted() {
        is_a_flood(
            |_| {},
            0,
            |t, id| t.peer_sends(push_promise(1, id).field("content-length", "1")),
        );
    }

    #[test]
    fn promises_with_too_large_a_section_are_counted() {
        let small = |limits: &mut Limits| limits.field_count = 4;
        is_a_flood(small, 0, |t, id| {
            t.peer_sends(push_promise(1, id).field("a", "b"));
        });
    }

    /// Fifty pages at once, each with five parts, in one read: nobody is to blame.
    #[test]
    fn an_honest_peer_that_pushes_much_at_once_is_only_refused() {
        let mut t = asked(|limits| limits.fault_burst = 20);
        let parents: Vec<_> = (1..50).map(|_| t.open(get("/"))).collect();
        t.reads();
        t.peer_sends((1..=250).map(|count| push_promise(2 * (count % 50) + 1, 2 * count)));
        assert!(!t.engine.is_closed());
        let refused = t.reads().len();
        assert_eq!((refused, t.engine.promised_streams()), (150, 100));
        assert_eq!(t.events().len(), 100);
        for count in 1..=250 {
            t.refuse(2 * count);
        }
        assert_eq!(t.reads().len(), 100);
        t.events();
        for id in parents.into_iter().chain([1]) {
            answer(&mut t, id);
        }
        t.goes_on();
    }

    /// Rapid reset the other way round (CVE-2023-44487).
    #[test]
    fn promises_that_are_taken_back_are_counted() {
        let mut t = asked(|limits| limits.fault_burst = 20);
        for count in 1..=20 {
            let id = 2 * count;
            t.peer_sends([push_promise(1, id), rst_stream(id, ErrorCode::CANCEL)]);
            t.sees([promise(1, id), reset(id, ErrorCode::CANCEL), finished(id)]);
            t.claim(id);
        }
        t.peer_sends(push_promise(1, 42));
        t.sees([promise(1, 42)]);
        t.peer_sends(rst_stream(42, ErrorCode::CANCEL));
        t.connection_fails_after(42, ErrorCode::ENHANCE_YOUR_CALM, Violation::FaultFlood);
    }

    #[test]
    fn pushes_that_are_begun_and_broken_off_are_counted() {
        let mut t = asked(|limits| limits.fault_burst = 20);
        for count in 1..=21 {
            let id = 2 * count;
            t.peer_sends([push_promise(1, id), response(id, 200)]);
            t.sees([promise(1, id), head(id, 200)]);
            t.claim(id);
            t.peer_sends(rst_stream(id, ErrorCode::CANCEL));
            if count < 21 {
                t.sees([reset(id, ErrorCode::CANCEL), finished(id)]);
            }
        }
        t.connection_fails_after(42, ErrorCode::ENHANCE_YOUR_CALM, Violation::FaultFlood);
    }

    /// Our own cancels are nobody's fault: what crosses one is free, as far as it can have.
    #[test]
    fn promises_that_crossed_our_reset_are_counted_beyond_what_can_have_crossed() {
        let mut t = asked(|limits| limits.fault_burst = 20);
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        for count in 1..=36 {
            t.peer_sends(push_promise(1, 2 * count));
            t.peer_gets(rst_stream(2 * count, ErrorCode::REFUSED_STREAM));
        }
        t.peer_sends(push_promise(1, 74));
        t.connection_fails(ErrorCode::ENHANCE_YOUR_CALM, Violation::FaultFlood);
    }

    /// CVE-2019-9514: resets that the peer provokes and does not read.
    #[test]
    fn refusals_that_the_peer_does_not_read_are_bounded() {
        let mut t = asked(|limits| {
            limits.queued_control_frames = 5;
        });
        let malformed = |count: u32| push_promise(1, 2 * count).field("content-length", "1");
        t.peer_sends((1..=6).map(malformed));
        let sent = t.reads();
        let (goaway, resets) = sent.split_last().expect("something");
        assert_eq!(resets.len(), 5);
        assert!(matches!(goaway, Wire::GoAway { last: 0, code, .. }
            if *code == ErrorCode::ENHANCE_YOUR_CALM));
        t.sees([closed(towline::http2::engine::Closure::Fault(
            Violation::ControlFlood,
        ))]);
        t.assert_quiet();
    }
}

mod unclaimed {
    use super::*;

    fn bounded(octets: u32) -> Script {
        asked(|limits| limits.unclaimed_push_octets = octets)
    }

    #[test]
    fn promises_for_which_there_is_no_room_are_refused() {
        let mut t = bounded(2 * PROMISE);
        t.peer_sends([push_promise(1, 2), push_promise(1, 4), push_promise(1, 6)]);
        t.peer_gets(rst_stream(6, ErrorCode::REFUSED_STREAM));
        t.sees([promise(1, 2), promise(1, 4)]);
        // What somebody wants makes room for another.
        t.claim(2);
        t.peer_sends(push_promise(1, 8));
        t.sees([promise(1, 8)]);
        t.claim(4);
        t.claim(8);
        for id in [2, 4, 8, 1] {
            answer(&mut t, id);
        }
        t.goes_on();
    }

    #[test]
    fn one_octet_less_is_no_room() {
        const FIELD: u32 = 32 + 2;
        let with_field = || push_promise(1, 2).field("a", "b");
        for (wire, octets) in [
            (push_promise(1, 2), PROMISE),
            (with_field(), PROMISE + FIELD),
        ] {
            let mut t = bounded(octets - 1);
            t.peer_sends(wire.clone());
            t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
            answer(&mut t, 1);
            t.goes_on();

            let mut t = bounded(octets);
            t.peer_sends(wire);
            t.sees([promise(1, 2)]);
            t.claim(2);
            answer(&mut t, 2);
            answer(&mut t, 1);
            t.goes_on();
        }
    }

    /// The section of the response, its content and its trailers, to the octet.
    #[test]
    fn a_response_that_outgrows_the_bound_is_reset() {
        const FIELD: u32 = 32 + 2;
        let frames = || {
            [
                response(2, 103).field("a", "b"),
                response(2, 200).field("a", "b"),
                data(2, vec![0; 100]),
                data(2, vec![0; 50]).padded(9),
                trailers(2, "a", "b"),
            ]
        };
        let costs = [FIELD, FIELD, 100, 50, FIELD];
        let seen = [
            interim(2, 103),
            head(2, 200),
            content(2, vec![0; 100]),
            content(2, vec![0; 50]),
            tail(2, "a", "b"),
        ];
        for count in 1..=frames().len() {
            let all = PROMISE + costs[..count].iter().sum::<u32>();
            let mut t = bounded(all - 1);
            t.peer_sends(push_promise(1, 2));
            t.peer_sends(frames().into_iter().take(count));
            t.peer_gets(rst_stream(2, ErrorCode::CANCEL));
            let mut expected = vec![promise(1, 2)];
            expected.extend_from_slice(&seen[..count - 1]);
            expected.extend([fault(2, Violation::UnclaimedPush), finished(2)]);
            t.sees(expected);
            t.refuse(2);
            answer(&mut t, 1);
            t.goes_on();

            let mut t = bounded(all);
            t.peer_sends(push_promise(1, 2));
            t.peer_sends(frames().into_iter().take(count));
            t.peer_gets_nothing();
            t.events();
            t.claim(2);
            if count < frames().len() {
                t.cancel(2);
                t.peer_gets(rst_stream(2, ErrorCode::CANCEL));
                t.sees([finished(2)]);
            }
            answer(&mut t, 1);
            t.goes_on();
        }
    }

    #[test]
    fn what_is_claimed_counts_no_more() {
        let mut t = bounded(PROMISE + 10);
        t.peer_sends([push_promise(1, 2), response(2, 200), data(2, vec![0; 10])]);
        t.sees([promise(1, 2), head(2, 200), content(2, vec![0; 10])]);
        t.claim(2);
        t.peer_sends(data(2, vec![0; 10_000]).end_stream());
        t.sees([content(2, vec![0; 10_000]).end_stream(), finished(2)]);
        // All of the room is there again.
        t.peer_sends([push_promise(1, 4), response(4, 200), data(4, vec![0; 10])]);
        t.sees([promise(1, 4), head(4, 200), content(4, vec![0; 10])]);
        t.refuse(4);
        t.peer_gets(rst_stream(4, ErrorCode::REFUSED_STREAM));
        t.sees([finished(4)]);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// A response that is complete is held as long as nobody reads it.
    #[test]
    fn a_push_that_is_over_counts_until_it_is_let_go_of() {
        let endings = [
            response(2, 200).end_stream(),
            rst_stream(2, ErrorCode::CANCEL),
        ];
        for ending in endings {
            let mut t = bounded(PROMISE);
            t.peer_sends([push_promise(1, 2), ending, push_promise(1, 4)]);
            t.peer_gets(rst_stream(4, ErrorCode::REFUSED_STREAM));
            t.events();
            t.refuse(2);
            t.peer_gets_nothing();
            t.peer_sends(push_promise(1, 6));
            t.sees([promise(1, 6)]);
            t.claim(6);
            answer(&mut t, 6);
            answer(&mut t, 1);
            t.goes_on();
        }
    }

    #[test]
    fn claiming_twice_or_what_was_never_promised_changes_nothing() {
        let mut t = bounded(PROMISE);
        t.peer_sends(push_promise(1, 2));
        t.sees([promise(1, 2)]);
        t.claim(1);
        t.claim(4);
        t.refuse(4);
        t.peer_sends(push_promise(1, 6));
        t.peer_gets(rst_stream(6, ErrorCode::REFUSED_STREAM));
        t.claim(2);
        t.claim(2);
        t.peer_sends([push_promise(1, 8), push_promise(1, 10)]);
        t.peer_gets(rst_stream(10, ErrorCode::REFUSED_STREAM));
        t.sees([promise(1, 8)]);
        t.claim(8);
        for id in [2, 8, 1] {
            answer(&mut t, id);
        }
        t.goes_on();
    }

    /// It is for the caller to be in time, so it is no fault of the peer's.
    #[test]
    fn pushes_that_outgrow_the_bound_are_not_counted() {
        let mut t = asked(|limits| {
            limits.unclaimed_push_octets = 20 * PROMISE;
            limits.fault_burst = 1;
            limits.queued_control_frames = 1;
        });
        let ids = || (1..=20).map(|count| 2 * count);
        t.peer_sends(ids().map(|id| push_promise(1, id)));
        t.peer_sends(ids().map(|id| response(id, 200)));
        t.peer_sends(ids().map(|id| data(id, "x")));
        t.peer_gets(ids().map(|id| rst_stream(id, ErrorCode::CANCEL)));
        assert_eq!(t.events().len(), 80);
        for id in ids() {
            t.refuse(id);
        }
        answer(&mut t, 1);
        t.goes_on();
    }

    /// One push that is reset for its size takes no other with it.
    #[test]
    fn the_push_that_comes_last_is_the_one_that_goes() {
        let mut t = bounded(2 * PROMISE + 100);
        t.peer_sends([
            push_promise(1, 2),
            push_promise(1, 4),
            response(2, 200),
            response(4, 200),
            data(2, vec![0; 60]),
            data(4, vec![0; 60]),
        ]);
        t.peer_gets(rst_stream(4, ErrorCode::CANCEL));
        t.sees([
            promise(1, 2),
            promise(1, 4),
            head(2, 200),
            head(4, 200),
            content(2, vec![0; 60]),
            fault(4, Violation::UnclaimedPush),
            finished(4),
        ]);
        t.refuse(4);
        t.claim(2);
        t.peer_sends(data(2, "").end_stream());
        t.sees([content(2, "").end_stream(), finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }
}

mod sections {
    use super::*;

    /// CVE-2024-2398: a promise with too many fields is let go of as a whole.
    #[test]
    fn a_promise_with_too_large_a_section_is_reset_and_not_kept() {
        let too_many = (0..40).fold(push_promise(1, 2), |wire, count| {
            wire.field(format!("x-field-{count}"), "value")
        });
        let too_long = push_promise(1, 2).field("x-long", vec![b'a'; 3_000]);
        let spread = too_many.clone().cut(&[100, 0, 100]);
        for wire in [too_many, too_long, spread] {
            let mut t = asked(|limits| {
                limits.field_section_size = 2_000;
                limits.field_count = 30;
            });
            t.peer_sends(wire);
            t.peer_gets(rst_stream(2, ErrorCode::ENHANCE_YOUR_CALM));
            t.sees_nothing();
            assert_eq!(t.engine.promised_streams(), 0);
            // The decoder has seen all of it.
            t.peer_sends(
                push_promise(1, 4)
                    .field("x-field-39", "value")
                    .field("x-in-step", "yes"),
            );
            t.sees([promise(1, 4)]);
            t.claim(4);
            answer(&mut t, 4);
            answer(&mut t, 1);
            t.goes_on();
        }
    }

    /// RUSTSEC-2024-0332.
    #[test]
    fn a_promise_spread_over_too_many_frames_is_a_flood() {
        let mut t = asked(|limits| limits.continuations = Some(3));
        t.peer_sends(push_promise(1, 2).cut(&[1, 1, 1, 1]));
        let violation = Violation::ContinuationFlood;
        t.connection_fails(ErrorCode::ENHANCE_YOUR_CALM, violation);
    }

    #[test]
    fn interim_heads_of_a_push_are_bounded() {
        let mut t = asked(|limits| limits.interim_responses = 2);
        t.peer_sends(push_promise(1, 2));
        t.peer_sends([response(2, 103), response(2, 103)]);
        t.sees([promise(1, 2), interim(2, 103), interim(2, 103)]);
        t.claim(2);
        answer(&mut t, 1);
        t.peer_sends(response(2, 103));
        t.stream_fails(2, ErrorCode::ENHANCE_YOUR_CALM, Violation::InterimFlood);
    }
}
