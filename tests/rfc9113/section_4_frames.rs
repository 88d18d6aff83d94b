//! RFC 9113 §4: frame format, frame size, field blocks.

use bytes::Bytes;
use towline::http2::{ErrorCode, Violation, frame::FrameType};

use crate::support::*;

/// A connection with one GET on stream 1 that awaits its response.
fn asked() -> Script {
    let mut t = Script::connected();
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

#[test]
fn frames_of_unknown_types_are_ignored() {
    let mut t = asked();
    t.peer_sends([unknown(0), unknown(1), unknown(2), unknown(99)]);
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn undefined_flags_are_ignored() {
    let mut t = asked();
    // HEADERS with all flags but PADDED and PRIORITY; SETTINGS and PING with all but ACK.
    t.peer_sends([
        raw(FrameType::SETTINGS, 0xfe, 0, b""),
        raw(FrameType::HEADERS, 0xd7, 1, b"\x88"),
    ]);
    t.peer_gets(settings_ack());
    t.sees([Seen::Settings, head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn the_reserved_bit_is_ignored() {
    let mut t = asked();
    let octets = Bytes::from_static(b"\0\0\x01\x01\x05\x80\0\0\x01\x88");
    // WINDOW_UPDATE has a reserved bit in the payload, too.
    let update = raw(FrameType::WINDOW_UPDATE, 0, 0x8000_0000, b"\x80\0\0\x01");
    t.peer_sends([Wire::Raw(octets), update]);
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn a_frame_above_our_limit_is_a_connection_error() {
    for (frame_type, id) in [
        (FrameType::DATA, 1),
        (FrameType::HEADERS, 1),
        (FrameType::SETTINGS, 0),
        (FrameType::PING, 0),
        (FrameType::from_wire(0xbe), 0),
    ] {
        let mut t = asked();
        t.peer_sends(raw(frame_type, 0, id, &[0; 16_385]));
        t.connection_fails(ErrorCode::FRAME_SIZE_ERROR, Violation::FrameTooLarge);
    }
}

#[test]
fn a_frame_above_our_limit_is_refused_by_its_header_alone() {
    let mut t = asked();
    t.peer_sends_octets(b"\0\x40\x01\0\0\0\0\0\x01");
    t.connection_fails(ErrorCode::FRAME_SIZE_ERROR, Violation::FrameTooLarge);
}

#[test]
fn a_frame_of_exactly_our_limit_is_taken() {
    for max_frame_size in [16_384, 50_000] {
        let config = config(|config| config.max_frame_size = max_frame_size);
        let mut t = Script::connected_with(config, &[]);
        t.open(get("/"));
        t.reads();
        let body = vec![b'x'; max_frame_size as usize];
        t.peer_sends([response(1, 200), data(1, &body).end_stream()]);
        t.sees([head(1, 200), content(1, &body).end_stream(), finished(1)]);
        t.assert_quiet();
    }
}

/// Every frame that can be too short or too long, with the code and scope of its section.
#[test]
fn a_wrong_length_is_an_error_of_the_connection() {
    let cases: [(FrameType, u8, u32, &[u8], Violation); 15] = [
        (FrameType::DATA, 8, 1, b"", Violation::DataLength),
        (FrameType::HEADERS, 8, 1, b"", Violation::HeadersLength),
        (
            FrameType::HEADERS,
            0x20,
            1,
            &[0; 4],
            Violation::HeadersLength,
        ),
        (
            FrameType::HEADERS,
            0x28,
            1,
            &[0; 5],
            Violation::HeadersLength,
        ),
        (FrameType::RST_STREAM, 0, 1, &[0; 3], Violation::ResetLength),
        (FrameType::RST_STREAM, 0, 1, &[0; 5], Violation::ResetLength),
        (
            FrameType::SETTINGS,
            0,
            0,
            &[0; 5],
            Violation::SettingsLength,
        ),
        (
            FrameType::SETTINGS,
            1,
            0,
            &[0; 6],
            Violation::SettingsAckLength,
        ),
        (
            FrameType::PUSH_PROMISE,
            4,
            1,
            &[0; 3],
            Violation::PushPromiseLength,
        ),
        (FrameType::PING, 0, 0, &[0; 7], Violation::PingLength),
        (FrameType::PING, 1, 0, &[0; 9], Violation::PingLength),
        (FrameType::GOAWAY, 0, 0, &[0; 7], Violation::GoAwayLength),
        (
            FrameType::WINDOW_UPDATE,
            0,
            0,
            &[0; 3],
            Violation::WindowUpdateLength,
        ),
        (
            FrameType::WINDOW_UPDATE,
            0,
            1,
            &[0; 5],
            Violation::WindowUpdateLength,
        ),
        (
            FrameType::PRIORITY_UPDATE,
            0,
            0,
            &[0; 3],
            Violation::PriorityUpdateLength,
        ),
    ];
    for (frame_type, flags, id, payload, violation) in cases {
        let mut t = asked();
        t.peer_sends(raw(frame_type, flags, id, payload));
        t.connection_fails(ErrorCode::FRAME_SIZE_ERROR, violation);
    }
}

/// RFC 9113 §6.3.
#[test]
fn a_priority_of_a_wrong_length_is_an_error_of_its_stream() {
    for payload in [&[0; 4][..], &[0; 6]] {
        let mut t = asked();
        t.peer_sends(raw(FrameType::PRIORITY, 0, 1, payload));
        t.stream_fails(1, ErrorCode::FRAME_SIZE_ERROR, Violation::PriorityLength);
    }
}

/// Each frame type belongs on streams or on stream 0, and only there.
#[test]
fn a_frame_on_the_wrong_kind_of_stream_is_an_error_of_the_connection() {
    let cases: [(FrameType, u32, &[u8], Violation); 12] = [
        (FrameType::DATA, 0, b"x", Violation::DataOnConnection),
        (
            FrameType::HEADERS,
            0,
            b"\x88",
            Violation::HeadersOnConnection,
        ),
        (
            FrameType::PRIORITY,
            0,
            &[0; 5],
            Violation::PriorityOnConnection,
        ),
        (
            FrameType::RST_STREAM,
            0,
            &[0; 4],
            Violation::ResetOnConnection,
        ),
        (FrameType::SETTINGS, 1, b"", Violation::SettingsOnStream),
        (
            FrameType::PUSH_PROMISE,
            0,
            &[0, 0, 0, 2],
            Violation::PushPromiseOnConnection,
        ),
        (FrameType::PING, 1, &[0; 8], Violation::PingOnStream),
        (FrameType::GOAWAY, 1, &[0; 8], Violation::GoAwayOnStream),
        (
            FrameType::CONTINUATION,
            0,
            b"",
            Violation::ContinuationOnConnection,
        ),
        (
            FrameType::PRIORITY_UPDATE,
            1,
            &[0, 0, 0, 1],
            Violation::PriorityUpdateOnStream,
        ),
        (
            FrameType::PRIORITY_UPDATE,
            0,
            &[0, 0, 0, 0],
            Violation::PriorityUpdateId,
        ),
        (
            FrameType::PRIORITY_UPDATE,
            0,
            &[0, 0, 0, 1],
            Violation::PriorityUpdateFromServer,
        ),
    ];
    for (frame_type, id, payload, violation) in cases {
        let mut t = asked();
        t.peer_sends(raw(frame_type, 4, id, payload));
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    }
}

/// RFC 9113 §6.1, §6.2, §6.6: padding as long as the payload or longer.
#[test]
fn padding_beyond_the_payload_is_an_error_of_the_connection() {
    let cases: [(FrameType, u8, &[u8], Violation); 5] = [
        (FrameType::DATA, 8, b"\x01", Violation::DataPadding),
        (FrameType::DATA, 8, b"\x03xy", Violation::DataPadding),
        (
            FrameType::HEADERS,
            0x0c,
            b"\x02\x88",
            Violation::HeadersPadding,
        ),
        (
            FrameType::HEADERS,
            0x2c,
            b"\x01\0\0\0\0\x0f",
            Violation::HeadersPadding,
        ),
        (
            FrameType::PUSH_PROMISE,
            0x0c,
            b"\x01\0\0\0\x02",
            Violation::PushPromisePadding,
        ),
    ];
    for (frame_type, flags, payload, violation) in cases {
        let mut t = asked();
        t.peer_sends(raw(frame_type, flags, 1, payload));
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    }
}

#[test]
fn padding_and_priority_are_taken_off() {
    let mut t = asked();
    // Pad length 2, priority fields, `:status: 200`, padding that is not zero.
    t.peer_sends([
        raw(FrameType::HEADERS, 0x2c, 1, b"\x02\x80\0\0\x03\x07\x88xx"),
        data(1, "abc").padded(0),
        data(1, "def").padded(255),
        data(1, "").padded(3).end_stream(),
    ]);
    t.sees([
        head(1, 200),
        content(1, "abc"),
        content(1, "def"),
        content(1, "").end_stream(),
        finished(1),
    ]);
    t.goes_on();
}

/// RFC 9113 §4.3, §6.10.
#[test]
fn a_field_block_may_be_spread_over_continuations() {
    let long = "v".repeat(300);
    for cuts in [&[0][..], &[1], &[5, 0, 1], &[100, 100, 50]] {
        let mut t = asked();
        t.peer_sends_in_pieces(
            7,
            response(1, 200)
                .field("x-long", &long)
                .cut(cuts)
                .end_stream(),
        );
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();
    }
}

/// RFC 9113 §4.3: nothing may come between the frames of a field block, of whatever stream.
#[test]
fn a_frame_within_a_field_block_is_an_error_of_the_connection() {
    for intruder in [
        data(1, "x"),
        raw(FrameType::HEADERS, 4, 1, b"\x88"),
        raw(FrameType::CONTINUATION, 4, 3, b"\x88"),
        raw(FrameType::CONTINUATION, 4, 0, b"\x88"),
        raw(FrameType::PRIORITY, 0, 1, &[0; 5]),
        rst_stream(1, ErrorCode::CANCEL),
        raw(FrameType::SETTINGS, 0, 0, b""),
        raw(FrameType::PING, 0, 0, &[0; 8]),
        goaway(1, ErrorCode::NO_ERROR),
        window_update(0, 1),
        unknown(1),
    ] {
        let mut t = asked();
        t.peer_sends([raw(FrameType::HEADERS, 0, 1, b"\x88"), intruder]);
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::BlockInterrupted);
    }
}

#[test]
fn a_continuation_of_nothing_is_an_error_of_the_connection() {
    let mut t = asked();
    t.peer_sends(raw(FrameType::CONTINUATION, 4, 1, b"\x88"));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::ContinuationUnexpected);

    let mut t = asked();
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    t.peer_sends(raw(FrameType::CONTINUATION, 4, 1, b""));
    t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::ContinuationUnexpected);
}

/// RFC 9113 §4.3: "MUST terminate the connection with a connection error of type
/// COMPRESSION_ERROR", also when nobody wants the block.
#[test]
fn a_block_that_cannot_be_decoded_is_an_error_of_the_connection() {
    for block in [
        &b"\x80"[..],
        b"\xbe",
        b"\x40\x7f",
        b"\x88\x3f\xe1\x1f",
        b"\x00\x81\x00\x00",
    ] {
        let mut t = asked();
        t.peer_sends(raw(FrameType::HEADERS, 5, 1, block));
        t.connection_fails(ErrorCode::COMPRESSION_ERROR, Violation::Compression);

        let mut t = asked();
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        t.peer_sends(raw(FrameType::HEADERS, 5, 1, block));
        t.connection_fails(ErrorCode::COMPRESSION_ERROR, Violation::Compression);
    }
}

/// RFC 9113 §4.2, §6.10: heads above the peer's SETTINGS_MAX_FRAME_SIZE continue.
#[test]
fn a_large_head_is_spread_over_continuations() {
    let mut t = Script::connected();
    // Octets of which Huffman coding makes more, so that they are sent as they are.
    let large = "{".repeat(40_000);
    t.open(get("/").field("x-large", &large));
    let sent = t.reads();
    let [Wire::Headers(section)] = &sent[..] else {
        panic!("one field block: {sent:?}");
    };
    assert_eq!(section.cuts, [16_384, 16_384]);
    assert!(
        section
            .lines
            .iter()
            .any(|(_, value)| value == large.as_bytes())
    );
    t.peer_sends(response(1, 431).end_stream());
    t.sees([head(1, 431).end_stream(), finished(1)]);
    t.goes_on();
}
