use super::*;

fn id(number: u32) -> StreamId {
    StreamId::from_wire(number)
}

fn rank(urgency: u8, incremental: bool) -> Rank {
    let urgency = Urgency::new(urgency).expect("below eight");
    Rank::from(Some(Priority::new(urgency).incremental(incremental)))
}

/// Everything that can send, in its order; nothing is put back.
fn drained(schedule: &mut Schedule) -> Vec<u32> {
    std::iter::from_fn(|| match schedule.pop() {
        Turn::Of(id) => Some(id.as_u32()),
        Turn::Awaited | Turn::Nobody => None,
    })
    .collect()
}

#[test]
fn ids_that_are_swept_out_leave_nothing_behind() {
    let mut schedule = Schedule::default();
    for number in 0..40_u32 {
        let rank = rank((number % 8) as u8, number % 3 == 0);
        schedule.push(id(number + 1), rank);
        schedule.push_hungry(id(number + 1), rank);
        schedule.block(id(number + 101), rank);
    }
    schedule.sweep(100, |_| false);
    assert!(!schedule.is_empty(), "not while they are few");
    schedule.sweep(19, |stream| stream == id(7));
    schedule.begin();
    assert_eq!(drained(&mut schedule), [7]);
    assert_eq!(schedule.pop_hungry(), Some(id(7)));
    assert!(schedule.is_empty());
    assert!(!schedule.is_anybody_hungry());
    assert_eq!(schedule.pop(), Turn::Nobody);
    assert_eq!(schedule.pop_hungry(), None);
}

#[test]
fn a_sequence_that_was_swept_out_has_one_place_again() {
    let mut schedule = Schedule::default();
    for _ in 0..3 {
        schedule.push(id(1), rank(3, false));
        schedule.sweep(0, |_| false);
    }
    for number in [3, 5] {
        schedule.push(id(number), rank(3, true));
        schedule.push(id(number + 100), rank(3, false));
    }
    assert_eq!(drained(&mut schedule), [3, 103, 5, 105]);
}

#[test]
fn those_set_aside_come_first_in_their_order() {
    let mut schedule = Schedule::default();
    for number in [1, 3, 5] {
        schedule.block(id(number), Rank::from(None));
    }
    schedule.block(id(7), rank(0, false));
    schedule.push(id(9), Rank::from(None));
    assert!(!schedule.is_empty());
    schedule.unblock();
    assert_eq!(drained(&mut schedule), [7, 1, 3, 5, 9]);
}

#[test]
fn of_those_that_are_due_the_one_that_waited_longest_goes_first() {
    let mut schedule = Schedule::default();
    schedule.push(id(1), rank(0, true));
    schedule.push(id(7), rank(7, true));
    schedule.on_turn(rank(0, true));
    schedule.push(id(5), rank(5, true));
    schedule.push(id(3), rank(3, true));
    for _ in 0..SHARE {
        schedule.on_turn(rank(0, true));
    }
    // 7 has waited for one turn more; 3 and 5 for as many, and 3 is more urgent.
    for (stream, urgency) in [(7, 7), (3, 3), (5, 5), (1, 0)] {
        assert_eq!(schedule.pop(), Turn::Of(id(stream)));
        schedule.on_turn(rank(urgency, true));
    }
}

/// Its count goes on where it stopped, and neither overflows nor wraps.
#[test]
fn a_turn_that_never_comes_is_counted_no_further_than_it_can_be() {
    let mut schedule = Schedule::default();
    schedule.push(id(1), rank(0, true));
    schedule.push_hungry(id(3), rank(7, true));
    for _ in 0..1_000 {
        schedule.on_turn(rank(0, true));
    }
    // Due, it is asked though others have octets.
    assert_eq!(schedule.pop_hungry(), Some(id(3)));
    schedule.push(id(3), rank(7, true));
    assert_eq!(schedule.pop(), Turn::Of(id(3)));
    schedule.on_turn(rank(7, true));
    schedule.push(id(3), rank(7, true));
    assert_eq!(schedule.pop(), Turn::Of(id(1)));
}

#[test]
fn one_that_is_due_is_asked_while_a_sequence_is_held() {
    let mut schedule = Schedule::default();
    schedule.push(id(1), rank(2, false));
    schedule.push_hungry(id(3), rank(2, false));
    schedule.push_hungry(id(5), rank(6, false));
    assert_eq!(schedule.pop_hungry(), None);
    for _ in 0..SHARE {
        schedule.on_turn(rank(2, false));
    }
    assert_eq!(schedule.pop_hungry(), Some(id(5)));
    assert_eq!(schedule.pop_hungry(), None);
}

/// Whose turn was to come has octets: no more of its urgency need be asked out of order.
#[test]
fn one_that_is_due_and_can_send_brings_no_others_to_be_asked() {
    let mut schedule = Schedule::default();
    schedule.push(id(1), rank(2, true));
    schedule.push(id(3), rank(6, true));
    schedule.push_hungry(id(5), rank(6, true));
    for _ in 0..SHARE {
        schedule.on_turn(rank(2, true));
    }
    assert_eq!(schedule.pop_hungry(), None);
    assert_eq!(schedule.pop(), Turn::Of(id(3)));
    assert_eq!(schedule.pop_hungry(), Some(id(5)));
}

#[test]
fn one_that_wants_more_holds_up_those_behind_it_until_the_next_batch() {
    let mut schedule = Schedule::default();
    schedule.begin();
    schedule.push_hungry(id(1), rank(3, false));
    schedule.push_hungry(id(11), rank(3, true));
    for (number, urgency, incremental) in [(3, 3, false), (5, 3, true), (7, 5, true)] {
        schedule.push(id(number), rank(urgency, incremental));
    }
    // It takes turns with those that are not in its sequence.
    assert_eq!(drained(&mut schedule), [5]);
    assert_eq!(schedule.pop(), Turn::Awaited);
    schedule.begin();
    assert_eq!(drained(&mut schedule), [3, 7]);
}

#[test]
fn what_is_most_urgent_of_those_that_want_more_counts() {
    let mut schedule = Schedule::default();
    for urgencies in [[7, 0], [0, 7]] {
        schedule.begin();
        for urgency in urgencies {
            schedule.push_hungry(id(1), rank(urgency, true));
        }
        schedule.push(id(3), rank(3, true));
        assert_eq!(schedule.pop(), Turn::Awaited);
        schedule.sweep(0, |_| false);
    }
}
