use bytes::BytesMut;
use proptest::prelude::*;

use super::*;
use crate::http2::{ErrorCode, StreamId, Violation, consts::FRAME_HEADER_LEN};

/// Reads hexadecimal digits; spaces are for the reader's eye.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("two digits are an octet"))
        .collect()
}

fn parse(octets: &[u8]) -> Result<Frame<'_>, Fault> {
    let (header, payload) = octets
        .split_first_chunk::<FRAME_HEADER_LEN>()
        .expect("a whole frame");
    Frame::parse(FrameHeader::parse(header), payload)
}

fn encode(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = BytesMut::new();
    frame.encode(&mut out);
    out.to_vec()
}

fn stream(id: u32) -> StreamId {
    StreamId::from_wire(id)
}

/// The frame is those octets, and those octets are the frame.
#[track_caller]
fn assert_wire(frame: Frame<'_>, head: &str, tail: &[u8]) {
    let mut octets = hex(head);
    octets.extend_from_slice(tail);
    assert_eq!(encode(&frame), octets);
    assert_eq!(parse(&octets), Ok(frame));
}

#[track_caller]
fn assert_connection_fault(octets: &str, violation: Violation) {
    assert_eq!(parse(&hex(octets)), Err(Fault::Connection(violation)));
}

#[test]
fn data_end_stream_and_padding_stand_where_section_6_1_puts_them() {
    let plain = Data {
        stream_id: stream(1),
        end_stream: true,
        data: b"testdata",
        padding: None,
    };
    assert_wire(Frame::Data(plain), "000008 00 01 00000001", b"testdata");
    let padded = Data {
        padding: Some(10),
        ..plain
    };
    let tail = b"testdata\0\0\0\0\0\0\0\0\0\0";
    assert_wire(Frame::Data(padded), "000013 00 09 00000001 0a", tail);
}

#[test]
fn lengths_above_one_octet_are_big_endian() {
    for (octets, head) in [
        (256, "000100 00 00 00000001"),
        (1024, "000400 00 00 00000001"),
        (16_384, "004000 00 00 00000001"),
    ] {
        let data = vec![b'x'; octets];
        let frame = Data {
            stream_id: stream(1),
            end_stream: false,
            data: &data,
            padding: None,
        };
        assert_wire(Frame::Data(frame), head, &data);
    }
}

#[test]
fn flow_control_counts_pad_length_and_padding() {
    let data = |padding| Data {
        stream_id: stream(1),
        end_stream: false,
        data: b"four",
        padding,
    };
    // RFC 9113 §6.1: the entire payload counts, even a pad length of zero.
    assert_eq!(data(None).wire_len(), 4);
    assert_eq!(data(Some(0)).wire_len(), 5);
    assert_eq!(data(Some(255)).wire_len(), 260);
}

#[test]
fn headers_carry_every_optional_part() {
    let plain = Headers {
        stream_id: stream(3),
        end_stream: false,
        end_headers: true,
        priority: None,
        fragment: b"block",
        padding: None,
    };
    assert_wire(Frame::Headers(plain), "000005 01 04 00000003", b"block");
    let full = Headers {
        end_stream: true,
        priority: Some(PriorityFields {
            dependency: stream(20),
            exclusive: true,
            weight: 9,
        }),
        padding: Some(2),
        ..plain
    };
    let head = "00000d 01 2d 00000003 02 80000014 09";
    assert_wire(Frame::Headers(full), head, b"block\0\0");
}

#[test]
fn a_stream_may_depend_on_itself_as_far_as_rfc_9113_cares() {
    assert!(
        matches!(parse(&hex("000005 01 24 00000003 00000003 00")), Ok(Frame::Headers(frame)) if frame.fragment.is_empty())
    );
}

#[test]
fn priority_rst_stream_and_window_update_have_their_vectors() {
    let priority = Priority {
        stream_id: stream(1),
        fields: PriorityFields {
            dependency: stream(4),
            exclusive: true,
            weight: 64,
        },
    };
    assert_wire(
        Frame::Priority(priority),
        "000005 02 00 00000001 80000004 40",
        b"",
    );
    let reset = RstStream {
        stream_id: stream(1),
        code: ErrorCode::from(420),
    };
    assert_wire(
        Frame::RstStream(reset),
        "000004 03 00 00000001 000001a4",
        b"",
    );
    let update = WindowUpdate {
        stream_id: StreamId::CONNECTION,
        increment: 512,
    };
    assert_wire(
        Frame::WindowUpdate(update),
        "000004 08 00 00000000 00000200",
        b"",
    );
}

