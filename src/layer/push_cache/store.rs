//! Pushes that wait to be asked for.
//!
//! Owns: at most so many of them, under one short lock, oldest first; and the task that takes in what
//! is pushed and cancels what has waited for too long. Never: drops a push while it holds the lock.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use http::Request;
use tokio::time::Sleep;

use super::question::Question;
use crate::{
    clock,
    layer::push::Feed,
    netloc::Netloc,
    push::{Push, Pushes, Sink},
};

/// What a cache is told once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_entries: usize,
    pub(super) max_age: Duration,
    pub(super) max_wait: Duration,
    pub(super) is_private: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_entries: 100,
            max_age: Duration::from_secs(30),
            max_wait: Duration::from_secs(5),
            is_private: false,
        }
    }
}

/// The pushes of a [`PushCache`](super::PushCache), for code that takes pushes itself and wants to
/// hand some of them to the cache. Clones are the same store.
#[derive(Clone)]
pub struct PushStore {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    feed: Feed,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What has come and was not looked at yet. There while the task is.
    pushes: Option<Pushes>,
    /// Oldest first. So few that looking at each costs less than a hash of their names.
    entries: VecDeque<Entry>,
    /// Of the task that keeps the entries' time.
    keeper: Option<Waker>,
}

/// A push that nobody has asked for.
#[derive(Debug)]
pub(super) struct Entry {
    question: Question,
    pub(super) push: Push,
    /// When it was taken in.
    since: Instant,
}

impl PushStore {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                feed: Feed::default(),
                state: Mutex::default(),
            }),
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Takes a push in. It takes the place of one for the same URL, or if there is no room of the
    /// oldest; what it takes the place of is cancelled.
    pub fn put(&self, push: Push) {
        // Whoever hands pushes over by hand may have put no request through the cache yet.
        let _sink = self.sink();
        let keeper = self.shared.update(|state, gone| {
            state.insert(push, &self.shared.settings, gone);
            state.keeper.take()
        });
        if let Some(keeper) = keeper {
            keeper.wake();
        }
    }

    /// How many pushes wait to be asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.update(|state, _| state.entries.len())
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels all that wait.
    pub fn clear(&self) {
        self.shared
            .update(|state, gone| gone.extend(state.entries.drain(..)));
    }

    /// Where pushes go that the store is to take in. `None` outside a runtime.
    pub(super) fn sink(&self) -> Option<Sink> {
        let store = &self.shared;
        store.feed.sink(|pushes| {
            store.lock().pushes = Some(pushes);
            keep(Arc::downgrade(store))
        })
    }

    /// Takes the push out that answers a question, if there is one.
    pub(super) fn take(&self, question: &Question) -> Option<Entry> {
        self.shared.update(|state, _| state.remove(question))
    }

    /// RFC 9111 §4.4: an unsafe request for a URI makes what is stored for it invalid.
    pub(super) fn invalidate<B>(&self, request: &Request<B>) {
        let uri = request.uri();
        if let Ok(netloc) = Netloc::from_uri(uri) {
            self.shared.update(|state, gone| {
                let entries = std::mem::take(&mut state.entries);
                let is_stale = |entry: &Entry| entry.question.is_about(&netloc, uri);
                let (stale, kept): (VecDeque<_>, _) = entries.into_iter().partition(is_stale);
                state.entries = kept;
                gone.extend(stale);
            });
        }
    }
}

impl Shared {
    /// A panic elsewhere cannot leave the state half-changed: what runs under the lock is ours.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what has come, then does `work`; what is `gone` is cancelled outside the lock.
    fn update<T>(&self, work: impl FnOnce(&mut State, &mut Vec<Entry>) -> T) -> T {
        let mut gone = Vec::new();
        let mut state = self.lock();
        while let Some(push) = state.pushes.as_mut().and_then(Pushes::try_next) {
            state.insert(push, &self.settings, &mut gone);
        }
        let result = work(&mut state, &mut gone);
        drop(state);
        drop(gone);
        result
    }
}

impl State {
    fn insert(&mut self, push: Push, settings: &Settings, gone: &mut Vec<Entry>) {
        // A promise that is no question never gets here: the connection judges them.
        if let Some(question) = Question::answered_by(&push) {
            gone.extend(self.remove(&question));
            let since = clock::now();
            self.entries.push_back(Entry {
                question,
                push,
                since,
            });
        }
        if self.entries.len() > settings.max_entries {
            gone.extend(self.entries.pop_front());
        }
    }

    fn remove(&mut self, question: &Question) -> Option<Entry> {
        let mut entries = self.entries.iter();
        let index = entries.position(|entry| entry.question == *question)?;
        self.entries.remove(index)
    }

    /// Takes out what has waited for too long. When the next one will have, if there is one.
    fn expire(
        &mut self,
        now: Instant,
        settings: &Settings,
        gone: &mut Vec<Entry>,
    ) -> Option<Instant> {
        loop {
            let entry = self.entries.front()?;
            // One that never ends needs no timer, and nor do those after it.
            let end = entry.since.checked_add(settings.max_age)?;
            if end > now {
                return Some(end);
            }
            gone.extend(self.entries.pop_front());
        }
    }
}

/// Looks at what is pushed, and keeps the entries' time, as long as the store is there.
async fn keep(store: Weak<Shared>) {
    let mut keeper = Keeper { store, sleep: None };
    poll_fn(|cx| keeper.poll(cx)).await;
}

struct Keeper {
    store: Weak<Shared>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Keeper {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(store) = self.store.upgrade() else {
                return Poll::Ready(());
            };
            let next = store.update(|state, gone| {
                // Another one for what comes and for what is put in by hand.
                state.keeper = Some(cx.waker().clone());
                while let Some(pushes) = &mut state.pushes
                    && let Poll::Ready(Some(push)) = pushes.poll_next_push(cx)
                {
                    state.insert(push, &store.settings, gone);
                }
                state.expire(clock::now(), &store.settings, gone)
            });
            let Some(next) = next else {
                self.sleep = None;
                return Poll::Pending;
            };
            let next = tokio::time::Instant::from_std(next);
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(next)));
            if sleep.deadline() != next {
                sleep.as_mut().reset(next);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// A task can be dropped before its work is done: its runtime shuts down. Then another is to be
/// started, which closes what this one listened to.
impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            let pushes = store.lock().pushes.take();
            drop(pushes);
        }
    }
}

impl fmt::Debug for PushStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushStore")
            .field("settings", &self.shared.settings)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
