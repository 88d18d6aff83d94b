//! The dynamic table: a queue of entries whose sizes sum to no more than a limit.
//!
//! Owns: the arithmetic of RFC 7541 §4, the same for both directions; the decoder's entries are
//! parsed fields, the encoder's are places in its own store.
//! Invariant: `size == entries.map(size).sum() <= max_size`.
//! Spec: RFC 7541 §2.3.2, §4.

use std::collections::VecDeque;

/// What the table has to know of its entries.
pub(super) trait Measured {
    /// Name, value and 32 octets (RFC 7541 §4.1).
    fn size(&self) -> usize;
}

/// Entries, the newest at the front.
#[derive(Debug)]
pub(super) struct DynamicTable<E> {
    entries: VecDeque<E>,
    size: usize,
    max_size: usize,
}

impl<E: Measured> DynamicTable<E> {
    pub(super) const fn new(max_size: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            max_size,
        }
    }

    /// The entry that is `age` insertions older than the newest.
    pub(super) fn get(&self, age: usize) -> Option<&E> {
        self.entries.get(age)
    }

    /// The entry that would be evicted first.
    pub(super) fn oldest(&self) -> Option<&E> {
        self.entries.back()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) const fn max_size(&self) -> usize {
        self.max_size
    }

    /// Whether an entry of `size` can be held at all.
    pub(super) const fn fits(&self, size: usize) -> bool {
        size <= self.max_size
    }

    /// Sets the limit, and evicts down to it (RFC 7541 §4.3).
    pub(super) fn set_max_size(&mut self, max_size: usize, evicted: impl FnMut(E)) {
        self.max_size = max_size;
        self.evict_to(max_size, evicted);
    }

    /// Evicts until an entry of `size` fits; all entries if it is larger than the table, which "is
    /// not an error" (RFC 7541 §4.4).
    pub(super) fn make_room(&mut self, size: usize, evicted: impl FnMut(E)) {
        self.evict_to(self.max_size.saturating_sub(size), evicted);
    }

    /// Adds an entry for which room was made.
    pub(super) fn insert(&mut self, entry: E) {
        self.size += entry.size();
        debug_assert!(
            self.size <= self.max_size,
            "room is made before an insertion"
        );
        self.entries.push_front(entry);
    }

    fn evict_to(&mut self, target: usize, mut evicted: impl FnMut(E)) {
        while self.size > target {
            let Some(entry) = self.entries.pop_back() else {
                debug_assert_eq!(self.size, 0, "an empty table has no size");
                return;
            };
            self.size -= entry.size();
            evicted(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Octets(usize);

    impl Measured for Octets {
        fn size(&self) -> usize {
            self.0
        }
    }

    fn insert(table: &mut DynamicTable<Octets>, size: usize) -> Vec<usize> {
        let mut gone = Vec::new();
        table.make_room(size, |entry| gone.push(entry.0));
        if table.fits(size) {
            table.insert(Octets(size));
        }
        gone
    }

    #[test]
    fn the_oldest_leave_first_and_no_more_than_needed() {
        let mut table = DynamicTable::new(100);
        for size in [40, 41, 19] {
            assert_eq!(insert(&mut table, size), Vec::<usize>::new());
        }
        assert_eq!(
            (table.size(), table.len()),
            (100, 3),
            "a full table is within its limit"
        );
        assert_eq!(insert(&mut table, 40), [40]);
        assert_eq!(insert(&mut table, 42), [41, 19]);
        assert_eq!(table.get(0), Some(&Octets(42)));
        assert_eq!(table.get(1), Some(&Octets(40)));
        assert_eq!(table.get(2), None);
    }

    #[test]
    fn an_entry_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new(100);
        insert(&mut table, 60);
        assert_eq!(insert(&mut table, 101), [60]);
        assert_eq!((table.size(), table.len()), (0, 0));
        assert_eq!(insert(&mut table, 100), Vec::<usize>::new());
        assert_eq!(table.size(), 100, "an entry as large as the table is held");
    }

    #[test]
    fn a_smaller_limit_evicts_and_a_larger_one_does_not() {
        let mut table = DynamicTable::new(100);
        insert(&mut table, 50);
        insert(&mut table, 50);
        let mut gone = 0;
        table.set_max_size(99, |_| gone += 1);
        assert_eq!((gone, table.size()), (1, 50));
        table.set_max_size(200, |_| gone += 1);
        table.set_max_size(0, |_| gone += 1);
        assert_eq!((gone, table.size()), (2, 0));
    }
}
