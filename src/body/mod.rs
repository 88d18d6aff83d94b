//! Bodies on their way: outgoing ones with their type erased, incoming ones as callers read them,
//! and the cell by which a caller and a connection's driver share one exchange.

mod inbox;
mod incoming;
mod outgoing;
mod slot;

pub use self::incoming::ResponseBody;
pub(crate) use self::{
    incoming::BodyTimeouts,
    outgoing::{OutgoingBody, OutgoingRequest, StreamingBody},
    slot::{Arrived, Outcome, Slot, StreamControl, Then},
};
