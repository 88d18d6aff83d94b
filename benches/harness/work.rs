//! What clients are asked to do, and what a client's process tells of it.

use std::{
    fmt,
    pin::Pin,
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::prepared::{LARGE, Role};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A way to load a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) is_http2: bool,
    pub(crate) content: Content,
    pub(crate) is_tls: bool,
    /// Threads of the runtime.
    pub(crate) threads: usize,
    /// Requests that are under way at any time.
    pub(crate) at_once: u32,
    /// Servers, each asked in turn.
    pub(crate) netlocs: usize,
    /// Requests that are measured, and those before them.
    pub(crate) requests: u32,
    pub(crate) warm_up: u32,
    /// Whether each request is timed, which costs a little itself.
    pub(crate) is_timed: bool,
}

/// What is sent and asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A GET that is answered by 13 octets.
    Small,
    /// A POST of so many octets that are there at once.
    Post(usize),
    /// A GET of 256 MiB.
    Download,
    /// As many sent, in pieces.
    Upload,
}

/// Small GETs over HTTP/2 without TLS, a hundred at once on one thread: where the others differ.
const GETS: Work = Work {
    name: "get",
    is_http2: true,
    content: Content::Small,
    is_tls: false,
    threads: 1,
    at_once: 100,
    netlocs: 1,
    requests: 60_000,
    warm_up: 10_000,
    is_timed: false,
};

const ONE: Work = Work {
    at_once: 1,
    requests: 1,
    warm_up: 1,
    ..GETS
};

/// Every work, by name.
pub(crate) const WORKS: [Work; 13] = [
    GETS,
    Work {
        name: "get-2-threads",
        threads: 2,
        ..GETS
    },
    Work {
        name: "get-timed",
        is_timed: true,
        ..GETS
    },
    Work {
        name: "get-one-timed",
        at_once: 1,
        requests: 8_000,
        warm_up: 1_000,
        is_timed: true,
        ..GETS
    },
    Work {
        name: "download",
        content: Content::Download,
        ..ONE
    },
    Work {
        name: "download-tls",
        content: Content::Download,
        is_tls: true,
        ..ONE
    },
    Work {
        name: "upload",
        content: Content::Upload,
        ..ONE
    },
    Work {
        name: "upload-tls",
        content: Content::Upload,
        is_tls: true,
        ..ONE
    },
    Work {
        name: "post",
        content: Content::Post(10_000),
        requests: 20_000,
        warm_up: 3_000,
        ..GETS
    },
    Work {
        name: "netlocs",
        netlocs: 1_000,
        requests: 20_000,
        warm_up: 2_000,
        ..GETS
    },
    Work {
        name: "netlocs-10000",
        netlocs: 1_000,
        at_once: 10_000,
        requests: 60_000,
        warm_up: 20_000,
        ..GETS
    },
    Work {
        name: "streams-10000",
        netlocs: 10,
        at_once: 10_000,
        requests: 100_000,
        warm_up: 20_000,
        ..GETS
    },
    Work {
        name: "http1-get",
        is_http2: false,
        requests: 30_000,
        warm_up: 3_000,
        ..GETS
    },
];

impl Work {
    pub(crate) fn named(name: &str) -> Option<Self> {
        WORKS.into_iter().find(|work| work.name == name)
    }

    /// The same with fewer requests.
    pub(crate) const fn divided(self, divisor: u32) -> Self {
        Self {
            requests: self.requests.div_ceil(divisor),
            warm_up: self.warm_up.div_ceil(divisor),
            ..self
        }
    }

    /// Where the work is done.
    pub(crate) const fn role(&self) -> Role {
        match (self.content, self.is_tls) {
            (Content::Download, true) => Role::LargeTls,
            (Content::Download, false) => Role::Large,
            (_, true) => Role::SmallTls,
            (_, false) => Role::Small,
        }
    }

    /// Octets of content that one request moves, if that is what matters.
    pub(crate) const fn octets(&self) -> Option<u64> {
        match self.content {
            Content::Download | Content::Upload => Some(LARGE),
            Content::Small | Content::Post(_) => None,
        }
    }
}

/// What a client's process found, as one line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finding {
    pub(crate) requests: u32,
    /// Processor time of the client, and of the server meanwhile.
    pub(crate) client: Duration,
    pub(crate) server: Duration,
    pub(crate) wall: Duration,
    /// Of the requests that were timed.
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.requests)?;
        let times = [self.client, self.server, self.wall, self.median, self.p99];
        times
            .iter()
            .try_for_each(|time| write!(f, " {}", time.as_nanos()))
    }
}

impl FromStr for Finding {
    type Err = BoxError;

    fn from_str(line: &str) -> Result<Self, BoxError> {
        let mut words = line.split_whitespace();
        let mut number = || -> Result<u64, BoxError> {
            let word = words.next();
            Ok(word.ok_or("the line is too short")?.parse()?)
        };
        let requests = number()?.try_into()?;
        let mut time = || number().map(Duration::from_nanos);
        Ok(Self {
            requests,
            client: time()?,
            server: time()?,
            wall: time()?,
            median: time()?,
            p99: time()?,
        })
    }
}

/// The body of a request.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Empty,
    Whole(Bytes),
    /// A piece, so many octets long in all.
    Pieces(Bytes, u64),
}

impl Payload {
    pub(crate) fn of(content: Content) -> Self {
        match content {
            Content::Small | Content::Download => Self::Empty,
            Content::Post(octets) => Self::Whole(vec![b'x'; octets].into()),
            Content::Upload => Self::Pieces(vec![b'x'; 64 << 10].into(), LARGE),
        }
    }

    /// The next octets, if there are any.
    pub(crate) fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Empty => None,
            Self::Whole(octets) => {
                let octets = std::mem::take(octets);
                *self = Self::Empty;
                Some(octets)
            }
            Self::Pieces(piece, left) => {
                let piece =
                    piece.slice(..piece.len().min((*left).try_into().unwrap_or(usize::MAX)));
                *left -= piece.len() as u64;
                if *left == 0 {
                    *self = Self::Empty;
                }
                Some(piece)
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Whole(octets) => octets.len() as u64,
            Self::Pieces(_, left) => *left,
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.next().map(|octets| Ok(Frame::data(octets))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len())
    }
}
