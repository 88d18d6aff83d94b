//! RFC 9218 §9, §10, as far as they speak of whoever sends: our uploads, by urgency and in turns.

use towline::{
    http2::frame::SettingId,
    priority::{Priority, Urgency},
};

use crate::{shared, support::*, urgent};

/// One full frame.
const FRAME: usize = 16_384;

/// Windows that hold up nobody, if the connection's is widened too.
const WIDE: [(SettingId, u32); 1] = [(SettingId::INITIAL_WINDOW_SIZE, 1 << 24)];

/// A connection on which only turns decide.
fn wide() -> Script {
    let mut t = Script::connected_with(config(|_| {}), &WIDE);
    t.peer_sends(window_update(0, 1 << 24));
    t
}

/// POSTs with whole bodies of so many full frames.
fn uploading(bodies: &[(Option<Priority>, usize)]) -> Script {
    let mut t = wide();
    open(&mut t, bodies);
    t
}

fn open(t: &mut Script, bodies: &[(Option<Priority>, usize)]) {
    for (priority, frames) in bodies {
        let body = post("/").whole(vec![b'x'; frames * FRAME]);
        t.open(match priority {
            Some(priority) => body.extension(*priority),
            None => body,
        });
    }
}

/// The streams of the DATA frames.
fn turns(sent: &[Wire]) -> Vec<u32> {
    sent.iter()
        .filter_map(|frame| match frame {
            Wire::Data { id, .. } => Some(*id),
            _ => None,
        })
        .collect()
}

/// All streams get their responses, and all is quiet.
#[track_caller]
fn ends_well(mut t: Script, streams: u32) {
    for id in (1..2 * streams).step_by(2) {
        t.peer_sends(response(id, 200).end_stream());
        t.sees([head(id, 200).end_stream(), finished(id)]);
    }
    t.goes_on();
}

#[test]
fn what_is_more_urgent_goes_first() {
    let mut t = uploading(&[
        (Some(urgent(7)), 2),
        (Some(shared(5)), 2),
        (Some(urgent(0)), 2),
        (Some(shared(2)), 2),
    ]);
    assert_eq!(turns(&t.reads()), [5, 5, 7, 7, 3, 3, 1, 1]);
    ends_well(t, 4);
}

/// RFC 9218 §10: "in ascending order of the stream ID".
#[test]
fn of_one_urgency_the_first_one_is_finished_first() {
    let mut t = uploading(&[
        (Some(urgent(3)), 3),
        (Some(urgent(3)), 1),
        (Some(urgent(3)), 2),
    ]);
    assert_eq!(turns(&t.reads()), [1, 1, 1, 3, 5, 5]);
    ends_well(t, 3);
}

/// RFC 9218 §10: "by sharing bandwidth among them".
#[test]
fn incremental_ones_take_turns() {
    let mut t = uploading(&[
        (Some(shared(1)), 3),
        (Some(shared(1)), 1),
        (Some(shared(1)), 2),
    ]);
    assert_eq!(turns(&t.reads()), [1, 3, 5, 1, 5, 1]);
    ends_well(t, 3);
}

/// All that are not incremental have one place among those that are.
#[test]
fn both_kinds_share_an_urgency() {
    let mut t = uploading(&[
        (Some(shared(3)), 3),
        (Some(urgent(3)), 2),
        (Some(urgent(3)), 2),
        (Some(shared(3)), 1),
    ]);
    assert_eq!(turns(&t.reads()), [1, 3, 7, 1, 3, 1, 5, 5]);
    ends_well(t, 4);
}

#[test]
fn without_a_priority_a_stream_takes_turns_at_urgency_three() {
    let mut t = uploading(&[
        (None, 2),
        (Some(urgent(4)), 1),
        (None, 2),
        (Some(shared(3)), 2),
        (Some(urgent(2)), 1),
    ]);
    assert_eq!(turns(&t.reads()), [9, 1, 5, 7, 1, 5, 7, 3]);
    ends_well(t, 5);
}

/// A priority that is said, be it the default, is one that is not incremental.
#[test]
fn the_default_that_is_said_is_not_incremental() {
    let said = Some(Priority::default());
    let mut t = uploading(&[(said, 2), (said, 2)]);
    assert_eq!(turns(&t.reads()), [1, 1, 3, 3]);
    ends_well(t, 2);
}

