//! Request heads and trailer sections on their way out.
//!
//! Owns: the form of the request target, `host`, the choice between content-length and chunked,
//! and which of the caller's fields become which field lines.
//! Refuses: to know what has been sent.
//! Invariant: what is encoded is one well-formed head (RFC 9112 §2.1) whose framing is the one that
//! the body is then sent in; what cannot be made so is refused before an octet is written.
//! Spec: RFC 9112 §3, §6.1, §6.2, §6.3, §7.1.2; RFC 9110 §7.2, §7.6.1, §7.8, §8.6, §9.3.6, §9.3.8,
//! §10.1.

use std::{borrow::Cow, fmt};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header, request, uri};

use crate::{
    headers::{
        self,
        authority::{self, AuthorityFault},
        content_length::{self, Decimal, LengthFault},
        target,
    },
    priority::{self, Priority},
};

/// The form in which a request names its target (RFC 9112 §3.2).
///
/// CONNECT has the authority form, and OPTIONS of `*` the asterisk form, whichever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// Path and query: what an origin server gets, through a tunnel too (RFC 9112 §3.2.1).
    #[default]
    Origin,
    /// The whole URI: what a proxy gets (RFC 9112 §3.2.2).
    Absolute,
}

/// What is known of a body's length before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// Exactly so many octets; 0 for none.
    Known(u64),
    /// It ends when it ends.
    Unknown,
}

impl From<Option<u64>> for BodyLength {
    fn from(octets: Option<u64>) -> Self {
        octets.map_or(Self::Unknown, Self::Known)
    }
}

/// How a request's body is framed (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// There is none, and nothing says so.
    None,
    /// By content-length.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
}

/// Why a request cannot be said in HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestError {
    /// The URI has no scheme, and the target is to be absolute (RFC 9112 §3.2.2).
    SchemeMissing,
    /// Neither the URI nor a `host` field names an authority (RFC 9112 §3.2).
    AuthorityMissing,
    /// A CONNECT without a port (RFC 9112 §3.2.3).
    PortMissing,
    /// A `host` field is no authority, or there are several that differ (RFC 9110 §7.2).
    HostInvalid,
    /// The `host` field is not the URI's authority: servers would disagree on which one counts
    /// (RFC 9112 §3.2).
    HostDiffers,
    /// The path begins with no slash, or it is `*` and the method is not OPTIONS (RFC 9112 §3.2).
    PathInvalid,
    /// The content-length is no number, or differs from another (RFC 9110 §8.6).
    ContentLengthInvalid,
    /// The content-length differs from that of the body (RFC 9110 §8.6).
    ContentLengthDiffers,
    /// A transfer-encoding other than `chunked` alone: we apply no other (RFC 9112 §6.1).
    TransferEncodingUnknown,
    /// Both content-length and transfer-encoding (RFC 9112 §6.2).
    LengthAndCoding,
    /// A body on CONNECT or TRACE (RFC 9110 §9.3.6, §9.3.8).
    ContentForbidden,
}

/// What a request's head says, borrowed from the request.
#[derive(Clone, Debug)]
pub struct RequestHead<'a> {
    method: &'a Method,
    target: TargetForm<'a>,
    /// The `host` that goes out first; none if the caller gave one.
    host: Option<&'a str>,
    headers: &'a HeaderMap,
    framing: BodyFraming,
    spelling: &'a [Bytes],
    /// For which a field is added (RFC 9218 §5).
    priority: Option<Priority>,
}

