//! From a host's name to its addresses, by the system's resolver.
//!
//! Owns: the lookup and its time limit. Refuses: to cache (the pool resolves anew when it dials
//! anew) and to order (getaddrinfo has done so by RFC 6724; `tcp` interleaves the families).
//! Dropping the future abandons the lookup, but getaddrinfo cannot be interrupted: its thread of
//! the runtime's blocking pool is busy until the system's own limit.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::net::lookup_host;
use tracing::debug;

use crate::{
    error::{Error, Kind, Phase},
    netloc::Netloc,
};

use super::{unreachable, within};

/// The addresses of the netloc's host, at least one, in the resolver's order.
pub(super) async fn resolve(
    netloc: &Netloc,
    limit: Option<Duration>,
) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = (netloc.bare_host(), netloc.port());
    if let Ok(literal) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(literal, port)]);
    }
    let addresses: Vec<_> = match within(limit, lookup_host((host, port))).await {
        None => return Err(unreachable(Kind::Timeout(Phase::Dns), netloc)),
        Some(Err(error)) => return Err(unreachable(Kind::Dns, netloc).with_source(error)),
        Some(Ok(addresses)) => addresses.collect(),
    };
    if addresses.is_empty() {
        return Err(unreachable(Kind::Dns, netloc).with_source("the name has no address"));
    }
    debug!(?addresses, "resolved");
    Ok(addresses)
}
