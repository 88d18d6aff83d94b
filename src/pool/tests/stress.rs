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
    pool::{Conn as _, Key, Pool, PoolConfig},
};

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

#[test]
fn random_use_by_many_threads_ends_with_every_slot_home_and_nobody_waiting() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let script: Vec<_> = (0..4096)
        .map(|dial| match dial % 8 {
            5 => Plan::Fail,
            7 => Plan::StillBorn,
            _ => Plan::Slots(1 + dial % 4),
        })
        .collect();
    let dialer = MockDial::instant(script);
    let config = PoolConfig {
        idle_timeout: Some(Duration::from_millis(2)),
        max_waiting: 48,
        wait_timeout: None,
        ..PoolConfig::default()
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

/// The lost wake-up: one slot, and the last release races with each joining.
#[test]
fn a_release_that_races_with_a_joining_waiter_is_never_missed() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let dialer = MockDial::instant([Plan::Slots(1)]);
    let pool = Pool::new(dialer, PoolConfig::default());
    let key = key("http://a.test/");
    runtime.block_on(async {
        let callers = (0..2).map(|_| {
            let (pool, key) = (pool.clone(), key.clone());
            tokio::spawn(async move {
                for _ in 0..100_000 {
                    pool.lease(&key).await.unwrap().start().release();
                }
            })
        });
        let all = futures_util::future::try_join_all(callers);
        let outcome = timeout(Duration::from_secs(60), all).await;
        outcome.expect("a wake-up was lost").unwrap();
    });
    assert_eq!(pool.snapshot()[0].waiting, 0);
}

/// Not a rule but a number, of the quietest of many batches:
/// `cargo test --release cost_of_a_lease -- --ignored --nocapture`.
#[test]
#[ignore = "prints a measurement"]
fn cost_of_a_lease() {
    const BATCH: u32 = 10_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pool = Pool::new(MockDial::instant([]), PoolConfig::default());
    let key = key("http://service.example.test:8080/");
    let held = runtime.block_on(pool.lease(&key)).unwrap();
    let measure = |name: &str| {
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
    measure("others in use");
    drop(held);
    measure("idle between");
}
