//! The stage of a transcript: an engine, a scripted server, and a clock that moves when told.
//!
//! Order is the whole of it: what the server sends is handled at once, what the engine reports waits
//! for [`Script::sees`], what it sends waits for [`Script::peer_gets`]. Both take everything that
//! is there, so a transcript cannot overlook an octet or an event.

use std::{
    mem,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, request};
use towline::http1::{
    BodyLength, BodyPlan, Closure, Config, Engine, Event, Failure, Output, Progress, Refusal,
    RequestError, RequestHead, ResponseHead, State, Target, Violation,
};

/// A request that a transcript makes.
pub(crate) struct Request {
    parts: request::Parts,
    target: Target,
    plan: BodyPlan,
    length: BodyLength,
    spelling: Vec<Bytes>,
}

pub(crate) fn request<U>(method: Method, uri: U) -> Request
where
    Uri: TryFrom<U, Error: Into<http::Error>>,
{
    let built = http::Request::builder().method(method).uri(uri).body(());
    Request {
        parts: built.expect("a request of a test").into_parts().0,
        target: Target::Origin,
        plan: BodyPlan::Empty,
        length: BodyLength::Known(0),
        spelling: Vec::new(),
    }
}

pub(crate) fn get(path: &str) -> Request {
    request(Method::GET, format!("http://h.example{path}"))
}

pub(crate) fn post(path: &str) -> Request {
    request(Method::POST, format!("http://h.example{path}"))
}

impl Request {
    pub(crate) fn whole(mut self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.length = BodyLength::Known(body.len() as u64);
        self.plan = BodyPlan::Whole(body);
        self
    }

    pub(crate) fn streaming(mut self, length: Option<u64>) -> Self {
        self.plan = BodyPlan::Streaming;
        self.length = length.into();
        self
    }

    /// What the head says of the body, whatever the body is.
    pub(crate) fn length(mut self, length: BodyLength) -> Self {
        self.length = length;
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name of a test");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value of a test");
        self.parts.headers.append(name, value);
        self
    }

    pub(crate) fn absolute(mut self) -> Self {
        self.target = Target::Absolute;
        self
    }

    pub(crate) fn spelled(mut self, names: &[&'static str]) -> Self {
        let names = names.iter().map(|name| Bytes::from_static(name.as_bytes()));
        self.spelling = names.collect();
        self
    }

    pub(crate) fn head(&self) -> Result<RequestHead<'_>, RequestError> {
        RequestHead::from_parts(&self.parts, self.target, self.length)
            .map(|head| head.spelling(&self.spelling))
    }

    /// The request as a fresh engine sends it.
    #[track_caller]
    pub(crate) fn wire(self) -> String {
        let mut t = Script::new();
        t.open(self);
        t.output()
    }
}

/// Fields from pairs.
pub(crate) fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |&(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    fields.iter().map(line).collect()
}

/// A default configuration with changes.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// An event, as far as a transcript compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Interim(u16),
    Head(u16, End),
    Data(Bytes, End),
    Trailers(Vec<(String, String)>),
    End,
    SendStopped,
    Finished,
    Upgraded(u16),
    Failed(Failure),
    Closed(Closure),
}

/// Whether an event says that nothing follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    More,
    Last,
}

impl From<bool> for End {
    fn from(is_end: bool) -> Self {
        if is_end { Self::Last } else { Self::More }
    }
}

impl From<Event> for Seen {
    fn from(event: Event) -> Self {
        match event {
            Event::Interim { head } => Self::Interim(head.status.as_u16()),
            Event::Head { head, is_end } => Self::Head(head.status.as_u16(), is_end.into()),
            Event::Data { data, is_end } => Self::Data(data, is_end.into()),
            Event::Trailers { fields } => Self::Trailers(lines(&fields)),
            Event::End => Self::End,
            Event::SendStopped => Self::SendStopped,
            Event::Finished => Self::Finished,
            Event::Upgraded { head } => Self::Upgraded(head.status.as_u16()),
            Event::Failed(failure) => Self::Failed(failure),
            Event::Closed(closure) => Self::Closed(closure),
            event => panic!("no word for {event:?}"),
        }
    }
}

