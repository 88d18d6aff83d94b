//! The static table, for both directions.
//!
//! Owns: the 61 entries, typed once; the decoder's parsed entries and the encoder's search by name
//! are derived from them when the crate is compiled.
//! Spec: RFC 7541 §2.3.1, Appendix A.

use http::HeaderValue;

use super::{
    decoder::Entry,
    field::{FieldName, FieldValue},
    hash,
};
use crate::http2::consts::FIELD_OVERHEAD;

/// Makes the texts and the parsed entries out of one list.
macro_rules! static_table {
    ($($index:literal $name:literal $value:literal;)+) => {
        /// Names and values, the first having index 1.
        const TEXTS: [(&str, &str); LEN] = [$(($name, $value),)+];

        /// The entries as the decoder hands them out, the first having index 1.
        pub(super) static ENTRIES: [Entry; LEN] = [$(entry($name, $value),)+];

        #[cfg(test)]
        const INDICES: [usize; LEN] = [$($index,)+];
    };
}

/// Number of entries; the dynamic table begins at the index after it (RFC 7541 §2.3.3).
pub(super) const LEN: usize = 61;

static_table! {
    1 ":authority" "";
    2 ":method" "GET";
    3 ":method" "POST";
    4 ":path" "/";
    5 ":path" "/index.html";
    6 ":scheme" "http";
    7 ":scheme" "https";
    8 ":status" "200";
    9 ":status" "204";
    10 ":status" "206";
    11 ":status" "304";
    12 ":status" "400";
    13 ":status" "404";
    14 ":status" "500";
    15 "accept-charset" "";
    16 "accept-encoding" "gzip, deflate";
    17 "accept-language" "";
    18 "accept-ranges" "";
    19 "accept" "";
    20 "access-control-allow-origin" "";
    21 "age" "";
    22 "allow" "";
    23 "authorization" "";
    24 "cache-control" "";
    25 "content-disposition" "";
    26 "content-encoding" "";
    27 "content-language" "";
    28 "content-length" "";
    29 "content-location" "";
    30 "content-range" "";
    31 "content-type" "";
    32 "cookie" "";
    33 "date" "";
    34 "etag" "";
    35 "expect" "";
    36 "expires" "";
    37 "from" "";
    38 "host" "";
    39 "if-match" "";
    40 "if-modified-since" "";
    41 "if-none-match" "";
    42 "if-range" "";
    43 "if-unmodified-since" "";
    44 "last-modified" "";
    45 "link" "";
    46 "location" "";
    47 "max-forwards" "";
    48 "proxy-authenticate" "";
    49 "proxy-authorization" "";
    50 "range" "";
    51 "referer" "";
    52 "refresh" "";
    53 "retry-after" "";
    54 "server" "";
    55 "set-cookie" "";
    56 "strict-transport-security" "";
    57 "transfer-encoding" "";
    58 "user-agent" "";
    59 "vary" "";
    60 "via" "";
    61 "www-authenticate" "";
}

const fn entry(name: &'static str, value: &'static str) -> Entry {
    Entry {
        name: FieldName::from_static(name),
        value: FieldValue::Header(HeaderValue::from_static(value)),
        size: name.len() + value.len() + FIELD_OVERHEAD,
    }
}

/// Places in [`SLOTS`]: few enough to stay in the cache, enough for most names to have their own.
const SLOT_COUNT: usize = 256;

/// For each place the index of the first entry with a name that hashes to it or, that place being
/// taken, to one before it; 0 where there is none.
static SLOTS: [u8; SLOT_COUNT] = slots();

const fn slots() -> [u8; SLOT_COUNT] {
    let mut slots = [0; SLOT_COUNT];
    let mut index = 1u8;
    while index as usize <= LEN {
        let name = TEXTS[index as usize - 1].0;
        if index == 1 || !same(name.as_bytes(), TEXTS[index as usize - 2].0.as_bytes()) {
            let mut slot = slot_of(hash::name(name.as_bytes()));
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOT_COUNT;
            }
            slots[slot] = index;
        }
        index += 1;
    }
    slots
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a place is the low bits of the hash"
)]
const fn slot_of(hash: u64) -> usize {
    hash as usize % SLOT_COUNT
}

/// The index of the first entry called `name`, whose hash is `name_hash`.
pub(super) fn find_name(name: &[u8], name_hash: u64) -> Option<usize> {
    let mut slot = slot_of(name_hash);
    loop {
        let index = usize::from(SLOTS[slot]);
        if index == 0 {
            return None;
        }
        if TEXTS[index - 1].0.as_bytes() == name {
            return Some(index);
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
}

/// The index of the entry with the name of entry `first`, the first with that name, and `value`.
pub(super) fn find_value(first: usize, value: &[u8]) -> Option<usize> {
    // Entries of one name are neighbours, and only these names have more than one.
    let last = match first {
        2 | 4 | 6 => first + 1,
        8 => 14,
        _ => first,
    };
    (first..=last).find(|&index| TEXTS[index - 1].1.as_bytes() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_numbered_as_in_appendix_a() {
        assert!(INDICES.into_iter().eq(1..=LEN), "RFC 7541 Appendix A");
    }

    #[test]
    fn every_entry_is_found_by_name_and_value() {
        for (index, (name, value)) in (1..).zip(TEXTS) {
            let name = name.as_bytes();
            let first = find_name(name, hash::name(name)).expect("a static name");
            assert!(first <= index);
            assert_eq!(find_value(first, value.as_bytes()), Some(index));
            assert_eq!(find_value(first, b"no such value"), None);
        }
        for name in [&b"host2"[..], b"", b"x-request-id", b":protocol", b"te"] {
            assert_eq!(find_name(name, hash::name(name)), None);
        }
    }

    #[test]
    fn entries_hold_what_the_list_says() {
        for (entry, (name, value)) in ENTRIES.iter().zip(TEXTS) {
            assert_eq!(entry.name.as_bytes(), name.as_bytes());
            assert_eq!(entry.value.as_bytes(), value.as_bytes());
            assert!(!matches!(entry.name, FieldName::Malformed(_)));
            assert_eq!(entry.size, name.len() + value.len() + 32, "RFC 7541 §4.1");
        }
    }
}
