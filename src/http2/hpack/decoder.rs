//! Field blocks to fields.
//!
//! Owns: the peer's dynamic table as it stands after the last block, and the limits that we set on
//! it. Never: judges what a field says, or knows what message it belongs to.
//! Invariant: every block is decoded to its end, whatever limit it exceeds, since the next one
//! refers to the table that it leaves; the verdict on a block does not depend on the limits.
//! Cost: a field of a table costs two reference counts, a literal one copy; nothing is allocated
//! for a field beyond the limits, unless it goes into the table, which is bounded itself.
//! Spec: RFC 7541 §3, §4.2, §6.

use std::fmt;

use super::{
    arena::Arena,
    dynamic_table::{DynamicTable, Measured},
    error::DecodeError,
    field::{Field, FieldName, FieldValue},
    integer, static_table,
    string::Literal,
};
use crate::http2::consts::FIELD_OVERHEAD;

/// The most size updates that a block may begin with: the smallest size in between and the final
/// one (RFC 7541 §4.2).
const MAX_SIZE_UPDATES: usize = 2;

/// What a field section may come to; the defaults are 64 KiB and 256 fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets, each field counting its name, its value and 32 (RFC 9113 §6.5.2).
    pub max_size: usize,
    /// Number of fields.
    pub max_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_size: 64 * 1024,
            max_fields: 256,
        }
    }
}

/// How a block that is well-formed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a section that exceeds the limits is incomplete"]
pub enum Outcome {
    /// All fields were handed out.
    Complete,
    /// The fields from the first that exceeded the limits on were not handed out. The table is in
    /// step nevertheless: the connection can go on.
    LimitExceeded,
}

/// The decoding half of a connection's compression state.
pub struct Decoder {
    table: DynamicTable<Entry>,
    /// Our SETTINGS_HEADER_TABLE_SIZE, as far as the peer knows it: no update may exceed it.
    max_table_size: usize,
    /// The next block has to begin with an update to this or less, because we lowered our setting
    /// below what the peer's encoder was using.
    required_update: Option<usize>,
    /// Octets of literals that go into the table.
    kept: Arena,
    /// Octets of other literals.
    passing: Arena,
    scratch: Scratch,
}

/// Room for Huffman-coded strings to be decoded in: a field has at most two of them.
#[derive(Default)]
struct Scratch {
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Scratch {
    /// Above this, the room that one block took is given back after it.
    const MAX_KEPT: usize = 16 * 1024;

    fn trim(&mut self) {
        for room in [&mut self.name, &mut self.value] {
            if room.len() > Self::MAX_KEPT {
                *room = Vec::new();
            }
        }
    }
}

impl Decoder {
    /// A decoder whose peer may use a table of `max_table_size` octets from the first block on.
    #[must_use]
    pub fn new(max_table_size: usize) -> Self {
        Self {
            table: DynamicTable::new(max_table_size),
            max_table_size,
            required_update: None,
            kept: Arena::default(),
            passing: Arena::default(),
            scratch: Scratch::default(),
        }
    }

    /// Sets the limit on the table, once the peer has acknowledged the SETTINGS that states it.
    ///
    /// A limit below what the peer's encoder uses demands that its next block begins with a size
    /// update (RFC 7541 §4.2); a limit above it changes nothing until the peer sends one.
    pub fn set_max_table_size(&mut self, octets: usize) {
        self.max_table_size = octets;
        if octets < self.table.max_size() {
            let required = self
                .required_update
                .map_or(octets, |other| other.min(octets));
            self.required_update = Some(required);
        }
    }

    /// The size of the dynamic table's entries (RFC 7541 §4.1).
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.table.size()
    }

    /// Decodes one whole field block, handing each field to `sink` in order.
    ///
    /// # Errors
    ///
    /// The block is malformed; the decoder is of no further use.
    pub fn decode(
        &mut self,
        block: &[u8],
        limits: Limits,
        sink: &mut impl FnMut(Field),
    ) -> Result<Outcome, DecodeError> {
        let mut input = block;
        self.size_updates(&mut input)?;
        let mut meter = Meter {
            left: limits,
            outcome: Outcome::Complete,
        };
        while let Some(&first) = input.first() {
            let literal = match Representation::of(first) {
                Representation::Indexed => {
                    let entry = lookup(&self.table, integer::decode(&mut input, 7)?)?;
                    if meter.admits(entry.size) {
                        sink(entry.field());
                    }
                    continue;
                }
                Representation::SizeUpdate => return Err(DecodeError::SizeUpdateLate),
                Representation::Literal(literal) => literal,
            };
            self.literal(literal, &mut input, &mut meter, sink)?;
        }
        self.scratch.trim();
        Ok(meter.outcome)
    }

    /// Takes the size updates that a block may begin with (RFC 7541 §4.2).
    fn size_updates(&mut self, input: &mut &[u8]) -> Result<(), DecodeError> {
        let mut smallest = usize::MAX;
        let mut count = 0;
        while let Some(&first) = input.first()
            && matches!(Representation::of(first), Representation::SizeUpdate)
        {
            // RFC 7541 §4.2: "resulting in at most two dynamic table size updates"
            if count == MAX_SIZE_UPDATES {
                return Err(DecodeError::SizeUpdateRepeated);
            }
            count += 1;
            let size = integer::decode(input, 5)?;
            // RFC 7541 §6.3: "MUST be lower than or equal to the limit"
            if size > self.max_table_size {
                return Err(DecodeError::SizeUpdateTooLarge);
            }
            smallest = smallest.min(size);
            self.table.set_max_size(size, drop);
        }
        match self.required_update.take() {
            // RFC 7541 §4.2: the smallest limit since the last block "MUST be signaled".
            Some(required) if smallest > required => Err(DecodeError::SizeUpdateMissing),
            _ => Ok(()),
        }
    }

