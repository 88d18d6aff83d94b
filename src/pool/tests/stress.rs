//! Random leasing, dropping, starting, ending and limiting on many threads: nothing may be lost,
//! given twice, or hang.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    key,
    mock::{MockDial, Plan},
};
use crate::{
    clock,
    pool::{Conn as _, Key, Pool, PoolConfig, Sharing},
};

const MAX_CONNECTIONS: usize = 6;

/// A small generator (xorshift), so that a failure can be had again from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

async fn caller(pool: Pool<MockDial>, keys: Arc<[Key]>, seed: u64) {
    let mut random = Random(seed);
    for _ in 0..400 {
        if random.below(16) == 0 {
            check_bound(&pool);
        }
        let key = &keys[usize::try_from(random.below(3)).unwrap()];
        let future = pool.lease(key);
        let lease = if random.below(4) == 0 {
            // Gives up at any moment: before it waits, while it does, or with the lease on its way.
            let patience = Duration::from_micros(random.below(300));
            let Ok(outcome) = timeout(patience, future).await else {
                continue;
            };
            outcome
        } else {
            future.await
        };
        let Ok(lease) = lease else { continue };
        match random.below(200) {
            0 => lease.start().retire_and_release(),
            1..20 => drop(lease),
            20..60 => {
                tokio::task::yield_now().await;
                lease.start().release();
            }
            _ => {
                let conn = lease.start();
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    conn.release();
                });
            }
        }
    }
}

fn check_bound(pool: &Pool<MockDial>) {
    for shelf in pool.snapshot() {
        assert!(shelf.connections + shelf.dials <= MAX_CONNECTIONS);
    }
}

impl super::MockConn {
    fn retire_and_release(&self) {
        self.end();
        self.release();
    }
}

/// The last slots come home a moment after the last caller is done.
async fn settled(dialer: &MockDial) -> bool {
    for _ in 0..1000 {
        if dialer.made().iter().all(|conn| conn.in_use() == 0) {
            return true;
        }
        sleep(Duration::from_millis(1)).await;
    }
    false
}

/// Many threads, each dial as `script` has it by its number.
fn random_use(foreseen: Sharing, script: impl Fn(usize) -> Plan) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let dialer = MockDial::instant((0..8192).map(script));
    dialer.set_foreseen(foreseen);
    let config = PoolConfig {
        idle_timeout: Some(Duration::from_millis(2)),
        max_waiting: 48,
        max_connections: MAX_CONNECTIONS,
        max_idle: 3,
        wait_timeout: None,
    };
    let pool = Pool::new(dialer.clone(), config);
    let hosts = ["http://a.test/", "http://b.test/", "http://c.test/"];
    let keys: Arc<[Key]> = hosts.map(key).into();
    let seed = u64::from(std::process::id()) << 8;
    runtime.block_on(async {
        let callers = (1..=64)
            .map(|number| tokio::spawn(caller(pool.clone(), Arc::clone(&keys), seed + number)));
        let all = futures_util::future::try_join_all(callers);
        let outcome = timeout(Duration::from_secs(60), all).await;
        outcome
            .unwrap_or_else(|_| panic!("hangs, seed {seed}: {pool:?}"))
            .unwrap();
        assert!(settled(&dialer).await, "a slot was lost, seed {seed}");
    });
    for shelf in pool.snapshot() {
        assert_eq!((shelf.in_use, shelf.waiting), (0, 0), "seed {seed}");
    }
}

#[test]
fn random_use_by_many_threads_ends_with_every_slot_home_and_nobody_waiting() {
    random_use(Sharing::Unknown, |dial| match dial % 8 {
        5 => Plan::Fail,
        7 => Plan::StillBorn,
        _ => Plan::Slots(1 + dial % 4),
    });
}

#[test]
fn random_use_of_exclusive_connections_ends_so_as_well() {
    random_use(Sharing::Exclusive, |dial| match dial % 8 {
        5 => Plan::Fail,
        7 => Plan::StillBorn,
        _ => Plan::Exclusive,
    });
}

#[test]
fn random_use_of_a_server_that_keeps_changing_its_mind_ends_so_as_well() {
    random_use(Sharing::Unknown, |dial| match dial % 8 {
        1..=3 => Plan::Exclusive,
        5 => Plan::Fail,
        7 => Plan::StillBorn,
        _ => Plan::Slots(1 + dial % 4),
    });
}

/// The lost wake-up: one slot, and the last release races with each joining.
fn race(plan: Plan, callers: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let dialer = MockDial::instant([plan]);
    let config = PoolConfig {
        max_connections: 1,
        ..PoolConfig::default()
    };
    let pool = Pool::new(dialer.clone(), config);
    let key = key("http://a.test/");
    runtime.block_on(async {
        let callers = (0..callers).map(|_| {
            let (pool, key) = (pool.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..50_000 {
                    pool.lease(&key).await.unwrap().start().release();
                }
            })
        });
        let all = futures_util::future::try_join_all(callers);
        let outcome = timeout(Duration::from_secs(60), all).await;
        outcome.expect("a wake-up was lost").unwrap();
    });
    assert_eq!((pool.snapshot()[0].waiting, dialer.dials()), (0, 1));
}

#[test]
fn a_release_that_races_with_a_joining_waiter_is_never_missed() {
    race(Plan::Slots(1), 2);
}

#[test]
fn the_release_of_an_exclusive_connection_is_never_missed_either() {
    race(Plan::Exclusive, 2);
}

/// Not a rule but a number, of the quietest of many batches:
/// `cargo test --release cost_of_a_lease -- --ignored --nocapture`.
#[test]
#[ignore = "prints a measurement"]
fn cost_of_a_lease() {
    const BATCH: u32 = 10_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let key = key("http://service.example.test:8080/");
    let measure = |name: &str, pool: &Pool<MockDial>| {
        let batch = |_| {
            let begun = clock::now();
            for _ in 0..BATCH {
                pool.try_lease(&key).unwrap().start().release();
            }
            clock::now() - begun
        };
        let best = (0..200).map(batch).min().unwrap();
        println!("lease and release, {name}: {:?} each", best / BATCH);
    };

    let pool = Pool::new(MockDial::instant([]), PoolConfig::default());
    let held = runtime.block_on(pool.lease(&key)).unwrap();
    measure("multiplexed, others in use", &pool);
    drop(held);
    measure("multiplexed, idle between", &pool);

    let dialer = MockDial::instant([]);
    dialer.set_rest(Plan::Exclusive);
    let pool = Pool::new(dialer, PoolConfig::default());
    let all = (0..256).map(|_| pool.lease(&key));
    let mut held = runtime.block_on(futures_util::future::join_all(all));
    held.truncate(100);
    measure("exclusive, 100 of 256 in use", &pool);
    drop(held);
    measure("exclusive, 256 idle", &pool);
}
