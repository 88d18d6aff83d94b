//! Any sequence of operations: the engine never panics, its events keep their order, and what it
//! sends is one request after another, each complete only if its body was.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use proptest::{collection::vec, prelude::*};
use towline::http1::State;

use super::script::{End, Request, Script, Seen, config, get, post, request};

/// What a caller, a server or a clock does.
#[derive(Clone, Debug)]
enum Step {
    Open(Ask),
    Output,
    Data(usize),
    Finish,
    Cancel,
    Close,
    Wait(u64),
    Peer(&'static str),
    PeerCloses,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Get,
    Head,
    Connect,
    Upgrade,
    Whole,
    Expecting,
    Length(u64),
    Chunked,
    LastChunked,
}

impl Ask {
    fn request(self) -> Request {
        match self {
            Self::Get => get("/"),
            Self::Head => request(Method::HEAD, "http://h.example/"),
            Self::Connect => request(Method::CONNECT, "h.example:443"),
            Self::Upgrade => get("/")
                .field("connection", "upgrade")
                .field("upgrade", "x"),
            Self::Whole => post("/").whole("whole"),
            Self::Expecting => post("/").streaming(Some(4)).field("expect", "100-continue"),
            Self::Length(octets) => post("/").streaming(Some(octets)),
            Self::Chunked => post("/").streaming(None),
            Self::LastChunked => post("/").streaming(None).field("connection", "close"),
        }
    }

    /// What is given without being asked for.
    const fn whole(self) -> Option<&'static str> {
        match self {
            Self::Get | Self::Head | Self::Connect | Self::Upgrade => Some(""),
            Self::Whole => Some("whole"),
            Self::Expecting | Self::Length(_) | Self::Chunked | Self::LastChunked => None,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let ask = prop_oneof![
        4 => Just(Ask::Get),
        1 => Just(Ask::Head),
        1 => Just(Ask::Connect),
        1 => Just(Ask::Upgrade),
        2 => Just(Ask::Whole),
        2 => Just(Ask::Expecting),
        3 => (0_u64..9).prop_map(Ask::Length),
        4 => Just(Ask::Chunked),
        1 => Just(Ask::LastChunked),
    ];
    let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 417 \r\nContent-Length: 0\r\n\r\n",
    ];
    let pieces = [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 \r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 413 \r\nConnection: close\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 2",
        "00 OK\r\n",
        "Content-Length: 3\r\n\r\n",
        "abc",
        "a",
        "3\r\nab",
        "c\r\n",
        "0\r\n\r\n",
        "0\r\nx: y\r\n\r\n",
        "?",
    ];
    prop_oneof![
        8 => ask.prop_map(Step::Open),
        8 => Just(Step::Output),
        5 => (0_usize..6).prop_map(Step::Data),
        4 => Just(Step::Finish),
        1 => Just(Step::Cancel),
        1 => (0_u64..1_500).prop_map(Step::Wait),
        8 => prop::sample::select(responses.to_vec()).prop_map(Step::Peer),
        4 => prop::sample::select(pieces.to_vec()).prop_map(Step::Peer),
    ]
}

fn last_step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Close), Just(Step::PeerCloses)]
}

/// Where the events of an exchange are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Nothing,
    Content,
    Over,
    Failed,
}

/// What is known of an exchange.
#[derive(Debug)]
struct Exchange {
    ask: Ask,
    given: Vec<u8>,
    is_finished: bool,
    wire: String,
    reading: Reading,
    is_stopped: bool,
    is_left: bool,
}

/// The engine, and what it must keep to.
struct Watched {
    t: Script,
    exchange: Option<Exchange>,
    is_closed: bool,
    is_tunnel: bool,
}

impl Watched {
    fn new() -> Self {
        Self {
            t: Script::with(config(|config| config.limits.drain = 20)),
            exchange: None,
            is_closed: false,
            is_tunnel: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Open(ask) => self.open(*ask),
            Step::Output => self.output(),
            Step::Data(octets) => self.give(*octets),
            Step::Finish => self.finish(),
            Step::Cancel => {
                self.t.engine.cancel(self.t.now);
                if let Some(exchange) = &mut self.exchange {
                    exchange.is_left = true;
                }
            }
            Step::Close => self.t.engine.close(),
            Step::Wait(millis) => self.t.waits(Duration::from_millis(*millis)),
            Step::Peer(octets) => self.t.peer_sends(octets),
            Step::PeerCloses => self.t.peer_closes(),
        }
        for event in self.t.events() {
            self.see(event);
        }
        self.check_state();
    }

    fn open(&mut self, ask: Ask) {
        let is_idle = self.t.engine.state() == State::Idle;
        let opened = self.t.try_open(ask.request());
        assert_eq!(opened.is_ok(), is_idle, "{opened:?}");
        if is_idle {
            assert!(self.exchange.is_none());
            self.exchange = Some(Exchange {
                ask,
                given: ask.whole().unwrap_or_default().into(),
                is_finished: ask.whole().is_some(),
                wire: String::new(),
                reading: Reading::Nothing,
                is_stopped: false,
                is_left: false,
            });
        }
    }

    fn output(&mut self) {
        let wire = self.t.output();
        match &mut self.exchange {
            Some(exchange) => exchange.wire += &wire,
            None => assert_eq!(wire, ""),
        }
    }

    fn give(&mut self, octets: usize) {
        if self.t.engine.wants_data() {
            let exchange = self.exchange.as_mut().expect("somebody wants data");
            assert!(!exchange.is_finished && !exchange.is_stopped);
            exchange.given.extend(vec![b'd'; octets]);
        } else {
            // What was not asked for is kept in order, or not at all.
            return;
        }
        self.t.engine.send_data(Bytes::from(vec![b'd'; octets]));
    }

