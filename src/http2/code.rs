//! HTTP/2 error codes (RFC 9113 §7).

use std::fmt;

/// The 32-bit error code carried by RST_STREAM and GOAWAY (RFC 9113 §7).
///
/// Codes that no RFC defines are kept as they came: "unknown or unsupported error codes MUST NOT
/// trigger any special behavior".
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(u32);

/// Builds the constants and the look-up table from one list, so that they cannot drift apart.
macro_rules! error_codes {
    ($($value:literal $name:ident $text:literal;)+) => {
        impl ErrorCode {
            $(
                #[doc = concat!("`", stringify!($name), "` (", stringify!($value), "): ", $text, ".")]
                pub const $name: Self = Self($value);
            )+

            /// The name that RFC 9113 §7 gives this code, or `None` if it gives none.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)+
                    _ => None,
                }
            }

            /// What the code means, in a few words.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self.0 {
                    $($value => $text,)+
                    _ => "a code that RFC 9113 does not define",
                }
            }
        }
    };
}

error_codes! {
    0x0 NO_ERROR "graceful shutdown";
    0x1 PROTOCOL_ERROR "protocol error detected";
    0x2 INTERNAL_ERROR "implementation fault";
    0x3 FLOW_CONTROL_ERROR "flow-control limits exceeded";
    0x4 SETTINGS_TIMEOUT "settings not acknowledged";
    0x5 STREAM_CLOSED "frame received for a closed stream";
    0x6 FRAME_SIZE_ERROR "frame size incorrect";
    0x7 REFUSED_STREAM "stream not processed";
    0x8 CANCEL "stream cancelled";
    0x9 COMPRESSION_ERROR "compression state not updated";
    0xa CONNECT_ERROR "TCP connection error for CONNECT method";
    0xb ENHANCE_YOUR_CALM "processing capacity exceeded";
    0xc INADEQUATE_SECURITY "negotiated TLS parameters not acceptable";
    0xd HTTP_1_1_REQUIRED "use HTTP/1.1 for the request";
}

impl ErrorCode {
    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

impl From<u32> for ErrorCode {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<ErrorCode> for u32 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.description()),
            None => write!(f, "unknown error code {:#x}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "ErrorCode({:#x})", self.0),
        }
    }
}
