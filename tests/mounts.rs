//! Services mounted at prefixes: which one a request goes to, by tables and against a model, and how
//! it gets there.

#[path = "mounts/calls.rs"]
mod calls;
#[path = "mounts/model.rs"]
mod model;
#[path = "mounts/prefixes.rs"]
mod prefixes;
#[path = "mounts/routes.rs"]
mod routes;
