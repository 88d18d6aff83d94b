//! Encoded octets that were cut, changed, or added to.

use towline::decode::{Coding, DecodeErrorKind};

use crate::support::{Encoder, decode, decode_by_octets, encoders, gzip, gzip_at, noise, text};

#[test]
fn content_cut_short_anywhere_is_an_error() {
    for content in [b"x".to_vec(), text(300), noise(100), Vec::new()] {
        for Encoder { coding, encode } in encoders() {
            let encoded = encode(&content);
            for cut in 1..encoded.len() {
                let outcome = decode(&[coding], &encoded[..cut]);
                assert_eq!(
                    outcome.kind(),
                    Some(DecodeErrorKind::Truncated),
                    "{coding}, {cut} of {}",
                    encoded.len()
                );
                assert!(content.starts_with(&outcome.octets));
            }
        }
    }
}

#[test]
fn octets_after_the_end_are_an_error() {
    for Encoder { coding, encode } in encoders() {
        for octet in [b"x", b"\x03"] {
            let mut encoded = encode(b"content");
            encoded.extend_from_slice(&octet.repeat(8));
            for outcome in [
                decode(&[coding], &encoded),
                decode_by_octets(&[coding], &encoded),
            ] {
                assert_eq!(
                    outcome.kind(),
                    Some(DecodeErrorKind::TrailingOctets),
                    "{coding}"
                );
                assert_eq!(outcome.octets, b"content");
            }
        }
    }
}

#[test]
fn every_changed_bit_of_gzip_is_noticed_or_does_not_matter() {
    for level in [0, 1, 6] {
        let content = text(200);
        let good = gzip_at(level, &content);
        for index in 0..good.len() {
            for bit in 0..8 {
                let mut encoded = good.clone();
                encoded[index] ^= 1 << bit;
                let outcome = decode(&[Coding::Gzip], &encoded);
                // FTEXT, the time, the extra flags and the system (RFC 1952 §2.3.1).
                let is_free = (index, bit) == (3, 0) || (4..10).contains(&index);
                if is_free {
                    assert_eq!(outcome.whole(), content);
                } else if outcome.error.is_none() {
                    // Bits that pad to an octet mean nothing (RFC 1951 §3.2.4).
                    assert_eq!(outcome.octets, content, "octet {index}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn every_changed_octet_of_gzip_is_noticed_or_does_not_matter() {
    let content = b"what was said, what was said";
    let good = gzip(content);
    let mut noticed = 0;
    for index in 10..good.len() {
        for octet in 0..=255 {
            let mut encoded = good.clone();
            encoded[index] = octet;
            let outcome = decode(&[Coding::Gzip], &encoded);
            match outcome.error {
                Some(_) => noticed += 1,
                None => assert_eq!(outcome.octets, content, "octet {index} as {octet}"),
            }
        }
    }
    // All but the right ones and the padding of the last block.
    assert!(noticed > (good.len() - 10) * 255 - 256, "{noticed}");
}

#[test]
fn checksums_of_the_others_are_checked_where_they_have_one() {
    for Encoder { coding, encode } in encoders() {
        let good = encode(&text(500));
        // Adler-32 ends the zlib format (RFC 1950 §2.2), xxHash a frame of zstd (RFC 8878 §3.1.1).
        let has_checksum = match coding {
            Coding::Deflate => good[0] == 0x78,
            Coding::Zstd => true,
            _ => false,
        };
        if has_checksum {
            for index in good.len() - 4..good.len() {
                let mut encoded = good.clone();
                encoded[index] ^= 0x10;
                let outcome = decode(&[coding], &encoded);
                let expected = match coding {
                    Coding::Zstd => DecodeErrorKind::Checksum,
                    _ => DecodeErrorKind::Corrupt,
                };
                assert_eq!(outcome.kind(), Some(expected));
                // zstd may hold back a frame that it has in one piece until it has checked it.
                assert!(coding == Coding::Zstd || outcome.octets == text(500));
            }
        }
    }
}
