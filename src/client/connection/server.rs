//! Where a connection leads, as callers write it.
//!
//! Owns: the reading of a host with or without a port, of a URI, of a netloc; and the choice of what
//! is left out. Refuses: to guess what junk means.
//! Spec: RFC 3986 §3.2, RFC 9110 §4.2.

use std::net::Ipv6Addr;

use http::{Uri, uri};

use crate::{
    error::{Error, Kind, Retry, Scope},
    netloc::{Netloc, NetlocError, Scheme},
};

/// Where a connection leads: a host, perhaps with a port, a URI, or a [`Netloc`].
///
/// | text | host | port |
/// |---|---|---|
/// | `a`, `a:` | `a` | the scheme's: 443 or 80 |
/// | `a:8` | `a` | 8 |
/// | `127.0.0.1` | `127.0.0.1` | the scheme's |
/// | `::1`, `[::1]` | `::1` | the scheme's |
/// | `[::1]:8` | `::1` | 8 |
/// | `http://a:8/b` | `a` | 8, and without TLS |
/// | `a:0`, `a:b`, `a/b`, `me@a` | none: an error | |
///
/// Of a URI, the scheme, the host and the port count, and nothing else. Text is read when the
/// connection is built, so that is when an error shows.
#[derive(Clone, Debug)]
pub struct Server(Place);

#[derive(Clone, Debug)]
enum Place {
    Text(String),
    Uri(Uri),
    Netloc(Netloc),
}

/// What was found of a place.
struct Found {
    scheme: Option<Scheme>,
    /// In brackets, if it is an IPv6 address.
    host: String,
    port: Option<u16>,
}

/// What the settings say besides the place.
pub(super) struct Wanted {
    /// Takes the place of the one that was found.
    pub(super) port: Option<u16>,
    pub(super) is_secure: Option<bool>,
    /// Whether to speak TLS where neither place nor settings say it, by the port.
    pub(super) is_secure_by_default: fn(Option<u16>) -> bool,
}

impl Server {
    /// The netloc, or why there is none.
    pub(super) fn resolve(self, wanted: &Wanted) -> Result<Netloc, Error> {
        let found = self.find().map_err(|cause| {
            let kind = match cause {
                NetlocError::Scheme(_) => Kind::Scheme,
                NetlocError::Relative | NetlocError::Authority(_) => Kind::Uri,
            };
            Error::new(kind, Scope::Request, Retry::Never).with_source(cause)
        })?;
        let port = wanted.port.or(found.port);
        let scheme = match (found.scheme, wanted.is_secure) {
            (Some(scheme), Some(is_secure)) if (scheme == Scheme::Https) != is_secure => {
                let error = Error::new(Kind::Scheme, Scope::Request, Retry::Never);
                return Err(error.with_source("the URI's scheme is not the one that was set"));
            }
            (Some(scheme), _) => scheme,
            (None, is_secure) => {
                let is_secure = is_secure.unwrap_or_else(|| (wanted.is_secure_by_default)(port));
                if is_secure {
                    Scheme::Https
                } else {
                    Scheme::Http
                }
            }
        };
        netloc(scheme, found.host, port)
            .map_err(|cause| Error::new(Kind::Uri, Scope::Request, Retry::Never).with_source(cause))
    }

    fn find(self) -> Result<Found, NetlocError> {
        match self.0 {
            Place::Netloc(netloc) => Ok(Found::whole(&netloc)),
            Place::Uri(uri) => find_in_uri(&uri),
            Place::Text(text) if text.contains("://") => {
                let uri = text.parse().map_err(|_| junk(&text))?;
                find_in_uri(&uri)
            }
            Place::Text(text) => find_in_text(&text),
        }
    }
}

impl Found {
    fn whole(netloc: &Netloc) -> Self {
        Self {
            scheme: Some(netloc.scheme()),
            host: netloc.host().to_owned(),
            port: Some(netloc.port()),
        }
    }
}

fn find_in_uri(uri: &Uri) -> Result<Found, NetlocError> {
    match (uri.scheme(), uri.authority(), uri.path_and_query()) {
        // What a host with a port parses as.
        (None, Some(authority), None) => find_in_text(authority.as_str()),
        _ => Netloc::from_uri(uri).map(|netloc| Found::whole(&netloc)),
    }
}

fn find_in_text(text: &str) -> Result<Found, NetlocError> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok(Found {
            scheme: None,
            host: format!("[{text}]"),
            port: None,
        });
    }
    let authority: uri::Authority = text.parse().map_err(|_| junk(text))?;
    let port = authority.port_u16();
    // Which scheme it is makes no difference to what is junk.
    let netloc = Netloc::new(Scheme::Https, authority)?;
    let is_bracketed = netloc.bare_host().len() < netloc.host().len();
    if text.contains('@') || (is_bracketed && netloc.bare_host().parse::<Ipv6Addr>().is_err()) {
        return Err(junk(text));
    }
    Ok(Found {
        scheme: None,
        host: netloc.host().to_owned(),
        port,
    })
}

fn netloc(scheme: Scheme, host: String, port: Option<u16>) -> Result<Netloc, NetlocError> {
    let text = match port {
        Some(port) if port != scheme.default_port() => format!("{host}:{port}"),
        _ => host,
    };
    let authority = uri::Authority::try_from(text.as_str()).map_err(|_| junk(&text))?;
    Netloc::new(scheme, authority)
}

