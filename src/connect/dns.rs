//! From a host's name to its addresses, by the system's resolver.
//!
//! Owns: the lookup and its time limit. Refuses: to cache (the pool resolves anew when it dials
//! anew) and to order (getaddrinfo has done so by RFC 6724; `tcp` interleaves the families).
//! Dropping the future abandons the lookup, but getaddrinfo cannot be interrupted: its thread of
//! the runtime's blocking pool is busy until the system's own limit.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::net::lookup_host;
use tracing::debug;

use crate::{
    error::{Error, Kind, Phase},
    netloc::Netloc,
};

use super::{dial_error, within};

/// The addresses of the netloc's host, at least one, in the resolver's order.
pub(super) async fn resolve(
    netloc: &Netloc,
    limit: Option<Duration>,
) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = (netloc.bare_host(), netloc.port());
    if let Ok(literal) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(literal, port)]);
    }
    settle(netloc, limit, lookup_host((host, port))).await
}

async fn settle(
    netloc: &Netloc,
    limit: Option<Duration>,
    lookup: impl Future<Output = io::Result<impl Iterator<Item = SocketAddr>>>,
) -> Result<Vec<SocketAddr>, Error> {
    let addresses: Vec<_> = match within(limit, lookup).await {
        None => return Err(dial_error(Kind::Timeout(Phase::Dns), netloc)),
        Some(Err(error)) => return Err(dial_error(Kind::Dns, netloc).with_source(error)),
        Some(Ok(addresses)) => addresses.collect(),
    };
    if addresses.is_empty() {
        return Err(dial_error(Kind::Dns, netloc).with_source("the name has no address"));
    }
    debug!(?addresses, "resolved");
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, future::pending, iter};

    use tokio::time::Instant;

    use super::*;
    use crate::{
        connect::testing::netloc,
        error::{Retry, Scope},
    };

    #[tokio::test]
    async fn literals_need_no_lookup() {
        for (uri, address) in [
            ("http://192.0.2.1/", "192.0.2.1:80"),
            ("https://192.0.2.1:8443/", "192.0.2.1:8443"),
            ("https://[2001:db8::1]/", "[2001:db8::1]:443"),
        ] {
            let addresses = resolve(&netloc(uri), Some(Duration::ZERO)).await.unwrap();
            assert_eq!(addresses, [address.parse().unwrap()], "{uri}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_resolver_runs_into_the_limit() {
        let (start, limit) = (Instant::now(), Duration::from_secs(5));
        let silent = pending::<io::Result<iter::Empty<_>>>();
        let error = settle(&netloc("http://h.test/"), Some(limit), silent).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout(Phase::Dns));
        assert_eq!((error.scope(), error.retry()), (Scope::Netloc, Retry::Safe));
        assert_eq!(start.elapsed(), limit);
    }

    #[tokio::test]
    async fn a_name_without_addresses_does_not_resolve() {
        let nothing = async { Ok(iter::empty()) };
        let error = settle(&netloc("http://h.test/"), None, nothing)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Dns);
        assert_eq!(
            error.source().unwrap().to_string(),
            "the name has no address"
        );
    }
}
