//! Connections that carry one exchange at a time.

use std::{sync::mpsc, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{IDLE, MockDial, Plan, Setup, kind, now};
use crate::{
    error::Kind,
    pool::{Conn as _, Key, SHORTEST_IDLE, Sharing},
    protocols::Protocols,
};

#[tokio::test(start_paused = true)]
async fn who_is_known_to_need_a_connection_each_gets_a_dial_each_at_once() {
    let setup = Setup::exclusive([]);
    let futures = setup.waiting_many(7).await;
    assert_eq!((setup.dialer.dials(), setup.dials()), (0, 7));
    let leases: Vec<_> = join_all(futures).await;
    assert!(leases.iter().all(Result::is_ok));
    assert_eq!((setup.dialer.dials(), setup.counts()), (7, (7, 7, 0)));
}

#[tokio::test(start_paused = true)]
async fn connections_are_used_again_and_say_so() {
    let setup = Setup::exclusive([]);
    let first = setup.lease().await.unwrap();
    assert!(!first.is_reused());
    assert!(setup.try_lease().is_none(), "it carries one exchange");
    drop(first);
    let conn = setup.try_lease().unwrap().start();
    assert!(setup.try_lease().is_none());
    conn.release();
    let again = setup.lease().await.unwrap();
    assert!(again.is_reused());
    assert_eq!((again.number(), setup.dialer.dials()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_than_the_bound_and_the_rest_wait_their_turn() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 3);
    let mut futures = setup.waiting_many(8).await;
    assert_eq!(setup.dials(), 3);
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((3, 3, 5), 0));
    let mut held = Vec::new();
    for future in futures.iter_mut().take(3) {
        held.push(now(future).await.unwrap());
    }
    for future in futures.iter_mut().skip(3) {
        drop(held.remove(0));
        held.push(now(future).await.unwrap());
    }
    assert_eq!((setup.dialer.dials(), setup.counts()), (3, (3, 3, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_bound_of_no_connection_is_one_of_one() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 0);
    let futures = setup.waiting_many(2).await;
    assert_eq!(setup.dials(), 1);
    for future in futures {
        assert_eq!(future.await.unwrap().number(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_freed_first_serves_and_the_one_dialed_is_kept() {
    let setup = Setup::exclusive([]);
    let busy = setup.lease().await.unwrap();
    let mut future = setup.waiting().await;
    assert_eq!(setup.dials(), 1);
    drop(busy);
    let served = now(&mut future).await.unwrap();
    assert_eq!(served.number(), 0);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (2, 1, 0));
    let kept = setup.try_lease().expect("what the dial brought");
    assert_eq!((kept.number(), kept.is_reused()), (1, false));
}

#[tokio::test(start_paused = true)]
async fn dials_that_outlive_their_waiters_serve_the_next_and_none_begins_besides() {
    let setup = Setup::exclusive([]);
    let mut futures = setup.waiting_many(4).await;
    futures.truncate(1);
    assert_eq!((setup.counts(), setup.dials()), ((0, 0, 1), 4));
    futures.extend(setup.waiting_many(3).await);
    assert_eq!(setup.dials(), 4);
    let one_more = setup.waiting().await;
    assert_eq!(setup.dials(), 5);
    drop(one_more);
    let leases = join_all(futures).await;
    assert!(leases.iter().all(Result::is_ok));
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.dialer.dials(), setup.counts()), (5, (5, 4, 0)));
}

#[tokio::test(start_paused = true)]
async fn what_became_free_last_is_leased_first() {
    let setup = Setup::exclusive([]);
    let mut held: Vec<_> = setup.held(4).await.into_iter().map(Some).collect();
    for number in [2, 0, 3, 1] {
        held[number] = None;
    }
    let again: Vec<_> = (0..4).map(|_| setup.try_lease().unwrap()).collect();
    let order: Vec<_> = again.iter().map(|lease| lease.number()).collect();
    assert_eq!(order, [1, 3, 0, 2]);
    assert!(setup.try_lease().is_none());
}

#[tokio::test(start_paused = true)]
async fn past_the_idle_bound_the_longest_idle_retires() {
    let setup = Setup::exclusive_with([], |config| config.max_idle = 2);
    let mut held: Vec<_> = setup.held(4).await.into_iter().map(Some).collect();
    let retired = || [0, 1, 2, 3].map(|number| setup.conn(number).retirements());
    held[3] = None;
    held[1] = None;
    assert_eq!((setup.counts(), retired()), ((4, 2, 0), [0; 4]));
    held[0] = None;
    assert_eq!((setup.counts(), retired()), ((3, 1, 0), [0, 0, 0, 1]));
    held[2] = None;
    assert_eq!((setup.counts(), retired()), ((2, 0, 0), [0, 1, 0, 1]));
    assert_eq!(setup.try_lease().unwrap().number(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_idle_bound_counts_is_idle_and_there() {
    let setup = Setup::exclusive_with([], |config| config.max_idle = 2);
    let held = setup.held(4).await;
    let conns: Vec<_> = held.into_iter().map(|lease| lease.start()).collect();
    conns[0].release();
    conns[1].release();
    conns[1].end();
    // Its notice is still there, and no reason to retire one of the two that are idle.
    conns[2].release();
    assert_eq!(setup.counts(), (3, 1, 0));
    conns[3].release();
    assert_eq!(setup.counts(), (2, 0, 0));
    let retired: Vec<_> = conns.iter().map(|conn| conn.retirements()).collect();
    assert_eq!(retired, [1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn none_is_kept_idle_where_none_may_be() {
    let setup = Setup::exclusive_with([], |config| config.max_idle = 0);
    let lease = setup.lease().await.unwrap();
    let mut next = setup.waiting().await;
    drop(lease);
    let lease = now(&mut next).await.expect("who waits comes first");
    assert_eq!(lease.number(), 0);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.conn(1).retirements(), 1, "nobody waited for it");
    drop(lease);
    assert_eq!(setup.conn(0).retirements(), 1);
    assert!(setup.pool.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn those_beyond_what_is_used_age_out() {
    let setup = Setup::exclusive([]);
    drop(setup.held(3).await);
    let mut used = None;
    for _ in 0..4 {
        sleep(IDLE / 2).await;
        let lease = setup.try_lease().unwrap();
        assert!(used.is_none_or(|number| number == lease.number()));
        used = Some(lease.number());
    }
    assert_eq!(setup.counts(), (1, 0, 0));
    sleep(IDLE + Duration::from_millis(1)).await;
    assert!(setup.pool.snapshot().is_empty());
    assert!((0..3).all(|number| setup.conn(number).retirements() == 1));
}

#[tokio::test(start_paused = true)]
async fn close_idle_leaves_what_is_busy_and_what_it_closed_is_not_leased() {
    let setup = Setup::exclusive([]);
    let mut held = setup.held(3).await;
    drop(held.drain(1..));
    setup.pool.close_idle();
    assert_eq!(setup.counts(), (1, 1, 0));
    assert!(setup.try_lease().is_none());
    drop(held);
    assert_eq!(setup.try_lease().unwrap().number(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_server_closes_while_idle_is_dropped() {
    let setup = Setup::exclusive([]);
    drop(setup.held(2).await);
    setup.conn(1).end();
    assert_eq!(setup.counts(), (1, 0, 0));
    assert_eq!(setup.conn(1).holders(), 0, "the pool has let go of it");
    assert_eq!(setup.try_lease().unwrap().number(), 0);
    setup.conn(0).end();
    assert!(setup.pool.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_passed_over_even_before_it_says_so() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 2);
    drop(setup.held(2).await);
    setup.conn(1).end_silently();
    let live = setup.try_lease().expect("there is another");
    assert_eq!(live.number(), 0);
    // And it takes nobody's room: though it has not said so, a dial begins.
    assert_eq!(setup.lease().await.unwrap().number(), 2);
    setup.conn(1).end();
    assert_eq!(setup.counts(), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_ends_with_its_connection_leaves_nothing_to_lease() {
    let setup = Setup::exclusive([]);
    let conn = setup.lease().await.unwrap().start();
    conn.end();
    conn.release();
    assert!(setup.pool.snapshot().is_empty());
    let other = setup.lease().await.unwrap();
    assert_eq!(other.number(), 1);
    assert!(setup.try_lease().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_makes_room_for_a_dial() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 2);
    let held = setup.held(2).await;
    let futures = setup.waiting_many(3).await;
    assert_eq!(setup.dials(), 0);
    held[0].end();
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 3), 1));
    held[1].end();
    assert_eq!((setup.counts(), setup.dials()), ((0, 0, 3), 2));
    for future in futures {
        drop(future.await.unwrap());
    }
    assert_eq!(setup.dialer.dials(), 4);
}

#[tokio::test(start_paused = true)]
async fn waiters_dropped_with_the_lease_on_its_way_pass_the_connection_on() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 1);
    let lease = setup.lease().await.unwrap();
    let (first, mut second) = (setup.waiting().await, setup.waiting().await);
    drop(lease);
    drop(first);
    assert_eq!(now(&mut second).await.unwrap().number(), 0);
    assert_eq!(setup.counts(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_amid_many_dials_answers_everybody_and_retires_what_comes() {
    let setup = Setup::exclusive([]);
    let busy = setup.lease().await.unwrap();
    let futures = setup.waiting_many(5).await;
    tokio::task::yield_now().await;
    setup.pool.shutdown();
    for mut future in futures {
        assert_eq!(kind(now(&mut future).await), Kind::Shutdown);
    }
    assert_eq!(busy.retirements(), 1);
    sleep(MockDial::TIME * 2).await;
    let made = setup.dialer.made();
    assert_eq!(made.len(), 6);
    assert!(made.iter().all(|conn| conn.retirements() == 1));
    drop(busy);
    assert!(setup.pool.snapshot().is_empty());
    drop(setup);
    assert!(made.iter().all(|conn| conn.retirements() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_goes_takes_idle_and_busy_connections_with_it() {
    let setup = Setup::exclusive([]);
    let mut held = setup.held(2).await;
    let conn = held.remove(0).start();
    drop(held);
    let other = setup.conn(1);
    drop(setup);
    assert_eq!((conn.retirements(), other.retirements()), (1, 1));
    conn.release();
}

#[tokio::test(start_paused = true)]
async fn what_may_be_spoken_keeps_connections_apart() {
    let setup = Setup::new([Plan::Slots(9), Plan::Exclusive]);
    let multiplexed = setup.lease().await.unwrap();
    let key = Key::new(setup.key.netloc.clone(), Protocols::Http1);
    setup.dialer.set_foreseen(Sharing::Exclusive);
    assert!(setup.pool.try_lease(&key).is_none());
    let exclusive = setup.pool.lease(&key).await.unwrap();
    assert_eq!((multiplexed.number(), exclusive.number()), (0, 1));
    drop(exclusive);
    assert_eq!(setup.try_lease().unwrap().number(), 0);
    assert_eq!(setup.pool.try_lease(&key).unwrap().number(), 1);
}

/// The end of an exchange that nobody waits for is the way of nearly every request.
#[tokio::test(start_paused = true)]
async fn a_slot_that_nobody_waits_for_comes_home_without_the_pool_s_lock() {
    let setup = Setup::exclusive_with([], |config| config.max_idle = 1);
    let conn = setup.lease().await.unwrap().start();
    let (sender, receiver) = mpsc::channel();
    let locked = setup.pool.shared.lock();
    let releasing = std::thread::spawn(move || {
        conn.release();
        sender.send(()).unwrap();
    });
    // Only a release that waits for the lock waits at all.
    let released = receiver.recv_timeout(Duration::from_secs(20));
    drop(locked);
    releasing.join().unwrap();
    released.expect("it waited for the lock");
    assert!(setup.try_lease().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_multiplexed_connection_leaves_an_exclusive_one_as_it_is() {
    let setup = Setup::exclusive([]);
    drop(setup.waiting().await);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (1, 0, 0), "nobody has used it");
    assert!(setup.pool.try_lease_multiplexed(&setup.key).is_none());
    let lease = setup.try_lease().unwrap();
    assert!(!lease.is_reused());
    drop(lease);
    // Nor does its idle time begin anew.
    sleep(IDLE / 2).await;
    assert!(setup.pool.try_lease_multiplexed(&setup.key).is_none());
    sleep(IDLE / 2 + SHORTEST_IDLE * 2).await;
    assert!(setup.pool.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_multiplexed_connection_gets_one_behind_those_who_wait() {
    let setup = Setup::new([Plan::Slots(2)]);
    let first = setup.lease().await.unwrap();
    let second = setup.pool.try_lease_multiplexed(&setup.key).unwrap();
    assert!(
        setup.pool.try_lease_multiplexed(&setup.key).is_none(),
        "full"
    );
    assert!(second.is_reused());
    let waiting = setup.waiting().await;
    // Free, and not yet given to the one who waits.
    first.start().release_silently();
    assert!(setup.pool.try_lease_multiplexed(&setup.key).is_none());
    drop(waiting);
    assert!(setup.pool.try_lease_multiplexed(&setup.key).is_some());
}
