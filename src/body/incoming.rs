//! Response bodies as callers read them.
//!
//! Owns: the way of a body's octets from the connection ([`Source`]) through the decoder
//! ([`Decoding`]), if it has one, past what was read and not given yet ([`Kept`]), to whichever way
//! of reading the caller chooses: `http_body::Body` here, methods in `read`.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    decoding::Decoding,
    kept::Kept,
    slot::{Part, Slot},
    source::{BodyTimeouts, Source},
};
use crate::{decode::Decoder, error::Error};

/// The body of a response: a stream of octets, then perhaps trailers.
///
/// It is read through [`http_body::Body`] (`BodyExt` of http-body-util has the comforts), or by its
/// own methods: [`read_all`](Self::read_all), [`read`](Self::read), [`chunk`](Self::chunk),
/// [`chunks`](Self::chunks), [`trailers`](Self::trailers), and as
/// [`AsyncRead`](tokio::io::AsyncRead) after [`into_reader`](Self::into_reader). They can be mixed:
/// each goes on where the other stopped.
///
/// ```no_run
/// # async fn fetch(response: http::Response<towline::ResponseBody>) -> Result<(), towline::Error> {
/// let mut body = response.into_body();
/// let first = body.read(4).await?;
/// let rest = body.read_all(1 << 20).await?;
/// let trailers = body.trailers().await?;
/// # Ok(())
/// # }
/// ```
///
/// Octets are slices of what was read from the network, but for small pieces, which are copied so
/// that they do not keep large buffers; and the peer may send more only as they are consumed: a
/// body that nobody reads holds at most one stream window (1 MiB by default; up to 16 MiB where its
/// reader was quick before, see [`window`](crate::window)) and slows nobody else.
///
/// **Decoding.** Where the response had a `content-encoding` that the transport undoes, and it does
/// unless it was told otherwise, the octets come decoded, and the response has the extension
/// [`decode::Decoded`](crate::decode::Decoded). See
/// [`TransportBuilder::decode`](crate::TransportBuilder::decode).
///
/// **Cancellation.** Dropping a body that has not ended resets its stream with `CANCEL`
/// (RFC 9113 §8.7); dropping one that has, while the request's own body is still being sent, stops
/// that with `NO_ERROR`. The connection goes on in both cases. Over HTTP/1.1 the connection closes,
/// unless little of the response is left. Dropping the future of one of the
/// methods loses nothing: what it had read is there for the next.
///
/// **Errors.** [`Error`] with [`Kind::Truncated`](crate::error::Kind::Truncated),
/// [`Kind::Reset`](crate::error::Kind::Reset),
/// [`Kind::MalformedResponse`](crate::error::Kind::MalformedResponse),
/// [`Kind::Timeout`](crate::error::Kind::Timeout), [`Kind::Decode`](crate::error::Kind::Decode) and
/// others. After such an error `http_body::Body` has ended; the methods say the same error again
/// wherever the octets before it do not suffice.
#[derive(Default)]
pub struct ResponseBody {
    source: Option<Source>,
    decoding: Option<Box<Decoding>>,
    /// There once something had to be kept.
    kept: Option<Box<Kept>>,
}

impl ResponseBody {
    /// A body that comes through a slot, of `remaining` octets where that is known.
    pub(crate) fn new(slot: Arc<Slot>, remaining: Option<u64>, timeouts: BodyTimeouts) -> Self {
        Self {
            source: Some(Source::new(slot, remaining, timeouts)),
            decoding: None,
            kept: None,
        }
    }

    /// Why the exchange has failed, if that is known before it is read.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.source.as_ref()?.failure()
    }

    /// The same body, through a decoder.
    pub(crate) fn decoded_by(mut self, decoder: Decoder) -> Self {
        if self.source.is_some() {
            self.decoding = Some(Box::new(Decoding::new(decoder)));
        }
        self
    }

    /// The body as the server encoded it. Its `content-encoding` and `content-length` are no longer
    /// among the response's fields, but in its extension
    /// [`decode::Decoded`](crate::decode::Decoded).
    ///
    /// # Errors
    ///
    /// The body itself, if it was being decoded and a part of it was already taken: the octets
    /// before are gone.
    #[expect(clippy::result_large_err, reason = "the body itself comes back")]
    pub fn into_raw(mut self) -> Result<Self, Self> {
        if self.decoding.as_ref().is_none_or(|it| it.is_untouched()) {
            self.decoding = None;
            return Ok(self);
        }
        Err(self)
    }

    /// Waits for the next part, decoded; what is kept comes before it.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Error>>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(None);
        };
        let part = ready!(match &mut self.decoding {
            Some(decoding) => decoding.poll_part(source, cx),
            None => source.poll_part(cx),
        });
        if let Some(Err(error)) = &part {
            // Dropping the source cancels the stream where it is we who end it.
            self.source = None;
            self.decoding = None;
            self.kept_mut().fail(error.clone());
        }
        Poll::Ready(part)
    }

    pub(super) fn kept(&self) -> Option<&Kept> {
        self.kept.as_deref()
    }

    pub(super) fn kept_mut(&mut self) -> &mut Kept {
        self.kept.get_or_insert_default()
    }

    /// Octets that are still to come, besides what is kept, where that is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        match (&self.source, &self.decoding) {
            (None, _) => Some(0),
            (Some(source), None) => source.remaining(),
            (Some(source), Some(decoding)) => decoding.remaining(source),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(kept) = &mut self.kept
            && let Some(frame) = kept.next_frame()
        {
            return Poll::Ready(Some(frame));
        }
        let part = ready!(self.poll_part(cx));
        Poll::Ready(match part {
            Some(Ok(Part::Data(data))) => Some(Ok(Frame::data(data))),
            Some(Ok(Part::Trailers(trailers))) => Some(Ok(Frame::trailers(trailers))),
            // The one place that tells of it here.
            Some(Err(_)) => self.kept_mut().next_frame(),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        if self.kept().is_some_and(Kept::has_frame) {
            return false;
        }
        match (&self.source, &self.decoding) {
            (None, _) => true,
            (Some(source), None) => source.is_exhausted(),
            (Some(source), Some(decoding)) => decoding.is_exhausted(source),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let kept = self.kept().map_or(0, |kept| kept.len() as u64);
        match self.remaining() {
            Some(remaining) => SizeHint::with_exact(kept.saturating_add(remaining)),
            None => {
                let mut hint = SizeHint::new();
                hint.set_lower(kept);
                hint
            }
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ResponseBody");
        if self.source.is_some() {
            debug.field("remaining", &self.remaining());
        }
        if let Some(decoding) = &self.decoding {
            debug.field("decoding", decoding);
        }
        debug.field("has_ended", &self.is_end_stream()).finish()
    }
}
