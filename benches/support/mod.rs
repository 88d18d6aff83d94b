//! What the benchmark measures: four clients, and the server that all of them ask.

pub(crate) mod clients;
pub(crate) mod server;
