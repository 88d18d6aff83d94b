//! Request heads and trailer sections on their way out.
//!
//! Owns: which fields of the caller's become which field lines.
//! Invariant: what is emitted is well-formed (RFC 9113 §8.2, §8.3.1) whatever the caller gave;
//! what cannot be made so is refused before any field is emitted.

use std::{borrow::Cow, fmt};

use http::{HeaderMap, HeaderName, Method, header, request};

use crate::{
    headers::{
        self,
        authority::{self, AuthorityFault},
        content_length::{self, LengthFault},
        target,
    },
    http2::{consts::FIELD_OVERHEAD, hpack::FieldRef},
    priority::{self, Priority},
};

/// The protocol that an extended CONNECT asks for, as an extension of the request (RFC 8441 §4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Protocol(Cow<'static, str>);

impl Protocol {
    /// `websocket` (RFC 8441 §5).
    pub const WEBSOCKET: Self = Self(Cow::Borrowed("websocket"));

    /// A protocol of that name, or `None` if the name is no token (RFC 9110 §7.8, §5.6.2).
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Option<Self> {
        let name = name.into();
        // A method is a token too, of any case.
        Method::from_bytes(name.as_bytes())
            .is_ok()
            .then_some(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request cannot be said in HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The URI has no scheme (RFC 9113 §8.3.1).
    SchemeMissing,
    /// Neither the URI nor a `host` field names an authority.
    AuthorityMissing,
    /// A `host` field is no authority, or there are several that differ (RFC 9110 §7.2).
    HostInvalid,
    /// The `host` field is not the URI's authority: servers would disagree on which one counts
    /// (RFC 9113 §8.3.1).
    HostDiffers,
    /// The path begins with no slash, or it is `*` and the method is not OPTIONS (RFC 9113
    /// §8.3.1).
    PathInvalid,
    /// A [`Protocol`] on a method that is not CONNECT (RFC 8441 §4).
    ProtocolMisplaced,
    /// The content-length is no number, or differs from another (RFC 9110 §8.6).
    ContentLengthInvalid,
    /// The content-length differs from that of the body (RFC 9113 §8.1.1).
    ContentLengthDiffers,
}

/// What of a request goes into its field section, borrowed from the request.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a Method,
    /// `:scheme`; none for CONNECT, unless extended.
    pub scheme: Option<&'a str>,
    /// `:authority`.
    pub authority: Option<&'a str>,
    /// `:path`; none for CONNECT, unless extended. Owned only when the URI lacks the slash.
    pub path: Option<Cow<'a, str>>,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub protocol: Option<&'a str>,
    /// The fields as the caller set them; not all are sent.
    pub headers: &'a HeaderMap,
    /// The content-length that is sent: the caller's field, or else what is known of the body.
    pub content_length: Option<u64>,
    /// For which a `priority` field is added: that of the request's extensions, unless the caller
    /// has written the field (RFC 9218 §5).
    pub priority: Option<Priority>,
}

impl<'a> RequestHead<'a> {
    /// Reads the head of a request whose URI is absolute (for CONNECT, an authority).
    ///
    /// `content_length` is what is known of the body; it is sent if the caller set none.
    ///
    /// # Errors
    /// [`RequestError`] when the request cannot be made well-formed.
    pub fn from_parts(
        parts: &'a request::Parts,
        content_length: Option<u64>,
    ) -> Result<Self, RequestError> {
        Self::from_parts_on(None, parts, content_length)
    }

    /// As [`from_parts`](Self::from_parts), for a connection whose scheme is known: it is used
    /// where the URI has none.
    ///
    /// # Errors
    /// [`RequestError`] when the request cannot be made well-formed.
    pub fn from_parts_on(
        scheme: Option<&'a str>,
        parts: &'a request::Parts,
        content_length: Option<u64>,
    ) -> Result<Self, RequestError> {
        let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
        let is_connect = parts.method == Method::CONNECT;
        // RFC 8441 §4.
        if protocol.is_some() && !is_connect {
            return Err(RequestError::ProtocolMisplaced);
        }
        let scheme = parts.uri.scheme_str().or(scheme);
        let mut head = Self {
            method: &parts.method,
            scheme,
            authority: None,
            path: None,
            protocol,
            headers: &parts.headers,
            content_length: content_length::declared(&parts.headers, content_length)?,
            priority: priority::added(&parts.headers, &parts.extensions),
        };
        if is_connect && protocol.is_none() {
            // RFC 9113 §8.5: `:scheme` and `:path` "MUST be omitted", and the port belongs to the
            // target, so it is kept even where a scheme would mean it.
            head.scheme = None;
        } else {
            head.scheme = Some(scheme.ok_or(RequestError::SchemeMissing)?);
            let path = target::path(&parts.method, parts.uri.path_and_query());
            head.path = Some(path.map_err(|_| RequestError::PathInvalid)?);
        }
        let authority = authority::choose(parts.uri.authority(), &parts.headers, head.scheme)?;
        head.authority = Some(authority::normalize(authority, head.scheme));
        Ok(head)
    }

