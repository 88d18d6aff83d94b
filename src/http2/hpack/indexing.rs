//! Which fields go into the encoder's dynamic table.
//!
//! The only choice that RFC 7541 leaves open and that costs octets; all of it is made here.

use super::field::FieldRef;

/// What is to be done with a field that neither table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexing {
    /// Put it into the table: it is likely to come again.
    Insert,
    /// Leave the table alone.
    Pass,
}

/// Chooses for a field whose name has index `static_name` in the static table, if it has one.
pub(super) fn choose(
    static_name: Option<usize>,
    field: FieldRef<'_>,
    max_table_size: usize,
) -> Indexing {
    // A field that takes most of the table evicts more than it can save.
    if field.size() > max_table_size / 4 * 3 {
        return Indexing::Pass;
    }
    match static_name {
        // :path, age, content-length, etag, if-modified-since, if-none-match, location, set-cookie
        Some(4 | 21 | 28 | 34 | 40 | 41 | 46 | 55) => Indexing::Pass,
        _ => Indexing::Insert,
    }
}
