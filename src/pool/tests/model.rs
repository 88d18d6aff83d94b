//! Random operations, one after the other, with the pool's invariants checked after each.

use std::{task::Poll, time::Duration};

use futures_util::poll;
use proptest::{collection::vec, prelude::*};
use tokio::time::sleep;

use super::{Acquire, IDLE, Lease, MockConn, MockDial, Plan, Setup};
use crate::pool::{Conn as _, Sharing};

const MAX_CONNECTIONS: usize = 4;
const MAX_IDLE: usize = 2;

/// What happens next; a number picks one of those there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    Join,
    Leave(usize),
    PollAll,
    TryLease,
    DropLease(usize),
    Start(usize),
    Release(usize),
    /// The peer closes one.
    End(usize),
    /// The peer of a multiplexed one changes its limit.
    Limit(usize, usize),
    Sleep(Duration),
    CloseIdle,
    /// From now on, dials go like this.
    Rest(Plan),
}

fn plans() -> impl Strategy<Value = Plan> {
    prop_oneof![
        3 => Just(Plan::Exclusive),
        1 => Just(Plan::LateExclusive),
        2 => (0..3_usize).prop_map(Plan::Slots),
        2 => Just(Plan::Fail),
        1 => Just(Plan::LateFail),
        1 => Just(Plan::StillBorn),
    ]
}

fn ops(plans: BoxedStrategy<Plan>) -> impl Strategy<Value = Vec<Op>> {
    let any = 0..64_usize;
    let op = prop_oneof![
        8 => Just(Op::Join),
        2 => any.clone().prop_map(Op::Leave),
        6 => Just(Op::PollAll),
        1 => Just(Op::TryLease),
        3 => any.clone().prop_map(Op::DropLease),
        4 => any.clone().prop_map(Op::Start),
        5 => any.clone().prop_map(Op::Release),
        2 => any.clone().prop_map(Op::End),
        1 => (any, 0..4_usize).prop_map(|(which, limit)| Op::Limit(which, limit)),
        4 => Just(Op::Sleep(MockDial::TIME)),
        1 => Just(Op::Sleep(MockDial::LATE)),
        1 => Just(Op::Sleep(IDLE)),
        1 => Just(Op::CloseIdle),
        2 => plans.prop_map(Op::Rest),
    ];
    vec(op, 1..80)
}

struct World {
    setup: Setup,
    max_connections: usize,
    /// In the order in which they joined.
    waiting: Vec<Acquire<MockDial>>,
    leases: Vec<Lease<MockConn>>,
    started: Vec<MockConn>,
}

impl World {
    fn new(foreseen: Sharing, max_connections: usize) -> Self {
        let setup = Setup::with_config([], |config| {
            config.max_connections = max_connections;
            config.max_idle = MAX_IDLE;
        });
        setup.dialer.set_rest(Plan::Exclusive);
        setup.dialer.set_foreseen(foreseen);
        Self {
            setup,
            max_connections,
            waiting: Vec::new(),
            leases: Vec::new(),
            started: Vec::new(),
        }
    }

    async fn apply(&mut self, op: Op) {
        match op {
            Op::Join => {
                let mut future = self.setup.lease();
                match poll!(&mut future) {
                    Poll::Ready(outcome) => self.leases.push(outcome.expect("nobody refuses")),
                    Poll::Pending => self.waiting.push(future),
                }
            }
            Op::Leave(which) => drop(pick(&mut self.waiting, which)),
            Op::PollAll => self.poll_all().await,
            Op::TryLease => self.leases.extend(self.setup.try_lease()),
            Op::DropLease(which) => drop(pick(&mut self.leases, which)),
            Op::Start(which) => {
                let lease = pick(&mut self.leases, which);
                self.started.extend(lease.map(Lease::start));
            }
            Op::Release(which) => {
                if let Some(conn) = pick(&mut self.started, which) {
                    conn.release();
                }
            }
            Op::End(which) => {
                if let Some(conn) = pick(&mut self.open(), which) {
                    conn.end();
                }
            }
            Op::Limit(which, limit) => {
                let mut multiplexed = self.open();
                multiplexed.retain(|conn| !conn.is_exclusive());
                if let Some(conn) = pick(&mut multiplexed, which) {
                    conn.set_limit(limit);
                }
            }
            Op::Sleep(time) => sleep(time).await,
            Op::CloseIdle => self.setup.pool.close_idle(),
            Op::Rest(plan) => self.setup.dialer.set_rest(plan),
        }
    }

