//! Bodies of either origin.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{body::ResponseBody, error::Error};

pin_project! {
    /// The body of a response that was asked for, or of one that had been pushed.
    #[derive(Debug)]
    pub struct PushCacheBody<B> {
        #[pin]
        origin: Origin<B>,
    }
}

pin_project! {
    #[project = OriginProjection]
    #[derive(Debug)]
    enum Origin<B> {
        Asked { #[pin] body: B },
        Pushed { body: ResponseBody },
    }
}

impl<B> PushCacheBody<B> {
    pub(super) const fn asked(body: B) -> Self {
        let origin = Origin::Asked { body };
        Self { origin }
    }

    pub(super) const fn pushed(body: ResponseBody) -> Self {
        let origin = Origin::Pushed { body };
        Self { origin }
    }
}

impl PushCacheBody<ResponseBody> {
    /// The body without the difference, where the service behind the cache is a transport.
    #[must_use]
    pub fn into_inner(self) -> ResponseBody {
        match self.origin {
            Origin::Asked { body } | Origin::Pushed { body } => body,
        }
    }
}

impl<B> Body for PushCacheBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: From<Error>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().origin.project() {
            OriginProjection::Asked { body } => body.poll_frame(cx),
            OriginProjection::Pushed { body } => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(B::Error::from))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.origin {
            Origin::Asked { body } => body.is_end_stream(),
            Origin::Pushed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.origin {
            Origin::Asked { body } => body.size_hint(),
            Origin::Pushed { body } => body.size_hint(),
        }
    }
}
