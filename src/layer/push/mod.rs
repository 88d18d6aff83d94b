//! What servers push, handed to a function or a service.
//!
//! Owns: the task that hands it on, one for all clones of a service. Never: decides what is to
//! become of a push.

mod feed;
mod layer;
mod service;

#[cfg(feature = "push-cache")]
pub(super) use self::feed::Feed;
pub use self::{
    layer::{PushHandler, PushLayer},
    service::PushService,
};
