//! A few octets that stand for many.

use towline::decode::{Coding, DecodeErrorKind, Decoder, Limits, Pulled};

use crate::support::{
    Encoder, Outcome, decode, decode_pieces, encoders, gzip, gzip_at, next, noise, zlib, zstd_at,
};

const MIB: usize = 1 << 20;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// All octets at once, and nothing of what comes out is kept.
fn count(codings: &[Coding], limits: Limits, encoded: &[u8]) -> (usize, Option<DecodeErrorKind>) {
    let mut decoder = Decoder::new(codings, limits).unwrap();
    decoder.push(encoded.to_vec());
    decoder.finish();
    let mut octets = 0;
    loop {
        match next(&mut decoder) {
            Ok(Some(data)) => octets += data.len(),
            Ok(None) => return (octets, None),
            Err(error) => return (octets, Some(error.kind())),
        }
    }
}

#[test]
fn a_bomb_goes_off_no_further_than_the_ratio() {
    const PIECE: usize = 32 << 10;
    for Encoder { coding, encode } in encoders() {
        let encoded = encode(&vec![0; 4 * MIB]);
        let (octets, kind) = count(&[coding], Limits::default(), &encoded);
        assert_eq!(kind, Some(DecodeErrorKind::RatioExceeded), "{coding}");
        assert!(octets >= MIB - PIECE, "{coding} gave {octets}");
        assert!(
            octets <= MIB.max(1_000 * encoded.len()),
            "{coding} gave {octets}"
        );
    }
}

#[test]
fn the_ratio_counts_from_its_threshold_on() {
    let encoded = gzip_at(9, &vec![0; MIB]);
    let outcome = |max_ratio, ratio_from| {
        let limits = limits(|limits| {
            limits.max_ratio = max_ratio;
            limits.ratio_from = ratio_from;
        });
        count(&[Coding::Gzip], limits, &encoded)
    };
    assert_eq!(outcome(500, MIB as u64), (MIB, None));
    let (octets, kind) = outcome(500, MIB as u64 - 1);
    assert_eq!(kind, Some(DecodeErrorKind::RatioExceeded));
    assert!(octets < MIB);
    assert_eq!(outcome(1_032, 0), (MIB, None));
}

#[test]
fn content_that_packs_well_but_not_like_a_bomb_passes() {
    // A line is new now and then: hundreds to one.
    let mut content = Vec::new();
    for line in noise(400).chunks(8) {
        content.extend_from_slice(&line.repeat(10_000));
    }
    for Encoder { coding, encode } in encoders() {
        // The others pack this so well that it is a bomb by their measure.
        if matches!(coding, Coding::Gzip | Coding::Deflate) {
            let encoded = encode(&content);
            assert!(content.len() > 100 * encoded.len());
            let (octets, kind) = count(&[coding], Limits::default(), &encoded);
            assert_eq!((octets, kind), (content.len(), None), "{coding}");
        }
    }
}

#[test]
fn a_bomb_within_a_bomb_is_held_against_what_came_in() {
    let once = zlib(&vec![0; 8 * MIB]);
    let twice = gzip(&once);
    // Neither of the two is beyond its ratio.
    let loose = limits(|limits| {
        limits.max_ratio = 1_100;
        limits.ratio_from = 0;
    });
    assert_eq!(count(&[Coding::Deflate], loose, &once).1, None);
    assert_eq!(count(&[Coding::Gzip], loose, &twice).1, None);
    let codings = [Coding::Deflate, Coding::Gzip];
    let (octets, kind) = count(&codings, loose, &twice);
    assert_eq!(kind, Some(DecodeErrorKind::RatioExceeded));
    assert!(octets <= 1_100 * twice.len());
}

#[test]
fn what_lies_between_two_codings_is_bounded_too() {
    // What comes out in the end is nothing.
    let encoded = gzip(&gzip(b"").repeat(10_000));
    let strict = limits(|limits| {
        limits.max_ratio = 20;
        limits.ratio_from = 0;
    });
    assert!(encoded.len() * 20 < gzip(b"").len() * 10_000);
    let outcome = decode_pieces(&[Coding::Gzip, Coding::Gzip], strict, [&encoded]);
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::RatioExceeded));
    assert_eq!(outcome.octets, b"");
    let lax = Limits::default();
    let outcome = decode_pieces(&[Coding::Gzip, Coding::Gzip], lax, [&encoded]);
    assert_eq!(outcome.whole(), b"");
}

#[test]
fn the_ratio_counts_octets_as_they_are_taken() {
    // Noise that is pushed but not decoded yet does not pay for the zeros before it.
    let zeros = gzip_at(9, &vec![0; MIB]);
    let costly = gzip_at(0, &noise(MIB / 8));
    let strict = limits(|limits| {
        limits.max_ratio = 500;
        limits.ratio_from = 0;
    });
    let (octets, kind) = count(&[Coding::Gzip], strict, &[&zeros[..], &costly].concat());
    assert_eq!(kind, Some(DecodeErrorKind::RatioExceeded));
    assert!(octets < MIB);
    // And after it they are paid for.
    let outcome = count(&[Coding::Gzip], strict, &[&costly[..], &zeros].concat());
    assert_eq!(outcome, (MIB / 8 + MIB, None));
}

