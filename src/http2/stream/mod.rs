//! One stream: the halves that are still there, and the state that follows from them.
//!
//! Owns: what is left of a request to send and of a response to receive. Never: writes a frame,
//! wakes a task, reads a clock. A closed half does not exist.
//! Spec: RFC 9113 §5.1.

mod late;
mod precedence;
mod recv;
mod send;
mod table;

pub(crate) use self::{
    late::Late,
    precedence::Precedence,
    recv::{Phase, RecvHalf},
    send::{End, SendHalf},
    table::{ClosedBy, IdHasher, Lookup, Table},
};

/// The state of a stream (RFC 9113 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Not used yet.
    Idle,
    /// The peer has promised a response, and not begun it (RFC 9113 §8.4). There is no state
    /// reserved (local): a client promises nothing.
    ReservedRemote,
    /// Both sides may send.
    Open,
    /// We have sent END_STREAM.
    HalfClosedLocal,
    /// The peer has sent END_STREAM.
    HalfClosedRemote,
    /// Nothing more is to come.
    Closed,
}

/// A stream that is not closed.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) send: Option<SendHalf>,
    pub(crate) recv: Option<RecvHalf>,
    pub(crate) precedence: Precedence,
}

impl Stream {
    /// The state, read off the halves.
    pub(crate) const fn state(&self) -> State {
        match (&self.send, &self.recv) {
            (Some(_), Some(_)) => State::Open,
            (None, Some(recv)) if recv.is_reserved() => State::ReservedRemote,
            (None, Some(_)) => State::HalfClosedLocal,
            (Some(_), None) => State::HalfClosedRemote,
            (None, None) => State::Closed,
        }
    }
}