    /// Hands over every field line in order: pseudo-header fields first (RFC 9113 §8.3), then the
    /// caller's fields but for those that must not be sent, then content-length and `priority`.
    pub fn for_each_field(&self, emit: &mut impl FnMut(FieldRef<'_>)) {
        let pseudo = [
            (":method", Some(self.method.as_str())),
            (":scheme", self.scheme),
            (":authority", self.authority),
            (":path", self.path.as_deref()),
            (":protocol", self.protocol),
        ];
        for (name, value) in pseudo {
            if let Some(value) = value {
                emit(plain(name, value.as_bytes()));
            }
        }
        let nominates = self.headers.contains_key(header::CONNECTION);
        for (name, value) in self.headers {
            if is_sent_otherwise(name)
                || headers::is_connection_specific(name)
                || (nominates && headers::is_nominated(self.headers, name))
            {
                continue;
            }
            // RFC 9113 §8.2.1: a value "MUST NOT start or end with" white space.
            let field = FieldRef {
                name: name.as_str().as_bytes(),
                value: headers::trim(value.as_bytes()),
                sensitive: value.is_sensitive(),
            };
            if *name == header::COOKIE {
                for_each_crumb(field, emit);
            } else {
                emit(field);
            }
        }
        self.rewritten_fields(nominates, emit);
    }

    /// The fields that are not sent as the caller wrote them, and those that the caller did not write.
    fn rewritten_fields(&self, nominates: bool, emit: &mut impl FnMut(FieldRef<'_>)) {
        // RFC 9113 §8.2.2: `te` may say `trailers` and nothing else.
        if self.headers.contains_key(header::TE)
            && headers::te_asks_for_trailers(self.headers)
            && !(nominates && headers::is_nominated(self.headers, &header::TE))
        {
            emit(plain("te", b"trailers"));
        }
        if let Some(length) = self.content_length {
            emit(plain(
                "content-length",
                content_length::Decimal::new(length).as_bytes(),
            ));
        }
        if let Some(value) = self.priority.and_then(Priority::field_value) {
            emit(plain("priority", value.as_bytes()));
        }
    }

    /// What the field section counts against the peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113
    /// §6.5.2): name, value and 32 for each field line.
    #[must_use]
    pub fn list_size(&self) -> usize {
        let mut size = 0;
        self.for_each_field(&mut |field| {
            size += field.name.len() + field.value.len() + FIELD_OVERHEAD;
        });
        size
    }
}

/// Hands over the field lines of a trailer section; what may not be a trailer is left out (RFC
/// 9110 §6.5.1).
pub fn trailer_fields(trailers: &HeaderMap, emit: &mut impl FnMut(FieldRef<'_>)) {
    let nominates = trailers.contains_key(header::CONNECTION);
    for (name, value) in trailers {
        if headers::is_forbidden_in_trailers(name)
            || (nominates && headers::is_nominated(trailers, name))
        {
            continue;
        }
        emit(FieldRef {
            name: name.as_str().as_bytes(),
            value: headers::trim(value.as_bytes()),
            sensitive: value.is_sensitive(),
        });
    }
}

/// Whether [`trailer_fields`] hands over any.
#[must_use]
pub fn has_trailer_fields(trailers: &HeaderMap) -> bool {
    let mut any = false;
    trailer_fields(trailers, &mut |_| any = true);
    any
}

/// The fields that [`RequestHead`] sends in another form: `:authority` for `host`, and the two
/// that are rewritten.
fn is_sent_otherwise(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "te" | "content-length")
}

/// Cuts a cookie into its pairs, each a field line of its own: those that change cost those that
/// do not less (RFC 9113 §8.2.3).
fn for_each_crumb(cookie: FieldRef<'_>, emit: &mut impl FnMut(FieldRef<'_>)) {
    let mut rest = cookie.value;
    loop {
        let end = rest.windows(2).position(|octets| octets == b"; ");
        let (crumb, tail) = end.map_or((rest, None), |end| (&rest[..end], Some(&rest[end + 2..])));
        emit(FieldRef {
            value: headers::trim(crumb),
            ..cookie
        });
        match tail {
            Some(tail) => rest = tail,
            None => return,
        }
    }
}

impl From<AuthorityFault> for RequestError {
    fn from(fault: AuthorityFault) -> Self {
        match fault {
            AuthorityFault::Missing => Self::AuthorityMissing,
            AuthorityFault::Invalid => Self::HostInvalid,
            AuthorityFault::Differs => Self::HostDiffers,
        }
    }
}

impl From<LengthFault> for RequestError {
    fn from(fault: LengthFault) -> Self {
        match fault {
            LengthFault::Invalid => Self::ContentLengthInvalid,
            LengthFault::Differs => Self::ContentLengthDiffers,
        }
    }
}

const fn plain<'a>(name: &'static str, value: &'a [u8]) -> FieldRef<'a> {
    FieldRef {
        name: name.as_bytes(),
        value,
        sensitive: false,
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SchemeMissing => "the URI has no scheme",
            Self::AuthorityMissing => "neither the URI nor a host field names an authority",
            Self::HostInvalid => "the host field is no host and port",
            Self::HostDiffers => "the host field differs from the URI's authority",
            Self::PathInvalid => "the path does not begin with a slash",
            Self::ProtocolMisplaced => "a protocol can be asked for by CONNECT only",
            Self::ContentLengthInvalid => "the content-length is no number",
            Self::ContentLengthDiffers => "the content-length is not that of the body",
        })
    }
}

impl std::error::Error for RequestError {}
