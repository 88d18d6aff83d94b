//! RFC 9112 §7.1: chunked content of responses. What is malformed stands in `malformed`, too.

use bytes::{Bytes, BytesMut};
use towline::http1::{Closure, Failure, Violation};

use super::script::{End, Script, Seen, data, head, last_data, only_head, trailers};

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The head has come and was seen.
fn chunked() -> Script {
    let mut t = Script::asked();
    t.peer_sends(HEAD);
    t.sees([head(200)]);
    t
}

/// Some content has come, and then this is one thing too many.
#[track_caller]
fn fails_on(octets: &[u8], violation: Violation) {
    let mut t = chunked();
    t.peer_sends("1\r\n.\r\n");
    t.sees([data(".")]);
    t.peer_sends(octets);
    let events: Vec<_> = t.events();
    let failed = [
        Seen::Failed(Failure::Fault(violation)),
        Seen::Closed(Closure::Fault(violation)),
    ];
    assert!(events.ends_with(&failed), "{octets:?}: {events:?}");
    t.is_over();
}

#[test]
fn content_is_the_data_of_all_chunks() {
    let mut t = chunked();
    t.peer_sends(
        "4\r\nwell\r\n4\r\nwell\r\n4\r\nwhat\r\n4\r\nhave\r\n2\r\nwe\r\na\r\nhereabouts\r\n",
    );
    t.sees([data("wellwellwhathavewehereabouts")]);
    t.peer_sends("0\r\n\r\n");
    t.sees([Seen::End, Seen::Finished]);
    t.goes_on();
}

#[test]
fn the_end_comes_with_the_last_octets_if_they_are_unseen() {
    let mut t = chunked();
    t.peer_sends("2\r\nhi\r\n0\r\n\r\n");
    t.sees([last_data("hi"), Seen::Finished]);
    t.goes_on();
    let mut t = Script::asked();
    t.peer_sends([HEAD, "0\r\n\r\n"].concat());
    t.sees([only_head(200), Seen::Finished]);
    t.goes_on();
}

#[test]
fn sizes_are_hexadecimal_digits_of_either_case() {
    for (size, octets) in [
        ("a", 10),
        ("A", 10),
        ("0000000000000000000000b", 11),
        ("1f", 31),
    ] {
        let mut t = chunked();
        let content = "x".repeat(octets);
        t.peer_sends(format!("{size}\r\n{content}\r\n0\r\n\r\n"));
        t.sees([Seen::Data(Bytes::from(content), End::Last), Seen::Finished]);
        t.goes_on();
    }
}

#[test]
fn a_size_may_be_all_of_64_bits_and_no_more() {
    let mut t = chunked();
    t.peer_sends("ffffffffffffffff\r\nab");
    t.sees([data("ab")]);
    fails_on(b"10000000000000000\r\n", Violation::ChunkSizeOverflow);
    fails_on(b"fffffffffffffffff\r\n", Violation::ChunkSizeOverflow);
}

#[test]
fn sizes_are_nothing_else() {
    for size in [
        "", " ", "0x2", "-1", "+1", "g", "1 1", " 1", "1_0", "1.0", "2h", ";a", "\u{661}",
    ] {
        fails_on(format!("{size}\r\nab\r\n").as_bytes(), Violation::ChunkSize);
    }
}

#[test]
fn extensions_are_passed_over() {
    // RFC 9112 §7.1.1. White space at the end of a size is what old servers pad with.
    for line in [
        "2;a=b",
        "2 ; a = \"b; c\"",
        "2;",
        "2;;\u{e9}",
        "2 ",
        "2\t \t",
    ] {
        let mut t = chunked();
        t.peer_sends(format!("{line}\r\nhi\r\n0;last\r\n\r\n"));
        t.sees([last_data("hi"), Seen::Finished]);
        t.goes_on();
    }
}

#[test]
fn extensions_hold_no_controls() {
    for octet in [b'\r', b'\0', b'\x0b', b'\x7f'] {
        fails_on(
            &[b"1;a", &[octet][..], b"b\r\n.\r\n"].concat(),
            Violation::ChunkExtension,
        );
    }
}

#[test]
fn lines_end_in_cr_lf() {
    fails_on(b"1\n.\r\n", Violation::BareLf);
    fails_on(b"1;a\nb\r\n.\r\n", Violation::BareLf);
    fails_on(b"0\n\r\n", Violation::BareLf);
    fails_on(b"0\r\n\n", Violation::BareLf);
    fails_on(b"0\r\nx: y\n\r\n", Violation::BareLf);
    fails_on(b"1\r\r\n.", Violation::ChunkSize);
}

