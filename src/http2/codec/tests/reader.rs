use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::{block, stream};
use crate::http2::{
    ErrorCode, Fault, Violation,
    codec::{BlockLimits, BlockOrigin, FieldBlock, Inbound, Reader},
    consts::{FRAME_HEADER_LEN, MIN_MAX_FRAME_SIZE},
    frame::{
        Continuation, Data, Flags, Frame, FrameHeader, FrameType, Headers, Ping, PushPromise,
        RstStream, Settings, WindowUpdate,
    },
};

const LIMITS: BlockLimits = BlockLimits {
    max_continuations: 3,
    max_octets: 100,
};
const PING: Frame<'_> = Frame::Ping(Ping {
    ack: false,
    payload: *b"12345678",
});

fn reader() -> Reader {
    Reader::new(MIN_MAX_FRAME_SIZE, LIMITS)
}

fn wire(frames: &[Frame<'_>]) -> BytesMut {
    let mut octets = BytesMut::new();
    for frame in frames {
        frame.encode(&mut octets);
    }
    octets
}

fn headers(id: u32, end_headers: bool, fragment: &[u8]) -> Frame<'_> {
    Frame::Headers(Headers {
        stream_id: stream(id),
        end_stream: true,
        end_headers,
        priority: None,
        fragment,
        padding: None,
    })
}

fn continuation(id: u32, end_headers: bool, fragment: &[u8]) -> Frame<'_> {
    Frame::Continuation(Continuation {
        stream_id: stream(id),
        end_headers,
        fragment,
    })
}

fn data(id: u32, octets: &[u8], padding: Option<u8>) -> Frame<'_> {
    Frame::Data(Data {
        stream_id: stream(id),
        end_stream: false,
        data: octets,
        padding,
    })
}

