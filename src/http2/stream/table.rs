//! All streams of a connection: the open ones, and a bounded memory of how others ended.
//!
//! Owns: identifiers and their order, and what may come late. A stale id finds nothing, and that is
//! never an error here. Never: judges; it only tells what is known of an identifier.
//! Spec: RFC 9113 §5.1, §5.1.1.

use std::{
    collections::{HashMap, VecDeque, hash_map},
    hash::{BuildHasherDefault, Hasher},
};

use super::{Late, Stream};
use crate::http2::{StreamId, consts};

/// Why a stream is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    /// The peer's END_STREAM, after or before ours.
    End,
    /// The peer's RST_STREAM.
    PeerReset,
    /// Our RST_STREAM; the peer may not have known yet and sent on.
    LocalReset(Late),
}

/// What is known of a stream identifier.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    /// The stream is there.
    Live(&'a mut Stream),
    /// It ended lately.
    Closed(&'a mut ClosedBy),
    /// It ended, and how is forgotten; what may still come on any such stream is not.
    Forgotten(&'a mut Late),
    /// Nobody opened it yet.
    Idle,
}

/// The streams by their identifiers.
#[derive(Debug)]
pub(crate) struct Table {
    live: HashMap<StreamId, Stream, BuildHasherDefault<IdHasher>>,
    closed: VecDeque<(StreamId, ClosedBy)>,
    /// What may still come on streams that have left `closed`.
    forgotten: Late,
    next: Option<StreamId>,
    /// The highest stream that the peer has promised, be it that it was refused.
    last_promised: StreamId,
    /// How many of the live streams the peer has promised.
    promised: usize,
}

impl Table {
    /// How many ended streams are remembered: RFC 9113 §5.1 asks that late frames be recognised
    /// for a while, and bounds it by nothing.
    const REMEMBERED: usize = 256;

    pub(crate) fn new(first: StreamId) -> Self {
        Self {
            live: HashMap::default(),
            closed: VecDeque::new(),
            forgotten: Late::NONE,
            next: Some(first),
            last_promised: StreamId::CONNECTION,
            promised: 0,
        }
    }

    /// The next identifier, if any is left.
    pub(crate) const fn next_id(&self) -> Option<StreamId> {
        self.next
    }

    /// Puts a stream under the next identifier. RFC 9113 §5.1.1: identifiers only grow.
    pub(crate) fn insert(&mut self, id: StreamId, stream: Stream) {
        debug_assert_eq!(self.next, Some(id), "identifiers are taken in order");
        self.next = id.next();
        self.live.insert(id, stream);
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.live.get_mut(&id)
    }

    pub(crate) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.live.get(&id)
    }

    /// Everything known of an identifier that the peer named.
    pub(crate) fn look_up(&mut self, id: StreamId) -> Lookup<'_> {
        if self.is_idle(id) {
            return Lookup::Idle;
        }
        if let hash_map::Entry::Occupied(entry) = self.live.entry(id) {
            return Lookup::Live(entry.into_mut());
        }
        match self
            .closed
            .iter_mut()
            .rev()
            .find(|(closed, _)| *closed == id)
        {
            Some((_, by)) => Lookup::Closed(by),
            None => Lookup::Forgotten(&mut self.forgotten),
        }
    }

    /// Whether a stream of this identifier was never opened.
    pub(crate) fn is_idle(&self, id: StreamId) -> bool {
        if id.is_server() {
            id > self.last_promised
        } else {
            self.next.is_some_and(|next| id >= next)
        }
    }

    /// Puts a promised stream under its identifier, which was [idle](Self::is_idle).
    pub(crate) fn reserve(&mut self, id: StreamId, stream: Stream) {
        debug_assert!(self.is_idle(id), "a promised identifier is new");
        self.last_promised = id;
        self.promised += 1;
        self.live.insert(id, stream);
    }

    /// Notes a promised stream, until now [idle](Self::is_idle), that is being refused. What the
    /// peer sends on it before it hears of that is ignored.
    pub(crate) fn refuse_promise(&mut self, id: StreamId, window: u32) {
        debug_assert!(self.is_idle(id), "a promised identifier is new");
        self.last_promised = id;
        // RFC 9113 §6.9.2: the window is what our SETTINGS say, or not yet.
        let window = window.max(consts::INITIAL_WINDOW_SIZE);
        self.remember(id, ClosedBy::LocalReset(Late::after_reset(window)));
    }

    fn remember(&mut self, id: StreamId, by: ClosedBy) {
        if self.closed.len() == Self::REMEMBERED
            && let Some((_, oldest)) = self.closed.pop_front()
        {
            self.forgotten.add(match oldest {
                ClosedBy::LocalReset(late) => late,
                ClosedBy::End => Late::RESET,
                ClosedBy::PeerReset => Late::NONE,
            });
        }
        self.closed.push_back((id, by));
    }

    /// Takes a stream out and remembers why.
    pub(crate) fn remove(&mut self, id: StreamId, by: ClosedBy) -> Option<Stream> {
        let stream = self.live.remove(&id)?;
        if id.is_server() {
            self.promised -= 1;
        }
        self.remember(id, by);
        Some(stream)
    }

    /// Forgets all open streams: the connection is over.
    pub(crate) fn clear(&mut self) {
        self.live.clear();
        self.promised = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// How many streams are there that the peer has promised.
    pub(crate) const fn promised(&self) -> usize {
        self.promised
    }

    /// How many streams are there that we have opened.
    pub(crate) fn requests(&self) -> usize {
        self.live.len() - self.promised
    }

    /// The identifiers above `last` of streams that we have opened, lowest first.
    pub(crate) fn requests_above(&self, last: StreamId) -> Vec<StreamId> {
        self.sorted(|id| id.is_client() && id > last)
    }

    /// The identifiers of promised streams, lowest first.
    pub(crate) fn promised_ids(&self) -> Vec<StreamId> {
        self.sorted(StreamId::is_server)
    }

    fn sorted(&self, is_wanted: impl Fn(StreamId) -> bool) -> Vec<StreamId> {
        let ids = self.live.keys().copied();
        let mut ids: Vec<_> = ids.filter(|id| is_wanted(*id)).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut Stream)> {
        self.live.iter_mut().map(|(id, stream)| (*id, stream))
    }
}

/// Spreads stream identifiers over a hash table.
///
/// We choose the identifiers of requests ourselves and count them up, so no peer can make them
/// collide; those that a peer promises are few ([`Limits::promised_streams`]). The default hasher's
/// protection would be paid for on every frame.
///
/// [`Limits::promised_streams`]: crate::http2::Limits::promised_streams
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u32(u32::from(*octet));
        }
    }

    fn write_u32(&mut self, id: u32) {
        // An odd multiplier spreads consecutive numbers over the high bits, which the table uses.
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
