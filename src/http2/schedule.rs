//! Whose DATA comes next, and whose body is asked next.
//!
//! Owns: the order of the streams that have something to send, and of those that want to be asked
//! for it. A stream stands in either at most once; an id whose stream is gone is skipped by whoever
//! takes it. Each turn is one frame.
//!
//! The most urgent goes first. Of one urgency, streams that are not incremental go in the order of
//! their ids: together they hold one place among the incremental ones, which take turns. A stream
//! without a priority is incremental and of the default urgency here, so that where nobody speaks of
//! priorities everybody takes turns.
//!
//! The two orders are one rule: nobody sends before a stream that comes first and was not asked yet,
//! and nobody is asked while a stream that comes first has octets. Else each round of asking would
//! give everybody the same.
//!
//! Invariant: no urgency waits for ever. One that was passed over in [`SHARE`] turns takes the next.
//! Spec: RFC 9113 §5.2, §5.3; RFC 9218 §9, §10.

#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::StreamId;
use crate::priority::{Priority, Urgency};

/// Turns of more urgent streams after which the next is for an urgency that waits.
const SHARE: u8 = 15;

/// Stands among the streams that take turns for all those that go by their ids.
const SEQUENCE: StreamId = StreamId::CONNECTION;

/// Where a stream belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    urgency: usize,
    is_sequential: bool,
}

impl From<Option<Priority>> for Rank {
    fn from(priority: Option<Priority>) -> Self {
        let urgency = priority.map_or(Urgency::DEFAULT, |priority| priority.urgency);
        Self {
            urgency: usize::from(urgency.get()),
            is_sequential: priority.is_some_and(|priority| !priority.incremental),
        }
    }
}

/// The order of the streams of a connection.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    ready: Queue,
    hungry: Queue,
    /// Streams that have octets to send while the connection's window is used up.
    blocked: VecDeque<(StreamId, Rank)>,
    /// How many turns of more urgent streams each urgency has waited for.
    passed: [u8; Urgency::COUNT],
    /// Of those that have sent in this batch and want to be asked again, the one that comes first.
    fresh: Option<Front>,
}

/// Streams by their urgency.
#[derive(Debug, Default)]
struct Queue {
    levels: [Level; Urgency::COUNT],
    /// A bit for each level that is not empty.
    occupied: u8,
    len: usize,
}

/// Streams of one urgency.
#[derive(Debug, Default)]
struct Level {
    turns: VecDeque<StreamId>,
    sequence: BinaryHeap<Reverse<StreamId>>,
    /// Whether [`SEQUENCE`] stands in `turns`: as long as there is one in `sequence`.
    has_place: bool,
}

/// What those behind it wait for: a more urgent stream, or one before them in their sequence.
#[derive(Clone, Copy, Debug)]
struct Front {
    urgency: usize,
    /// The first of its sequence.
    first: Option<StreamId>,
}

/// The outcome of asking whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Of(StreamId),
    /// Whoever comes first is to be asked for octets before others send.
    Awaited,
    Nobody,
}

impl Schedule {
    /// Puts a stream that can send at the end of its kind.
    pub(crate) fn push(&mut self, id: StreamId, rank: Rank) {
        self.ready.push(id, rank);
    }

    /// Puts a stream that wants octets at the end of its kind.
    pub(crate) fn push_hungry(&mut self, id: StreamId, rank: Rank) {
        self.hungry.push(id, rank);
        let first = rank.is_sequential.then_some(id);
        let urgency = rank.urgency;
        self.fresh = Some(match self.fresh {
            Some(fresh) if fresh.urgency < urgency => fresh,
            Some(fresh) if fresh.urgency == urgency => Front {
                urgency,
                first: fresh.first.or(first),
            },
            _ => Front { urgency, first },
        });
    }

    /// A batch of turns begins. Whoever wanted octets until now had its chance to be asked.
    pub(crate) fn begin(&mut self) {
        self.fresh = None;
    }

