//! Where the decoder keeps the octets of literals.
//!
//! Owns: one chunk, from whose front small strings are cut; they share its allocation and its
//! reference count, and once all are dropped the chunk is used again.
//! Refuses: to share what is not small, so that a string pins at most one chunk, which is small
//! itself. The decoder has two arenas, because strings of the dynamic table live long and leave
//! in the order in which they came, whereas those of other fields go with their message: in one
//! chunk, each would pin the other.

use bytes::{Bytes, BytesMut};

/// Octets of a chunk: the most that a small string can pin.
const CHUNK: usize = 1024;
/// A longer string has its own allocation.
const MAX_SHARED: usize = CHUNK / 4;

#[derive(Debug, Default)]
pub(super) struct Arena {
    /// The unused rest of the chunk; its length is always 0.
    rest: BytesMut,
}

impl Arena {
    /// Copies `octets` in.
    pub(super) fn copy(&mut self, octets: &[u8]) -> Bytes {
        if octets.is_empty() {
            return Bytes::new();
        }
        if octets.len() > MAX_SHARED {
            return Bytes::copy_from_slice(octets);
        }
        if self.rest.capacity() < octets.len() && !self.rest.try_reclaim(CHUNK) {
            self.rest = BytesMut::with_capacity(CHUNK);
        }
        self.rest.extend_from_slice(octets);
        self.rest.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_strings_share_a_chunk_and_large_ones_do_not() {
        let mut arena = Arena::default();
        let first = arena.copy(b"first");
        let second = arena.copy(b"second");
        assert_eq!((&first[..], &second[..]), (&b"first"[..], &b"second"[..]));
        assert_eq!(first.as_ptr().wrapping_add(5), second.as_ptr());
        let large = arena.copy(&[b'x'; MAX_SHARED + 1]);
        let third = arena.copy(b"third");
        assert_eq!(second.as_ptr().wrapping_add(6), third.as_ptr());
        assert_eq!(large.len(), MAX_SHARED + 1);
    }

    #[test]
    fn a_chunk_is_used_again_when_its_strings_are_gone() {
        let mut arena = Arena::default();
        let place = arena.copy(&[b'a'; MAX_SHARED]).as_ptr();
        for _ in 0..100 {
            arena.copy(&[b'b'; MAX_SHARED]);
        }
        let places: Vec<_> = (0..4)
            .map(|_| arena.copy(&[b'c'; MAX_SHARED]).as_ptr())
            .collect();
        assert!(places.contains(&place));
    }

    #[test]
    fn a_string_that_lives_is_not_overwritten() {
        let mut arena = Arena::default();
        let kept: Vec<_> = (0u8..=255).map(|octet| arena.copy(&[octet; 100])).collect();
        for (octet, text) in (0u8..=255).zip(kept) {
            assert_eq!(text[..], [octet; 100]);
        }
    }
}
