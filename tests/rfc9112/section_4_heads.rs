//! RFC 9112 §2, §4, §5: heads of responses. What is malformed stands in `malformed`.

use bytes::Bytes;
use http::{Method, StatusCode, Version};
use towline::http1::{Closure, Violation};

use super::script::{Script, Seen, config, data, get, head, last_data, only_head, request};

#[test]
fn a_head_tells_status_version_reason_and_fields() {
    let mut t = Script::asked();
    t.peer_sends(
        "HTTP/1.1 299 Odd but  fine\r\nContent-Length: 0\r\nX-A: 1\r\nx-b:\t two words \t\r\nX-a: 3\r\n\
         empty:\r\n\r\n",
    );
    let head = t.sees_head();
    assert_eq!(head.status.as_u16(), 299);
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.reason.as_deref(), Some(&b"Odd but  fine"[..]));
    assert_eq!(head.content_length, Some(0));
    let all: Vec<_> = head.headers.get_all("x-a").iter().collect();
    assert_eq!(all, ["1", "3"]);
    assert_eq!(head.headers["x-b"], "two words");
    assert_eq!(head.headers["empty"], "");
    assert_eq!(head.raw, None);
    t.sees([Seen::Finished]);
    t.goes_on();
}

#[test]
fn the_usual_reason_is_not_told() {
    // RFC 9112 §4: "A client SHOULD ignore the reason-phrase content".
    for (line, reason) in [
        ("200 OK", None),
        ("200 ", Some("")),
        ("200", Some("")),
        ("200 Okay", Some("Okay")),
        ("599 ", Some("")),
        ("404 \u{e9}t\u{e9}", Some("\u{e9}t\u{e9}")),
    ] {
        for end in ["\r\n", "\n"] {
            let mut t = Script::asked();
            t.peer_sends(format!("HTTP/1.1 {line}{end}Content-Length: 0\r\n\r\n"));
            let expected = reason.map(|reason| Bytes::from_static(reason.as_bytes()));
            assert_eq!(t.sees_head().reason, expected, "{line}");
        }
    }
}

#[test]
fn field_values_keep_octets_that_are_not_ascii() {
    // RFC 9110 §5.5: obs-text is opaque.
    let mut t = Script::asked();
    t.peer_sends(b"HTTP/1.1 204 No Content\r\nx: a\xff\x80\tb\r\n\r\n");
    assert_eq!(t.sees_head().headers["x"].as_bytes(), b"a\xff\x80\tb");
}

#[test]
fn lines_of_a_head_may_end_in_a_line_feed_alone() {
    // RFC 9112 §2.2.
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\nContent-Length: 2\r\nx: y\n\nhi");
    t.sees([head(200), last_data("hi"), Seen::Finished]);
    t.goes_on();
}

#[test]
fn raw_fields_are_told_in_order_and_case_if_asked_for() {
    let mut t = Script::asking(config(|config| config.raw_fields = true), get("/"));
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-LENGTH:  0 \r\nX-b: 1\r\nx-A:\r\nX-B: 2\r\n\r\n");
    let raw = t.sees_head().raw.unwrap();
    let raw: Vec<_> = raw
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b"Content-LENGTH", b"0"),
        (b"X-b", b"1"),
        (b"x-A", b""),
        (b"X-B", b"2"),
    ];
    assert_eq!(raw, expected);
}

#[test]
fn a_head_is_told_only_when_it_is_whole() {
    let mut t = Script::asked();
    t.peer_dribbles("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r");
    t.sees([]);
    t.peer_sends("\n");
    t.sees([head(200)]);
    t.peer_dribbles("abc");
    t.sees([data("a"), data("b"), last_data("c"), Seen::Finished]);
    t.goes_on();
}

#[test]
fn a_peer_that_speaks_something_else_is_known_by_its_first_octets() {
    // A TLS alert, an HTTP/2 preface, another protocol, HTTP/2 by name.
    for (octets, violation) in [
        (&b"\x15\x03\x01\x00\x02"[..], Violation::NotHttp),
        (b"\x00\x00\x12\x04", Violation::NotHttp),
        (b"SSH-2.0", Violation::NotHttp),
        (b"HTTQ", Violation::NotHttp),
        (b"\r\n", Violation::NotHttp),
        (b"HTTP/2", Violation::Version),
        (b"HTTP/1 ", Violation::Version),
        (b"HTTP/1.2", Violation::Version),
    ] {
        let mut t = Script::asked();
        t.peer_dribbles(&octets[..octets.len() - 1]);
        if violation == Violation::Version {
            t.sees([]);
        }
        t.peer_sends(&octets[octets.len() - 1..]);
        t.fails(violation);
    }
}

#[test]
fn versions_above_and_below_are_no_reason_to_guess() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/0.9 200 OK\r\n\r\n");
    t.fails(Violation::Version);
}

#[test]
fn a_status_is_three_digits_from_100_on() {
    for status in [100, 599, 999] {
        let mut t = Script::asked();
        t.peer_sends(format!("HTTP/1.1 {status} \r\n\r\n"));
        let expected = StatusCode::from_u16(status).unwrap();
        let seen = t.events();
        let expected = if expected.is_informational() {
            Seen::Interim(status)
        } else {
            head(status)
        };
        assert_eq!(seen, [expected]);
    }
    for status in ["000", "099", "20", "2000", "2x0", "-20", "+20"] {
        let mut t = Script::asked();
        t.peer_sends(format!("HTTP/1.1 {status} \r\n\r\n"));
        t.fails(Violation::StatusLine);
    }
}

#[test]
fn http_1_0_is_understood() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(t.sees_head().version, Version::HTTP_10);
    t.sees([last_data("hi"), Seen::Closed(Closure::Announced)]);
    t.is_over();
}

#[test]
fn content_length_is_told_where_there_is_no_content() {
    // RFC 9110 §8.6.
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 304)] {
        let mut t = Script::new();
        t.ask(request(method, "http://h.example/"));
        t.peer_sends(format!("HTTP/1.1 {status} \r\nContent-Length: 42\r\n\r\n"));
        assert_eq!(t.sees_head().content_length, Some(42));
        t.sees([Seen::Finished]);
        t.goes_on();
    }
}

#[test]
fn as_many_fields_as_are_allowed_are_read() {
    let mut t = Script::asked();
    let fields: String = (0..255)
        .map(|index| format!("x-{index}: {index}\r\n"))
        .collect();
    t.peer_sends(format!(
        "HTTP/1.1 204 No Content\r\n{fields}x-last: y\r\n\r\n"
    ));
    let head = t.sees_head();
    assert_eq!(head.headers.len(), 256);
    assert_eq!(head.headers["x-254"], "254");
    assert_eq!(head.headers["x-last"], "y");
}

#[test]
fn a_response_that_comes_with_the_next_head_is_not_cut_there() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
    t.sees([Seen::Interim(100), only_head(204), Seen::Finished]);
    t.goes_on();
}
