//! What a peer can do wrong, named where it is seen; each name knows its error code.
//!
//! Owns: the one exhaustive match from [`Violation`] to [`ErrorCode`]. Nothing lies below it but
//! the codes and identifiers themselves.
//! Spec: RFC 9113 §5.4, §7.

use std::fmt;

use super::{ErrorCode, StreamId};

/// A peer's fault and how far it reaches (RFC 9113 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "GOAWAY or RST_STREAM must follow"]
pub enum Fault {
    /// The connection cannot go on: GOAWAY follows (RFC 9113 §5.4.1).
    Connection(Violation),
    /// Only this stream ends: RST_STREAM follows (RFC 9113 §5.4.2).
    Stream(StreamId, Violation),
}

impl Fault {
    /// What was violated.
    #[must_use]
    pub const fn violation(self) -> Violation {
        match self {
            Self::Connection(violation) | Self::Stream(_, violation) => violation,
        }
    }

    /// The code that goes out for it.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        self.violation().code()
    }
}

/// Builds the enum, its codes and its texts from one table: a rule that is added gets all three.
macro_rules! violations {
    ($($name:ident $code:ident $section:literal $text:literal;)+) => {
        /// One rule that a peer broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Violation {
            $(
                #[doc = concat!("The peer's fault: ", $text, " (", $section, ").")]
                $name,
            )+
        }

        impl Violation {
            /// The code that the RFC asks to be sent for it.
            #[must_use]
            pub const fn code(self) -> ErrorCode {
                match self {
                    $(Self::$name => ErrorCode::$code,)+
                }
            }

            /// The section that states the rule.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self {
                    $(Self::$name => $section,)+
                }
            }

            /// The rule broken, in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

