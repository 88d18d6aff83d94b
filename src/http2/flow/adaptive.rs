//! The default manager: windows as large as the way to the peer needs, and the reader deserves.
//!
//! Owns: the size that a window aims at, and the part of the [`Budget`] that this takes. Never: gives
//! more than the document needs, or more to a stream whose reader does not keep up.
//!
//! A stream begins at its initial size. When its reader has begun to read, and more is to come than
//! the window lets in, it is widened at once to what a fast link would carry in the round trip that
//! was seen; then to twice what was read in a round trip. It is narrowed, by keeping credit back,
//! when that is much less for a while, and when the reader falls behind. The connection's window,
//! which holds no memory, grows to twice the product of the whole connection.
//! Invariant: a stream's aim is above its initial size by no more than is reserved.
//! Spec: RFC 9113 §5.2.2.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Budget, Manager, Managers, Scope, WindowManager, WindowManagerFactory, WindowView,
    budget::Reservation,
    manager::Policy,
    meter::{Meter, Sample},
    path::Path,
};

/// Bounds of [`Adaptive`] managers, which it makes as a [`WindowManagerFactory`].
///
/// ```
/// use towline::window::{AdaptiveBounds, Budget, Managers};
///
/// let mut bounds = AdaptiveBounds::default();
/// bounds.max_stream_window = 4 << 20;
/// bounds.budget = Budget::new(64 << 20);
/// let managers = Managers::new(bounds);
/// # let _ = managers;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdaptiveBounds {
    /// The largest window of a stream, in octets. Default 16 MiB: a gigabit a second over a round
    /// trip of 130 ms.
    pub max_stream_window: u32,
    /// The largest window of the connection, in octets. Default 64 MiB. It holds no memory, as its
    /// credit goes back when octets arrive.
    pub max_connection_window: u32,
    /// The smallest window that a stream is narrowed to when its reader is slow, in octets; no more
    /// than its initial size. Default 256 KiB.
    pub min_stream_window: u32,
    /// What a link is taken to carry until it is measured, in octets a second. Default 187,500,000:
    /// a gigabit a second, and half as much again so that the first guess is not the bound.
    pub assumed_bandwidth: u64,
    /// What streams that are under way may hold above their initial windows. Default: the budget of
    /// the process.
    pub budget: Budget,
}

static DEFAULT: AdaptiveBounds = AdaptiveBounds {
    max_stream_window: 16 << 20,
    max_connection_window: 64 << 20,
    min_stream_window: 256 << 10,
    assumed_bandwidth: 187_500_000,
    budget: Budget::process_wide(),
};

impl Default for AdaptiveBounds {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl WindowManagerFactory for AdaptiveBounds {
    fn manager(&self, scope: Scope, initial: u32) -> Manager {
        Adaptive::within(self.clone(), scope, initial).into_manager()
    }

    fn into_managers(self) -> Managers {
        let bounds = Arc::new(self);
        Managers::new(move |scope, initial| {
            Adaptive::new(scope, initial).bounded_by(Arc::clone(&bounds))
        })
    }
}

/// Measures the bandwidth-delay product and follows it, within a bound and a budget: the default.
/// See [`AdaptiveBounds`] for the numbers.
#[derive(Debug)]
pub struct Adaptive {
    is_connection: bool,
    /// Whether the first guess was made.
    has_guessed: bool,
    /// Samples one after the other that were much too small for the aim.
    low: u8,
    /// The size aimed at: what the peer may send and what is unread, together.
    aim: u32,
    /// Those of one's own.
    bounds: Option<Arc<AdaptiveBounds>>,
    /// There once something was read: most streams end before.
    course: Option<Box<Course>>,
}

/// What is known of a stream that is read.
#[derive(Debug)]
struct Course {
    meter: Meter,
    /// What the aim is, or was lately, above the initial size.
    reserved: Reservation,
}

impl Adaptive {
    /// What must have been read before a window is widened, in octets; a quarter of a smaller
    /// window. It shows that somebody reads, and that the answer is not a small one.
    const PROOF: u32 = 64 * 1024;
    /// What a window is to have beyond the document's end, in octets.
    const END: u64 = 16 * 1024;
    /// Small samples one after the other that narrow a window.
    const PATIENCE: u8 = 4;
    /// Updates are no smaller than this, in octets, or half of the window.
    const MIN_STEP: u32 = 64 * 1024;
    /// A reader that needs longer for what is unread, and longer than four round trips, is slow.
    const SLOW: Duration = Duration::from_millis(100);

