//! The one public error: what failed, how far it reaches, what it touched, and whether to retry.
//!
//! Owns: the vocabulary of failures. Lower layers have error types of their own, which are
//! converted on the way up and stay reachable through `source()`.

use std::{error::Error as StdError, fmt, net::SocketAddr, sync::Arc};

use crate::{
    http2::{ErrorCode, StreamId},
    netloc::Netloc,
};

/// Any error, as tower and http-body box it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong, and with what.
///
/// Cheap to clone: when one dial serves many callers, each gets the same error.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: Kind,
    scope: Scope,
    retry: Retry,
    code: Option<(ErrorCode, Initiator)>,
    netloc: Option<Netloc>,
    addresses: Vec<SocketAddr>,
    alpn: Option<Arc<[u8]>>,
    stream_id: Option<StreamId>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The sort of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The request's URI is relative or its authority is unusable.
    Uri,
    /// The URI's scheme is neither `http` nor `https`.
    Scheme,
    /// The request cannot be said in HTTP (a forbidden field, a CONNECT without a proxy,
    /// a head above the peer's limit).
    Request,
    /// The caller's request body failed, panicked, or disagreed with its content-length.
    RequestBody,
    /// The host's name did not resolve.
    Dns,
    /// No address of the host accepted a connection.
    Connect,
    /// The server's certificate was not acceptable.
    Certificate,
    /// The TLS handshake failed for another reason, or TLS is not configured.
    Tls,
    /// TLS chose no protocol that this transport can speak here.
    Alpn,
    /// The server answered the HTTP/2 preface with something else.
    NotHttp2,
    /// The peer broke a rule of HTTP/2.
    Protocol,
    /// The response was malformed: on HTTP/2 its stream was reset, and the connection goes on; on
    /// HTTP/1.1 the connection was closed.
    MalformedResponse,
    /// The stream was reset, by the peer or by the caller: see [`Error::initiator`].
    Reset,
    /// The peer sent GOAWAY and did not process the request (RFC 9113 §6.8).
    GoAway,
    /// The response's content is not what its `content-encoding` says, or decodes to more than
    /// the bounds allow ([`decode::Limits`](crate::decode::Limits)); the source is a
    /// [`DecodeError`](crate::decode::DecodeError).
    Decode,
    /// More was to be read at once than the caller's bound; what was read meanwhile is kept.
    TooLarge,
    /// A receive window was used up for longer than
    /// [`http2::Config::stall_timeout`](crate::http2::Config::stall_timeout), although everything was
    /// read: its [manager](crate::window::WindowManager) did not increase it.
    WindowStalled,
    /// The connection closed before the response head.
    Closed,
    /// The connection closed amid the response body.
    Truncated,
    /// Reading or writing the connection failed.
    Io,
    /// A time limit ran out.
    Timeout(Phase),
    /// More callers wait for a connection to this netloc than the pool's bound, or more responses
    /// wait to be taken than the connection's.
    Overloaded,
    /// The response was taken before, or its stream was cancelled.
    ResponseTaken,
    /// There is no such request whose response could be taken.
    UnknownStream,
    /// The transport or the connection was shut down by the caller, or its runtime was.
    Shutdown,
}

/// Which time limit ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for a connection or a free stream on one.
    PoolWait,
    /// Resolving the host's name.
    Dns,
    /// Connecting by TCP.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The acknowledgement of our SETTINGS.
    Settings,
    /// The peer took none of our octets.
    WriteProgress,
    /// Waiting for the response head.
    ResponseHead,
    /// Waiting for the next part of the response body.
    BodyIdle,
    /// The whole exchange, from the first poll of the call to the end of the response body.
    Whole,
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// This request alone; no connection was used for it, or none was harmed.
    Request,
    /// This stream; others on the connection go on.
    Stream,
    /// The connection, and every stream on it.
    Connection,
    /// No connection to the netloc could be made.
    Netloc,
}

/// Who sent an error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// We did: the peer was at fault, or the caller cancelled.
    Local,
    /// The peer did.
    Peer,
}

/// Whether the request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The peer never processed the request: sending it again cannot do anything twice.
    Safe,
    /// The peer may have processed it: send it again only if doing it twice is harmless
    /// (RFC 9110 §9.2.2).
    IfIdempotent,
    /// Sending the same request again would fail the same way.
    Never,
}

