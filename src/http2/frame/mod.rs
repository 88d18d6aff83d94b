//! Frames: what stands on the wire, and nothing about what it means.
//!
//! Owns: the layout of each frame, and the rules that a frame can break on its own (its length,
//! its padding, whether it belongs on stream 0).
//! Refuses: to know which streams exist, what a field block says, or whether a setting is wise.
//! Invariant: for every frame that [`Frame::parse`] accepts, [`Frame::encode`] and `parse` again
//! give an equal one; the content of padding and undefined flags are not kept.
//! Spec: RFC 9113 §4, §6; RFC 9218 §7.1.

mod continuation;
mod data;
mod goaway;
mod header;
mod headers;
mod padding;
mod ping;
mod priority;
mod priority_update;
mod push_promise;
mod rst_stream;
mod settings;
mod unknown;
mod window_update;

#[cfg(test)]
mod tests;

use bytes::BytesMut;

pub use self::{
    continuation::Continuation,
    data::Data,
    goaway::GoAway,
    header::{Flags, FrameHeader, FrameType},
    headers::Headers,
    ping::Ping,
    priority::{Priority, PriorityFields},
    priority_update::PriorityUpdate,
    push_promise::PushPromise,
    rst_stream::RstStream,
    settings::{SettingId, Settings, SettingsBuilder},
    unknown::Unknown,
    window_update::WindowUpdate,
};
use super::Fault;

/// Any frame; what is long is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant is the frame of its name, documented there"
)]
pub enum Frame<'a> {
    Data(Data<'a>),
    Headers(Headers<'a>),
    Priority(Priority),
    RstStream(RstStream),
    Settings(Settings<'a>),
    PushPromise(PushPromise<'a>),
    Ping(Ping),
    GoAway(GoAway<'a>),
    WindowUpdate(WindowUpdate),
    Continuation(Continuation<'a>),
    PriorityUpdate(PriorityUpdate<'a>),
    Unknown(Unknown<'a>),
}

impl<'a> Frame<'a> {
    /// Reads the frame that has this header and this payload of `header.length` octets.
    ///
    /// # Errors
    /// The fault, when the frame by itself breaks a rule.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        debug_assert_eq!(
            u32::try_from(payload.len()),
            Ok(header.length),
            "whoever cuts frames cuts them at their length"
        );
        Ok(match header.frame_type {
            FrameType::DATA => Self::Data(Data::parse(header, payload)?),
            FrameType::HEADERS => Self::Headers(Headers::parse(header, payload)?),
            FrameType::PRIORITY => Self::Priority(Priority::parse(header, payload)?),
            FrameType::RST_STREAM => Self::RstStream(RstStream::parse(header, payload)?),
            FrameType::SETTINGS => Self::Settings(Settings::parse(header, payload)?),
            FrameType::PUSH_PROMISE => Self::PushPromise(PushPromise::parse(header, payload)?),
            FrameType::PING => Self::Ping(Ping::parse(header, payload)?),
            FrameType::GOAWAY => Self::GoAway(GoAway::parse(header, payload)?),
            FrameType::WINDOW_UPDATE => Self::WindowUpdate(WindowUpdate::parse(header, payload)?),
            FrameType::CONTINUATION => Self::Continuation(Continuation::parse(header, payload)?),
            FrameType::PRIORITY_UPDATE => {
                Self::PriorityUpdate(PriorityUpdate::parse(header, payload)?)
            }
            _ => Self::Unknown(Unknown::parse(header, payload)),
        })
    }

    /// Appends the frame, header and all.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Data(frame) => frame.encode(out),
            Self::Headers(frame) => frame.encode(out),
            Self::Priority(frame) => frame.encode(out),
            Self::RstStream(frame) => frame.encode(out),
            Self::Settings(frame) => frame.encode(out),
            Self::PushPromise(frame) => frame.encode(out),
            Self::Ping(frame) => frame.encode(out),
            Self::GoAway(frame) => frame.encode(out),
            Self::WindowUpdate(frame) => frame.encode(out),
            Self::Continuation(frame) => frame.encode(out),
            Self::PriorityUpdate(frame) => frame.encode(out),
            Self::Unknown(frame) => frame.encode(out),
        }
    }
}
