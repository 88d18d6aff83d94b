//! The queue before a shelf, and the future that stands in it.
//!
//! Owns: the order of waiters, and the count of them that connections read without a lock.
//! Invariant: a waiter is answered at most once, and only after it has left the queue; an answer
//! whose receiver is gone is dropped, and a dropped lease passes its slot on.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering, fence},
    },
    task::{Context, Poll, ready},
};

use tokio::{runtime::Handle, sync::oneshot, time::Sleep};

use super::{Key, Shared, conn::Conn, dial::Dial, lease::Lease};
use crate::error::{Error, Kind, Phase, Retry, Scope};

/// A waiter's place: lower came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WaiterId(u64);

impl WaiterId {
    pub(super) const FIRST: Self = Self(0);

    /// This id; the next call gives the following one.
    pub(super) fn advance(&mut self) -> Self {
        let id = *self;
        self.0 += 1;
        id
    }
}

/// The pool's end of one who waits.
pub(super) struct Waiter<C: Conn> {
    sender: oneshot::Sender<Result<Lease<C>, Error>>,
    /// Where a dial on this waiter's behalf runs.
    runtime: Handle,
}

impl<C: Conn> Waiter<C> {
    pub(super) fn new(sender: oneshot::Sender<Result<Lease<C>, Error>>, runtime: Handle) -> Self {
        Self { sender, runtime }
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Wakes the future. If it has just been dropped, so is the lease: the slot goes on.
    pub(super) fn answer(self, answer: Result<Lease<C>, Error>) {
        drop(self.sender.send(answer));
    }
}

/// How many wait, for connections to read without the pool's lock.
///
/// Why no wake-up is lost: a waiter is first counted and then tries to reserve; a connection first
/// frees a slot and then reads the count. With a sequentially consistent fence between the two
/// steps on either side, at least one of them sees what the other did. (An exclusive connection
/// leaves its notice before it reads the count, and a waiter looks for notices after it is counted.)
#[derive(Clone)]
pub(super) struct WaitCount(Arc<AtomicUsize>);

impl WaitCount {
    pub(super) fn is_any(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) > 0
    }

    fn set(&self, count: usize) {
        self.0.store(count, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

/// Those who wait, first come, first served.
pub(super) struct Waiters<C: Conn> {
    /// Ordered by id, so that one who leaves from the middle costs no walk.
    queue: BTreeMap<WaiterId, Waiter<C>>,
    /// Always the queue's length.
    count: WaitCount,
}

impl<C: Conn> Waiters<C> {
    pub(super) fn push(&mut self, id: WaiterId, waiter: Waiter<C>) {
        self.queue.insert(id, waiter);
        self.count.set(self.queue.len());
    }

    pub(super) fn remove(&mut self, id: WaiterId) -> Option<Waiter<C>> {
        let waiter = self.queue.remove(&id)?;
        self.count.set(self.queue.len());
        Some(waiter)
    }

    /// Takes the first waiter out, if `supply` has something for it.
    pub(super) fn pop_with<T>(
        &mut self,
        supply: impl FnOnce() -> Option<T>,
    ) -> Option<(Waiter<C>, T)> {
        let first = self.queue.first_entry()?;
        let supplied = supply()?;
        let waiter = first.remove();
        self.count.set(self.queue.len());
        Some((waiter, supplied))
    }

    /// Takes the last waiter out.
    pub(super) fn pop_last(&mut self) -> Option<Waiter<C>> {
        let (_, waiter) = self.queue.pop_last()?;
        self.count.set(self.queue.len());
        Some(waiter)
    }

    /// From the first to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiter<C>> {
        self.queue.values()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn count(&self) -> &WaitCount {
        &self.count
    }
}

impl<C: Conn> Default for Waiters<C> {
    fn default() -> Self {
        Self {
            queue: BTreeMap::new(),
            count: WaitCount(Arc::new(AtomicUsize::new(0))),
        }
    }
}

/// A lease as soon as there is one: see [`Pool::lease`](super::Pool::lease).
///
/// Dropped, it leaves the queue; a lease that is already on its way passes its slot on.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Acquire<D: Dial> {
    pool: Arc<Shared<D>>,
    key: Key,
    stage: Stage<D::Conn>,
}

enum Stage<C: Conn> {
    New,
    Waiting(Place<C>),
    Done,
}

/// The future's end of one who waits.
pub(super) struct Place<C: Conn> {
    id: WaiterId,
    receiver: oneshot::Receiver<Result<Lease<C>, Error>>,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<C: Conn> Place<C> {
    pub(super) fn new(
        id: WaiterId,
        receiver: oneshot::Receiver<Result<Lease<C>, Error>>,
        deadline: Option<Sleep>,
    ) -> Self {
        Self {
            id,
            receiver,
            deadline: deadline.map(Box::pin),
        }
    }

    /// The answer, or `None` when the deadline came first.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Lease<C>, Error>>> {
        if let Poll::Ready(answer) = Pin::new(&mut self.receiver).poll(cx) {
            return Poll::Ready(Some(answer.unwrap_or_else(|_| Err(unanswered()))));
        }
        let Some(deadline) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(None)
    }
}

impl<D: Dial> Acquire<D> {
    pub(super) fn new(pool: Arc<Shared<D>>, key: Key) -> Self {
        Self {
            pool,
            key,
            stage: Stage::New,
        }
    }

    /// Out of the queue, but an answer that was given in the same moment still counts.
    fn expire(&mut self) -> Result<Lease<D::Conn>, Error> {
        let mut failure = None;
        if let Stage::Waiting(mut place) = std::mem::replace(&mut self.stage, Stage::Done) {
            failure = self.pool.leave(&self.key, place.id);
            if let Ok(answer) = place.receiver.try_recv() {
                return answer;
            }
        }
        let kind = Kind::Timeout(Phase::PoolWait);
        let error = Error::new(kind, Scope::Request, Retry::Safe).with_netloc(&self.key.netloc);
        Err(match failure {
            Some(failure) => error.with_source(failure),
            None => error,
        })
    }
}

impl<D: Dial> Future for Acquire<D> {
    type Output = Result<Lease<D::Conn>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if matches!(this.stage, Stage::New) {
            if let Some(lease) = this.pool.try_lease(&this.key) {
                this.stage = Stage::Done;
                return Poll::Ready(Ok(lease));
            }
            this.stage = match this.pool.join(&this.key) {
                Ok(place) => Stage::Waiting(place),
                Err(error) => {
                    this.stage = Stage::Done;
                    return Poll::Ready(Err(error));
                }
            };
        }
        let Stage::Waiting(place) = &mut this.stage else {
            panic!("Acquire polled after it was ready");
        };
        match ready!(place.poll(cx)) {
            Some(answer) => {
                this.stage = Stage::Done;
                Poll::Ready(answer)
            }
            None => Poll::Ready(this.expire()),
        }
    }
}

impl<D: Dial> Drop for Acquire<D> {
    fn drop(&mut self) {
        if let Stage::Waiting(place) = &self.stage {
            self.pool.leave(&self.key, place.id);
        }
    }
}

impl<D: Dial> fmt::Debug for Acquire<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Only a panic between taking a waiter out and answering it comes to this.
fn unanswered() -> Error {
    Error::new(Kind::Closed, Scope::Request, Retry::Safe)
        .with_source("the pool lost the waiter's answer")
}
