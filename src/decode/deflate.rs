//! The coding `deflate`: the zlib format, or deflate without it.
//!
//! RFC 9110 §8.4.1.2 says the zlib format, and notes that some servers leave it out. The first two
//! octets tell which it is: a zlib header (RFC 1950 §2.2) read as deflate (RFC 1951 §3.2.4) would be
//! a stored block whose padding is not zero, and nobody writes that. So the choice is made once, on
//! two octets, and nothing is ever decoded twice.

use bytes::{Buf, Bytes};

use super::{DecodeError, DecodeErrorKind, Limits, inflate::Inflate, stage::Unpack};

pub(super) enum Deflate {
    /// So many octets of the header were seen: none, or the one that is here.
    Undecided(Option<u8>),
    Decided {
        inflate: Inflate,
        has_ended: bool,
    },
}

impl Deflate {
    pub(super) fn open(_: &Limits) -> Result<Box<dyn Unpack>, DecodeError> {
        Ok(Box::new(Self::Undecided(None)))
    }

    /// Chooses by the first two octets; the first is gone from the input.
    fn decide(first: u8, second: u8, output: &mut Vec<u8>) -> Result<Self, DecodeError> {
        let mut inflate = if is_zlib_header(first, second) {
            Inflate::zlib()
        } else {
            Inflate::raw()
        };
        let has_ended = inflate.run(&mut Bytes::copy_from_slice(&[first]), output)?;
        Ok(Self::Decided { inflate, has_ended })
    }
}

/// RFC 1950 §2.2: the method is 8 (deflate), the window at most 32 KiB, and the two octets as a
/// number are a multiple of 31.
fn is_zlib_header(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

impl Unpack for Deflate {
    fn unpack(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<(), DecodeError> {
        loop {
            match self {
                Self::Undecided(seen) => {
                    let Some(octet) = input.first().copied() else {
                        return Ok(());
                    };
                    match *seen {
                        None => {
                            input.advance(1);
                            *seen = Some(octet);
                        }
                        Some(first) => *self = Self::decide(first, octet, output)?,
                    }
                }
                Self::Decided { inflate, has_ended } => {
                    if !*has_ended {
                        *has_ended = inflate.run(input, output)?;
                    }
                    if *has_ended && !input.is_empty() {
                        return Err(DecodeErrorKind::TrailingOctets.into());
                    }
                    return Ok(());
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(
            self,
            Self::Decided {
                has_ended: true,
                ..
            }
        )
    }
}
