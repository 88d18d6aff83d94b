//! The layer, and what it can be told.

use std::time::Duration;

use tower::Layer;

use super::{
    PushCache,
    store::{PushStore, Settings},
};

/// Puts a [`PushCache`] in front of a service.
///
/// Each service that it makes has a store of its own, which its clones share.
#[derive(Clone, Debug, Default)]
pub struct PushCacheLayer {
    settings: Settings,
}

impl PushCacheLayer {
    /// A layer with default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pushes may wait to be asked for; beyond that, the oldest is cancelled. Default 100,
    /// as many as a connection may have [on their way](crate::http2::Limits::promised_streams).
    #[must_use]
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.settings.max_entries = entries;
        self
    }

    /// How long a push may wait to be asked for; then it is cancelled. Default 30 s: a server pushes
    /// what it expects to be asked for next.
    #[must_use]
    pub fn max_age(mut self, limit: Duration) -> Self {
        self.settings.max_age = limit;
        self
    }

    /// How long a request waits for the head of a response that was promised; then the push is
    /// cancelled, and the request sent. Default 5 s.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.settings.max_wait = limit;
        self
    }

    /// Whether all requests are of one user, whose credentials each may have: those with
    /// `authorization` or `cookie` take part then, and responses that are `private` or set cookies are
    /// used. Default: no.
    #[must_use]
    pub fn private(mut self, is_private: bool) -> Self {
        self.settings.is_private = is_private;
        self
    }
}

impl<S> Layer<S> for PushCacheLayer {
    type Service = PushCache<S>;

    fn layer(&self, inner: S) -> PushCache<S> {
        PushCache::new(inner, PushStore::new(self.settings))
    }
}