    /// Who is served comes before who is not: nothing is freed in between. A failure may be told to
    /// the last.
    async fn poll_all(&mut self) {
        let mut is_first_pending = None;
        for mut future in std::mem::take(&mut self.waiting) {
            match poll!(&mut future) {
                Poll::Ready(outcome) => {
                    let is_past = outcome.is_ok() && is_first_pending.is_some();
                    assert!(!is_past, "served past somebody");
                    self.leases.extend(outcome);
                }
                Poll::Pending => {
                    is_first_pending = Some(());
                    self.waiting.push(future);
                }
            }
        }
    }

    /// The connections that the pool holds: those it gives up are closed.
    fn open(&self) -> Vec<MockConn> {
        let mut made = self.setup.dialer.made();
        made.retain(|conn| conn.is_open());
        made
    }

    fn check(&self) {
        let (connections, _, waiting) = self.setup.counts();
        let dials = self.setup.dials();
        assert!(connections + dials <= self.max_connections, "too many");
        if waiting > 0 {
            let is_full = |conn: &MockConn| conn.in_use() >= conn.limit();
            assert!(self.open().iter().all(is_full), "a slot nobody gives");
            assert!(connections + dials > 0, "waiting for nothing");
        }
        let is_idle = |conn: &&MockConn| conn.is_exclusive() && conn.in_use() == 0;
        assert!(self.open().iter().filter(is_idle).count() <= MAX_IDLE);
    }

    /// Where no dial fails and all are exclusive, nobody waits without one if there is room.
    fn check_dials(&self) {
        let (connections, _, waiting) = self.setup.counts();
        let due = waiting.min(MAX_CONNECTIONS - connections);
        assert!(self.setup.dials() >= due, "a dial is missing");
    }

    /// Everybody is served in the end, and nothing is left.
    async fn finish(mut self) {
        self.setup.dialer.set_rest(Plan::Exclusive);
        for _ in 0..200 {
            self.leases.clear();
            for conn in self.started.drain(..) {
                conn.release();
            }
            for conn in self.open() {
                conn.set_limit(conn.limit().max(1));
            }
            self.poll_all().await;
            self.check();
            if self.waiting.is_empty() && self.leases.is_empty() {
                break;
            }
            sleep(MockDial::LATE).await;
        }
        assert!(self.waiting.is_empty(), "{:?}", self.setup.pool);
        sleep(MockDial::LATE).await;
        let made = self.setup.dialer.made();
        assert!(made.iter().all(|conn| conn.in_use() == 0));
        self.setup.pool.close_idle();
        assert!(self.setup.pool.snapshot().is_empty());
        assert!(made.iter().all(|conn| conn.retirements() <= 1));
    }
}

fn pick<T>(items: &mut Vec<T>, which: usize) -> Option<T> {
    if items.is_empty() {
        return None;
    }
    Some(items.remove(which % items.len()))
}

fn run(ops: &[Op], foreseen: Sharing, check: impl Fn(&World)) {
    run_within(MAX_CONNECTIONS, ops, foreseen, |world, _| {
        world.check();
        check(world);
    });
}

fn run_within(max_connections: usize, ops: &[Op], foreseen: Sharing, check: impl Fn(&World, Op)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(foreseen, max_connections);
        for op in ops {
            world.apply(*op).await;
            check(&world, *op);
        }
        world.finish().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dials_bring_the_invariants_hold(ops in ops(plans().boxed())) {
        run(&ops, Sharing::Unknown, |_| {});
    }

    #[test]
    fn while_all_dials_land_exclusive_none_is_missing(
        ops in ops(prop_oneof![Just(Plan::Exclusive), Just(Plan::LateExclusive)].boxed()),
    ) {
        run(&ops, Sharing::Exclusive, World::check_dials);
    }

    /// As long as there is room for a connection each.
    #[test]
    fn nobody_waits_through_a_long_standstill(
        ops in ops(prop_oneof![
            3 => Just(Plan::Exclusive),
            1 => Just(Plan::LateExclusive),
            3 => Just(Plan::Fail),
            1 => Just(Plan::LateFail),
            1 => Just(Plan::StillBorn),
        ].boxed()),
    ) {
        run_within(1_000, &ops, Sharing::Exclusive, |world, op| {
            let (_, _, waiting) = world.setup.counts();
            let is_over = matches!(op, Op::Sleep(time) if time == IDLE);
            assert!(!is_over || waiting == 0, "waiting for nothing");
        });
    }
}