/// The request target as it is written.
#[derive(Clone, Debug)]
enum TargetForm<'a> {
    /// Origin form and asterisk form.
    Path(Cow<'a, str>),
    Absolute {
        scheme: &'a str,
        authority: &'a str,
        path: Cow<'a, str>,
    },
    Authority(&'a str),
}

impl<'a> RequestHead<'a> {
    /// Reads the head of a request, and settles how its body is framed:
    ///
    /// | the caller's fields | length | framing |
    /// |---|---|---|
    /// | `transfer-encoding: chunked` | any | chunked |
    /// | `content-length` | the same, or unknown | by that length |
    /// | neither | 0 | none; for POST, PUT and PATCH `content-length: 0` (RFC 9110 §8.6) |
    /// | neither | known | by that length |
    /// | neither | unknown | chunked |
    ///
    /// # Errors
    /// [`RequestError`] when the request cannot be made well-formed.
    pub fn from_parts(
        parts: &'a request::Parts,
        target: Target,
        body: BodyLength,
    ) -> Result<Self, RequestError> {
        let (method, headers) = (&parts.method, &parts.headers);
        let scheme = parts.uri.scheme_str();
        let is_connect = method == Method::CONNECT;
        // RFC 9112 §3.2.3: the port belongs to the target of CONNECT, even where a scheme would
        // mean it.
        let scheme_of_authority = scheme.filter(|_| !is_connect);
        let chosen = authority::choose(parts.uri.authority(), headers, scheme_of_authority)?;
        let authority = authority::normalize(chosen, scheme_of_authority);
        let target = if is_connect {
            connect_target(authority)?
        } else {
            let path = target::path(method, parts.uri.path_and_query())
                .map_err(|_| RequestError::PathInvalid)?;
            match target {
                Target::Origin => TargetForm::Path(path),
                Target::Absolute => TargetForm::Absolute {
                    scheme: scheme.ok_or(RequestError::SchemeMissing)?,
                    authority,
                    // RFC 9112 §3.2.4: the last proxy makes an asterisk of the empty path.
                    path: if target::is_asterisk(method, &path) {
                        Cow::Borrowed("")
                    } else {
                        path
                    },
                },
            }
        };
        Ok(Self {
            method,
            target,
            host: (!headers.contains_key(header::HOST)).then_some(authority),
            headers,
            framing: framing(method, headers, body)?,
            spelling: &[],
            priority: priority::added(headers, &parts.extensions),
        })
    }

    /// Sends fields in the order and the letter case of `names`: the first time that a name
    /// stands there it takes the first value that the map has for it, and so on. Values are the
    /// map's alone; names without a value are passed over, and fields without a name here follow in
    /// the map's order.
    #[must_use]
    pub const fn spelling(mut self, names: &'a [Bytes]) -> Self {
        self.spelling = names;
        self
    }

    /// The content-length that is sent, if one is.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        match self.framing {
            BodyFraming::Length(octets) => Some(octets),
            BodyFraming::None | BodyFraming::Chunked => None,
        }
    }

    /// Whether the body is sent in the chunked transfer coding, the only one with a place for
    /// trailers (RFC 9112 §7.1.2).
    #[must_use]
    pub const fn is_chunked(&self) -> bool {
        matches!(self.framing, BodyFraming::Chunked)
    }

    pub(crate) const fn method(&self) -> &Method {
        self.method
    }

    pub(crate) const fn framing(&self) -> BodyFraming {
        self.framing
    }

    /// Whether the body waits for 100 (Continue) (RFC 9110 §10.1.1).
    pub(crate) fn expects_continue(&self) -> bool {
        self.has_content() && headers::has_member(self.headers, &header::EXPECT, "100-continue")
    }

    /// Whether the caller wants the connection closed after this exchange (RFC 9112 §9.6).
    pub(crate) fn closes(&self) -> bool {
        headers::has_member(self.headers, &header::CONNECTION, "close")
    }

    /// Whether the server may answer 101 (RFC 9110 §7.8).
    pub(crate) fn asks_to_upgrade(&self) -> bool {
        self.headers.contains_key(header::UPGRADE)
            && headers::is_nominated(self.headers, &header::UPGRADE)
    }

    const fn has_content(&self) -> bool {
        matches!(
            self.framing,
            BodyFraming::Length(1..) | BodyFraming::Chunked
        )
    }

    /// Writes the head, the empty line included.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        self.request_line(out);
        if let Some(host) = self.host {
            // RFC 9110 §7.2: it goes "as the first field in the header section".
            field_line(out, b"host", host.as_bytes());
        }
        for (index, spelled) in self.spelling.iter().enumerate() {
            let nth = occurrences(&self.spelling[..index], spelled);
            // What is no field name is equal to none.
            let value = HeaderName::from_bytes(spelled)
                .ok()
                .and_then(|name| Some((self.headers.get_all(&name).iter().nth(nth)?, name)));
            if let Some((value, name)) = value {
                self.callers_field(out, spelled, (&name, value), nth);
            }
        }
        let mut nth = 0;
        let mut last = None;
        for (name, value) in self.headers {
            nth = if last == Some(name) { nth + 1 } else { 0 };
            last = Some(name);
            let octets = name.as_str().as_bytes();
            if self.spelling.is_empty() || nth >= occurrences(self.spelling, octets) {
                self.callers_field(out, octets, (name, value), nth);
            }
        }
        self.added_fields(out);
        out.put_slice(b"\r\n");
    }

    fn request_line(&self, out: &mut BytesMut) {
        out.put_slice(self.method.as_str().as_bytes());
        out.put_u8(b' ');
        match &self.target {
            TargetForm::Path(path) => out.put_slice(path.as_bytes()),
            TargetForm::Authority(authority) => out.put_slice(authority.as_bytes()),
            TargetForm::Absolute {
                scheme,
                authority,
                path,
            } => {
                for part in [*scheme, "://", *authority, path] {
                    out.put_slice(part.as_bytes());
                }
            }
        }
        out.put_slice(b" HTTP/1.1\r\n");
    }

    /// Writes the `nth` line that the caller has for a name, unless it is not to be sent.
    fn callers_field(
        &self,
        out: &mut BytesMut,
        spelled: &[u8],
        (name, value): (&HeaderName, &HeaderValue),
        nth: usize,
    ) {
        match *name {
            // All lines of the two agree, and one says it.
            header::HOST | header::CONTENT_LENGTH if nth > 0 => {}
            header::CONTENT_LENGTH => {
                if let Some(length) = self.content_length() {
                    field_line(out, spelled, Decimal::new(length).as_bytes());
                }
            }
            // RFC 9110 §10.1.1: no such expectation "in a request that does not include content".
            header::EXPECT if !self.has_content() => {}
            _ => field_line(out, spelled, value.as_bytes()),
        }
    }

    /// Writes what the caller left to us.
    fn added_fields(&self, out: &mut BytesMut) {
        // RFC 9110 §10.1.4: whoever sends TE must name it in Connection, lest it is forwarded.
        if self.headers.contains_key(header::TE)
            && !headers::is_nominated(self.headers, &header::TE)
        {
            field_line(out, b"connection", b"te");
        }
        match self.framing {
            BodyFraming::Length(length) if !self.headers.contains_key(header::CONTENT_LENGTH) => {
                field_line(out, b"content-length", Decimal::new(length).as_bytes());
            }
            BodyFraming::Chunked if !self.headers.contains_key(header::TRANSFER_ENCODING) => {
                field_line(out, b"transfer-encoding", b"chunked");
            }
            BodyFraming::None | BodyFraming::Length(_) | BodyFraming::Chunked => {}
        }
        if let Some(value) = self.priority.and_then(Priority::field_value) {
            field_line(out, b"priority", value.as_bytes());
        }
    }
}

