//! What a server can do wrong, named where it is seen.
//!
//! Owns: the one table from [`Violation`] to its text and its section. Every one of them ends the
//! connection: where HTTP/1.1 is not what it should be, nobody knows where the next message begins.
//! Spec: RFC 9112, RFC 9110.

use std::fmt;

/// Builds the enum and its texts from one table: a rule that is added gets both.
macro_rules! violations {
    ($($name:ident $section:literal $text:literal;)+) => {
        /// One rule that a server broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Violation {
            $(
                #[doc = concat!("The server's fault: ", $text, " (", $section, ").")]
                $name,
            )+
        }

        impl Violation {
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
    // Heads.
    NotHttp "RFC 9112 §4" "a response that does not begin with `HTTP/`";
    Version "RFC 9112 §2.3" "a version that is neither HTTP/1.0 nor HTTP/1.1";
    StatusLine "RFC 9112 §4" "a malformed status line";
    BareCr "RFC 9112 §2.2" "a carriage return that ends no line";
    BareLf "RFC 9112 §7.1" "a line within chunked content that ends in a line feed alone";
    FieldName "RFC 9112 §5" "a field line without a well-formed name";
    SpaceBeforeColon "RFC 9112 §5.1" "white space between a field's name and its colon";
    LineFolding "RFC 9112 §5.2" "a field value that is folded over several lines";
    FieldValue "RFC 9110 §5.5" "a field value with characters that none may have";
    HeadTooLarge "RFC 9110 §5.4" "a head above the limit of octets";
    FieldCount "RFC 9110 §5.4" "more fields than the limit";
    // Interim responses and upgrades.
    InterimFlood "RFC 9110 §15.2" "more interim responses than the limit";
    SwitchingUnasked "RFC 9110 §15.2.2" "101 (Switching Protocols) to a request that asked for no upgrade";
    SwitchingEarly "RFC 9110 §7.8" "101 (Switching Protocols) before the request was complete";
    // Framing.
    LengthInvalid "RFC 9112 §6.3" "content-length that is no number, or several that differ";
    LengthAndCoding "RFC 9112 §6.3" "both content-length and transfer-encoding";
    CodingUnknown "RFC 9112 §6.1" "a transfer-encoding other than `chunked` alone";
    CodingInHttp10 "RFC 9112 §6.1" "transfer-encoding in an HTTP/1.0 message";
    // Chunked content.
    ChunkSize "RFC 9112 §7.1" "a chunk size that is no hexadecimal number";
    ChunkSizeOverflow "RFC 9112 §7.1" "a chunk size above 2^64-1";
    ChunkEnd "RFC 9112 §7.1" "chunk data without a line end after it";
    ChunkExtension "RFC 9112 §7.1.1" "a malformed chunk extension";
    ChunkLineTooLong "RFC 9112 §7.1.1" "a chunk's line above the limit of octets";
    ExtensionFlood "RFC 9112 §7.1.1" "more octets of chunk extensions than the limit";
    TrailersTooLarge "RFC 9112 §7.1.2" "a trailer section above the limit of octets";
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.section())
    }
}

impl std::error::Error for Violation {}
