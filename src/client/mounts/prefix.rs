//! What a service is mounted at.
//!
//! Owns: the reading of a prefix, and the order of prefixes by which the table finds one.
//! Invariant: equal prefixes are equal field by field: hosts are in lower case, IPv6 addresses are
//! numbers, ports are never left out, and paths are in their canonical spelling.
//! Spec: RFC 3986 §3.2, §6.2.2, §6.2.3; RFC 9110 §4.2.

use std::{cmp::Ordering, convert::Infallible, fmt, net::Ipv6Addr, str::FromStr};

use http::{Uri, uri};

use super::path::{self, Tokens};
use crate::netloc::{Netloc, NetlocError, Scheme};

/// Which requests a mounted service gets: those of a scheme, of a server, or below a path there.
///
/// It is parsed from text, or made of a [`Uri`], a [`Netloc`] or a [`Scheme`]. The rules by which
/// it matches stand at the [module](crate::mounts).
///
/// ```
/// use towline::{mounts::Prefix, netloc::Scheme};
///
/// # fn main() -> Result<(), towline::mounts::InvalidPrefix> {
/// let prefix: Prefix = "https://API.example.com:443/%7Eme".parse()?;
/// assert_eq!(prefix.to_string(), "https://api.example.com/~me");
/// assert_eq!("https://".parse::<Prefix>()?, Prefix::from(Scheme::Https));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Place<Box<str>>);

/// Why a text or a URI is no prefix.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidPrefix {
    /// The text is no URI.
    Uri(uri::InvalidUri),
    /// The URI does not say which scheme, host and port it means, or the scheme is neither `http`
    /// nor `https`.
    Netloc(NetlocError),
    /// There is something before `@`: it never counts, and whoever writes
    /// `https://example.com@other.test/` means another host than they get.
    UserInformation,
    /// The path has a dot segment, under which nothing lies, or a `%` that begins no escape.
    Path(String),
    /// There is a query: services are mounted at paths.
    Query,
    /// There is a fragment: no request carries it.
    Fragment,
}