/// Without what may be user information: errors are logged.
fn junk(text: &str) -> NetlocError {
    let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    NetlocError::Authority(shown.to_owned())
}

impl From<&str> for Server {
    fn from(text: &str) -> Self {
        Self(Place::Text(text.to_owned()))
    }
}

impl From<String> for Server {
    fn from(text: String) -> Self {
        Self(Place::Text(text))
    }
}

impl From<&String> for Server {
    fn from(text: &String) -> Self {
        Self(Place::Text(text.clone()))
    }
}

impl From<Uri> for Server {
    fn from(uri: Uri) -> Self {
        Self(Place::Uri(uri))
    }
}

impl From<&Uri> for Server {
    fn from(uri: &Uri) -> Self {
        Self(Place::Uri(uri.clone()))
    }
}

impl From<Netloc> for Server {
    fn from(netloc: Netloc) -> Self {
        Self(Place::Netloc(netloc))
    }
}

impl From<&Netloc> for Server {
    fn from(netloc: &Netloc) -> Self {
        Self(Place::Netloc(netloc.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(
        server: impl Into<Server>,
        port: Option<u16>,
        is_secure: Option<bool>,
    ) -> Result<String, Kind> {
        let wanted = Wanted {
            port,
            is_secure,
            is_secure_by_default: |port| port.is_none_or(|port| port != 80),
        };
        let netloc = server.into().resolve(&wanted);
        netloc
            .map(|netloc| format!("{} {}", netloc.bare_host(), netloc))
            .map_err(|error| error.kind())
    }

    /// C2-02, LR-21: table 1.6.
    #[test]
    fn hosts_are_read_as_written_and_junk_is_an_error() {
        let cases = [
            ("a", None, Ok("a https://a")),
            ("a:8", None, Ok("a https://a:8")),
            ("a:8", Some(9), Ok("a https://a:9")),
            ("127.0.0.1", None, Ok("127.0.0.1 https://127.0.0.1")),
            ("a:0", None, Err(Kind::Uri)),
            ("a:0", Some(9), Err(Kind::Uri)),
            ("a", Some(0), Err(Kind::Uri)),
            ("a:", None, Ok("a https://a")),
            ("a:b", None, Err(Kind::Uri)),
            ("::1", None, Ok("::1 https://[::1]")),
            ("::1", Some(8), Ok("::1 https://[::1]:8")),
            ("[::1]", None, Ok("::1 https://[::1]")),
            ("[::1]:8", None, Ok("::1 https://[::1]:8")),
            ("[::1]:443", None, Ok("::1 https://[::1]")),
            ("[::1", None, Err(Kind::Uri)),
            ("[zz]", None, Err(Kind::Uri)),
            ("[::1]x:8", None, Err(Kind::Uri)),
            ("a:8:9", None, Err(Kind::Uri)),
            ("a:65536", None, Err(Kind::Uri)),
            ("a/b", None, Err(Kind::Uri)),
            ("me@a", None, Err(Kind::Uri)),
            ("", None, Err(Kind::Uri)),
            (":8", None, Err(Kind::Uri)),
            ("a b", None, Err(Kind::Uri)),
            ("http://a:8/b?c", None, Ok("a http://a:8")),
            ("https://me@a/", None, Ok("a https://a")),
            ("ftp://a/", None, Err(Kind::Scheme)),
            ("http:///b", None, Err(Kind::Uri)),
        ];
        for (text, port, expected) in cases {
            let expected = expected.map(ToOwned::to_owned);
            assert_eq!(resolved(text, port, None), expected, "{text:?} {port:?}");
        }
    }

    /// H1-01: what is set counts, then the scheme, then the port.
    #[test]
    fn tls_is_what_was_set_or_what_the_port_says() {
        let cases = [
            ("a", Some(true), Ok("a https://a")),
            ("a", Some(false), Ok("a http://a")),
            ("a:80", None, Ok("a http://a")),
            ("a:80", Some(true), Ok("a https://a:80")),
            ("a:443", Some(false), Ok("a http://a:443")),
            ("https://a", Some(true), Ok("a https://a")),
            ("https://a", Some(false), Err(Kind::Scheme)),
            ("http://a", Some(true), Err(Kind::Scheme)),
        ];
        for (text, is_secure, expected) in cases {
            let expected = expected.map(ToOwned::to_owned);
            assert_eq!(resolved(text, None, is_secure), expected, "{text:?}");
        }
    }

    #[test]
    fn uris_and_netlocs_are_places_too() {
        let uri: Uri = "http://a:8/b".parse().unwrap();
        let netloc = Netloc::from_uri(&uri).unwrap();
        for server in [
            Server::from(&uri),
            Server::from(uri.clone()),
            Server::from(&netloc),
            Server::from(netloc),
            Server::from("http://a:8".to_owned()),
        ] {
            let found = resolved(server, None, None);
            assert_eq!(found, Ok("a http://a:8".to_owned()));
        }
        let bare: Uri = "a:8".parse().unwrap();
        assert_eq!(resolved(bare, None, None), Ok("a https://a:8".to_owned()));
        let relative: Uri = "/b".parse().unwrap();
        assert_eq!(resolved(relative, None, None), Err(Kind::Uri));
    }

    #[test]
    fn user_information_is_in_no_error() {
        let wanted = Wanted {
            port: None,
            is_secure: None,
            is_secure_by_default: |_| true,
        };
        for text in ["me:secret@a", "me:secret@a:b", "http://me:secret@a:b/"] {
            let error = Server::from(text).resolve(&wanted).unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