    /// A manager for a window that begins at `initial` octets, within the default bounds.
    #[must_use]
    pub fn new(scope: Scope, initial: u32) -> Self {
        Self {
            is_connection: scope.is_connection(),
            has_guessed: false,
            low: 0,
            aim: initial,
            bounds: None,
            course: None,
        }
    }

    /// A manager for a window that begins at `initial` octets.
    #[must_use]
    pub fn within(bounds: AdaptiveBounds, scope: Scope, initial: u32) -> Self {
        Self::new(scope, initial).bounded_by(Arc::new(bounds))
    }

    fn bounded_by(mut self, bounds: Arc<AdaptiveBounds>) -> Self {
        self.bounds = Some(bounds);
        self
    }

    fn bounds(&self) -> &AdaptiveBounds {
        self.bounds.as_deref().unwrap_or(&DEFAULT)
    }

    fn course(&mut self) -> &mut Course {
        let bounds = self.bounds.as_deref().unwrap_or(&DEFAULT);
        self.course.get_or_insert_with(|| {
            Box::new(Course {
                meter: Meter::default(),
                reserved: bounds.budget.clone().reservation(),
            })
        })
    }

    fn reserved(&self) -> u32 {
        let course = self.course.as_ref();
        course.map_or(0, |course| course.reserved.octets())
    }

    /// How far a window may be narrowed.
    fn least(&self, window: &WindowView) -> u32 {
        let least = self.bounds().min_stream_window.max(1);
        // One that began at nothing has risen to this.
        if window.initial == 0 {
            least
        } else {
            least.min(window.initial)
        }
    }

    /// Whether nothing is given to the connection as long as it holds so many octets. Of a stream,
    /// reading is told seldom, and each time looked at.
    pub(super) fn is_content(&self, held: u64) -> bool {
        self.is_connection && held > u64::from(self.aim - self.step_of_wide())
    }

    /// The size aimed at, in octets.
    #[must_use]
    pub const fn aim(&self) -> u32 {
        self.aim
    }

    /// Widens a window before anything was measured, once its reader has begun to read.
    fn guess(&mut self, now: Instant, window: &WindowView) {
        let Some(round_trip) = window.round_trip else {
            return;
        };
        let consumed = window.received.saturating_sub(window.unread);
        let proof = Self::PROOF.min(window.initial / 4);
        let left = window.document_left.unwrap_or(u64::MAX);
        if consumed < u64::from(proof) || left <= u64::from(window.window) {
            return;
        }
        // Most of the window is unread: this is no reader who waits for the way.
        if window.unread > u64::from(self.aim / 4) {
            return;
        }
        self.has_guessed = true;
        let carried = u128::from(self.bounds().assumed_bandwidth);
        let carried = carried.saturating_mul(round_trip.as_nanos());
        let carried = u64::try_from(carried / 1_000_000_000).unwrap_or(u64::MAX);
        self.widen(now, carried.max(twice(window.product)), window);
    }

    /// Follows what is read in a round trip.
    fn follow(&mut self, now: Instant, octets: u32, window: &WindowView) {
        let Some(round_trip) = window.round_trip else {
            return;
        };
        let course = self.course();
        if !course.meter.count(now, octets) {
            return;
        }
        let span = round_trip.max(Path::SPAN);
        let Some(sample) = course.meter.sample(now, span) else {
            return;
        };
        let least = self.least(window);
        if self.is_behind(sample, round_trip, window) {
            self.low = 0;
            self.aim = (self.aim / 2).max(least);
            // From now on, only what is measured counts.
            self.has_guessed = true;
            return;
        }
        // A pause makes a small sample, too: who sends little holds no large window.
        let wanted = twice(Some(sample.octets_in(round_trip)));
        let is_low = wanted < u64::from(self.aim / 2);
        self.low = if is_low { self.low + 1 } else { 0 };
        if self.aim < window.initial {
            // The reader keeps up again: what every stream has needs no proof.
            self.aim = self.aim.saturating_mul(2).min(window.initial);
        } else if self.low >= Self::PATIENCE {
            self.low = 0;
            self.aim = (self.aim / 2).max(window.initial).max(least);
        }
        self.widen(now, wanted, window);
    }

