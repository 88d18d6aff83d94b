//! HPACK through its public door, filed by section of RFC 7541.

#[path = "rfc7541/appendix_c.rs"]
mod appendix_c;
#[path = "rfc7541/encoding.rs"]
mod encoding;
#[path = "rfc7541/limits.rs"]
mod limits;
#[path = "rfc7541/malformed.rs"]
mod malformed;
#[path = "rfc7541/properties.rs"]
mod properties;
#[path = "rfc7541/sensitive.rs"]
mod sensitive;
#[path = "rfc7541/stories.rs"]
mod stories;
#[path = "rfc7541/support.rs"]
mod support;
#[path = "rfc7541/table_size.rs"]
mod table_size;
