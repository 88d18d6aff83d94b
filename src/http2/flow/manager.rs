//! When consumed octets go back to the peer: the policy of a receive window.
//!
//! Owns: the questions, and the box for managers of one's own. Never: counts; a manager is shown the
//! counters and cannot change them. It is asked here and nowhere else, by
//! [`RecvWindow`](super::RecvWindow).
//! Spec: RFC 9113 §5.2.2, which leaves it to the receiver.

use std::{fmt, sync::Arc, time::Instant};

use super::{Adaptive, Fixed, FlowControlManager, Scope, WindowView, window::Ask};

/// The policy of one receive window: it is told what happens to the window, and answers by how many
/// octets to increase it, 0 for not at all.
///
/// An increment is cut so that the window does not exceed 2^31-1 (RFC 9113 §6.9.1). It goes out as
/// WINDOW_UPDATE with the next write; increments of one window that are answered between two writes
/// go as one. A manager that never gives anything stalls its own stream, and that one fails after
/// [`Config::stall_timeout`](crate::http2::Config::stall_timeout); one that gives too much spends
/// memory on bodies that nobody reads. Neither can disturb the counters or another stream.
///
/// `now` is the instant at which the engine was last called; time comes from nowhere else. The methods
/// are called by the connection's task and must not block.
///
/// ```
/// use std::time::Instant;
///
/// use towline::window::{WindowManager, WindowView};
///
/// /// Returns what was consumed, and at most a mebibyte in all.
/// struct Miser {
///     left: u32,
/// }
///
/// impl WindowManager for Miser {
///     fn on_consumed(&mut self, _now: Instant, octets: u32, _window: &WindowView) -> u32 {
///         let given = octets.min(self.left);
///         self.left -= given;
///         given
///     }
/// }
/// # let mut miser = Miser { left: 1 << 20 };
/// # let window = WindowView::new(towline::window::Scope::Connection, 65_535);
/// # assert_eq!(miser.on_consumed(Instant::now(), 16_384, &window), 16_384);
/// ```
#[expect(
    unused_variables,
    reason = "the names of what a default does not look at are documentation"
)]
pub trait WindowManager: Send + 'static {
    /// The window begins: a stream is opened, or the connection. Asked once. What is answered goes
    /// out with the request's head, before anything is known of the response. Default: nothing.
    fn on_open(&mut self, now: Instant, window: &WindowView) -> u32 {
        0
    }

    /// A DATA frame has come, of so many octets, padding included; 0 for an empty one. What is
    /// answered here is given without regard to whether anybody reads. Default: nothing.
    fn on_received(&mut self, now: Instant, octets: u32, window: &WindowView) -> u32 {
        0
    }

    /// So many octets were consumed: the caller has read them, or they were padding. On the
    /// connection, whatever arrives is consumed at once. A caller's reading is told in steps, of an
    /// eighth of the initial window or 64 KiB, whichever is less, not octet by octet.
    fn on_consumed(&mut self, now: Instant, octets: u32, window: &WindowView) -> u32;

    /// The peer has used up the window, and has more to send. Asked once each time, and a last time
    /// before a stream on which nothing is unread is given up for stalled. Default: up to the initial
    /// size, octets that are unread counting as if they had not arrived.
    fn on_blocked(&mut self, now: Instant, window: &WindowView) -> u32 {
        window.missing_to(window.initial)
    }

    /// The manager, ready for use. Those of this crate need no box.
    #[doc(hidden)]
    fn into_manager(self) -> Manager
    where
        Self: Sized,
    {
        Manager(Policy::Boxed(Box::new(self)))
    }
}

/// Makes the manager of each window.
///
/// Every closure `Fn(Scope, u32) -> impl WindowManager` is one; the number is the initial size, in
/// octets. It is called by the connection's task.
///
/// ```
/// use towline::window::{FlowControlManager, Managers};
///
/// let managers = Managers::new(|_scope, initial| FlowControlManager::new(initial));
/// # let _ = managers;
/// ```
pub trait WindowManagerFactory: Send + Sync + 'static {
    /// The manager of a window that begins at `initial` octets.
    fn manager(&self, scope: Scope, initial: u32) -> Manager;

    /// The factory, to be shared.
    #[doc(hidden)]
    fn into_managers(self) -> Managers
    where
        Self: Sized,
    {
        Managers(Some(Arc::new(self)))
    }
}

