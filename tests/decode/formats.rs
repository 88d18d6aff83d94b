//! What real encoders write, in whatever pieces it comes.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use towline::decode::{Coding, DecodeErrorKind, Decoder, Limits, Pulled};

use crate::support::{
    Encoder, decode, decode_by_octets, decode_pieces, encoders, gzip_at, next, noise,
    raw_deflate_at, text, zlib_at,
};

/// Contents that make encoders use each of their block types.
fn contents() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"x".to_vec(),
        b"hello, hello, hello".to_vec(),
        text(1_000),
        text(60_000),
        noise(40_000),
        vec![0; 100_000],
        [text(20_000), noise(20_000), vec![7; 40_000]].concat(),
    ]
}

#[test]
fn every_level_of_every_encoder_is_undone() {
    // Level 0 writes stored blocks, 1 fixed ones for little text, the others dynamic ones.
    for content in contents() {
        for level in 0..=9 {
            let cases = [
                (Coding::Gzip, gzip_at(level, &content)),
                (Coding::Deflate, zlib_at(level, &content)),
                (Coding::Deflate, raw_deflate_at(level, &content)),
            ];
            for (coding, encoded) in cases {
                assert!(
                    decode(&[coding], &encoded).whole() == content,
                    "{coding} {level}"
                );
            }
        }
    }
}

#[test]
#[cfg(feature = "brotli")]
fn every_level_of_brotli_is_undone() {
    for content in contents() {
        for level in [0, 1, 2, 4, 5, 9] {
            let encoded = crate::support::brotli_at(level, &content);
            assert!(
                decode(&[Coding::Brotli], &encoded).whole() == content,
                "{level}"
            );
        }
    }
}

#[test]
#[cfg(feature = "zstd")]
fn levels_of_zstd_are_undone() {
    for content in contents() {
        for level in [-5, 1, 3, 9, 19] {
            let encoded = crate::support::zstd_at(level, &content);
            assert!(
                decode(&[Coding::Zstd], &encoded).whole() == content,
                "{level}"
            );
        }
    }
}

#[test]
fn octets_may_come_one_by_one() {
    let content = text(20_000);
    for Encoder { coding, encode } in encoders() {
        let encoded = encode(&content);
        assert!(
            decode_by_octets(&[coding], &encoded).whole() == content,
            "{coding}"
        );
    }
}

#[test]
fn no_octets_at_all_are_no_content_in_every_coding() {
    for Encoder { coding, .. } in encoders() {
        assert_eq!(decode(&[coding], b"").whole(), b"");
    }
    assert_eq!(decode(&[], b"as it is").whole(), b"as it is");
}

#[test]
fn what_was_flushed_comes_out_before_the_rest_goes_in() {
    // Each of these flushes as a server does that has said all it knows by now.
    let halves = [text(3_000), text(5_000)];
    for (coding, flushed) in flushing_encoders(&halves) {
        let mut decoder = Decoder::new(&[coding], Limits::default()).unwrap();
        let mut octets = Vec::new();
        let mut expected = 0;
        for (half, encoded) in halves.iter().zip(flushed) {
            decoder.push(encoded);
            while let Some(data) = next(&mut decoder).unwrap() {
                octets.extend_from_slice(&data);
            }
            expected += half.len();
            assert_eq!(octets.len(), expected, "{coding}");
            assert_eq!(decoder.pull().unwrap(), Pulled::NeedsInput);
        }
        assert_eq!(octets, halves.concat());
    }
}

/// Each half as its encoder writes it when it is flushed after it; the end is not written.
fn flushing_encoders(halves: &[Vec<u8>]) -> Vec<(Coding, Vec<Vec<u8>>)> {
    fn flushed<W: Write>(
        mut encoder: W,
        written: impl Fn(&W) -> &Vec<u8>,
        halves: &[Vec<u8>],
    ) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for half in halves {
            encoder.write_all(half).unwrap();
            encoder.flush().unwrap();
            let end = written(&encoder).len();
            pieces.push(written(&encoder)[start..end].to_vec());
            start = end;
        }
        pieces
    }
    let gzip = GzEncoder::new(Vec::new(), Compression::default());
    let zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    let raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    let brotli = brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 20);
    let zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
    let all = [
        (Coding::Gzip, flushed(gzip, GzEncoder::get_ref, halves)),
        (Coding::Deflate, flushed(zlib, |it| it.get_ref(), halves)),
        (Coding::Deflate, flushed(raw, |it| it.get_ref(), halves)),
        (Coding::Brotli, flushed(brotli, |it| it.get_ref(), halves)),
        (Coding::Zstd, flushed(zstd, |it| it.get_ref(), halves)),
    ];
    let available = all.into_iter().filter(|(coding, _)| coding.is_available());
    available.collect()
}

#[test]
fn what_was_not_pulled_yet_is_not_lost_by_pushing_more() {
    let content = text(100_000);
    for Encoder { coding, encode } in encoders() {
        let mut decoder = Decoder::new(&[coding], Limits::default()).unwrap();
        for piece in encode(&content).chunks(1_000) {
            decoder.push(piece.to_vec());
        }
        decoder.push(Vec::new());
        decoder.finish();
        let mut octets = Vec::new();
        while let Some(data) = next(&mut decoder).unwrap() {
            octets.extend_from_slice(&data);
        }
        assert!(octets == content, "{coding}");
    }
}

