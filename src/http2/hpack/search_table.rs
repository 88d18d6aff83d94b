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
