//! Slots, and the order in which they are given.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Wake},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all, poll};
use tokio::time::{Instant, advance, sleep, timeout};

use super::{MockDial, Plan, Setup, key, kind, now};
use crate::{
    error::{Kind, Phase, Retry, Scope},
    pool::Conn as _,
};

#[tokio::test(start_paused = true)]
async fn fewer_slots_than_waiters_leaves_the_rest_queued_first_come_first_served() {
    let setup = Setup::new([Plan::Slots(2)]);
    let mut futures = setup.waiting_many(5).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (1, 2, 3));
    let mut held = Vec::new();
    for future in futures.iter_mut().take(2) {
        held.push(now(future).await.unwrap());
    }
    for next in 2..5 {
        for future in &mut futures[next..] {
            assert!(poll!(future).is_pending(), "not before those in front");
        }
        drop(held.remove(0));
        held.push(now(&mut futures[next]).await.unwrap());
    }
    assert_eq!((setup.dialer.dials(), setup.counts()), (1, (1, 2, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_freed_slot_wakes_exactly_one_waiter_once() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let mut waiting: Vec<_> = (0..3)
        .map(|_| (setup.lease(), Arc::<Wakes>::default()))
        .collect();
    for (future, wakes) in &mut waiting {
        let waker = Arc::clone(wakes).into();
        assert!(
            future
                .poll_unpin(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    let conn = lease.start();
    conn.release();
    let woken: Vec<_> = waiting
        .iter()
        .map(|(_, wakes)| wakes.0.load(SeqCst))
        .collect();
    assert_eq!(woken, [1, 0, 0]);
    assert_eq!(setup.counts(), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn nobody_leases_past_the_queue() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let mut first = setup.waiting().await;
    drop(lease);
    // The slot is `first`'s, though it has not been polled since.
    assert!(setup.try_lease().is_none());
    let mut second = setup.waiting().await;
    drop(now(&mut first).await.unwrap());
    assert!(setup.try_lease().is_none());
    assert!(now(&mut second).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_the_queue_has_not_heard_of_is_still_the_queue_s() {
    let setup = Setup::new([Plan::Slots(1)]);
    let _lease = setup.lease().await.unwrap();
    let mut first = setup.waiting().await;
    setup.conn(0).set_limit_silently(2);
    assert!(setup.try_lease().is_none(), "`first` was before");
    setup.conn(0).set_limit(2);
    assert!(now(&mut first).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_wakes_as_many_as_there_are_slots() {
    let setup = Setup::new([Plan::Slots(0)]);
    let mut futures = setup.waiting_many(5).await;
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (1, 0, 5));
    setup.conn(0).set_limit(3);
    assert_eq!(setup.counts(), (1, 3, 2));
    let leases = join_all(futures.drain(..3)).await;
    assert!(leases.iter().all(Result::is_ok));
    for future in &mut futures {
        assert!(poll!(future).is_pending());
    }
}

#[tokio::test(start_paused = true)]
async fn a_started_lease_keeps_its_slot_until_the_stream_ends() {
    let setup = Setup::new([Plan::Slots(1)]);
    let conn = setup.lease().await.unwrap().start();
    assert_eq!(setup.counts(), (1, 1, 0));
    assert!(setup.try_lease().is_none());
    conn.release();
    assert_eq!(setup.counts(), (1, 0, 0));
    assert!(setup.try_lease().is_some());
}

#[tokio::test(start_paused = true)]
async fn waiters_dropped_amid_the_dial_leave_the_slot_to_the_others() {
    let setup = Setup::new([Plan::Slots(1)]);
    let mut futures = setup.waiting_many(3).await;
    let middle = futures.remove(1);
    drop(futures);
    assert_eq!(setup.counts(), (0, 0, 1));
    drop(middle.await.unwrap());
    assert_eq!(setup.counts(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn waiters_dropped_in_the_queue_leave_their_turn_to_the_next() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let (first, mut second) = (setup.waiting().await, setup.waiting().await);
    drop(first);
    assert_eq!(setup.counts(), (1, 1, 1));
    drop(lease);
    drop(now(&mut second).await.unwrap());
    assert_eq!(setup.counts(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn waiters_dropped_with_the_lease_on_its_way_pass_the_slot_on() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let (first, mut second) = (setup.waiting().await, setup.waiting().await);
    drop(lease);
    assert_eq!(
        setup.counts(),
        (1, 1, 1),
        "`first` is answered but has not looked"
    );
    drop(first);
    assert_eq!(setup.counts(), (1, 1, 0), "`second` is");
    let third = setup.waiting().await;
    drop(now(&mut second).await.unwrap());
    drop(third);
    assert_eq!(setup.counts(), (1, 0, 0));
    assert!(setup.try_lease().is_some());
}

#[tokio::test(start_paused = true)]
async fn past_the_bound_of_waiters_callers_are_refused_and_may_retry() {
    let setup = Setup::with_config([Plan::Slots(1)], |config| config.max_waiting = 3);
    let mut futures = setup.waiting_many(3).await;
    let error = now(&mut setup.lease())
        .await
        .expect_err("the queue is full");
    assert_eq!(
        (error.kind(), error.scope(), error.retry()),
        (Kind::Overloaded, Scope::Request, Retry::Safe)
    );
    assert_eq!(setup.counts(), (0, 0, 3));
    // The bound is each netloc's own, and who leaves makes room.
    let other = key("http://b.test/");
    assert!(poll!(&mut setup.pool.lease(&other)).is_pending());
    futures.pop();
    futures.push(setup.waiting().await);
    assert!(futures.remove(0).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_bound_of_zero_still_lets_one_wait_for_the_dial() {
    let setup = Setup::with_config([], |config| config.max_waiting = 0);
    let mut first = setup.waiting().await;
    assert_eq!(kind(setup.lease().await), Kind::Overloaded);
    assert!((&mut first).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_its_time_limit_during_a_dial_and_in_the_queue() {
    let limit = Duration::from_secs(5);
    let script = [Plan::Never, Plan::Slots(1)];
    let setup = Setup::with_config(script, |config| config.wait_timeout = Some(limit));
    let begun = Instant::now();
    let error = setup.lease().await.expect_err("that dial never ends");
    assert_eq!(begun.elapsed(), limit);
    assert_eq!(
        (error.kind(), error.scope(), error.retry()),
        (Kind::Timeout(Phase::PoolWait), Scope::Request, Retry::Safe)
    );
    assert_eq!(setup.counts(), (0, 0, 0), "the dial alone is left");

    let other = key("http://b.test/");
    let lease = setup.pool.lease(&other).await.unwrap();
    let error = setup
        .pool
        .lease(&other)
        .await
        .expect_err("the one slot is held");
    assert_eq!(error.kind(), Kind::Timeout(Phase::PoolWait));
    drop(lease);
    assert!(setup.pool.try_lease(&other).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_comes_with_the_time_limit_is_taken() {
    let limit = Duration::from_secs(5);
    let setup = Setup::with_config([Plan::Slots(1)], |config| config.wait_timeout = Some(limit));
    let lease = setup.lease().await.unwrap();
    let mut late = setup.waiting().await;
    advance(limit * 2).await;
    drop(lease);
    assert!(now(&mut late).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn futures_are_send_and_unpin_and_time_out_from_outside() {
    fn check<T: Send + Unpin>(future: T) -> T {
        future
    }
    let setup = Setup::new([Plan::Never]);
    let outcome = timeout(Duration::from_secs(1), check(setup.lease())).await;
    assert!(outcome.is_err());
    assert_eq!(setup.counts(), (0, 0, 0));
}

/// Counts wake-ups.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}
