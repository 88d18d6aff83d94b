//! A response body between its connection and its caller: where content is decoded.
//!
//! Owns: the trailers while decoded octets are still to be read before them. Everything that a part
//! decodes to is given before the next part is taken, so the peer's window opens only as decoded
//! octets are read, and a failure of the connection is told as such, never as content cut short.

use std::{
    mem,
    task::{Context, Poll, ready},
};

use http::HeaderMap;

use super::{slot::Part, source::Source};
use crate::{
    decode::{DecodeError, DecodeErrorKind, Decoder, Pulled},
    error::{Error, Kind, Retry, Scope},
};

/// The decoder of a body.
#[derive(Debug)]
pub(super) struct Decoding {
    decoder: Decoder,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// No part has been taken.
    Untouched,
    Begun,
    /// The connection has brought everything; the trailers are to be given after the content.
    Brought(Option<HeaderMap>),
    /// All was given.
    Ended,
}

impl Decoding {
    /// Parts that may come to nothing before others get their turn: a peer that sends nothing but
    /// empty gzip members holds up nobody's executor.
    const MAX_FRUITLESS: u32 = 32;

    pub(super) const fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            progress: Progress::Untouched,
        }
    }

    /// Waits for the next part, decoded.
    pub(super) fn poll_part(
        &mut self,
        source: &mut Source,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Part, Error>>> {
        for _ in 0..Self::MAX_FRUITLESS {
            match self.decoder.pull() {
                Ok(Pulled::Data(data)) => return Poll::Ready(Some(Ok(Part::Data(data)))),
                Ok(Pulled::End) => {
                    let trailers = match mem::replace(&mut self.progress, Progress::Ended) {
                        Progress::Brought(trailers) => trailers,
                        Progress::Untouched | Progress::Begun | Progress::Ended => None,
                    };
                    return Poll::Ready(trailers.map(|trailers| Ok(Part::Trailers(trailers))));
                }
                Ok(Pulled::NeedsInput) => {}
                Err(cause) => return Poll::Ready(Some(Err(source.locate(failed(cause))))),
            }
            match ready!(source.poll_part(cx)) {
                Some(Ok(Part::Data(data))) => {
                    self.progress = Progress::Begun;
                    self.decoder.push(data);
                }
                Some(Ok(Part::Trailers(trailers))) => self.finish(Some(trailers)),
                None => self.finish(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.decoder.finish();
        self.progress = Progress::Brought(trailers);
    }

    /// Whether no part has been taken, so that nothing is lost by leaving the decoder out.
    pub(super) const fn is_untouched(&self) -> bool {
        matches!(self.progress, Progress::Untouched)
    }

    /// Whether nothing more comes. An encoded body that has begun may still turn out to be cut
    /// short, until its end was asked for.
    pub(super) fn is_exhausted(&self, source: &Source) -> bool {
        match self.progress {
            Progress::Untouched => source.is_exhausted(),
            Progress::Begun | Progress::Brought(_) => false,
            Progress::Ended => true,
        }
    }

    /// Octets that are still to come, where that is known.
    pub(super) fn remaining(&self, source: &Source) -> Option<u64> {
        self.is_exhausted(source).then_some(0)
    }
}

/// What a failure to decode is to the caller. The same request would bring the same octets, unless
/// they were cut short on the way to a server that passed them on.
pub(crate) fn failed(cause: DecodeError) -> Error {
    let retry = match cause.kind() {
        DecodeErrorKind::Truncated => Retry::IfIdempotent,
        _ => Retry::Never,
    };
    Error::new(Kind::Decode, Scope::Stream, retry).with_source(cause)
}
