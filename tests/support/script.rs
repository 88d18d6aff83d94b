//! The stage of a transcript: an engine, a scripted peer, and a clock that moves when told.
//!
//! Order is the whole of it: what the peer sends is handled at once, what the engine reports waits
//! for [`Script::sees`], what it sends waits for [`Script::peer_gets`]. Both take everything that
//! is there, so a transcript cannot overlook a frame or an event.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, request};
use towline::{
    Netloc,
    http2::{
        Config, Credit, Engine, ErrorCode, Violation,
        codec::Output,
        consts,
        engine::{BodyPlan, Closure, Event, Progress, Refusal, StreamOptions},
        frame::SettingId,
        message::{Protocol, RequestHead},
    },
    priority::Priority,
    window::{Managers, WindowManagerFactory},
};

use super::{
    frames::{Wire, goaway, response, rst_stream, settings, settings_ack, stream, window_update},
    peer::Peer,
    seen::{Seen, closed, fault, finished, head},
};

/// A request that a transcript makes.
pub(crate) struct Request {
    parts: request::Parts,
    plan: BodyPlan,
    length: Option<u64>,
}

pub(crate) fn request(method: Method, uri: &str) -> Request {
    let built = http::Request::builder().method(method).uri(uri).body(());
    Request {
        parts: built.expect("a request of a test").into_parts().0,
        plan: BodyPlan::Empty,
        length: None,
    }
}

pub(crate) fn get(path: &str) -> Request {
    request(Method::GET, &format!("https://example.com{path}"))
}

/// A POST whose body is given piece by piece.
pub(crate) fn post(path: &str) -> Request {
    request(Method::POST, &format!("https://example.com{path}")).streaming()
}

impl Request {
    pub(crate) fn streaming(mut self) -> Self {
        self.plan = BodyPlan::Streaming;
        self
    }

    pub(crate) fn whole(mut self, body: impl Into<Bytes>) -> Self {
        self.plan = BodyPlan::Whole(body.into());
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name of a test");
        let value = HeaderValue::from_str(value).expect("a value of a test");
        self.parts.headers.append(name, value);
        self
    }

    pub(crate) fn protocol(mut self, protocol: Protocol) -> Self {
        self.parts.extensions.insert(protocol);
        self
    }

    pub(crate) fn extension(mut self, extension: impl Clone + Send + Sync + 'static) -> Self {
        self.parts.extensions.insert(extension);
        self
    }

    pub(crate) fn length(mut self, octets: u64) -> Self {
        self.length = Some(octets);
        self
    }
}

/// Fields from pairs.
pub(crate) fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

/// A default configuration with changes.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}

/// Engine, peer and clock.
pub(crate) struct Script {
    pub(crate) engine: Engine,
    pub(crate) peer: Peer,
    pub(crate) now: Instant,
    input: BytesMut,
    /// Credit that came with content and was not released yet, by stream.
    credits: BTreeMap<u32, Vec<Credit>>,
}

impl Script {
    /// Nothing was sent by anybody yet.
    pub(crate) fn fresh() -> Self {
        Self::fresh_with(Config::default())
    }

    pub(crate) fn fresh_with(config: Config) -> Self {
        let now = Instant::now();
        Self {
            engine: Engine::new(config, now),
            peer: Peer::new(),
            now,
            input: BytesMut::new(),
            credits: BTreeMap::new(),
        }
    }

    /// Both prefaces are exchanged and acknowledged.
    pub(crate) fn connected() -> Self {
        Self::connected_with(Config::default(), &[])
    }

