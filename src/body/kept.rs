//! What was read of a body and not given to the caller yet.
//!
//! Owns: octets that a reading method took too many of, or had taken when its future was dropped;
//! the trailers, once they were met; and the failure that ended the body. However small the pieces
//! are that it is made of, it holds little more than their octets.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;

use crate::error::Error;

#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Pieces that were melted together; they come first.
    gathered: BytesMut,
    /// The latest piece, as it came: one piece alone is never copied.
    latest: Bytes,
    trailers: Option<HeaderMap>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    /// Whether `http_body::Body` has told it: there a body ends after its error.
    is_told: bool,
}

impl Kept {
    /// The most that is set aside at once for what a peer says will come, in octets.
    const MAX_RESERVE: usize = 1 << 20;

    /// Octets that are kept.
    pub(super) fn len(&self) -> usize {
        self.gathered.len() + self.latest.len()
    }

    /// Keeps a piece. `more` octets are said to follow.
    pub(super) fn push(&mut self, piece: Bytes, more: u64) {
        if !self.latest.is_empty() {
            if self.gathered.is_empty() {
                let more = usize::try_from(more).unwrap_or(usize::MAX);
                let expected = more.min(Self::MAX_RESERVE);
                self.gathered
                    .reserve(self.latest.len() + piece.len() + expected);
            }
            self.gathered.extend_from_slice(&self.latest);
        }
        self.latest = piece;
    }

    /// Gives the first `count` octets, or all if they are fewer.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.len());
        if self.gathered.is_empty() {
            return self.latest.split_to(count);
        }
        if let Some(missing) = count.checked_sub(self.gathered.len()) {
            let rest = self.latest.split_to(missing);
            self.gathered.extend_from_slice(&rest);
        }
        self.gathered.split_to(count).freeze()
    }

    /// Gives the octets that lie together at the front, if there are any.
    pub(super) fn take_piece(&mut self) -> Option<Bytes> {
        let count = self.front().len();
        (count > 0).then(|| self.take(count))
    }

    /// The octets that lie together at the front.
    pub(super) fn front(&self) -> &[u8] {
        if self.gathered.is_empty() {
            &self.latest
        } else {
            &self.gathered
        }
    }

    /// Forgets octets of the front.
    pub(super) fn advance(&mut self, count: usize) {
        if self.gathered.is_empty() {
            self.latest.advance(count);
        } else {
            self.gathered.advance(count);
        }
    }

    pub(super) fn keep_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }

    pub(super) const fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The body has failed; what was kept before can still be read.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure = Some(Failure {
            error,
            is_told: false,
        });
    }

    pub(super) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref().map(|failure| &failure.error)
    }

    /// The next thing to say through `http_body::Body`.
    pub(super) fn next_frame(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        if let Some(piece) = self.take_piece() {
            return Some(Ok(Frame::data(piece)));
        }
        if let Some(trailers) = self.trailers.take() {
            return Some(Ok(Frame::trailers(trailers)));
        }
        let failure = self.failure.as_mut().filter(|failure| !failure.is_told)?;
        failure.is_told = true;
        Some(Err(failure.error.clone()))
    }

    /// Whether [`next_frame`](Self::next_frame) has something.
    pub(super) fn has_frame(&self) -> bool {
        let has_untold = self
            .failure
            .as_ref()
            .is_some_and(|failure| !failure.is_told);
        self.len() > 0 || self.trailers.is_some() || has_untold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pieces: &[&'static str]) -> Kept {
        let mut kept = Kept::default();
        for piece in pieces {
            kept.push(Bytes::from_static(piece.as_bytes()), 0);
        }
        kept
    }

    #[test]
    fn one_piece_is_given_as_it_came() {
        let piece = Bytes::from(vec![7; 100]);
        let mut kept = Kept::default();
        kept.push(piece.clone(), 0);
        let taken = kept.take(usize::MAX);
        assert_eq!(taken.as_ptr(), piece.as_ptr());
        assert_eq!((taken.len(), kept.len()), (100, 0));
    }

    #[test]
    fn octets_are_taken_in_order_wherever_the_cut_is() {
        for cut in 0..=7 {
            for second in 0..=7 {
                let mut kept = kept(&["abc", "", "de", "fg"]);
                let mut octets = kept.take(cut).to_vec();
                assert_eq!(octets.len(), cut);
                octets.extend_from_slice(&kept.take(second));
                kept.push(Bytes::from_static(b"h"), 0);
                assert_eq!(kept.len(), 8 - octets.len());
                while let Some(piece) = kept.take_piece() {
                    octets.extend_from_slice(&piece);
                }
                assert_eq!(octets, b"abcdefgh", "{cut}, {second}");
            }
        }
    }

    #[test]
    fn many_tiny_pieces_cost_no_more_than_their_octets() {
        let mut kept = Kept::default();
        for _ in 0..100_000 {
            kept.push(Bytes::from(vec![7]), 0);
        }
        assert!(kept.gathered.capacity() < 300_000);
        assert_eq!(kept.take(usize::MAX).len(), 100_000);
    }

    #[test]
    fn a_peer_that_promises_much_is_not_believed_beforehand() {
        let mut kept = kept(&["a"]);
        kept.push(Bytes::from_static(b"b"), u64::MAX);
        assert!(kept.gathered.capacity() <= Kept::MAX_RESERVE + 2);
        assert_eq!(kept.take(2), "ab");
    }
}
