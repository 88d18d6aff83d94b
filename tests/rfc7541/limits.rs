//! Limits on field sections, charged while decoding (RFC 9113 §6.5.2, §10.5.1).

use towline::http2::hpack::{Decoder, Encoder, Limits, Outcome};

use crate::support::{UNLIMITED, assert_fields, assert_table, decode, encode, hex};

/// Decodes within limits: how it ended, and how many fields came out.
fn decode_within(decoder: &mut Decoder, block: &[u8], limits: Limits) -> (Outcome, usize) {
    let mut count = 0;
    let outcome = decoder
        .decode(block, limits, &mut |_| count += 1)
        .expect("a valid block");
    (outcome, count)
}

#[test]
fn a_section_may_reach_the_limit_and_not_exceed_it() {
    // "a: b", literal and then from the table: 34 octets each.
    let block = hex("40 01 61 01 62 be be");
    for (max_size, expected) in [
        (102, (Outcome::Complete, 3)),
        (101, (Outcome::LimitExceeded, 2)),
        (68, (Outcome::LimitExceeded, 2)),
        (33, (Outcome::LimitExceeded, 0)),
        (0, (Outcome::LimitExceeded, 0)),
    ] {
        let limits = Limits {
            max_size,
            ..UNLIMITED
        };
        assert_eq!(
            decode_within(&mut Decoder::new(4096), &block, limits),
            expected,
            "{max_size}"
        );
    }
    for (max_fields, expected) in [
        (3, (Outcome::Complete, 3)),
        (2, (Outcome::LimitExceeded, 2)),
    ] {
        let limits = Limits {
            max_fields,
            ..UNLIMITED
        };
        assert_eq!(
            decode_within(&mut Decoder::new(4096), &block, limits),
            expected
        );
    }
}

#[test]
fn nothing_is_handed_out_after_the_first_field_that_exceeds_the_limit() {
    // A field of 132 octets, then one of 34 that would still fit.
    let mut block = hex("00 01 61 63");
    block.extend([b'x'; 0x63]);
    block.extend(hex("00 01 61 01 62"));
    let limits = Limits {
        max_size: 100,
        ..UNLIMITED
    };
    let expected = (Outcome::LimitExceeded, 0);
    assert_eq!(
        decode_within(&mut Decoder::new(4096), &block, limits),
        expected
    );
}

#[test]
fn the_table_stays_in_step_beyond_the_limit() {
    let none = Limits {
        max_size: 0,
        max_fields: 0,
    };
    let mut decoder = Decoder::new(4096);
    let block = hex("40 01 61 01 62 7e 01 63 00 01 64 01 65");
    assert_eq!(
        decode_within(&mut decoder, &block, none),
        (Outcome::LimitExceeded, 0)
    );
    assert_table(&mut decoder, &[("a", "c"), ("a", "b")]);
    assert_fields(
        &decode(&mut decoder, &hex("be bf")).unwrap(),
        &[("a", "c"), ("a", "b")],
    );
}

/// CVE-2016-6581: an entry that nearly fills the table, named over and over by one octet each.
#[test]
fn a_bomb_of_references_stops_at_the_limit() {
    let mut decoder = Decoder::new(4096);
    let value = "x".repeat(3000);
    let mut block = encode(&mut Encoder::new(4096), &[("a", &value)]);
    decode(&mut decoder, &block).unwrap();
    block.clear();
    block.resize(100_000, 0xbe);
    let (outcome, count) = decode_within(&mut decoder, &block, Limits::default());
    assert_eq!((outcome, count), (Outcome::LimitExceeded, 64 * 1024 / 3033));
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let mut decoder = Decoder::new(4096);
    let block = [0x82; 257];
    let limits = Limits::default();
    assert_eq!(
        decode_within(&mut decoder, &block[1..], limits),
        (Outcome::Complete, 256)
    );
    assert_eq!(
        decode_within(&mut decoder, &block, limits),
        (Outcome::LimitExceeded, 256)
    );
    assert_eq!(limits.max_size, 65_536);
}

/// A value of the table and the field handed out are the same octets, not copies.
#[test]
fn entries_are_shared_with_their_fields() {
    let mut decoder = Decoder::new(4096);
    let value = "x".repeat(300);
    for value in ["short", &value] {
        let block = encode(&mut Encoder::new(4096), &[("x-a", value)]);
        let first = decode(&mut decoder, &block).unwrap();
        let again = decode(&mut decoder, &hex("be")).unwrap();
        assert_eq!(first, again);
        assert_eq!(
            first[0].value.as_bytes().as_ptr(),
            again[0].value.as_bytes().as_ptr()
        );
    }
}