    pub(crate) fn connected_with(config: Config, peer_settings: &[(SettingId, u32)]) -> Self {
        let mut t = Self::fresh_with(config);
        t.reads();
        t.peer_sends([settings(peer_settings), settings_ack()]);
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings]);
        t
    }

    /// Both sides are connected, the peer may push, and speaks for `https://example.com`.
    pub(crate) fn pushing() -> Self {
        Self::pushing_with(|_| {})
    }

    pub(crate) fn pushing_with(change: impl FnOnce(&mut Config)) -> Self {
        let config = config(|config| {
            config.enable_push = true;
            change(config);
        });
        let mut t = Self::connected_with(config, &[]);
        t.speaks_for("https://example.com");
        t
    }

    pub(crate) fn speaks_for(&mut self, uri: &str) {
        let uri = uri.parse().expect("a URI of a test");
        let netloc = Netloc::from_uri(&uri).expect("an origin of a test");
        self.engine.speaks_for(netloc);
    }

    pub(crate) fn claim(&mut self, promised: u32) {
        self.engine.claim(stream(promised));
    }

    /// The head went out, and was the next frame.
    #[track_caller]
    pub(crate) fn open(&mut self, request: Request) -> u32 {
        self.try_open(request).expect("a stream")
    }

    pub(crate) fn try_open(&mut self, request: Request) -> Result<u32, Refusal> {
        self.try_open_with(request, StreamOptions::default())
    }

    /// The same, with a window manager of the stream's own.
    pub(crate) fn open_managed(
        &mut self,
        request: Request,
        managers: impl WindowManagerFactory,
    ) -> u32 {
        let mut options = StreamOptions::default();
        options.window = Some(Managers::new(managers));
        self.try_open_with(request, options).expect("a stream")
    }

    fn try_open_with(&mut self, request: Request, options: StreamOptions) -> Result<u32, Refusal> {
        let Request {
            parts,
            plan,
            length,
        } = request;
        let head = RequestHead::from_parts(&parts, length).expect("a request that can be said");
        let opened = self.engine.open_with(&head, plan, options);
        opened.map(|id| id.as_u32())
    }

    pub(crate) fn send(&mut self, id: u32, data: impl Into<Bytes>) {
        self.engine.send_data(stream(id), data.into());
    }

    pub(crate) fn finish(&mut self, id: u32) {
        self.engine.finish(stream(id), None);
    }

    pub(crate) fn finish_with(&mut self, id: u32, trailers: HeaderMap) {
        self.engine.finish(stream(id), Some(trailers));
    }

    /// Nobody takes the promise.
    pub(crate) fn refuse(&mut self, promised: u32) {
        self.engine
            .cancel(stream(promised), ErrorCode::REFUSED_STREAM);
    }

    pub(crate) fn cancel(&mut self, id: u32) {
        self.engine.cancel(stream(id), ErrorCode::CANCEL);
    }

    pub(crate) fn prioritize(&mut self, id: u32, priority: Priority) {
        self.engine.prioritize(stream(id), priority);
    }

    /// The streams whose bodies are asked for octets now.
    pub(crate) fn demands(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.engine.poll_demand())
            .map(|id| id.as_u32())
            .collect()
    }

    /// The caller has consumed everything that came on the stream; how many octets that was.
    pub(crate) fn release(&mut self, id: u32) -> u32 {
        let credits = self.credits.remove(&id).unwrap_or_default();
        let mut released = 0;
        for credit in credits {
            released += credit.octets();
            self.engine.release(stream(id), credit);
        }
        released
    }

    /// The clock moves, and the engine is told if it wished to be.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.engine.tick(self.now);
        if self.engine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.engine.handle_timeout(self.now);
        }
    }
}

/// The wire.
impl Script {
    pub(crate) fn peer_sends(&mut self, frames: impl IntoIterator<Item = Wire>) {
        for frame in frames {
            self.peer.encode(&frame, &mut self.input);
        }
        self.engine.handle_input(self.now, &mut self.input);
    }

    /// The same, in reads of so many octets.
    pub(crate) fn peer_sends_in_pieces(
        &mut self,
        octets: usize,
        frames: impl IntoIterator<Item = Wire>,
    ) {
        let mut wire = BytesMut::new();
        for frame in frames {
            self.peer.encode(&frame, &mut wire);
        }
        while !wire.is_empty() {
            let piece = wire.split_to(octets.min(wire.len()));
            self.peer_sends_octets(&piece);
        }
    }

    pub(crate) fn peer_sends_octets(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        self.engine.handle_input(self.now, &mut self.input);
    }

    /// The peer closes the byte stream.
    pub(crate) fn peer_hangs_up(&mut self) {
        self.engine.handle_eof(&self.input);
        self.input.clear();
    }

    /// All that the engine sends by now, checked by the peer's books.
    pub(crate) fn reads(&mut self) -> Vec<Wire> {
        let mut frames = Vec::new();
        loop {
            let mut output = Output::default();
            let progress = self.engine.poll_output(&mut output);
            let octets = output.copy_to_bytes(output.remaining());
            frames.extend(self.peer.receive(&octets));
            if progress == Progress::Drained {
                return frames;
            }
        }
    }

    /// Exactly these frames are what the engine sends by now.
    #[track_caller]
    pub(crate) fn peer_gets(&mut self, expected: impl IntoIterator<Item = Wire>) {
        let expected: Vec<_> = expected.into_iter().collect();
        let got = self.reads();
        let is_met = expected.len() == got.len()
            && expected
                .iter()
                .zip(&got)
                .all(|(one, other)| one.is_met_by(other));
        assert!(is_met, "expected: {expected:#?}\ngot: {got:#?}");
    }

