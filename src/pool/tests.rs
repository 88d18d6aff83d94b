//! The pool's rules, one test each, on paused time and mock connections.

mod mock;
mod stress;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all, poll};
use tokio::time::{Instant, advance, sleep, timeout};

use self::mock::{MockConn, MockDial, Plan};
use super::{Acquire, Conn as _, Lease, Pool, PoolConfig, ShelfSnapshot};
use crate::{
    error::{Error, Kind, Phase, Retry, Scope},
    netloc::Netloc,
};

const IDLE: Duration = Duration::from_secs(90);

struct Setup {
    pool: Pool<MockDial>,
    dialer: MockDial,
    netloc: Netloc,
}

impl Setup {
    fn new(script: impl IntoIterator<Item = Plan>) -> Self {
        Self::with_config(script, |_| {})
    }

    fn with_config(
        script: impl IntoIterator<Item = Plan>,
        change: impl FnOnce(&mut PoolConfig),
    ) -> Self {
        let mut config = PoolConfig {
            idle_timeout: Some(IDLE),
            wait_timeout: None,
            ..PoolConfig::default()
        };
        change(&mut config);
        let dialer = MockDial::new(script);
        Self {
            pool: Pool::new(dialer.clone(), config),
            dialer,
            netloc: netloc("http://a.test/"),
        }
    }

    fn lease(&self) -> Acquire<MockDial> {
        self.pool.lease(&self.netloc)
    }

    fn try_lease(&self) -> Option<Lease<MockConn>> {
        self.pool.try_lease(&self.netloc)
    }

    /// A future that stands in the queue.
    async fn waiting(&self) -> Acquire<MockDial> {
        let mut future = self.lease();
        assert!(poll!(&mut future).is_pending());
        future
    }

    async fn waiting_many(&self, count: usize) -> Vec<Acquire<MockDial>> {
        join_all((0..count).map(|_| self.waiting())).await
    }

    /// Connections, slots in use and waiters of the one netloc; zeros if the pool has forgotten it.
    fn counts(&self) -> (usize, usize, usize) {
        let shelf = self.pool.snapshot().pop();
        shelf.map_or((0, 0, 0), |shelf| {
            (shelf.connections, shelf.in_use, shelf.waiting)
        })
    }

    fn conn(&self, number: usize) -> MockConn {
        self.dialer.made()[number].clone()
    }
}

fn netloc(uri: &str) -> Netloc {
    Netloc::from_uri(&uri.parse().unwrap()).unwrap()
}

/// The answer of a future that must have one by now.
async fn now<F: Future + Unpin>(future: &mut F) -> F::Output {
    match poll!(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("not answered yet"),
    }
}

fn kind(outcome: Result<Lease<MockConn>, Error>) -> Kind {
    outcome.expect_err("no lease was to be had").kind()
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

/// Counts wake-ups.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

// ---- one dial for all who wait ----

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
    let other = netloc("https://a.test/");
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
    assert!(setup.pool.snapshot()[0].is_dialing);
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
        assert_eq!(error.netloc(), Some(&setup.netloc));
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

// ---- slots and the queue ----

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
    let other = netloc("http://b.test/");
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

    let other = netloc("http://b.test/");
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

// ---- the end of connections ----

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
    assert!(setup.pool.snapshot()[0].is_dialing);
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
        drop(setup.pool.lease(&netloc(host)).await.unwrap());
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
    drop(setup.pool.lease(&netloc("http://b.test/")).await.unwrap());
    setup.pool.close_idle();
    assert_eq!((busy.retirements(), setup.conn(1).retirements()), (0, 1));
    assert_eq!(setup.pool.snapshot().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_answers_waiters_retires_connections_and_refuses_callers() {
    let setup = Setup::new([Plan::Slots(1)]);
    let lease = setup.lease().await.unwrap();
    let mut queued = setup.waiting().await;
    let other = netloc("http://b.test/");
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
        netloc: setup.netloc.clone(),
        connections: 1,
        in_use: 1,
        waiting: 0,
        is_dialing: false,
    };
    assert_eq!(setup.pool.snapshot(), [expected.clone()]);
    assert_eq!(format!("{:?}", setup.pool), format!("{:?}", [expected]));
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
