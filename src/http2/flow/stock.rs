//! The simple policies: hyper's, one that holds a size, and one that is a closure.
//!
//! Owns: their rules. [`Adaptive`](super::Adaptive) has a file of its own.

use std::{fmt, time::Instant};

use super::{Manager, WindowManager, WindowView, manager::Policy};

/// Holds the window at a fixed size, and returns credit in few, large updates.
///
/// Credit goes back once half of the window is owed. The peer then still has the other half to
/// send from, so it never waits while an update is on its way, as long as half of the window
/// covers the round trip. What the document does not need is given all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    size: u32,
}

impl Fixed {
    /// Holds a window at `size` octets; one that begins lower is raised at once.
    #[must_use]
    pub const fn new(size: u32) -> Self {
        Self { size }
    }

    /// The size at which the window is held, in octets.
    #[must_use]
    pub const fn size(self) -> u32 {
        self.size
    }
}

impl WindowManager for Fixed {
    fn on_open(&mut self, _now: Instant, window: &WindowView) -> u32 {
        window.missing_to(self.size)
    }

    fn on_consumed(&mut self, _now: Instant, _octets: u32, window: &WindowView) -> u32 {
        let owed = window.missing_to(self.size);
        if owed >= self.size.div_ceil(2) {
            owed
        } else {
            0
        }
    }

    fn on_blocked(&mut self, _now: Instant, window: &WindowView) -> u32 {
        window.missing_to(self.size)
    }

    fn into_manager(self) -> Manager {
        Manager::stock(Policy::Fixed(self))
    }
}

/// The policy of Python's hyper 0.3.1, to the number: as soon as less than a quarter of the initial
/// size is left, or less than 1,000 octets, the window is filled up to its initial size.
///
/// Where hyper decided as octets arrived, this one decides as they are consumed, and counts those
/// that are unread as if they had not arrived: with a reader that keeps up these are the same
/// numbers, and one that does not is waited for.
/// [`deciding_on_arrival`](Self::deciding_on_arrival) does as hyper did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowControlManager {
    initial: u32,
    decides: Decides,
}

/// When the policy looks at the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    OnArrival,
    OnConsumption,
}

impl FlowControlManager {
    /// Less than this is too little, whatever the initial size (hyper 0.3.1).
    const LEAST: u32 = 1_000;

    /// Fills a window up to `initial` octets. hyper's own windows had 65,535.
    #[must_use]
    pub const fn new(initial: u32) -> Self {
        Self {
            initial,
            decides: Decides::OnConsumption,
        }
    }

    /// Decides as octets arrive, read or not, as hyper did. A body that nobody reads is then
    /// received in full, and held in memory.
    #[must_use]
    pub const fn deciding_on_arrival(self) -> Self {
        Self {
            decides: Decides::OnArrival,
            ..self
        }
    }

    /// hyper's rule; `left` is what the window is after the frame.
    fn increment(self, left: u64) -> u32 {
        // A quarter by real division: left < initial / 4.
        let is_low = left * 4 < u64::from(self.initial) || left < u64::from(Self::LEAST);
        if is_low { self.missing(left) } else { 0 }
    }

    fn missing(self, left: u64) -> u32 {
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        self.initial.saturating_sub(left)
    }

    /// What the rule takes for the window.
    fn left(self, window: &WindowView) -> u64 {
        match self.decides {
            Decides::OnArrival => u64::from(window.window),
            Decides::OnConsumption => window.held(),
        }
    }
}

impl WindowManager for FlowControlManager {
    fn on_received(&mut self, _now: Instant, _octets: u32, window: &WindowView) -> u32 {
        match self.decides {
            Decides::OnArrival => self.increment(self.left(window)),
            Decides::OnConsumption => 0,
        }
    }

    fn on_consumed(&mut self, _now: Instant, _octets: u32, window: &WindowView) -> u32 {
        match self.decides {
            Decides::OnArrival => 0,
            Decides::OnConsumption => self.increment(self.left(window)),
        }
    }

    fn on_blocked(&mut self, _now: Instant, window: &WindowView) -> u32 {
        self.missing(self.left(window))
    }

    fn into_manager(self) -> Manager {
        Manager::stock(Policy::FlowControl(self))
    }
}

/// A manager that is a closure: see [`manager_fn`].
#[derive(Clone)]
pub struct ManagerFn<F>(F);

/// A manager from a closure that is asked when octets were consumed, and answers the increment.
///
/// ```
/// use towline::window::{Managers, manager_fn};
///
/// // What was consumed goes back at once.
/// let echo = Managers::new(|_scope, _initial| manager_fn(|octets, _window| octets));
/// # let _ = echo;
/// ```
pub fn manager_fn<F>(on_consumed: F) -> ManagerFn<F>
where
    F: FnMut(u32, &WindowView) -> u32 + Send + 'static,
{
    ManagerFn(on_consumed)
}

impl<F> WindowManager for ManagerFn<F>
where
    F: FnMut(u32, &WindowView) -> u32 + Send + 'static,
{
    fn on_consumed(&mut self, _now: Instant, octets: u32, window: &WindowView) -> u32 {
        (self.0)(octets, window)
    }
}

impl<F> fmt::Debug for ManagerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagerFn")
    }
}
