//! Numbers of the protocol, each with the section that fixes it. `tests/rfc9113` checks them.

/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Octets of a frame header (RFC 9113 §4.1).
pub const FRAME_HEADER_LEN: usize = 9;
/// The smallest SETTINGS_MAX_FRAME_SIZE, and its initial value (RFC 9113 §6.5.2): 2^14.
pub const MIN_MAX_FRAME_SIZE: u32 = 16_384;
/// The largest SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2): 2^24 - 1.
pub const MAX_MAX_FRAME_SIZE: u32 = 16_777_215;
/// The initial window of the connection and of each stream (RFC 9113 §6.9.2): 2^16 - 1.
pub const INITIAL_WINDOW_SIZE: u32 = 65_535;
/// The largest a window may grow (RFC 9113 §6.9.1): 2^31 - 1.
pub const MAX_WINDOW_SIZE: u32 = 2_147_483_647;
/// The initial SETTINGS_HEADER_TABLE_SIZE (RFC 9113 §6.5.2).
pub const INITIAL_HEADER_TABLE_SIZE: u32 = 4_096;
/// What an HPACK entry costs beyond its name and value (RFC 7541 §4.1), and what a field costs
/// beyond them against SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 §6.5.2).
pub const FIELD_OVERHEAD: usize = 32;
/// Octets of the opaque data of a PING (RFC 9113 §6.7).
pub const PING_LEN: usize = 8;
/// Octets of one setting in a SETTINGS frame (RFC 9113 §6.5.1).
pub const SETTING_LEN: usize = 6;
