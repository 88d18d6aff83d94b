//! What the tests of HPACK share.

use bytes::BytesMut;
use towline::http2::hpack::{DecodeError, Decoder, Encoder, Field, FieldRef, Limits, Outcome};

/// Limits that no test reaches.
pub(crate) const UNLIMITED: Limits = Limits {
    max_size: usize::MAX,
    max_fields: usize::MAX,
};

/// A name and a value, as text.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// Octets written as hexadecimal digits; blanks between them are for the reader.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits are an octet"))
        .collect()
}

/// Decodes a block without limits.
pub(crate) fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<Field>, DecodeError> {
    let mut fields = Vec::new();
    let outcome = decoder.decode(block, UNLIMITED, &mut |field| fields.push(field))?;
    assert_eq!(outcome, Outcome::Complete);
    Ok(fields)
}

/// Encodes a block of fields that are no secrets.
pub(crate) fn encode(encoder: &mut Encoder, fields: &[Pair<'_>]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let fields = fields
        .iter()
        .map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()));
    encoder.encode(fields, &mut out);
    out.to_vec()
}

/// Asserts what was decoded, and that none of it is sensitive.
#[track_caller]
pub(crate) fn assert_fields(decoded: &[Field], expected: &[Pair<'_>]) {
    let decoded: Vec<_> = decoded.iter().map(Field::as_ref).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()))
        .collect();
    assert_eq!(decoded, expected);
}

/// Asserts the entries of the decoder's dynamic table, the newest first, by asking for them.
#[track_caller]
pub(crate) fn assert_table(decoder: &mut Decoder, expected: &[Pair<'_>]) {
    let size: usize = expected
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32)
        .sum();
    assert_eq!(decoder.table_size(), size, "RFC 7541 §4.1");
    let mut block: Vec<u8> = (0xbe..).take(expected.len()).collect();
    assert_fields(
        &decode(decoder, &block).expect("entries of the table"),
        expected,
    );
    block.push(0xbe + u8::try_from(expected.len()).expect("a small table"));
    assert_eq!(decode(decoder, &block), Err(DecodeError::IndexOutOfTable));
}
