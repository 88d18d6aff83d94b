//! Bodies on their way: outgoing ones with their type erased, incoming ones as callers read them,
//! and the cell by which a caller and a connection's driver share one exchange.

mod decoding;
mod inbox;
mod incoming;
mod kept;
mod outgoing;
mod read;
mod reader;
mod slot;
mod source;

pub(crate) use self::{
    decoding::failed as decoding_failed,
    outgoing::{OutgoingBody, OutgoingRequest, StreamingBody},
    slot::{Arrived, Outcome, Slot, StreamControl, Then},
    source::BodyTimeouts,
};
pub use self::{incoming::ResponseBody, read::Chunks, reader::BodyReader};
