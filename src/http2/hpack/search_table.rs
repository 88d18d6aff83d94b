//! The encoder's dynamic table, which is searched by content.
//!
//! Owns: the octets of its entries, in one buffer in the order of insertion, and two hash indices
//! over them, one by field and one by name.
//! Invariant: each entry is in the index of fields, and the newest entry with a name is in the index
//! of names; nothing else is in either.
//! Cost: a search is one hash and mostly one comparison; an insertion allocates nothing once the
//! buffers have grown. Memory: for a table of `n` octets at most `2n` of octets, and as many of
//! entries and indices together as `n / 32` entries need.
//! Spec: RFC 7541 §2.3.2, §4.

use super::{
    dynamic_table::{DynamicTable, Measured},
    field::FieldRef,
    slots::Slots,
};
use crate::http2::consts::FIELD_OVERHEAD;

pub(super) struct SearchTable {
    entries: DynamicTable<Place>,
    fields: Slots,
    names: Slots,
    /// The octets of all entries, names before values, and before them those of evicted entries.
    octets: Vec<u8>,
    /// How many octets were removed from the front of `octets` so far (wrapping).
    removed: usize,
    /// The number that the next entry gets (wrapping).
    next: u32,
}

/// Where an entry's octets are, and the hashes that it is found by.
struct Place {
    /// How many entries were inserted before it (wrapping).
    number: u32,
    /// Where its name begins, counted from the first octet ever stored (wrapping).
    start: usize,
    name_len: usize,
    value_len: usize,
    field_hash: u64,
    name_hash: u64,
}

impl Measured for Place {
    fn size(&self) -> usize {
        self.name_len + self.value_len + FIELD_OVERHEAD
    }
}