impl<F, M> WindowManagerFactory for F
where
    F: Fn(Scope, u32) -> M + Send + Sync + 'static,
    M: Into<Manager>,
{
    fn manager(&self, scope: Scope, initial: u32) -> Manager {
        self(scope, initial).into()
    }
}

/// Which managers windows get: a [`WindowManagerFactory`], cheap to clone. By default,
/// [`Adaptive`] ones.
///
/// As an extension of a request it chooses the manager of the request's stream;
/// [`WindowManagerLayer`](crate::layer::WindowManagerLayer) puts it there.
#[derive(Clone, Default)]
pub struct Managers(Option<Arc<dyn WindowManagerFactory>>);

impl Managers {
    /// Those that the factory makes.
    pub fn new(factory: impl WindowManagerFactory) -> Self {
        factory.into_managers()
    }
}

impl WindowManagerFactory for Managers {
    fn manager(&self, scope: Scope, initial: u32) -> Manager {
        match &self.0 {
            None => Adaptive::new(scope, initial).into_manager(),
            Some(factory) => factory.manager(scope, initial),
        }
    }

    fn into_managers(self) -> Managers {
        self
    }
}

impl fmt::Debug for Managers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "Managers(Adaptive)",
            Some(_) => "Managers(..)",
        })
    }
}

/// Any window manager. Those of this crate are held as they are, others in a box.
#[derive(Debug)]
pub struct Manager(Policy);

/// Told apart by hand: the stock managers are asked for every DATA frame, and must not cost an
/// allocation a stream.
pub(super) enum Policy {
    Adaptive(Adaptive),
    Fixed(Fixed),
    FlowControl(FlowControlManager),
    Boxed(Box<dyn WindowManager>),
}

impl<M: WindowManager> From<M> for Manager {
    fn from(manager: M) -> Self {
        manager.into_manager()
    }
}

impl Manager {
    pub(super) const fn stock(policy: Policy) -> Self {
        Self(policy)
    }

    /// The manager's answer, in octets.
    pub(super) fn ask(&mut self, now: Instant, ask: Ask, window: &WindowView) -> u32 {
        match &mut self.0 {
            Policy::Adaptive(manager) => put(manager, now, ask, window),
            Policy::Fixed(manager) => put(manager, now, ask, window),
            Policy::FlowControl(manager) => put(manager, now, ask, window),
            Policy::Boxed(manager) => put(&mut **manager, now, ask, window),
        }
    }

    /// Whether it gives nothing when its window begins.
    pub(super) const fn opens_quietly(&self, follows_large: bool) -> bool {
        match self.0 {
            Policy::Adaptive(_) => !follows_large,
            Policy::FlowControl(_) => true,
            Policy::Fixed(_) | Policy::Boxed(_) => false,
        }
    }

    /// Whether it gives nothing for octets that only arrive.
    pub(super) const fn waits_for_readers(&self) -> bool {
        match self.0 {
            Policy::Adaptive(_) | Policy::Fixed(_) => true,
            Policy::FlowControl(_) | Policy::Boxed(_) => false,
        }
    }

    /// Whether it gives nothing to a window that holds so many octets.
    pub(super) fn is_content(&self, held: u64) -> bool {
        match &self.0 {
            Policy::Adaptive(manager) => manager.is_content(held),
            Policy::Fixed(_) | Policy::FlowControl(_) | Policy::Boxed(_) => false,
        }
    }

    /// Whether it goes by the round trip, which is worth a PING then.
    pub(super) const fn wants_round_trips(&self) -> bool {
        matches!(self.0, Policy::Adaptive(_) | Policy::Boxed(_))
    }
}

fn put<M>(manager: &mut M, now: Instant, ask: Ask, window: &WindowView) -> u32
where
    M: WindowManager + ?Sized,
{
    match ask {
        Ask::Open => manager.on_open(now, window),
        Ask::Received(octets) => manager.on_received(now, octets, window),
        Ask::Consumed(octets) => manager.on_consumed(now, octets, window),
        Ask::Blocked => manager.on_blocked(now, window),
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adaptive(manager) => manager.fmt(f),
            Self::Fixed(manager) => manager.fmt(f),
            Self::FlowControl(manager) => manager.fmt(f),
            Self::Boxed(_) => f.write_str("WindowManager"),
        }
    }
}
