//! Services mounted at prefixes of URIs, as adapters are on a session of Python's `requests`.
//!
//! [`Mounts`] is a service that hands each request to the one with the longest prefix that covers
//! its URI, and to a fallback if there is none:
//!
//! ```
//! use towline::{Mounts, Transport};
//!
//! # fn main() -> Result<(), towline::mounts::InvalidPrefix> {
//! let partner = Transport::builder().max_waiting(64).build();
//! let service = Mounts::new(Transport::new())
//!     .mount("https://api.example.com/v2", partner.clone())?
//!     .mount("https://[2001:db8::7]:8443", partner)?;
//!
//! let uri = "https://API.example.com:443/v2/users?page=1".parse().unwrap();
//! let prefix = service.prefix_of(&uri).map(ToString::to_string);
//! assert_eq!(prefix.as_deref(), Some("https://api.example.com/v2"));
//! # Ok(())
//! # }
//! ```
//!
//! # Which requests a prefix covers
//!
//! | prefix | covers |
//! |---|---|
//! | `https://` | every `https` URI |
//! | `https://example.com` | every path on that host, at port 443 |
//! | `https://example.com:8443` | every path on that host, at port 8443 |
//! | `https://example.com/v2` | `/v2`, `/v2?q`, `/v2/` and what is below it, but not `/v22` |
//! | `https://example.com/v2/` | `/v2/` and what is below it, but not `/v2` |
//!
//! The URI of the request alone counts, as it stands when it comes here; neither the method nor a
//! `host` field does. It is parsed, never compared as text, so that `https://example.com` covers
//! neither `https://example.com.evil.test/` nor `https://example.com@evil.test/`. Its parts are
//! compared so:
//!
//! - **Scheme**: `http` or `https`, in any case.
//! - **Host**: in any case, and IPv6 addresses in any spelling (`[::1]` as `[0:0::1]`). Nothing else
//!   makes two hosts one: not a dot at the end (`example.com.` is another host, as it is to
//!   [`Netloc`](crate::Netloc)), not what a name resolves to, and not a number as `127.1`. Hosts are
//!   not converted: names of other scripts are mounted in their ASCII form (`xn--…`). There are no
//!   wildcards within a host.
//! - **Port**: the scheme's default one where there is none, or an empty one. A prefix never covers
//!   several ports of a host.
//! - **Path**: in its case, up to the end of a segment, and whichever way it is escaped: `/%76%32`
//!   is `/v2`. An escaped delimiter, such as `%2F`, is not a bare one (RFC 3986 §2.2).
//! - **Dot segments**: a path with a `.` or `..` segment lies under no path but `/`, since servers
//!   differ in where they find it: `https://example.com/v2/../admin` goes to
//!   `https://example.com/`, `https://` or the fallback, whichever is the longest that is mounted.
//!   That holds for `%2e`, for segments parted by `%2F`, `\` or `%5C`, and for those that go on
//!   with `;`.
//! - **User information, query and fragment** never count, and no prefix has them.
//!
//! The longest prefix wins, in whatever order they were mounted. What is no absolute `http` or
//! `https` URI goes to the fallback: a relative one, the bare authority of a CONNECT, another
//! scheme, or a port that is none. Nothing is rewritten: a mounted service sees the whole URI.
//!
//! Mounts choose, they do not guard: another name of a server leads past its prefix. Where a request
//! must not go anywhere else, let the fallback refuse it. And a layer that follows redirects belongs
//! around the mounts, not below them: then each step goes where its own URI says.
//!
//! # Services of different types
//!
//! A `Mounts<S>` holds services of one type, and takes every body that this type takes. For several
//! types there are [`Mounts::boxed`] and [`Mounts::mount_boxed`]: they agree on the bodies and the
//! error, and what differs is mapped by who mounts it.
//!
//! ```
//! use std::{convert::Infallible, time::Duration};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use towline::{Mounts, ResponseBody, Transport};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // The error of a timeout is a boxed one already.
//! let transport = ServiceBuilder::new()
//!     .map_response(|response: Response<ResponseBody>| {
//!         response.map(|body| body.map_err(BoxError::from).boxed())
//!     })
//!     .timeout(Duration::from_secs(5))
//!     .service(Transport::new());
//! // This one answers by itself, and never fails.
//! let stub = ServiceBuilder::new()
//!     .map_response(|response: Response<Full<Bytes>>| {
//!         response.map(|body| body.map_err(BoxError::from).boxed())
//!     })
//!     .map_err(BoxError::from)
//!     .service(service_fn(async |_request: Request<Empty<Bytes>>| {
//!         Ok::<_, Infallible>(Response::new(Full::from("a stub")))
//!     }));
//!
//! let service = Mounts::boxed(transport).mount_boxed("https://stub.test", stub)?;
//!
//! let request = Request::get("https://stub.test/").body(Empty::new())?;
//! let response: Response<BoxBody<Bytes, BoxError>> = service.oneshot(request).await?;
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "a stub");
//! # Ok(())
//! # }
//! ```
//!
//! Owns: the choice among services, and nothing of theirs. Never: looks at a request beyond its URI,
//! or changes it.
//! Spec: RFC 3986 §3, §5.2.4, §6.2; RFC 9110 §4.2.3.

