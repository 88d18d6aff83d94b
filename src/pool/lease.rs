//! One connection as a shelf keeps it, and the leases of its slots.

use std::{fmt, ops::Deref, sync::Arc};

use super::conn::{Conn, Link};

/// One connection on a shelf.
pub(super) struct Entry<C: Conn> {
    pub(super) conn: C,
    pub(super) link: Arc<Link>,
    has_served: bool,
}

impl<C: Conn> Entry<C> {
    pub(super) fn new(conn: C, link: Arc<Link>) -> Self {
        Self {
            conn,
            link,
            has_served: false,
        }
    }

    pub(super) fn reserve(&mut self) -> Option<Lease<C>> {
        if !self.conn.try_reserve() {
            return None;
        }
        self.link.idle().end();
        Some(Lease {
            conn: Some(self.conn.clone()),
            is_reused: std::mem::replace(&mut self.has_served, true),
        })
    }
}

/// One reserved stream slot. Dropped unused, the slot goes to the next who waits.
#[must_use = "dropping a lease gives its slot away"]
pub(crate) struct Lease<C: Conn> {
    /// Empty only once started.
    conn: Option<C>,
    is_reused: bool,
}

impl<C: Conn> Lease<C> {
    /// Hands the slot over to a stream: whoever ends the stream calls [`Conn::release`].
    pub(crate) fn start(mut self) -> C {
        self.conn
            .take()
            .expect("only `start` empties a lease, and it consumes it")
    }

    /// Whether the connection was leased before.
    pub(crate) fn is_reused(&self) -> bool {
        self.is_reused
    }
}

impl<C: Conn> Deref for Lease<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.conn
            .as_ref()
            .expect("only `start` empties a lease, and it consumes it")
    }
}

impl<C: Conn> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            conn.release();
        }
    }
}

impl<C: Conn> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("is_reused", &self.is_reused)
            .finish_non_exhaustive()
    }
}
