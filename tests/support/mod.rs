//! A scripted peer, a fake clock and an engine between them: tests that read like a transcript.
//!
//! | part | is |
//! |---|---|
//! | [`frames`] | the words for what is on the wire |
//! | [`seen`] | the words for what the engine reports |
//! | [`peer`] | a server that keeps to RFC 9113 and holds the engine to it, frame by frame |
//! | [`script`] | the stage: engine, peer, clock |
//!
//! Every frame that the engine sends passes the peer's rules, whatever a test asserts besides.

pub(crate) mod frames;
pub(crate) mod peer;
pub(crate) mod script;
pub(crate) mod seen;

pub(crate) use self::{frames::*, script::*, seen::*};
