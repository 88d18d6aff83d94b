//! The pool's rules, one test each, on paused time and mock connections.

mod dialing;
mod ending;
mod exclusive;
mod failing;
mod learning;
mod mock;
mod model;
mod queue;
mod stress;

use std::{task::Poll, time::Duration};

use futures_util::{future::join_all, poll};

use self::mock::{MockConn, MockDial, Plan};
use super::{Acquire, Key, Lease, Pool, PoolConfig, Sharing};
use crate::{
    error::{Error, Kind},
    netloc::Netloc,
    protocols::Protocols,
};

const IDLE: Duration = Duration::from_secs(90);

struct Setup {
    pool: Pool<MockDial>,
    dialer: MockDial,
    key: Key,
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
            key: key("http://a.test/"),
        }
    }

    /// Connections that carry one exchange, from the end of `script` on, and known to be such.
    fn exclusive(script: impl IntoIterator<Item = Plan>) -> Self {
        Self::exclusive_with(script, |_| {})
    }

    fn exclusive_with(
        script: impl IntoIterator<Item = Plan>,
        change: impl FnOnce(&mut PoolConfig),
    ) -> Self {
        let setup = Self::with_config(script, change);
        setup.dialer.set_rest(Plan::Exclusive);
        setup.dialer.set_foreseen(Sharing::Exclusive);
        setup
    }

    /// So many leases, each of a connection of its own, in the order of the connections.
    async fn held(&self, count: usize) -> Vec<Lease<MockConn>> {
        let leases = join_all((0..count).map(|_| self.lease())).await;
        let mut leases: Vec<_> = leases.into_iter().map(Result::unwrap).collect();
        leases.sort_by_key(|lease| lease.number());
        leases
    }

    fn lease(&self) -> Acquire<MockDial> {
        self.pool.lease(&self.key)
    }

    fn try_lease(&self) -> Option<Lease<MockConn>> {
        self.pool.try_lease(&self.key)
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

    /// Connections, slots in use and waiters of the one key; zeros if the pool has forgotten it.
    fn counts(&self) -> (usize, usize, usize) {
        let shelf = self.pool.snapshot().pop();
        shelf.map_or((0, 0, 0), |shelf| {
            (shelf.connections, shelf.in_use, shelf.waiting)
        })
    }

    /// Dials under way for the one key.
    fn dials(&self) -> usize {
        self.pool.snapshot().pop().map_or(0, |shelf| shelf.dials)
    }

    fn conn(&self, number: usize) -> MockConn {
        let mut made = self.dialer.made().into_iter();
        made.find(|conn| conn.number() == number).unwrap()
    }
}

fn key(uri: &str) -> Key {
    let netloc = Netloc::from_uri(&uri.parse().unwrap()).unwrap();
    Key::new(netloc, Protocols::Any)
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
