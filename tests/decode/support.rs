//! Encoders, and ways to push their output through a decoder.

use std::io::Write;

use bytes::Bytes;
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use towline::decode::{Coding, DecodeError, DecodeErrorKind, Decoder, Limits, Pulled};

/// Text that packs, but not to nothing.
pub(crate) fn text(octets: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(octets + 16);
    let mut line = 0_u32;
    while text.len() < octets {
        line += 1;
        writeln!(
            text,
            "line {line} of {}",
            line.wrapping_mul(2_654_435_761) >> 20
        )
        .unwrap();
    }
    text.truncate(octets);
    text
}

/// Octets that do not pack.
pub(crate) fn noise(octets: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(octets + 8);
    while noise.len() < octets {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(octets);
    noise
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    gzip_at(6, content)
}

pub(crate) fn gzip_at(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib_at(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zlib(content: &[u8]) -> Vec<u8> {
    zlib_at(6, content)
}

pub(crate) fn raw_deflate_at(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn raw_deflate(content: &[u8]) -> Vec<u8> {
    raw_deflate_at(6, content)
}

pub(crate) fn brotli_at(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4_096, level, 20);
    encoder.write_all(content).unwrap();
    drop(encoder);
    encoded
}

pub(crate) fn zstd_at(level: i32, content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A coding, and how its content is made.
pub(crate) struct Encoder {
    pub(crate) coding: Coding,
    pub(crate) encode: fn(&[u8]) -> Vec<u8>,
}

/// The codings that this build can undo, each with an encoder.
pub(crate) fn encoders() -> Vec<Encoder> {
    let encoder = |coding, encode| Encoder { coding, encode };
    let mut encoders = vec![
        encoder(Coding::Gzip, gzip),
        encoder(Coding::Deflate, zlib),
        encoder(Coding::Deflate, raw_deflate),
        encoder(Coding::Brotli, |content| brotli_at(5, content)),
        encoder(Coding::Zstd, |content| zstd_at(3, content)),
    ];
    encoders.retain(|encoder| encoder.coding.is_available());
    encoders
}

/// What a decoder has given, and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) octets: Vec<u8>,
    pub(crate) error: Option<DecodeError>,
}

impl Outcome {
    pub(crate) fn kind(&self) -> Option<DecodeErrorKind> {
        self.error.as_ref().map(DecodeError::kind)
    }

    /// The octets of a decoding that went well.
    pub(crate) fn whole(self) -> Vec<u8> {
        assert!(self.error.is_none(), "{:?}", self.error);
        self.octets
    }
}

/// Pushes the pieces one by one, each after all that the one before meant was pulled.
pub(crate) fn decode_pieces(
    codings: &[Coding],
    limits: Limits,
    pieces: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Outcome {
    let mut octets = Vec::new();
    let error = decode_into(&mut octets, codings, limits, pieces.into_iter()).err();
    Outcome { octets, error }
}

fn decode_into(
    octets: &mut Vec<u8>,
    codings: &[Coding],
    limits: Limits,
    pieces: impl Iterator<Item = impl AsRef<[u8]>>,
) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new(codings, limits)?;
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece.as_ref()));
        while let Some(data) = next(&mut decoder)? {
            octets.extend_from_slice(&data);
        }
    }
    decoder.finish();
    while let Some(data) = next(&mut decoder)? {
        octets.extend_from_slice(&data);
    }
    assert_eq!(decoder.pull().unwrap(), Pulled::End);
    Ok(())
}

/// The next data; `None` when there is none for now.
pub(crate) fn next(decoder: &mut Decoder) -> Result<Option<Bytes>, DecodeError> {
    match decoder.pull() {
        Ok(Pulled::Data(data)) => {
            assert!((1..=32 << 10).contains(&data.len()), "{}", data.len());
            Ok(Some(data))
        }
        Ok(Pulled::NeedsInput | Pulled::End) => Ok(None),
        Err(error) => {
            let again = decoder.pull().expect_err("an error stays");
            assert_eq!(again.kind(), error.kind());
            Err(error)
        }
    }
}

/// All at once.
pub(crate) fn decode(codings: &[Coding], encoded: &[u8]) -> Outcome {
    decode_pieces(codings, Limits::default(), [encoded])
}

/// Octet by octet.
pub(crate) fn decode_by_octets(codings: &[Coding], encoded: &[u8]) -> Outcome {
    decode_pieces(codings, Limits::default(), encoded.chunks(1))
}
