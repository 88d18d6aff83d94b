//! Operations in any order: callers that open, send, read and leave, a peer that answers, grants,
//! changes its mind and breaks rules. Whatever comes, the engine does not panic, what it sends is
//! what a client may send (the peer's books see to that), what it reports is in order, and once all
//! is finished nothing is left.

#[path = "operations/steps.rs"]
mod steps;

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, prelude::*};
use towline::http2::{
    Config, ErrorCode,
    engine::Closure,
    frame::{FrameType, SettingId},
};

use self::steps::{Body, Promised, any_steps, good_steps};
pub(crate) use self::steps::{Step, good_step};
use crate::support::{
    peer::{Half, Lane},
    *,
};

/// How far the peer's answer on a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Interims(u32),
    Content,
}

/// What was reported of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Head,
    Content,
    /// The response is complete, or failed.
    End,
    Finished,
}

pub(crate) struct World {
    pub(crate) t: Script,
    /// Octets of one read of the engine's.
    read_size: usize,
    answers: BTreeMap<u32, Answer>,
    told: BTreeMap<u32, Told>,
    /// The last event of all, if it came.
    pub(crate) closed: Option<Closure>,
    last_goaway: u32,
    /// The highest stream that was promised.
    last_promise: u32,
    /// Octets were sent that make no frame, so what follows them is none either.
    is_garbled: bool,
}

impl World {
    fn new(read_size: usize) -> Self {
        Self::with(read_size, |_| {})
    }

    /// Windows of 40,000 octets a stream and 100,000 the connection, and other settings.
    pub(crate) fn with(read_size: usize, change: impl FnOnce(&mut Config)) -> Self {
        let config = config(|config| {
            config.stream_window_size = 40_000;
            config.connection_window_size = 100_000;
            config.enable_push = true;
            config.limits.promised_streams = 3;
            config.limits.unclaimed_push_octets = 20_000;
            change(config);
        });
        let mut t = Script::connected_with(config, &[(SettingId::NO_RFC7540_PRIORITIES, 1)]);
        t.speaks_for("https://example.com");
        Self {
            t,
            read_size,
            answers: BTreeMap::new(),
            told: BTreeMap::new(),
            closed: None,
            last_goaway: u32::MAX >> 1,
            last_promise: 0,
            is_garbled: false,
        }
    }

    pub(crate) fn run(&mut self, step: Step) {
        match step {
            Step::Open(body, priority) => {
                let asked = match body {
                    Body::Empty => get("/").field("x-body", "none"),
                    Body::Whole(octets) => post("/").whole(vec![1; octets]),
                    Body::Streaming => post("/").field("x-body", "streaming"),
                };
                let asked = priority.into_iter().fold(asked, Request::extension);
                if let Ok(id) = self.t.try_open(asked) {
                    self.told.insert(id, Told::Head);
                }
            }
            Step::Feed(octets) => {
                for id in self.t.demands() {
                    self.t.send(id, vec![2; octets]);
                }
            }
            Step::Push(pick, octets) => self.on_stream(pick, |t, id| t.send(id, vec![3; octets])),
            Step::Finish(pick, false) => self.on_stream(pick, Script::finish),
            Step::Finish(pick, true) => {
                self.on_stream(pick, |t, id| t.finish_with(id, map(&[("x-sum", "1")])));
            }
            Step::Release(pick) => self.on_stream(pick, |t, id| {
                t.release(id);
            }),
            Step::Cancel(pick) => {
                if let Some(id) = self.pick_told(pick) {
                    self.t.cancel(id);
                }
            }
            Step::Claim(pick, wanted) => {
                let command = if wanted {
                    Script::claim
                } else {
                    Script::refuse
                };
                self.on_push(pick, command);
            }
            Step::Prioritize(pick, priority) => {
                self.on_stream(pick, |t, id| t.prioritize(id, priority));
            }
            Step::Ping => self.t.engine.ping([4; 8]),
            Step::Retire => self.t.engine.retire(),
            Step::Read => {
                self.t.reads();
            }
            Step::Look => self.look(),
            Step::Wait(millis) => self.t.wait(Duration::from_millis(millis)),
            step if !self.is_garbled => self.peer_does(step),
            _ => {}
        }
    }

