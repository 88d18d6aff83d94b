//! Huffman-coded strings, both ways.
//!
//! Owns: nothing; the tables are in [`super::huffman_table`]. Never: decides whether a string
//! should be coded (see [`super::string`]).
//! Invariant: decoding yields at most 8/5 of the coded octets, the shortest code being 5 bits long.
//! Spec: RFC 7541 §5.2, Appendix B.

use bytes::BytesMut;

use super::{
    error::DecodeError,
    huffman_table::{CANONICAL, CODES, EOS, MAX_BITS, STEP_BITS, STEPS},
};

/// Steps that a refilled window, which holds at least 56 bits, is good for.
const STEPS_PER_REFILL: u32 = 56 / STEP_BITS;

/// Decodes `coded` into `scratch`, which only ever grows, and returns the part that was written.
pub(super) fn decode<'s>(coded: &[u8], scratch: &'s mut Vec<u8>) -> Result<&'s [u8], DecodeError> {
    // One spare octet, because a step writes two symbols even where it has only one.
    let room = coded.len() * 8 / 5 + 2;
    if scratch.len() < room {
        scratch.resize(room, 0);
    }
    let mut bits = Bits {
        rest: coded,
        window: 0,
        held: 0,
    };
    let mut len = 0;
    'string: loop {
        bits.refill();
        for _ in 0..STEPS_PER_REFILL {
            let step = STEPS[bits.peek(STEP_BITS) as usize];
            if step.count == 0 || u32::from(step.bits) > bits.held {
                // A long symbol comes next, or the end.
                bits.refill();
                let Some(symbol) = bits.one()? else {
                    break 'string;
                };
                scratch[len] = symbol;
                len += 1;
                break;
            }
            scratch[len..len + 2].copy_from_slice(&step.symbols);
            len += usize::from(step.count);
            bits.consume(u32::from(step.bits));
        }
    }
    bits.check_padding()?;
    Ok(&scratch[..len])
}

/// The unread bits of a string.
struct Bits<'a> {
    /// Octets not yet in the window.
    rest: &'a [u8],
    /// The next bits, aligned to the most significant one. Those past `held` are either zero or
    /// what `rest` begins with, so that loading them again changes nothing.
    window: u64,
    /// How many bits of the window count; at most 64.
    held: u32,
}

impl Bits<'_> {
    /// Fills the window to 56 bits or more, or to the end of the string.
    fn refill(&mut self) {
        let Some(next) = self.rest.first_chunk::<8>() else {
            return self.refill_last();
        };
        if self.held < 56 {
            self.window |= u64::from_be_bytes(*next) >> self.held;
            let octets = (63 - self.held) / 8;
            self.rest = &self.rest[octets as usize..];
            self.held += octets * 8;
        }
    }

    /// The same for the last octets, one by one.
    fn refill_last(&mut self) {
        while self.held <= 56
            && let Some((&octet, rest)) = self.rest.split_first()
        {
            self.window |= u64::from(octet) << (56 - self.held);
            self.held += 8;
            self.rest = rest;
        }
    }

    /// The next bits, at most 32; zeros stand for those past the end.
    #[expect(clippy::cast_possible_truncation, reason = "the bits asked for fit")]
    fn peek(&self, bits: u32) -> u32 {
        (self.window >> (64 - bits)) as u32
    }

    fn consume(&mut self, bits: u32) {
        self.window <<= bits;
        self.held -= bits;
    }

    /// Decodes one symbol of any length; None if no whole one is left.
    fn one(&mut self) -> Result<Option<u8>, DecodeError> {
        let (symbol, length) = CANONICAL.find(self.peek(MAX_BITS));
        if length > self.held {
            return Ok(None);
        }
        // RFC 7541 §5.2: "a Huffman-encoded string literal containing the EOS symbol MUST be
        // treated as a decoding error"
        let symbol = u8::try_from(symbol).map_err(|_| {
            debug_assert_eq!(symbol, EOS, "the only symbol that is no octet");
            DecodeError::HuffmanEos
        })?;
        self.consume(length);
        Ok(Some(symbol))
    }

    /// What is left must be the start of EOS and shorter than an octet (RFC 7541 §5.2).
    fn check_padding(&self) -> Result<(), DecodeError> {
        if self.held == 0 {
            return Ok(());
        }
        let padding = self.window >> (64 - self.held);
        if padding != (1 << self.held) - 1 {
            return Err(DecodeError::HuffmanPaddingValue);
        }
        if self.held > 7 {
            return Err(DecodeError::HuffmanPaddingLength);
        }
        Ok(())
    }
}

