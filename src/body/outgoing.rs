//! Request bodies with their type erased, and the request as it travels to a driver.
//!
//! Owns: the conversion of any `http_body::Body` into octets that a connection can take, and the
//! catching of its panics, its destructor's too: a body is foreign code, and runs where others'
//! exchanges live. A body that is empty costs nothing; any other is boxed once.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::{Method, request};
use http_body::{Body, Frame};

use crate::{error::BoxError, http1::Target};

/// A request on its way to a connection.
#[derive(Debug)]
pub(crate) struct OutgoingRequest {
    pub(crate) parts: request::Parts,
    pub(crate) body: OutgoingBody,
    /// How HTTP/1.1 names what is asked for.
    pub(crate) target: Target,
}

/// What is left to send of a request's body.
pub(crate) enum OutgoingBody {
    /// Nothing, or nothing more.
    Empty,
    /// All of it: it can be sent again.
    Whole(Bytes),
    /// Piece by piece.
    Streaming(StreamingBody),
    /// A driver has taken it, and has not given it back.
    Taken,
}

type DynBody = dyn Body<Data = Bytes, Error = BoxError> + Send;

/// A body of unknown type. It can be sent again only while it has given nothing.
pub(crate) struct StreamingBody {
    /// There until it is moved elsewhere or dropped.
    body: Option<Pin<Box<DynBody>>>,
    /// All its octets, where it knew them when it was handed over.
    length: Option<u64>,
    has_given: bool,
}

impl OutgoingBody {
    /// Whether the body can go out again: nothing of it is gone.
    pub(crate) const fn is_replayable(&self) -> bool {
        match self {
            Self::Empty | Self::Whole(_) => true,
            Self::Streaming(body) => !body.has_given,
            Self::Taken => false,
        }
    }

    /// Erases a body's type.
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Streaming(StreamingBody {
            length: body.size_hint().exact(),
            body: Some(Box::pin(Erased { body })),
            has_given: false,
        })
    }

    /// Takes a streaming body out, to send it; others stay with the request.
    pub(crate) fn take_streaming(&mut self) -> Option<StreamingBody> {
        match std::mem::replace(self, Self::Taken) {
            Self::Streaming(body) => Some(body),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes the body whole if it is ready as a whole, so that it goes out with its head in one
    /// step. Bodies above `limit` octets stay as they are: they are sent piece by piece anyway.
    pub(crate) fn settle(self, cx: &mut Context<'_>, limit: u64) -> Result<Self, BoxError> {
        let Self::Streaming(mut body) = self else {
            return Ok(self);
        };
        let is_small = body.length.is_some_and(|octets| octets <= limit);
        if !is_small {
            return Ok(Self::Streaming(body));
        }
        match body.poll_frame(cx) {
            Poll::Ready(None) => Ok(Self::Empty),
            Poll::Ready(Some(Err(error))) => Err(error),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if body.is_end_stream() => Ok(Self::Whole(data)),
                Ok(data) => Ok(Self::Streaming(body.prepend(Frame::data(data)))),
                Err(other) => Ok(Self::Streaming(body.prepend(other))),
            },
            Poll::Pending => Ok(Self::Streaming(body)),
        }
    }

    /// The octets to come, where known before they are sent.
    pub(crate) fn exact_len(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Whole(data) => Some(data.len() as u64),
            Self::Streaming(body) => body.length,
            Self::Taken => None,
        }
    }
}

impl OutgoingRequest {
    /// The content-length to announce when the caller announced none: the body's length if known,
    /// and zero only for methods of which a body is expected (RFC 9110 §8.6).
    pub(crate) fn content_length(&self) -> Option<u64> {
        let method = &self.parts.method;
        match self.body.exact_len()? {
            0 if *method != Method::POST && *method != Method::PUT && *method != Method::PATCH => {
                None
            }
            octets => Some(octets),
        }
    }
}

