use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::{block, stream};
use crate::http2::{
    codec::{BlockLimits, Output, Reader, writer},
    consts::{FRAME_HEADER_LEN, MIN_MAX_FRAME_SIZE},
    frame::{Flags, FrameHeader, FrameType},
};

proptest! {
    /// What leaves an output is what entered it, through `chunk` and `chunks_vectored` alike.
    #[test]
    fn output_keeps_order(steps in prop::collection::vec((0..3000_usize, 0..4000_usize, any::<bool>()), 1..40)) {
        let mut output = Output::default();
        let mut expected = Vec::new();
        let mut taken = Vec::new();
        for (index, (octets, take, inline)) in steps.into_iter().enumerate() {
            let fill = u8::try_from(index).unwrap();
            if inline {
                output.buffer().put_bytes(fill, octets);
                expected.resize(expected.len() + octets, fill);
            } else {
                let header = FrameHeader::of(FrameType::DATA, Flags::NONE, stream(1), octets);
                output.data(header, Bytes::from(vec![fill; octets]));
                expected.extend_from_slice(&header.octets());
                expected.resize(expected.len() + octets, fill);
            }
            let mut slices = [IoSlice::new(&[]); 64];
            let used = output.chunks_vectored(&mut slices);
            let all: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect();
            prop_assert_eq!(&expected[taken.len()..], &all[..]);
            prop_assert_eq!(output.remaining(), all.len());
            prop_assert!(output.is_empty() || all.starts_with(output.chunk()) && output.has_remaining());
            let take = take.min(output.len());
            output.advance(take);
            taken.extend_from_slice(&all[..take]);
        }
        taken.extend_from_slice(&output.copy_to_bytes(output.remaining()));
        prop_assert_eq!(taken, expected);
        prop_assert!(output.is_empty() && output.chunk().is_empty());
    }

    /// A field block of any length comes back whole, whatever the frames it went in.
    #[test]
    fn field_blocks_survive_splitting(octets in 0..70_000_usize, before in 0..20_usize, max in 0..40_000_u32) {
        let encoded: Vec<u8> = (0..=250).cycle().take(octets).collect();
        let mut out = BytesMut::new();
        out.put_bytes(0xee, before);
        writer::headers(&mut out, stream(3), true, &encoded, max);
        prop_assert_eq!(&out[..before], &vec![0xee; before][..]);
        out.advance(before);
        let largest = max.max(MIN_MAX_FRAME_SIZE);
        let limits = BlockLimits { max_continuations: 5, max_octets: 70_000 };
        let mut reader = Reader::new(largest, limits);
        prop_assert_eq!(reader.next(&mut out), Ok(Some(block(3, &encoded))));
        prop_assert_eq!(reader.next(&mut out), Ok(None));
        prop_assert!(out.is_empty());
    }
}

#[test]
fn blocks_split_at_the_peers_max_frame_size_and_not_before() {
    for (octets, lengths) in [
        (0, &[0][..]),
        (16_384, &[16_384]),
        (16_385, &[16_384, 1]),
        (32_768, &[16_384, 16_384]),
        (40_000, &[16_384, 16_384, 7_232]),
    ] {
        let mut out = BytesMut::new();
        writer::headers(
            &mut out,
            stream(1),
            false,
            &vec![b'h'; octets],
            MIN_MAX_FRAME_SIZE,
        );
        let mut seen = Vec::new();
        while let Some(header) = out.first_chunk::<FRAME_HEADER_LEN>() {
            let header = FrameHeader::parse(header);
            seen.push(header.length);
            let is_first = seen.len() == 1;
            assert_eq!(header.frame_type == FrameType::HEADERS, is_first);
            // RFC 9113 §6.2, §6.10: END_HEADERS on the last frame only.
            let is_last = seen.len() == lengths.len();
            assert_eq!(header.flags.contains(Flags::END_HEADERS), is_last);
            assert!(!header.flags.contains(Flags::END_STREAM));
            out.advance(FRAME_HEADER_LEN + usize::try_from(header.length).unwrap());
        }
        assert_eq!(seen, lengths);
    }
}

#[test]
fn large_payloads_are_not_copied_and_small_ones_share_the_buffer() {
    let mut output = Output::default();
    let large = Bytes::from(vec![b'x'; 1024]);
    let small = Bytes::from(vec![b'y'; 1023]);
    for payload in [&small, &large, &small] {
        let header = FrameHeader::of(FrameType::DATA, Flags::NONE, stream(1), payload.len());
        output.data(header, payload.clone());
    }
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(output.chunks_vectored(&mut slices), 3);
    assert_eq!(slices[1].as_ptr(), large.as_ptr());
    assert_eq!(slices[0].len(), 9 + 1023 + 9);
    assert_eq!(slices[2].len(), 9 + 1023);
    // With too few slices the first ones are filled.
    let mut two = [IoSlice::new(&[]); 2];
    assert_eq!(output.chunks_vectored(&mut two), 2);
    assert_eq!(output.chunks_vectored(&mut []), 0);
    output.clear();
    assert!(output.is_empty() && output.chunk().is_empty());
}

#[test]
fn batches_reuse_one_buffer_and_a_burst_does_not_keep_it_large() {
    let mut output = Output::default();
    for _ in 0..1000 {
        output.buffer().put_bytes(0, 500);
        // Not all of it leaves at once.
        output.advance(output.len() - 10);
        output.advance(10);
        assert!(
            !output.buffer().try_reclaim(4096),
            "one batch after another"
        );
    }
    output.buffer().put_bytes(0, 1 << 20);
    output.advance(1 << 20);
    assert!(!output.buffer().try_reclaim(64 * 1024 + 1));
}

#[test]
#[should_panic(expected = "taken")]
fn more_than_there_is_cannot_be_taken() {
    Output::default().advance(1);
}
