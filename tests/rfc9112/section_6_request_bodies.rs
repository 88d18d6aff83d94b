//! RFC 9112 §6, §7.1: bodies of requests.

use std::io::IoSlice;

use bytes::{Buf, Bytes};
use http::Method;
use towline::http1::{
    BodyLength, BodyPlan, Closure, Engine, Failure, Output, Progress, Refusal, RequestError,
};

use super::script::{Request, Script, Seen, get, head, last_data, map, only_head, post, request};

/// What follows the host line.
#[track_caller]
fn after_host(request: Request) -> String {
    let wire = request.wire();
    let (_, rest) = wire.split_once("host: h.example\r\n").expect("a host");
    rest.to_owned()
}

/// Gives pieces as they are asked for, then the end.
#[track_caller]
fn upload(request: Request, pieces: &[&'static str]) -> String {
    let mut t = Script::new();
    t.open(request);
    let mut wire = String::new();
    for piece in pieces {
        assert!(t.engine.wants_data(), "before {piece:?}");
        t.send_data(piece);
        wire += &t.output();
    }
    assert!(t.engine.wants_data());
    t.engine.finish(None);
    assert!(!t.engine.wants_data());
    wire += &t.output();
    t.peer_sends("HTTP/1.1 204 No Content\r\n\r\n");
    t.sees([only_head(204), Seen::Finished]);
    t.goes_on();
    wire.split_once("host: h.example\r\n").unwrap().1.to_owned()
}

/// RFC 9110 §8.6.
mod length {
    use super::*;

    #[test]
    fn zero_is_said_where_content_is_expected() {
        let methods = [
            (Method::POST, "content-length: 0\r\n\r\n"),
            (Method::PUT, "content-length: 0\r\n\r\n"),
            (Method::PATCH, "content-length: 0\r\n\r\n"),
            (Method::GET, "\r\n"),
            (Method::DELETE, "\r\n"),
            (Method::HEAD, "\r\n"),
        ];
        for (method, expected) in methods {
            assert_eq!(after_host(request(method, "http://h.example/")), expected);
        }
    }

    #[test]
    fn zero_is_said_if_the_caller_does() {
        let request = get("/").field("content-length", "0");
        assert_eq!(after_host(request), "content-length: 0\r\n\r\n");
    }

    #[test]
    fn of_a_whole_body_is_said_and_the_body_follows() {
        let request = post("/").whole("hi").field("user-agent", "x");
        assert_eq!(
            after_host(request),
            "user-agent: x\r\ncontent-length: 2\r\n\r\nhi"
        );
        let request = get("/").whole("0123456789abcdef");
        assert_eq!(
            after_host(request),
            "content-length: 16\r\n\r\n0123456789abcdef"
        );
    }

    #[test]
    fn frames_a_streaming_body_whoever_says_it() {
        let expected = "content-length: 10\r\n\r\nhitheresir";
        let request = post("/").streaming(Some(10));
        assert_eq!(upload(request, &["hi", "there", "sir"]), expected);
        let request = post("/").streaming(None).field("content-length", "10");
        assert_eq!(upload(request, &["hi", "", "there", "sir"]), expected);
    }

    #[test]
    fn must_be_a_number_that_is_the_bodys() {
        let request = post("/").whole("hi").field("content-length", "3");
        assert_eq!(
            request.head().err(),
            Some(RequestError::ContentLengthDiffers)
        );
        for lengths in [&["x"][..], &["1", "2"], &["-1"], &["1, 2"]] {
            let request = lengths
                .iter()
                .fold(post("/").streaming(None), |request, length| {
                    request.field("content-length", length)
                });
            assert_eq!(
                request.head().err(),
                Some(RequestError::ContentLengthInvalid)
            );
        }
    }

    #[test]
    fn of_the_head_must_be_that_of_the_body_that_is_opened() {
        let mut t = Script::new();
        let request = post("/").length(BodyLength::Known(3));
        let head = request.head().unwrap();
        assert_eq!(head.content_length(), Some(3));
        for plan in [
            BodyPlan::Empty,
            BodyPlan::Whole(Bytes::from_static(b"hi")),
            BodyPlan::Whole(Bytes::from_static(b"four")),
        ] {
            let opened = t.engine.open(t.now, &head, plan);
            assert_eq!(opened, Err(Refusal::LengthDiffers));
        }
        t.goes_on();
    }

    #[test]
    fn that_is_exceeded_fails_before_the_last_octets_are_out() {
        let mut t = Script::new();
        t.open(post("/").streaming(Some(5)));
        t.send_data("he");
        t.send_data("llo");
        assert!(t.output().ends_with("\r\n\r\nhe"));
        // The body has given all it may, and is asked whether that was all.
        assert!(t.engine.wants_data());
        t.send_data("!");
        t.sees([
            Seen::Failed(Failure::LengthExceeded),
            Seen::Closed(Closure::Local),
        ]);
        t.is_over();
    }

    #[test]
    fn that_is_not_met_fails() {
        let mut t = Script::new();
        t.open(post("/").streaming(Some(5)));
        t.send_data("hell");
        assert!(t.output().ends_with("\r\n\r\nhell"));
        t.engine.finish(None);
        t.sees([
            Seen::Failed(Failure::LengthUnmet),
            Seen::Closed(Closure::Local),
        ]);
        t.is_over();
    }

    #[test]
    fn of_zero_takes_nothing() {
        let mut t = Script::new();
        t.open(get("/").streaming(Some(0)));
        t.send_data("x");
        t.sees([
            Seen::Failed(Failure::LengthExceeded),
            Seen::Closed(Closure::Local),
        ]);
        t.is_over();
    }

    #[test]
    fn has_no_place_for_trailers() {
        let mut t = Script::new();
        t.open(post("/").streaming(Some(2)));
        t.send_data("hi");
        t.engine.finish(Some(map(&[("x", "y")])));
        assert!(t.output().ends_with("content-length: 2\r\n\r\nhi"));
    }
}

/// RFC 9112 §7.1.
mod chunked {
    use super::*;

    #[test]
    fn frames_what_has_no_length() {
        let request = post("/").streaming(None).field("user-agent", "x");
        assert_eq!(
            upload(request, &["hi", "there", "sir"]),
            "user-agent: x\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nhi\r\n5\r\nthere\r\n3\r\nsir\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn pieces_of_nothing_are_no_chunks() {
        assert_eq!(
            upload(post("/").streaming(None), &["a", "", "b", ""]),
            "transfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn is_used_if_the_caller_says_so_whatever_is_known() {
        let coded = |request: Request| request.field("transfer-encoding", "Chunked");
        let expected = "transfer-encoding: Chunked\r\n\r\nb\r\nanotherline\r\n0\r\n\r\n";
        assert_eq!(after_host(coded(post("/").whole("anotherline"))), expected);
        assert_eq!(
            upload(coded(post("/").streaming(Some(11))), &["anotherline"]),
            expected
        );
        assert_eq!(
            after_host(coded(get("/"))),
            "transfer-encoding: Chunked\r\n\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn is_the_only_coding_and_stands_without_a_length() {
        // RFC 9112 §6.1, §6.2.
        for codings in [
            &["gzip"][..],
            &["gzip, chunked"],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["chunked;q=1"],
            &["identity"],
            &[""],
        ] {
            let request = codings
                .iter()
                .fold(post("/").whole("x"), |request, coding| {
                    request.field("transfer-encoding", coding)
                });
            let error = Some(RequestError::TransferEncodingUnknown);
            assert_eq!(request.head().err(), error, "{codings:?}");
        }
        let both = post("/")
            .whole("x")
            .field("transfer-encoding", "chunked")
            .field("content-length", "1");
        assert_eq!(both.head().err(), Some(RequestError::LengthAndCoding));
    }

    #[test]
    fn ends_with_trailers_but_for_those_that_none_may_be() {
        // RFC 9110 §6.5.1, §7.6.1.
        let mut t = Script::new();
        t.ask(post("/").streaming(None));
        t.engine.finish(Some(map(&[
            ("x-sum", "1"),
            ("content-length", "5"),
            ("connection", "x-hop"),
            ("x-hop", "2"),
            ("authorization", "secret"),
            ("grpc-status", "0"),
        ])));
        t.peer_gets("0\r\nx-sum: 1\r\ngrpc-status: 0\r\n\r\n");
    }

    #[test]
    fn a_large_piece_is_one_chunk_and_several_batches() {
        let body = "x".repeat(300_000);
        let mut t = Script::new();
        t.ask(post("/").streaming(None));
        t.engine.send_data(Bytes::from(body.clone()));
        let mut out = Output::default();
        assert_eq!(t.engine.poll_output(&mut out), Progress::More);
        assert!(!t.engine.wants_data());
        assert!(out.len() < Engine::OUTPUT_TARGET + 16);
        let sent = out.copy_to_bytes(out.len());
        let mut sent = String::from_utf8(sent.to_vec()).unwrap();
        t.engine.finish(None);
        sent += &t.output();
        assert_eq!(sent, format!("493e0\r\n{body}\r\n0\r\n\r\n"));
    }
}

/// How octets are given out.
mod output {
    use super::*;

    #[test]
    fn a_small_body_that_is_ready_goes_with_its_head() {
        let mut t = Script::new();
        t.open(post("/").streaming(Some(2)));
        assert!(t.engine.wants_data());
        t.send_data("hi");
        t.engine.finish(None);
        let mut out = Output::default();
        assert_eq!(t.engine.poll_output(&mut out), Progress::Drained);
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(out.chunks_vectored(&mut slices), 1);
        assert!(slices[0].ends_with(b"\r\n\r\nhi"));
    }

    #[test]
    fn a_large_body_is_not_copied() {
        let body = Bytes::from(vec![7; 100_000]);
        let mut t = Script::new();
        t.open(post("/").whole(body.clone()));
        let mut out = Output::default();
        assert_eq!(t.engine.poll_output(&mut out), Progress::Drained);
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(out.chunks_vectored(&mut slices), 2);
        assert_eq!(slices[1].as_ptr(), body.as_ptr());
    }

    #[test]
    fn what_is_given_before_it_is_asked_for_waits_in_order() {
        let mut t = Script::new();
        t.ask(post("/").streaming(None));
        t.send_data("a");
        t.send_data("b");
        assert!(!t.engine.wants_data());
        t.peer_gets("1\r\na\r\n1\r\nb\r\n");
        assert!(t.engine.wants_data());
    }

    #[test]
    fn a_request_is_being_sent_until_its_last_octet_is_out() {
        let mut t = Script::new();
        assert!(!t.engine.is_sending());
        t.open(get("/"));
        assert!(t.engine.is_sending());
        t.output();
        assert!(!t.engine.is_sending());
        let mut t = Script::new();
        t.ask(post("/").streaming(None));
        assert!(t.engine.is_sending());
        t.engine.finish(None);
        assert!(t.engine.is_sending());
        t.peer_gets("0\r\n\r\n");
        assert!(!t.engine.is_sending());
    }

    #[test]
    fn what_is_given_after_the_end_is_not_sent() {
        let mut t = Script::new();
        t.ask(post("/").streaming(None));
        t.engine.finish(None);
        t.send_data("late");
        t.engine.finish(Some(map(&[("x", "late")])));
        t.peer_gets("0\r\n\r\n");
        t.send_data("later");
        t.engine.finish(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.");
        t.sees([head(200), last_data("."), Seen::Finished]);
        t.goes_on();
    }
}