    /// Takes the stream whose turn it is.
    pub(crate) fn pop(&mut self) -> Turn {
        let Some(most_urgent) = self.ready.most_urgent() else {
            return Turn::Nobody;
        };
        let urgency = match self.ready.occupied {
            only if only.is_power_of_two() => most_urgent,
            several => self.due(several).unwrap_or(most_urgent),
        };
        let before = match self.fresh {
            Some(fresh) if fresh.urgency < urgency => return Turn::Awaited,
            Some(fresh) if fresh.urgency == urgency => fresh.first,
            _ => None,
        };
        self.ready
            .pop(urgency, before)
            .map_or(Turn::Awaited, Turn::Of)
    }

    /// Takes the stream whose body is to be asked; none while whoever comes first has octets.
    pub(crate) fn pop_hungry(&mut self) -> Option<StreamId> {
        let most_urgent = self.hungry.most_urgent()?;
        let is_held = self
            .ready
            .most_urgent()
            .is_some_and(|urgency| urgency < most_urgent);
        if !is_held {
            let before = self.ready.first_in_sequence(most_urgent);
            let id = self.hungry.pop(most_urgent, before);
            if id.is_some() {
                return id;
            }
        }
        // Whose turn is next must have something to send by then.
        let urgency = self.due(self.hungry.occupied & !self.ready.occupied)?;
        self.hungry.pop(urgency, None)
    }

    /// A stream of this rank has had its turn.
    pub(crate) fn on_turn(&mut self, rank: Rank) {
        self.passed[rank.urgency] = 0;
        let less_urgent = rank.urgency + 1..Urgency::COUNT;
        let waiting = self.ready.occupied | self.hungry.occupied;
        if waiting >> rank.urgency <= 1 {
            return;
        }
        for urgency in less_urgent.filter(|urgency| has(waiting, *urgency)) {
            self.passed[urgency] = self.passed[urgency].saturating_add(1);
        }
    }

    /// Sets a stream aside until the connection's window opens.
    pub(crate) fn block(&mut self, id: StreamId, rank: Rank) {
        self.blocked.push_back((id, rank));
    }

    /// The connection's window has opened: those set aside come first, in their order.
    pub(crate) fn unblock(&mut self) {
        while let Some((id, rank)) = self.blocked.pop_back() {
            self.ready.push_front(id, rank);
        }
    }

    /// The stream's rank is another from now on.
    pub(crate) fn change(&mut self, id: StreamId, from: Rank, to: Rank) {
        if from == to {
            return;
        }
        if self.ready.remove(id, from) {
            self.push(id, to);
        }
        if self.hungry.remove(id, from) {
            self.push_hungry(id, to);
        }
        for (blocked, rank) in &mut self.blocked {
            if *blocked == id {
                *rank = to;
            }
        }
    }

    /// Whether any stream wants octets; those that are gone included.
    pub(crate) const fn is_anybody_hungry(&self) -> bool {
        self.hungry.occupied != 0
    }

    /// Whether no stream could send, were every window open.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.len == 0 && self.blocked.is_empty()
    }

    /// Forgets the streams that are not to be kept, once they may outnumber those that are there.
    pub(crate) fn sweep(&mut self, live: usize, keep: impl Fn(StreamId) -> bool) {
        if self.ready.len + self.blocked.len() > 2 * live {
            self.ready.retain(&keep);
            self.blocked.retain(|(id, _)| keep(*id));
        }
        if self.hungry.len > 2 * live {
            self.hungry.retain(&keep);
        }
    }

    /// The urgency among these that has waited long enough, if one has.
    fn due(&self, occupied: u8) -> Option<usize> {
        if occupied == 0 {
            return None;
        }
        let waiting = (0..Urgency::COUNT).filter(|urgency| has(occupied, *urgency));
        let due = waiting.filter(|urgency| self.is_due(*urgency));
        // Of several, the one that has waited longest, and then the most urgent.
        due.max_by_key(|urgency| (self.passed[*urgency], Reverse(*urgency)))
    }

    fn is_due(&self, urgency: usize) -> bool {
        self.passed[urgency] >= SHARE
    }
}

