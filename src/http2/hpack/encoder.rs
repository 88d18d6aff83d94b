//! Fields to field blocks.
//!
//! Owns: our dynamic table as the peer's decoder will have it after the blocks encoded so far, and
//! the one decision that HPACK leaves to an encoder: what goes into it ([`Policy`]).
//! Refuses: a table above our own cap, whatever the peer offers. Never: lowers a name's case, or
//! finds fields sensitive by itself; the caller knows.
//! Invariant: blocks are sent in the order in which they were encoded, each of them whole.
//! Cost: a field that is in a table takes a hash of its octets, one comparison and no allocation.
//! Spec: RFC 7541 §2.4, §4.2, §6, §7.1.

use std::fmt;

use bytes::BytesMut;

use super::{
    field::FieldRef,
    hash,
    indexing::{Candidate, Indexing, Policy},
    integer,
    search_table::SearchTable,
    static_table, string,
};
use crate::http2::consts::INITIAL_HEADER_TABLE_SIZE;

/// The largest cap: a larger table would cost memory that no field section can make good.
const MAX_CAP: usize = 64 * 1024;

/// The encoding half of a connection's compression state.
pub struct Encoder {
    table: SearchTable,
    policy: Policy,
    cap: usize,
    /// The table size that the peer's decoder goes by.
    announced: usize,
    /// The smallest size that was set since the last block, if any was.
    smallest: Option<usize>,
}

impl Encoder {
    /// An encoder that never uses more than `max_table_size` octets of table, nor more than 64 KiB.
    ///
    /// The peer is taken to offer 4,096 octets until it says otherwise (RFC 9113 §6.5.2).
    #[must_use]
    pub fn new(max_table_size: usize) -> Self {
        let cap = max_table_size.min(MAX_CAP);
        let announced = INITIAL_HEADER_TABLE_SIZE as usize;
        let size = announced.min(cap);
        Self {
            table: SearchTable::new(size, cap),
            policy: Policy::new(),
            cap,
            announced,
            smallest: (size != announced).then_some(size),
        }
    }

    /// Takes the peer's SETTINGS_HEADER_TABLE_SIZE; the next block tells what was made of it.
    pub fn set_peer_table_size(&mut self, octets: usize) {
        let size = octets.min(self.cap);
        self.table.set_max_size(size);
        self.smallest = Some(self.smallest.map_or(size, |other| other.min(size)));
    }

    /// The size of the dynamic table's entries (RFC 7541 §4.1).
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.table.size()
    }

    /// Begins a block: appends the size updates that are due (RFC 7541 §4.2).
    pub fn begin(&mut self, out: &mut BytesMut) {
        let Some(smallest) = self.smallest.take() else {
            return;
        };
        let last = self.table.max_size();
        if smallest < last {
            integer::encode(smallest, 5, 0x20, out);
        }
        if smallest < last || last != self.announced {
            integer::encode(last, 5, 0x20, out);
            self.announced = last;
        }
    }

    /// Appends one field to the block that was begun.
    pub fn field(&mut self, field: FieldRef<'_>, out: &mut BytesMut) {
        debug_assert!(self.smallest.is_none(), "a block begins with `begin`");
        let name_hash = hash::name(field.name);
        let static_name = static_table::find_name(field.name, name_hash);
        if field.sensitive {
            let name = static_name.or_else(|| self.dynamic_name(field, name_hash));
            return literal(Literal::NeverIndexed, name, field, out);
        }
        if let Some(index) = static_name.and_then(|it| static_table::find_value(it, field.value)) {
            return indexed(index, out);
        }
        let fits = field.size() <= self.table.max_size();
        let field_hash = if fits {
            hash::field(name_hash, field.value)
        } else {
            0
        };
        if fits && let Some(age) = self.table.find_field(field, field_hash) {
            return indexed(dynamic_index(age), out);
        }
        let dynamic_name = self.dynamic_name(field, name_hash);
        let candidate = Candidate {
            hash: field_hash,
            size: field.size(),
            static_name,
            name_known: dynamic_name.is_some(),
            table: (self.table.size(), self.table.max_size()),
        };
        let name = static_name.or(dynamic_name);
        match self.policy.choose(candidate) {
            Indexing::Insert => {
                literal(Literal::Incremental, name, field, out);
                self.table.insert(field, name_hash, field_hash);
            }
            Indexing::Pass => literal(Literal::Plain, name, field, out),
        }
    }

    /// Appends a whole block.
    #[expect(
        single_use_lifetimes,
        reason = "the elided form is not stable in `impl Trait`"
    )]
    pub fn encode<'a>(
        &mut self,
        fields: impl IntoIterator<Item = FieldRef<'a>>,
        out: &mut BytesMut,
    ) {
        self.begin(out);
        for field in fields {
            self.field(field, out);
        }
    }

    fn dynamic_name(&self, field: FieldRef<'_>, name_hash: u64) -> Option<usize> {
        self.table
            .find_name(field.name, name_hash)
            .map(dynamic_index)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("entries", &self.table.len())
            .field("table_size", &self.table.size())
            .field("max_table_size", &self.table.max_size())
            .field("cap", &self.cap)
            .field("smallest", &self.smallest)
            .finish_non_exhaustive()
    }
}

/// The index of the entry of that age (RFC 7541 §2.3.3).
const fn dynamic_index(age: usize) -> usize {
    static_table::LEN + 1 + age
}

/// What a literal tells the peer's table, and all tables after it (RFC 7541 §6.2).
#[derive(Clone, Copy)]
enum Literal {
    Incremental,
    Plain,
    NeverIndexed,
}

/// Appends a field that is in a table (RFC 7541 §6.1).
fn indexed(index: usize, out: &mut BytesMut) {
    integer::encode(index, 7, 0x80, out);
}

/// Appends a literal whose name is that of the entry at `name`, or spelt out (RFC 7541 §6.2).
fn literal(kind: Literal, name: Option<usize>, field: FieldRef<'_>, out: &mut BytesMut) {
    let (prefix_bits, pattern) = match kind {
        Literal::Incremental => (6, 0x40),
        Literal::Plain => (4, 0x00),
        Literal::NeverIndexed => (4, 0x10),
    };
    integer::encode(name.unwrap_or(0), prefix_bits, pattern, out);
    if name.is_none() {
        string::encode(field.name, out);
    }
    string::encode(field.value, out);
}