/// The fault that ends reading these frames, after as many results as `before`.
#[track_caller]
fn assert_fault(frames: &[Frame<'_>], before: usize, violation: Violation) {
    let mut input = wire(frames);
    let mut reader = reader();
    for _ in 0..before {
        assert!(matches!(reader.next(&mut input), Ok(Some(_))));
    }
    assert_eq!(reader.next(&mut input), Err(Fault::Connection(violation)));
}

#[test]
fn frames_leave_the_input_one_by_one() {
    let mut input = wire(&[PING, Frame::Settings(Settings::ACK)]);
    let mut reader = reader();
    assert_eq!(reader.next(&mut input), Ok(Some(Inbound::Frame(PING))));
    let ack = Inbound::Frame(Frame::Settings(Settings::ACK));
    assert_eq!(reader.next(&mut input), Ok(Some(ack)));
    assert_eq!(reader.next(&mut input), Ok(None));
    assert!(input.is_empty());
}

#[test]
fn a_block_in_one_frame_is_lent_from_the_input() {
    let mut input = wire(&[headers(1, true, b"block")]);
    let start = input.as_ptr().wrapping_add(FRAME_HEADER_LEN);
    let mut reader = reader();
    let inbound = reader.next(&mut input).unwrap().unwrap();
    assert_eq!(inbound, block(1, b"block"));
    assert!(matches!(inbound, Inbound::Block(field_block) if field_block.block.as_ptr() == start));
}

#[test]
fn fragments_are_joined_and_their_buffer_is_let_go() {
    let promise = Frame::PushPromise(PushPromise {
        stream_id: stream(1),
        promised: stream(2),
        end_headers: false,
        fragment: b"one ",
        padding: Some(3),
    });
    let mut input = wire(&[
        promise,
        continuation(1, false, b""),
        continuation(1, true, b"two"),
        headers(3, false, b"three "),
        continuation(3, true, b"four"),
        PING,
    ]);
    let mut reader = reader();
    let promised = Inbound::Block(FieldBlock {
        origin: BlockOrigin::PushPromise {
            stream_id: stream(1),
            promised: stream(2),
        },
        block: b"one two",
    });
    assert_eq!(reader.next(&mut input), Ok(Some(promised)));
    // RFC 9113 §6.2: END_STREAM on HEADERS holds although CONTINUATION follows.
    assert_eq!(reader.next(&mut input), Ok(Some(block(3, b"three four"))));
    assert!(format!("{reader:?}").contains("Gathered {"));
    assert_eq!(reader.next(&mut input), Ok(Some(Inbound::Frame(PING))));
    assert!(format!("{reader:?}").contains("gathered: None"));
}

#[test]
fn a_frame_above_max_frame_size_is_refused_by_its_header() {
    // RFC 9113 §4.2: nothing of the payload is there yet.
    let header = |length| {
        let header = FrameHeader {
            length,
            frame_type: FrameType::DATA,
            flags: Flags::NONE,
            stream_id: stream(1),
        };
        BytesMut::from(&header.octets()[..])
    };
    let mut reader = reader();
    assert_eq!(reader.next(&mut header(16_384)), Ok(None));
    let too_large = Err(Fault::Connection(Violation::FrameTooLarge));
    assert_eq!(reader.next(&mut header(16_385)), too_large);
    reader.set_max_frame_size(20_000);
    assert_eq!(reader.next(&mut header(20_000)), Ok(None));
    assert_eq!(reader.next(&mut header(20_001)), too_large);
}

#[test]
fn nothing_may_interrupt_a_field_block() {
    // RFC 9113 §6.2, §6.10.
    let start = headers(1, false, b"a");
    for interloper in [
        PING,
        data(1, b"", None),
        headers(1, true, b""),
        continuation(3, true, b""),
        continuation(0, true, b""),
        Frame::RstStream(RstStream {
            stream_id: stream(1),
            code: ErrorCode::CANCEL,
        }),
    ] {
        assert_fault(&[start, interloper], 0, Violation::BlockInterrupted);
    }
    // It is seen in the header: a long interloper is not waited for.
    let mut input = wire(&[start, data(1, &[0; 1000], None)]);
    input.truncate(input.len() - 1000);
    let interrupted = Err(Fault::Connection(Violation::BlockInterrupted));
    assert_eq!(reader().next(&mut input), interrupted);
}

#[test]
fn continuation_needs_something_to_continue() {
    // RFC 9113 §6.10.
    assert_fault(
        &[continuation(1, true, b"")],
        0,
        Violation::ContinuationUnexpected,
    );
    assert_fault(
        &[continuation(0, true, b"")],
        0,
        Violation::ContinuationOnConnection,
    );
    let ended = [headers(1, true, b"a"), continuation(1, true, b"")];
    assert_fault(&ended, 1, Violation::ContinuationUnexpected);
    let ended = [
        headers(1, false, b"a"),
        continuation(1, true, b"b"),
        continuation(1, true, b"c"),
    ];
    assert_fault(&ended, 1, Violation::ContinuationUnexpected);
}

#[test]
fn continuations_are_limited_in_number_even_when_empty() {
    // RFC 9113 §10.5.1; RUSTSEC-2024-0332.
    let empty = continuation(1, false, b"");
    let last = continuation(1, true, b"");
    let mut input = wire(&[headers(1, false, b"a"), empty, empty, last]);
    assert_eq!(reader().next(&mut input), Ok(Some(block(1, b"a"))));
    let flood = [headers(1, false, b"a"), empty, empty, empty, last];
    assert_fault(&flood, 0, Violation::ContinuationFlood);
}

#[test]
fn gathered_octets_are_limited_before_they_arrive() {
    let fifty = [b'x'; 50];
    let mut input = wire(&[headers(1, false, &fifty), continuation(1, true, &fifty)]);
    assert_eq!(reader().next(&mut input), Ok(Some(block(1, &[b'x'; 100]))));

    let flood = [
        headers(1, false, &fifty),
        continuation(1, true, &[b'x'; 51]),
    ];
    let mut input = wire(&flood);
    input.truncate(input.len() - 51);
    let refused = Err(Fault::Connection(Violation::ContinuationFlood));
    assert_eq!(reader().next(&mut input), refused);
    assert_fault(
        &[headers(1, false, &[b'x'; 101])],
        0,
        Violation::ContinuationFlood,
    );
    // A block in one frame is bounded by the frame: what it decodes to is judged elsewhere.
    let mut input = wire(&[headers(1, true, &[b'x'; 101])]);
    assert_eq!(reader().next(&mut input), Ok(Some(block(1, &[b'x'; 101]))));
}

#[test]
fn reading_goes_on_behind_a_stream_fault() {
    let mut input = BytesMut::new();
    // A WINDOW_UPDATE of zero, which `encode` would not write.
    input.put_slice(&[0, 0, 4, 8, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
    PING.encode(&mut input);
    let mut reader = reader();
    let fault = Fault::Stream(stream(5), Violation::WindowUpdateZero);
    assert_eq!(reader.next(&mut input), Err(fault));
    assert_eq!(reader.next(&mut input), Ok(Some(Inbound::Frame(PING))));
}

/// Reads one DATA frame of so many octets from a read buffer of 64 KiB, and says whether the
/// result lies in that buffer.
fn is_slice(octets: usize, spent_before: usize) -> bool {
    let mut input = BytesMut::with_capacity(64 * 1024);
    let buffer = input.as_ptr() as usize..input.as_ptr() as usize + 64 * 1024;
    let mut reader = reader();
    let content = vec![b'x'; octets];
    for _ in 0..spent_before {
        data(1, &[0; 16_000], None).encode(&mut input);
    }
    data(1, &content, Some(7)).encode(&mut input);
    for _ in 0..spent_before {
        assert!(matches!(reader.next(&mut input), Ok(Some(_))));
    }
    let Ok(Some(Inbound::Data { data, wire_len, .. })) = reader.next(&mut input) else {
        panic!("DATA was sent");
    };
    assert_eq!(data, content);
    // RFC 9113 §6.1: pad length and padding count.
    assert_eq!(usize::try_from(wire_len).unwrap(), octets + 8);
    assert_eq!(reader.next(&mut input), Ok(None));
    assert!(input.is_empty());
    buffer.contains(&(data.as_ptr() as usize))
}

#[test]
fn only_data_that_fills_its_share_of_the_read_buffer_pins_it() {
    assert!(!is_slice(13, 0));
    assert!(!is_slice(8 * 1024 - 1, 0));
    assert!(is_slice(8 * 1024, 0));
    // Neither does it when most of the buffer is spent already, and `capacity` is small.
    assert!(!is_slice(8 * 1024 - 1, 3));
    assert!(is_slice(8 * 1024, 3));
}

#[derive(Clone, Debug)]
enum Sent {
    Data(usize, Option<u8>),
    Block(Vec<usize>, bool),
    Ping,
    Update,
    Raw(Vec<u8>),
}

impl Sent {
    fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Data(octets, padding) => data(1, &vec![b'd'; *octets], *padding).encode(out),
            Self::Block(fragments, ends) => {
                for (index, octets) in fragments.iter().enumerate() {
                    let fragment = vec![b'h'; *octets];
                    let end_headers = *ends && index + 1 == fragments.len();
                    if index == 0 {
                        headers(3, end_headers, &fragment).encode(out);
                    } else {
                        continuation(3, end_headers, &fragment).encode(out);
                    }
                }
            }
            Self::Ping => PING.encode(out),
            Self::Update => WindowUpdate {
                stream_id: stream(1),
                increment: 1,
            }
            .encode(out),
            Self::Raw(octets) => out.put_slice(octets),
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        3 => (0..3000_usize, any::<Option<u8>>()).prop_map(|(octets, pad)| Sent::Data(octets, pad)),
        3 => prop::collection::vec(0..30_usize, 1..5).prop_map(|fragments| Sent::Block(fragments, true)),
        1 => prop::collection::vec(0..30_usize, 1..3).prop_map(|fragments| Sent::Block(fragments, false)),
        2 => Just(Sent::Ping),
        2 => Just(Sent::Update),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(Sent::Raw),
    ]
}

/// Everything that comes out when `octets` arrive in pieces of these sizes, over and over.
fn transcript(octets: &[u8], pieces: &[usize]) -> Vec<String> {
    let mut reader = reader();
    let mut input = BytesMut::new();
    let mut out = Vec::new();
    let mut rest = octets;
    let mut sizes = pieces.iter().cycle();
    loop {
        match reader.next(&mut input) {
            Ok(Some(inbound)) => out.push(format!("{inbound:?}")),
            Err(fault @ Fault::Stream(..)) => out.push(format!("{fault:?}")),
            Err(fault @ Fault::Connection(_)) => {
                out.push(format!("{fault:?}"));
                return out;
            }
            Ok(None) if rest.is_empty() => return out,
            Ok(None) => {
                let size = *sizes.next().expect("pieces is not empty");
                let (piece, tail) = rest.split_at(size.min(rest.len()));
                input.put_slice(piece);
                rest = tail;
            }
        }
    }
}

proptest! {
    /// The invariant of the reader.
    #[test]
    fn the_cut_of_the_reads_does_not_show(
        frames in prop::collection::vec(sent(), 0..12),
        pieces in prop::collection::vec(1..400_usize, 1..20),
    ) {
        let mut octets = BytesMut::new();
        for frame in &frames {
            frame.encode(&mut octets);
        }
        let whole = transcript(&octets, &[usize::MAX]);
        prop_assert_eq!(&transcript(&octets, &[1]), &whole);
        prop_assert_eq!(&transcript(&octets, &pieces), &whole);
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = transcript(&octets, &[100]);
    }
}
