//! Integers that begin in the low bits of an octet.
//!
//! Refuses: what no field block needs. RFC 7541 §5.1 leaves the bounds to the implementation; ours
//! are values to 2^32-1 and five octets after the first, room for all of them and for some of the
//! padding with zeros that the format permits.
//! Spec: RFC 7541 §5.1.

use bytes::{BufMut, BytesMut};

use super::error::DecodeError;

/// Octets that may follow the one with the prefix.
const MAX_CONTINUATION: u32 = 5;

/// Reads an integer with a prefix of `prefix_bits` from the front of `input`.
pub(super) fn decode(input: &mut &[u8], prefix_bits: u32) -> Result<usize, DecodeError> {
    let (&first, mut rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    let prefix_max = u8::MAX >> (u8::BITS - prefix_bits);
    let prefix = first & prefix_max;
    if prefix < prefix_max {
        *input = rest;
        return Ok(usize::from(prefix));
    }
    let mut value = u64::from(prefix);
    for octet in 0..MAX_CONTINUATION {
        let (&next, after) = rest.split_first().ok_or(DecodeError::Truncated)?;
        rest = after;
        value += u64::from(next & 0x7f) << (7 * octet);
        if next & 0x80 == 0 {
            *input = rest;
            let value = u32::try_from(value).map_err(|_| DecodeError::IntegerOverflow)?;
            return usize::try_from(value).map_err(|_| DecodeError::IntegerOverflow);
        }
    }
    Err(DecodeError::IntegerOverflow)
}

/// Appends `value` with a prefix of `prefix_bits`; `pattern` fills the bits before the prefix.
pub(super) fn encode(value: usize, prefix_bits: u32, pattern: u8, out: &mut BytesMut) {
    let prefix_max = (1usize << prefix_bits) - 1;
    if value < prefix_max {
        out.put_u8(pattern | low_octet(value));
        return;
    }
    out.put_u8(pattern | low_octet(prefix_max));
    let mut rest = value - prefix_max;
    while rest >= 0x80 {
        out.put_u8(low_octet(rest) | 0x80);
        rest >>= 7;
    }
    out.put_u8(low_octet(rest));
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low octet is what is asked for"
)]
const fn low_octet(value: usize) -> u8 {
    value as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: usize, prefix_bits: u32, pattern: u8) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(value, prefix_bits, pattern, &mut out);
        out.to_vec()
    }

    fn decoded(mut input: &[u8], prefix_bits: u32) -> Result<usize, DecodeError> {
        let value = decode(&mut input, prefix_bits)?;
        assert!(input.is_empty(), "octets after the integer: {input:x?}");
        Ok(value)
    }

    #[test]
    fn rfc7541_c_1_examples() {
        for (value, prefix_bits, octets) in [
            (10, 5, &[0x0a][..]),
            (1337, 5, &[0x1f, 0x9a, 0x0a]),
            (42, 8, &[0x2a]),
        ] {
            assert_eq!(encoded(value, prefix_bits, 0), octets);
            assert_eq!(decoded(octets, prefix_bits), Ok(value));
        }
    }

    #[test]
    fn every_prefix_round_trips_around_its_edges() {
        for prefix_bits in 1..=8 {
            for power in 0..=32 {
                for value in [(1usize << power) - 1, 1 << power, (1 << power) + 1] {
                    let octets = encoded(value, prefix_bits, 0);
                    let expected = u32::try_from(value).map(|_| value);
                    assert_eq!(decoded(&octets, prefix_bits).ok(), expected.ok());
                }
            }
        }
    }

    #[test]
    fn bits_before_the_prefix_are_kept_apart() {
        assert_eq!(encoded(2, 4, 0x10), [0x12]);
        assert_eq!(decoded(&[0xff, 0x00], 4), Ok(15));
    }

    #[test]
    fn an_integer_that_does_not_end_is_truncated() {
        for octets in [
            &[][..],
            &[0x1f],
            &[0x1f, 0x80],
            &[0x1f, 0x80, 0x80, 0x80, 0x80],
        ] {
            assert_eq!(
                decoded(octets, 5),
                Err(DecodeError::Truncated),
                "{octets:x?}"
            );
        }
    }

    #[test]
    fn five_further_octets_and_32_bits_are_the_bounds() {
        // 2^32 - 1 = 31 + 0xffff_ffe0
        assert_eq!(
            decoded(&[0x1f, 0xe0, 0xff, 0xff, 0xff, 0x0f], 5),
            Ok(0xffff_ffff)
        );
        let above = [0x1f, 0xe1, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(decoded(&above, 5), Err(DecodeError::IntegerOverflow));
        // Padding with zeros is no overflow as long as it stays within the octets.
        assert_eq!(decoded(&[0x1f, 0x80, 0x80, 0x80, 0x80, 0x00], 5), Ok(31));
        let long = [0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(decoded(&long, 5), Err(DecodeError::IntegerOverflow));
        assert_eq!(decoded(&[0xff; 16], 5), Err(DecodeError::IntegerOverflow));
    }
}
