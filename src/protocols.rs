//! The protocols that a caller lets a connection speak.
//!
//! Spec: RFC 7301 §3.1, RFC 9113 §3.2.

/// Which protocols may be spoken: what TLS offers to the server by ALPN, and what a request is
/// content with.
///
/// As a request's extension it overrides what the request's version asks for:
///
/// ```
/// # fn main() -> Result<(), http::Error> {
/// let request = http::Request::get("https://example.com/")
///     .extension(towline::Protocols::Http1)
///     .body(())?;
/// # let _ = request;
/// # Ok(())
/// # }
/// ```
///
/// A caller's own `rustls::ClientConfig` that already names protocols is offered as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocols {
    /// HTTP/2, else HTTP/1.1, as the server likes.
    #[default]
    Any,
    /// HTTP/2 alone.
    Http2,
    /// HTTP/1.1 alone: for what HTTP/2 cannot carry, such as an upgrade.
    Http1,
}
