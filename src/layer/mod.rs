//! Layers that tell a transport what to do for the requests that pass through them.
//!
//! Owns: what is said by a request's extensions. Each works through any other middleware between it
//! and the [`Transport`](crate::Transport), which reads them. Never: knows the transport.

mod window_manager;

pub use self::window_manager::{WindowManagerLayer, WindowManagerService};