    fn finish(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            self.t.engine.finish(None);
            exchange.is_finished = true;
        }
    }

    fn see(&mut self, event: Seen) {
        assert!(!self.is_closed && !self.is_tunnel || matches!(event, Seen::Closed(_)));
        if let Seen::Closed(_) = event {
            assert!(!self.is_closed);
            self.is_closed = true;
            if let Some(exchange) = self.exchange.take() {
                exchange.check_wire(End::More);
            }
            return;
        }
        let exchange = self.exchange.as_mut().expect("an event has its exchange");
        match event {
            Seen::Finished => {
                // What completes a request may complete an exchange.
                let exchange = self.exchange.take().expect("it is there");
                assert!(exchange.is_left || exchange.reading == Reading::Over);
                assert!(!exchange.is_stopped);
                exchange.check_wire(End::Last);
            }
            Seen::Upgraded(_) => {
                assert_eq!(exchange.reading, Reading::Nothing);
                assert!(matches!(exchange.ask, Ask::Connect | Ask::Upgrade));
                exchange.check_wire(End::Last);
                self.exchange = None;
                self.is_tunnel = true;
            }
            event => exchange.see(&event),
        }
    }

    fn check_state(&self) {
        let engine = &self.t.engine;
        match engine.state() {
            State::Idle => {
                assert!(self.exchange.is_none() && !self.is_closed);
                engine.assert_quiet();
                assert!(self.t.input.is_empty());
            }
            State::Busy => {
                let exchange = self.exchange.as_ref().expect("it is busy with one");
                assert!(!exchange.is_left && exchange.reading != Reading::Failed);
            }
            State::Draining => {
                assert!(
                    self.exchange
                        .as_ref()
                        .is_some_and(|exchange| exchange.is_left)
                );
                assert!(engine.poll_timeout().is_some());
            }
            State::Tunnel => assert!(self.is_tunnel && !self.is_closed),
            State::Closed => {
                assert!(self.is_closed);
                engine.assert_quiet();
            }
        }
    }
}

impl Exchange {
    fn see(&mut self, event: &Seen) {
        assert!(!self.is_left, "{event:?} for nobody");
        let end = match event {
            Seen::Head(_, end) | Seen::Data(_, end) => *end,
            Seen::Trailers(_) | Seen::End => End::Last,
            _ => End::More,
        };
        match event {
            Seen::Interim(_) => assert_eq!(self.reading, Reading::Nothing),
            Seen::Head(..) => {
                assert_eq!(self.reading, Reading::Nothing);
                self.reading = Reading::Content;
            }
            Seen::Data(data, _) => {
                assert_eq!(self.reading, Reading::Content);
                assert!(!data.is_empty());
            }
            Seen::Trailers(_) | Seen::End => assert_eq!(self.reading, Reading::Content),
            Seen::SendStopped => {
                assert!(!self.is_stopped);
                self.is_stopped = true;
            }
            Seen::Failed(_) => {
                assert!(matches!(self.reading, Reading::Nothing | Reading::Content));
                self.reading = Reading::Failed;
            }
            event => panic!("{event:?}"),
        }
        if end == End::Last {
            self.reading = Reading::Over;
        }
    }

    /// What is on the wire is a request, complete if it must be, and never if its body was not.
    fn check_wire(&self, end: End) {
        let Some((head, rest)) = self.wire.split_once("\r\n\r\n") else {
            assert_eq!(end, End::More, "{self:?}");
            assert_eq!(self.wire, "");
            return;
        };
        let (content, is_complete) = if head.contains("transfer-encoding") {
            unchunked(rest)
        } else {
            let length = head.split_once("content-length: ");
            let length = length.map_or(0, |(_, rest)| {
                rest.split("\r\n").next().unwrap().parse().unwrap()
            });
            (rest.to_owned(), rest.len() == length)
        };
        let given = String::from_utf8_lossy(&self.given);
        if end == End::Last {
            assert!(is_complete, "{self:?}");
        }
        if is_complete && !(self.ask == Ask::Length(0)) {
            assert!(self.is_finished, "{self:?}");
            assert_eq!(content, given);
        } else {
            assert!(given.starts_with(&content), "{self:?}");
        }
    }
}

/// The content of chunks, and whether the last one is there.
fn unchunked(mut rest: &str) -> (String, bool) {
    let mut content = String::new();
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            assert_eq!(data, "\r\n");
            return (content, true);
        }
        content += &data[..size];
        rest = data[size..].strip_prefix("\r\n").expect("an end of line");
    }
    (content, false)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_sequence_keeps_to_the_rules(
        steps in vec(step(), 0..60),
        last in last_step(),
    ) {
        let mut watched = Watched::new();
        for step in steps.iter().chain([&last]) {
            watched.step(step);
        }
        prop_assert!(watched.is_closed || watched.is_tunnel);
    }

    /// The steps of a good exchange in order, with anything in between them once.
    #[test]
    fn a_good_exchange_follows_any_step(
        asks in vec(prop_oneof![Just(Ask::Whole), Just(Ask::Chunked), Just(Ask::Length(2))], 1..4),
        intruder in step(),
        at in 0_usize..20,
    ) {
        let mut steps = Vec::new();
        for ask in asks {
            steps.extend([Step::Open(ask), Step::Output]);
            if ask.whole().is_none() {
                steps.extend([Step::Data(2), Step::Finish, Step::Output]);
            }
            steps.push(Step::Peer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"));
        }
        steps.insert(at.min(steps.len()), intruder);
        steps.push(Step::PeerCloses);
        let mut watched = Watched::new();
        for step in &steps {
            watched.step(step);
        }
    }
}