pub(crate) fn lines(fields: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    fields
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// A head that content follows.
pub(crate) const fn head(status: u16) -> Seen {
    Seen::Head(status, End::More)
}

/// A head that is all of the response.
pub(crate) const fn only_head(status: u16) -> Seen {
    Seen::Head(status, End::Last)
}

pub(crate) const fn data(text: &'static str) -> Seen {
    Seen::Data(Bytes::from_static(text.as_bytes()), End::More)
}

pub(crate) const fn last_data(text: &'static str) -> Seen {
    Seen::Data(Bytes::from_static(text.as_bytes()), End::Last)
}

pub(crate) fn trailers(fields: &[(&str, &str)]) -> Seen {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    Seen::Trailers(fields.iter().map(owned).collect())
}

/// Engine, server and clock.
pub(crate) struct Script {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) input: BytesMut,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self {
            engine: Engine::new(config),
            now: Instant::now(),
            input: BytesMut::new(),
        }
    }

    /// A GET is on its way.
    #[track_caller]
    pub(crate) fn asked() -> Self {
        Self::asking(Config::default(), get("/"))
    }

    /// A request is on its way, all of it that can be.
    #[track_caller]
    pub(crate) fn asking(config: Config, request: Request) -> Self {
        let mut t = Self::with(config);
        t.ask(request);
        t
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, request: Request) {
        self.open(request);
        self.output();
    }

    #[track_caller]
    pub(crate) fn open(&mut self, request: Request) {
        assert_eq!(self.try_open(request), Ok(()));
    }

    #[track_caller]
    pub(crate) fn try_open(&mut self, mut request: Request) -> Result<(), Refusal> {
        let plan = mem::replace(&mut request.plan, BodyPlan::Empty);
        let head = request.head().expect("a head of a test");
        self.engine.open(self.now, &head, plan)
    }

    /// Everything that can be sent.
    pub(crate) fn output(&mut self) -> String {
        let mut sent = Vec::new();
        let mut out = Output::default();
        loop {
            let progress = self.engine.poll_output(&mut out);
            sent.extend_from_slice(&out.copy_to_bytes(out.remaining()));
            if progress == Progress::Drained {
                return String::from_utf8(sent).expect("requests of tests are text");
            }
        }
    }

    #[track_caller]
    pub(crate) fn peer_gets(&mut self, expected: &str) {
        assert_eq!(self.output(), expected);
    }

    pub(crate) fn peer_sends(&mut self, octets: impl AsRef<[u8]>) {
        self.input.extend_from_slice(octets.as_ref());
        self.engine.handle_input(self.now, &mut self.input);
    }

    /// The same, each octet a read of its own.
    pub(crate) fn peer_dribbles(&mut self, octets: impl AsRef<[u8]>) {
        for octet in octets.as_ref() {
            self.peer_sends([*octet]);
        }
    }

    pub(crate) fn peer_closes(&mut self) {
        self.engine.handle_eof(&mut self.input);
    }

    pub(crate) fn waits(&mut self, duration: Duration) {
        self.now += duration;
        self.engine.handle_timeout(self.now);
    }

    pub(crate) fn send_data(&mut self, data: &'static str) {
        self.engine.send_data(Bytes::from_static(data.as_bytes()));
    }

    pub(crate) fn events(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.engine.poll_event())
            .map(Seen::from)
            .collect()
    }

    #[track_caller]
    pub(crate) fn sees(&mut self, expected: impl IntoIterator<Item = Seen>) {
        let expected: Vec<Seen> = expected.into_iter().collect();
        assert_eq!(self.events(), expected);
    }

    /// The next event, which must be a final head.
    #[track_caller]
    pub(crate) fn sees_head(&mut self) -> ResponseHead {
        match self.engine.poll_event() {
            Some(Event::Head { head, .. }) => head,
            event => panic!("no head: {event:?}"),
        }
    }

    /// The exchange is over, and the connection carries the next.
    #[track_caller]
    pub(crate) fn goes_on(&mut self) {
        assert_eq!(self.engine.state(), State::Idle);
        self.engine.assert_quiet();
        assert!(self.input.is_empty(), "input is left");
        self.ask(get("/next"));
        self.peer_sends("HTTP/1.1 204 No Content\r\n\r\n");
        self.sees([only_head(204), Seen::Finished]);
    }

    /// The connection is over, and all is told.
    #[track_caller]
    pub(crate) fn is_over(&mut self) {
        assert_eq!(self.engine.state(), State::Closed);
        self.engine.assert_quiet();
        assert!(self.input.is_empty(), "input is left");
        assert_eq!(self.output(), "");
        assert_eq!(self.try_open(get("/")), Err(Refusal::Closed));
    }

    /// The connection is over, whatever is still to be told.
    #[track_caller]
    pub(crate) fn is_done(&mut self) {
        assert_eq!(self.engine.state(), State::Closed);
        assert_eq!(self.engine.poll_timeout(), None);
        assert!(self.input.is_empty(), "input is left");
        assert_eq!(self.output(), "");
    }

    /// The exchange has failed by the server's fault.
    #[track_caller]
    pub(crate) fn fails(&mut self, violation: Violation) {
        self.sees([
            Seen::Failed(Failure::Fault(violation)),
            Seen::Closed(Closure::Fault(violation)),
        ]);
        self.is_over();
    }
}

/// The same facts in a form that does not depend on how the octets were cut: content in one piece,
/// and its end a word of its own.
pub(crate) fn flat(events: impl IntoIterator<Item = Seen>) -> Vec<Seen> {
    let mut flat: Vec<Seen> = Vec::new();
    for event in events {
        let end = match event {
            Seen::Head(status, end) => {
                flat.push(head(status));
                end
            }
            Seen::Data(data, end) => {
                if let Some(Seen::Data(before, _)) = flat.last_mut() {
                    *before = [&before[..], &data[..]].concat().into();
                } else {
                    flat.push(Seen::Data(data, End::More));
                }
                end
            }
            event => {
                flat.push(event);
                End::More
            }
        };
        if end == End::Last {
            flat.push(Seen::End);
        }
    }
    flat
}
