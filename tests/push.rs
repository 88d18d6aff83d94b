//! Server push: promises to the requests that ask for them, the layer that hands them on, and the
//! cache that answers from them (with the feature `push-cache`).
//!
//! Spec: RFC 9113 §8.4, RFC 9111 §4.

#[cfg(feature = "push-cache")]
#[path = "push/cache.rs"]
mod cache;
#[cfg(feature = "push-cache")]
#[path = "push/cache_rules.rs"]
mod cache_rules;
#[path = "push/holding.rs"]
mod holding;
#[path = "push/layer.rs"]
mod layer;
#[path = "push/order.rs"]
mod order;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "push/request.rs"]
mod request;
#[path = "push/response.rs"]
mod response;
#[path = "push/support.rs"]
mod support;
