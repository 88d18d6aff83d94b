//! Promises of the server: which of them are good, and how much is kept of those that nobody has
//! claimed yet.
//!
//! Owns: whom the connection speaks for, and the octets that promised requests and their responses
//! hold while they wait for somebody to want them. An account outlives its stream: a response that
//! is complete is held just the same. Never: knows a frame, a window or the state of a stream.
//! Invariant: `held` is the sum of all accounts, and never above the limit.
//! Spec: RFC 9113 §8.4, §10.5.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, header};

use super::{StreamId, Violation, consts::FIELD_OVERHEAD, message::PromisedHead};
use crate::{headers::authority, netloc::Netloc};

/// The books of a connection's promises.
#[derive(Debug)]
pub(crate) struct Pushes {
    /// What the peer may promise a response of.
    origin: Option<Netloc>,
    /// Octets that may be held in all.
    limit: u32,
    held: u32,
    /// What each promise holds that nobody has claimed. The peer chooses the identifiers, so they
    /// stand in no hash table.
    unclaimed: BTreeMap<StreamId, u32>,
    /// The highest promise that was taken.
    last: StreamId,
}

impl Pushes {
    pub(crate) const fn new(limit: u32) -> Self {
        Self {
            origin: None,
            limit,
            held: 0,
            unclaimed: BTreeMap::new(),
            last: StreamId::CONNECTION,
        }
    }

    pub(crate) fn speaks_for(&mut self, origin: Netloc) {
        self.origin = Some(origin);
    }

    /// The verdict on a promised request that is well-formed as such.
    pub(crate) fn judge(&self, head: &PromisedHead) -> Result<(), Violation> {
        // RFC 9113 §8.4: "MUST be safe" and "MUST be cacheable", as RFC 9110 §9.2.1 and §9.2.3
        // define it; a method that nobody has heard of is neither.
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Violation::PromiseMethod);
        }
        // RFC 9113 §8.4: a promised request with content or a trailer section is no good.
        let announces = |name| head.headers.contains_key(name);
        if head.content_length.is_some_and(|octets| octets > 0)
            || announces(header::TRAILER)
            || announces(header::EXPECT)
        {
            return Err(Violation::PromiseContent);
        }
        let authority = head.uri.authority().map_or("", |named| named.as_str());
        // RFC 9113 §8.3.1: a `host` that names something else.
        match authority::host(&head.headers) {
            Ok(None) => {}
            Ok(Some(host)) if authority::is_same(authority, host, head.uri.scheme_str()) => {}
            _ => return Err(Violation::PromiseHost),
        }
        // RFC 9113 §8.4: the peer must be "authoritative" for it.
        match (&self.origin, Netloc::from_uri(&head.uri)) {
            (Some(origin), Ok(promised)) if *origin == promised => Ok(()),
            _ => Err(Violation::PromiseAuthority),
        }
    }

    /// Opens the account of a promise that was taken; false if there is no room for it.
    pub(crate) fn admit(&mut self, id: StreamId, octets: u32) -> bool {
        let has_room = self.hold(octets);
        if has_room {
            self.unclaimed.insert(id, octets);
            self.last = id;
        }
        has_room
    }

    /// Octets have come on a promised stream. They are charged while nobody has claimed it.
    ///
    /// # Errors
    /// [`Violation::UnclaimedPush`] if they are more than may be held.
    pub(crate) fn charge(&mut self, id: StreamId, octets: usize) -> Result<(), Violation> {
        if !self.unclaimed.contains_key(&id) {
            return Ok(());
        }
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        if !self.hold(octets) {
            return Err(Violation::UnclaimedPush);
        }
        if let Some(account) = self.unclaimed.get_mut(&id) {
            *account += octets;
        }
        Ok(())
    }

    fn hold(&mut self, octets: u32) -> bool {
        match self.held.checked_add(octets) {
            Some(held) if held <= self.limit => {
                self.held = held;
                true
            }
            _ => false,
        }
    }

    /// Closes an account: somebody wants the promise, or it was let go of.
    pub(crate) fn settle(&mut self, id: StreamId) {
        if let Some(octets) = self.unclaimed.remove(&id) {
            self.held -= octets;
        }
    }

    /// The connection is over.
    pub(crate) fn settle_all(&mut self) {
        self.unclaimed.clear();
        self.held = 0;
    }

    pub(crate) fn is_unclaimed(&self, id: StreamId) -> bool {
        self.unclaimed.contains_key(&id)
    }

    /// How many promises nobody has claimed, and the octets that they hold.
    pub(crate) fn unclaimed(&self) -> (usize, u32) {
        (self.unclaimed.len(), self.held)
    }

    /// The highest promise that was taken; stream 0 if none was.
    pub(crate) const fn last(&self) -> StreamId {
        self.last
    }
}

/// What a promised request holds, counted as a field section is (RFC 9113 §6.5.2).
pub(crate) fn promise_octets(head: &PromisedHead) -> usize {
    let PromisedHead {
        method,
        uri,
        headers,
        content_length: _,
    } = head;
    let target = uri.authority().map_or(0, |named| named.as_str().len())
        + uri.path_and_query().map_or(0, |path| path.as_str().len());
    section_octets(headers) + method.as_str().len() + target + PSEUDO_OCTETS
}

/// The names of the four pseudo-header fields, the longer of the two schemes, and what fields cost.
const PSEUDO_OCTETS: usize = ":method:scheme:authority:pathhttps".len() + 4 * FIELD_OVERHEAD;

/// What a section's fields hold, counted as a field section is (RFC 9113 §6.5.2).
pub(crate) fn section_octets(fields: &HeaderMap) -> usize {
    let lines = fields.iter();
    lines
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD)
        .sum()
}