    fn peer_does(&mut self, step: Step) {
        match step {
            Step::Interim(pick) => self.peer_answers(pick, None),
            Step::Head(pick, end) => self.peer_answers(pick, Some(end)),
            Step::Content(pick, octets, padding, end) => {
                let cost = i64::try_from(octets).expect("a few octets")
                    + padding.map_or(0, |octets| i64::from(octets) + 1);
                let room = self.t.peer.credit;
                let can = |lane: &Lane| lane.server == Half::Open && lane.credit.min(room) >= cost;
                if let Some((id, Answer::Content)) = self.pick_lane(pick, can) {
                    let frame = data(id, vec![5; octets]);
                    let frame = padding.map_or(frame.clone(), |octets| frame.padded(octets));
                    self.peer_sends(if end { frame.end_stream() } else { frame });
                }
            }
            Step::Trailers(pick) => {
                let open = |lane: &Lane| lane.server == Half::Open;
                if let Some((id, Answer::Content)) = self.pick_lane(pick, open) {
                    self.peer_sends(trailers(id, "x-in-step", "trailer"));
                }
            }
            Step::Reset(pick) => {
                if let Some((id, _)) = self.pick_lane(pick, |lane| lane.server != Half::Reset) {
                    self.peer_sends(rst_stream(id, ErrorCode::INTERNAL_ERROR));
                }
            }
            Step::Promise(pick, skip, promised) => self.peer_promises(pick, skip, promised),
            Step::Grant(pick, octets) => {
                // RFC 9113 §5.1: none while a stream is reserved, and no need for any after.
                if let Some((id, _)) = self.pick_lane(pick, |_| true)
                    && id % 2 == 1
                {
                    self.peer_sends(window_update(id, octets));
                }
            }
            Step::GrantConnection(octets) => self.peer_sends(window_update(0, octets)),
            Step::Settings(id, value) => self.peer_sends(settings(&[(id, value)])),
            Step::PeerPing => self.peer_sends(ping([6; 8])),
            Step::PeerGoAway(last) => {
                self.last_goaway = last.min(self.last_goaway);
                self.peer_sends(goaway(self.last_goaway, ErrorCode::NO_ERROR));
            }
            Step::Useless(id) => self.peer_sends([priority(id | 1), unknown(id)]),
            Step::Rogue(kind, flags, id, payload) => {
                let kind = FrameType::from_wire(kind);
                self.peer_sends(raw(kind, flags, id & 0x7fff_ffff, &payload));
            }
            Step::Noise(octets) => {
                self.is_garbled = true;
                self.t.peer_sends_octets(&octets);
            }
            step => panic!("a caller's step: {step:?}"),
        }
    }

    /// An interim head, or the final one and whether it ends the stream.
    fn peer_answers(&mut self, pick: usize, end: Option<bool>) {
        let Some((id, answer)) = self.pick_lane(pick, |lane| lane.server == Half::Open) else {
            return;
        };
        let Answer::Interims(seen) = answer else {
            return;
        };
        match end {
            None if seen < 16 => {
                self.answers.insert(id, Answer::Interims(seen + 1));
                self.peer_sends(response(id, 103).field("x-in-step", "interim"));
            }
            None => {}
            Some(end) => {
                self.answers.insert(id, Answer::Content);
                let head = response(id, 200).field("x-id", id.to_string());
                self.peer_sends(if end { head.end_stream() } else { head });
            }
        }
    }

    /// On a stream that the client has opened, and on which the server may still send.
    fn peer_promises(&mut self, pick: usize, skip: u32, promised: Promised) {
        let Some((id, _)) = self.pick_lane(pick, |lane| lane.server == Half::Open) else {
            return;
        };
        if id % 2 == 0 {
            return;
        }
        self.last_promise += 2 * skip;
        let wire = push_promise(id, self.last_promise).field("x-in-step", "promise");
        self.peer_sends(match promised {
            Promised::Good => wire,
            Promised::Unsafe => wire.field(":method", "POST"),
            Promised::Foreign => wire.field("host", "other.test"),
            Promised::Large(octets) => wire.field("x-large", vec![b'a'; octets]),
        });
    }

    fn peer_sends(&mut self, frames: impl IntoIterator<Item = Wire>) {
        self.t.peer_sends_in_pieces(self.read_size, frames);
    }

