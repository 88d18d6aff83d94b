//! SETTINGS (RFC 9113 §6.5).
//!
//! Owns: the layout and the list of known settings. Refuses: to judge a value; that is for who
//! applies it.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::{Flags, FrameHeader, FrameType};
use crate::http2::{Fault, StreamId, Violation, consts::SETTING_LEN};

/// Builds the constants and their names from one list.
macro_rules! settings {
    ($($value:literal $name:ident $section:literal;)+) => {
        impl SettingId {
            $(
                #[doc = concat!("`SETTINGS_", stringify!($name), "` (", $section, ").")]
                pub const $name: Self = Self($value);
            )+

            /// The name that its RFC gives this setting, or `None` if we know of none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

/// Which setting (RFC 9113 §6.5.2). Unknown ones are kept as they came: whoever applies them
/// "MUST ignore that setting".
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SettingId(u16);

settings! {
    0x1 HEADER_TABLE_SIZE "RFC 9113 §6.5.2";
    0x2 ENABLE_PUSH "RFC 9113 §6.5.2";
    0x3 MAX_CONCURRENT_STREAMS "RFC 9113 §6.5.2";
    0x4 INITIAL_WINDOW_SIZE "RFC 9113 §6.5.2";
    0x5 MAX_FRAME_SIZE "RFC 9113 §6.5.2";
    0x6 MAX_HEADER_LIST_SIZE "RFC 9113 §6.5.2";
    0x8 ENABLE_CONNECT_PROTOCOL "RFC 8441 §3";
    0x9 NO_RFC7540_PRIORITIES "RFC 9218 §2.1";
}

impl SettingId {
    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl From<u16> for SettingId {
    fn from(value: u16) -> Self {
        Self(value)
    }
}

impl fmt::Debug for SettingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "SettingId({:#06x})", self.0),
        }
    }
}

/// What one side asks of the other, or the acknowledgement of it.
///
/// ```text
/// ( | identifier (16) | value (32) | )*
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Whether this acknowledges the receiver's own SETTINGS.
    pub ack: bool,
    /// The settings, 6 octets each; [`SettingsBuilder`] makes them.
    pub payload: &'a [u8],
}

impl<'a> Settings<'a> {
    /// The acknowledgement.
    pub const ACK: Self = Settings {
        ack: true,
        payload: &[],
    };

    /// Reads the frame after its header.
    ///
    /// # Errors
    /// A connection fault when it is on a stream, an acknowledgement with a payload, or of a
    /// length that is no multiple of 6.
    pub fn parse(header: FrameHeader, payload: &'a [u8]) -> Result<Self, Fault> {
        // RFC 9113 §6.5: on a stream, "a connection error of type PROTOCOL_ERROR".
        if !header.stream_id.is_connection() {
            return Err(Fault::Connection(Violation::SettingsOnStream));
        }
        let ack = header.flags.contains(Flags::ACK);
        // RFC 9113 §6.5: both "a connection error of type FRAME_SIZE_ERROR".
        if ack && !payload.is_empty() {
            return Err(Fault::Connection(Violation::SettingsAckLength));
        }
        if !payload.len().is_multiple_of(SETTING_LEN) {
            return Err(Fault::Connection(Violation::SettingsLength));
        }
        Ok(Self { ack, payload })
    }

    /// Appends the frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let flags = Flags::ACK.when(self.ack);
        let octets = self.payload.len();
        FrameHeader::of(FrameType::SETTINGS, flags, StreamId::CONNECTION, octets).encode(out);
        out.put_slice(self.payload);
    }

    /// The settings "in the order in which they appear" (RFC 9113 §6.5.3); one may come twice.
    pub fn iter(&self) -> impl Iterator<Item = (SettingId, u32)> + use<'a> {
        self.payload.chunks_exact(SETTING_LEN).map(|setting| {
            let (id, value) = setting.split_at(2);
            let id = id.iter().fold(0, |id, octet| id << 8 | u16::from(*octet));
            let value = value
                .iter()
                .fold(0, |value, octet| value << 8 | u32::from(*octet));
            (SettingId(id), value)
        })
    }
}

/// The payload of a SETTINGS frame in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsBuilder {
    payload: BytesMut,
}

impl SettingsBuilder {
    /// No setting yet; a SETTINGS frame may well be empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one setting.
    #[must_use]
    pub fn set(mut self, id: SettingId, value: u32) -> Self {
        self.payload.put_u16(id.as_u16());
        self.payload.put_u32(value);
        self
    }

    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Settings<'_> {
        Settings {
            ack: false,
            payload: &self.payload,
        }
    }
}
