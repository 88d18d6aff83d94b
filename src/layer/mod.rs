//! Layers that tell a transport what to do for the requests that pass through them.
//!
//! Owns: what is said by a request's extensions. Each works through any other middleware between it
//! and the [`Transport`](crate::Transport), which reads them. Never: knows the transport.

mod push;
#[cfg(feature = "push-cache")]
mod push_cache;
mod window_manager;

#[cfg(feature = "push-cache")]
pub use self::push_cache::{
    FromPush, PushCache, PushCacheBody, PushCacheFuture, PushCacheLayer, PushStore,
};
pub use self::{
    push::{PushHandler, PushLayer, PushService},
    window_manager::{WindowManagerLayer, WindowManagerService},
};
