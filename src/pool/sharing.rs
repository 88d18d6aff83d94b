//! How many exchanges a key's connections carry at a time, and what is remembered of that.

use std::collections::VecDeque;

use super::{Key, conn::Conn, shelf::Shelf};

/// What is known of the connections of a key before one is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nothing: the server chooses, and one dial for all who wait finds out.
    #[default]
    Unknown,
    /// One exchange at a time (HTTP/1.1): whoever waits needs a connection of their own.
    Exclusive,
    /// Many at a time (HTTP/2): one connection is for all.
    Multiplexed,
}

/// The keys that turned out to be exclusive and have no shelf now, so that a burst after a pause
/// need not wait for one dial to find that out again.
///
/// What was learnt is either here or with the shelf, never with both. Nothing is remembered of the
/// multiplexed: they begin by one dial, as the unknown do.
#[derive(Default)]
pub(super) struct Memory {
    /// The one that was noted last at the back.
    exclusive: VecDeque<Key>,
}

impl Memory {
    /// How many keys are remembered: against callers who name ever new hosts. To forget one costs
    /// its next burst no more than the time of a dial.
    const LIMIT: usize = 256;

    /// Keeps what `shelf`, which is given up, had learnt.
    pub(super) fn keep<C: Conn>(&mut self, key: Key, shelf: &Shelf<C>) {
        if !shelf.is_worth_a_note() {
            return;
        }
        if self.exclusive.len() >= Self::LIMIT {
            self.exclusive.pop_front();
        }
        self.exclusive.push_back(key);
    }

    /// Whether `key` was noted; it no longer is.
    pub(super) fn take(&mut self, key: &Key) -> bool {
        let place = self.exclusive.iter().position(|noted| noted == key);
        place.is_some_and(|place| self.exclusive.remove(place).is_some())
    }
}
