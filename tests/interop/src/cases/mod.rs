//! The cases, each an async function that panics when the server and the transport disagree.

mod coding;
mod concurrent;
mod expectation;
mod fields;
mod lifecycle;
mod memory;
mod plain;
mod proxy;
mod push;
mod reuse;
mod upload;

pub use self::{
    coding::compressed,
    concurrent::{concurrent, unread_body},
    expectation::{early_hints, expect_continue, too_large},
    fields::{request_fields, response_fields},
    lifecycle::{graceful_stop, reload, restart},
    memory::{download, download_encoded},
    plain::{get, head, no_content, trailers},
    proxy::{by_proxy, connect, websocket, websocket_refused},
    push::{
        push_after, push_amid, push_before, push_bounded, push_cancelled, push_off, push_refused,
        push_stepwise, push_unwanted,
    },
    reuse::{keep_alive, not_modified, side_by_side},
    upload::{duplex, echo, request_trailers, upload_streamed, upload_whole},
};
