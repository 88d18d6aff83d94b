//! A table of malformed and borderline responses, each with its verdict, which must be the same
//! however the octets are cut.

use http::Method;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config as Runs, TestRunner},
};
use towline::http1::{Closure, Config, Failure, Violation};

use super::script::{Script, Seen, flat, request};

/// What must come of a response.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// It has this content, and the connection goes on.
    Good(&'static str),
    /// It has this content, and the connection closes.
    Last(&'static str),
    /// It has this content, and then come octets that nobody asked for.
    Surplus(&'static str),
    /// It is refused.
    Bad(Violation),
    /// It is cut off, after so many octets of content if it has a head.
    Cut(Option<u64>),
}

use Verdict::{Bad, Cut, Good, Last, Surplus};
use Violation::{
    BareCr, BareLf, ChunkEnd, ChunkExtension, ChunkSize, ChunkSizeOverflow, CodingInHttp10,
    CodingUnknown, FieldName, FieldValue, LengthAndCoding, LengthInvalid, LineFolding, NotHttp,
    SpaceBeforeColon, StatusLine, SwitchingUnasked, Version,
};

/// Responses to GET, in whole; `@` stands for a good status line and a length of 2, `#` for one
/// and chunked.
const RESPONSES: &[(&str, Verdict)] = &[
    // Good ones, so that it is known what the others are measured by.
    ("@\r\nhi", Good("hi")),
    ("#\r\n2\r\nhi\r\n0\r\n\r\n", Good("hi")),
    ("HTTP/1.1 200 OK\r\n\r\nhi", Last("hi")),
    // Status lines.
    ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", Good("hi")),
    ("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", Good("hi")),
    (
        "HTTP/1.1 200 \t x\r\nContent-Length: 2\r\n\r\nhi",
        Good("hi"),
    ),
    ("HTTP/1.1 999 \r\nContent-Length: 2\r\n\r\nhi", Good("hi")),
    ("HTTP/1.1  200 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1\t200 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 200OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 200\tOK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 2000 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 20 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 -20 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 099 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 200 O\0K\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 200 O\x7fK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/1.1 200 O\rK\r\n\r\n", Bad(BareCr)),
    ("HTTP/1.1 200 OK\r\r\n\r\n", Bad(BareCr)),
    ("HTTP/1.1 200\r\r\n\r\n", Bad(BareCr)),
    // Versions, and what is no HTTP/1 at all.
    ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", Last("hi")),
    ("HTTP/1.2 200 OK\r\n\r\n", Bad(Version)),
    ("HTTP/1.10 200 OK\r\n\r\n", Bad(StatusLine)),
    ("HTTP/2.0 200 OK\r\n\r\n", Bad(Version)),
    ("HTTP/0.9 200 OK\r\n\r\n", Bad(Version)),
    ("HTTP/01.1 200 OK\r\n\r\n", Bad(Version)),
    ("HTTP/ 1.1 200 OK\r\n\r\n", Bad(Version)),
    ("HTTP 200 OK\r\n\r\n", Bad(NotHttp)),
    ("http/1.1 200 OK\r\n\r\n", Bad(NotHttp)),
    ("ICY 200 OK\r\n\r\n", Bad(NotHttp)),
    ("SQP/1 200 OK\r\n\r\n", Bad(NotHttp)),
    (" HTTP/1.1 200 OK\r\n\r\n", Bad(NotHttp)),
    ("\r\nHTTP/1.1 200 OK\r\n\r\n", Bad(NotHttp)),
    ("\nHTTP/1.1 200 OK\r\n\r\n", Bad(NotHttp)),
    ("<html>", Bad(NotHttp)),
    ("\0", Bad(NotHttp)),
    // Field lines.
    ("@a:b\r\nc: d\r\n\r\nhi", Good("hi")),
    ("@!#$%&'*+-.^_`|~09aZ: x\r\n\r\nhi", Good("hi")),
    ("@a:\r\n\r\nhi", Good("hi")),
    ("@a: \t \r\n\r\nhi", Good("hi")),
    ("@a: \u{e9}\t\u{80}\r\n\r\nhi", Good("hi")),
    ("@a: b\n\r\nhi", Good("hi")),
    ("@\nhi", Good("hi")),
    ("@a : b\r\n\r\nhi", Bad(SpaceBeforeColon)),
    ("@a\t: b\r\n\r\nhi", Bad(SpaceBeforeColon)),
    ("HTTP/1.1 200 OK\r\n a: b\r\n\r\n", Bad(LineFolding)),
    ("HTTP/1.1 200 OK\r\n\ta: b\r\n\r\n", Bad(LineFolding)),
    ("@a: b\r\n c\r\n\r\nhi", Bad(LineFolding)),
    ("@a: b\r\n\tc: d\r\n\r\nhi", Bad(LineFolding)),
    ("@ \r\n\r\nhi", Bad(LineFolding)),
    ("@a\r\n\r\nhi", Bad(FieldName)),
    ("@: b\r\n\r\nhi", Bad(FieldName)),
    ("@a b: c\r\n\r\nhi", Bad(FieldName)),
    ("@a(b: c\r\n\r\nhi", Bad(FieldName)),
    ("@\"a\": c\r\n\r\nhi", Bad(FieldName)),
    ("@a\0b: c\r\n\r\nhi", Bad(FieldName)),
    ("@\u{e9}: c\r\n\r\nhi", Bad(FieldName)),
    ("@a: b\0c\r\n\r\nhi", Bad(FieldValue)),
    ("@a: b\x7fc\r\n\r\nhi", Bad(FieldValue)),
    ("@a: b\x0bc\r\n\r\nhi", Bad(FieldValue)),
    ("@a: b\x1b\r\n\r\nhi", Bad(FieldValue)),
    ("@a: b\rc\r\n\r\nhi", Bad(BareCr)),
    ("@a: b\r\r\n\r\nhi", Bad(BareCr)),
    ("@a\r: b\r\n\r\nhi", Bad(BareCr)),
    ("@\r\r\n\r\nhi", Bad(BareCr)),
    ("@a: b\r\n\rc: d\r\n\r\nhi", Bad(BareCr)),
    // Lengths.
    ("@Content-Length: 2\r\n\r\nhi", Good("hi")),
    ("@Content-Length: 3\r\n\r\nhi!", Bad(LengthInvalid)),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
        Good("hi"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nhi",
        Good("hi"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 2 2\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhi",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
        Bad(LengthInvalid),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent_Length: 2\r\n\r\nhi!",
        Last("hi!"),
    ),
    ("@\r\nh", Cut(Some(1))),
    ("@\r\nhi!", Surplus("hi")),
    ("@\r\nhiHTTP/1.1 200 OK\r\n\r\n", Surplus("hi")),
    ("@\r\nhi\r\n", Surplus("hi")),
    // Transfer codings.
    (
        "@Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Bad(LengthAndCoding),
    ),
    ("#Content-Length: 2\r\n\r\n0\r\n\r\n", Bad(LengthAndCoding)),
    ("#Content-Length: x\r\n\r\n0\r\n\r\n", Bad(LengthAndCoding)),
    (
        "@Transfer-Encoding: identity\r\n\r\nhi",
        Bad(LengthAndCoding),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;x\r\n\r\n0\r\n\r\n",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhi",
        Bad(CodingUnknown),
    ),
    (
        "#Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Bad(CodingUnknown),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        Bad(SpaceBeforeColon),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        Bad(FieldValue),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        Bad(LineFolding),
    ),
    (
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Bad(CodingInHttp10),
    ),
    // Chunks.
    ("#\r\n0\r\n\r\n", Good("")),
    ("#\r\n00\r\n\r\n", Good("")),
    ("#\r\n02\r\nhi\r\n0\r\n\r\n", Good("hi")),
    ("#\r\n2;x=y\r\nhi\r\n0\r\n\r\n", Good("hi")),
    ("#\r\n2;x=\"\\\"\"\r\nhi\r\n0;y\r\n\r\n", Good("hi")),
    ("#\r\n2 \r\nhi\r\n0\r\n\r\n", Good("hi")),
    ("#\r\n2 ;x\r\nhi\r\n0\r\n\r\n", Good("hi")),
    ("#\r\n2\r\nhi\r\n0\r\n\r\n!", Surplus("hi")),
    ("#\r\n2\r\nhi\r\n0\r\n", Cut(Some(2))),
    ("#\r\n2\r\nhi\r\n", Cut(Some(2))),
    ("#\r\n2\r\nh", Cut(Some(1))),
    ("#\r\n", Cut(Some(0))),
    ("#\r\n0x2\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n+2\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n-2\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n 2\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n2 x\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n2,\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n2\0\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n2h\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n;x\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\n\u{ff12}\r\nhi\r\n0\r\n\r\n", Bad(ChunkSize)),
    ("#\r\nhi\r\n", Bad(ChunkSize)),
    (
        "#\r\n10000000000000002\r\nhi\r\n0\r\n\r\n",
        Bad(ChunkSizeOverflow),
    ),
    ("#\r\n2\nhi\r\n0\r\n\r\n", Bad(BareLf)),
    ("#\r\n2;x\nhi\r\n0\r\n\r\n", Bad(BareLf)),
    ("#\r\n2;\rx\r\nhi\r\n0\r\n\r\n", Bad(ChunkExtension)),
    ("#\r\n2;x\r\r\nhi\r\n0\r\n\r\n", Bad(ChunkExtension)),
    ("#\r\n2;\0\r\nhi\r\n0\r\n\r\n", Bad(ChunkExtension)),
    ("#\r\n2\r\nhi0\r\n\r\n", Bad(ChunkEnd)),
    ("#\r\n2\r\nhi!\r\n0\r\n\r\n", Bad(ChunkEnd)),
    ("#\r\n2\r\nhi\n0\r\n\r\n", Bad(ChunkEnd)),
    ("#\r\n2\r\nhi\r0\r\n\r\n", Bad(ChunkEnd)),
    ("#\r\n3\r\nhi\r\n0\r\n\r\n", Bad(ChunkEnd)),
    ("#\r\n1\r\nhi\r\n0\r\n\r\n", Bad(ChunkEnd)),
    // Trailer sections.
    ("#\r\n0\r\nConnection: x\r\n\r\n", Good("")),
    ("#\r\n0\r\n\n", Bad(BareLf)),
    ("#\r\n0\n\r\n", Bad(BareLf)),
    ("#\r\n0\r\na: b\n\r\n", Bad(BareLf)),
    ("#\r\n0\r\na b\r\n\r\n", Bad(FieldName)),
    ("#\r\n0\r\na: b\r\n c\r\n\r\n", Bad(LineFolding)),
    ("#\r\n0\r\na : b\r\n\r\n", Bad(SpaceBeforeColon)),
    ("#\r\n0\r\na: \0\r\n\r\n", Bad(FieldValue)),
    ("#\r\n0\r\na: b\rc\r\n\r\n", Bad(BareCr)),
    ("#\r\n0\r\na: b\r\n", Cut(Some(0))),
    ("#\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", Bad(FieldName)),
    // What ends before its head does.
    ("", Cut(None)),
    ("H", Cut(None)),
    ("HTTP/1.1 200 OK\r\n", Cut(None)),
    ("HTTP/1.1 200 OK\r\n\r", Cut(None)),
    // Interim responses.
    ("HTTP/1.1 100 Continue\r\n\r\n@\r\nhi", Good("hi")),
    (
        "HTTP/1.1 199 \r\nContent-Length: 2\r\n\r\n@\r\nhi",
        Good("hi"),
    ),
    ("HTTP/1.1 100 Continue\r\n\r\n", Cut(None)),
    ("HTTP/1.1 100 Continue\r\n\r\nhi", Bad(NotHttp)),
    (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        Bad(SwitchingUnasked),
    ),
];

fn in_full(response: &str) -> Vec<u8> {
    let in_full = match response.strip_prefix('#') {
        Some(rest) => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{rest}"),
        None => response.replacen('@', "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 1),
    };
    in_full.into_bytes()
}

/// What comes of these pieces, and of the end of the connection after them.
fn outcome(method: &Method, pieces: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<Seen> {
    let request = request(method.clone(), "http://h.example/");
    let mut t = Script::asking(Config::default(), request);
    for piece in pieces {
        t.peer_sends(piece);
    }
    t.peer_closes();
    t.is_done();
    let events = flat(t.events());
    // Whether the connection was idle in between says nothing of the response.
    let is_told = |event: &Seen| !matches!(event, Seen::Finished | Seen::Interim(_));
    events.into_iter().filter(is_told).collect()
}

#[track_caller]
fn check(response: &str, verdict: Verdict, outcome: &[Seen]) {
    let content: Vec<u8> = outcome
        .iter()
        .filter_map(|seen| match seen {
            Seen::Data(data, _) => Some(data.to_vec()),
            _ => None,
        })
        .flatten()
        .collect();
    let is_ended = outcome
        .iter()
        .any(|seen| matches!(seen, Seen::End | Seen::Trailers(_)));
    let failure = outcome.iter().find_map(|seen| match seen {
        Seen::Failed(failure) => Some(*failure),
        _ => None,
    });
    let (expected, closures): (_, &[Closure]) = match verdict {
        Good(content) => (Ok(content), &[Closure::Eof]),
        Last(content) => (Ok(content), &[Closure::Eof, Closure::Announced]),
        Surplus(content) => (Ok(content), &[Closure::Unsolicited]),
        Bad(violation) => (
            Err(vec![Failure::Fault(violation)]),
            &[Closure::Fault(violation)],
        ),
        Cut(None) => (
            Err(vec![Failure::Unanswered, Failure::HeadTruncated]),
            &[Closure::Eof],
        ),
        Cut(Some(received)) => {
            let cut = |expected| Failure::BodyTruncated { received, expected };
            (Err(vec![cut(None), cut(Some(2))]), &[Closure::Eof])
        }
    };
    match expected {
        Ok(expected) => {
            assert_eq!(failure, None, "{response:?}: {outcome:?}");
            assert!(is_ended, "{response:?}: {outcome:?}");
            assert_eq!(content, expected.as_bytes(), "{response:?}");
        }
        Err(expected) => {
            assert!(!is_ended, "{response:?}: {outcome:?}");
            let is_expected = failure.is_some_and(|failure| expected.contains(&failure));
            assert!(is_expected, "{response:?}: {outcome:?}");
        }
    }
    match outcome.last() {
        Some(Seen::Closed(closure)) => {
            assert!(closures.contains(closure), "{response:?}: {outcome:?}");
        }
        seen => panic!("{response:?} ends with {seen:?}"),
    }
}

#[test]
fn have_their_verdict_whole() {
    for (response, verdict) in RESPONSES {
        let octets = in_full(response);
        check(response, *verdict, &outcome(&Method::GET, [&octets[..]]));
    }
}

#[test]
fn have_the_same_verdict_octet_by_octet() {
    for (response, _) in RESPONSES {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let octets = in_full(response);
            let whole = outcome(&method, [&octets[..]]);
            assert_eq!(outcome(&method, octets.chunks(1)), whole, "{response:?}");
        }
    }
}

#[test]
fn have_the_same_verdict_however_they_are_cut() {
    let mut runner = TestRunner::new(Runs::with_cases(16));
    for (response, _) in RESPONSES {
        let octets = in_full(response);
        let whole = outcome(&Method::GET, [&octets[..]]);
        let cuts = prop::collection::vec(any::<Index>(), 1..5);
        let checked = runner.run(&cuts, |cuts| {
            let pieces = cut(&octets, &cuts);
            prop_assert_eq!(&outcome(&Method::GET, pieces), &whole, "{:?}", response);
            Ok(())
        });
        checked.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The octets in the pieces between these places.
pub(crate) fn cut<'a>(octets: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    places.push(octets.len());
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for to in places {
        pieces.push(&octets[from..to]);
        from = to;
    }
    pieces
}