mod path;
mod prefix;
mod table;

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Uri};
use tower::{
    Service,
    util::{BoxCloneSyncService, Oneshot},
};

pub use self::prefix::{InvalidPrefix, Prefix};
use self::table::Table;

/// A service that hands requests to others by their URIs: that with the longest prefix, or a
/// fallback. The rules stand at the [module](crate::mounts).
///
/// **Readiness.** Which service a request is for is known only when it is there, so this one is
/// always ready. A call clones the chosen service, waits in its future until the clone is ready, and
/// calls it: a service that is busy delays its own requests and no others. Limits, buffers and
/// breakers therefore keep what they count in common to their clones, as tower's do, and a
/// `LoadShed` belongs around the mounted service, not around the mounts.
///
/// **Cancellation.** Dropping the call's future drops the clone, or the future of the call that it
/// has made; nothing else is touched.
///
/// **Concurrency.** Clones share what is mounted until one of them is changed: that one then has
/// mounts of its own. `Send` and `Sync` if the services are both.
///
/// **Cost.** A call looks its URI up by bisection, without allocating: in about 200 ns among ten
/// prefixes, and 350 ns among a thousand, as measured on one machine. To mount or take away takes
/// time in proportion to what is mounted.
pub struct Mounts<S> {
    table: Arc<Table<S>>,
}

impl<S> Mounts<S> {
    /// Nothing mounted: everything goes to the fallback.
    #[must_use]
    pub fn new(fallback: S) -> Self {
        Self {
            table: Arc::new(Table::new(fallback)),
        }
    }

    /// Mounts a service of the same type, in place of what is mounted at an equal prefix.
    ///
    /// # Errors
    /// [`InvalidPrefix`] when the prefix cannot be read.
    pub fn mount<P>(mut self, prefix: P, service: S) -> Result<Self, InvalidPrefix>
    where
        P: TryInto<Prefix>,
        P::Error: Into<InvalidPrefix>,
        S: Clone,
    {
        let prefix = prefix.try_into().map_err(Into::into)?;
        self.insert(prefix, service);
        Ok(self)
    }

    /// Mounts a service, and returns the one that was mounted at an equal prefix.
    pub fn insert(&mut self, prefix: Prefix, service: S) -> Option<S>
    where
        S: Clone,
    {
        Arc::make_mut(&mut self.table).insert(prefix, service)
    }

    /// Takes away what is mounted at exactly this prefix, and returns it. Requests that are under
    /// way go on.
    pub fn remove(&mut self, prefix: &Prefix) -> Option<S>
    where
        S: Clone,
    {
        Arc::make_mut(&mut self.table).remove(prefix)
    }

    /// What services are mounted at; the narrower prefixes follow the wider ones.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = &Prefix> {
        self.table.mounts().iter().map(|mount| &mount.prefix)
    }

    /// The prefix that decides where a request with this URI goes; `None` for the fallback.
    #[must_use]
    pub fn prefix_of(&self, uri: &Uri) -> Option<&Prefix> {
        self.table.find(uri).map(|mount| &mount.prefix)
    }

    /// The service that a request with this URI goes to.
    #[must_use]
    pub fn service_of(&self, uri: &Uri) -> &S {
        match self.table.find(uri) {
            Some(mount) => &mount.service,
            None => &self.table.fallback,
        }
    }
}

impl<B, R, E> Mounts<BoxCloneSyncService<Request<B>, R, E>> {
    /// As [`new`](Self::new), for services of different types; each call allocates for the clone
    /// and for the future of a boxed service.
    #[must_use]
    pub fn boxed<S>(fallback: S) -> Self
    where
        S: Service<Request<B>, Response = R, Error = E> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self::new(BoxCloneSyncService::new(fallback))
    }

    /// As [`mount`](Self::mount), for a service of another type.
    ///
    /// # Errors
    /// [`InvalidPrefix`] when the prefix cannot be read.
    pub fn mount_boxed<P, S>(self, prefix: P, service: S) -> Result<Self, InvalidPrefix>
    where
        P: TryInto<Prefix>,
        P::Error: Into<InvalidPrefix>,
        S: Service<Request<B>, Response = R, Error = E> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.mount(prefix, BoxCloneSyncService::new(service))
    }
}

impl<S, B> Service<Request<B>> for Mounts<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Request<B>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Oneshot::new(self.service_of(request.uri()).clone(), request)
    }
}

impl<S> Clone for Mounts<S> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
        }
    }
}

impl<S> fmt::Debug for Mounts<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<_> = self.prefixes().collect();
        f.debug_struct("Mounts")
            .field("prefixes", &prefixes)
            .finish_non_exhaustive()
    }
}