/// Octets that `octets` take when coded, padding included.
pub(super) fn encoded_len(octets: &[u8]) -> usize {
    let bits: usize = octets
        .iter()
        .map(|&octet| usize::from(CODES[usize::from(octet)].1))
        .sum();
    bits.div_ceil(8)
}

/// Appends `octets` in their coded form, which is `encoded_len` octets long.
pub(super) fn encode(octets: &[u8], encoded_len: usize, out: &mut BytesMut) {
    let start = out.len();
    out.resize(start + encoded_len, 0);
    let target = &mut out[start..];
    let (mut window, mut held, mut at) = (0u64, 0u32, 0);
    for &octet in octets {
        let (code, bits) = CODES[usize::from(octet)];
        window = window << bits | u64::from(code);
        held += u32::from(bits);
        // Below 32 bits were held, and a code has at most 30: nothing is lost off the top.
        if held >= 32 {
            held -= 32;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the upper bits are written"
            )]
            let word = (window >> held) as u32;
            target[at..at + 4].copy_from_slice(&word.to_be_bytes());
            at += 4;
        }
    }
    // RFC 7541 §5.2: padded with the most significant bits of EOS, all ones.
    let padded = window << (64 - held.max(1)) | u64::MAX >> held;
    let last = if held == 0 { 0 } else { padded }.to_be_bytes();
    let rest = target.len() - at;
    target[at..].copy_from_slice(&last[..rest]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(octets: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(octets, encoded_len(octets), &mut out);
        out.to_vec()
    }

    #[test]
    fn every_pair_of_octets_round_trips() {
        let mut scratch = Vec::new();
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let text = [first, second];
                assert_eq!(decode(&encoded(&text), &mut scratch), Ok(&text[..]));
            }
        }
    }

    #[test]
    fn every_length_round_trips_and_respects_the_bound() {
        let mut scratch = Vec::new();
        for len in 0..200 {
            // '0' has the shortest code, so this is as much as coded octets can yield.
            for text in [
                vec![b'0'; len],
                vec![b'\n'; len],
                (0u8..=255).cycle().take(len).collect(),
            ] {
                assert_eq!(decode(&encoded(&text), &mut scratch), Ok(&text[..]));
            }
        }
    }

    #[test]
    fn padding_is_the_start_of_eos_and_at_most_seven_bits() {
        let mut scratch = Vec::new();
        // '0' is 00000, which three bits of padding follow.
        assert_eq!(decode(&[0b0000_0111], &mut scratch), Ok(&b"0"[..]));
        for padding in 0..0b111 {
            assert_eq!(
                decode(&[padding], &mut scratch),
                Err(DecodeError::HuffmanPaddingValue)
            );
        }
        assert_eq!(
            decode(&[0xff], &mut scratch),
            Err(DecodeError::HuffmanPaddingLength)
        );
        assert_eq!(
            decode(&[0x07, 0xff], &mut scratch),
            Err(DecodeError::HuffmanPaddingLength)
        );
        let mut long = vec![0u8; 40];
        long.push(0xff);
        assert_eq!(
            decode(&long, &mut scratch),
            Err(DecodeError::HuffmanPaddingLength)
        );
    }

    #[test]
    fn eos_is_an_error_wherever_it_stands() {
        let mut scratch = Vec::new();
        assert_eq!(
            decode(&[0xff; 4], &mut scratch),
            Err(DecodeError::HuffmanEos)
        );
        for lead in 0..40 {
            let mut coded = encoded(&vec![b'a'; lead * 8]);
            coded.extend([0xff; 4]);
            assert_eq!(decode(&coded, &mut scratch), Err(DecodeError::HuffmanEos));
            coded.extend([0; 30]);
            assert_eq!(decode(&coded, &mut scratch), Err(DecodeError::HuffmanEos));
        }
    }
}
