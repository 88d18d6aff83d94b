//! Requests whose responses are asked for later.
//!
//! Owns: the way from a request to a number under which its response is kept, and back. Whoever leaves
//! amid either loses nothing of another's.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;

use super::{
    call::{Begun, Call, ResponseFuture},
    core::Core,
    kept::Missing,
};
use crate::{
    body::{ExchangeId, ResponseBody, Slot},
    client::info::Protocol,
    error::{Error, Kind, Retry, Scope},
    http2::StreamId,
};

/// A request that is on its way.
pub(super) struct Opened {
    pub(super) id: ExchangeId,
    pub(super) slot: Arc<Slot>,
}

/// Gets a request on its way, and keeps its response. Over HTTP/1.1, `may_queue` is content with a
/// place behind others, and then there is nothing to give back.
pub(super) async fn open(
    core: &Arc<Core>,
    call: Call,
    may_queue: bool,
) -> Result<Option<Opened>, Error> {
    let room = Room::reserve(core)?;
    let mut future = ResponseFuture::new(Arc::clone(core), call);
    let begun = future.begin(may_queue).await?;
    let opened = match (begun, future.slot()) {
        (Begun::Started(id), Some(slot)) => Some(Opened {
            id,
            slot: Arc::clone(slot),
        }),
        _ => None,
    };
    let number = match (begun, core.protocol()) {
        (Begun::Started(id), Protocol::Http2) => Some(u64::from(StreamId::from(id).as_u32())),
        _ => future.place(),
    };
    if let (Some(number), Some(call)) = (number, future.into_call()) {
        room.fill(number, call);
    }
    Ok(opened)
}

/// Takes a response: that of a number, or the oldest.
pub(super) async fn response(
    core: &Arc<Core>,
    id: Option<StreamId>,
) -> Result<Response<ResponseBody>, Error> {
    let number = id.map(|id| u64::from(id.as_u32()));
    let (number, call) = core
        .kept
        .take(number)
        .map_err(|missing| not_there(core, missing, id))?;
    Claim {
        number,
        future: Some(ResponseFuture::new(Arc::clone(core), call)),
    }
    .await
}

fn not_there(core: &Core, missing: Missing, id: Option<StreamId>) -> Error {
    let (kind, why) = match missing {
        Missing::Taken => (Kind::ResponseTaken, None),
        Missing::Unknown => (Kind::UnknownStream, None),
        Missing::Nothing => (Kind::UnknownStream, Some("no response is outstanding")),
    };
    let error = core
        .error(kind, Scope::Request, Retry::Never)
        .with_stream_id(id);
    match why {
        Some(why) => error.with_source(why),
        None => error,
    }
}

/// Room for one response that is kept.
struct Room<'a> {
    core: &'a Arc<Core>,
    is_filled: bool,
}

impl<'a> Room<'a> {
    fn reserve(core: &'a Arc<Core>) -> Result<Self, Error> {
        if core.kept.reserve() {
            return Ok(Self {
                core,
                is_filled: false,
            });
        }
        let limit = core.kept.limit();
        Err(core
            .error(Kind::Overloaded, Scope::Request, Retry::Safe)
            .with_source(format!("{limit} responses were not taken")))
    }

    fn fill(mut self, number: u64, call: Call) {
        self.is_filled = true;
        self.core.kept.fill(number, call);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.is_filled {
            self.core.kept.release();
        }
    }
}

/// A response that somebody waits for; one who leaves puts it back.
struct Claim {
    number: u64,
    /// There until it is ready.
    future: Option<ResponseFuture>,
}

impl Future for Claim {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            panic!("a response was polled after it was ready");
        };
        let polled = Pin::new(future).poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let core = Arc::clone(future.core());
            if let Some(call) = future.into_call() {
                core.kept.put_back(self.number, call);
            }
        }
    }
}
