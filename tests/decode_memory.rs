//! What decoding holds: a window, and not the content. A process of its own, because it is the
//! process that is measured.
#![cfg(target_os = "linux")]

#[path = "decode/support.rs"]
#[expect(dead_code, reason = "the tests of decoding use the rest")]
mod support;

use std::{fs, io::Write, mem};

use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use towline::decode::{Coding, Decoder, Limits};

use support::{next, noise};

/// Octets that come out of each decoder.
const SIZE: usize = 16 << 20;
/// What allocators take and do not give back, and no more.
const MAX_GROWTH: usize = 4 << 20;

/// The most that was ever in memory, in octets.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let number = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .expect("the line");
    number.parse::<usize>().expect("a number") << 10
}

/// Encodes and decodes in step, so that neither form of the content is ever there as a whole.
fn pass<W: Write>(coding: Coding, mut encoder: W, take: impl Fn(&mut W) -> &mut Vec<u8>) {
    if !coding.is_available() {
        return;
    }
    // Larger than the encoders' windows: it does not pack however often it is repeated.
    let content = noise(2 << 20);
    let mut decoder = Decoder::new(&[coding], Limits::default()).unwrap();
    let mut octets = 0;
    let mut before = None;
    for _ in 0..SIZE / content.len() {
        for piece in content.chunks(64 << 10) {
            encoder.write_all(piece).unwrap();
            decoder.push(mem::take(take(&mut encoder)));
            while let Some(data) = next(&mut decoder).unwrap() {
                octets += data.len();
            }
        }
        // The first round fills the windows.
        before.get_or_insert_with(peak);
    }
    encoder.flush().unwrap();
    decoder.push(mem::take(take(&mut encoder)));
    while let Some(data) = next(&mut decoder).unwrap() {
        octets += data.len();
    }
    assert_eq!(octets, SIZE);
    let growth = peak() - before.expect("there were rounds");
    eprintln!("{coding}: {} KiB more at most", growth >> 10);
    assert!(growth < MAX_GROWTH, "{coding}: {growth}");
}

/// One test, so that nothing else runs beside it.
#[test]
fn a_long_stream_passes_without_staying() {
    let stored = Compression::none();
    pass(Coding::Gzip, GzEncoder::new(Vec::new(), stored), |it| {
        it.get_mut()
    });
    pass(
        Coding::Deflate,
        ZlibEncoder::new(Vec::new(), stored),
        |it| it.get_mut(),
    );
    let brotli = brotli::CompressorWriter::new(Vec::new(), 4_096, 0, 18);
    pass(Coding::Brotli, brotli, |it| it.get_mut());
    let zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    pass(Coding::Zstd, zstd, |it| it.get_mut());
}