violations! {
    // Connection start.
    PrefaceNotSettings PROTOCOL_ERROR "RFC 9113 §3.4" "the first frame is not SETTINGS";
    // Framing.
    FrameTooLarge FRAME_SIZE_ERROR "RFC 9113 §4.2" "a frame exceeds SETTINGS_MAX_FRAME_SIZE";
    DataOnConnection PROTOCOL_ERROR "RFC 9113 §6.1" "DATA on stream 0";
    DataPadding PROTOCOL_ERROR "RFC 9113 §6.1" "DATA with padding as long as its payload";
    DataLength FRAME_SIZE_ERROR "RFC 9113 §6.1" "padded DATA without a pad length";
    HeadersOnConnection PROTOCOL_ERROR "RFC 9113 §6.2" "HEADERS on stream 0";
    HeadersPadding PROTOCOL_ERROR "RFC 9113 §6.2" "HEADERS with padding as long as its payload";
    HeadersLength FRAME_SIZE_ERROR "RFC 9113 §6.2" "HEADERS too short for its fixed fields";
    PriorityOnConnection PROTOCOL_ERROR "RFC 9113 §6.3" "PRIORITY on stream 0";
    PriorityLength FRAME_SIZE_ERROR "RFC 9113 §6.3" "PRIORITY that is not 5 octets long";
    ResetOnConnection PROTOCOL_ERROR "RFC 9113 §6.4" "RST_STREAM on stream 0";
    ResetLength FRAME_SIZE_ERROR "RFC 9113 §6.4" "RST_STREAM that is not 4 octets long";
    ResetOnIdle PROTOCOL_ERROR "RFC 9113 §6.4" "RST_STREAM on an idle stream";
    SettingsOnStream PROTOCOL_ERROR "RFC 9113 §6.5" "SETTINGS on a stream";
    SettingsLength FRAME_SIZE_ERROR "RFC 9113 §6.5" "SETTINGS whose length is no multiple of 6";
    SettingsAckLength FRAME_SIZE_ERROR "RFC 9113 §6.5" "a SETTINGS acknowledgement with a payload";
    SettingsAckUnasked PROTOCOL_ERROR "RFC 9113 §6.5.3" "a SETTINGS acknowledgement that nothing awaits";
    SettingsAckLate SETTINGS_TIMEOUT "RFC 9113 §6.5.3" "SETTINGS not acknowledged in time";
    EnablePushValue PROTOCOL_ERROR "RFC 9113 §6.5.2" "SETTINGS_ENABLE_PUSH sent by a server is not 0";
    InitialWindowSizeValue FLOW_CONTROL_ERROR "RFC 9113 §6.5.2" "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1";
    MaxFrameSizeValue PROTOCOL_ERROR "RFC 9113 §6.5.2" "SETTINGS_MAX_FRAME_SIZE outside 2^14 to 2^24-1";
    EnableConnectProtocolValue PROTOCOL_ERROR "RFC 8441 §3" "SETTINGS_ENABLE_CONNECT_PROTOCOL not 0 or 1, or withdrawn";
    NoRfc7540PrioritiesValue PROTOCOL_ERROR "RFC 9218 §2.1" "SETTINGS_NO_RFC7540_PRIORITIES not 0 or 1";
    PushPromiseOnConnection PROTOCOL_ERROR "RFC 9113 §6.6" "PUSH_PROMISE on stream 0";
    PushPromisePadding PROTOCOL_ERROR "RFC 9113 §6.6" "PUSH_PROMISE with padding as long as its payload";
    PushPromiseLength FRAME_SIZE_ERROR "RFC 9113 §6.6" "PUSH_PROMISE too short for its fixed fields";
    PushPromiseId PROTOCOL_ERROR "RFC 9113 §6.6" "PUSH_PROMISE of a stream that the server cannot promise";
    PushPromiseStream PROTOCOL_ERROR "RFC 9113 §6.6" "PUSH_PROMISE on a stream that is not open or half-closed (local)";
    PushPromiseDisabled PROTOCOL_ERROR "RFC 9113 §6.6" "PUSH_PROMISE although push is disabled";
    PingOnStream PROTOCOL_ERROR "RFC 9113 §6.7" "PING on a stream";
    PingLength FRAME_SIZE_ERROR "RFC 9113 §6.7" "PING that is not 8 octets long";
    GoAwayOnStream PROTOCOL_ERROR "RFC 9113 §6.8" "GOAWAY on a stream";
    GoAwayLength FRAME_SIZE_ERROR "RFC 9113 §6.8" "GOAWAY shorter than 8 octets";
    GoAwayIncreased PROTOCOL_ERROR "RFC 9113 §6.8" "GOAWAY whose last stream identifier grew";
    WindowUpdateLength FRAME_SIZE_ERROR "RFC 9113 §6.9" "WINDOW_UPDATE that is not 4 octets long";
    WindowUpdateZero PROTOCOL_ERROR "RFC 9113 §6.9" "WINDOW_UPDATE of zero";
    WindowUpdateOnIdle PROTOCOL_ERROR "RFC 9113 §5.1" "WINDOW_UPDATE on an idle stream";
    WindowOverflow FLOW_CONTROL_ERROR "RFC 9113 §6.9.1" "a flow-control window above 2^31-1";
    WindowExceeded FLOW_CONTROL_ERROR "RFC 9113 §6.9.1" "more DATA than the window allows";
    ContinuationOnConnection PROTOCOL_ERROR "RFC 9113 §6.10" "CONTINUATION on stream 0";
    ContinuationUnexpected PROTOCOL_ERROR "RFC 9113 §6.10" "CONTINUATION without a field block to continue";
    BlockInterrupted PROTOCOL_ERROR "RFC 9113 §6.10" "a field block interrupted by another frame";
    PriorityUpdateOnStream PROTOCOL_ERROR "RFC 9218 §7.1" "PRIORITY_UPDATE on a stream";
    PriorityUpdateLength FRAME_SIZE_ERROR "RFC 9218 §7.1" "PRIORITY_UPDATE shorter than 4 octets";
    PriorityUpdateId PROTOCOL_ERROR "RFC 9218 §7.1" "PRIORITY_UPDATE about stream 0";
    PriorityUpdateFromServer PROTOCOL_ERROR "RFC 9218 §7.1" "PRIORITY_UPDATE sent by a server";
    // Field blocks.
    Compression COMPRESSION_ERROR "RFC 9113 §4.3" "a field block that cannot be decoded";
    // Stream states.
    DataOnReserved PROTOCOL_ERROR "RFC 9113 §5.1" "DATA on a promised stream before its response head";
    WindowUpdateOnReserved PROTOCOL_ERROR "RFC 9113 §5.1" "WINDOW_UPDATE on a promised stream before its response head";
    DataOnIdle PROTOCOL_ERROR "RFC 9113 §5.1" "DATA on an idle stream";
    HeadersOnIdle PROTOCOL_ERROR "RFC 9113 §5.1" "HEADERS on an idle stream";
    FrameAfterEnd STREAM_CLOSED "RFC 9113 §5.1" "a frame after END_STREAM";
    FrameAfterReset STREAM_CLOSED "RFC 9113 §5.1" "a frame after RST_STREAM from the same peer";
    // Messages.
    DataBeforeHead PROTOCOL_ERROR "RFC 9113 §8.1" "DATA before the response head";
    EndWithInterim PROTOCOL_ERROR "RFC 9113 §8.1" "an interim response that ends the stream";
    SwitchingProtocols PROTOCOL_ERROR "RFC 9113 §8.6" "status 101 in HTTP/2";
    EndWithoutHead PROTOCOL_ERROR "RFC 9113 §8.1" "a stream that ends without a response head";
    HeadersInTunnel PROTOCOL_ERROR "RFC 9113 §8.5" "HEADERS on a stream that has become a tunnel";
    PushPromiseInTunnel PROTOCOL_ERROR "RFC 9113 §8.5" "PUSH_PROMISE on a stream that has become a tunnel";
    TrailersWithoutEnd PROTOCOL_ERROR "RFC 9113 §8.1" "a trailer section that does not end the stream";
    FieldName PROTOCOL_ERROR "RFC 9113 §8.2.1" "a field name with an upper-case or forbidden character";
    FieldValue PROTOCOL_ERROR "RFC 9113 §8.2.1" "a field value with a forbidden character";
    ConnectionField PROTOCOL_ERROR "RFC 9113 §8.2.2" "a connection-specific field";
    PseudoUnknown PROTOCOL_ERROR "RFC 9113 §8.3" "a pseudo-header field that does not belong here";
    PseudoRepeated PROTOCOL_ERROR "RFC 9113 §8.3" "a repeated pseudo-header field";
    PseudoLate PROTOCOL_ERROR "RFC 9113 §8.3" "a pseudo-header field after a regular one";
    PseudoInTrailers PROTOCOL_ERROR "RFC 9113 §8.1" "a pseudo-header field in a trailer section";
    PseudoMissing PROTOCOL_ERROR "RFC 9113 §8.3" "a required pseudo-header field is missing";
    StatusValue PROTOCOL_ERROR "RFC 9113 §8.3.2" ":status is not a three-digit number";
    ContentLengthValue PROTOCOL_ERROR "RFC 9110 §8.6" "content-length that is no number, or differs from another";
    ContentLengthMismatch PROTOCOL_ERROR "RFC 9113 §8.1.1" "content-length differs from the DATA received";
    ContentForbidden PROTOCOL_ERROR "RFC 9110 §6.4.1" "content in a response that cannot have any";
    // Promised requests.
    PromiseMethod PROTOCOL_ERROR "RFC 9113 §8.4" "a promised request whose method is not known to be safe and cacheable";
    PromiseContent PROTOCOL_ERROR "RFC 9113 §8.4" "a promised request that announces content or trailers";
    PromiseHost PROTOCOL_ERROR "RFC 9113 §8.3.1" "a promised request whose host field is not its authority";
    PromiseAuthority PROTOCOL_ERROR "RFC 9113 §8.4" "a promised request that the connection does not speak for";
    // Abuse (RFC 9113 §10.5).
    ContinuationFlood ENHANCE_YOUR_CALM "RFC 9113 §10.5.1" "a field block spread over too many frames";
    FieldSectionTooLarge ENHANCE_YOUR_CALM "RFC 9113 §10.5.1" "a field section above our limit";
    ControlFlood ENHANCE_YOUR_CALM "RFC 9113 §10.5" "control frames faster than the peer takes our answers";
    FaultFlood ENHANCE_YOUR_CALM "RFC 9113 §10.5" "too many useless or faulty frames";
    UnclaimedPush CANCEL "RFC 9113 §10.5" "more octets pushed than are held while nobody claims them";
    InterimFlood ENHANCE_YOUR_CALM "RFC 9113 §10.5" "too many interim responses on a stream";
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.section())
    }
}

impl std::error::Error for Violation {}
