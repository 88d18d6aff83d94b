//! A priority that can be changed while its request is under way.
//!
//! Owns: the present value, and who is to hear of a change: one follower for each exchange that is
//! open. Locked for moments, and never while a follower is told. Never: knows what an exchange is.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU8, Ordering},
    },
};

use super::Priority;

/// A [`Priority`] that its holder can change, as an extension of a request; clones are the same
/// handle.
///
/// [`Priority::adjustable`] makes one. What [`set`](Self::set) does depends on how far the request
/// is:
///
/// | the request | what a change does |
/// |---|---|
/// | waits for a connection | its head says the new priority, unless it has a `priority` field of its own |
/// | is an open stream of HTTP/2 | PRIORITY_UPDATE is sent (RFC 9218 §7.1), and what is left of its body goes by the new priority |
/// | is on HTTP/1.1 | nothing: HTTP/1.1 has no word for it |
/// | is over | nothing |
///
/// PRIORITY_UPDATE is not sent to a server that has not announced
/// SETTINGS_NO_RFC7540_PRIORITIES in its SETTINGS, since it is likely to ignore it (RFC 9218
/// §2.1.1); before its SETTINGS have come, it is. Nor is it sent where the response has come in
/// full, or for a priority that the server knows: changes in quick succession become one frame, of
/// the last.
///
/// One handle can be in several requests, at once or one after the other: a change is one of all of
/// them.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    /// A [`Priority`] by its [number](Priority::to_number).
    value: AtomicU8,
    followers: Mutex<Vec<Weak<dyn Follow>>>,
}

/// Whoever carries out a change.
pub(crate) trait Follow: Send + Sync {
    /// The value is another: ask for it.
    fn changed(&self);
}

impl Handle {
    pub(super) fn new(initial: Priority) -> Self {
        Self(Arc::new(Shared {
            value: AtomicU8::new(initial.to_number()),
            followers: Mutex::default(),
        }))
    }

    /// The priority as it was set last.
    #[must_use]
    pub fn get(&self) -> Priority {
        Priority::from_number(self.0.value.load(Ordering::SeqCst))
    }

    /// Changes the priority. Never waits: the connection's task does the rest.
    pub fn set(&self, priority: Priority) {
        let number = priority.to_number();
        if self.0.value.swap(number, Ordering::SeqCst) == number {
            return;
        }
        let followers: Vec<_> = self.followers().iter().filter_map(Weak::upgrade).collect();
        for follower in followers {
            follower.changed();
        }
    }

    /// Tells a follower of changes for as long as it is there. Of a change that may have come
    /// before, it is not told: ask for the value after this.
    pub(crate) fn follow(&self, follower: Weak<dyn Follow>) {
        let mut followers = self.followers();
        // Those that are gone are swept out before the vector would grow.
        if followers.len() == followers.capacity() {
            followers.retain(|follower| follower.strong_count() > 0);
        }
        followers.push(follower);
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Weak<dyn Follow>>> {
        let followers = self.0.followers.lock();
        followers.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::{super::Urgency, *};

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Follow for Counter {
        fn changed(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    const FIRST: Priority = Priority::new(Urgency::HIGHEST);
    const LAST: Priority = Priority::new(Urgency::BACKGROUND).incremental(true);

    #[test]
    fn every_follower_is_told_of_each_change_and_of_nothing_else() {
        let handle = FIRST.adjustable();
        let followers = [Arc::new(Counter::default()), Arc::new(Counter::default())];
        for follower in &followers {
            let follower = Arc::downgrade(follower);
            handle.follow(follower);
        }
        handle.set(FIRST);
        handle.clone().set(LAST);
        handle.set(LAST);
        assert_eq!(handle.get(), LAST);
        handle.set(FIRST);
        for follower in followers {
            assert_eq!(follower.0.load(Ordering::SeqCst), 2);
        }
    }

    #[test]
    fn followers_that_are_gone_do_not_pile_up() {
        let handle = FIRST.adjustable();
        let stays = Arc::new(Counter::default());
        let follower = Arc::downgrade(&stays);
        handle.follow(follower);
        for _ in 0..10_000 {
            let follower = Arc::downgrade(&Arc::new(Counter::default()));
            handle.follow(follower);
        }
        assert!(handle.followers().capacity() < 100);
        handle.set(LAST);
        assert_eq!(stays.0.load(Ordering::SeqCst), 1);
    }
}
