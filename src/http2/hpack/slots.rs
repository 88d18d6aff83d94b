//! A hash index from hashes to the numbers of entries.
//!
//! Open addressing with linear probing; removal shifts back what it would cut off, so that there
//! are no tombstones and a search ends at the first free slot.
//! Invariant: at most half of the slots are taken, which the caller's bound on entries ensures.

/// One place: a part of the hash, and the number of the entry.
#[derive(Clone, Copy)]
struct Slot {
    /// The upper half of the hash with its lowest bit set, so that zero means a free slot.
    tag: u32,
    number: u32,
}

const FREE: Slot = Slot { tag: 0, number: 0 };

pub(super) struct Slots {
    /// A power of two of slots, or none before the first insertion.
    slots: Vec<Slot>,
    /// Two to this power is the number of slots.
    bits: u32,
}

impl Slots {
    /// An index with room for `entries`; it allocates when the first comes.
    pub(super) const fn new(entries: usize) -> Self {
        let slots = (entries * 2).next_power_of_two();
        // One slot has no bits to be chosen by; two are no worse.
        let bits = if slots < 2 { 1 } else { slots.ilog2() };
        Self {
            slots: Vec::new(),
            bits,
        }
    }

    /// The number that was inserted with `hash` and that `is` the one meant.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let tag = tag(hash);
        let mut at = self.home(tag);
        loop {
            let slot = self.slots[at];
            if slot.tag == tag && is(slot.number) {
                return Some(slot.number);
            }
            if slot.tag == FREE.tag {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Inserts `number`, in place of a number which is the `same` but for its age, if there is one.
    pub(super) fn insert(&mut self, hash: u64, number: u32, same: impl Fn(u32) -> bool) {
        if self.slots.is_empty() {
            self.slots = vec![FREE; 1 << self.bits];
        }
        let tag = tag(hash);
        let mut at = self.home(tag);
        while self.slots[at].tag != FREE.tag
            && !(self.slots[at].tag == tag && same(self.slots[at].number))
        {
            at = self.after(at);
        }
        self.slots[at] = Slot { tag, number };
    }

    /// Removes `number`, unless it was replaced.
    pub(super) fn remove(&mut self, hash: u64, number: u32) {
        let tag = tag(hash);
        let mut at = self.home(tag);
        while self.slots[at].number != number || self.slots[at].tag != tag {
            if self.slots[at].tag == FREE.tag {
                return;
            }
            at = self.after(at);
        }
        self.close_gap(at);
    }

    /// Frees the slot at `gap`, moving up each later slot of the run that may stand there.
    fn close_gap(&mut self, mut gap: usize) {
        let mut at = self.after(gap);
        while self.slots[at].tag != FREE.tag {
            let home = self.home(self.slots[at].tag);
            // It may move if its home is not behind the gap, the run taken as a circle.
            if self.distance(home, at) >= self.distance(gap, at) {
                self.slots[gap] = self.slots[at];
                gap = at;
            }
            at = self.after(at);
        }
        self.slots[gap] = FREE;
    }

    const fn home(&self, tag: u32) -> usize {
        (tag >> (u32::BITS - self.bits)) as usize
    }

    const fn after(&self, at: usize) -> usize {
        (at + 1) & ((1 << self.bits) - 1)
    }

    const fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & ((1 << self.bits) - 1)
    }
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A first-in-first-out population, with hashes that collide as badly as `spread` says.
    fn churn(entries: u32, spread: u64) {
        let hash = |number: u32| (u64::from(number) % spread) << 33 | (u64::from(number) % 2) << 63;
        let mut slots = Slots::new(entries as usize);
        for number in 0..entries * 10 {
            if number >= entries {
                slots.remove(hash(number - entries), number - entries);
            }
            slots.insert(hash(number), number, |_| false);
            let oldest = (number + 1).saturating_sub(entries);
            for live in oldest..=number {
                assert_eq!(slots.find(hash(live), |found| found == live), Some(live));
            }
            assert_eq!(
                slots.slots.iter().filter(|slot| slot.tag != 0).count(),
                (number - oldest + 1) as usize
            );
        }
    }

    #[test]
    fn what_is_inserted_is_found_until_it_is_removed() {
        churn(1, 1);
        churn(8, 3);
        churn(128, 1);
        churn(128, 1 << 20);
    }

    #[test]
    fn a_newer_number_replaces_the_older() {
        let mut slots = Slots::new(4);
        slots.insert(7 << 40, 1, |_| false);
        slots.insert(7 << 40, 2, |number| number == 1);
        assert_eq!(slots.find(7 << 40, |_| true), Some(2));
        slots.remove(7 << 40, 1);
        assert_eq!(
            slots.find(7 << 40, |_| true),
            Some(2),
            "1 was replaced already"
        );
        slots.remove(7 << 40, 2);
        assert_eq!(slots.find(7 << 40, |_| true), None);
    }

    #[test]
    fn an_index_for_no_entries_finds_nothing() {
        assert_eq!(Slots::new(0).find(1, |_| true), None);
    }
}
