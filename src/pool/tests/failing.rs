//! Dials that fail while others are under way, or while connections are there.

use std::{error::Error as _, time::Duration};

use futures_util::{future::join_all, poll};
use tokio::time::sleep;

use super::{MockDial, Plan, Setup, kind, now};
use crate::{
    error::{Error, Kind, Phase},
    pool::{Sharing, shelf::STANDSTILL},
};

#[tokio::test(start_paused = true)]
async fn the_last_of_many_failed_dials_fails_all_who_wait_and_none_is_repeated() {
    let setup = Setup::exclusive([Plan::Fail, Plan::LateFail, Plan::Fail, Plan::Fail]);
    let mut futures = setup.waiting_many(4).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((0, 0, 4), 1));
    for future in &mut futures {
        assert!(poll!(future).is_pending(), "one dial is left for them");
    }
    for outcome in join_all(futures).await {
        assert_eq!(kind(outcome), Kind::Connect);
    }
    assert_eq!(setup.dialer.dials(), 4);
    assert!(setup.pool.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_costs_a_burst_no_more_dials_than_the_bound() {
    let setup = Setup::exclusive_with([], |config| config.max_connections = 8);
    setup.dialer.set_rest(Plan::Fail);
    for outcome in join_all(setup.waiting_many(100).await).await {
        assert_eq!(kind(outcome), Kind::Connect);
    }
    assert_eq!(setup.dialer.dials(), 8);
}

#[tokio::test(start_paused = true)]
async fn whom_a_connection_will_serve_no_failure_fails() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Fail, Plan::StillBorn, Plan::Panic]);
    let mut futures = setup.waiting_many(4).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 3), 0));
    for future in &mut futures {
        drop(now(future).await.unwrap());
    }
    assert_eq!((setup.dialer.dials(), setup.counts()), (4, (1, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn whom_another_dial_will_serve_soon_no_failure_fails() {
    let script = [Plan::Exclusive, Plan::Fail, Plan::LateExclusive];
    let setup = Setup::exclusive(script);
    let busy = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(2).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 2), 1));
    // Each second, somebody is served: so all are, sooner or later.
    sleep(STANDSTILL - MockDial::TIME * 2).await;
    drop(busy);
    let _first = now(&mut futures[0]).await.unwrap();
    sleep(STANDSTILL + MockDial::TIME / 2).await;
    drop(now(&mut futures[1]).await.unwrap());
    assert_eq!(setup.dialer.dials(), 3);
}

/// One long exchange, and a server that takes no more connections.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_when_nobody_is_served_for_a_while() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Fail]);
    let busy = setup.lease().await.unwrap();
    let mut waiting = setup.waiting().await;
    sleep(MockDial::TIME + STANDSTILL / 2).await;
    assert!(poll!(&mut waiting).is_pending());
    sleep(STANDSTILL).await;
    assert_eq!(kind(now(&mut waiting).await), Kind::Connect);
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 0), 0));
    drop(busy);
    assert_eq!(setup.dialer.dials(), 2, "and none is repeated");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_at_once_is_such_a_failure() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::StillBorn]);
    let _busy = setup.lease().await.unwrap();
    let mut waiting = setup.waiting().await;
    sleep(MockDial::TIME * 2 + STANDSTILL).await;
    assert_eq!(kind(now(&mut waiting).await), Kind::Closed);
}

/// A dial is as good as another.
#[tokio::test(start_paused = true)]
async fn where_there_is_a_dial_for_each_who_waits_a_failure_is_told_to_nobody() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Fail, Plan::Never]);
    let busy = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(2).await;
    drop(futures.pop());
    sleep(STANDSTILL * 5).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 1), 1));
    drop(busy);
    drop(now(&mut futures[0]).await.unwrap());
}

/// Those that came before take what comes first.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_the_last_and_to_one_alone() {
    let script = [
        Plan::Exclusive,
        Plan::Fail,
        Plan::Never,
        Plan::LateExclusive,
    ];
    let setup = Setup::exclusive(script);
    let _busy = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(3).await;
    sleep(MockDial::TIME * 2 + STANDSTILL).await;
    assert_eq!(kind(now(&mut futures[2]).await), Kind::Connect);
    sleep(STANDSTILL * 10).await;
    drop(now(&mut futures[0]).await.unwrap());
    drop(now(&mut futures[1]).await.unwrap());
}

/// A dial that lands for somebody else serves one, and then there is a standstill again.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_though_others_are_served_before_the_standstill() {
    let setup = Setup::exclusive([Plan::Fail, Plan::Exclusive]);
    let mut futures = setup.waiting_many(2).await;
    sleep(MockDial::TIME * 2).await;
    let _first = now(&mut futures[0]).await.unwrap();
    sleep(STANDSTILL * 2).await;
    assert_eq!(kind(now(&mut futures[1]).await), Kind::Connect);
}

