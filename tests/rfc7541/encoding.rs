//! How the encoder chooses among the representations (RFC 7541 §6), by the vectors that the
//! project holds itself to.

use towline::http2::hpack::{Decoder, Encoder};

use crate::support::{assert_fields, decode, encode, hex};

#[test]
fn a_field_of_the_static_table_is_indexed() {
    let fields = [
        (":method", "GET"),
        (":status", "500"),
        ("accept-encoding", "gzip, deflate"),
    ];
    assert_eq!(encode(&mut Encoder::new(4096), &fields), hex("82 8e 90"));
}

#[test]
fn a_field_that_is_new_is_inserted_and_then_indexed() {
    let mut encoder = Encoder::new(4096);
    assert_eq!(
        encode(&mut encoder, &[("x-a", "1")]),
        hex("40 03 78 2d 61 01 31")
    );
    assert_eq!(encode(&mut encoder, &[("x-a", "1")]), hex("be"));
    // A known name with a new value is inserted as well, its name by index.
    assert_eq!(encode(&mut encoder, &[("x-a", "2")]), hex("7e 01 32"));
    assert_eq!(
        encode(&mut encoder, &[("x-a", "1"), ("x-a", "2")]),
        hex("bf be")
    );
}

#[test]
fn strings_take_the_shorter_form() {
    let mut encoder = Encoder::new(4096);
    let expected = hex("40 88 25a849e95ba97d7f 89 25a849e95bb8e8b4bf");
    assert_eq!(
        encode(&mut encoder, &[("custom-key", "custom-value")]),
        expected
    );
    let expected = hex("40 03 78 2d 61 08 26 26 26 26 26 26 26 26");
    assert_eq!(
        encode(&mut encoder, &[("x-a", "&&&&&&&&")]),
        expected,
        "as long coded as plain"
    );
}

/// One request's path is not the next one's, unless it is.
#[test]
fn a_path_is_inserted_when_it_comes_again() {
    let mut encoder = Encoder::new(4096);
    let path = [(":path", "/sample/path")];
    let block = encode(&mut encoder, &path);
    assert_eq!(
        block[0], 0x04,
        "literal without indexing, the name by index 4"
    );
    assert_eq!(encoder.table_size(), 0);
    let block = encode(&mut encoder, &path);
    assert_eq!(block[0], 0x44, "literal with incremental indexing");
    assert_eq!(encode(&mut encoder, &path), hex("be"));
}

#[test]
fn a_field_that_would_sweep_the_table_is_not_inserted() {
    let mut encoder = Encoder::new(4096);
    encode(&mut encoder, &[("x-a", "1")]);
    let size = encoder.table_size();
    for len in [3100, 4096, 100_000] {
        let value = "x".repeat(len);
        let block = encode(&mut encoder, &[("x-big", &value)]);
        assert_eq!(block[0], 0x00, "literal without indexing");
        assert_eq!(encoder.table_size(), size);
    }
}

#[test]
fn names_and_values_that_run_together_are_told_apart() {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    let fields = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
    ];
    let block = encode(&mut encoder, &fields);
    assert_fields(&decode(&mut decoder, &block).unwrap(), &fields);
    assert_eq!(block[block.len() - 3..], hex("c0 bf be"));
}

/// Each block inserts, so that entries leave all the time and the encoder's store is compacted.
#[test]
fn the_tables_stay_in_step_through_many_evictions() {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    for round in 0..5_000 {
        let fresh = format!("value {round}");
        let recent = format!("value {}", round - round % 7);
        let long = "y".repeat(round % 400);
        let fields = [
            ("x-fresh", &*fresh),
            ("x-recent", &*recent),
            ("x-long", &*long),
        ];
        let block = encode(&mut encoder, &fields);
        assert_fields(&decode(&mut decoder, &block).unwrap(), &fields);
        assert_eq!(encoder.table_size(), decoder.table_size());
    }
}