/// What prefixes and requests are compared by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Place<T> {
    scheme: Scheme,
    /// `None` for all servers of the scheme. The path is empty then.
    site: Option<Site<T>>,
    /// That of a prefix is empty instead of `/`, so that it is the beginning of every other.
    path: T,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Site<T> {
    host: Host<T>,
    port: u16,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Host<T> {
    /// However it is spelled (RFC 4291 §2.2).
    V6(Ipv6Addr),
    Name(T),
}

impl Prefix {
    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The path in its canonical spelling; `/` where it is that of all paths.
    #[must_use]
    pub fn path(&self) -> &str {
        match &*self.0.path {
            "" => "/",
            path => path,
        }
    }

    pub(super) const fn place(&self) -> &Place<Box<str>> {
        &self.0
    }

    fn new(netloc: &Netloc, path: &str) -> Result<Self, InvalidPrefix> {
        let invalid = || InvalidPrefix::Path(path.to_owned());
        // Such as that of `OPTIONS *`.
        if !path.starts_with('/') || path::has_dot_segment(path) {
            return Err(invalid());
        }
        let path = path::canonical(path).ok_or_else(invalid)?;
        let host = match Host::read(netloc.host()) {
            Host::V6(address) => Host::V6(address),
            Host::Name(name) => Host::Name(name.to_ascii_lowercase().into()),
        };
        let port = netloc.port();
        Ok(Self(Place {
            scheme: netloc.scheme(),
            site: Some(Site { host, port }),
            path: if path == "/" { "" } else { &*path }.into(),
        }))
    }
}

impl From<Scheme> for Prefix {
    /// All requests of a scheme: `https://` as text.
    fn from(scheme: Scheme) -> Self {
        Self(Place {
            scheme,
            site: None,
            path: Box::default(),
        })
    }
}

impl From<Netloc> for Prefix {
    /// All requests to a server.
    fn from(netloc: Netloc) -> Self {
        Self::new(&netloc, "/").expect("the path of all paths is valid")
    }
}

impl TryFrom<Uri> for Prefix {
    type Error = InvalidPrefix;

    fn try_from(uri: Uri) -> Result<Self, InvalidPrefix> {
        if let Some(authority) = uri.authority()
            && authority.as_str().contains('@')
        {
            return Err(InvalidPrefix::UserInformation);
        }
        if uri.query().is_some() {
            return Err(InvalidPrefix::Query);
        }
        let netloc = Netloc::from_uri(&uri).map_err(InvalidPrefix::Netloc)?;
        Self::new(&netloc, uri.path())
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        // The form that no URI has: a scheme alone.
        if let Some(name) = text.strip_suffix("://") {
            let known = [Scheme::Http, Scheme::Https].into_iter();
            let mut named = known.filter(|scheme| name.eq_ignore_ascii_case(scheme.as_str()));
            return match named.next() {
                Some(scheme) => Ok(scheme.into()),
                None => Err(InvalidPrefix::Netloc(NetlocError::Scheme(name.to_owned()))),
            };
        }
        // A URI forgets its fragment.
        if text.contains('#') {
            return Err(InvalidPrefix::Fragment);
        }
        let uri: Uri = text.parse().map_err(InvalidPrefix::Uri)?;
        uri.try_into()
    }
}

impl TryFrom<&str> for Prefix {
    type Error = InvalidPrefix;

    fn try_from(text: &str) -> Result<Self, InvalidPrefix> {
        text.parse()
    }
}

impl TryFrom<String> for Prefix {
    type Error = InvalidPrefix;

    fn try_from(text: String) -> Result<Self, InvalidPrefix> {
        text.parse()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme;
        write!(f, "{scheme}://")?;
        let Some(Site { host, port }) = &self.0.site else {
            return Ok(());
        };
        match host {
            Host::V6(address) => write!(f, "[{address}]")?,
            Host::Name(name) => f.write_str(name)?,
        }
        if *port != scheme.default_port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.path())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'a> Place<&'a str> {
    /// Where a request goes.
    pub(super) fn of(netloc: &'a Netloc, path: &'a str) -> Self {
        let site = Site {
            host: Host::read(netloc.host()),
            port: netloc.port(),
        };
        Self {
            scheme: netloc.scheme(),
            site: Some(site),
            // What a server makes of a dot segment is its own affair, so it may lie anywhere there.
            path: if path::has_dot_segment(path) {
                ""
            } else {
                path
            },
        }
    }
}

impl Place<Box<str>> {
    /// Whether the other is this place or lies under it.
    pub(super) fn covers<U: AsRef<str>>(&self, other: &Place<U>) -> bool {
        self.scheme == other.scheme
            && self.site.as_ref().is_none_or(|site| {
                let other = other.site.as_ref();
                other.is_some_and(|other| site.order(other).is_eq())
            })
            && path::covers(&self.path, other.path.as_ref())
    }

    /// The order of the table: every place is followed by those that it covers, and then only by
    /// those that it does not.
    pub(super) fn order<U: AsRef<str>>(&self, other: &Place<U>) -> Ordering {
        let sites = || match (&self.site, &other.site) {
            (Some(site), Some(other)) => site.order(other),
            (site, other) => site.is_some().cmp(&other.is_some()),
        };
        let paths = || Tokens::of(&self.path).cmp(Tokens::of(other.path.as_ref()));
        let schemes = self.scheme.cmp(&other.scheme);
        schemes.then_with(sites).then_with(paths)
    }
}

impl Site<Box<str>> {
    fn order<U: AsRef<str>>(&self, other: &Site<U>) -> Ordering {
        let hosts = match (&self.host, &other.host) {
            (Host::V6(address), Host::V6(other)) => address.cmp(other),
            (Host::Name(name), Host::Name(other)) => {
                // The name of a prefix is in lower case already.
                let other = other.as_ref().bytes();
                let other = other.map(|octet| octet.to_ascii_lowercase());
                name.bytes().cmp(other)
            }
            (Host::V6(_), Host::Name(_)) => Ordering::Less,
            (Host::Name(_), Host::V6(_)) => Ordering::Greater,
        };
        hosts.then_with(|| self.port.cmp(&other.port))
    }
}

impl<'a> Host<&'a str> {
    /// A host as a URI has it, an IPv6 address in its brackets.
    fn read(host: &'a str) -> Self {
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        match inner.and_then(|inner| inner.parse().ok()) {
            Some(address) => Self::V6(address),
            None => Self::Name(host),
        }
    }
}

impl From<Infallible> for InvalidPrefix {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(_) => f.write_str("a prefix is a URI, or a scheme as https://"),
            Self::Netloc(_) => f.write_str("a prefix names a scheme, and a host that can be had"),
            Self::UserInformation => {
                f.write_str("a prefix has no user information before its host")
            }
            Self::Path(path) => write!(
                f,
                "the path {path:?} of a prefix has a dot segment, or a % that begins no escape"
            ),
            Self::Query => f.write_str("a prefix has no query"),
            Self::Fragment => f.write_str("a prefix has no fragment"),
        }
    }
}

impl std::error::Error for InvalidPrefix {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Uri(cause) => Some(cause),
            Self::Netloc(cause) => Some(cause),
            Self::UserInformation | Self::Path(_) | Self::Query | Self::Fragment => None,
        }
    }
}
