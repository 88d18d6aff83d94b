//! A response body as a byte stream of tokio's.
//!
//! Owns: the translation of errors into those of `std::io`; octets wait in the body itself.

use std::{
    error::Error as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::ResponseBody;
use crate::{
    decode::{DecodeError, DecodeErrorKind},
    error::{Error, Kind},
};

/// A [`ResponseBody`] as [`AsyncRead`] and [`AsyncBufRead`], decoded if the body is: from
/// [`ResponseBody::into_reader`].
///
/// ```no_run
/// use tokio::io::AsyncBufReadExt;
///
/// # async fn show(response: http::Response<towline::ResponseBody>) -> std::io::Result<()> {
/// let mut lines = response.into_body().into_reader().lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// **Errors.** [`io::Error`] of the kind [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) where the
/// connection or the content ended too early, [`TimedOut`](io::ErrorKind::TimedOut) for a time
/// limit, [`InvalidData`](io::ErrorKind::InvalidData) for content that cannot be decoded, and
/// [`Other`](io::ErrorKind::Other); inside it is the [`Error`]. Each further read says it again.
#[derive(Debug)]
pub struct BodyReader {
    body: ResponseBody,
}

impl BodyReader {
    pub(super) const fn new(body: ResponseBody) -> Self {
        Self { body }
    }

    /// The body, to ask it for its trailers for instance. Nothing is lost: what was not read here
    /// can be read there.
    #[must_use]
    pub fn into_body(self) -> ResponseBody {
        self.body
    }

    /// As [`into_body`](Self::into_body), without giving up the reader.
    pub fn body_mut(&mut self) -> &mut ResponseBody {
        &mut self.body
    }
}

impl AsyncBufRead for BodyReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let body = &mut self.get_mut().body;
        while body.kept().is_none_or(|kept| kept.front().is_empty()) {
            let is_more = ready!(body.poll_more(cx, u64::MAX)).map_err(translate)?;
            if !is_more {
                break;
            }
        }
        Poll::Ready(Ok(body.kept().map_or(&[], |kept| kept.front())))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        if amount > 0 {
            self.get_mut().body.kept_mut().advance(amount);
        }
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let octets = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = octets.len().min(buf.remaining());
        buf.put_slice(&octets[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

fn translate(error: Error) -> io::Error {
    let kind = match error.kind() {
        Kind::Timeout(_) => io::ErrorKind::TimedOut,
        Kind::Truncated => io::ErrorKind::UnexpectedEof,
        Kind::Decode if is_cut_short(&error) => io::ErrorKind::UnexpectedEof,
        Kind::Decode => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

fn is_cut_short(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &DecodeError| cause.kind() == DecodeErrorKind::Truncated)
}