    /// Decodes one literal (RFC 7541 §6.2).
    fn literal(
        &mut self,
        kind: LiteralKind,
        input: &mut &[u8],
        meter: &mut Meter,
        sink: &mut impl FnMut(Field),
    ) -> Result<(), DecodeError> {
        let name = match integer::decode(input, kind.prefix_bits())? {
            0 => NameSource::Octets(Literal::read(input)?.decode(&mut self.scratch.name)?),
            index => NameSource::Entry(lookup(&self.table, index)?),
        };
        let value = Literal::read(input)?.decode(&mut self.scratch.value)?;
        let size = name.len() + value.len() + FIELD_OVERHEAD;
        let admitted = meter.admits(size);
        let kept = kind == LiteralKind::Incremental && self.table.fits(size);
        let parsed = (admitted || kept).then(|| {
            let arena = if kept {
                &mut self.kept
            } else {
                &mut self.passing
            };
            (
                name.parse(),
                FieldValue::parse(value, |octets| arena.copy(octets)),
            )
        });
        if kind == LiteralKind::Incremental {
            // The name was taken before: it may come from an entry that leaves (RFC 7541 §4.4).
            self.table.make_room(size, drop);
        }
        let Some((name, value)) = parsed else {
            return Ok(());
        };
        match (kept, admitted) {
            (true, true) => {
                let entry = Entry { name, value, size };
                sink(entry.field());
                self.table.insert(entry);
            }
            (true, false) => self.table.insert(Entry { name, value, size }),
            (false, _) if kind == LiteralKind::NeverIndexed => {
                sink(Field {
                    name,
                    value: value.into_sensitive(),
                    sensitive: true,
                });
            }
            (false, _) => sink(Field {
                name,
                value,
                sensitive: false,
            }),
        }
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("entries", &self.table.len())
            .field("table_size", &self.table.size())
            .field("max_table_size", &self.max_table_size)
            .field("required_update", &self.required_update)
            .finish_non_exhaustive()
    }
}

/// The entry at `index` of the space that both tables share (RFC 7541 §2.3.3).
fn lookup(table: &DynamicTable<Entry>, index: usize) -> Result<&Entry, DecodeError> {
    // RFC 7541 §6.1: "The index value of 0 is not used. It MUST be treated as a decoding error"
    let place = index.checked_sub(1).ok_or(DecodeError::IndexZero)?;
    match static_table::ENTRIES.get(place) {
        Some(entry) => Ok(entry),
        // RFC 7541 §2.3.3: indices beyond both tables "MUST be treated as a decoding error"
        None => table
            .get(place - static_table::LEN)
            .ok_or(DecodeError::IndexOutOfTable),
    }
}

/// What an octet begins (RFC 7541 §6).
enum Representation {
    Indexed,
    Literal(LiteralKind),
    SizeUpdate,
}

impl Representation {
    const fn of(first: u8) -> Self {
        match first {
            0x80..=0xff => Self::Indexed,
            0x40..=0x7f => Self::Literal(LiteralKind::Incremental),
            0x20..=0x3f => Self::SizeUpdate,
            0x10..=0x1f => Self::Literal(LiteralKind::NeverIndexed),
            0x00..=0x0f => Self::Literal(LiteralKind::Plain),
        }
    }
}

/// What is to become of a literal (RFC 7541 §6.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum LiteralKind {
    Incremental,
    Plain,
    NeverIndexed,
}

impl LiteralKind {
    /// Bits of the first octet that hold the index of the name.
    const fn prefix_bits(self) -> u32 {
        match self {
            Self::Incremental => 6,
            Self::Plain | Self::NeverIndexed => 4,
        }
    }
}

/// Where the name of a literal comes from; nothing is parsed or cloned before it is wanted.
enum NameSource<'a> {
    Octets(&'a [u8]),
    Entry(&'a Entry),
}

impl NameSource<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Octets(octets) => octets.len(),
            Self::Entry(entry) => entry.name.as_bytes().len(),
        }
    }

    fn parse(&self) -> FieldName {
        match self {
            Self::Octets(octets) => FieldName::from_bytes(octets),
            Self::Entry(entry) => entry.name.clone(),
        }
    }
}

/// An entry of either table, parsed once.
pub(super) struct Entry {
    pub(super) name: FieldName,
    pub(super) value: FieldValue,
    pub(super) size: usize,
}

impl Entry {
    fn field(&self) -> Field {
        Field {
            name: self.name.clone(),
            value: self.value.clone(),
            sensitive: false,
        }
    }
}

impl Measured for Entry {
    fn size(&self) -> usize {
        self.size
    }
}

/// Charges fields against the limits.
struct Meter {
    left: Limits,
    outcome: Outcome,
}

impl Meter {
    /// Whether a field of `size` may be handed out. Once one may not, none after it may.
    fn admits(&mut self, size: usize) -> bool {
        if self.outcome == Outcome::LimitExceeded {
            return false;
        }
        let (Some(size), Some(fields)) = (
            self.left.max_size.checked_sub(size),
            self.left.max_fields.checked_sub(1),
        ) else {
            self.outcome = Outcome::LimitExceeded;
            return false;
        };
        self.left = Limits {
            max_size: size,
            max_fields: fields,
        };
        true
    }
}
