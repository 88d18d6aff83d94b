//! The cases, each an async function that panics when the server and the transport disagree.

mod concurrent;
mod fields;
mod lifecycle;
mod memory;
mod plain;
mod upload;

pub use self::{
    concurrent::{concurrent, unread_body},
    fields::{request_fields, response_fields},
    lifecycle::{graceful_stop, reload, restart},
    memory::download,
    plain::{get, head, no_content, trailers},
    upload::{duplex, echo, upload_streamed, upload_whole},
};
