//! String literals: a length, a flag, and octets that may be Huffman-coded.
//! Spec: RFC 7541 §5.2.

use bytes::BytesMut;

use super::{error::DecodeError, huffman, integer};

/// The `H` flag: the octets are Huffman-coded.
const HUFFMAN: u8 = 0x80;
/// Bits of the prefix that holds the length.
const LENGTH_BITS: u32 = 7;

/// A string as it stands in the block, not yet decoded.
#[derive(Clone, Copy)]
pub(super) struct Literal<'a> {
    octets: &'a [u8],
    huffman: bool,
}

impl<'a> Literal<'a> {
    /// Takes a string off the front of `input`.
    pub(super) fn read(input: &mut &'a [u8]) -> Result<Self, DecodeError> {
        let huffman = input.first().is_some_and(|first| first & HUFFMAN != 0);
        let len = integer::decode(input, LENGTH_BITS)?;
        let (octets, rest) = input.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        *input = rest;
        Ok(Self { octets, huffman })
    }

    /// The octets that are meant: those of the block itself, or decoded into `scratch`.
    pub(super) fn decode<'s>(self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], DecodeError>
    where
        'a: 's,
    {
        if self.huffman {
            huffman::decode(self.octets, scratch)
        } else {
            Ok(self.octets)
        }
    }
}

/// Appends `octets` in the shorter form; the plain one if both are equally long, being cheaper to
/// read.
pub(super) fn encode(octets: &[u8], out: &mut BytesMut) {
    let coded_len = huffman::encoded_len(octets);
    if coded_len < octets.len() {
        integer::encode(coded_len, LENGTH_BITS, HUFFMAN, out);
        huffman::encode(octets, coded_len, out);
    } else {
        integer::encode(octets.len(), LENGTH_BITS, 0, out);
        out.extend_from_slice(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(octets: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(octets, &mut out);
        out.to_vec()
    }

    #[test]
    fn the_shorter_form_is_chosen() {
        assert_eq!(encoded(b"no-cache"), b"\x86\xa8\xeb\x10\x64\x9c\xbf");
        assert_eq!(encoded(b""), b"\x00");
        // Two octets of 8 bits each: as long coded as plain.
        assert_eq!(encoded(b"&&"), b"\x02&&");
        assert_eq!(encoded(b"\x00\x01"), b"\x02\x00\x01");
    }

    #[test]
    fn a_string_longer_than_the_block_is_truncated() {
        let mut scratch = Vec::new();
        let mut input = &b"\x05abcd"[..];
        assert_eq!(
            Literal::read(&mut input).err(),
            Some(DecodeError::Truncated)
        );
        let mut input = &b"\x04abcd"[..];
        let text = Literal::read(&mut input).and_then(|text| text.decode(&mut scratch));
        assert_eq!(text, Ok(&b"abcd"[..]));
    }
}
