//! The hash by which the encoder finds fields.
//!
//! Eight octets a multiplication, and computable at compile time for the static table. It has no
//! secret: who chooses fields can make them collide, but the tables that are searched by it hold a
//! bounded number of entries, so that a search is at worst a walk through that many hashes.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const NAME_SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// The hash of a name.
pub(super) const fn name(name: &[u8]) -> u64 {
    octets(name, NAME_SEED)
}

/// The hash of a name and a value, given the hash of the name.
pub(super) const fn field(name_hash: u64, value: &[u8]) -> u64 {
    octets(value, name_hash)
}

const fn octets(octets: &[u8], seed: u64) -> u64 {
    let len = octets.len();
    let mut state = seed ^ (len as u64).wrapping_mul(FACTOR);
    let mut rest = octets;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        state = mix(state ^ u64::from_le_bytes(*chunk));
        rest = tail;
    }
    mix(state ^ last_octets(octets, rest))
}

/// The octets that fill no chunk, or rather the last eight of all if there are as many: reading
/// some twice is cheaper than reading them one by one.
const fn last_octets(octets: &[u8], rest: &[u8]) -> u64 {
    if rest.is_empty() {
        return 0;
    }
    if let Some(last) = octets.last_chunk::<8>() {
        return u64::from_le_bytes(*last);
    }
    if let (Some(first), Some(last)) = (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        return (u32::from_le_bytes(*first) as u64) << 32 | u32::from_le_bytes(*last) as u64;
    }
    (octets[0] as u64) << 16
        | (octets[octets.len() / 2] as u64) << 8
        | octets[octets.len() - 1] as u64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves of the product are used"
)]
const fn mix(state: u64) -> u64 {
    let product = state as u128 * FACTOR as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_counts_at_every_length() {
        for len in 1..40 {
            let text = vec![b'a'; len];
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'b';
                assert_ne!(name(&text), name(&other), "octet {at} of {len}");
            }
            assert_ne!(name(&text), name(&text[1..]));
        }
    }
}
