//! What must be right with a request before it goes on a connection, and what the connection adds.
//!
//! Owns: the scheme and authority of a relative URI, and the refusal of what this connection must not
//! carry. An absolute URI may name any host: whoever holds a connection knows for whom its server
//! speaks.
//! Spec: RFC 9110 §4.3.3, §7.2, §9.3.6; RFC 9112 §3.2; RFC 9113 §8.3.1; RFC 8441 §4.

use http::{Method, Request, Uri, header, uri};

use super::core::Core;
use crate::{
    client::{
        Proxy,
        info::Protocol,
        transport::{asked_protocols, check_tunnel, netloc_of, refuse_content, rejected},
    },
    error::{Error, Kind},
    http1::Target,
    http2::message,
    netloc::Scheme,
    protocols::Protocols,
};

/// Completes a request's URI, and says how HTTP/1.1 names its target.
pub(super) fn admit(core: &Core, request: &mut Request<()>) -> Result<Target, Error> {
    admit_here(core, request).map_err(|error| error.with_netloc(core.netloc()))
}

fn admit_here(core: &Core, request: &mut Request<()>) -> Result<Target, Error> {
    check_protocol(core, request)?;
    let is_extended = request.extensions().get::<message::Protocol>().is_some();
    if request.method() == Method::CONNECT {
        refuse_content(request)?;
        if !is_extended {
            return check_tunnel(request.uri()).map(|()| Target::Origin);
        }
    }
    let proxy = request.extensions().get().map(Proxy::netloc);
    if proxy.is_some_and(|proxy| proxy != core.netloc()) {
        return Err(rejected(Kind::Request).with_source("the connection leads to no such proxy"));
    }
    if request.uri().scheme().is_none() && request.uri().authority().is_none() {
        *request.uri_mut() = complete(core, request)?;
        return Ok(Target::Origin);
    }
    let scheme = netloc_of(request.uri())?.scheme();
    match proxy {
        Some(_) if scheme == Scheme::Http => Ok(Target::Absolute),
        Some(_) => {
            Err(rejected(Kind::Request).with_source("https goes through a proxy by CONNECT alone"))
        }
        None if scheme == core.netloc().scheme() => Ok(Target::Origin),
        // RFC 9110 §4.3.3: what is asked for by https goes over TLS, and nothing else does.
        None => {
            Err(rejected(Kind::Scheme)
                .with_source("the URI's scheme is not that of the connection"))
        }
    }
}

fn check_protocol(core: &Core, request: &Request<()>) -> Result<(), Error> {
    match (asked_protocols(request)?, core.protocol()) {
        (Protocols::Any, _)
        | (Protocols::Http2, Protocol::Http2)
        | (Protocols::Http1, Protocol::Http1) => Ok(()),
        (Protocols::Http2, _) => Err(rejected(Kind::Request)
            .with_source("the request demands HTTP/2, and the connection is one of HTTP/1.1")),
        (Protocols::Http1, _) => Err(rejected(Kind::Request)
            .with_source("the request demands HTTP/1.1, and the connection is one of HTTP/2")),
    }
}

/// The URI with the connection's scheme, and its authority unless a `host` field names another
/// (RFC 9113 §8.3.1).
fn complete(core: &Core, request: &Request<()>) -> Result<Uri, Error> {
    let host = request.headers().get(header::HOST);
    // One that is no authority is refused where the head is made.
    let host = host.and_then(|host| uri::Authority::try_from(host.as_bytes()).ok());
    let mut pieces = uri::Parts::default();
    pieces.scheme = Some(match core.netloc().scheme() {
        Scheme::Http => uri::Scheme::HTTP,
        Scheme::Https => uri::Scheme::HTTPS,
    });
    pieces.authority = Some(host.unwrap_or_else(|| core.authority.clone()));
    pieces.path_and_query = request.uri().path_and_query().cloned();
    Uri::from_parts(pieces).map_err(|cause| rejected(Kind::Uri).with_source(cause))
}
