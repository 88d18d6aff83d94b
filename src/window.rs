//! Flow control: who decides how much a server may send ahead.
//!
//! HTTP/2 counts the octets of bodies twice, on their stream and on the connection, and a server may
//! send no more than the two windows allow (RFC 9113 §5.2). When and by how much windows are
//! increased is for the receiver to say. Here a [`WindowManager`] says it, one for each stream and
//! one for the connection:
//!
//! | manager | does |
//! |---|---|
//! | [`Adaptive`] | the default: measures what the way to the server carries in a round trip, and follows it within [bounds](AdaptiveBounds) and a [`Budget`] |
//! | [`Fixed`] | holds a size |
//! | [`FlowControlManager`] | what Python's hyper 0.3.1 did, to the number |
//! | [`manager_fn`] | what a closure answers |
//!
//! [`TransportBuilder::window_manager`](crate::TransportBuilder::window_manager) chooses for all
//! streams, [`WindowManagerLayer`](crate::layer::WindowManagerLayer) for those of the requests that
//! pass through it, and
//! [`TransportBuilder::connection_window_manager`](crate::TransportBuilder::connection_window_manager)
//! for connections:
//!
//! ```
//! use towline::{
//!     Transport,
//!     window::{FlowControlManager, Scope},
//! };
//!
//! let transport = Transport::builder()
//!     .window_manager(|_: Scope, initial: u32| FlowControlManager::new(initial))
//!     .build();
//! # let _ = transport;
//! ```
//!
//! What is unread on a stream is held in memory, up to its window. The stock managers give credit as
//! the caller *reads*, so that a slow reader slows its server. Octets count as consumed on the
//! connection when they *arrive*, so that a body which nobody reads slows nobody else.

pub use crate::http2::flow::{
    Adaptive, AdaptiveBounds, Budget, Fixed, FlowControlManager, Manager, ManagerFn, Managers,
    Scope, WindowManager, WindowManagerFactory, WindowView, manager_fn,
};