#[test]
fn an_absolute_bound_holds_to_the_octet() {
    let content = noise(200_000);
    for Encoder { coding, encode } in encoders() {
        let encoded = encode(&content);
        let exact = limits(|limits| limits.max_output = Some(200_000));
        assert_eq!(count(&[coding], exact, &encoded), (200_000, None));
        let short = limits(|limits| limits.max_output = Some(199_999));
        let (octets, kind) = count(&[coding], short, &encoded);
        assert_eq!(kind, Some(DecodeErrorKind::TooLarge), "{coding}");
        assert!(octets < 200_000);
    }
    // It is about the content, not about what lies between codings.
    let bound = limits(|limits| limits.max_output = Some(10));
    let encoded = gzip_at(6, &gzip_at(6, b"ten octets"));
    let outcome = decode_pieces(&[Coding::Gzip; 2], bound, [&encoded[..]]);
    assert_eq!(outcome.whole(), b"ten octets");
}

#[test]
fn nothing_comes_out_after_an_error() {
    let encoded = gzip(&vec![0; 2 * MIB]);
    let mut decoder = Decoder::new(&[Coding::Gzip], Limits::default()).unwrap();
    decoder.push(encoded.clone());
    while let Ok(Some(_)) = next(&mut decoder) {}
    decoder.push(encoded);
    decoder.finish();
    let error = decoder.pull().unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::RatioExceeded);
    assert_eq!(error.coding(), Some(Coding::Gzip));
}

/// A frame of `abc` with this window descriptor (RFC 8878 §3.1.1.1.2), laid out by hand.
#[cfg(feature = "zstd")]
fn zstd_with_window(exponent: u8, mantissa: u8) -> Vec<u8> {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let descriptors = [0, exponent << 3 | mantissa];
    // The last block, raw, of three octets (RFC 8878 §3.1.1.2).
    let block = [3 << 3 | 1, 0, 0];
    [&magic[..], &descriptors, &block, b"abc"].concat()
}

#[test]
#[cfg(feature = "zstd")]
fn a_window_beyond_the_bound_is_refused() {
    let outcome = |log, exponent, mantissa| {
        let limits = limits(|limits| limits.max_zstd_window_log = log);
        let frame = zstd_with_window(exponent, mantissa);
        let outcome = decode_pieces(&[Coding::Zstd], limits, [&frame[..]]);
        match &outcome.error {
            None => assert_eq!(outcome.octets, b"abc"),
            Some(error) => assert!(std::error::Error::source(error).is_some()),
        }
        outcome.kind()
    };
    let too_large = Some(DecodeErrorKind::WindowTooLarge);
    // RFC 9659 §3: 8 MiB, the 13th exponent, and not an octet more.
    assert_eq!(Limits::default().max_zstd_window_log, 23);
    assert_eq!(outcome(23, 13, 0), None);
    assert_eq!(outcome(23, 13, 1), too_large);
    assert_eq!(outcome(23, 14, 0), too_large);
    assert_eq!(outcome(24, 14, 0), None);
    assert_eq!(outcome(17, 7, 0), None);
    assert_eq!(outcome(17, 7, 1), too_large);
    // What zstd cannot take is taken for the nearest that it can.
    assert_eq!(outcome(0, 0, 0), None);
    assert_eq!(outcome(0, 0, 1), too_large);
    assert_eq!(outcome(99, 14, 0), None);
    assert_eq!(outcome(99, 21, 0), too_large);
    // A frame of one segment has the window that its content needs (RFC 8878 §3.1.1.1.2).
    for (content, expected) in [
        (8 << 20, DecodeErrorKind::Truncated),
        ((8 << 20) + 1, DecodeErrorKind::WindowTooLarge),
    ] {
        let single_segment = [0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
        let frame = [&single_segment[..], &u32::to_le_bytes(content)].concat();
        assert_eq!(decode(&[Coding::Zstd], &frame).kind(), Some(expected));
    }
}

#[test]
#[cfg(feature = "brotli")]
fn windows_beyond_brotlis_own_format_are_refused() {
    // RFC 7932 §9.1 ends at 24 bits; encoders know an extension to more.
    let encode = |large_window, lgwin| {
        let params = brotli::enc::BrotliEncoderParams {
            large_window,
            lgwin,
            ..Default::default()
        };
        let mut encoded = Vec::new();
        brotli::BrotliCompress(&mut &b"abc"[..], &mut encoded, &params).unwrap();
        encoded
    };
    let largest = decode(&[Coding::Brotli], &encode(false, 24));
    assert_eq!(largest.whole(), b"abc");
    let outcome = decode(&[Coding::Brotli], &encode(true, 26));
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::Corrupt));
}

#[test]
fn a_zstd_frame_is_not_kept_from_its_window() {
    // The bound is on memory, not on content: a stream goes on far beyond its window.
    let content: Vec<u8> = noise(MIB).repeat(24);
    let encoded = zstd_at(1, &content);
    if Coding::Zstd.is_available() {
        let Outcome { octets, error } = decode(&[Coding::Zstd], &encoded);
        assert!(error.is_none() && octets == content, "{error:?}");
    }
}

#[test]
fn octets_that_mean_nothing_come_to_an_end() {
    // RFC 1952 §2.2: members may follow each other, empty ones too; padding has no end either.
    for filling in [gzip(b""), vec![0; 64 << 10]] {
        let mut decoder = Decoder::new(&[Coding::Gzip], Limits::default()).unwrap();
        decoder.push(gzip(b"begun"));
        let (mut octets, mut pushed) = (0, 0);
        let error = loop {
            match decoder.pull() {
                Ok(Pulled::Data(data)) => octets += data.len(),
                Ok(Pulled::NeedsInput) => {
                    decoder.push(filling.clone());
                    pushed += filling.len();
                    assert!(pushed < 2 * MIB, "the bound is 1 MiB");
                }
                Ok(Pulled::End) => panic!("nobody has ended it"),
                Err(error) => break error,
            }
        };
        assert_eq!((octets, error.kind()), (5, DecodeErrorKind::Barren));
        assert!(pushed > MIB, "{pushed}");
    }
}
