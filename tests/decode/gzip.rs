//! gzip by the letter of RFC 1952: headers, members, trailers, and what may follow them.

use std::io::Write;

use flate2::{Compression, Crc, GzBuilder};
use towline::decode::{Coding, DecodeErrorKind, Limits};

use crate::support::{decode, decode_by_octets, decode_pieces, gzip, gzip_at, raw_deflate, text};

const HAS_TEXT: u8 = 1;
const HAS_CRC: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

/// A header with these fields (RFC 1952 §2.3), laid out by hand.
fn header(flags: u8) -> Vec<u8> {
    let mut header = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 255];
    if flags & HAS_EXTRA != 0 {
        header.extend_from_slice(&[5, 0]);
        header.extend_from_slice(b"Ab\x01\x00x");
    }
    if flags & HAS_NAME != 0 {
        header.extend_from_slice(b"name.txt\0");
    }
    if flags & HAS_COMMENT != 0 {
        header.extend_from_slice(b"\0");
    }
    if flags & HAS_CRC != 0 {
        let mut crc = Crc::new();
        crc.update(&header);
        header.extend_from_slice(&crc.sum().to_le_bytes()[..2]);
    }
    header
}

fn member(header: &[u8], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content);
    let length = u32::try_from(content.len()).unwrap();
    [
        header,
        &raw_deflate(content),
        &crc.sum().to_le_bytes(),
        &length.to_le_bytes(),
    ]
    .concat()
}

fn kind(encoded: &[u8]) -> Option<DecodeErrorKind> {
    let kind = decode(&[Coding::Gzip], encoded).kind();
    // Where the octets are cut makes no difference.
    assert_eq!(kind, decode_by_octets(&[Coding::Gzip], encoded).kind());
    kind
}

#[test]
fn every_combination_of_header_fields_is_skipped() {
    for flags in 0..32 {
        let encoded = member(&header(flags), b"content");
        assert_eq!(decode(&[Coding::Gzip], &encoded).whole(), b"content");
        assert_eq!(
            decode_by_octets(&[Coding::Gzip], &encoded).whole(),
            b"content"
        );
        for cut in 1..encoded.len() {
            assert_eq!(kind(&encoded[..cut]), Some(DecodeErrorKind::Truncated));
        }
    }
}

#[test]
fn header_fields_of_any_length_are_skipped() {
    for length in [0, 1, 255, 256, 65_535] {
        let mut encoder = GzBuilder::new()
            .extra(vec![9; length])
            .filename(vec![b'n'; length])
            .comment(vec![b'c'; length])
            .write(Vec::new(), Compression::fast());
        encoder.write_all(b"content").unwrap();
        let encoded = encoder.finish().unwrap();
        for size in [1, 7, 1_000, encoded.len()] {
            let pieces = encoded.chunks(size);
            let outcome = decode_pieces(&[Coding::Gzip], Limits::default(), pieces);
            assert_eq!(outcome.whole(), b"content");
        }
    }
}

#[test]
fn a_header_that_is_none_of_gzips_is_corrupt() {
    let good = member(&header(0), b"content");
    for (index, octets) in [(0, [0x1e, 0]), (1, [0x8a, 0x1f]), (2, [7, 9])] {
        for octet in octets {
            let mut encoded = good.clone();
            encoded[index] = octet;
            assert_eq!(kind(&encoded), Some(DecodeErrorKind::Corrupt), "{index}");
        }
    }
    // RFC 1952 §2.3.1.2: reserved flags must be zero.
    for flag in [0x20, 0x40, 0x80] {
        let mut encoded = good.clone();
        encoded[3] = flag;
        assert_eq!(kind(&encoded), Some(DecodeErrorKind::Corrupt));
    }
    // FTEXT means nothing to us.
    assert_eq!(kind(&member(&header(HAS_TEXT), b"content")), None);
    // A plain text is none at the first octet, not at its end.
    let outcome = decode(&[Coding::Gzip], b"plain");
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::Corrupt));
    assert_eq!(outcome.error.unwrap().coding(), Some(Coding::Gzip));
}

