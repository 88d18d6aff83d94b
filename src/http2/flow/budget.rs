//! What widened windows may hold together.
//!
//! Owns: a number of octets, and who has how many of them. Never: waits; who gets nothing goes on
//! with what it has.
//! Invariant: what is used is the sum of all reservations that exist; each gives back what it has
//! when it is dropped.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A bound on what the windows of many streams hold above their initial size, in octets. Clones are
/// the same budget.
///
/// Where nothing else is said, all [`Adaptive`](super::Adaptive) managers of the process share
/// [`Budget::process_wide`]. When it is used up, streams keep the windows that they have.
#[derive(Clone, Default)]
pub struct Budget(Option<Arc<Account>>);

struct Account {
    limit: AtomicU64,
    used: AtomicU64,
}

static PROCESS_WIDE: Account = Account {
    limit: AtomicU64::new(Budget::DEFAULT_LIMIT),
    used: AtomicU64::new(0),
};

impl Budget {
    /// The limit of the process-wide budget until it is set: 256 MiB, which is 17 streams at 16 MiB.
    pub const DEFAULT_LIMIT: u64 = 256 << 20;

    /// A budget of its own, of so many octets.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Some(Arc::new(Account {
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
        })))
    }

    /// The budget of the process; the default.
    #[must_use]
    pub const fn process_wide() -> Self {
        Self(None)
    }

    /// Changes the limit, in octets. What is above a lower one stays reserved until it is given back.
    pub fn set_limit(&self, limit: u64) {
        self.account().limit.store(limit, Ordering::Relaxed);
    }

    /// The limit, in octets.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.account().limit.load(Ordering::Relaxed)
    }

    /// What is reserved now, in octets.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.account().used.load(Ordering::Relaxed)
    }

    /// Nothing yet, of this budget.
    pub(super) const fn reservation(self) -> Reservation {
        Reservation {
            budget: self,
            octets: 0,
        }
    }

    fn account(&self) -> &Account {
        self.0.as_deref().unwrap_or(&PROCESS_WIDE)
    }

    /// Takes `octets`, or what is left of the budget if that is less; how many.
    fn take(&self, octets: u32) -> u32 {
        let account = self.account();
        let limit = self.limit();
        let mut taken = 0;
        // Relaxed: the number guards nothing but itself.
        let _none_left = account
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                let left = limit.saturating_sub(used);
                taken = u32::try_from(left).unwrap_or(u32::MAX).min(octets);
                (taken > 0).then_some(used + u64::from(taken))
            });
        taken
    }

    fn give_back(&self, octets: u32) {
        let used = &self.account().used;
        let before = used.fetch_sub(u64::from(octets), Ordering::Relaxed);
        debug_assert!(before >= u64::from(octets), "what was taken is given back");
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("limit", &self.limit())
            .field("used", &self.used())
            .finish()
    }
}

/// Octets of a [`Budget`], which go back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Budget,
    octets: u32,
}

impl Reservation {
    /// How many octets it has.
    pub(super) const fn octets(&self) -> u32 {
        self.octets
    }

    /// Has `octets`, or as many of them as the budget has.
    pub(super) fn set(&mut self, octets: u32) {
        if octets > self.octets {
            self.octets += self.budget.take(octets - self.octets);
        } else if octets < self.octets {
            self.budget.give_back(self.octets - octets);
            self.octets = octets;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_given_and_no_more() {
        let budget = Budget::new(100);
        let mut first = budget.clone().reservation();
        let mut second = budget.clone().reservation();
        first.set(70);
        second.set(50);
        assert_eq!((first.octets(), second.octets()), (70, 30));
        second.set(60);
        assert_eq!((second.octets(), budget.used()), (30, 100));
        first.set(10);
        assert_eq!(budget.used(), 40);
        second.set(60);
        assert_eq!((second.octets(), budget.used()), (60, 70));
        drop((first, second));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_lower_limit_takes_nothing_back() {
        let budget = Budget::new(100);
        let mut reservation = budget.clone().reservation();
        reservation.set(80);
        budget.set_limit(50);
        reservation.set(90);
        assert_eq!((reservation.octets(), budget.limit()), (80, 50));
        reservation.set(40);
        reservation.set(90);
        assert_eq!(reservation.octets(), 50);
    }

    #[test]
    fn threads_share_it_without_loss() {
        let budget = Budget::new(1_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut reservation = budget.clone().reservation();
                    for octets in 0..2_000 {
                        reservation.set(octets % 700);
                        assert!(budget.used() <= 1_000);
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }

    /// Other tests of this process may use it, too.
    #[test]
    fn the_process_has_one() {
        let budget = Budget::default();
        assert_eq!(budget.limit(), Budget::DEFAULT_LIMIT);
        let mut reservation = Budget::process_wide().reservation();
        reservation.set(1 << 20);
        assert!(budget.used() >= 1 << 20, "{budget:?}");
    }
}
