//! How responses are made of what a server promises to one request.
//!
//! Owns: what a pushed response shares with the one to the request that it was promised to: its
//! connection, its settings, and whether it is decoded.

use std::sync::Arc;

use http::{Method, Response};

use super::{
    info::{Facts, Protocol},
    pending::{Pending, ResponseSettings},
};
use crate::{
    body::{Answer, OutgoingRequest, Promisee, ResponseBody, Slot},
    error::Error,
    netloc::Netloc,
    push::{Responder, Sink},
};

/// What the promises of one request become responses by.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) facts: Arc<Facts>,
    pub(super) settings: Arc<ResponseSettings>,
    /// What errors of bodies name.
    pub(super) netloc: Option<Netloc>,
    /// Whether the response to the request is to be decoded.
    pub(super) is_decoding: bool,
}

impl Pushed {
    /// Who takes what is promised to a request: nobody, unless push is on and it has a sink.
    pub(super) fn promisee(
        request: &OutgoingRequest,
        facts: &Arc<Facts>,
        settings: &Arc<ResponseSettings>,
        netloc: Option<&Netloc>,
        is_decoding: bool,
    ) -> Option<Arc<dyn Promisee>> {
        // First, because it costs nothing.
        if !settings.takes_pushes || facts.protocol != Protocol::Http2 {
            return None;
        }
        let sink = request.parts.extensions.get::<Sink>()?;
        Some(sink.bind(Arc::new(Self {
            facts: Arc::clone(facts),
            settings: Arc::clone(settings),
            netloc: netloc.cloned(),
            is_decoding,
        })))
    }
}

impl Responder for Pushed {
    fn respond(
        &self,
        slot: Arc<Slot>,
        method: Method,
        answer: Answer,
    ) -> Result<Response<ResponseBody>, Error> {
        let pending = Pending {
            slot: Some(slot),
            facts: Arc::clone(&self.facts),
            // The request was here before.
            is_reused: true,
            method,
            is_decoding: self.is_decoding,
            tunnel: None,
        };
        pending.respond(answer, &self.settings, self.netloc.clone(), None)
    }
}
