//! Octets whose right value is known at every offset, so that a body is checked as it comes.

use std::{
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use ring::digest;

/// A prime, so that a chunk put into a wrong place shows at every power-of-two boundary.
const PERIOD: usize = 65_521;

/// Two periods, so that any period-long slice is contiguous.
static OCTETS: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 1_u32;
    let period: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(PERIOD)
    .collect();
    Bytes::from([period.clone(), period].concat())
});

/// A body of known content.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    len: usize,
}

impl Pattern {
    /// The first `len` octets of it.
    pub fn new(len: usize) -> Self {
        Self { len }
    }

    /// How many octets it has.
    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// The octets from `offset` on, at most `len` of them and never more than one period.
    fn slice(self, offset: usize, len: usize) -> Bytes {
        let len = len.min(PERIOD).min(self.len.saturating_sub(offset));
        let start = offset % PERIOD;
        OCTETS.slice(start..start + len)
    }

    /// All of it.
    pub fn whole(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.len);
        while whole.len() < self.len {
            whole.extend_from_slice(&self.slice(whole.len(), PERIOD));
        }
        Bytes::from(whole)
    }

    /// It as a body that comes chunk by chunk and does not tell its length.
    pub fn streamed(self, chunk: usize) -> Streamed {
        Streamed {
            pattern: self,
            offset: 0,
            chunk,
        }
    }

    /// Checks that `data` belongs at `offset`.
    ///
    /// # Panics
    /// When it does not.
    pub fn check(self, offset: usize, data: &[u8]) {
        let mut at = 0;
        while at < data.len() {
            let want = self.slice(offset + at, data.len() - at);
            assert!(!want.is_empty(), "octets past the end, from {}", self.len);
            assert!(
                data[at..at + want.len()] == want,
                "wrong octets at {}",
                offset + at
            );
            at += want.len();
        }
    }

    /// What `/live/digest` answers to it.
    pub fn digest(self) -> String {
        digest_line(&self.whole())
    }
}

/// The count of the octets and their SHA-256, as `node.js` writes them.
pub(crate) fn digest_line(data: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, data);
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("{} {hex}", data.len())
}

/// See [`Pattern::streamed`].
#[derive(Debug)]
pub struct Streamed {
    pattern: Pattern,
    offset: usize,
    chunk: usize,
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = self.pattern.slice(self.offset, self.chunk);
        self.offset += data.len();
        Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slice_belongs_where_it_was_cut() {
        let pattern = Pattern::new(200_000);
        let whole = pattern.whole();
        assert_eq!(whole.len(), 200_000);
        pattern.check(0, &whole);
        pattern.check(65_520, &whole[65_520..131_100]);
    }

    #[test]
    #[should_panic(expected = "wrong octets")]
    fn a_chunk_in_the_wrong_place_is_noticed() {
        let pattern = Pattern::new(200_000);
        pattern.check(65_536, &pattern.whole()[..100]);
    }

    #[test]
    #[should_panic(expected = "past the end")]
    fn too_much_is_noticed() {
        let pattern = Pattern::new(10);
        pattern.check(5, &Pattern::new(11).whole()[5..]);
    }
}
