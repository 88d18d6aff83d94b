//! Dials that fail while others are under way, or while connections are there.

use std::{error::Error as _, time::Duration};

use futures_util::{future::join_all, poll};
use tokio::time::sleep;

use super::{MockDial, Plan, Setup, kind, now};
use crate::{
    error::{Error, Kind, Phase},
    pool::Sharing,
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
async fn whom_another_dial_will_serve_no_failure_fails() {
    let setup = Setup::exclusive([Plan::Fail, Plan::LateExclusive]);
    let mut futures = setup.waiting_many(2).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!((setup.counts(), setup.dials()), ((0, 0, 2), 1));
    sleep(MockDial::LATE).await;
    for future in &mut futures {
        drop(now(future).await.unwrap());
    }
    assert_eq!(setup.dialer.dials(), 2);
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
    drop(held);
    for future in &mut futures {
        drop(now(future).await.unwrap());
    }
    assert_eq!(setup.dialer.dials(), 3);
}

/// Of one who waits for a connection that is not freed in time.
async fn timed_out(script: impl IntoIterator<Item = Plan>, callers: usize) -> Vec<Error> {
    let limit = Duration::from_secs(5);
    let setup = Setup::exclusive_with(script, |config| config.wait_timeout = Some(limit));
    let _busy = setup.lease().await.unwrap();
    let mut errors = Vec::new();
    for outcome in join_all(setup.waiting_many(callers).await).await {
        let error = outcome.expect_err("nothing comes in time");
        assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
        errors.push(error);
    }
    errors
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_failed_nobody_says_why_if_the_wait_is_too_long() {
    for error in timed_out([Plan::Exclusive, Plan::Fail, Plan::Fail], 2).await {
        let why = error.source().and_then(|source| source.downcast_ref());
        assert_eq!(why.map(Error::kind), Some(Kind::Connect));
    }
    for error in timed_out([Plan::Exclusive, Plan::Never], 1).await {
        assert!(error.source().is_none(), "no dial has failed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_lands_is_the_end_of_earlier_failures() {
    let limit = Duration::from_secs(5);
    let script = [Plan::Exclusive, Plan::Fail, Plan::LateExclusive];
    let setup = Setup::exclusive_with(script, |config| config.wait_timeout = Some(limit));
    let _busy = setup.lease().await.unwrap();
    let mut futures = setup.waiting_many(2).await;
    let _first = (&mut futures[0]).await.unwrap();
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
