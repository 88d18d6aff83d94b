//! Content decoding: the formats as real encoders write them and as hostile peers do, the bounds,
//! and what a transport does to requests and responses.

#[path = "decode/bounds.rs"]
mod bounds;
#[path = "decode/damage.rs"]
mod damage;
#[path = "decode/formats.rs"]
mod formats;
#[path = "decode/gzip.rs"]
mod gzip;
#[path = "decode/stacking.rs"]
mod stacking;
#[path = "decode/support.rs"]
mod support;
