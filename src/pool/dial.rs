//! A dial: a task of its own, so that it survives the caller that began it.
//!
//! Owns: the [`Dial`] trait, and the promise that every dial ends in exactly one landing, be it by
//! a panic or by the end of its runtime. A dial that has failed looks on for as long as its failure
//! may be somebody's.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
};

use tokio::runtime::Handle;

use super::{
    Key, Shared, Sharing,
    conn::{Conn, Link, Settle, Watcher},
    exclusive::NoticeLine,
    lease::Entry,
    shelf::STANDSTILL,
    waiters::WaitCount,
};
use crate::error::{Error, Kind, Retry, Scope};

/// How connections are made.
pub(crate) trait Dial: Clone + Send + Sync + 'static {
    type Conn: Conn;

    /// Opens a connection for `key`. Called and polled on a task of the pool's, under no lock.
    fn dial(&self, key: Key) -> Pin<Box<dyn Future<Output = Result<Self::Conn, Error>> + Send>>;

    /// What is known before a dial of the connections that dials for `key` make. Called under the
    /// pool's lock when the first caller comes: answers at once.
    fn foresee(&self, key: &Key) -> Sharing;
}

/// A dial that a shelf decided on.
pub(super) struct DialOrder {
    pub(super) runtime: Handle,
    pub(super) waiting: WaitCount,
    /// For the connection, if it turns out to be exclusive.
    pub(super) line: NoticeLine,
}

/// Begins the dial. On a runtime that is shut down, it lands at once with an error.
pub(super) fn start<D: Dial>(pool: &Arc<Shared<D>>, key: &Key, order: DialOrder) {
    let flight = Flight {
        pool: Arc::downgrade(pool),
        key: key.clone(),
        waiting: order.waiting,
        line: order.line,
    };
    let dialer = pool.dialer.clone();
    order.runtime.spawn(async move {
        tracing::debug!(netloc = %flight.key.netloc, "dialing");
        let (pool, key) = (flight.pool.clone(), flight.key.clone());
        let outcome = dialer.dial(key.clone()).await;
        if let Some(error) = flight.land(outcome) {
            look_on(&pool, &key, &error).await;
        }
    });
}

/// Sees to it that the failure of a dial is told to somebody, if those who wait come to a standstill.
async fn look_on<D: Dial>(pool: &Weak<Shared<D>>, key: &Key, error: &Error) {
    let mut progress = None;
    loop {
        let pool = pool.upgrade();
        let seen = pool.and_then(|pool| pool.look_on(key, error, progress));
        if seen.is_none() {
            return;
        }
        progress = seen;
        tokio::time::sleep(STANDSTILL).await;
    }
}

/// A dial under way. Dropped before it landed, it tells the waiters so.
struct Flight<D: Dial> {
    /// Dangling once landed. Weak, so that a pool nobody holds any more is gone at once.
    pool: Weak<Shared<D>>,
    key: Key,
    waiting: WaitCount,
    line: NoticeLine,
}

impl<D: Dial> Flight<D> {
    /// Gives a failure that fails nobody yet.
    fn land(mut self, outcome: Result<D::Conn, Error>) -> Option<Error> {
        if let Err(error) = &outcome {
            tracing::debug!(netloc = %self.key.netloc, %error, "the dial failed");
        }
        let Some(shared) = self.pool.upgrade() else {
            if let Ok(conn) = outcome {
                conn.retire();
            }
            return None;
        };
        let outcome = outcome.map(|conn| {
            let link = Arc::new(self.link(&conn));
            conn.watch(Watcher::new(Arc::clone(&link)));
            Entry::new(conn, link)
        });
        self.pool = Weak::new();
        shared.land(&self.key, outcome)
    }

    fn link(&self, conn: &D::Conn) -> Link {
        let line = conn.is_exclusive().then(|| self.line.clone());
        let pool: Weak<dyn Settle> = self.pool.clone();
        Link::new(self.key.clone(), self.waiting.clone(), line, pool)
    }
}

impl<D: Dial> Drop for Flight<D> {
    fn drop(&mut self) {
        let Some(shared) = self.pool.upgrade() else {
            return;
        };
        let (kind, why) = if std::thread::panicking() {
            (Kind::Closed, "the dial panicked")
        } else {
            (Kind::Shutdown, "the runtime of the dial ended")
        };
        let error = Error::new(kind, Scope::Netloc, Retry::Safe)
            .with_netloc(&self.key.netloc)
            .with_source(why);
        // Of a dial that did not end by itself, nobody is left to look on.
        let _failure = shared.land(&self.key, Err(error));
    }
}