    #[track_caller]
    pub(crate) fn peer_gets_nothing(&mut self) {
        self.peer_gets([]);
    }
}

/// The facts.
impl Script {
    /// All events by now; their credit is kept for [`release`](Self::release).
    pub(crate) fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(mut event) = self.engine.poll_event() {
            if let Event::Data { id, credit, .. } = &mut event
                && let Some(credit) = credit.take()
            {
                self.credits.entry(id.as_u32()).or_default().push(credit);
            }
            events.push(event);
        }
        events
    }

    /// Exactly these events are reported by now.
    #[track_caller]
    pub(crate) fn sees(&mut self, expected: impl IntoIterator<Item = Seen>) {
        let expected: Vec<_> = expected.into_iter().collect();
        let seen: Vec<_> = self.events().iter().map(Seen::of).collect();
        assert_eq!(seen, expected);
    }

    #[track_caller]
    pub(crate) fn sees_nothing(&mut self) {
        self.sees([]);
    }
}

/// Endings.
impl Script {
    /// The peer's fault ended the connection, and nothing else happened.
    #[track_caller]
    pub(crate) fn connection_fails(self, code: ErrorCode, violation: Violation) {
        self.connection_fails_after(0, code, violation);
    }

    /// The same, when promises up to `last` were taken.
    #[track_caller]
    pub(crate) fn connection_fails_after(
        mut self,
        last: u32,
        code: ErrorCode,
        violation: Violation,
    ) {
        assert_eq!(violation.code(), code, "{}", violation.section());
        self.peer_gets(goaway(last, code));
        self.ends(Closure::Fault(violation));
    }

    /// The connection is over for this reason, which is the only event left.
    #[track_caller]
    pub(crate) fn ends(mut self, closure: Closure) {
        self.sees([closed(closure)]);
        assert!(self.engine.is_closed());
        assert_eq!(self.try_open(get("/late")), Err(Refusal::Retired));
        // RFC 9113 §5.4.1: what comes after is not looked at.
        self.peer_sends_octets(b"\0\0\x08\x06\0\0\0\0\0late one");
        assert!(self.input.is_empty(), "nor kept");
        self.assert_quiet();
    }

    /// The peer's fault ended this stream, nothing else happened, and the connection goes on.
    #[track_caller]
    pub(crate) fn stream_fails(mut self, id: u32, code: ErrorCode, violation: Violation) {
        assert_eq!(violation.code(), code, "{}", violation.section());
        self.peer_gets(rst_stream(id, code));
        self.sees([fault(id, violation), finished(id)]);
        self.goes_on();
    }

    /// Another exchange succeeds: HPACK is in step, ids and windows are whole; then all is quiet.
    #[track_caller]
    pub(crate) fn goes_on(mut self) {
        let id = self.open(get("/next").field("x-in-step", "yes"));
        let sent = self.reads();
        assert!(
            matches!(&sent[..], [Wire::Headers(section)] if section.id == id),
            "only the head: {sent:?}"
        );
        self.peer_sends(response(id, 200).field("x-in-step", "yes").end_stream());
        self.sees([head(id, 200).end_stream(), finished(id)]);
        self.assert_quiet();
    }

    /// Windows whole, no streams, no timers, no octets.
    #[track_caller]
    pub(crate) fn assert_quiet(mut self) {
        let ids: Vec<_> = self.credits.keys().copied().collect();
        for id in ids {
            self.release(id);
        }
        self.peer_gets_nothing();
        self.engine.assert_quiet();
        if !self.engine.is_closed() {
            self.peer.assert_quiet();
            assert_eq!(
                self.peer.open_lanes(),
                0,
                "streams are open on the peer's side"
            );
        }
    }
}

/// The client's preface as a default configuration makes it.
pub(crate) fn default_preface() -> [Wire; 2] {
    let values = [
        (SettingId::HEADER_TABLE_SIZE, 4_096),
        (SettingId::ENABLE_PUSH, 0),
        (SettingId::INITIAL_WINDOW_SIZE, 1 << 20),
        (SettingId::MAX_FRAME_SIZE, 16_384),
        (SettingId::MAX_HEADER_LIST_SIZE, 65_536),
        (SettingId::NO_RFC7540_PRIORITIES, 1),
    ];
    let widened = (16 << 20) - consts::INITIAL_WINDOW_SIZE;
    [settings(&values), window_update(0, widened)]
}