#[test]
fn deflate_is_told_apart_by_its_first_two_octets() {
    let content = text(5_000);
    for level in 0..=9 {
        let zlib = zlib_at(level, &content);
        let raw = raw_deflate_at(level, &content);
        // The zlib format is that around the same deflate (RFC 1950 §2.2).
        assert_eq!(raw, zlib[2..zlib.len() - 4]);
        for encoded in [&zlib, &raw] {
            for cut in 0..4 {
                let (first, rest) = encoded.split_at(cut);
                let pieces = [first, rest];
                let outcome = decode_pieces(&[Coding::Deflate], Limits::default(), pieces);
                assert_eq!(outcome.whole(), content);
            }
        }
    }
    // Windows below 32 KiB (RFC 1950 §2.2, CINFO), and every level's mark.
    for window in 0..=7_u8 {
        for level in 0..=3_u8 {
            let method = window << 4 | 8;
            let flags = level << 6;
            let check = 31 - u16::from_be_bytes([method, flags]) % 31;
            let flags = flags + u8::try_from(check % 31).unwrap();
            let mut encoded = zlib_at(6, b"within 256 octets");
            encoded[..2].copy_from_slice(&[method, flags]);
            let outcome = decode(&[Coding::Deflate], &encoded);
            assert_eq!(outcome.whole(), b"within 256 octets", "{window} {level}");
        }
    }
}

#[test]
fn bare_deflate_that_is_almost_a_zlib_header_is_bare_deflate() {
    // A stored block (RFC 1951 §3.2.4) whose padding is not zero: 8 in the low bits, as zlib's
    // method. Then the length, 28 or 29, which makes a multiple of 31 or not.
    for (first, length) in [(0x88_u8, 28_u8), (0x78, 29)] {
        let is_multiple = u16::from_be_bytes([first, length]) % 31 == 0;
        assert_eq!(is_multiple, first == 0x88);
        let content = vec![b'x'; length.into()];
        let last_block = [1, 0, 0, 0xff, 0xff];
        let encoded = [
            &[first, length, 0, !length, 0xff],
            &content[..],
            &last_block,
        ]
        .concat();
        assert_eq!(decode(&[Coding::Deflate], &encoded).whole(), content);
    }
}

#[test]
fn a_zlib_stream_that_wants_a_dictionary_is_corrupt() {
    // RFC 1950 §2.2, FDICT: nobody has told us of one. 0x78bb is a multiple of 31.
    let encoded = [&[0x78, 0xbb, 0, 0, 0, 1], &zlib_at(6, b"abc")[2..]].concat();
    let outcome = decode(&[Coding::Deflate], &encoded);
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::Corrupt));
    assert!(std::error::Error::source(&outcome.error.unwrap()).is_some());
}

#[test]
#[cfg(feature = "zstd")]
fn zstd_frames_follow_each_other_and_skippable_ones_are_skipped() {
    // RFC 8878 §3.1.2.
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"aside"].concat();
    let empty_skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].to_vec();
    let (one, two) = (text(100_000), text(3));
    let encoded = [
        skippable.clone(),
        crate::support::zstd_at(3, &one),
        empty_skippable,
        crate::support::zstd_at(1, &two),
        crate::support::zstd_at(1, b""),
        skippable.clone(),
    ]
    .concat();
    let expected = [one, two].concat();
    assert!(decode(&[Coding::Zstd], &encoded).whole() == expected);
    assert!(decode_by_octets(&[Coding::Zstd], &encoded).whole() == expected);
    assert_eq!(decode(&[Coding::Zstd], &skippable).whole(), b"");
    for cut in 1..skippable.len() {
        let outcome = decode(&[Coding::Zstd], &skippable[..cut]);
        assert_eq!(outcome.kind(), Some(DecodeErrorKind::Truncated), "{cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pieces_do_not_matter(
        seed in prop::collection::vec((any::<u8>(), 1..2_000_usize), 0..40),
        cuts in prop::collection::vec(1..5_000_usize, 1..50),
    ) {
        let runs = seed.into_iter().map(|(octet, count)| vec![octet; count]);
        let content: Vec<u8> = runs.flatten().collect();
        for Encoder { coding, encode } in encoders() {
            let encoded = encode(&content);
            let mut rest = &encoded[..];
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at(rest.len().min(*cut));
                pieces.push(piece);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            let outcome = decode_pieces(&[coding], Limits::default(), pieces);
            prop_assert!(outcome.error.is_none(), "{:?}", outcome.error);
            prop_assert!(outcome.octets == content, "{}", coding);
        }
    }

    #[test]
    fn any_octets_end_in_content_or_an_error(
        octets in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        for Encoder { coding, encode } in encoders() {
            // As they are, and behind the beginning of something real.
            let begun = encode(&text(400));
            let joined = [&begun[..begun.len() / 2], &octets].concat();
            for encoded in [&octets, &joined] {
                let whole = decode(&[coding], encoded);
                let by_octets = decode_by_octets(&[coding], encoded);
                prop_assert_eq!(whole.kind().is_some(), by_octets.kind().is_some());
                prop_assert!(whole.error.is_some() || whole.octets == by_octets.octets);
            }
        }
    }
}
