//! What holds for all responses: good ones are read as they were meant, however they are cut, and
//! no octets make the engine panic or hang.

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};
use towline::http1::{Closure, Config, State};

use super::{
    malformed::cut,
    script::{End, Script, Seen, flat, get, head, post},
};

/// A response and how it is framed.
#[derive(Clone, Debug)]
struct Response {
    interims: Vec<u16>,
    status: u16,
    fields: Vec<(String, String)>,
    framing: Framing,
}

#[derive(Clone, Debug)]
enum Framing {
    Length(Vec<u8>),
    Chunked {
        chunks: Vec<(Vec<u8>, String)>,
        trailers: Vec<(String, String)>,
    },
    Close(Vec<u8>),
}

fn field() -> impl Strategy<Value = (String, String)> {
    // No name that means anything.
    ("x-[a-z0-9!#~]{1,8}", "([!-~]([ -~]{0,20}[!-~])?)?")
}

fn extension() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        1 => "[ \t]{0,2}(;[ -~]{0,10}){0,3}",
    ]
}

fn framing() -> impl Strategy<Value = Framing> {
    let content = || vec(any::<u8>(), 0..3_000);
    let chunk = (vec(any::<u8>(), 1..2_000), extension());
    prop_oneof![
        content().prop_map(Framing::Length),
        content().prop_map(Framing::Close),
        (vec(chunk, 0..8), vec(field(), 0..4))
            .prop_map(|(chunks, trailers)| Framing::Chunked { chunks, trailers }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let interim = prop_oneof![Just(100), Just(102), Just(103), 104_u16..200];
    let status = (200_u16..600).prop_filter("has content", |status| ![204, 304].contains(status));
    (vec(interim, 0..3), status, vec(field(), 0..6), framing()).prop_map(
        |(interims, status, fields, framing)| Response {
            interims,
            status,
            fields,
            framing,
        },
    )
}

impl Response {
    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for interim in &self.interims {
            octets.extend(format!("HTTP/1.1 {interim} \r\nx: y\r\n\r\n").bytes());
        }
        octets.extend(format!("HTTP/1.1 {} Reason\r\n", self.status).bytes());
        octets.extend(field_lines(&self.fields).bytes());
        match &self.framing {
            Framing::Length(content) => {
                octets.extend(format!("Content-Length: {}\r\n\r\n", content.len()).bytes());
                octets.extend(content);
            }
            Framing::Close(content) => {
                octets.extend(b"\r\n");
                octets.extend(content);
            }
            Framing::Chunked { chunks, trailers } => {
                octets.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for (content, extension) in chunks {
                    octets.extend(format!("{:x}{extension}\r\n", content.len()).bytes());
                    octets.extend(content);
                    octets.extend(b"\r\n");
                }
                octets.extend(b"0\r\n");
                octets.extend(field_lines(trailers).bytes());
                octets.extend(b"\r\n");
            }
        }
        octets
    }

    /// What must be told of it if the connection closes after it.
    fn expected(&self) -> Vec<Seen> {
        let interims = self.interims.iter().map(|interim| Seen::Interim(*interim));
        let mut expected: Vec<_> = interims.chain([head(self.status)]).collect();
        let content = match &self.framing {
            Framing::Length(content) | Framing::Close(content) => content.clone(),
            Framing::Chunked { chunks, .. } => {
                let contents = chunks.iter().map(|(content, _)| content.as_slice());
                contents.collect::<Vec<_>>().concat()
            }
        };
        if !content.is_empty() {
            expected.push(Seen::Data(Bytes::from(content), End::More));
        }
        match &self.framing {
            Framing::Chunked { trailers, .. } if !trailers.is_empty() => {
                expected.push(Seen::Trailers(grouped(trailers)));
            }
            _ => expected.push(Seen::End),
        }
        if !matches!(self.framing, Framing::Close(_)) {
            expected.push(Seen::Finished);
        }
        expected.push(Seen::Closed(Closure::Eof));
        expected
    }
}

fn field_lines(fields: &[(String, String)]) -> String {
    let lines = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    lines.collect()
}

/// The fields in the order of a map: all of a name at the place of its first.
fn grouped(fields: &[(String, String)]) -> Vec<(String, String)> {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in fields {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of_name = |name| fields.iter().filter(move |(other, _)| other == name);
    names.into_iter().flat_map(of_name).cloned().collect()
}

fn feed(t: &mut Script, pieces: &[&[u8]]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for piece in pieces {
        t.peer_sends(piece);
        seen.extend(t.events());
    }
    t.peer_closes();
    seen.extend(t.events());
    flat(seen)
}

/// Octets that are likely to lead somewhere.
fn likely_garbage() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.1 100 \r\n\r\n"),
        Just("HTTP/1.0 101 x\r\n"),
        Just("Transfer-Encoding: chunked\r\n"),
        Just("Content-Length: 3\r\n"),
        Just("Connection: close\r\n"),
        Just("x: y\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("3\r\n"),
        Just("abc"),
        Just("0\r\n"),
        Just(";e=f"),
        Just("\0"),
    ];
    let octets = vec(any::<u8>(), 0..40);
    prop_oneof![
        1 => octets,
        4 => vec(token, 0..12).prop_map(|tokens| tokens.concat().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Good responses are read as they were meant, however they are cut.
    #[test]
    fn good_responses_are_read_as_they_were_meant(
        response in response(),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let octets = response.octets();
        let mut t = Script::asked();
        let seen = feed(&mut t, &cut(&octets, &cuts));
        prop_assert_eq!(seen, response.expected());
    }

    /// And one after another on one connection.
    #[test]
    fn good_responses_follow_each_other(responses in vec(response(), 1..5)) {
        let mut t = Script::new();
        for response in responses {
            if matches!(response.framing, Framing::Close(_)) {
                continue;
            }
            t.ask(post("/").whole("x"));
            t.peer_sends(response.octets());
            let mut expected = response.expected();
            expected.pop();
            prop_assert_eq!(flat(t.events()), expected);
            prop_assert_eq!(t.engine.state(), State::Idle);
            t.engine.assert_quiet();
        }
    }

    /// Garbage never makes the engine panic; it ends, with the same verdict however it is cut.
    #[test]
    fn garbage_ends(octets in likely_garbage(), cuts in vec(any::<Index>(), 0..6)) {
        let upgrade = || get("/").field("connection", "upgrade").field("upgrade", "x");
        for request in [get, |path: &str| post(path).streaming(None)] {
            let mut whole = Script::asking(Config::default(), request("/"));
            let expected = feed(&mut whole, &[&octets]);
            prop_assert!(matches!(expected.last(), Some(Seen::Closed(_))), "{:?}", expected);
            let mut t = Script::asking(Config::default(), request("/"));
            let seen = feed(&mut t, &cut(&octets, &cuts));
            let told = |seen: &[Seen]| -> Vec<Seen> {
                let is_told = |seen: &&Seen| !matches!(seen, Seen::Finished);
                seen.iter().filter(is_told).cloned().collect()
            };
            prop_assert_eq!(told(&seen), told(&expected));
            t.engine.assert_quiet();
        }
        let mut t = Script::asking(Config::default(), upgrade());
        let seen = feed(&mut t, &cut(&octets, &cuts));
        prop_assert!(matches!(seen.last(), Some(Seen::Closed(_) | Seen::Upgraded(_))));
    }
}
