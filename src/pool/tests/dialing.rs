//! One dial for all who wait for it.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
};

use futures_util::{FutureExt as _, future::join_all};
use tokio::time::sleep;

use super::{MockDial, Plan, Setup, key, kind};
use crate::error::{Kind, Retry, Scope};

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_share_one_dial() {
    let setup = Setup::new([Plan::Slots(100)]);
    let leases = join_all((0..100).map(|_| setup.lease())).await;
    let leases: Vec<_> = leases.into_iter().map(Result::unwrap).collect();
    assert_eq!(setup.dialer.dials(), 1);
    assert_eq!(setup.counts(), (1, 100, 0));
    let new = leases.iter().filter(|lease| !lease.is_reused()).count();
    assert_eq!(new, 1, "only the first lease of a connection finds it new");
    assert!(setup.try_lease().is_none(), "all slots are leased");
    drop(leases);
    assert_eq!(setup.counts(), (1, 0, 0));
    assert!(setup.try_lease().expect("a free slot").is_reused());
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_not_polled_does_nothing() {
    let setup = Setup::new([]);
    let future = setup.lease();
    sleep(MockDial::TIME).await;
    assert_eq!((setup.dialer.dials(), setup.counts()), (0, (0, 0, 0)));
    drop(future);
}

#[tokio::test(start_paused = true)]
async fn each_netloc_has_its_own_dial() {
    let setup = Setup::new([]);
    let other = key("https://a.test/");
    let (a, b) = tokio::join!(setup.lease(), setup.pool.lease(&other));
    assert_ne!(a.unwrap().number(), b.unwrap().number());
    assert_eq!(setup.dialer.dials(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_dial_survives_the_caller_that_began_it() {
    let setup = Setup::new([]);
    let began = setup.waiting().await;
    let other = setup.waiting().await;
    drop(began);
    assert_eq!(other.await.unwrap().number(), 0);
    assert_eq!(setup.dialer.dials(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_nobody_waits_for_any_more_still_stocks_the_pool() {
    let setup = Setup::new([]);
    drop(setup.waiting_many(3).await);
    assert_eq!(setup.pool.snapshot()[0].dials, 1);
    sleep(MockDial::TIME * 2).await;
    assert_eq!(setup.counts(), (1, 0, 0));
    let lease = setup.try_lease().expect("the connection is kept");
    assert!(!lease.is_reused());
}

#[tokio::test(start_paused = true)]
async fn a_failed_dial_fails_all_who_waited_and_the_next_dials_anew() {
    let setup = Setup::new([Plan::Fail]);
    for outcome in join_all((0..10).map(|_| setup.lease())).await {
        let error = outcome.expect_err("the dial failed");
        assert_eq!(
            (error.kind(), error.scope()),
            (Kind::Connect, Scope::Netloc)
        );
        assert_eq!(error.netloc(), Some(&setup.key.netloc));
    }
    assert!(
        setup.pool.snapshot().is_empty(),
        "an empty shelf is forgotten"
    );
    assert_eq!(setup.lease().await.unwrap().number(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_dial_leaves_nobody_waiting() {
    let setup = Setup::new([Plan::Panic]);
    for outcome in join_all((0..3).map(|_| setup.lease())).await {
        assert_eq!(kind(outcome), Kind::Closed);
    }
    assert_eq!(setup.lease().await.unwrap().number(), 1);
}

#[test]
fn a_dial_whose_runtime_ends_leaves_nobody_waiting() {
    let setup = Setup::new([Plan::Never]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let future = runtime.block_on(setup.waiting());
    let task = std::thread::spawn(|| block_without_runtime(future));
    drop(runtime);
    assert_eq!(kind(task.join().unwrap()), Kind::Shutdown);
    assert!(setup.pool.snapshot().is_empty());
}

#[test]
fn without_a_runtime_a_lease_that_must_wait_is_an_error_and_a_free_slot_is_not() {
    let setup = Setup::new([]);
    let outcome = setup.lease().now_or_never().expect("at once");
    assert_eq!(kind(outcome), Kind::Shutdown);
    assert!(setup.pool.snapshot().is_empty());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    drop(runtime.block_on(setup.lease()).unwrap());
    assert!(setup.lease().now_or_never().expect("at once").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_arrives_closed_is_a_failed_dial_and_not_dialed_again() {
    let setup = Setup::new([Plan::StillBorn]);
    let outcome = setup.lease().await;
    let error = outcome.expect_err("it closed before anybody could use it");
    assert_eq!((error.kind(), error.retry()), (Kind::Closed, Retry::Safe));
    assert_eq!(setup.dialer.dials(), 1);
}

/// Waits without any runtime.
fn block_without_runtime<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    loop {
        if let Poll::Ready(output) = future.poll_unpin(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