/// Writes a trailer section without its empty line; what may not be a trailer is left out
/// (RFC 9110 §6.5.1).
pub(crate) fn encode_trailers(trailers: &HeaderMap, out: &mut BytesMut) {
    let nominates = trailers.contains_key(header::CONNECTION);
    for (name, value) in trailers {
        if headers::is_forbidden_in_trailers(name)
            || (nominates && headers::is_nominated(trailers, name))
        {
            continue;
        }
        field_line(out, name.as_str().as_bytes(), value.as_bytes());
    }
}

/// RFC 9112 §5: name, colon, white space, value.
fn field_line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.put_slice(name);
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// How often a name stands among others, in any case.
fn occurrences(names: &[Bytes], name: &[u8]) -> usize {
    let is_same = |other: &&Bytes| other.eq_ignore_ascii_case(name);
    names.iter().filter(is_same).count()
}

/// RFC 9112 §3.2.3: host and port, both of them.
fn connect_target(authority: &str) -> Result<TargetForm<'_>, RequestError> {
    let port = authority
        .parse::<uri::Authority>()
        .ok()
        .and_then(|authority| authority.port_u16());
    port.map(|_| TargetForm::Authority(authority))
        .ok_or(RequestError::PortMissing)
}

fn framing(
    method: &Method,
    headers: &HeaderMap,
    body: BodyLength,
) -> Result<BodyFraming, RequestError> {
    let is_chunked = asks_for_chunked(headers)?;
    let is_declared = headers.contains_key(header::CONTENT_LENGTH);
    // RFC 9112 §6.2: no content-length "in any message that contains a Transfer-Encoding".
    if is_chunked && is_declared {
        return Err(RequestError::LengthAndCoding);
    }
    let of_body = match body {
        BodyLength::Known(octets) => Some(octets),
        BodyLength::Unknown => None,
    };
    let framing = match content_length::declared(headers, of_body)? {
        _ if is_chunked => BodyFraming::Chunked,
        None => BodyFraming::Chunked,
        Some(0) if !is_declared && !anticipates_content(method) => BodyFraming::None,
        Some(octets) => BodyFraming::Length(octets),
    };
    let has_content = !matches!(framing, BodyFraming::None | BodyFraming::Length(0));
    // RFC 9110 §9.3.6, §9.3.8.
    if has_content && (method == Method::CONNECT || method == Method::TRACE) {
        return Err(RequestError::ContentForbidden);
    }
    Ok(framing)
}

/// RFC 9110 §8.6: the methods of which content is expected, so that its absence is worth saying.
fn anticipates_content(method: &Method) -> bool {
    method == Method::POST || method == Method::PUT || method == Method::PATCH
}

/// Whether the caller's transfer-encoding is the one that we apply (RFC 9112 §6.1).
fn asks_for_chunked(headers: &HeaderMap) -> Result<bool, RequestError> {
    if !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(false);
    }
    let mut codings = headers::list(headers, &header::TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(RequestError::TransferEncodingUnknown),
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

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SchemeMissing => "the URI has no scheme",
            Self::AuthorityMissing => "neither the URI nor a host field names an authority",
            Self::PortMissing => "CONNECT to an authority without a port",
            Self::HostInvalid => "the host field is no host and port",
            Self::HostDiffers => "the host field differs from the URI's authority",
            Self::PathInvalid => "the path does not begin with a slash",
            Self::ContentLengthInvalid => "the content-length is no number",
            Self::ContentLengthDiffers => "the content-length is not that of the body",
            Self::TransferEncodingUnknown => "a transfer-encoding other than chunked",
            Self::LengthAndCoding => "both content-length and transfer-encoding",
            Self::ContentForbidden => "a body on a method that has none",
        })
    }
}

impl std::error::Error for RequestError {}
