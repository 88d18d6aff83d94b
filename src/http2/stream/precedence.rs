//! The priority of a stream, as we have it and as the peer does.
//!
//! Owns: the difference of the two, which PRIORITY_UPDATE carries. Never: decides whether to send it.
//! Spec: RFC 9218 §4, §5, §7.

use crate::priority::Priority;

/// What is known of a stream's priority.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precedence {
    /// None where nobody has said anything: it takes turns with its like.
    own: Option<Priority>,
    /// What the peer was told; it takes silence for the default (RFC 9218 §4).
    announced: Priority,
    /// Whether the id stands among those of which the peer is to be told.
    pub(crate) is_queued: bool,
}

impl Precedence {
    /// As the request's head says.
    pub(crate) fn announced(priority: Option<Priority>) -> Self {
        Self {
            own: priority,
            announced: priority.unwrap_or_default(),
            is_queued: false,
        }
    }

    pub(crate) const fn own(&self) -> Option<Priority> {
        self.own
    }

    /// It is another from now on, and the peer does not know.
    pub(crate) const fn change(&mut self, priority: Priority) {
        self.own = Some(priority);
    }

    /// What the peer is to be told, as if it was told.
    pub(crate) fn announce(&mut self) -> Option<Priority> {
        let news = self.own.filter(|own| *own != self.announced)?;
        self.announced = news;
        Some(news)
    }
}