#[test]
fn settings_keep_order_repetition_and_unknown_identifiers() {
    let builder = SettingsBuilder::new()
        .set(SettingId::INITIAL_WINDOW_SIZE, 65_535)
        .set(SettingId::from(0xf00d), 1)
        .set(SettingId::INITIAL_WINDOW_SIZE, 1 << 20);
    let head = "000012 04 00 00000000 0004 0000ffff f00d 00000001 0004 00100000";
    assert_wire(Frame::Settings(builder.frame()), head, b"");
    assert_eq!(
        builder.frame().iter().collect::<Vec<_>>(),
        [
            (SettingId::INITIAL_WINDOW_SIZE, 65_535),
            (SettingId::from(0xf00d), 1),
            (SettingId::INITIAL_WINDOW_SIZE, 1 << 20),
        ]
    );
    assert_wire(Frame::Settings(Settings::ACK), "000000 04 01 00000000", b"");
    assert_wire(
        Frame::Settings(SettingsBuilder::new().frame()),
        "000000 04 00 00000000",
        b"",
    );
}

#[test]
fn push_promise_ping_and_goaway_have_their_vectors() {
    let promise = PushPromise {
        stream_id: stream(1),
        promised: stream(4),
        end_headers: true,
        fragment: b"hello world",
        padding: None,
    };
    let head = "00000f 05 04 00000001 00000004";
    assert_wire(Frame::PushPromise(promise), head, b"hello world");
    let ping = Ping {
        ack: true,
        payload: [1, 2, 0, 0, 0, 0, 0, 0],
    };
    assert_wire(
        Frame::Ping(ping),
        "000008 06 01 00000000 0102000000000000",
        b"",
    );
    let goaway = GoAway {
        last_stream_id: stream(64),
        code: ErrorCode::from(32),
        debug_data: b"hello",
    };
    assert_wire(
        Frame::GoAway(goaway),
        "00000d 07 00 00000000 00000040 00000020",
        b"hello",
    );
}

#[test]
fn continuation_priority_update_and_unknown_frames_keep_their_octets() {
    let continuation = Continuation {
        stream_id: stream(50),
        end_headers: true,
        fragment: b"rest",
    };
    assert_wire(
        Frame::Continuation(continuation),
        "000004 09 04 00000032",
        b"rest",
    );
    let update = PriorityUpdate {
        prioritized: stream(5),
        value: b"u=1, i",
    };
    assert_wire(
        Frame::PriorityUpdate(update),
        "00000a 10 00 00000000 00000005",
        b"u=1, i",
    );
    let unknown = Unknown {
        frame_type: FrameType::from_wire(0xfe),
        flags: Flags::from_wire(0xa5),
        stream_id: stream(7),
        payload: b"?",
    };
    assert_wire(Frame::Unknown(unknown), "000001 fe a5 00000007", b"?");
}

#[test]
fn reserved_bits_are_ignored_on_receipt() {
    // RFC 9113 §4.1, §6.6, §6.8, §6.9: the highest bit of each identifier and increment.
    let header = FrameHeader::parse(&hex("000000 00 00 80000001").try_into().unwrap());
    assert_eq!(header.stream_id, stream(1));
    assert!(
        matches!(parse(&hex("000004 05 04 00000001 80000002")), Ok(Frame::PushPromise(frame)) if frame.promised == stream(2))
    );
    assert!(
        matches!(parse(&hex("000008 07 00 00000000 80000003 00000000")), Ok(Frame::GoAway(frame)) if frame.last_stream_id == stream(3))
    );
    assert!(
        matches!(parse(&hex("000004 08 00 00000001 80000004")), Ok(Frame::WindowUpdate(frame)) if frame.increment == 4)
    );
}

