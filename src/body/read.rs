//! Reading a response body by methods.
//!
//! Owns: nothing; what a method has read and not given lies in the body, so that every future here
//! may be dropped at any time without a loss.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use http_body::Body;

use super::{BodyReader, ResponseBody, slot::Part};
use crate::error::{Error, Kind, Retry, Scope};

impl ResponseBody {
    /// How many octets of unread content [`trailers`](Self::trailers) keeps, at most: 64 KiB.
    pub const MAX_BEFORE_TRAILERS: usize = 64 << 10;

    /// Reads everything that is left, up to `limit` octets, decoded if the body is. At the end, and
    /// ever after, that is nothing. Content that came as one piece is not copied. Trailers are there
    /// for [`trailers`](Self::trailers) afterwards.
    ///
    /// # Errors
    ///
    /// [`Kind::TooLarge`] if more is left, as soon as that is known: at once where the length was
    /// announced, and never with more in memory than `limit` and the piece that went beyond it.
    /// Otherwise the error that ended the body. In both cases what was read stays readable.
    ///
    /// **Cancellation.** Dropping the future loses nothing.
    pub async fn read_all(&mut self, limit: usize) -> Result<Bytes, Error> {
        poll_fn(|cx| {
            while ready!(self.poll_more(cx, limit as u64))? {}
            Poll::Ready(Ok(()))
        })
        .await?;
        Ok(self.take(usize::MAX))
    }

    /// Waits until `count` octets are there, decoded if the body is, and gives exactly these; fewer
    /// only at the end of the body, and none only after it, or if `count` is 0, which does nothing.
    /// What came beyond them is kept for whatever is read next.
    ///
    /// # Errors
    ///
    /// The error that ended the body, if it did before `count` octets; those before it can be read
    /// by [`chunk`](Self::chunk).
    ///
    /// **Cancellation.** Dropping the future loses nothing.
    pub async fn read(&mut self, count: usize) -> Result<Bytes, Error> {
        poll_fn(|cx| {
            while self.kept_len() < count && ready!(self.poll_more(cx, u64::MAX))? {}
            Poll::Ready(Ok(()))
        })
        .await?;
        Ok(self.take(count))
    }

    /// Waits for the next piece, as it arrives; `None` at the end, for ever.
    ///
    /// Undecoded and over HTTP/2, a piece is the content of one DATA frame (RFC 9113 §6.1), but for
    /// two things: a frame without content gives no piece, and small ones of a long backlog are
    /// given together.
    /// Decoded, it is what could be decoded so far, in pieces of at most 32 KiB, and never empty.
    /// What an earlier [`read`](Self::read) or [`trailers`](Self::trailers) kept comes first.
    ///
    /// # Errors
    ///
    /// The error that ended the body, each time.
    ///
    /// **Cancellation.** Dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// The pieces of [`chunk`](Self::chunk) as a stream, which ends after an error. The body can be
    /// read on, or its [`trailers`](Self::trailers) asked for, when the stream is dropped.
    pub fn chunks(&mut self) -> Chunks<'_> {
        Chunks {
            body: self,
            has_failed: false,
        }
    }

    /// The trailers, after reading to the end of the body; `None` if there are none, or
    /// `http_body::Body` has already given them. They can be asked for again. Unread content stays
    /// readable.
    ///
    /// # Errors
    ///
    /// [`Kind::TooLarge`] if more than [`MAX_BEFORE_TRAILERS`](Self::MAX_BEFORE_TRAILERS) octets of
    /// content come before them: read those first. Otherwise the error that ended the body. In both
    /// cases the content that was read stays readable.
    ///
    /// **Cancellation.** Dropping the future loses nothing.
    pub async fn trailers(&mut self) -> Result<Option<HeaderMap>, Error> {
        poll_fn(|cx| {
            while ready!(self.poll_more(cx, Self::MAX_BEFORE_TRAILERS as u64))? {}
            Poll::Ready(Ok(()))
        })
        .await?;
        Ok(self.kept().and_then(|kept| kept.trailers()).cloned())
    }

    /// The body as [`AsyncRead`](tokio::io::AsyncRead) and [`AsyncBufRead`](tokio::io::AsyncBufRead).
    #[must_use]
    pub fn into_reader(self) -> BodyReader {
        BodyReader::new(self)
    }

    fn kept_len(&self) -> usize {
        self.kept().map_or(0, |kept| kept.len())
    }

    fn take(&mut self, count: usize) -> Bytes {
        // Nothing is kept where nothing was read.
        match self.kept() {
            Some(_) => self.kept_mut().take(count),
            None => Bytes::new(),
        }
    }

    /// Reads one more piece and keeps it, unless that makes more than `limit` octets; false at the
    /// end.
    pub(super) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        limit: u64,
    ) -> Poll<Result<bool, Error>> {
        if let Some(error) = self.kept().and_then(|kept| kept.failure()) {
            return Poll::Ready(Err(error.clone()));
        }
        if self.size_hint().lower() > limit {
            return Poll::Ready(Err(too_large(limit)));
        }
        Poll::Ready(match ready!(self.poll_part(cx)) {
            Some(Ok(Part::Data(data))) => {
                let remaining = self.remaining().unwrap_or(0);
                self.kept_mut().push(data, remaining);
                Ok(true)
            }
            Some(Ok(Part::Trailers(trailers))) => {
                self.kept_mut().keep_trailers(trailers);
                Ok(false)
            }
            Some(Err(error)) => Err(error),
            None => Ok(false),
        })
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.kept().is_some() {
            let kept = self.kept_mut();
            if let Some(piece) = kept.take_piece() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(error) = kept.failure() {
                return Poll::Ready(Some(Err(error.clone())));
            }
        }
        Poll::Ready(match ready!(self.poll_part(cx)) {
            Some(Ok(Part::Data(data))) => Some(Ok(data)),
            Some(Ok(Part::Trailers(trailers))) => {
                self.kept_mut().keep_trailers(trailers);
                None
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(Kind::TooLarge, Scope::Request, Retry::Never)
        .with_source(format!("more than {limit} octets"))
}

/// The pieces of a body, as they arrive: see [`ResponseBody::chunks`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Chunks<'a> {
    body: &'a mut ResponseBody,
    has_failed: bool,
}

impl Stream for Chunks<'_> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.body.poll_chunk(cx));
        self.has_failed = matches!(chunk, Some(Err(_)));
        Poll::Ready(chunk)
    }
}
