//! Bodies on their way: outgoing ones with their type erased, incoming ones as callers read them,
//! and the cell by which a caller and a connection's driver share one exchange.

mod decoding;
mod duplex;
mod head;
mod inbox;
mod incoming;
mod kept;
mod outgoing;
mod pipe;
mod read;
mod reader;
mod slot;
mod source;

#[cfg(test)]
pub(crate) use self::slot::Part;
pub(crate) use self::{
    decoding::failed as decoding_failed,
    head::{ExchangeId, HandedOver, Head},
    outgoing::{OutgoingBody, OutgoingRequest, StreamingBody},
    pipe::{PipeWriter, pipe},
    slot::{Answer, Arrived, ExchangeControl, Outcome, Slot, Then},
    source::BodyTimeouts,
};
pub use self::{duplex::Duplex, incoming::ResponseBody, read::Chunks, reader::BodyReader};