#[test]
fn frames_on_the_wrong_stream_are_connection_faults() {
    for (octets, violation) in [
        ("000001 00 00 00000000 aa", Violation::DataOnConnection),
        ("000001 01 04 00000000 aa", Violation::HeadersOnConnection),
        (
            "000005 02 00 00000000 0000000100",
            Violation::PriorityOnConnection,
        ),
        (
            "000004 03 00 00000000 00000000",
            Violation::ResetOnConnection,
        ),
        ("000000 04 00 00000001", Violation::SettingsOnStream),
        (
            "000004 05 04 00000000 00000002",
            Violation::PushPromiseOnConnection,
        ),
        (
            "000008 06 00 00000001 0000000000000000",
            Violation::PingOnStream,
        ),
        (
            "000008 07 00 00000001 0000000000000000",
            Violation::GoAwayOnStream,
        ),
        ("000000 09 04 00000000", Violation::ContinuationOnConnection),
        (
            "000004 10 00 00000001 00000001",
            Violation::PriorityUpdateOnStream,
        ),
    ] {
        assert_connection_fault(octets, violation);
    }
}

#[test]
fn lengths_that_do_not_fit_the_frame_are_connection_faults() {
    for (octets, violation) in [
        ("000000 00 08 00000001", Violation::DataLength),
        ("000000 01 0c 00000001", Violation::HeadersLength),
        ("000004 01 24 00000001 00000001", Violation::HeadersLength),
        (
            "000005 01 2c 00000001 00 00000001",
            Violation::HeadersLength,
        ),
        ("000003 03 00 00000001 000000", Violation::ResetLength),
        ("000005 03 00 00000001 0000000000", Violation::ResetLength),
        ("000001 04 00 00000000 00", Violation::SettingsLength),
        (
            "000008 04 00 00000000 0001000010000000",
            Violation::SettingsLength,
        ),
        (
            "000006 04 01 00000000 000100001000",
            Violation::SettingsAckLength,
        ),
        ("000003 05 04 00000001 000000", Violation::PushPromiseLength),
        (
            "000004 05 0c 00000001 00 000000",
            Violation::PushPromiseLength,
        ),
        (
            "000007 06 00 00000000 00000000000000",
            Violation::PingLength,
        ),
        (
            "000009 06 00 00000000 000000000000000000",
            Violation::PingLength,
        ),
        (
            "000007 07 00 00000000 00000000000000",
            Violation::GoAwayLength,
        ),
        (
            "000003 08 00 00000001 000001",
            Violation::WindowUpdateLength,
        ),
        (
            "000005 08 00 00000001 0000000001",
            Violation::WindowUpdateLength,
        ),
        (
            "000003 10 00 00000000 000000",
            Violation::PriorityUpdateLength,
        ),
    ] {
        assert_connection_fault(octets, violation);
    }
}

#[test]
fn priority_of_another_length_is_the_streams_fault_alone() {
    // RFC 9113 §6.3: "a stream error of type FRAME_SIZE_ERROR".
    for octets in [
        "000004 02 00 00000003 00000001",
        "000006 02 00 00000003 000000010000",
    ] {
        let fault = Fault::Stream(stream(3), Violation::PriorityLength);
        assert_eq!(parse(&hex(octets)), Err(fault));
        assert_eq!(fault.code(), ErrorCode::FRAME_SIZE_ERROR);
    }
}

#[test]
fn padding_may_take_all_the_room_but_no_more() {
    // One octet of pad length, and then as much padding as is left, or one more.
    assert!(parse(&hex("000003 00 08 00000001 02 0000")).is_ok());
    assert_connection_fault("000003 00 08 00000001 03 0000", Violation::DataPadding);
    assert!(parse(&hex("000003 01 0c 00000001 02 0000")).is_ok());
    assert_connection_fault("000003 01 0c 00000001 03 0000", Violation::HeadersPadding);
    // RFC 9113 §6.2, §6.6: fixed fields are no room for padding.
    assert!(parse(&hex("000007 01 2c 00000001 01 0000000100 00")).is_ok());
    let excess = "000007 01 2c 00000001 02 0000000100 00";
    assert_connection_fault(excess, Violation::HeadersPadding);
    assert!(parse(&hex("000006 05 0c 00000001 01 00000002 00")).is_ok());
    let excess = "000006 05 0c 00000001 02 00000002 00";
    assert_connection_fault(excess, Violation::PushPromisePadding);
}