    /// Whether the reader is slow, and not only about to read.
    fn is_behind(&self, sample: Sample, round_trip: Duration, window: &WindowView) -> bool {
        let patience = Self::SLOW.max(round_trip.saturating_mul(4));
        window.unread > u64::from(self.aim / 2) && sample.octets_in(patience) < window.unread
    }

    /// Raises the aim towards `wanted`, within the bound, the budget and the document.
    fn widen(&mut self, now: Instant, wanted: u64, window: &WindowView) {
        let needed = window
            .document_left
            .map_or(u64::MAX, |left| left.saturating_add(window.unread));
        let wanted = u32::try_from(wanted.min(needed)).unwrap_or(u32::MAX);
        let wanted = wanted.min(self.bounds().max_stream_window);
        if wanted <= self.aim {
            return;
        }
        let above = wanted.saturating_sub(window.initial);
        let course = self.course();
        if above > course.reserved.octets() {
            course.reserved.set(above);
        }
        let aim = wanted.min(window.initial.saturating_add(course.reserved.octets()));
        // What comes within a round trip from now was sent into the old window.
        let settled = window.round_trip.and_then(|time| now.checked_add(time));
        if aim > self.aim {
            self.course().meter.settle_until(settled.unwrap_or(now));
            self.aim = aim;
        }
    }

    /// A window that began at nothing must rise to something.
    fn rise_from_nothing(&mut self, window: &WindowView) {
        if self.aim == 0 {
            self.aim = self.least(window);
        }
    }

    /// The connection's octets are held by its streams, so its window needs no reservation.
    fn widen_connection(&mut self, window: &WindowView) {
        let wanted = u32::try_from(twice(window.product)).unwrap_or(u32::MAX);
        let most = self.bounds().max_connection_window;
        self.aim = self.aim.max(wanted.min(most));
    }

    /// What is missing to the aim, once that is worth a frame.
    fn refill(&mut self, window: &WindowView) -> u32 {
        self.return_surplus(window);
        if window.missing_to(self.aim) < self.step(window) {
            return 0;
        }
        self.missing(window)
    }

    /// What is missing to the aim, and to the document's end.
    fn missing(&self, window: &WindowView) -> u32 {
        let missing = window.missing_to(self.aim);
        let Some(left) = window.document_left else {
            return missing;
        };
        // Padding may take of it, so it is looked at again with every frame. And a frame more: some
        // servers send no end, though it needs no window, while there is none (nghttp2).
        let left = left.saturating_add(Self::END);
        let needed = left.saturating_sub(u64::from(window.window));
        u32::try_from(needed).map_or(missing, |needed| needed.min(missing))
    }

    /// A window that was widened is as large as the way needs it, so it is refilled in small steps;
    /// one that was not has room to spare.
    fn step(&self, window: &WindowView) -> u32 {
        if self.is_connection || self.aim > window.initial {
            self.step_of_wide()
        } else {
            self.aim.div_ceil(2)
        }
    }

    fn step_of_wide(&self) -> u32 {
        (self.aim / 8).max(self.aim.div_ceil(2).min(Self::MIN_STEP))
    }

    /// A narrowed window is as wide as before until its octets are consumed.
    fn return_surplus(&mut self, window: &WindowView) {
        let held = u32::try_from(window.held()).unwrap_or(u32::MAX);
        let above = self.aim.max(held).saturating_sub(window.initial);
        if above < self.reserved() {
            self.course().reserved.set(above);
        }
    }
}

/// Twice of what is in flight keeps a link busy while it is measured, and shows if there is more.
fn twice(product: Option<u64>) -> u64 {
    product.unwrap_or(0).saturating_mul(2)
}

impl WindowManager for Adaptive {
    fn on_open(&mut self, now: Instant, window: &WindowView) -> u32 {
        if !window.follows_large || self.is_connection {
            return 0;
        }
        self.widen(now, twice(window.product), window);
        self.refill(window)
    }

    fn on_consumed(&mut self, now: Instant, octets: u32, window: &WindowView) -> u32 {
        self.rise_from_nothing(window);
        if self.is_connection {
            self.widen_connection(window);
        } else {
            if !self.has_guessed {
                self.guess(now, window);
            }
            self.follow(now, octets, window);
        }
        self.refill(window)
    }

    fn on_blocked(&mut self, _now: Instant, window: &WindowView) -> u32 {
        self.rise_from_nothing(window);
        self.missing(window)
    }

    fn into_manager(self) -> Manager {
        Manager::stock(Policy::Adaptive(self))
    }
}

#[cfg(test)]
mod tests;