#[test]
fn data_ends_in_cr_lf() {
    fails_on(b"1\r\nab", Violation::ChunkEnd);
    fails_on(b"1\r\na\n", Violation::ChunkEnd);
    fails_on(b"1\r\na\r.", Violation::ChunkEnd);
    fails_on(b"1\r\na0\r\n\r\n", Violation::ChunkEnd);
}

#[test]
fn content_that_came_before_a_fault_is_told() {
    let mut t = chunked();
    t.peer_sends("2\r\nhi\r\nx\r\n");
    t.sees([
        data("hi"),
        Seen::Failed(Failure::Fault(Violation::ChunkSize)),
        Seen::Closed(Closure::Fault(Violation::ChunkSize)),
    ]);
    t.is_over();
}

/// RFC 9112 §7.1.2.
mod trailer_sections {
    use super::*;

    #[test]
    fn are_told_in_order() {
        let mut t = chunked();
        t.peer_sends("2\r\nhi\r\n0\r\nX-Sum: 1\r\nserver-timing: a\r\nx-sum:2 \r\n\r\n");
        t.sees([
            data("hi"),
            trailers(&[("x-sum", "1"), ("x-sum", "2"), ("server-timing", "a")]),
            Seen::Finished,
        ]);
        t.goes_on();
    }

    #[test]
    fn lose_the_fields_of_the_connection_and_may_lose_all() {
        // RFC 9110 §6.5.1.
        let mut t = chunked();
        t.peer_sends("0\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nx: y\r\n\r\n");
        t.sees([trailers(&[("x", "y")]), Seen::Finished]);
        t.goes_on();
        let mut t = chunked();
        t.peer_sends("0\r\nKeep-Alive: timeout=5\r\n\r\n");
        t.sees([Seen::End, Seen::Finished]);
        t.goes_on();
    }

    #[test]
    fn frame_nothing() {
        let mut t = chunked();
        t.peer_sends("0\r\nContent-Length: 5\r\n\r\nhello");
        t.sees([
            trailers(&[("content-length", "5")]),
            Seen::Closed(Closure::Unsolicited),
        ]);
        t.is_over();
    }

    #[test]
    fn are_as_strict_as_heads() {
        for (section, violation) in [
            ("x\r\n\r\n", Violation::FieldName),
            (": y\r\n\r\n", Violation::FieldName),
            ("x : y\r\n\r\n", Violation::SpaceBeforeColon),
            ("x: y\r\n z\r\n\r\n", Violation::LineFolding),
            (" x: y\r\n\r\n", Violation::LineFolding),
            ("x: \0\r\n\r\n", Violation::FieldValue),
            ("x: y\rz\r\n\r\n", Violation::BareCr),
            ("x: y\r\r\n\r\n", Violation::BareCr),
        ] {
            fails_on(format!("0\r\n{section}").as_bytes(), violation);
        }
    }
}

/// How content lies in memory.
mod memory {
    use super::*;

    #[test]
    fn tiny_chunks_are_melted_together() {
        let mut t = chunked();
        t.peer_sends("1\r\nx\r\n".repeat(20_000));
        let seen = t.events();
        let content: usize = seen
            .iter()
            .map(|seen| match seen {
                Seen::Data(data, End::More) => data.len(),
                seen => panic!("{seen:?}"),
            })
            .sum();
        assert_eq!(content, 20_000);
        assert!(seen.len() <= 3, "{} pieces", seen.len());
    }

    #[test]
    fn a_large_chunk_is_not_copied_and_keeps_its_place() {
        let mut t = chunked();
        let mut input = BytesMut::with_capacity(0x3000);
        input.extend_from_slice(b"1\r\na\r\n1\r\nb\r\n2000\r\n");
        let start = input.len();
        input.resize(start + 0x2000, b'x');
        let at = input[start..].as_ptr();
        input.extend_from_slice(b"\r\n1\r\nc\r\n0\r\n\r\n");
        t.engine.handle_input(t.now, &mut input);
        let seen = t.events();
        assert_eq!(seen[0], data("ab"));
        let Seen::Data(large, End::More) = &seen[1] else {
            panic!("{seen:?}");
        };
        assert_eq!((large.len(), large.as_ptr()), (0x2000, at));
        assert_eq!(seen[2..], [last_data("c"), Seen::Finished]);
        t.goes_on();
    }
}
