//! Content decoding: the formats as real encoders write them and as hostile peers do, the bounds,
//! and what a transport does to requests and responses.

#[path = "decode/bounds.rs"]
mod bounds;
#[path = "decode/canned.rs"]
mod canned;
#[path = "decode/damage.rs"]
mod damage;
#[path = "decode/failures.rs"]
mod failures;
#[path = "decode/formats.rs"]
mod formats;
#[path = "decode/gzip.rs"]
mod gzip;
#[path = "decode/negotiation.rs"]
mod negotiation;
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;
#[path = "decode/responses.rs"]
mod responses;
#[path = "decode/stacking.rs"]
mod stacking;
#[path = "decode/support.rs"]
mod support;
