//! Several codings on one content, and the field that names them.

use std::error::Error as _;

use http::{HeaderMap, HeaderValue, header::CONTENT_ENCODING};
use towline::decode::{Coding, ContentEncoding, DecodeErrorKind, Decoder, Limits};

use crate::support::{decode, decode_by_octets, encoders, gzip, raw_deflate, text, zlib};

fn read(lines: &[&'static str]) -> ContentEncoding {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(CONTENT_ENCODING, HeaderValue::from_static(line));
    }
    ContentEncoding::of(&headers)
}

#[test]
fn names_are_read_without_regard_to_case_or_lines() {
    use Coding::{Deflate, Gzip};
    use ContentEncoding::{Identity, Known, Unknown};
    let cases: [(&[&str], ContentEncoding); 17] = [
        (&[], Identity),
        (&[""], Identity),
        (&["identity"], Identity),
        (&["Identity , ", ","], Identity),
        (&["gzip"], Known(vec![Gzip])),
        (&["GZip"], Known(vec![Gzip])),
        (&["x-gzip"], Known(vec![Gzip])),
        (&["X-GZIP"], Known(vec![Gzip])),
        (&["deflate"], Known(vec![Deflate])),
        (&["deflate, gzip"], Known(vec![Deflate, Gzip])),
        (&["deflate", "gzip"], Known(vec![Deflate, Gzip])),
        (&[" ,identity,\tgzip ,, "], Known(vec![Gzip])),
        (&["gzip;q=1"], Unknown),
        (&["gzip deflate"], Unknown),
        (&["gzip, compress"], Unknown),
        (&["x-deflate"], Unknown),
        (&["aes128gcm", "gzip"], Unknown),
    ];
    for (lines, expected) in cases {
        assert_eq!(read(lines), expected, "{lines:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_ENCODING,
        HeaderValue::from_bytes(b"gzip\xff").unwrap(),
    );
    assert_eq!(ContentEncoding::of(&headers), Unknown);
}

#[test]
fn a_coding_that_is_not_built_in_is_unknown() {
    for (name, coding, is_built_in) in [
        ("br", Coding::Brotli, cfg!(feature = "brotli")),
        ("zstd", Coding::Zstd, cfg!(feature = "zstd")),
    ] {
        assert_eq!(Coding::from_name(name.as_bytes()), Some(coding));
        assert_eq!(coding.is_available(), is_built_in);
        let expected = if is_built_in {
            ContentEncoding::Known(vec![coding])
        } else {
            ContentEncoding::Unknown
        };
        assert_eq!(read(&[name]), expected);
        let opened = Decoder::new(&[coding], Limits::default()).map(|_| ());
        assert_eq!(
            opened.map_err(|error| (error.kind(), error.coding())),
            if is_built_in {
                Ok(())
            } else {
                Err((DecodeErrorKind::Unavailable, Some(coding)))
            }
        );
    }
}

#[test]
fn names_lead_to_their_codings_and_back() {
    for coding in Coding::ALL {
        assert_eq!(Coding::from_name(coding.name().as_bytes()), Some(coding));
        assert_eq!(coding.to_string(), coding.name());
    }
    assert_eq!(Coding::from_name(b""), None);
    assert_eq!(Coding::from_name(b"identity"), None);
}

#[test]
fn codings_are_undone_in_reverse_order() {
    let content = text(5_000);
    for first in encoders() {
        for second in encoders() {
            for third in encoders() {
                let encoded = (third.encode)(&(second.encode)(&(first.encode)(&content)));
                let codings = [first.coding, second.coding, third.coding];
                assert!(decode(&codings, &encoded).whole() == content, "{codings:?}");
            }
            let encoded = (second.encode)(&(first.encode)(&content[..900]));
            let outcome = decode_by_octets(&[first.coding, second.coding], &encoded);
            assert_eq!(outcome.whole(), &content[..900]);
        }
    }
}

#[test]
fn a_stack_that_was_cut_short_anywhere_is_an_error() {
    let codings = [Coding::Deflate, Coding::Gzip];
    let inner = zlib(b"some content");
    let encoded = gzip(&inner);
    for cut in 1..encoded.len() {
        let outcome = decode(&codings, &encoded[..cut]);
        assert_eq!(outcome.kind(), Some(DecodeErrorKind::Truncated));
        assert_eq!(outcome.error.unwrap().coding(), Some(Coding::Gzip));
    }
    for cut in 1..inner.len() {
        let outcome = decode(&codings, &gzip(&inner[..cut]));
        assert_eq!(outcome.kind(), Some(DecodeErrorKind::Truncated));
        assert_eq!(outcome.error.unwrap().coding(), Some(Coding::Deflate));
    }
    // No content under a coding is none.
    assert_eq!(decode(&codings, &gzip(b"")).whole(), b"");
}

#[test]
fn codings_that_were_not_all_applied_are_an_error() {
    // Two were declared, and the octets are plain gzip.
    let codings = [Coding::Gzip, Coding::Deflate];
    let outcome = decode(&codings, &gzip(&text(550)));
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::Corrupt));
    assert_eq!(outcome.octets, b"");
    // And the other way round: octets that decode to others than the next coding's.
    let outcome = decode(&codings, &zlib(b"not gzip"));
    assert_eq!(outcome.kind(), Some(DecodeErrorKind::Corrupt));
    let error = outcome.error.unwrap();
    assert_eq!(error.coding(), Some(Coding::Gzip));
    assert_eq!(error.to_string(), "the encoded octets are corrupt [gzip]");
}

#[test]
fn the_cause_of_a_corrupt_stream_is_told() {
    let mut encoded = raw_deflate(&text(500));
    // Block type 3 is none (RFC 1951 §3.2.3).
    encoded[0] |= 0b110;
    let error = decode(&[Coding::Deflate], &encoded).error.unwrap();
    assert_eq!(error.kind(), DecodeErrorKind::Corrupt);
    let cause = error.source().expect("what the decoder says").to_string();
    assert!(cause.contains("invalid block type"), "{cause}");
}

#[test]
fn a_stack_is_bounded() {
    let content = b"deep";
    for depth in 0..8 {
        let encoded = (0..depth).fold(content.to_vec(), |octets, _| gzip(&octets));
        let outcome = decode(&vec![Coding::Gzip; depth], &encoded);
        if depth <= 5 {
            assert_eq!(outcome.whole(), content);
        } else {
            assert_eq!(outcome.kind(), Some(DecodeErrorKind::TooManyCodings));
        }
    }
    let mut limits = Limits::default();
    limits.max_codings = 1;
    assert!(Decoder::new(&[Coding::Gzip], limits).is_ok());
    assert!(Decoder::new(&[Coding::Gzip, Coding::Gzip], limits).is_err());
}