mod shares {
    use super::*;

    /// Fifteen turns, then one of those that wait.
    #[test]
    fn nobody_starves() {
        let mut t = uploading(&[(Some(urgent(0)), 64), (Some(urgent(7)), 4)]);
        let turns = turns(&t.reads());
        let places: Vec<_> = (0..turns.len()).filter(|at| turns[*at] == 3).collect();
        assert_eq!(places, [15, 31, 47, 63]);
        assert_eq!(turns.len(), 68);
        ends_well(t, 2);
    }

    #[test]
    fn each_urgency_has_a_share_of_its_own() {
        let bodies: Vec<_> = (0..8).map(|urgency| (Some(urgent(urgency)), 40)).collect();
        let mut t = uploading(&bodies);
        let turns = turns(&t.reads());
        // Whoever waits is served within fifteen turns, and those of the seven others.
        for id in (1..16).step_by(2) {
            let mut waited = 0;
            let left = turns.iter().filter(|turn| **turn == id).count();
            assert_eq!(left, 40, "of stream {id}");
            let mut left = left;
            for turn in &turns {
                waited = if *turn == id { 0 } else { waited + 1 };
                left -= usize::from(*turn == id);
                assert!(left == 0 || waited <= 22, "stream {id} waits");
            }
        }
        // And the most urgent gets more than half.
        let until = turns.iter().rposition(|turn| *turn == 1).unwrap();
        assert!(until < 80, "the most urgent ends after {until} turns");
        ends_well(t, 8);
    }

    /// A turn is what counts, not what a stream is waiting for.
    #[test]
    fn only_turns_that_are_taken_count() {
        let mut t = Script::connected_with(config(|_| {}), &WIDE);
        open(&mut t, &[(Some(urgent(0)), 40), (Some(urgent(7)), 1)]);
        // The connection's window takes four frames. Its being used up passes over nobody.
        let mut sent = turns(&t.reads());
        for _ in 0..40 {
            t.peer_sends(window_update(0, 1));
            sent.extend(turns(&t.reads()));
        }
        assert!(sent.len() > 40);
        let before = sent.iter().position(|id| *id == 3).unwrap();
        assert_eq!(before, 15);
        t.peer_sends(window_update(0, 1 << 24));
        t.reads();
        ends_well(t, 2);
    }
}

mod windows {
    use super::*;

    #[test]
    fn a_stream_without_window_holds_up_nobody() {
        let small = [(SettingId::INITIAL_WINDOW_SIZE, 10)];
        let mut t = Script::connected_with(config(|_| {}), &small);
        open(
            &mut t,
            &[
                (Some(urgent(0)), 1),
                (Some(urgent(0)), 1),
                (Some(urgent(7)), 1),
            ],
        );
        assert_eq!(turns(&t.reads()), [1, 3, 5]);
        t.peer_sends(window_update(5, 10));
        assert_eq!(turns(&t.reads()), [5]);
        t.peer_sends(window_update(3, 10));
        assert_eq!(turns(&t.reads()), [3]);
        // Once it has one again, its place is the one that it had.
        let all = u32::try_from(FRAME).unwrap();
        t.peer_sends([5, 3, 1].map(|id| window_update(id, all)));
        assert_eq!(turns(&t.reads()), [1, 3, 5]);
        ends_well(t, 3);
    }

    #[test]
    fn the_connections_window_is_for_the_most_urgent_first() {
        let mut t = Script::connected_with(config(|_| {}), &WIDE);
        open(&mut t, &[(Some(urgent(5)), 8)]);
        // All of it is used up, and more is wanted.
        assert_eq!(turns(&t.reads()), [1; 4]);
        open(
            &mut t,
            &[(Some(shared(1)), 2), (Some(urgent(1)), 2), (None, 1)],
        );
        t.reads();
        let five = u32::try_from(5 * FRAME).unwrap();
        t.peer_sends(window_update(0, five));
        assert_eq!(turns(&t.reads()), [3, 5, 3, 5, 7]);
        t.peer_sends(window_update(0, 1 << 20));
        assert_eq!(
            turns(&t.reads()),
            [1; 5],
            "the last octet is a frame of its own"
        );
        ends_well(t, 4);
    }

