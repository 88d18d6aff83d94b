//! Fields that no table may keep (RFC 7541 §6.2.3, §7.1.3).

use bytes::BytesMut;
use http::HeaderValue;
use towline::http2::hpack::{Decoder, Encoder, FieldRef, FieldValue};

use crate::support::{assert_table, decode, hex};

#[test]
fn sensitivity_survives_both_ways_and_each_hop() {
    let mut value = HeaderValue::from_static("Bearer hunter2");
    value.set_sensitive(true);
    let mut block = BytesMut::new();
    let name = http::header::AUTHORIZATION;
    Encoder::new(4096).encode([FieldRef::header(&name, &value)], &mut block);
    // Never-indexed, the name by its static index 23 (15 + 8).
    assert_eq!(block[..2], [0x1f, 0x08]);

    let mut decoder = Decoder::new(4096);
    let fields = decode(&mut decoder, &block).unwrap();
    assert!(fields[0].sensitive);
    let FieldValue::Header(decoded) = &fields[0].value else {
        panic!("a plain value");
    };
    assert!(decoded.is_sensitive() && *decoded == value);
    assert_table(&mut decoder, &[]);

    let mut again = BytesMut::new();
    Encoder::new(4096).encode([fields[0].as_ref()], &mut again);
    assert_eq!(again, block, "an intermediary must keep the representation");
}

#[test]
fn a_secret_is_neither_inserted_nor_looked_up() {
    let mut encoder = Encoder::new(4096);
    let public = FieldRef::new(b"x-token", b"1");
    let secret = FieldRef {
        sensitive: true,
        ..public
    };
    let mut block = BytesMut::new();
    encoder.encode([secret], &mut block);
    assert_eq!(encoder.table_size(), 0);
    assert_eq!(block[0], 0x10, "name spelt out");
    block.clear();
    encoder.encode([public, secret], &mut block);
    // The name comes from entry 62 (15 + 47), the value does not.
    assert_eq!(block[block.len() - 4..], hex("1f 2f 01 31"));
    assert_eq!(encoder.table_size(), public.size());
}

#[test]
fn a_secret_that_the_static_table_has_is_still_never_indexed() {
    let mut block = BytesMut::new();
    let field = FieldRef {
        name: b":method",
        value: b"GET",
        sensitive: true,
    };
    Encoder::new(4096).encode([field], &mut block);
    assert_eq!(block[0], 0x12);
}

#[test]
fn nothing_is_sensitive_but_what_the_caller_says() {
    let mut encoder = Encoder::new(4096);
    let mut block = BytesMut::new();
    encoder.encode([FieldRef::new(b"authorization", b"Basic YTpi")], &mut block);
    let fields = decode(&mut Decoder::new(4096), &block).unwrap();
    assert!(!fields[0].sensitive);
}

#[test]
fn debug_output_keeps_secrets() {
    let mut decoder = Decoder::new(4096);
    let fields = decode(&mut decoder, &hex("10 01 61 06 73 65 63 72 65 74")).unwrap();
    let shown = format!("{fields:?} {:?} {decoder:?}", fields[0].as_ref());
    assert!(!shown.contains("secret"), "{shown}");
    // Entries of the tables are not shown either: a peer may index what it should not.
    let mut encoder = Encoder::new(4096);
    encoder.encode([FieldRef::new(b"cookie", b"secret")], &mut BytesMut::new());
    assert!(!format!("{encoder:?}").contains("secret"));
}
