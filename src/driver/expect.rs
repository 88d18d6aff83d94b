//! Bodies that wait for leave to go, on HTTP/2: `Expect: 100-continue`.
//!
//! Owns: when such a body goes. A 100 lets it, or a 2xx, to whose server it may be the other half of
//! a conversation; so does a second without a word. After any other final response it stays here, and
//! its stream is reset when the response is done with.
//! Spec: RFC 9110 §10.1.1.

use std::time::{Duration, Instant};

use http::{Method, StatusCode, header, request};
use tokio::io::{AsyncRead, AsyncWrite};

use super::http2::Http2Driver;
use crate::{clock, http2::StreamId};

/// How long to wait for a server that may not know of 100 (Continue): a client "SHOULD NOT wait for
/// an indefinite period", and most servers that answer do so at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a request asks for leave to send its body. That of a CONNECT is no body.
pub(super) fn asks_leave(parts: &request::Parts) -> bool {
    let mut expectations = parts.headers.get_all(header::EXPECT).iter();
    parts.method != Method::CONNECT
        && expectations.any(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl<IO> Http2Driver<IO>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin,
{
    /// A body that waits has been announced.
    pub(super) fn withhold(&mut self, id: StreamId) {
        self.withheld.push_back((clock::now() + PATIENCE, id));
    }

    /// When the first of the bodies that wait goes by itself.
    pub(super) fn next_leave(&self) -> Option<Instant> {
        self.withheld.front().map(|(at, _)| *at)
    }

    /// Lets those bodies go that have waited long enough. Some are gone already.
    pub(super) fn let_overdue_go(&mut self, now: Instant) {
        while let Some((at, id)) = self.withheld.front().copied()
            && at <= now
        {
            self.withheld.pop_front();
            let exchange = self.exchanges.get(&id);
            if exchange.is_some_and(|exchange| !exchange.has_head) {
                self.let_go(id);
            }
        }
    }

    /// What a head says of a body that waits.
    pub(super) fn hear(&mut self, id: StreamId, status: StatusCode) {
        if status == StatusCode::CONTINUE || status.is_success() {
            self.let_go(id);
        }
    }

    fn let_go(&mut self, id: StreamId) {
        if let Some(exchange) = self.exchanges.get_mut(&id)
            && let Some(upload) = &mut exchange.upload
            && upload.let_go()
        {
            self.engine.resume(id);
        }
    }
}
