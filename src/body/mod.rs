//! Bodies on their way: outgoing ones with their type erased, incoming ones as callers read them,
//! and the cell by which a caller and a connection's driver share one exchange.

mod duplex;
mod head;
mod inbox;
mod incoming;
mod outgoing;
mod pipe;
mod slot;

#[cfg(test)]
pub(crate) use self::slot::Part;
pub use self::{duplex::Duplex, incoming::ResponseBody};
pub(crate) use self::{
    head::{ExchangeId, HandedOver, Head},
    incoming::BodyTimeouts,
    outgoing::{OutgoingBody, OutgoingRequest, StreamingBody},
    pipe::{PipeWriter, pipe},
    slot::{Arrived, ExchangeControl, Outcome, Slot, Then},
};