impl SearchTable {
    /// A table of `max_size`, which may be set to at most `cap` later on.
    pub(super) const fn new(max_size: usize, cap: usize) -> Self {
        let entries = cap / FIELD_OVERHEAD;
        Self {
            entries: DynamicTable::new(max_size),
            fields: Slots::new(entries),
            names: Slots::new(entries),
            octets: Vec::new(),
            removed: 0,
            next: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) const fn size(&self) -> usize {
        self.entries.size()
    }

    pub(super) const fn max_size(&self) -> usize {
        self.entries.max_size()
    }

    /// Sets the limit, and evicts down to it.
    pub(super) fn set_max_size(&mut self, max_size: usize) {
        let Self {
            entries,
            fields,
            names,
            ..
        } = self;
        entries.set_max_size(max_size, |place| place.forget(fields, names));
    }

    /// The age of the entry with this name and value: 0 for the newest.
    pub(super) fn find_field(&self, field: FieldRef<'_>, field_hash: u64) -> Option<usize> {
        let is = |number| {
            self.entries.get(self.age(number)).is_some_and(|place| {
                place.name(self) == field.name && place.value(self) == field.value
            })
        };
        self.fields
            .find(field_hash, is)
            .map(|number| self.age(number))
    }

    /// The age of the newest entry with this name.
    pub(super) fn find_name(&self, name: &[u8], name_hash: u64) -> Option<usize> {
        self.number_of(name, name_hash)
            .map(|number| self.age(number))
    }

    /// Inserts a field that is not in the table and fits into it.
    pub(super) fn insert(&mut self, field: FieldRef<'_>, name_hash: u64, field_hash: u64) {
        self.make_room(field.size());
        let number = self.next;
        let older = self.number_of(field.name, name_hash);
        self.names
            .insert(name_hash, number, |other| Some(other) == older);
        self.fields.insert(field_hash, number, |_| false);
        self.next = number.wrapping_add(1);
        self.entries.insert(Place {
            number,
            start: self.removed.wrapping_add(self.octets.len()),
            name_len: field.name.len(),
            value_len: field.value.len(),
            field_hash,
            name_hash,
        });
        self.octets.extend_from_slice(field.name);
        self.octets.extend_from_slice(field.value);
    }

    fn make_room(&mut self, size: usize) {
        let Self {
            entries,
            fields,
            names,
            ..
        } = self;
        entries.make_room(size, |place| place.forget(fields, names));
        let dead = match self.entries.oldest() {
            Some(place) => place.start.wrapping_sub(self.removed),
            None => self.octets.len(),
        };
        // What is moved is no more than what is freed: each octet is moved once on average.
        if dead >= self.octets.len() - dead {
            self.octets.drain(..dead);
            self.removed = self.removed.wrapping_add(dead);
        }
    }

    fn number_of(&self, name: &[u8], name_hash: u64) -> Option<u32> {
        self.names.find(name_hash, |number| {
            self.entries
                .get(self.age(number))
                .is_some_and(|place| place.name(self) == name)
        })
    }

    /// How many insertions came after the one with `number`.
    const fn age(&self, number: u32) -> usize {
        self.next.wrapping_sub(number).wrapping_sub(1) as usize
    }
}

impl Place {
    fn name<'t>(&self, table: &'t SearchTable) -> &'t [u8] {
        let start = self.start.wrapping_sub(table.removed);
        &table.octets[start..start + self.name_len]
    }

    fn value<'t>(&self, table: &'t SearchTable) -> &'t [u8] {
        let start = self.start.wrapping_sub(table.removed) + self.name_len;
        &table.octets[start..start + self.value_len]
    }

    fn forget(&self, fields: &mut Slots, names: &mut Slots) {
        fields.remove(self.field_hash, self.number);
        names.remove(self.name_hash, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::http2::hpack::hash;

    fn insert(table: &mut SearchTable, name: &[u8], value: &[u8]) {
        let name_hash = hash::name(name);
        let field_hash = hash::field(name_hash, value);
        table.insert(FieldRef::new(name, value), name_hash, field_hash);
    }

    fn find(table: &SearchTable, name: &[u8], value: &[u8]) -> Option<usize> {
        let field_hash = hash::field(hash::name(name), value);
        table.find_field(FieldRef::new(name, value), field_hash)
    }

    /// Two values of one length whose hashes agree in all that an index keeps of them.
    fn collision(name: &[u8]) -> [String; 2] {
        let mut seen = HashMap::new();
        for number in 0u32.. {
            let value = format!("{number:010}");
            let tag = hash::field(hash::name(name), value.as_bytes()) >> 33;
            if let Some(other) = seen.insert(tag, value.clone()) {
                return [other, value];
            }
        }
        unreachable!("2^31 tags cannot tell 2^32 values apart")
    }

    #[test]
    fn fields_whose_hashes_collide_are_told_apart() {
        let [one, other] = collision(b"x-a").map(String::into_bytes);
        let mut table = SearchTable::new(4096, 4096);
        insert(&mut table, b"x-a", &one);
        assert_eq!(find(&table, b"x-a", &other), None);
        insert(&mut table, b"x-a", &other);
        assert_eq!(find(&table, b"x-a", &one), Some(1));
        assert_eq!(find(&table, b"x-a", &other), Some(0));
    }

    #[test]
    fn a_name_is_found_at_its_newest_entry_as_long_as_there_is_one() {
        let mut table = SearchTable::new(100, 100);
        let find = |table: &SearchTable| table.find_name(b"x-a", hash::name(b"x-a"));
        insert(&mut table, b"x-a", b"1");
        insert(&mut table, b"x-a", b"2");
        assert_eq!(find(&table), Some(0));
        insert(&mut table, b"x-b", b"3");
        assert_eq!(find(&table), Some(1), "the older one was evicted");
        insert(&mut table, b"x-c", b"4");
        assert_eq!(find(&table), None);
    }

    #[test]
    fn the_buffers_stay_bounded() {
        let mut table = SearchTable::new(4096, 4096);
        for number in 0..10_000 {
            insert(&mut table, b"x-a", format!("{number:0500}").as_bytes());
            assert!(table.octets.len() <= 2 * 4096);
        }
    }
}