    fn pick_told(&self, pick: usize) -> Option<u32> {
        let ids: Vec<_> = self.told.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[pick % ids.len()])
    }

    /// A caller's command, on a stream that may be gone.
    fn on_stream(&mut self, pick: usize, command: impl FnOnce(&mut Script, u32)) {
        if let Some(id) = self.pick_told(pick) {
            command(&mut self.t, id);
        }
    }

    /// A caller's command on a promised stream, be it gone.
    fn on_push(&mut self, pick: usize, command: impl FnOnce(&mut Script, u32)) {
        let ids: Vec<_> = self.pushes().collect();
        if let Some(index) = pick.checked_rem(ids.len()) {
            command(&mut self.t, ids[index]);
        }
    }

    fn pushes(&self) -> impl Iterator<Item = u32> + '_ {
        self.told.keys().copied().filter(|id| id % 2 == 0)
    }

    /// One of the streams that the peer knows, and how far its answer is.
    fn pick_lane(&self, pick: usize, can: impl Fn(&Lane) -> bool) -> Option<(u32, Answer)> {
        let lanes = self.t.peer.lanes.iter();
        let ids: Vec<_> = lanes
            .filter(|(_, lane)| can(lane))
            .map(|(id, _)| *id)
            .collect();
        let id = *ids.get(pick.checked_rem(ids.len())?)?;
        Some((
            id,
            self.answers
                .get(&id)
                .copied()
                .unwrap_or(Answer::Interims(0)),
        ))
    }

    /// Everything reported is in order: a head, content, an end; nothing after the end.
    fn look(&mut self) {
        for event in self.t.events() {
            assert_eq!(self.closed, None, "after the last event: {event:?}");
            let (id, from, to): (_, &[Told], _) = match Seen::of(&event) {
                Seen::Interim { id, .. } => (id, &[Told::Head], Told::Head),
                Seen::Head { id, end_stream, .. } => {
                    let to = if end_stream { Told::End } else { Told::Content };
                    (id, &[Told::Head], to)
                }
                Seen::Content { id, end_stream, .. } => {
                    let to = if end_stream { Told::End } else { Told::Content };
                    (id, &[Told::Content], to)
                }
                Seen::Promise { id, promised, .. } => {
                    assert_ne!(self.told.get(&id), Some(&Told::Finished), "{event:?}");
                    let before = self.told.insert(promised, Told::Head);
                    assert_eq!(before, None, "{event:?}");
                    continue;
                }
                Seen::UsedUp(id) => (id, &[Told::Content], Told::Content),
                Seen::Trailers { id, .. } => (id, &[Told::Content], Told::End),
                Seen::Failed { id, .. } => (id, &[Told::Head, Told::Content, Told::End], Told::End),
                Seen::SendStopped(id) => (id, &[Told::End], Told::End),
                // Without an end before it: cancelled.
                Seen::Finished(id) => (id, &[Told::Head, Told::Content, Told::End], Told::Finished),
                Seen::Closed(closure) => {
                    self.closed = Some(closure);
                    continue;
                }
                Seen::Settings | Seen::Retired | Seen::Pong(_) => continue,
            };
            let told = self.told.get_mut(&id).expect("a stream that was opened");
            assert!(from.contains(told), "{event:?} when {told:?} was told");
            *told = to;
        }
    }

    /// Both sides finish what they have begun.
    pub(crate) fn wind_up(&mut self) {
        for _ in 0..100 {
            self.t.reads();
            self.look();
            let engine = &self.t.engine;
            let live = engine.open_streams() + engine.promised_streams();
            if engine.is_closed() || live == 0 {
                break;
            }
            self.t.demands();
            let ids: Vec<_> = self.told.keys().copied().collect();
            for id in ids {
                self.t.release(id);
                self.t.finish(id);
            }
            self.peer_sends(window_update(0, 100_000));
            let lanes: Vec<_> = self
                .t
                .peer
                .lanes
                .iter()
                .map(|(id, lane)| (*id, *lane))
                .collect();
            for (id, lane) in lanes {
                if lane.client == Half::Open && lane.server != Half::Reset {
                    self.peer_sends(window_update(id, 100_000));
                }
                if lane.server == Half::Open {
                    self.peer_sends(match self.answers.get(&id) {
                        Some(Answer::Content) => data(id, "").end_stream(),
                        _ => response(id, 204).end_stream(),
                    });
                }
            }
        }
        for id in self.told.keys() {
            self.t.release(*id);
        }
        let pushes: Vec<_> = self.pushes().collect();
        for id in pushes {
            self.t.claim(id);
        }
        self.t.reads();
        self.look();
    }

    /// `least`: what the connection's manager leaves of its window.
    pub(crate) fn assert_quiet(mut self, least: i64) {
        for (id, told) in &self.told {
            assert!(
                *told == Told::Finished || self.closed.is_some(),
                "stream {id} ended with {told:?}"
            );
        }
        assert_eq!(self.closed.is_some(), self.t.engine.is_closed());
        // Whatever came, no more of the connection's window is not given back.
        let credit = self.t.peer.credit;
        assert!(
            credit >= least || self.closed.is_some(),
            "{credit} octets are left"
        );
        self.t.reads();
        self.t.assert_quiet();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_good_sides_finish_everything(steps in good_steps(), read_size in 1_usize..30_000) {
        let mut world = World::new(read_size);
        for step in steps {
            world.run(step);
        }
        world.wind_up();
        prop_assert_eq!(&world.closed, &None);
        // Half, where credit goes back once half is owed.
        world.assert_quiet(50_000);
    }

    #[test]
    fn a_hostile_peer_meets_no_panic_and_gets_nothing_illegal(
        steps in any_steps(),
        read_size in 1_usize..30_000,
    ) {
        let mut world = World::new(read_size);
        for step in steps {
            world.run(step);
        }
        // What was begun in part, or out of step, cannot be wound up; it can end.
        world.t.peer_hangs_up();
        world.look();
        prop_assert!(world.closed.is_some());
        world.t.reads();
        world.t.assert_quiet();
    }

    /// The reader's promise, kept by the whole engine.
    #[test]
    fn what_follows_octets_does_not_depend_on_their_reads(
        frames in vec(wire(), 1..60),
        read_size in 1_usize..200,
    ) {
        let outcome = |read_size| {
            let mut t = Script::pushing();
            t.open(get("/"));
            t.open(post("/"));
            t.open(post("/").whole(vec![1; 20_000]));
            t.reads();
            t.peer_sends_in_pieces(read_size, frames.clone());
            let seen: Vec<_> = t.events().iter().map(Seen::of).collect();
            let live = (t.engine.open_streams(), t.engine.promised_streams());
            (seen, t.reads(), live)
        };
        prop_assert_eq!(outcome(usize::MAX), outcome(read_size));
    }
}