#[test]
fn the_checksum_of_a_header_is_checked() {
    let fields = HAS_CRC | HAS_EXTRA | HAS_NAME | HAS_COMMENT;
    let good = header(fields);
    for index in 4..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[index] ^= 1 << bit;
            // It may also mean a longer field, which ends nowhere.
            let outcome = decode(&[Coding::Gzip], &member(&bad, b"content"));
            assert!(outcome.error.is_some(), "octet {index}, bit {bit}");
            assert_eq!(outcome.octets, b"");
        }
    }
}

#[test]
fn checksum_and_length_are_checked() {
    let good = gzip(b"content");
    for index in good.len() - 8..good.len() {
        for bit in 0..8 {
            let mut encoded = good.clone();
            encoded[index] ^= 1 << bit;
            let outcome = decode(&[Coding::Gzip], &encoded);
            assert_eq!(outcome.kind(), Some(DecodeErrorKind::Checksum));
            // It was given out by then: the end is where a caller learns of it.
            assert_eq!(outcome.octets, b"content");
        }
    }
}

#[test]
fn members_follow_each_other() {
    // RFC 1952 §2.2.
    let contents = [
        text(40_000),
        Vec::new(),
        text(10),
        text(100_000),
        Vec::new(),
    ];
    let levels = [0, 1, 6, 9, 6];
    let encoded: Vec<u8> = contents
        .iter()
        .zip(levels)
        .flat_map(|(content, level)| gzip_at(level, content))
        .collect();
    assert!(decode(&[Coding::Gzip], &encoded).whole() == contents.concat());
    assert!(decode_by_octets(&[Coding::Gzip], &encoded).whole() == contents.concat());
    // Each member's checksum is its own.
    let mut second = gzip(b"second");
    let last = second.len() - 8;
    second[last] ^= 1;
    let encoded = [gzip(b"first"), second].concat();
    assert_eq!(kind(&encoded), Some(DecodeErrorKind::Checksum));
}

#[test]
fn many_empty_members_are_no_content() {
    let encoded = gzip(b"").repeat(20_000);
    assert_eq!(decode(&[Coding::Gzip], &encoded).whole(), b"");
    let encoded = [encoded, gzip(b"at last")].concat();
    assert_eq!(decode(&[Coding::Gzip], &encoded).whole(), b"at last");
}

#[test]
fn only_zeros_may_follow_the_last_member() {
    let good = [gzip(b"one"), gzip(b"two")].concat();
    for zeros in [1, 2, 7, 512, 100_000] {
        let padded = [&good[..], &vec![0; zeros]].concat();
        assert_eq!(decode(&[Coding::Gzip], &padded).whole(), b"onetwo");
        // Nor may another member, once zeros have come.
        for after in [&b"x"[..], &good] {
            let encoded = [&padded, after].concat();
            assert_eq!(kind(&encoded), Some(DecodeErrorKind::TrailingOctets));
        }
    }
    for garbage in [&b"x"[..], b"\x1f\x1f", b"<!-- -->"] {
        let encoded = [&good, garbage].concat();
        assert_eq!(kind(&encoded), Some(DecodeErrorKind::TrailingOctets));
        assert_eq!(decode(&[Coding::Gzip], &encoded).octets, b"onetwo");
    }
    // What begins as a member is one, cut short or corrupt.
    for (begun, expected) in [
        (&b"\x1f"[..], DecodeErrorKind::Truncated),
        (b"\x1f\x8b", DecodeErrorKind::Truncated),
        (b"\x1f\x8b\x08", DecodeErrorKind::Truncated),
        (b"\x1f\x8b\x09", DecodeErrorKind::Corrupt),
    ] {
        assert_eq!(kind(&[&good, begun].concat()), Some(expected));
    }
    // Zeros alone are no gzip.
    assert_eq!(kind(&[0; 20]), Some(DecodeErrorKind::Corrupt));
}
