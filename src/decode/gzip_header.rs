//! The header of a gzip member (RFC 1952 §2.3), however it is cut.
//!
//! Owns: its own checksum, if it has one. Keeps none of its fields, so their length costs nothing.

use bytes::{Buf, Bytes};
use flate2::Crc;

use super::{DecodeError, DecodeErrorKind};

const ID: [u8; 2] = [0x1f, 0x8b];
const METHOD_DEFLATE: u8 = 8;
const HAS_CRC: u8 = 1 << 1;
const HAS_EXTRA: u8 = 1 << 2;
const HAS_NAME: u8 = 1 << 3;
const HAS_COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

pub(super) struct Header {
    field: Field,
    flags: u8,
    /// Over everything before the checksum itself.
    crc: Crc,
}

/// The field that is being read.
#[derive(Clone, Copy)]
enum Field {
    /// Of the ten octets that every header has, the one of this index.
    Fixed(u8),
    /// The length of the extra field, with its low octet once that was read.
    ExtraLength(Option<u8>),
    /// So much more of the extra field.
    Extra(usize),
    Name,
    Comment,
    /// The checksum: what it must be, and the index of its octet.
    Check([u8; 2], usize),
    Complete,
}

impl Header {
    pub(super) fn new() -> Self {
        Self {
            field: Field::Fixed(0),
            flags: 0,
            crc: Crc::new(),
        }
    }

    /// Whether nothing of it was read.
    pub(super) const fn is_at_start(&self) -> bool {
        matches!(self.field, Field::Fixed(0))
    }

    /// Whether it is not known yet that this is a header at all.
    pub(super) const fn is_in_magic(&self) -> bool {
        matches!(self.field, Field::Fixed(0 | 1))
    }

    /// Takes what belongs to the header, and says whether it is complete. One that is not has taken
    /// all input.
    pub(super) fn take(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        loop {
            match self.field {
                Field::Complete => return Ok(true),
                Field::Extra(left) => {
                    let count = left.min(input.len());
                    self.skip(input, count);
                    if count < left {
                        self.field = Field::Extra(left - count);
                        return Ok(false);
                    }
                    self.field = self.after_extra();
                }
                Field::Name | Field::Comment => {
                    let end = input.iter().position(|octet| *octet == 0);
                    self.skip(input, end.map_or(input.len(), |end| end + 1));
                    if end.is_none() {
                        return Ok(false);
                    }
                    self.field = match self.field {
                        Field::Name => self.after_name(),
                        _ => self.after_comment(),
                    };
                }
                Field::Fixed(_) | Field::ExtraLength(_) | Field::Check(..) => {
                    let Some(octet) = input.first().copied() else {
                        return Ok(false);
                    };
                    self.check(octet)?;
                    self.skip(input, 1);
                    self.field = self.after_octet(octet);
                }
            }
        }
    }

    fn skip(&mut self, input: &mut Bytes, count: usize) {
        self.crc.update(&input[..count]);
        input.advance(count);
    }

    /// What an octet of a field of fixed size must be.
    fn check(&mut self, octet: u8) -> Result<(), DecodeError> {
        let is_right = match self.field {
            Field::Fixed(0) => octet == ID[0],
            Field::Fixed(1) => octet == ID[1],
            Field::Fixed(2) => octet == METHOD_DEFLATE,
            Field::Fixed(3) => {
                self.flags = octet;
                // RFC 1952 §2.3.1.2: reserved bits may mean fields that we would not skip.
                octet & RESERVED == 0
            }
            Field::Check(expected, index) => octet == expected[index],
            _ => true,
        };
        if is_right {
            Ok(())
        } else {
            Err(DecodeErrorKind::Corrupt.into())
        }
    }

    /// What follows an octet of a field of fixed size.
    fn after_octet(&self, octet: u8) -> Field {
        match self.field {
            Field::Fixed(index @ ..9) => Field::Fixed(index + 1),
            Field::Fixed(_) if self.has(HAS_EXTRA) => Field::ExtraLength(None),
            Field::ExtraLength(None) => Field::ExtraLength(Some(octet)),
            Field::ExtraLength(Some(low)) => Field::Extra(u16::from_le_bytes([low, octet]).into()),
            Field::Check(expected, 0) => Field::Check(expected, 1),
            Field::Check(..) => Field::Complete,
            _ => self.after_extra(),
        }
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn after_extra(&self) -> Field {
        if self.has(HAS_NAME) {
            Field::Name
        } else {
            self.after_name()
        }
    }

    fn after_name(&self) -> Field {
        if self.has(HAS_COMMENT) {
            Field::Comment
        } else {
            self.after_comment()
        }
    }

    fn after_comment(&self) -> Field {
        if !self.has(HAS_CRC) {
            return Field::Complete;
        }
        // RFC 1952 §2.3.1: the low half of the sum of what stands before it.
        let [low, high, ..] = self.crc.sum().to_le_bytes();
        Field::Check([low, high], 0)
    }
}