impl Queue {
    fn push(&mut self, id: StreamId, rank: Rank) {
        let level = self.enter(rank);
        if rank.is_sequential {
            level.push_in_sequence(id);
        } else {
            level.turns.push_back(id);
        }
    }

    fn push_front(&mut self, id: StreamId, rank: Rank) {
        let level = self.enter(rank);
        if rank.is_sequential {
            level.push_in_sequence(id);
        } else {
            level.turns.push_front(id);
        }
    }

    fn enter(&mut self, rank: Rank) -> &mut Level {
        self.len += 1;
        self.occupied |= 1 << rank.urgency;
        &mut self.levels[rank.urgency]
    }

    /// Takes the next one of an urgency; of its sequence, none that is behind `before`.
    fn pop(&mut self, urgency: usize, before: Option<StreamId>) -> Option<StreamId> {
        let level = &mut self.levels[urgency];
        let id = level.pop(before)?;
        let is_empty = level.turns.is_empty();
        self.len -= 1;
        if is_empty {
            self.occupied &= !(1 << urgency);
        }
        Some(id)
    }

    fn remove(&mut self, id: StreamId, rank: Rank) -> bool {
        let level = &mut self.levels[rank.urgency];
        let before = level.len();
        level.retain(&|other| other != id);
        let removed = before - level.len();
        self.count();
        removed > 0
    }

    fn retain(&mut self, keep: &impl Fn(StreamId) -> bool) {
        for level in &mut self.levels {
            level.retain(keep);
        }
        self.count();
    }

    fn count(&mut self) {
        self.len = self.levels.iter().map(Level::len).sum();
        self.occupied = 0;
        for (urgency, level) in self.levels.iter().enumerate() {
            if !level.turns.is_empty() {
                self.occupied |= 1 << urgency;
            }
        }
    }

    /// The urgency that goes first.
    fn most_urgent(&self) -> Option<usize> {
        let zeros = self.occupied.trailing_zeros();
        (self.occupied != 0).then_some(zeros as usize)
    }

    fn first_in_sequence(&self, urgency: usize) -> Option<StreamId> {
        self.levels[urgency].sequence.peek().map(|first| first.0)
    }
}

impl Level {
    fn push_in_sequence(&mut self, id: StreamId) {
        self.sequence.push(Reverse(id));
        if !self.has_place {
            self.has_place = true;
            self.turns.push_back(SEQUENCE);
        }
    }

    fn pop(&mut self, before: Option<StreamId>) -> Option<StreamId> {
        let next = self.turns.pop_front()?;
        if next != SEQUENCE {
            return Some(next);
        }
        let is_behind = |id: StreamId| before.is_some_and(|before| before < id);
        if self.sequence.peek().is_some_and(|first| is_behind(first.0)) {
            // The sequence keeps its place, and those that take turns go on.
            let other = self.turns.pop_front();
            self.turns.push_front(SEQUENCE);
            return other;
        }
        let first = self.sequence.pop().map(|first| first.0);
        self.has_place = !self.sequence.is_empty();
        if self.has_place {
            self.turns.push_back(SEQUENCE);
        }
        first
    }

    fn len(&self) -> usize {
        self.turns.len() - usize::from(self.has_place) + self.sequence.len()
    }

    fn retain(&mut self, keep: &impl Fn(StreamId) -> bool) {
        self.sequence.retain(|id| keep(id.0));
        self.has_place = !self.sequence.is_empty();
        let has_place = self.has_place;
        self.turns.retain(|id| match *id {
            SEQUENCE => has_place,
            id => keep(id),
        });
    }
}

const fn has(occupied: u8, urgency: usize) -> bool {
    occupied >> urgency & 1 == 1
}
