//! `HttpHeaderMap` through its public door.

#[path = "header_map/changing.rs"]
mod changing;
#[path = "header_map/checks.rs"]
mod checks;
#[path = "header_map/conversions.rs"]
mod conversions;
#[path = "header_map/model.rs"]
mod model;
#[path = "header_map/reading.rs"]
mod reading;
#[path = "header_map/secrets.rs"]
mod secrets;
#[path = "header_map/splitting.rs"]
mod splitting;
#[path = "header_map/support.rs"]
mod support;
#[path = "header_map/worked_examples.rs"]
mod worked_examples;
