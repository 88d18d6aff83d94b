//! RFC 9112 §6.3: how the content of a response is framed, rule by rule.

use bytes::Bytes;
use http::Method;
use towline::http1::{Closure, Config, Violation};

use super::script::{End, Script, Seen, data, get, head, last_data, only_head, request};

fn asked_by(method: &Method) -> Script {
    Script::asking(
        Config::default(),
        request(method.clone(), "http://h.example/"),
    )
}

#[test]
fn rule_1_some_responses_have_no_content_whatever_their_fields_say() {
    let framings = [
        "",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: x\r\n",
        "Transfer-Encoding: gzip\r\n",
    ];
    for (method, status) in [
        (Method::HEAD, 200),
        (Method::HEAD, 404),
        (Method::GET, 204),
        (Method::GET, 304),
        (Method::POST, 204),
    ] {
        for framing in framings {
            let mut t = asked_by(&method);
            t.peer_sends(format!("HTTP/1.1 {status} \r\n{framing}\r\n"));
            t.sees([only_head(status), Seen::Finished]);
            t.goes_on();
        }
    }
}

#[test]
fn rule_1_interim_responses_have_no_content() {
    let mut t = Script::asked();
    t.peer_sends(
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    );
    t.sees([Seen::Interim(103), only_head(204), Seen::Finished]);
    t.goes_on();
}

#[test]
fn rule_1_octets_after_a_response_without_content_are_nobodys() {
    let mut t = asked_by(&Method::HEAD);
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    t.sees([only_head(200), Seen::Closed(Closure::Unsolicited)]);
    t.is_over();
}

#[test]
fn rule_3_length_and_coding_together_are_refused() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
    ] {
        let mut t = Script::asked();
        t.peer_sends(format!("HTTP/1.1 200 OK\r\n{fields}\r\n0\r\n\r\n"));
        t.fails(Violation::LengthAndCoding);
    }
}

#[test]
fn rule_4_chunked_is_the_last_and_only_coding() {
    for coding in ["chunked", "Chunked", "CHUNKED", " chunked\t"] {
        let mut t = Script::asked();
        t.peer_sends(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n1\r\n.\r\n0\r\n\r\n"
        ));
        t.sees([head(200), last_data("."), Seen::Finished]);
        t.goes_on();
    }
    for codings in [
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "gzip",
        "identity",
        "",
        "chunked,",
        ",chunked",
        "chunked;a=b",
        "\"chunked\"",
        "xchunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: identity",
    ] {
        let mut t = Script::asked();
        t.peer_sends(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n\r\n0\r\n\r\n"
        ));
        t.fails(Violation::CodingUnknown);
    }
}

#[test]
fn rule_4_an_http_1_0_response_has_no_coding() {
    // RFC 9112 §6.1.
    for fields in [
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let mut t = Script::asked();
        t.peer_sends(format!("HTTP/1.0 200 OK\r\n{fields}\r\n0\r\n\r\n"));
        t.fails(Violation::CodingInHttp10);
    }
    // Where there is no content it frames none, but the connection is not trusted any more.
    let mut t = asked_by(&Method::HEAD);
    t.peer_sends("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n");
    t.sees([only_head(200), Seen::Closed(Closure::Announced)]);
    t.is_over();
}

#[test]
fn rule_5_lengths_are_numbers_that_agree() {
    for lengths in [
        "x",
        "",
        "-1",
        "+1",
        "0x1",
        "1 1",
        "1.0",
        "1e1",
        "18446744073709551616",
        "2\r\nContent-Length: 3",
        "2, 3",
        "2,",
        ",2",
        "2;",
        "\u{661}",
    ] {
        let mut t = Script::asked();
        t.peer_sends(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {lengths}\r\n\r\nabc"
        ));
        t.fails(Violation::LengthInvalid);
    }
}

#[test]
fn rule_5_the_same_length_over_and_over_is_one() {
    for lengths in [
        "2, 2",
        "2\r\nContent-Length: 2",
        "2,2\r\ncontent-length: 02",
    ] {
        let mut t = Script::asked();
        t.peer_sends(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {lengths}\r\n\r\nhi"
        ));
        t.sees([head(200), last_data("hi"), Seen::Finished]);
        t.goes_on();
    }
}

#[test]
fn rule_6_content_has_its_length_and_not_an_octet_more() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nhello");
    t.sees([head(200), data("hello")]);
    t.peer_sends("there");
    t.peer_sends("champ");
    t.sees([data("there"), last_data("champ"), Seen::Finished]);
    t.goes_on();
}

#[test]
fn rule_6_a_length_of_zero_ends_with_the_head() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    t.sees([only_head(200), Seen::Finished]);
    t.goes_on();
}

#[test]
fn rule_6_the_largest_length_is_only_long() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nab");
    t.sees([head(200), data("ab")]);
}

#[test]
fn rule_8_anything_else_ends_with_the_connection() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\n\r\nhello");
    t.sees([head(200), data("hello")]);
    t.peer_sends("HTTP/1.1 200 OK\r\n\r\n");
    t.sees([data("HTTP/1.1 200 OK\r\n\r\n")]);
    t.peer_closes();
    t.sees([Seen::End, Seen::Closed(Closure::Eof)]);
    t.is_over();
}

#[test]
fn rule_8_the_end_may_come_with_the_last_octets_or_at_once() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\nabc");
    t.peer_closes();
    t.sees([head(200), last_data("abc"), Seen::Closed(Closure::Eof)]);
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.0 200 OK\r\n\r\n");
    t.peer_closes();
    t.sees([only_head(200), Seen::Closed(Closure::Eof)]);
    t.is_over();
}

/// How content lies in memory.
mod memory {
    use super::*;

    /// The content of a response that came in a read buffer of that capacity.
    fn content(capacity: usize, octets: usize) -> (Bytes, bool) {
        let mut t = Script::asking(Config::default(), get("/"));
        let mut input = bytes::BytesMut::with_capacity(capacity);
        input.extend_from_slice(
            format!("HTTP/1.1 200 \r\nContent-Length: {octets}\r\n\r\n").as_bytes(),
        );
        let start = input.len();
        input.resize(start + octets, b'x');
        let at = input[start..].as_ptr();
        t.engine.handle_input(t.now, &mut input);
        match &t.events()[1] {
            Seen::Data(data, End::Last) => (data.clone(), data.as_ptr() == at),
            seen => panic!("{seen:?}"),
        }
    }

    #[test]
    fn a_large_part_of_the_read_buffer_is_not_copied() {
        assert!(content(8_192, 2_000).1);
        assert!(content(131_072, 16_384).1);
    }

    #[test]
    fn a_small_part_of_the_read_buffer_does_not_pin_it() {
        assert!(!content(8_192, 800).1);
        assert!(!content(65_536, 8_000).1);
        assert!(!content(131_072, 16_383).1);
    }
}
