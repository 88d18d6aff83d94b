//! What dials teach of a key, how long it is remembered, and a server that changes its mind.

use futures_util::{future::join_all, poll};
use tokio::time::sleep;

use super::{IDLE, MockDial, Plan, Setup, key, now};
use crate::pool::Sharing;

#[tokio::test(start_paused = true)]
async fn one_dial_finds_out_and_then_everybody_gets_one() {
    let setup = Setup::new([Plan::Exclusive, Plan::LateExclusive]);
    setup.dialer.set_rest(Plan::Exclusive);
    let futures = setup.waiting_many(6).await;
    assert_eq!(setup.dials(), 1, "nothing is known yet");
    sleep(MockDial::TIME + MockDial::TIME / 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 5), 5));
    // Those who come now need no lesson.
    let late = setup.waiting_many(2).await;
    assert_eq!(setup.dials(), 7);
    let leases = join_all(futures.into_iter().chain(late)).await;
    assert!(leases.iter().all(Result::is_ok));
    assert_eq!((setup.dialer.dials(), setup.counts()), (8, (8, 8, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_lesson_keeps_to_the_bound_and_to_those_who_still_wait() {
    let setup = Setup::with_config([], |config| config.max_connections = 4);
    setup.dialer.set_rest(Plan::Exclusive);
    let mut futures = setup.waiting_many(9).await;
    sleep(MockDial::TIME + MockDial::TIME / 2).await;
    assert_eq!(setup.dials(), 3);
    let other = Setup::new([]);
    other.dialer.set_rest(Plan::Exclusive);
    let mut few = other.waiting_many(9).await;
    few.truncate(3);
    sleep(MockDial::TIME + MockDial::TIME / 2).await;
    assert_eq!((other.counts(), other.dials()), ((1, 1, 2), 2));
    drop(futures.drain(4..));
    assert!(join_all(futures).await.iter().all(Result::is_ok));
    assert_eq!(setup.dialer.dials(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_foreseen_as_multiplexed_and_is_not_is_learnt_as_well() {
    let setup = Setup::new([]);
    setup.dialer.set_rest(Plan::Exclusive);
    setup.dialer.set_foreseen(Sharing::Multiplexed);
    for leases in [3, 3] {
        let expected = if setup.dialer.dials() == 0 { 1 } else { leases };
        let futures = setup.waiting_many(leases).await;
        assert_eq!(setup.dials(), expected);
        drop(join_all(futures).await);
        setup.pool.close_idle();
        assert!(setup.pool.snapshot().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_after_a_pause_begins_with_what_was_learnt() {
    let setup = Setup::new([]);
    setup.dialer.set_rest(Plan::Exclusive);
    drop(setup.lease().await.unwrap());
    for _ in 0..3 {
        // Forgotten by the sweeper, and by the end of its last connection.
        sleep(IDLE * 2).await;
        assert!(setup.pool.snapshot().is_empty());
        let futures = setup.waiting_many(5).await;
        assert_eq!(setup.dials(), 5);
        drop(join_all(futures).await);
        let dialed = setup.dialer.dials();
        for number in dialed - 5..dialed {
            setup.conn(number).end();
        }
        assert!(setup.pool.snapshot().is_empty());
        drop(setup.waiting().await);
        sleep(MockDial::TIME * 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_dial_unlearns_nothing() {
    let setup = Setup::new([Plan::Exclusive, Plan::Fail, Plan::Fail]);
    drop(setup.lease().await.unwrap());
    setup.pool.close_idle();
    for _ in 0..2 {
        let futures = setup.waiting_many(2).await;
        assert_eq!(setup.dials(), 2);
        drop(join_all(futures).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_turns_to_multiplexing_gets_one_connection_from_then_on() {
    let setup = Setup::new([Plan::Exclusive, Plan::Slots(100)]);
    let exclusive = setup.lease().await.unwrap();
    let futures = setup.waiting_many(1).await;
    let multiplexed = join_all(futures).await.remove(0).unwrap();
    assert_eq!(multiplexed.number(), 1);
    // Both kinds are there, and both come home.
    let more = setup.held(20).await;
    assert!(more.iter().all(|lease| lease.number() == 1));
    drop(exclusive);
    assert_eq!(setup.try_lease().unwrap().number(), 1, "it goes first");
    assert_eq!((setup.dialer.dials(), setup.counts()), (2, (2, 21, 0)));
    drop((multiplexed, more));
    setup.pool.close_idle();
    assert!(setup.pool.snapshot().is_empty());
    let _futures = setup.waiting_many(5).await;
    assert_eq!(setup.dials(), 1, "that it was exclusive is unlearnt");
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_is_unlearnt_as_well() {
    let setup = Setup::new([Plan::Exclusive]);
    for _ in 0..2 {
        drop(setup.lease().await.unwrap());
        setup.pool.close_idle();
    }
    let _futures = setup.waiting_many(2).await;
    assert_eq!(setup.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_multiplexed_connection_leaves_the_exclusive_ones_to_serve() {
    let setup = Setup::new([Plan::Exclusive, Plan::Slots(1)]);
    let exclusive = setup.lease().await.unwrap();
    let multiplexed = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(3).await;
    assert_eq!(setup.dials(), 0, "one multiplexed connection is for all");
    drop(exclusive);
    let first = now(&mut futures[0]).await.unwrap();
    drop(multiplexed);
    let second = now(&mut futures[1]).await.unwrap();
    drop(first);
    let third = now(&mut futures[2]).await.unwrap();
    let numbers = [second.number(), third.number()];
    assert_eq!((numbers, setup.counts()), ([1, 0], (2, 2, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_turns_from_multiplexing_gets_a_connection_for_each() {
    let setup = Setup::new([Plan::Slots(2)]);
    setup.dialer.set_rest(Plan::Exclusive);
    let held = setup.held(1).await;
    let busy = setup.try_lease().unwrap();
    let futures = setup.waiting_many(6).await;
    assert_eq!(setup.dials(), 0);
    busy.end();
    assert_eq!(setup.dials(), 1);
    assert!(join_all(futures).await.iter().all(Result::is_ok));
    assert_eq!(setup.dialer.dials(), 7);
    drop((held, busy));
    assert_eq!(setup.counts(), (6, 0, 0));
    let _held = setup.held(6).await;
    let _futures = setup.waiting_many(3).await;
    assert_eq!(setup.dials(), 3);
}

#[tokio::test(start_paused = true)]
async fn of_many_dials_that_land_multiplexed_one_stays_once_they_are_idle() {
    let setup = Setup::exclusive([]);
    setup.dialer.set_rest(Plan::Slots(100));
    let futures = setup.waiting_many(4).await;
    sleep(MockDial::TIME * 2).await;
    // The first to land took all four; the others had nothing to do.
    assert_eq!(setup.counts(), (1, 4, 0));
    let leases = join_all(futures).await;
    let first = leases[0].as_ref().unwrap().number();
    let others = (0..4).filter(|number| *number != first);
    assert!(
        others
            .into_iter()
            .all(|number| setup.conn(number).retirements() == 1)
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_dials_that_nobody_waits_for_any_more_one_multiplexed_connection_stays() {
    let setup = Setup::exclusive([]);
    setup.dialer.set_rest(Plan::Slots(100));
    drop(setup.waiting_many(2).await);
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.dialer.dials(), setup.counts()), (2, (1, 0, 0)));
    assert!(setup.try_lease().is_some());
}

#[tokio::test(start_paused = true)]
async fn of_many_dials_that_land_multiplexed_those_in_use_stay() {
    let setup = Setup::exclusive([]);
    setup.dialer.set_rest(Plan::Slots(1));
    let held = setup.held(4).await;
    assert_eq!(setup.counts(), (4, 4, 0));
    drop(held);
    assert_eq!(setup.counts(), (4, 0, 0), "nobody looks when nobody waits");
    let _lease = setup.lease().await.unwrap();
    sleep(IDLE * 2).await;
    assert_eq!(setup.counts(), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_bounded_and_the_oldest_goes() {
    let setup = Setup::new([]);
    setup.dialer.set_rest(Plan::Exclusive);
    let keys: Vec<_> = (0..300)
        .map(|number| key(&format!("http://{number}.test/")))
        .collect();
    for key in &keys {
        let lease = setup.pool.lease(key).await.unwrap();
        lease.end();
    }
    assert!(setup.pool.snapshot().is_empty());
    let mut futures = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        for _ in 0..2 {
            let mut future = setup.pool.lease(key);
            assert!(poll!(&mut future).is_pending());
            futures.push(future);
        }
        let snapshot = setup.pool.snapshot();
        let shelf = snapshot.iter().find(|shelf| shelf.key == *key).unwrap();
        let expected = if number < 300 - 256 { 1 } else { 2 };
        assert_eq!(shelf.dials, expected, "of number {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_foreseen_takes_no_room_in_the_memory() {
    let setup = Setup::new([]);
    setup.dialer.set_rest(Plan::Exclusive);
    setup.lease().await.unwrap().end();
    setup.dialer.set_foreseen(Sharing::Exclusive);
    for number in 0..300 {
        let key = key(&format!("http://{number}.test/"));
        setup.pool.lease(&key).await.unwrap().end();
    }
    setup.dialer.set_foreseen(Sharing::Unknown);
    let _futures = setup.waiting_many(2).await;
    assert_eq!(setup.dials(), 2);
}