/// A frame of the peer's on one of three streams, or on one that it promises, good or bad.
fn wire() -> impl Strategy<Value = Wire> {
    let id = prop_oneof![4 => Just(1_u32), 4 => Just(3), 4 => Just(5), 2 => Just(2), 1 => 0_u32..9];
    let promised = prop_oneof![3 => Just(2_u32), 1 => 0_u32..9];
    let padding = any::<Option<u8>>();
    prop_oneof![
        6 => (id.clone(), 100_u16..400, any::<bool>()).prop_map(|(id, status, end)| {
            let head = response(id, status).field("x-in-step", "yes").cut(&[1]);
            if end { head.end_stream() } else { head }
        }),
        6 => (id.clone(), 0_usize..3_000, padding).prop_map(|(id, octets, padding)| {
            let frame = data(id, vec![5; octets]);
            padding.map_or(frame.clone(), |octets| frame.padded(octets))
        }),
        3 => (id.clone(), promised, any::<bool>()).prop_map(|(id, promised, is_good)| {
            let wire = push_promise(id, promised).cut(&[1]);
            if is_good { wire } else { wire.field(":status", "200") }
        }),
        1 => id.clone().prop_map(|id| trailers(id, "x-sum", "1")),
        1 => id.clone().prop_map(|id| rst_stream(id, ErrorCode::CANCEL)),
        2 => (id.clone(), 0_u32..9).prop_map(|(id, octets)| window_update(id, octets + 1)),
        1 => Just(ping([6; 8])),
        1 => Just(settings(&[(SettingId::INITIAL_WINDOW_SIZE, 70_000)])),
        1 => Just(goaway(3, ErrorCode::NO_ERROR)),
        1 => (0_u8..12, any::<u8>(), id, vec(any::<u8>(), 0..20)).prop_map(
            |(kind, flags, id, payload)| raw(FrameType::from_wire(kind), flags, id, &payload)
        ),
    ]
}
