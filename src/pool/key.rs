//! What decides which connections may serve a request.

use std::fmt;

use crate::{netloc::Netloc, protocols::Protocols};

/// A netloc, and the protocols that its connections may speak: who asks for HTTP/1.1 must not be
/// given the HTTP/2 connection of others.
///
/// Looked up once a request: to hash or compare it copies and allocates nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) netloc: Netloc,
    pub(crate) protocols: Protocols,
}

impl Key {
    pub(crate) fn new(netloc: Netloc, protocols: Protocols) -> Self {
        Self { netloc, protocols }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.netloc, self.protocols)
    }
}
