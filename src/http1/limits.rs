//! Every limit that a hostile server runs into, in one place.
//!
//! Owns: the numbers. Never: counts; that is for whoever sees what is counted.
//! Spec: RFC 9110 §5.4, RFC 9112 §7.1.

/// Bounds on what a server can make us hold or do, each with the attack it stops.
///
/// All are on by default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a response's head, from the status line to the empty line, both included.
    /// Default 64 KiB (a head that never ends).
    pub head_size: usize,
    /// Fields of a head, and of a trailer section. Default 256 (many tiny fields cost more than
    /// their octets).
    pub field_count: usize,
    /// Interim (1xx) responses before the final one. Default 16 (endless 1xx).
    pub interim_responses: u32,
    /// Octets of the line before a chunk, its extensions and its end included. Default 4 KiB (a
    /// line that never ends).
    pub chunk_line: usize,
    /// Octets that the lines of all chunks of a response may take above what a size needs.
    /// Default 16 KiB (a chunk of one octet with a long extension, over and over: content that
    /// costs thousands of times its length).
    pub chunk_extensions: usize,
    /// Octets of a trailer section, the empty line included. Default 64 KiB (trailers that never
    /// end).
    pub trailer_size: usize,
    /// Octets that are read and dropped so that a connection can be kept when the caller has left.
    /// Default 64 KiB (a response that nobody wants and that never ends). More than a new
    /// connection costs would be no saving.
    pub drain: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_size: 65_536,
            field_count: 256,
            interim_responses: 16,
            chunk_line: 4_096,
            chunk_extensions: 16_384,
            trailer_size: 65_536,
            drain: 65_536,
        }
    }
}