impl Error {
    pub(crate) fn new(kind: Kind, scope: Scope, retry: Retry) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                scope,
                retry,
                code: None,
                netloc: None,
                addresses: Vec::new(),
                alpn: None,
                stream_id: None,
                source: None,
            }),
        }
    }

    fn amend(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    pub(crate) fn with_source(self, source: impl Into<BoxError>) -> Self {
        let source: BoxError = source.into();
        self.amend(|inner| inner.source = Some(Arc::from(source)))
    }

    pub(crate) fn with_code(self, code: ErrorCode, by: Initiator) -> Self {
        self.amend(|inner| inner.code = Some((code, by)))
    }

    pub(crate) fn with_netloc(self, netloc: &Netloc) -> Self {
        self.amend(|inner| inner.netloc = Some(netloc.clone()))
    }

    pub(crate) fn with_addresses(self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.amend(|inner| inner.addresses = addresses.into_iter().collect())
    }

    pub(crate) fn with_alpn(self, alpn: &[u8]) -> Self {
        self.amend(|inner| inner.alpn = Some(Arc::from(alpn)))
    }

    pub(crate) fn with_stream_id(self, stream_id: impl Into<Option<StreamId>>) -> Self {
        self.amend(|inner| inner.stream_id = stream_id.into())
    }

    pub(crate) fn with_retry(self, retry: Retry) -> Self {
        self.amend(|inner| inner.retry = retry)
    }

    /// The sort of failure.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// How far the failure reaches.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.inner.scope
    }

    /// Whether the request may be sent again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.inner.retry
    }

    /// Whether a time limit ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.kind, Kind::Timeout(_))
    }

    /// The HTTP/2 error code that was sent, if one was (RFC 9113 §7).
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.inner.code.map(|(code, _)| code)
    }

    /// Who sent the [`code`](Self::code).
    #[must_use]
    pub fn initiator(&self) -> Option<Initiator> {
        self.inner.code.map(|(_, by)| by)
    }

    /// The netloc of the request.
    #[must_use]
    pub fn netloc(&self) -> Option<&Netloc> {
        self.inner.netloc.as_ref()
    }

    /// The addresses that were tried, or the one connected to.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.inner.addresses
    }

    /// The protocol that TLS chose, if it got so far.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        self.inner.alpn.as_deref()
    }

    /// The stream that was touched.
    #[must_use]
    pub fn stream_id(&self) -> Option<StreamId> {
        self.inner.stream_id
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uri => "the request's URI is unusable",
            Self::Scheme => "the request's scheme is not supported",
            Self::Request => "the request cannot be sent",
            Self::RequestBody => "the request's body failed",
            Self::Dns => "the host's name did not resolve",
            Self::Connect => "no connection could be made",
            Self::Certificate => "the server's certificate is not acceptable",
            Self::Tls => "TLS cannot be used",
            Self::Alpn => "TLS chose a protocol that cannot be used here",
            Self::NotHttp2 => "the server does not speak HTTP/2",
            Self::Protocol => "the peer broke a rule of HTTP/2",
            Self::MalformedResponse => "the response is malformed",
            Self::Reset => "the stream was reset",
            Self::GoAway => "the peer is going away and did not process the request",
            Self::Decode => "the response's content cannot be decoded",
            Self::TooLarge => "the response's content is larger than asked for",
            Self::WindowStalled => "the window was not increased by its manager",
            Self::Closed => "the connection closed before the response",
            Self::Truncated => "the connection closed amid the response",
            Self::Io => "reading or writing the connection failed",
            Self::Timeout(phase) => return write!(f, "{phase} took too long"),
            Self::Overloaded => "too many requests wait for a connection",
            Self::ResponseTaken => "the response was taken before",
            Self::UnknownStream => "there is no such request",
            Self::Shutdown => "the transport is shut down",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PoolWait => "waiting for a connection",
            Self::Dns => "resolving the host's name",
            Self::Tcp => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Settings => "the acknowledgement of SETTINGS",
            Self::WriteProgress => "writing",
            Self::ResponseHead => "the response head",
            Self::BodyIdle => "the next part of the response body",
            Self::Whole => "the whole exchange",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        fmt::Display::fmt(&inner.kind, f)?;
        if let Some(netloc) = &inner.netloc {
            write!(f, " [{netloc}]")?;
        }
        if let Some(stream_id) = inner.stream_id {
            write!(f, " [stream {stream_id}]")?;
        }
        if let Some((code, by)) = inner.code {
            let by = match by {
                Initiator::Local => "sent",
                Initiator::Peer => "received",
            };
            write!(f, " [{by} {code}]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("scope", &inner.scope)
            .field("retry", &inner.retry)
            .field("code", &inner.code)
            .field("netloc", &inner.netloc)
            .field("addresses", &inner.addresses)
            .field("alpn", &inner.alpn.as_deref().map(String::from_utf8_lossy))
            .field("stream_id", &inner.stream_id)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner
            .source
            .as_deref()
            .map(|source| -> &(dyn StdError + 'static) { source })
    }
}
