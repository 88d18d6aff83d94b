//! An exchange that a driver has, and the response that is made of what comes of it.
//!
//! Owns: the way from a head to a response: tunnel, decoding, the body and its limits, and what the
//! response tells of its connection.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Method, Response};
use tokio::time::Sleep;

use super::{
    ConnectionInfo,
    decoding::DecodeSettings,
    info::{Facts, Protocol},
};
use crate::{
    body::{Answer, BodyTimeouts, Duplex, Head, Outcome, PipeWriter, ResponseBody, Slot},
    decode::{Decoded, Decoder},
    error::Error,
    header_map::HttpHeaderMap,
    http2::message::expects_no_content,
    netloc::Netloc,
};

/// What every response of a transport or of a connection is treated by.
#[derive(Clone, Debug)]
pub(super) struct ResponseSettings {
    pub(super) decode: DecodeSettings,
    /// How long a body may bring nothing.
    pub(super) body_idle: Option<Duration>,
    /// Whether responses carry an `HttpHeaderMap`.
    pub(super) keeps_fields: bool,
    /// Whether servers may push at all; else nobody looks for sinks.
    pub(super) takes_pushes: bool,
}

/// An exchange whose head has not come. Dropped, it leaves the exchange.
pub(super) struct Pending {
    pub(super) slot: Option<Arc<Slot>>,
    pub(super) facts: Arc<Facts>,
    pub(super) is_reused: bool,
    pub(super) method: Method,
    /// Whether the response is to be decoded.
    pub(super) is_decoding: bool,
    /// Our end of the tunnel that a CONNECT on a stream asks for.
    pub(super) tunnel: Option<PipeWriter>,
}

impl Pending {
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Outcome> {
        match &self.slot {
            Some(slot) => slot.poll_head(cx),
            // The slot leaves only together with the stage.
            None => Poll::Pending,
        }
    }

    /// The exchange is over, and there is nothing left to leave.
    pub(super) fn forget(mut self) {
        self.slot = None;
    }

    /// Makes the response. `whole` is what is left of the time for all of it, and errors of the body
    /// name `netloc`.
    pub(super) fn respond(
        mut self,
        answer: Answer,
        settings: &ResponseSettings,
        netloc: Option<Netloc>,
        whole: Option<Pin<Box<Sleep>>>,
    ) -> Result<Response<ResponseBody>, Error> {
        let Answer {
            mut head,
            handed_over,
            is_end,
        } = answer;
        let tunnel = match handed_over {
            Some(connection) => {
                // There is no exchange left to leave.
                self.slot = None;
                Some(Duplex::on_connection(connection))
            }
            None => self.take_tunnel(&head),
        };
        if settings.keeps_fields && self.facts.protocol == Protocol::Http2 {
            let fields = HttpHeaderMap::from(&head.headers);
            head.extensions.insert(fields);
        }
        if let Some(tunnel) = tunnel {
            tunnel.park(&mut head.extensions);
            return Ok(self.response(head, ResponseBody::default()));
        }
        let decoding = match self.open_decoding(settings, &mut head) {
            Ok(decoding) => decoding,
            Err(error) => {
                let error = error.with_stream_id(head.stream_id);
                return Err(match &netloc {
                    Some(netloc) => error.with_netloc(netloc),
                    None => error,
                });
            }
        };
        let idle = settings.body_idle;
        let may_fail = idle.is_some() || whole.is_some() || decoding.is_some();
        let timeouts = BodyTimeouts {
            idle,
            whole,
            origin: netloc
                .filter(|_| may_fail)
                .map(|netloc| (netloc, head.stream_id)),
        };
        let body = self.body(&head, is_end, timeouts);
        let mut response = self.response(head, body);
        if let Some((decoder, decoded)) = decoding {
            response.extensions_mut().insert(decoded);
            response = response.map(|body| body.decoded_by(decoder));
        }
        Ok(response)
    }

    /// The tunnel takes over the slot, if there is one. Where it is refused, the response is like
    /// any other (RFC 9110 §9.3.6).
    fn take_tunnel(&mut self, head: &Head) -> Option<Duplex> {
        let writer = self.tunnel.take()?;
        let slot = self.slot.take_if(|_| head.status.is_success())?;
        Some(Duplex::on_stream(slot, writer))
    }

    /// What decodes the response, where it is to be decoded and is encoded.
    fn open_decoding(
        &self,
        settings: &ResponseSettings,
        head: &mut Head,
    ) -> Result<Option<(Decoder, Decoded)>, Error> {
        if !self.is_decoding {
            return Ok(None);
        }
        settings
            .decode
            .open(&self.method, head.status, &mut head.headers)
    }

    /// The body takes over the slot, unless there is nothing left to read or to cancel.
    fn body(&mut self, head: &Head, is_end: bool, timeouts: BodyTimeouts) -> ResponseBody {
        let remaining = if expects_no_content(&self.method, head.status) {
            Some(0)
        } else {
            head.content_length
        };
        match self.slot.take() {
            Some(slot) if !is_end => ResponseBody::new(slot, remaining, timeouts),
            _ => ResponseBody::default(),
        }
    }

    fn response(&self, head: Head, body: ResponseBody) -> Response<ResponseBody> {
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        *response.extensions_mut() = head.extensions;
        let info = ConnectionInfo::new(Arc::clone(&self.facts), self.is_reused, head.stream_id);
        response.extensions_mut().insert(info);
        response
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.abandon();
        }
    }
}
