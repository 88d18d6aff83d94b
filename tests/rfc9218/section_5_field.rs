//! RFC 9218 §5: the `priority` field of a request.

use bytes::Bytes;
use towline::priority::Priority;

use crate::{shared, support::*, urgent};

/// The values of the field with which a request leaves.
fn field(request: Request) -> Vec<Bytes> {
    let mut t = Script::connected();
    t.open(request);
    let sent = t.reads();
    let [Wire::Headers(section)] = &sent[..] else {
        panic!("more than a head: {sent:?}");
    };
    let lines = section.lines.iter();
    let values = lines.filter(|(name, _)| name == "priority");
    let values = values.map(|(_, value)| value.clone()).collect();
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
    values
}

#[test]
fn a_priority_becomes_a_field() {
    assert_eq!(field(get("/").extension(urgent(0))), ["u=0"]);
    assert_eq!(field(get("/").extension(shared(7))), ["u=7, i"]);
    assert_eq!(field(get("/").extension(shared(3))), ["i"]);
}

/// RFC 9218 §4: a server takes silence for the default. RFC 8941 §3.2: an empty dictionary is no
/// field.
#[test]
fn without_one_or_with_the_default_there_is_no_field() {
    assert!(field(get("/")).is_empty());
    assert!(field(get("/").extension(Priority::default())).is_empty());
}

#[test]
fn the_callers_own_field_stands() {
    let own = get("/").field("priority", "u=5, x=\"y\"");
    assert_eq!(field(own.extension(urgent(0))), ["u=5, x=\"y\""]);
    let broken = get("/").field("priority", "no dictionary");
    assert_eq!(field(broken.extension(urgent(0))), ["no dictionary"]);
    let twice = get("/").field("priority", "u=5").field("priority", "i");
    assert_eq!(field(twice.extension(urgent(0))), ["u=5", "i"]);
}

#[test]
fn a_handle_says_what_it_says_when_the_stream_is_opened() {
    let handle = urgent(1).adjustable();
    assert_eq!(field(get("/").extension(handle.clone())), ["u=1"]);
    handle.set(urgent(6));
    assert_eq!(field(get("/").extension(handle.clone())), ["u=6"]);
    // It is more than a value.
    let both = get("/").extension(urgent(2)).extension(handle.clone());
    assert_eq!(field(both), ["u=6"]);
    handle.set(Priority::default());
    assert!(field(get("/").extension(handle.clone())).is_empty());
}

/// It counts as any other field does (RFC 9113 §6.5.2).
#[test]
fn the_field_counts_for_the_size_of_the_head() {
    use towline::http2::{engine::Refusal, frame::SettingId};

    let plain = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "example.com"),
        (":path", "/"),
    ];
    let count = |name: &str, value: &str| name.len() + value.len() + 32;
    let size: usize = plain.iter().map(|(name, value)| count(name, value)).sum();
    let limit = u32::try_from(size).unwrap();
    let setting = (SettingId::MAX_HEADER_LIST_SIZE, limit);
    let mut t = Script::connected_with(config(|_| {}), &[setting]);
    let refused = t.try_open(get("/").extension(urgent(1))).unwrap_err();
    let size = size + count("priority", "u=1");
    assert_eq!(refused, Refusal::HeadTooLarge { size, limit });
    assert_eq!(t.try_open(get("/")), Ok(1));
}
