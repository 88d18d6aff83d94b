//! A link between the engine and a server, in virtual time: so many octets a second, so long a way.
//!
//! The server sends what the windows let it, a frame at a time and as fast as the link takes them;
//! its answers come in the order in which it gave them. Nothing is random, and nobody sleeps.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use towline::http2::{
    Config, Credit, Engine,
    codec::Output,
    engine::{Event, Progress},
    message::RequestHead,
};

use crate::support::{peer::Peer, *};

/// Octets of a DATA frame.
const FRAME: u64 = 16_384;

/// How a link carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) octets_per_second: u64,
    /// There and back.
    pub(crate) round_trip: Duration,
}

impl Way {
    /// How long so many octets take to be put on the link.
    fn time_for(self, octets: u64) -> Duration {
        Duration::from_nanos(octets * 1_000_000_000 / self.octets_per_second)
    }
}

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// All that came, as soon as it came.
    Prompt,
    /// So many octets a second at most.
    Slow(u64),
    Never,
}

/// What a server is to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document {
    pub(crate) octets: u64,
    pub(crate) has_length: bool,
    pub(crate) reader: Reader,
}

impl Document {
    pub(crate) const fn of(octets: u64) -> Self {
        Self {
            octets,
            has_length: true,
            reader: Reader::Prompt,
        }
    }

    pub(crate) const fn of_unknown_length(mut self) -> Self {
        self.has_length = false;
        self
    }

    pub(crate) const fn read_by(mut self, reader: Reader) -> Self {
        self.reader = reader;
        self
    }
}

/// One response on its way.
#[derive(Debug)]
pub(crate) struct Download {
    document: Document,
    /// What the server has not sent yet; `None` before it was asked.
    unsent: Option<u64>,
    unread: VecDeque<Credit>,
    next_read: Instant,
    pub(crate) received: u64,
    pub(crate) unread_octets: u64,
    /// When octets came, and how many had come by then.
    pub(crate) arrivals: Vec<(Instant, u64)>,
    pub(crate) is_done: bool,
    pub(crate) updates: usize,
}

impl Download {
    /// Octets a second from the first to the last.
    pub(crate) fn rate(&self) -> u64 {
        self.rate_from(self.arrivals[0].0)
    }

    /// Octets a second from an instant to the last octet.
    pub(crate) fn rate_from(&self, from: Instant) -> u64 {
        let since = self.arrivals.partition_point(|(at, _)| *at < from);
        let (first, before) = self.arrivals[since];
        let (last, total) = self.arrivals[self.arrivals.len() - 1];
        let nanos = (last - first).as_nanos().max(1);
        let rate = u128::from(total - before) * 1_000_000_000 / nanos;
        u64::try_from(rate).expect("a rate")
    }
}

/// Both ends and the way between them.
pub(crate) struct Link {
    pub(crate) engine: Engine,
    way: Way,
    peer: Peer,
    pub(crate) now: Instant,
    pub(crate) began: Instant,
    input: BytesMut,
    to_server: VecDeque<(Instant, Bytes)>,
    to_client: VecDeque<(Instant, Bytes)>,
    /// When the link has taken all that was put on it.
    free: Instant,
    turn: u32,
    pub(crate) downloads: BTreeMap<u32, Download>,
    pub(crate) pings: usize,
    pub(crate) connection_updates: usize,
}

impl Link {
    /// Nothing was sent yet.
    pub(crate) fn new(way: Way, config: Config) -> Self {
        let now = Instant::now();
        let mut link = Self {
            engine: Engine::new(config, now),
            way,
            peer: Peer::new(),
            now,
            began: now,
            input: BytesMut::new(),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            free: now,
            turn: 0,
            downloads: BTreeMap::new(),
            pings: 0,
            connection_updates: 0,
        };
        link.flush();
        link
    }