    /// RFC 9113 §6.9.1: an end alone passes whatever is waiting.
    #[test]
    fn an_end_without_octets_goes_at_once() {
        let mut t = Script::connected_with(config(|_| {}), &WIDE);
        open(&mut t, &[(Some(urgent(0)), 5)]);
        t.open(post("/").extension(urgent(7)));
        t.reads();
        t.finish(3);
        t.peer_gets(data(3, "").end_stream());
        t.peer_sends(window_update(0, 1 << 20));
        assert_eq!(turns(&t.reads()), [1, 1]);
        ends_well(t, 2);
    }
}

mod changes {
    use super::*;

    /// Three streams that the connection's window has stopped, one frame before the end of each.
    fn stopped(priorities: [Priority; 3]) -> Script {
        let mut t = Script::connected_with(config(|_| {}), &WIDE);
        let blocker = post("/").whole(vec![0; 65_535]);
        t.open(blocker.extension(urgent(0)));
        t.reads();
        assert_eq!(t.peer.window, 0);
        open(&mut t, &priorities.map(|priority| (Some(priority), 1)));
        t.reads();
        t
    }

    fn go_on(t: &mut Script) -> Vec<u32> {
        t.peer_sends(window_update(0, 1 << 20));
        turns(&t.reads())
    }

    #[test]
    fn a_change_moves_a_stream_that_is_stopped() {
        let mut t = stopped([urgent(1), urgent(2), urgent(3)]);
        t.prioritize(7, urgent(0));
        t.prioritize(3, urgent(7));
        assert_eq!(go_on(&mut t), [7, 5, 3]);
        ends_well(t, 4);
    }

    #[test]
    fn a_change_moves_a_stream_that_can_send() {
        let mut t = uploading(&[(Some(urgent(1)), 2), (Some(urgent(1)), 2), (None, 2)]);
        t.prioritize(5, urgent(0));
        t.prioritize(1, shared(3));
        assert_eq!(turns(&t.reads()), [5, 5, 3, 3, 1, 1]);
        ends_well(t, 3);
    }

    #[test]
    fn a_change_to_the_same_leaves_a_stream_in_its_place() {
        let mut t = uploading(&[(Some(shared(1)), 2), (Some(shared(1)), 2)]);
        t.prioritize(1, shared(1));
        assert_eq!(turns(&t.reads()), [1, 3, 1, 3]);
        ends_well(t, 2);
    }

    #[test]
    fn a_change_moves_a_stream_that_wants_octets() {
        let mut t = wide();
        for _ in 0..3 {
            t.open(post("/").extension(urgent(4)));
        }
        t.reads();
        t.prioritize(5, urgent(1));
        t.prioritize(1, shared(6));
        assert_eq!(t.demands(), [5, 3, 1]);
        for id in [1, 3, 5] {
            t.finish(id);
        }
        t.reads();
        ends_well(t, 3);
    }

    /// RFC 9113 §5.3.2: PRIORITY of RFC 7540 says nothing any more.
    #[test]
    fn the_frames_of_rfc_7540_change_nothing() {
        let mut t = stopped([urgent(1), urgent(2), urgent(3)]);
        // Exclusive, of the greatest weight, and below the first.
        let most = [0x80, 0, 0, 3, 255];
        use towline::http2::frame::FrameType;
        t.peer_sends([raw(FrameType::PRIORITY, 0, 7, &most), priority(5)]);
        assert_eq!(go_on(&mut t), [3, 5, 7]);
        ends_well(t, 4);
    }
}

/// Streaming bodies are asked for their octets by the same rule.
mod asking {
    use super::*;

    fn streaming(priorities: &[Option<Priority>]) -> Script {
        let mut t = wide();
        for priority in priorities {
            let post = post("/");
            t.open(match priority {
                Some(priority) => post.extension(*priority),
                None => post,
            });
        }
        t.reads();
        t
    }

    /// As a driver does it: who is asked gives a piece, all that can go goes, and again.
    fn rounds(t: &mut Script, count: usize) -> Vec<u32> {
        let mut sent = Vec::new();
        for _ in 0..count {
            while let Some(id) = t.engine.poll_demand() {
                t.engine.send_data(id, vec![b'x'; 1_000].into());
            }
            sent.extend(turns(&t.reads()));
        }
        sent
    }

