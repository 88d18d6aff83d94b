//! Octets that were received and not yet given back to the peer.

use std::num::NonZeroU32;

/// A debt of window: as many octets as the peer may be allowed again once they are consumed.
///
/// It travels with the octets that caused it, padding included (RFC 9113 §6.9.1), and is neither
/// `Clone` nor `Copy`, so that it cannot be returned twice.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "lost credit shrinks the window for good"]
pub struct Credit(NonZeroU32);

impl Credit {
    /// A debt of so many octets; none for zero.
    pub(super) fn new(octets: u32) -> Option<Self> {
        NonZeroU32::new(octets).map(Self)
    }

    /// How many octets it stands for.
    #[must_use]
    pub const fn octets(&self) -> u32 {
        self.0.get()
    }

    /// One debt for two of the same window.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "both debts go, one comes: a debt taken by reference could be returned twice"
    )]
    pub fn merge(self, other: Self) -> Self {
        // A window holds at most 2^31-1 octets, so two debts of one window cannot overflow.
        Self(self.0.saturating_add(other.octets()))
    }

    /// One debt for two of the same window, where either may be missing.
    pub fn merge_options(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) => Some(first.merge(second)),
            (credit, None) | (None, credit) => credit,
        }
    }

    /// Cuts off the first `octets` of the debt; `None` where a side would be empty.
    pub(crate) fn split(self, octets: u32) -> (Option<Self>, Option<Self>) {
        let first = octets.min(self.octets());
        (Self::new(first), Self::new(self.octets() - first))
    }
}
