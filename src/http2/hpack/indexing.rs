//! Which fields go into the encoder's dynamic table.
//!
//! Owns: the only choice that RFC 7541 leaves open and that costs octets, and the short memory
//! that it is made by.
//!
//! A field that comes again costs one octet if it is in the table; one that does not come again has
//! evicted others in vain. So a field goes in at once, unless it is doubtful: then it has to come
//! twice. Doubtful is a field whose value by its nature belongs to one message ([`IS_VOLATILE`]),
//! and one that would evict others although its name is in the table already, which shows that its
//! value changes. That lets in what is usually left out for its name alone, such as the `:path`
//! of a method that is called over and over.
//!
//! Measured on the raw stories 00 to 30 (octets on even, odd and all of them, the first for
//! choosing and the second for checking): as here 139,731 + 195,281 = 335,012; volatile names never
//! indexed and all others always 141,411 + 205,410 = 346,821; nghttp2 348,360.

/// What is to be done with a field that neither table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexing {
    /// Put it into the table: it is likely to come again.
    Insert,
    /// Leave the table alone.
    Pass,
}

/// A field to choose for, as far as the choice depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// The hash of its name and value.
    pub(super) hash: u64,
    /// Its size as an entry (RFC 7541 §4.1).
    pub(super) size: usize,
    /// The index of its name in the static table, if it has one.
    pub(super) static_name: Option<usize>,
    /// Whether the dynamic table has an entry with its name.
    pub(super) name_known: bool,
    /// The size of the table's entries, and its limit.
    pub(super) table: (usize, usize),
}

/// How many doubtful fields are remembered, one for each remainder of the hash: about as many as
/// the table has entries at most. Half as many cost 0.4 % more octets, four times as many 0.7 %.
const MEMORY: usize = 256;

/// Chooses, and remembers what it passed over.
pub(super) struct Policy {
    /// Parts of hashes, 0 where there is none; two fields that share one cost a needless insertion and nothing else.
    passed: Box<[u32; MEMORY]>,
}

impl Policy {
    pub(super) fn new() -> Self {
        Self {
            passed: Box::new([0; MEMORY]),
        }
    }

    pub(super) fn choose(&mut self, candidate: Candidate) -> Indexing {
        let (table_size, max_table_size) = candidate.table;
        // A field that takes most of the table evicts more than it can save.
        if candidate.size > max_table_size / 4 * 3 {
            return Indexing::Pass;
        }
        let evicts = table_size + candidate.size > max_table_size;
        let doubtful = candidate
            .static_name
            .is_some_and(|index| IS_VOLATILE[index])
            || candidate.name_known && evicts;
        if doubtful && !self.came_before(candidate.hash) {
            return Indexing::Pass;
        }
        Indexing::Insert
    }

    /// Whether the field was passed over lately; if not, it is from now on.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both halves of the hash are used"
    )]
    fn came_before(&mut self, hash: u64) -> bool {
        let passed = &mut self.passed[hash as usize % MEMORY];
        let tag = (hash >> 32) as u32 | 1;
        std::mem::replace(passed, tag) == tag
    }
}

/// By index in the static table: whether values under that name tend to belong to one message.
static IS_VOLATILE: [bool; super::static_table::LEN + 1] = {
    const VOLATILE: [usize; 9] = [
        4,  // :path
        21, // age
        28, // content-length
        30, // content-range
        34, // etag
        40, // if-modified-since
        41, // if-none-match
        46, // location
        55, // set-cookie
    ];
    let mut volatile = [false; super::static_table::LEN + 1];
    let mut at = 0;
    while at < VOLATILE.len() {
        volatile[VOLATILE[at]] = true;
        at += 1;
    }
    volatile
};

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Candidate = Candidate {
        hash: 7,
        size: 100,
        static_name: Some(54),
        name_known: false,
        table: (0, 4096),
    };

    #[test]
    fn a_field_goes_in_at_once_as_long_as_nothing_speaks_against_it() {
        let mut policy = Policy::new();
        assert_eq!(policy.choose(SERVER), Indexing::Insert);
        let evicting = Candidate {
            table: (4000, 4096),
            ..SERVER
        };
        assert_eq!(policy.choose(evicting), Indexing::Insert);
        let known = Candidate {
            name_known: true,
            ..SERVER
        };
        assert_eq!(policy.choose(known), Indexing::Insert);
    }

    #[test]
    fn a_doubtful_field_goes_in_when_it_comes_again() {
        let path = Candidate {
            static_name: Some(4),
            ..SERVER
        };
        let changing = Candidate {
            name_known: true,
            table: (4000, 4096),
            ..SERVER
        };
        for doubtful in [path, changing] {
            let mut policy = Policy::new();
            assert_eq!(policy.choose(doubtful), Indexing::Pass);
            let other = Candidate {
                hash: 1 << 40,
                ..doubtful
            };
            assert_eq!(policy.choose(other), Indexing::Pass);
            assert_eq!(policy.choose(doubtful), Indexing::Insert);
        }
    }

    #[test]
    fn a_field_that_would_sweep_the_table_never_goes_in() {
        let mut policy = Policy::new();
        for size in [3073, 4096, 1 << 20] {
            let large = Candidate { size, ..SERVER };
            assert_eq!(
                [policy.choose(large), policy.choose(large)],
                [Indexing::Pass; 2]
            );
        }
        assert_eq!(
            policy.choose(Candidate {
                size: 3072,
                ..SERVER
            }),
            Indexing::Insert
        );
        let none = Candidate {
            table: (0, 0),
            ..SERVER
        };
        assert_eq!(policy.choose(none), Indexing::Pass);
    }
}
