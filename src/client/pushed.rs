//! How responses are made of what a server promises to one request.
//!
//! Owns: what a pushed response shares with the one to the request that it was promised to: its
//! connection, its settings, and whether it is decoded.

use std::sync::Arc;

use http::{Method, Response};

use super::{
    info::Facts,
    pending::{Pending, ResponseSettings},
};
use crate::{
    body::{Answer, ResponseBody, Slot},
    error::Error,
    netloc::Netloc,
    push::Responder,
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
