//! The end of connections, and of the pool.

use std::time::Duration;

use futures_util::{future::join_all, poll};
use tokio::time::sleep;

use super::{IDLE, MockDial, Plan, Setup, key, kind, now};
use crate::{error::Kind, pool::ShelfSnapshot};

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_leaves_at_once_and_its_waiters_dial() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let futures = setup.waiting_many(3).await;
    lease.end();
    assert_eq!(
        setup.counts(),
        (0, 0, 3),
        "retired with a stream still on it"
    );
    assert_eq!(setup.pool.snapshot()[0].dials, 1);
    for lease in join_all(futures).await {
        assert_eq!(lease.unwrap().number(), 1);
    }
    assert_eq!(setup.dialer.dials(), 2);
    // The late end of the old connection's stream changes nothing.
    drop(lease);
    assert_eq!(setup.counts(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_ended_connection_is_forgotten_when_nobody_waits() {
    let setup = Setup::new([]);
    drop(setup.lease().await.unwrap());
    setup.conn(0).end();
    assert!(setup.pool.snapshot().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_never_leased_even_before_it_says_so() {
    let setup = Setup::new([]);
    drop(setup.lease().await.unwrap());
    setup.conn(0).end_silently();
    assert!(setup.try_lease().is_none());
    assert_eq!(setup.lease().await.unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_retires_when_its_time_is_over_and_not_before() {
    let setup = Setup::new([]);
    let lease = setup.lease().await.unwrap();
    // However long a stream takes, its connection is not idle.
    sleep(IDLE * 3 + Duration::from_secs(7)).await;
    assert_eq!(setup.counts(), (1, 1, 0));
    drop(lease);
    sleep(IDLE - Duration::from_secs(1)).await;
    assert_eq!(setup.conn(0).retirements(), 0);
    // Used again in time, it begins anew.
    drop(setup.try_lease().unwrap());
    sleep(IDLE - Duration::from_millis(1)).await;
    assert_eq!(setup.conn(0).retirements(), 0);
    sleep(Duration::from_millis(2)).await;
    assert_eq!(setup.conn(0).retirements(), 1);
    assert!(setup.pool.snapshot().is_empty());
    // And so for the next connection: the sweeper is hired again.
    drop(setup.lease().await.unwrap());
    sleep(IDLE + Duration::from_millis(1)).await;
    assert_eq!(setup.conn(1).retirements(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_seen_amid_its_last_release_is_idle_from_then_on() {
    let setup = Setup::new([]);
    let conn = setup.lease().await.unwrap().start();
    sleep(IDLE - Duration::from_secs(1)).await;
    conn.release_silently();
    sleep(IDLE - Duration::from_secs(1)).await;
    assert_eq!(
        conn.retirements(),
        0,
        "it was busy until the sweeper looked"
    );
    sleep(Duration::from_secs(3)).await;
    assert_eq!(conn.retirements(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_never_leased_is_idle_from_its_arrival() {
    let setup = Setup::new([]);
    drop(setup.waiting().await);
    sleep(MockDial::TIME + IDLE + Duration::from_millis(2)).await;
    assert_eq!(setup.conn(0).retirements(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_waited_on_is_not_idle() {
    let setup = Setup::new([Plan::Slots(0)]);
    let future = setup.waiting().await;
    sleep(IDLE * 3).await;
    setup.conn(0).set_limit(1);
    assert_eq!(future.await.unwrap().number(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_idle_timeout_connections_stay() {
    let setup = Setup::with_config([], |config| config.idle_timeout = None);
    drop(setup.lease().await.unwrap());
    sleep(IDLE * 1000).await;
    assert_eq!(setup.counts(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_is_one_task_and_ends_with_the_last_connection_and_with_the_pool() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let setup = Setup::new([]);
    for host in ["http://a.test/", "http://b.test/", "http://c.test/"] {
        drop(setup.pool.lease(&key(host)).await.unwrap());
    }
    assert_eq!(metrics.num_alive_tasks(), 1);
    sleep(IDLE * 2).await;
    assert_eq!(metrics.num_alive_tasks(), 0);
    drop(setup.lease().await.unwrap());
    assert_eq!(metrics.num_alive_tasks(), 1);
    let conn = setup.conn(3);
    drop(setup);
    assert_eq!(
        conn.retirements(),
        1,
        "a pool takes its connections with it"
    );
    tokio::task::yield_now().await;
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_outlives_its_pool_retires_what_it_made() {
    let setup = Setup::new([]);
    drop(setup.waiting().await);
    let dialer = setup.dialer.clone();
    drop(setup);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(dialer.made()[0].retirements(), 1);
}

#[tokio::test(start_paused = true)]
async fn close_idle_retires_only_what_carries_no_stream() {
    let setup = Setup::new([]);
    let busy = setup.lease().await.unwrap();
    drop(setup.pool.lease(&key("http://b.test/")).await.unwrap());
    setup.pool.close_idle();
    assert_eq!((busy.retirements(), setup.conn(1).retirements()), (0, 1));
    assert_eq!(setup.pool.snapshot().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_waiters_retires_connections_and_refuses_callers() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let mut queued = setup.waiting().await;
    let other = key("http://b.test/");
    let mut dialing = setup.pool.lease(&other);
    assert!(poll!(&mut dialing).is_pending());
    setup.pool.shutdown();
    assert_eq!(kind(now(&mut queued).await), Kind::Shutdown);
    assert_eq!(kind(now(&mut dialing).await), Kind::Shutdown);
    assert_eq!(kind(setup.lease().await), Kind::Shutdown);
    assert_eq!(lease.retirements(), 1);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.conn(1).retirements(), 1, "the dial was under way");
    assert!(setup.pool.snapshot().is_empty());
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_is_what_debug_prints() {
    let setup = Setup::new([Plan::Slots(2)]);
    let _lease = setup.lease().await.unwrap();
    let expected = ShelfSnapshot {
        key: setup.key.clone(),
        connections: 1,
        in_use: 1,
        waiting: 0,
        dials: 0,
    };
    assert_eq!(setup.pool.snapshot(), std::slice::from_ref(&expected));
    assert_eq!(format!("{:?}", setup.pool), format!("{:?}", [expected]));
}
