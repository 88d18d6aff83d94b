//! Changes of the size of the dynamic table (RFC 7541 §4.2, §6.3).

use towline::http2::hpack::{DecodeError, Decoder, Encoder};

use crate::support::{assert_fields, assert_table, decode, encode, hex};

const GET: [(&str, &str); 1] = [(":method", "GET")];

#[test]
fn the_encoder_announces_a_change_at_the_next_block_and_once() {
    let mut encoder = Encoder::new(4096);
    encoder.set_peer_table_size(40);
    assert_eq!(encode(&mut encoder, &GET), hex("3f 09 82"));
    assert_eq!(encode(&mut encoder, &GET), hex("82"));
}

#[test]
fn the_encoder_is_silent_about_what_did_not_change() {
    let mut encoder = Encoder::new(4096);
    encoder.set_peer_table_size(4096);
    assert_eq!(encode(&mut encoder, &GET), hex("82"));
    // Our cap holds whatever the peer offers.
    encoder.set_peer_table_size(1 << 20);
    assert_eq!(encode(&mut encoder, &GET), hex("82"));
}

#[test]
fn the_encoder_announces_the_smallest_size_and_the_last() {
    let mut encoder = Encoder::new(4096);
    encoder.set_peer_table_size(0);
    encoder.set_peer_table_size(4096);
    assert_eq!(encode(&mut encoder, &GET), hex("20 3f e1 1f 82"));
    encoder.set_peer_table_size(100);
    encoder.set_peer_table_size(40);
    encoder.set_peer_table_size(1000);
    assert_eq!(encode(&mut encoder, &GET), hex("3f 09 3f c9 07 82"));
    encoder.set_peer_table_size(100);
    encoder.set_peer_table_size(40);
    assert_eq!(encode(&mut encoder, &GET), hex("3f 09 82"));
}

#[test]
fn a_cap_other_than_the_initial_size_is_announced() {
    assert_eq!(encode(&mut Encoder::new(0), &GET), hex("20 82"));
    // More than the initial size has to be offered first.
    let mut encoder = Encoder::new(8192);
    assert_eq!(encode(&mut encoder, &GET), hex("82"));
    encoder.set_peer_table_size(1 << 20);
    assert_eq!(encode(&mut encoder, &GET), hex("3f e1 3f 82"));
}

#[test]
fn a_dip_empties_both_tables_alike() {
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    let fields = [("x-a", "1"), ("x-b", "2")];
    decode(&mut decoder, &encode(&mut encoder, &fields)).unwrap();
    assert_table(&mut decoder, &[("x-b", "2"), ("x-a", "1")]);
    for size in [40, 4096] {
        encoder.set_peer_table_size(size);
        decoder.set_max_table_size(size);
    }
    let block = encode(&mut encoder, &fields[1..]);
    assert_fields(&decode(&mut decoder, &block).unwrap(), &fields[1..]);
    assert_table(&mut decoder, &fields[1..]);
    assert_eq!(encoder.table_size(), decoder.table_size());
}

#[test]
fn a_table_of_no_size_holds_nothing() {
    let mut encoder = Encoder::new(0);
    let mut decoder = Decoder::new(4096);
    for _ in 0..3 {
        let block = encode(&mut encoder, &[("x-a", "1")]);
        assert_fields(&decode(&mut decoder, &block).unwrap(), &[("x-a", "1")]);
    }
    assert_eq!((encoder.table_size(), decoder.table_size()), (0, 0));
}

#[test]
fn a_lowered_limit_must_be_answered_at_the_next_block() {
    for (block, expected) in [
        ("82", Err(DecodeError::SizeUpdateMissing)),
        ("", Err(DecodeError::SizeUpdateMissing)),
        ("3f 0a 82", Err(DecodeError::SizeUpdateTooLarge)),
        ("3f 09 82", Ok(())),
        ("20 82", Ok(())),
        ("20 3f 09 82", Ok(())),
    ] {
        let mut decoder = Decoder::new(4096);
        decoder.set_max_table_size(40);
        assert_eq!(
            decode(&mut decoder, &hex(block)).map(drop),
            expected,
            "{block}"
        );
    }
}

#[test]
fn the_smallest_limit_since_the_last_block_must_be_answered() {
    for (block, expected) in [
        ("3f e1 1f 82", Err(DecodeError::SizeUpdateMissing)),
        ("3f 0a 3f e1 1f 82", Err(DecodeError::SizeUpdateMissing)),
        ("3f 09 3f e1 1f 82", Ok(())),
        ("3f 09 82", Ok(())),
    ] {
        let mut decoder = Decoder::new(4096);
        for limit in [1000, 40, 50, 4096] {
            decoder.set_max_table_size(limit);
        }
        assert_eq!(
            decode(&mut decoder, &hex(block)).map(drop),
            expected,
            "{block}"
        );
    }
}

#[test]
fn an_answer_is_demanded_once_and_only_if_the_limit_is_below_the_size_in_use() {
    let mut decoder = Decoder::new(4096);
    decoder.set_max_table_size(40);
    assert!(decode(&mut decoder, &hex("3f 09 82")).is_ok());
    assert!(decode(&mut decoder, &hex("82")).is_ok());
    // The encoder uses 40: nothing in this asks it for a change.
    decoder.set_max_table_size(1000);
    decoder.set_max_table_size(100);
    assert!(decode(&mut decoder, &hex("82")).is_ok());
}

#[test]
fn a_raised_limit_changes_nothing_until_it_is_used() {
    let mut decoder = Decoder::new(64);
    decoder.set_max_table_size(4096);
    // Two entries of 35 octets: the second evicts the first.
    decode(&mut decoder, &hex("40 01 61 02 62 62 40 01 63 02 64 64")).unwrap();
    assert_table(&mut decoder, &[("c", "dd")]);
    decode(&mut decoder, &hex("3f e1 1f 40 01 65 02 66 66")).unwrap();
    assert_table(&mut decoder, &[("e", "ff"), ("c", "dd")]);
}

#[test]
fn an_entry_larger_than_the_table_empties_it_and_is_no_error() {
    let mut decoder = Decoder::new(64);
    decode(&mut decoder, &hex("40 01 61 01 62")).unwrap();
    let mut block = hex("40 01 61 40");
    block.extend([b'x'; 64]);
    let fields = decode(&mut decoder, &block).unwrap();
    assert_eq!(fields[0].value.as_bytes(), [b'x'; 64], "RFC 7541 §4.4");
    assert_table(&mut decoder, &[]);
}

#[test]
fn a_name_may_come_from_the_entry_that_its_insertion_evicts() {
    let mut decoder = Decoder::new(40);
    decode(&mut decoder, &hex("40 01 61 01 62")).unwrap();
    let fields = decode(&mut decoder, &hex("7e 02 63 63")).unwrap();
    assert_fields(&fields, &[("a", "cc")]);
    assert_table(&mut decoder, &[("a", "cc")]);
}
