//! Flow control (RFC 9113 §5.2, §6.9): windows, the credit that is owed for octets, and the
//! managers that turn credit into WINDOW_UPDATE.
//!
//! Owns: the arithmetic of both directions, and what is known of the way to the peer. Never: looks
//! at streams or frames, or reads a clock.
//!
//! | part | is |
//! |---|---|
//! | [`SendWindow`], [`RecvWindow`] | the two windows, and the counters that no manager can change |
//! | [`Credit`] | received octets that were not given back yet |
//! | [`WindowManager`], [`Managers`] | the policy of a receive window, and who makes it |
//! | [`Adaptive`], [`Fixed`], [`FlowControlManager`], [`manager_fn`] | policies that are there |
//! | [`Budget`] | what all widened windows together may hold |

mod adaptive;
mod budget;
mod credit;
mod episode;
mod manager;
mod meter;
mod path;
mod stock;
mod view;
mod window;

pub(crate) use self::path::Path;
pub use self::{
    adaptive::{Adaptive, AdaptiveBounds},
    budget::Budget,
    credit::Credit,
    manager::{Manager, Managers, WindowManager, WindowManagerFactory},
    stock::{Fixed, FlowControlManager, ManagerFn, manager_fn},
    view::{Scope, WindowView},
    window::{Ask, RecvWindow, SendWindow},
};