impl StreamingBody {
    /// A body that is there as a whole, and is to go piece by piece all the same.
    pub(crate) fn whole(data: Bytes) -> Self {
        Self {
            length: Some(data.len() as u64),
            body: Some(Box::pin(Prepended {
                first: Some(Frame::data(data)),
                rest: Box::pin(Erased {
                    body: String::new(),
                }),
            })),
            has_given: false,
        }
    }

    /// The next data or trailers; a panic is an error like any other, and the last.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let body = body.as_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| body.poll_frame(cx)))
            .unwrap_or_else(|_| Poll::Ready(Some(Err("the request's body panicked".into()))));
        // A body that had nothing to give has lost nothing.
        self.has_given |= polled.is_ready();
        polled
    }

    /// Whether the body knows that nothing more comes. One that panics does not: it is polled
    /// again, and that says the rest.
    pub(crate) fn is_end_stream(&self) -> bool {
        let Some(body) = &self.body else {
            return true;
        };
        catch_unwind(AssertUnwindSafe(|| body.is_end_stream())).unwrap_or(false)
    }

    /// A body that begins with a frame which was already taken out of this one.
    fn prepend(mut self, frame: Frame<Bytes>) -> Self {
        let prepended = self.body.take().map(|rest| -> Pin<Box<DynBody>> {
            Box::pin(Prepended {
                first: Some(frame),
                rest,
            })
        });
        Self {
            body: prepended,
            length: self.length,
            // What it gave is back in its place.
            has_given: false,
        }
    }
}

/// A body's destructor is foreign code as well: its panic ends here, and not in the driver that
/// carries other callers' exchanges.
impl Drop for StreamingBody {
    fn drop(&mut self) {
        let body = self.body.take();
        let _panicked = catch_unwind(AssertUnwindSafe(|| drop(body)));
    }
}

impl fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Whole(data) => write!(f, "Whole({} octets)", data.len()),
            Self::Streaming(_) => f.write_str("Streaming"),
            Self::Taken => f.write_str("Taken"),
        }
    }
}

pin_project_lite::pin_project! {
    /// Turns any data into `Bytes` and any error into a boxed one.
    struct Erased<B> {
        #[pin]
        body: B,
    }
}

impl<B> Body for Erased<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().body.poll_frame(cx).map(|frame| {
            frame.map(|result| {
                result
                    // No copy where the data is `Bytes` already.
                    .map(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
                    .map_err(Into::into)
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A frame, and the body that it was taken from.
struct Prepended {
    first: Option<Frame<Bytes>>,
    rest: Pin<Box<DynBody>>,
}

impl Body for Prepended {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.rest.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, convert::Infallible, task::Waker};

    use http_body::SizeHint;

    use super::*;

    /// Says at once how long it is, and gives what it has when it has it.
    struct Announced(VecDeque<Poll<&'static str>>);

    impl Body for Announced {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(polled) => polled.map(|text| Some(Ok(Frame::data(Bytes::from(text))))),
            }
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(2)
        }
    }

    fn settled(polls: impl IntoIterator<Item = Poll<&'static str>>) -> OutgoingBody {
        let body = OutgoingBody::new(Announced(polls.into_iter().collect()));
        body.settle(&mut Context::from_waker(Waker::noop()), 2)
            .expect("it does not fail")
    }

    #[test]
    fn a_small_body_that_was_asked_too_early_has_lost_nothing() {
        let cases = [
            vec![Poll::Pending, Poll::Ready("ab")],
            vec![Poll::Ready("a"), Poll::Ready("b")],
        ];
        for polls in cases {
            let body = settled(polls);
            assert!(body.is_replayable(), "{body:?}");
            let OutgoingBody::Streaming(mut body) = body else {
                panic!("{body:?} was not ready as a whole");
            };
            let mut read = Vec::new();
            while let Poll::Ready(Some(frame)) =
                body.poll_frame(&mut Context::from_waker(Waker::noop()))
            {
                read.extend_from_slice(frame.unwrap().data_ref().unwrap());
            }
            assert_eq!(read, b"ab");
            assert!(!OutgoingBody::Streaming(body).is_replayable());
        }
    }
}
