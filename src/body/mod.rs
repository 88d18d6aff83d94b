//! Bodies on their way: outgoing ones with their type erased, incoming ones as callers read them,
//! and the cell by which a caller and a connection's driver share one exchange.

mod arrival;
mod decoding;
mod duplex;
mod head;
mod inbox;
mod incoming;
mod kept;
mod outgoing;
mod pipe;
mod promise;
mod read;
mod reader;
mod slot;
mod source;

#[cfg(test)]
pub(crate) use self::slot::Part;
pub(crate) use self::{
    arrival::{Answer, Arrived, Outcome, Then},
    decoding::failed as decoding_failed,
    head::{ExchangeId, HandedOver, Head},
    outgoing::{OutgoingBody, OutgoingRequest, StreamingBody},
    pipe::{PipeWriter, pipe},
    promise::{Promise, Promisee},
    slot::{ExchangeControl, Slot},
    source::BodyTimeouts,
};
pub use self::{duplex::Duplex, incoming::ResponseBody, read::Chunks, reader::BodyReader};
