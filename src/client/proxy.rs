//! A proxy that a request names.
//!
//! Owns: nothing but the name. What it means for a request is said where requests are admitted.
//! Spec: RFC 9110 §3.7, §9.3.6.

use crate::netloc::Netloc;

/// The proxy through which a request goes, as an extension of the request: the connection leads
/// there, and not to the netloc of the URI.
///
/// CONNECT asks it for a tunnel to the host and port that are the request's whole URI (RFC 9110
/// §9.3.6), and `http` URIs are asked of it as they are. Requests for `https` URIs are refused with
/// [`Kind::Request`](crate::error::Kind::Request): a proxy must not see what they hold. They go
/// through a tunnel.
///
/// ```no_run
/// use http_body_util::Empty;
/// use tower::ServiceExt;
/// use towline::{Duplex, Netloc, Proxy};
///
/// # async fn tunnel() -> Result<(), Box<dyn std::error::Error>> {
/// let proxy = Netloc::from_uri(&"https://proxy.example:8443".parse()?)?;
/// let request = http::Request::connect("target.example:443")
///     .extension(Proxy::new(proxy))
///     .body(Empty::<&[u8]>::new())?;
/// let mut response = towline::Transport::new().oneshot(request).await?;
/// let tunnel = Duplex::take(&mut response);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy(Netloc);

impl Proxy {
    /// The proxy at this netloc; one of scheme `https` is spoken to by TLS.
    #[must_use]
    pub const fn new(netloc: Netloc) -> Self {
        Self(netloc)
    }

    /// Where it is.
    #[must_use]
    pub const fn netloc(&self) -> &Netloc {
        &self.0
    }
}