#[test]
fn promises_are_of_streams_that_a_server_opens() {
    assert_connection_fault("000004 05 04 00000001 00000000", Violation::PushPromiseId);
    assert_connection_fault("000004 05 04 00000001 00000003", Violation::PushPromiseId);
}

#[test]
fn priority_updates_are_about_a_stream() {
    assert_connection_fault(
        "000004 10 00 00000000 00000000",
        Violation::PriorityUpdateId,
    );
}

#[test]
fn a_zero_increment_is_the_fault_of_what_it_was_meant_for() {
    // RFC 9113 §6.9; the reserved bit does not make it more than zero.
    assert_connection_fault(
        "000004 08 00 00000000 00000000",
        Violation::WindowUpdateZero,
    );
    assert_eq!(
        parse(&hex("000004 08 00 00000005 80000000")),
        Err(Fault::Stream(stream(5), Violation::WindowUpdateZero))
    );
}

#[test]
fn flags_without_a_meaning_are_ignored() {
    // RFC 9113 §4.1: here all but those that SETTINGS and PING have.
    assert_eq!(
        parse(&hex("000000 04 fe 00000000")),
        Ok(Frame::Settings(SettingsBuilder::new().frame()))
    );
    assert!(matches!(
        parse(&hex("000008 06 fe 00000000 0000000000000000")),
        Ok(Frame::Ping(Ping { ack: false, .. }))
    ));
}

#[test]
#[should_panic(expected = "has no frame")]
fn a_length_above_24_bits_is_never_written() {
    let header = FrameHeader {
        length: 1 << 24,
        frame_type: FrameType::DATA,
        flags: Flags::NONE,
        stream_id: stream(1),
    };
    let _ = header.octets();
}

#[test]
fn flags_are_contained_only_when_all_are_set() {
    let both = Flags::END_STREAM | Flags::END_HEADERS;
    assert!(both.contains(Flags::END_HEADERS) && both.contains(both));
    assert!(!Flags::END_STREAM.contains(both));
    assert!(Flags::NONE.contains(Flags::NONE));
}

#[test]
fn types_and_settings_are_shown_by_name() {
    assert_eq!(FrameType::PRIORITY_UPDATE.to_string(), "PRIORITY_UPDATE");
    assert_eq!(FrameType::from_wire(0xb).to_string(), "frame type 0x0b");
    assert_eq!(format!("{:?}", SettingId::ENABLE_PUSH), "ENABLE_PUSH");
    assert_eq!(SettingId::NO_RFC7540_PRIORITIES.as_u16(), 9);
}

/// Frames that are likely, but far from certain, to be well-formed.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        Just(0_usize),
        Just(4),
        Just(5),
        Just(8),
        Just(12),
        0..300_usize
    ];
    let stream_id = prop_oneof![Just(0_u32), 1..9_u32, any::<u32>()];
    (0..=0x11_u8, any::<u8>(), stream_id, length).prop_flat_map(
        |(frame_type, flags, id, length)| {
            prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], length).prop_map(
                move |payload| {
                    let header = FrameHeader::of(
                        FrameType::from_wire(frame_type),
                        Flags::from_wire(flags),
                        StreamId::from_wire(id),
                        payload.len(),
                    );
                    [&header.octets()[..], &payload].concat()
                },
            )
        },
    )
}

proptest! {
    /// The invariant of the module: nothing that is accepted is lost by encoding it.
    #[test]
    fn what_is_accepted_survives_encoding(octets in octets()) {
        if let Ok(frame) = parse(&octets) {
            let again = encode(&frame);
            prop_assert_eq!(again.len(), octets.len());
            prop_assert_eq!(parse(&again), Ok(frame));
        }
    }

    #[test]
    fn headers_survive_encoding(octets in prop::array::uniform9(any::<u8>())) {
        let header = FrameHeader::parse(&octets);
        prop_assert_eq!(FrameHeader::parse(&header.octets()), header);
    }

    /// Any payload under any header gives a frame or a fault.
    #[test]
    fn arbitrary_octets_never_panic(
        head in prop::array::uniform9(any::<u8>()),
        payload in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut header = FrameHeader::parse(&head);
        header.length = u32::try_from(payload.len()).unwrap();
        let _ = Frame::parse(header, &payload);
    }
}
