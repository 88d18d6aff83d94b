//! What a field block must not contain, one test a rule.

use towline::http2::{
    ErrorCode, Violation,
    hpack::{DecodeError, Decoder, FieldName, FieldValue, Limits},
};

use crate::support::{decode, hex};

/// Asserts the verdict on a block; it must not depend on the limits on fields.
#[track_caller]
fn assert_refused(block: &str, expected: DecodeError) {
    let block = hex(block);
    assert_eq!(decode(&mut Decoder::new(4096), &block), Err(expected));
    let none = Limits {
        max_size: 0,
        max_fields: 0,
    };
    let verdict = Decoder::new(4096).decode(&block, none, &mut |_| ());
    assert_eq!(verdict, Err(expected), "beyond the limits");
}

#[test]
fn index_zero_is_not_used() {
    assert_refused("80", DecodeError::IndexZero);
    assert_refused("82 80", DecodeError::IndexZero);
}

#[test]
fn an_index_beyond_the_tables_is_an_error() {
    assert_refused("be", DecodeError::IndexOutOfTable);
    assert_refused("ff 80 01", DecodeError::IndexOutOfTable);
    assert_refused("ff 80 ff ff ff 0f", DecodeError::IndexOutOfTable);
    // The same for names: 62 in a prefix of six bits, and in one of four.
    assert_refused("7e 00", DecodeError::IndexOutOfTable);
    assert_refused("0f 2f 00", DecodeError::IndexOutOfTable);
    assert_refused("1f 2f 00", DecodeError::IndexOutOfTable);
    // With one entry, 62 is the last index.
    assert_refused("40 01 61 01 62 be bf", DecodeError::IndexOutOfTable);
}

#[test]
fn an_integer_is_bounded() {
    // 2^32, as an index, as the length of a string, and as the size of the table.
    assert_refused("ff 81 ff ff ff 0f", DecodeError::IntegerOverflow);
    assert_refused("00 7f 81 ff ff ff 0f", DecodeError::IntegerOverflow);
    assert_refused("3f e1 ff ff ff 0f", DecodeError::IntegerOverflow);
    // More than five octets after the prefix, whatever their value.
    assert_refused("ff 80 80 80 80 80 00", DecodeError::IntegerOverflow);
    assert_refused(
        "ff ff ff ff ff ff ff ff ff ff ff",
        DecodeError::IntegerOverflow,
    );
}

#[test]
fn a_block_must_not_end_within_a_representation() {
    for whole in [
        "ff 00",
        "3f e1 1f",
        "40 01 61 01 62",
        "0f 2b 01 62",
        "10 01 61 83 1c 64 4f",
    ] {
        let whole = hex(whole);
        for end in 1..whole.len() {
            let verdict = decode(&mut Decoder::new(4096), &whole[..end]);
            assert_eq!(verdict, Err(DecodeError::Truncated), "{:x?}", &whole[..end]);
        }
    }
}

#[test]
fn huffman_padding_is_at_most_seven_bits() {
    assert_refused("00 01 61 81 ff", DecodeError::HuffmanPaddingLength);
    assert_refused("00 01 61 82 07 ff", DecodeError::HuffmanPaddingLength);
    assert_refused("00 82 07 ff 01 61", DecodeError::HuffmanPaddingLength);
}

#[test]
fn huffman_padding_is_ones() {
    assert_refused("00 01 61 81 06", DecodeError::HuffmanPaddingValue);
    assert_refused("00 01 61 81 00", DecodeError::HuffmanPaddingValue);
    // Longer than seven bits and not all ones: the start of a symbol without its end.
    assert_refused("00 01 61 82 ff fe", DecodeError::HuffmanPaddingValue);
}

#[test]
fn huffman_strings_have_no_eos() {
    assert_refused("00 01 61 84 ff ff ff ff", DecodeError::HuffmanEos);
    assert_refused("00 01 61 86 07 ff ff ff ff 07", DecodeError::HuffmanEos);
}

#[test]
fn a_size_update_above_our_limit_is_an_error() {
    assert_refused("3f e2 1f", DecodeError::SizeUpdateTooLarge);
    assert!(decode(&mut Decoder::new(4096), &hex("3f e1 1f")).is_ok());
}

#[test]
fn a_size_update_after_a_field_is_an_error() {
    assert_refused("82 20", DecodeError::SizeUpdateLate);
    assert_refused("20 82 20", DecodeError::SizeUpdateLate);
}

#[test]
fn a_third_size_update_is_an_error() {
    assert!(decode(&mut Decoder::new(4096), &hex("20 3f e1 1f 82")).is_ok());
    assert_refused("20 20 20", DecodeError::SizeUpdateRepeated);
}

#[test]
fn each_of_them_is_a_compression_error() {
    let violation = Violation::from(DecodeError::IndexZero);
    assert_eq!(
        violation.code(),
        ErrorCode::COMPRESSION_ERROR,
        "RFC 9113 §4.3"
    );
    let text = DecodeError::HuffmanEos.to_string();
    assert!(text.contains("EOS") && text.contains("§5.2"), "{text}");
}

/// What only HTTP forbids is decoded, named for what it is and kept in the table, since the fields
/// after it must be (RFC 9113 §4.3).
#[test]
fn malformed_names_and_values_are_no_errors_of_hpack() {
    let mut decoder = Decoder::new(4096);
    let block = hex("40 01 41 01 62 40 04 3a 66 6f 6f 00 40 00 00 40 01 61 01 00 c1 be");
    let fields = decode(&mut decoder, &block).unwrap();
    let malformed: Vec<_> = fields
        .iter()
        .map(|field| {
            let name = matches!(field.name, FieldName::Malformed(_));
            (
                field.name.as_bytes(),
                name,
                matches!(field.value, FieldValue::Malformed(_)),
            )
        })
        .collect();
    let expected: [(&[u8], bool, bool); 6] = [
        (b"A", true, false),
        (b":foo", true, false),
        (b"", true, false),
        (b"a", false, true),
        (b"A", true, false),
        (b"a", false, true),
    ];
    assert_eq!(malformed, expected);
}
