//! The coding `gzip`: members one after the other (RFC 1952 §2.2), each with its checksum and
//! length.
//!
//! Zeros after the last member are let pass, as gzip's own tools do: some servers pad to the block,
//! and zeros can carry nothing. Anything else there is an error.

use bytes::{Buf, Bytes};
use flate2::Crc;

use super::{
    DecodeError, DecodeErrorKind, Limits, gzip_header::Header, inflate::Inflate, stage::Unpack,
};

pub(super) struct Gzip {
    part: Part,
    inflate: Inflate,
    crc: Crc,
    /// Octets of this member's content.
    length: u64,
    /// Whether a member has come to its end.
    has_member: bool,
}

enum Part {
    Header(Header),
    Content,
    /// So many of the eight octets of checksum and length.
    Trailer([u8; 8], usize),
    /// Zeros to the end.
    Padding,
}

impl Gzip {
    pub(super) fn open(_: &Limits) -> Result<Box<dyn Unpack>, DecodeError> {
        Ok(Box::new(Self {
            part: Part::Header(Header::new()),
            inflate: Inflate::raw(),
            crc: Crc::new(),
            length: 0,
            has_member: false,
        }))
    }

    /// The header, or what else stands where a member could begin. Whether it is complete.
    fn take_header(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let Part::Header(header) = &mut self.part else {
            return Ok(true);
        };
        if self.has_member && header.is_at_start() && input.first() == Some(&0) {
            self.part = Part::Padding;
            return Ok(true);
        }
        match header.take(input) {
            Ok(true) => {
                self.part = Part::Content;
                Ok(true)
            }
            Err(_) if self.has_member && header.is_in_magic() => {
                Err(DecodeErrorKind::TrailingOctets.into())
            }
            result => result,
        }
    }

    /// Whether the content is complete.
    fn take_content(
        &mut self,
        input: &mut Bytes,
        output: &mut Vec<u8>,
    ) -> Result<bool, DecodeError> {
        let start = output.len();
        let has_ended = self.inflate.run(input, output)?;
        let content = &output[start..];
        self.crc.update(content);
        self.length += content.len() as u64;
        if has_ended {
            self.part = Part::Trailer([0; 8], 0);
        }
        Ok(has_ended)
    }

    /// Whether the trailer is complete; then the next member may begin.
    fn take_trailer(&mut self, input: &mut Bytes) -> Result<bool, DecodeError> {
        let Part::Trailer(octets, filled) = &mut self.part else {
            return Ok(true);
        };
        let count = input.len().min(octets.len() - *filled);
        input.copy_to_slice(&mut octets[*filled..*filled + count]);
        *filled += count;
        if *filled < octets.len() {
            return Ok(false);
        }
        let [c0, c1, c2, c3, l0, l1, l2, l3] = *octets;
        let crc = u32::from_le_bytes([c0, c1, c2, c3]);
        // RFC 1952 §2.3.1: the length modulo 2^32.
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if crc != self.crc.sum() || u64::from(length) != self.length & u64::from(u32::MAX) {
            return Err(DecodeErrorKind::Checksum.into());
        }
        self.has_member = true;
        self.part = Part::Header(Header::new());
        self.inflate.restart();
        self.crc.reset();
        self.length = 0;
        Ok(true)
    }
}

impl Unpack for Gzip {
    fn unpack(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<(), DecodeError> {
        loop {
            let is_over = match self.part {
                Part::Header(_) => self.take_header(input)?,
                Part::Content => self.take_content(input, output)?,
                Part::Trailer(..) => self.take_trailer(input)?,
                Part::Padding => {
                    if input.iter().any(|octet| *octet != 0) {
                        return Err(DecodeErrorKind::TrailingOctets.into());
                    }
                    input.clear();
                    false
                }
            };
            // A part that is not over has taken all input, or used up the capacity.
            if !is_over {
                return Ok(());
            }
        }
    }

    fn is_complete(&self) -> bool {
        match &self.part {
            Part::Header(header) => self.has_member && header.is_at_start(),
            Part::Padding => true,
            Part::Content | Part::Trailer(..) => false,
        }
    }
}