    #[track_caller]
    fn finish(mut t: Script, streams: u32) {
        for id in (1..2 * streams).step_by(2) {
            t.finish(id);
        }
        t.reads();
        ends_well(t, streams);
    }

    #[test]
    fn the_most_urgent_is_asked_first() {
        let mut t = streaming(&[
            None,
            Some(urgent(7)),
            Some(shared(0)),
            None,
            Some(urgent(0)),
            Some(urgent(0)),
        ]);
        // Nobody has given anything, so nobody is in the way of those behind.
        assert_eq!(t.demands(), [5, 9, 11, 1, 7, 3]);
        assert_eq!(t.demands(), []);
        finish(t, 6);
    }

    #[test]
    fn nobody_is_asked_while_what_is_more_urgent_has_octets() {
        let mut t = streaming(&[Some(urgent(7)), Some(urgent(0)), None]);
        assert_eq!(t.engine.poll_demand(), Some(stream(3)));
        t.send(3, "first");
        assert_eq!(t.demands(), []);
        assert!(t.engine.has_demand());
        t.peer_gets(data(3, "first"));
        // It comes first again, and has nothing.
        assert_eq!(t.demands(), [3, 5, 1]);
        assert!(!t.engine.has_demand());
        finish(t, 3);
    }

    #[test]
    fn a_body_that_always_has_something_leaves_the_others_their_share() {
        let mut t = streaming(&[Some(urgent(7)), Some(urgent(0))]);
        let sent = rounds(&mut t, 64);
        let others = sent.iter().filter(|id| **id == 1).count();
        assert!(
            (3..=5).contains(&others),
            "{others} of {}: {sent:?}",
            sent.len()
        );
        finish(t, 2);
    }

    #[test]
    fn one_that_is_not_incremental_is_finished_before_the_next_is_asked() {
        let mut t = streaming(&[Some(urgent(3)), Some(urgent(3)), Some(shared(3))]);
        let sent = rounds(&mut t, 20);
        assert!(!sent.contains(&3), "{sent:?}");
        let shared = sent.iter().filter(|id| **id == 5).count();
        assert!((8..=12).contains(&(shared * 20 / sent.len())), "{sent:?}");
        t.finish(1);
        t.reads();
        assert!(rounds(&mut t, 4).contains(&3));
        finish(t, 3);
    }

    /// Whole bodies wait for those that come first and are to be asked, as long as those give.
    #[test]
    fn a_batch_ends_where_whoever_comes_first_has_more() {
        use bytes::Buf;
        use towline::http2::{codec::Output, engine::Progress};

        let mut t = streaming(&[Some(urgent(0))]);
        assert_eq!(t.demands(), [1]);
        t.send(1, "piece");
        open(&mut t, &[(Some(urgent(5)), 1)]);
        let mut output = Output::default();
        assert_eq!(t.engine.poll_output(&mut output), Progress::More);
        let octets = output.copy_to_bytes(output.remaining());
        let sent = t.peer.receive(&octets);
        assert_eq!(turns(&sent), [1]);
        // Asked, it has nothing: so the other goes on.
        assert_eq!(t.demands(), [1]);
        assert_eq!(turns(&t.reads()), [3]);
        finish_first(t);
    }

    #[track_caller]
    fn finish_first(mut t: Script) {
        t.finish(1);
        t.reads();
        ends_well(t, 2);
    }

    /// Who never asks whether there are demands loses nothing but the order.
    #[test]
    fn nobody_waits_for_one_that_is_not_asked() {
        let mut t = streaming(&[Some(urgent(0))]);
        assert_eq!(t.demands(), [1]);
        t.send(1, "piece");
        open(&mut t, &[(Some(urgent(5)), 2)]);
        assert_eq!(turns(&t.reads()), [1, 3, 3]);
        finish_first(t);
    }
}

/// More than one of each urgency, and none of them is forgotten.
#[test]
fn everything_is_sent_in_the_end() {
    let mut t = wide();
    for round in 0..5 {
        for number in 0..8 {
            let urgency = Urgency::new(number).unwrap();
            let priority = Priority::new(urgency).incremental(round % 2 == 0);
            open(&mut t, &[(Some(priority), 3)]);
        }
    }
    assert_eq!(turns(&t.reads()).len(), 120);
    ends_well(t, 40);
}
