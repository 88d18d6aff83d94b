//! Authorities and the `host` field (RFC 9110 §7.2, RFC 9113 §8.3.1).

use http::{HeaderMap, header, uri};

/// A `host` field that no authority is like, or several that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidHost;

/// Why a request has no authority to be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorityFault {
    /// Neither the URI nor a `host` field names one.
    Missing,
    /// A `host` field is no authority, or there are several that differ.
    Invalid,
    /// The `host` field is not the URI's authority.
    Differs,
}

/// The URI's authority, or else the `host` field (RFC 9110 §7.2); as they were written.
pub(crate) fn choose<'a>(
    of_uri: Option<&'a uri::Authority>,
    headers: &'a HeaderMap,
    scheme: Option<&str>,
) -> Result<&'a str, AuthorityFault> {
    let host = host(headers).map_err(|_| AuthorityFault::Invalid)?;
    match (of_uri, host) {
        // Servers would disagree on which one counts.
        (Some(authority), Some(host)) if !is_same(authority.as_str(), host, scheme) => {
            Err(AuthorityFault::Differs)
        }
        (Some(authority), _) => Ok(authority.as_str()),
        (None, Some(host)) if is_authority(host) => Ok(host),
        (None, Some(_)) => Err(AuthorityFault::Invalid),
        (None, None) => Err(AuthorityFault::Missing),
    }
}

/// The authority as a message carries it: without user information (RFC 9113 §8.3.1), and with
/// a port only where it is not the one that the scheme means anyway (RFC 9110 §4.2.3).
pub(crate) fn normalize<'a>(authority: &'a str, scheme: Option<&str>) -> &'a str {
    let host_port = without_user_information(authority);
    let default_port = match scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case("http") => ":80",
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => ":443",
        _ => return host_port,
    };
    host_port
        .strip_suffix(default_port)
        // RFC 3986 §6.2.3: an empty port is as good as none.
        .or_else(|| host_port.strip_suffix(':'))
        .unwrap_or(host_port)
}

/// The authority without what stands before `@`: nobody but the caller is to see it.
pub(crate) fn without_user_information(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host_port)| host_port)
}

/// Whether two authorities are the same but for case, user information and default port.
pub(crate) fn is_same(one: &str, other: &str, scheme: Option<&str>) -> bool {
    normalize(one, scheme).eq_ignore_ascii_case(normalize(other, scheme))
}

/// Reads the `host` field, if there is one; repeated lines must agree. Whether it could be an
/// authority is asked only where it becomes one: see [`is_authority`].
pub(crate) fn host(headers: &HeaderMap) -> Result<Option<&str>, InvalidHost> {
    let mut host = None;
    for value in headers.get_all(header::HOST) {
        let value = value.to_str().map_err(|_| InvalidHost)?;
        // RFC 9110 §7.2: uri-host and port, no user information.
        if value.contains('@') || host.is_some_and(|host| host != value) {
            return Err(InvalidHost);
        }
        host = Some(value);
    }
    Ok(host)
}

/// Whether the text can stand where an authority is wanted (RFC 3986 §3.2).
pub(crate) fn is_authority(text: &str) -> bool {
    text.parse::<uri::Authority>().is_ok()
}
