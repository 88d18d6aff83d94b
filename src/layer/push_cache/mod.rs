//! A cache in front of a service, which answers requests from what servers have pushed.
//!
//! Owns: pushes that nobody has asked for yet, and the rules by which a request may be answered from
//! one. Never: stores what was asked for, or keeps what it has answered from.
//! Spec: RFC 9113 §8.4, RFC 9111 §3, §4, §5.2.

mod body;
mod future;
mod layer;
mod question;
mod rules;
mod service;
mod store;

pub use self::{
    body::PushCacheBody, future::PushCacheFuture, layer::PushCacheLayer, service::PushCache,
    store::PushStore,
};

/// Among a response's extensions: a [`PushCache`] answered with what had been pushed, and did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FromPush;
