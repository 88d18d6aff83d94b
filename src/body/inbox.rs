//! Unread octets of one response.
//!
//! Owns: the octets and their credit, in the order of arrival. Invariant: each octet's credit leaves
//! with it. Memory stays in proportion to the octets, however small the frames that carried them
//! (RUSTSEC-2026-0258): a frame costs its own entry only while few are unread.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::http2::Credit;

/// Unread chunks, one a DATA frame, until a backlog of small ones is melted together.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Most responses are one chunk: it needs no allocation of ours.
    front: Option<Chunk>,
    rest: VecDeque<Chunk>,
    /// Small chunks at the very end, melted together.
    tail: BytesMut,
    tail_credit: Option<Credit>,
    /// Octets in all of it.
    octets: usize,
}

#[derive(Debug)]
struct Chunk {
    data: Bytes,
    credit: Option<Credit>,
}

impl Inbox {
    /// Unread chunks after which small ones are melted together.
    const BACKLOG: usize = 32;
    /// What counts as small, in octets.
    const SMALL: usize = 1_024;
    /// How large a melted chunk grows, in octets.
    const MELTED: usize = 8_192;

    pub(super) fn push(&mut self, data: Bytes, credit: Option<Credit>) {
        self.octets += data.len();
        let is_backlog = self.rest.len() >= Self::BACKLOG || !self.tail.is_empty();
        if is_backlog && data.len() < Self::SMALL {
            self.melt(&data, credit);
            return;
        }
        self.flush_tail();
        let chunk = Chunk { data, credit };
        if self.front.is_none() && self.rest.is_empty() {
            self.front = Some(chunk);
        } else {
            self.rest.push_back(chunk);
        }
    }

    pub(super) fn pop(&mut self) -> Option<(Bytes, Option<Credit>)> {
        let (data, credit) = self.take()?;
        self.octets -= data.len();
        Some((data, credit))
    }

    /// Unread octets.
    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    fn take(&mut self) -> Option<(Bytes, Option<Credit>)> {
        if let Some(chunk) = self.front.take().or_else(|| self.rest.pop_front()) {
            return Some((chunk.data, chunk.credit));
        }
        if self.tail.is_empty() {
            return None;
        }
        Some((self.take_tail(), self.tail_credit.take()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_none() && self.rest.is_empty() && self.tail.is_empty()
    }

    fn melt(&mut self, data: &[u8], credit: Option<Credit>) {
        if self.tail.len() + data.len() > Self::MELTED {
            self.flush_tail();
        }
        if self.tail.is_empty() {
            self.tail.reserve(Self::MELTED);
        }
        self.tail.extend_from_slice(data);
        self.tail_credit = Credit::merge_options(self.tail_credit.take(), credit);
    }

    /// The melted octets; a few of them do not keep the room for many.
    fn take_tail(&mut self) -> Bytes {
        if self.tail.len() >= Self::MELTED / 2 {
            return self.tail.split().freeze();
        }
        let data = Bytes::copy_from_slice(&self.tail);
        self.tail.clear();
        data
    }

    fn flush_tail(&mut self) {
        if !self.tail.is_empty() {
            let data = self.take_tail();
            let credit = self.tail_credit.take();
            self.rest.push_back(Chunk { data, credit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_their_frames_while_few_are_unread() {
        let mut inbox = Inbox::default();
        for text in ["a", "", "bc"] {
            inbox.push(Bytes::from_static(text.as_bytes()), None);
        }
        let mut read = Vec::new();
        while let Some((data, _)) = inbox.pop() {
            read.push(data);
        }
        assert_eq!(read, ["a", "", "bc"]);
    }

    #[test]
    fn a_backlog_of_tiny_chunks_costs_no_more_than_its_octets() {
        let mut inbox = Inbox::default();
        for index in 0..100_000_u32 {
            inbox.push(Bytes::from(vec![u8::try_from(index % 251).unwrap()]), None);
        }
        assert!(inbox.rest.len() < Inbox::BACKLOG + 100_000 / Inbox::MELTED + 2);
        let mut read = Vec::new();
        while let Some((data, _)) = inbox.pop() {
            read.extend_from_slice(&data);
        }
        assert!(
            read.iter()
                .enumerate()
                .all(|(index, octet)| index % 251 == usize::from(*octet))
        );
        assert_eq!(read.len(), 100_000);
        assert!(inbox.is_empty());
    }

    #[test]
    fn large_chunks_are_never_copied_nor_reordered() {
        let mut inbox = Inbox::default();
        for _ in 0..40 {
            inbox.push(Bytes::from_static(b"x"), None);
        }
        let large = Bytes::from(vec![7; 4_096]);
        let address = large.as_ptr();
        inbox.push(large, None);
        inbox.push(Bytes::from_static(b"y"), None);
        let mut last = Vec::new();
        while let Some((data, _)) = inbox.pop() {
            last.push(data);
        }
        let index = last.len() - 2;
        assert_eq!(last[index].as_ptr(), address);
        assert_eq!(last[index + 1], "y");
    }
}