#[tokio::test(start_paused = true)]
async fn while_somebody_is_served_every_now_and_then_a_failure_is_told_to_nobody() {
    let script = [
        Plan::Exclusive,
        Plan::Fail,
        Plan::Fail,
        Plan::Fail,
        Plan::Fail,
    ];
    let setup = Setup::exclusive(script);
    let mut busy = setup.lease().await.unwrap();
    for mut future in setup.waiting_many(4).await {
        sleep(STANDSTILL - MockDial::TIME).await;
        drop(busy);
        busy = now(&mut future).await.unwrap();
    }
    assert_eq!(setup.counts(), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_each_who_comes_and_each_connection_lost_allows_one_dial() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Fail, Plan::Fail]);
    let busy = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(2).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 2), 0));
    futures.push(setup.waiting().await);
    assert_eq!(setup.dials(), 1, "for the one who came");
    busy.end();
    assert_eq!(setup.dials(), 2);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (2, 2, 1));
    for future in &mut futures {
        drop(now(future).await.unwrap());
    }
    assert_eq!(setup.dialer.dials(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_last_connection_lost_after_a_failure_leaves_nobody_without_a_dial() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Fail, Plan::Fail, Plan::Fail]);
    let busy = setup.lease().await.unwrap();
    let futures = setup.waiting_many(2).await;
    sleep(MockDial::TIME * 2).await;
    busy.end();
    assert_eq!((setup.counts(), setup.dials()), ((0, 0, 2), 1));
    for outcome in join_all(futures).await {
        assert_eq!(kind(outcome), Kind::Connect);
    }
    assert_eq!(setup.dialer.dials(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_dial_that_finds_out_anew_fails_nobody_whom_a_connection_will_serve() {
    let setup = Setup::exclusive([Plan::Exclusive, Plan::Slots(1), Plan::Fail]);
    let held = setup.held(2).await;
    let mut futures = setup.waiting_many(2).await;
    held[1].end();
    assert_eq!(setup.dials(), 1, "the last landed multiplexed");
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((1, 1, 2), 0));
    // The dial was for both, so its failure is not one's alone.
    sleep(STANDSTILL * 5).await;
    drop(held);
    for future in &mut futures {
        drop(now(future).await.unwrap());
    }
    assert_eq!(setup.dialer.dials(), 3);
}

/// Of one who waits for a connection that is not freed in time.
async fn timed_out(script: impl IntoIterator<Item = Plan>) -> Error {
    let setup = Setup::exclusive_with(script, |config| {
        config.wait_timeout = Some(Duration::from_secs(5));
        config.max_connections = 2;
    });
    let _busy = setup.lease().await.unwrap();
    // The second is beyond the bound: of the two, one has no dial.
    let waiting = setup.waiting_many(2).await;
    let error = join_all(waiting).await.remove(0).unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
    error
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_failed_nobody_says_why_if_the_wait_is_too_long() {
    let error = timed_out([Plan::Exclusive, Plan::Fail]).await;
    let why = error.source().and_then(|source| source.downcast_ref());
    assert_eq!(why.map(Error::kind), Some(Kind::Connect));
    let error = timed_out([Plan::Exclusive, Plan::Never]).await;
    assert!(error.source().is_none(), "no dial has failed");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_was_told_is_not_told_again() {
    let script = [Plan::Exclusive, Plan::Fail, Plan::Exclusive];
    let setup = Setup::exclusive_with(script, |config| {
        config.wait_timeout = Some(Duration::from_secs(5));
        config.max_connections = 3;
    });
    let _busy = setup.lease().await.unwrap();
    // The third is beyond the bound.
    let mut futures = setup.waiting_many(3).await;
    let _first = (&mut futures[0]).await.unwrap();
    assert_eq!(kind((&mut futures[2]).await), Kind::Connect);
    let error = (&mut futures[1]).await.expect_err("both are held");
    assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
    assert!(error.source().is_none());
}

#[test]
fn each_dial_runs_where_its_waiter_is_at_home_and_others_serve_when_that_ends() {
    let setup = Setup::exclusive([Plan::Never, Plan::Exclusive]);
    let (ending, staying) = [(); 2]
        .map(|()| tokio::runtime::Runtime::new().unwrap())
        .into();
    let first = ending.block_on(setup.waiting());
    // The first dial takes the first plan.
    while setup.dialer.dials() == 0 {
        std::thread::yield_now();
    }
    let second = staying.block_on(setup.waiting());
    drop(ending);
    let lease = staying.block_on(first).unwrap();
    assert_eq!(lease.number(), 1);
    drop(lease);
    assert_eq!(staying.block_on(second).unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_nobody_waits_for_is_nobody_s() {
    let setup = Setup::exclusive([Plan::Fail, Plan::Fail]);
    setup.dialer.set_foreseen(Sharing::Exclusive);
    drop(setup.waiting_many(2).await);
    sleep(MockDial::TIME * 2).await;
    assert!(setup.pool.snapshot().is_empty());
    assert!(setup.lease().await.is_ok());
}

/// The queue at the bound waits for others to be done: no dial is missing.
#[tokio::test(start_paused = true)]
async fn a_failure_of_long_ago_fails_nobody_at_the_bound() {
    let script = [Plan::Exclusive, Plan::Fail, Plan::Exclusive];
    let setup = Setup::exclusive_with(script, |config| config.max_connections = 2);
    let mut busy = setup.lease().await.unwrap();
    let mut first = setup.waiting().await;
    sleep(MockDial::TIME * 2).await;
    let mut next = setup.waiting().await;
    sleep(MockDial::TIME * 2).await;
    let _second = now(&mut first).await.unwrap();
    assert_eq!((setup.counts(), setup.dialer.dials()), ((2, 2, 1), 3));
    // A minute of a queue that moves.
    for _ in 0..100 {
        let later = setup.waiting().await;
        sleep(STANDSTILL * 6 / 10).await;
        drop(busy);
        busy = now(&mut next).await.unwrap();
        next = later;
    }
    // Then exchanges take longer, and no dial has failed in that minute.
    let mut last = setup.waiting().await;
    sleep(STANDSTILL * 5 / 2).await;
    assert!(poll!(&mut next).is_pending());
    assert!(poll!(&mut last).is_pending());
    drop(busy);
    assert!(now(&mut next).await.is_ok());
}