    /// Asks for a document.
    pub(crate) fn get(&mut self, document: Document) -> u32 {
        let request = http::Request::get("https://example.com/").body(());
        let parts = request.expect("a request of a test").into_parts().0;
        let head = RequestHead::from_parts(&parts, None).expect("a request that can be said");
        self.engine.tick(self.now);
        let id = self
            .engine
            .open(&head, towline::http2::engine::BodyPlan::Empty)
            .expect("a stream")
            .as_u32();
        let download = Download {
            document,
            unsent: None,
            unread: VecDeque::new(),
            next_read: self.now,
            received: 0,
            unread_octets: 0,
            arrivals: Vec::new(),
            is_done: false,
            updates: 0,
        };
        self.downloads.insert(id, download);
        self.flush();
        id
    }

    /// Goes on until all documents have come that somebody reads.
    pub(crate) fn run(&mut self) {
        let is_awaited = |it: &Download| !it.is_done && it.document.reader != Reader::Never;
        while self.downloads.values().any(is_awaited) {
            assert!(self.step(), "it stands still at {:?}", self.elapsed());
        }
    }

    /// Goes on for a while.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.next().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = until;
    }

    /// The reader changes its pace, and reads what is there if it is prompt from now on.
    pub(crate) fn read_on(&mut self, id: u32, reader: Reader) {
        let download = self.downloads.get_mut(&id).expect("a stream");
        download.document.reader = reader;
        if reader == Reader::Prompt {
            download.unread_octets = 0;
            self.engine.tick(self.now);
            for credit in download.unread.drain(..) {
                self.engine.release(stream(id), credit);
            }
            self.flush();
        }
    }

    /// What the server may still send on a stream, as far as it knows.
    pub(crate) fn credit_left(&self, id: u32) -> i64 {
        self.peer.lanes.get(&id).map_or(0, |lane| lane.credit)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.began
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let reads = self.downloads.values().filter_map(|it| {
            let is_slow = matches!(it.document.reader, Reader::Slow(_));
            (is_slow && !it.unread.is_empty()).then_some(it.next_read)
        });
        [
            self.to_server.front().map(|(at, _)| *at),
            self.to_client.front().map(|(at, _)| *at),
            self.sender().map(|_| self.free),
            self.engine.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .chain(reads)
        .min()
        .map(|at| at.max(self.now))
    }

    /// The next thing happens; false if there is none.
    fn step(&mut self) -> bool {
        let Some(now) = self.next() else {
            return false;
        };
        self.now = now;
        self.engine.tick(now);
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.handle_timeout(now);
        }
        while self.to_server.front().is_some_and(|(at, _)| *at <= now) {
            let (_, octets) = self.to_server.pop_front().expect("just seen");
            self.serve(&octets);
        }
        while self.to_client.front().is_some_and(|(at, _)| *at <= now) {
            let (_, octets) = self.to_client.pop_front().expect("just seen");
            self.input.extend_from_slice(&octets);
        }
        self.engine.handle_input(now, &mut self.input);
        self.take_events();
        self.read_slowly();
        self.flush();
        if self.free <= now
            && let Some(id) = self.sender()
        {
            self.send_content(id);
        }
        true
    }

    /// The client's octets leave.
    fn flush(&mut self) {
        let mut output = Output::default();
        while self.engine.poll_output(&mut output) == Progress::More {}
        if !output.is_empty() {
            let octets = output.copy_to_bytes(output.remaining());
            let at = self.now + self.way.round_trip / 2;
            self.to_server.push_back((at, octets));
        }
    }

    /// The server reads.
    fn serve(&mut self, octets: &[u8]) {
        for frame in self.peer.receive(octets) {
            match frame {
                Wire::Settings(_) => {
                    self.answer(&settings(&[]));
                    self.answer(&settings_ack());
                }
                Wire::Headers(section) => {
                    let id = section.id;
                    let download = self.downloads.get_mut(&id).expect("it was asked for");
                    let document = download.document;
                    download.unsent = Some(document.octets);
                    let head = response(id, 200);
                    let head = if document.has_length {
                        head.field("content-length", document.octets.to_string())
                    } else {
                        head
                    };
                    let is_empty = document.octets == 0;
                    self.answer(&if is_empty { head.end_stream() } else { head });
                }
                Wire::Ping {
                    ack: false,
                    payload,
                } => {
                    self.pings += 1;
                    self.answer(&Wire::Ping { ack: true, payload });
                }
                Wire::WindowUpdate { id: 0, .. } => self.connection_updates += 1,
                Wire::WindowUpdate { id, .. } => {
                    self.downloads.get_mut(&id).expect("a stream").updates += 1;
                }
                Wire::SettingsAck => {}
                other => panic!("not what a client sends here: {other:?}"),
            }
        }
    }

    /// Puts a frame on the link, behind what is on it.
    fn answer(&mut self, frame: &Wire) {
        let mut octets = BytesMut::new();
        self.peer.encode(frame, &mut octets);
        let begins = self.free.max(self.now);
        self.free = begins + self.way.time_for(octets.len() as u64);
        let at = self.free + self.way.round_trip / 2;
        self.to_client.push_back((at, octets.freeze()));
    }

    /// The stream whose turn it is, of those whose windows let something go.
    fn sender(&self) -> Option<u32> {
        let can = |(id, it): &(&u32, &Download)| {
            it.unsent.is_some_and(|unsent| unsent > 0)
                && self.peer.credit > 0
                && self.peer.lanes[id].credit > 0
        };
        let after = self.downloads.range(self.turn + 1..).find(can);
        let first = || self.downloads.range(..=self.turn).find(can);
        after.or_else(first).map(|(id, _)| *id)
    }

    fn send_content(&mut self, id: u32) {
        self.turn = id;
        let credit = self.peer.credit.min(self.peer.lanes[&id].credit);
        let download = self.downloads.get_mut(&id).expect("its turn");
        let unsent = download.unsent.as_mut().expect("it was asked");
        let octets = FRAME.min(*unsent).min(credit.unsigned_abs());
        *unsent -= octets;
        let is_last = *unsent == 0;
        let content = vec![0; usize::try_from(octets).expect("a frame")];
        let frame = data(id, content);
        self.answer(&if is_last { frame.end_stream() } else { frame });
    }

    fn take_events(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Data {
                    id,
                    data,
                    credit,
                    end_stream,
                } => {
                    let download = self.downloads.get_mut(&id.as_u32()).expect("a stream");
                    let octets = data.len() as u64;
                    download.received += octets;
                    download.arrivals.push((self.now, download.received));
                    download.is_done |= end_stream;
                    if download.document.reader == Reader::Prompt {
                        if let Some(credit) = credit {
                            self.engine.release(id, credit);
                        }
                    } else {
                        download.unread_octets += octets;
                        download.unread.extend(credit);
                    }
                }
                Event::Head {
                    id,
                    end_stream: true,
                    ..
                } => {
                    let download = self.downloads.get_mut(&id.as_u32());
                    download.expect("a stream").is_done = true;
                }
                Event::Failed { id, failure } => panic!("stream {id}: {failure:?}"),
                Event::Closed(closure) => panic!("{closure:?}"),
                _ => {}
            }
        }
    }

    /// Slow readers read a piece, if they are due.
    fn read_slowly(&mut self) {
        for (id, download) in &mut self.downloads {
            let Reader::Slow(octets_per_second) = download.document.reader else {
                continue;
            };
            if download.next_read > self.now {
                continue;
            }
            if let Some(credit) = download.unread.pop_front() {
                let octets = u64::from(credit.octets());
                download.unread_octets -= octets;
                let pause = octets * 1_000_000_000 / octets_per_second;
                download.next_read = self.now + Duration::from_nanos(pause);
                self.engine.release(stream(*id), credit);
            }
        }
    }
}
