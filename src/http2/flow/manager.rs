//! When consumed octets go back to the peer.
//!
//! This is the place of the window managers: a policy is asked here and nowhere else, by
//! [`RecvWindow`](super::RecvWindow), so a pluggable one replaces [`Refill`] without touching the
//! arithmetic.

/// The stock policy: hold the window at a fixed size, and return credit in few, large updates.
///
/// Credit goes back once half of the window is owed. The peer then still has the other half to
/// send from, so it never waits while an update is on its way, as long as half of the window
/// covers the round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    target: u32,
}

impl Refill {
    /// A policy that holds a window at `target` octets.
    #[must_use]
    pub const fn new(target: u32) -> Self {
        Self { target }
    }

    /// The size at which the window is held, in octets.
    #[must_use]
    pub const fn target(self) -> u32 {
        self.target
    }

    /// How many of the `owed` octets go back now, all or none.
    pub(super) const fn on_consumed(self, owed: u32) -> u32 {
        if owed >= self.target.div_ceil(2) && owed > 0 {
            owed
        } else {
            0
        }
    }
}
