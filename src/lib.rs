//! towline: an outbound HTTP transport for tower, with its own HTTP/2 engine.
//!
//! A [`Transport`] is a [`tower::Service`] from [`http::Request`] to [`http::Response`]. It keeps
//! connections in a pool and speaks HTTP/2 on them, many requests at once over each; where a server
//! does not, HTTP/1.1:
//!
//! ```no_run
//! use http_body_util::{BodyExt, Empty};
//! use tower::ServiceExt;
//!
//! # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = towline::Transport::new();
//! let request = http::Request::get("https://example.com/").body(Empty::<&[u8]>::new())?;
//! let response = transport.oneshot(request).await?;
//! println!("{}", response.status());
//! let body = response.into_body().collect().await?.to_bytes();
//! # Ok(())
//! # }
//! ```
//!
//! # Bodies
//!
//! A request's body is anything that implements [`http_body::Body`]: `http_body_util::Full` for
//! octets that are there, `StreamBody` for those that are still to come. A body that is known to be
//! small is asked at once, and goes out with its head if it is ready; any other is polled only when
//! its octets can be sent. A [`ResponseBody`] streams too, and the server may send on only as it is
//! read: neither direction gathers a body in memory. It comes [decoded](decode).
//!
//! Content that the server encoded (gzip, deflate, and by cargo features brotli and zstd) comes
//! decoded, and requests say that it is welcome; [`TransportBuilder::decode`] and
//! [`decode::Decoding`] choose otherwise.
//!
//! # Layers
//!
//! What is to happen around every request is a matter of tower's layers:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use http::{HeaderValue, header::USER_AGENT};
//! use tower::{ServiceBuilder, limit::ConcurrencyLimitLayer};
//! use tower_http::{set_header::SetRequestHeaderLayer, trace::TraceLayer};
//! use towline::{Transport, config::Timeouts};
//!
//! let mut timeouts = Timeouts::default();
//! timeouts.response_head = Some(Duration::from_secs(5));
//! let service = ServiceBuilder::new()
//!     .layer(TraceLayer::new_for_http())
//!     .layer(ConcurrencyLimitLayer::new(500))
//!     .layer(SetRequestHeaderLayer::if_not_present(
//!         USER_AGENT,
//!         HeaderValue::from_static("billing/1.0"),
//!     ))
//!     .service(Transport::builder().timeouts(timeouts).build());
//! # async fn call<S: tower::Service<http::Request<http_body_util::Empty<&'static [u8]>>>>(_: S) {}
//! # let _ = call(service);
//! ```
//!
//! # Tunnels
//!
//! CONNECT makes a stream of octets both ways: by a [`Proxy`] to any host, or extended (RFC 8441) to
//! a protocol such as WebSocket at the server itself. It comes as a [`Duplex`] with the response.
//!
//! # Connections
//!
//! Requests to one [`Netloc`] (scheme, host and port) share one HTTP/2 connection; those beyond the
//! server's limit of streams wait in order. Over HTTP/1.1 each request under way has a connection, up
//! to [a bound](TransportBuilder::max_connections). `https` servers choose by ALPN; `http` servers are
//! spoken to in HTTP/1.1, unless they are known to speak HTTP/2
//! ([`TransportBuilder::http2_prior_knowledge`]). A request of version `HTTP_2` demands it, and
//! [`Protocols`] among its extensions pins either. What is settled for a connection is told with each
//! response, by [`ConnectionInfo`] in its extensions.
//!
//! # Failures
//!
//! Each is an [`Error`], which knows its [kind](error::Kind), its [scope](error::Scope), its causes
//! down to the root, and whether the request [may be sent again](error::Retry). Time limits are in
//! [`config`], bounds on hostile servers in [`http2::Limits`], [`http1::Limits`] and
//! [`decode::Limits`]; all are on by default.
//!
//! # Modules
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | time limits, each with the reason of its default |
//! | [`connection`] | one connection under the caller's hand: [`Http2Connection`], [`Http1Connection`] |
//! | [`connect`] | from a netloc to a byte stream: DNS, TCP, TLS, and connectors of one's own |
//! | [`decode`] | content codings: which there are, how they are undone, and bounds on what comes out |
//! | [`error`] | what can go wrong, in words that code can match on |
//! | [`header_map`] | [`HttpHeaderMap`]: fields in the order, the case and the lines in which they came |
//! | [`http1`] | the engine of HTTP/1.1, without sockets, clocks or a runtime |
//! | [`http2`] | the engine of HTTP/2 and its parts, likewise |
//! | [`interim`] | interim responses (1xx), for callers who ask for them |
//! | [`layer`] | tower layers: pushes handed on or answered from, window managers for some requests |
//! | [`mounts`] | other services for some servers or paths, by longest prefix |
//! | [`netloc`] | scheme, host and port, by which connections are shared |
//! | [`priority`] | how soon a response is wanted, and what goes by it |
//! | [`push`] | responses that servers send before they are asked for |
//! | [`window`] | flow control: how much a server may send ahead, and who says so |
//!
//! # Cargo features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `aws-lc-rs` | yes | the crypto provider of TLS, by aws-lc-rs |
//! | `ring` | no | the crypto provider of TLS, by ring; used if `aws-lc-rs` is off |
//! | `webpki-roots` | yes | Mozilla's root certificates, compiled in |
//! | `native-roots` | no | the system's root certificates |
//! | `brotli` | no | the content coding `br` |
//! | `zstd` | no | the content coding `zstd` |
//! | `push-cache` | no | [`layer`]'s `PushCache`, which answers requests from what servers push |
//!
//! Features only add. No crypto provider is installed for the process.

mod body;
mod client;
mod clock;
pub mod config;
pub mod connect;
pub mod decode;
mod driver;
pub mod error;
pub mod header_map;
mod headers;
pub mod http1;
pub mod http2;
pub mod interim;
mod io;
pub mod layer;
pub mod netloc;
mod output;
mod pool;
pub mod priority;
mod protocols;
pub mod push;
pub mod window;

pub use self::{
    body::{BodyReader, Chunks, Duplex, ResponseBody},
    client::{
        ConnectionInfo, Proxy, ResponseFuture, Transport, TransportBuilder,
        connection::{self, Http1Connection, Http2Connection},
        mounts::{self, Mounts},
    },
    error::Error,
    header_map::{HeaderMapExt, HttpHeaderMap},
    netloc::Netloc,
    priority::Priority,
    protocols::Protocols,
};

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
