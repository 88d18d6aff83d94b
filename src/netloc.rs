//! Where a request goes: scheme, host and port.
//!
//! Owns: the reading of a request's URI, and the equality by which connections are shared.
//! Spec: RFC 3986 §3.2, RFC 9110 §4.2.

use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::Range,
};

use http::{Uri, uri};

/// The two schemes that a transport carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`: no TLS (RFC 9110 §4.2.1).
    Http,
    /// `https`: TLS (RFC 9110 §4.2.2).
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URI of this scheme means when it names none: 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scheme, host and port: what decides which connections may serve a request.
///
/// Two netlocs are equal when their schemes and effective ports are, and their hosts are but for
/// case; user information never counts. So `https://Example.com` and
/// `https://me@example.com:443/` name one netloc. Made from a URI without copying it.
#[derive(Clone)]
pub struct Netloc {
    scheme: Scheme,
    authority: uri::Authority,
    /// Where the host lies in the authority: every look-up in the pool asks for it.
    host: Range<usize>,
    port: u16,
}

/// Why a URI names no netloc.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetlocError {
    /// The URI has no scheme or no authority: it is relative, or an asterisk.
    Relative,
    /// The scheme is neither `http` nor `https`.
    Scheme(String),
    /// The authority has an empty host, or a port that is no number from 1 to 65,535.
    Authority(String),
}

impl Netloc {
    /// Reads the netloc of an absolute `http` or `https` URI.
    ///
    /// # Errors
    /// [`NetlocError`] when the URI is relative, has another scheme, or an unusable authority.
    pub fn from_uri(uri: &Uri) -> Result<Self, NetlocError> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(NetlocError::Relative);
        };
        let scheme = if *scheme == uri::Scheme::HTTPS {
            Scheme::Https
        } else if *scheme == uri::Scheme::HTTP {
            Scheme::Http
        } else {
            return Err(NetlocError::Scheme(scheme.as_str().to_owned()));
        };
        Self::new(scheme, authority.clone())
    }

    /// A netloc of its parts.
    ///
    /// # Errors
    /// [`NetlocError::Authority`] when the host is empty or the port unusable.
    pub fn new(scheme: Scheme, authority: uri::Authority) -> Result<Self, NetlocError> {
        let text = authority.as_str();
        let start = text.rfind('@').map_or(0, |at| at + 1);
        let host = start..start + host_len(&text[start..]);
        let port = match &text[host.end..] {
            // RFC 3986 §3.2.3: an empty port is the default port.
            "" | ":" => Some(scheme.default_port()),
            // Not whatever stands before the last colon: `[::1]evil:443` names no host.
            rest if rest.starts_with(':') => authority.port_u16().filter(|port| *port != 0),
            _ => None,
        };
        match port {
            Some(port) if !matches!(&text[host.clone()], "" | "[]") => Ok(Self {
                scheme,
                host,
                port,
                authority,
            }),
            // Without the user information: errors are logged.
            _ => Err(NetlocError::Authority(text[start..].to_owned())),
        }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host as the URI has it; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.authority.as_str()[self.host.clone()]
    }

    /// The host without the brackets of an IPv6 address: what a resolver or a certificate knows.
    #[must_use]
    pub fn bare_host(&self) -> &str {
        let host = self.host();
        host.strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .unwrap_or(host)
    }

    /// The port, the scheme's default one if the URI has none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// How long the host is that stands before a port (RFC 3986 §3.2.2): the brackets of an IPv6 address
/// are part of it, and the colons between them.
fn host_len(host_and_port: &str) -> usize {
    let octets = host_and_port.as_bytes();
    let end = if octets.first() == Some(&b'[') {
        let bracket = octets.iter().position(|octet| *octet == b']');
        bracket.map(|bracket| bracket + 1)
    } else {
        octets.iter().position(|octet| *octet == b':')
    };
    end.unwrap_or(octets.len())
}

impl PartialEq for Netloc {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.port == other.port
            && self.host().eq_ignore_ascii_case(other.host())
    }
}

impl Eq for Netloc {}

impl Hash for Netloc {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // In pieces, because hashers take many octets at once far faster than one by one.
        let mut piece = [0; 32];
        for octets in self.host().as_bytes().chunks(piece.len()) {
            let lower = &mut piece[..octets.len()];
            lower.copy_from_slice(octets);
            lower.make_ascii_lowercase();
            state.write(lower);
        }
        state.write_u8(0xff);
        state.write_u16(self.port);
        self.scheme.hash(state);
    }
}

impl fmt::Display for Netloc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host())?;
        if self.port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

impl fmt::Debug for Netloc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NetlocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative => f.write_str("the URI is relative: it needs a scheme and a host"),
            Self::Scheme(scheme) => write!(f, "the scheme {scheme:?} is neither http nor https"),
            Self::Authority(authority) => {
                write!(f, "{authority:?} has no usable host and port")
            }
        }
    }
}

impl std::error::Error for NetlocError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn netloc(uri: &str) -> Result<Netloc, NetlocError> {
        Netloc::from_uri(&uri.parse().expect("a URI that http can read"))
    }

    #[test]
    fn default_port_case_and_user_information_do_not_tell_netlocs_apart() {
        let plain = netloc("https://example.com/a").unwrap();
        for same in [
            "https://EXAMPLE.com:443/b",
            "https://me:pw@example.com/",
            "https://example.com:/",
        ] {
            assert_eq!(netloc(same).unwrap(), plain, "{same}");
        }
        for other in [
            "http://example.com/",
            "https://example.com:8443/",
            "https://example.com.evil.test/",
            "https://example.com@evil.test/",
        ] {
            assert_ne!(netloc(other).unwrap(), plain, "{other}");
        }
    }

    #[test]
    fn ipv6_hosts_lose_their_brackets_only_where_asked() {
        let v6 = netloc("http://[::1]:8080/").unwrap();
        assert_eq!(
            (v6.host(), v6.bare_host(), v6.port()),
            ("[::1]", "::1", 8080)
        );
        assert_eq!(v6.to_string(), "http://[::1]:8080");
    }

    #[test]
    fn unusable_uris_say_why() {
        assert_eq!(netloc("/path"), Err(NetlocError::Relative));
        assert_eq!(netloc("*"), Err(NetlocError::Relative));
        assert_eq!(netloc("example.com:443"), Err(NetlocError::Relative));
        assert_eq!(netloc("ftp://h/"), Err(NetlocError::Scheme("ftp".into())));
        for bad in ["h:0", "h:65536", "[::1]x:443", "[::1]x"] {
            let uri = format!("http://me:secret@{bad}/");
            let authority = NetlocError::Authority(bad.to_owned());
            assert_eq!(netloc(&uri), Err(authority), "{bad}");
        }
    }
}
