//! Why a field block cannot be decoded.

use std::fmt;

use crate::http2::Violation;

/// Builds the enum and its texts from one table.
macro_rules! decode_errors {
    ($($name:ident $section:literal $text:literal;)+) => {
        /// A rule of HPACK that a field block breaks.
        ///
        /// Each of them leaves the dynamic table out of step with the peer's, so the connection
        /// ends with COMPRESSION_ERROR (RFC 9113 §4.3): the decoder must not be used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum DecodeError {
            $(
                #[doc = concat!("The block has ", $text, " (", $section, ").")]
                $name,
            )+
        }

        impl DecodeError {
            /// The section that states the rule.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self {
                    $(Self::$name => $section,)+
                }
            }

            /// What was found, in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

decode_errors! {
    Truncated "RFC 7541 §6" "an end in the middle of a representation";
    IntegerOverflow "RFC 7541 §5.1" "an integer above 2^32-1, or longer than five further octets";
    IndexZero "RFC 7541 §6.1" "index 0, which is not used";
    IndexOutOfTable "RFC 7541 §2.3.3" "an index beyond the dynamic table";
    HuffmanPaddingLength "RFC 7541 §5.2" "a Huffman string with more than 7 bits of padding";
    HuffmanPaddingValue "RFC 7541 §5.2" "a Huffman string padded with other bits than those of EOS";
    HuffmanEos "RFC 7541 §5.2" "a Huffman string that contains EOS";
    SizeUpdateTooLarge "RFC 7541 §6.3" "a table size update above the limit that we set";
    SizeUpdateLate "RFC 7541 §4.2" "a table size update after a field";
    SizeUpdateMissing "RFC 7541 §4.2" "no table size update down to the limit that we lowered";
    SizeUpdateRepeated "RFC 7541 §4.2" "more than two table size updates";
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a field block with {} ({})", self.text(), self.section())
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for Violation {
    fn from(_: DecodeError) -> Self {
        Self::Compression
    }
}
