//! Uploads of any priorities, in any order of events, whose priorities change: what is sent next
//! comes first among all that could be sent, but for the shares of the others, and nothing is lost.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use towline::{
    http2::frame::SettingId,
    priority::{Priority, Urgency},
};

use crate::support::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(Option<Priority>, usize),
    Change(usize, Priority),
    Grant(usize, u32),
    GrantConnection(u32),
    Cancel(usize),
}

/// What we think of an upload.
#[derive(Debug)]
struct Upload {
    priority: Option<Priority>,
    left: usize,
    window: usize,
}

impl Upload {
    fn urgency(&self) -> usize {
        let urgency = self.priority.map_or(Urgency::DEFAULT, |own| own.urgency);
        usize::from(urgency.get())
    }

    fn is_sequential(&self) -> bool {
        self.priority.is_some_and(|own| !own.incremental)
    }

    fn can_send(&self) -> bool {
        self.left > 0 && self.window > 0
    }
}

fn priority() -> impl Strategy<Value = Priority> {
    (0_u8..8, any::<bool>()).prop_map(|(urgency, incremental)| {
        let urgency = Urgency::new(urgency).expect("below eight");
        Priority::new(urgency).incremental(incremental)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let pick = 0_usize..12;
    prop_oneof![
        4 => (prop::option::of(priority()), 1_usize..90_000)
            .prop_map(|(priority, octets)| Step::Open(priority, octets)),
        2 => (pick.clone(), priority()).prop_map(|(pick, to)| Step::Change(pick, to)),
        2 => (pick.clone(), 1_u32..40_000).prop_map(|(pick, by)| Step::Grant(pick, by)),
        3 => (1_u32..90_000).prop_map(Step::GrantConnection),
        1 => pick.prop_map(Step::Cancel),
    ]
}

struct World {
    t: Script,
    uploads: BTreeMap<u32, Upload>,
    /// Turns of more urgent uploads since each urgency had one, as long as it could have had one.
    /// One whose upload was cancelled may count on: the engine skips it in its turn.
    passed: [usize; 8],
    was_cancelled: [bool; 8],
}

impl World {
    fn pick(&self, pick: usize) -> Option<u32> {
        let ids: Vec<_> = self.uploads.keys().copied().collect();
        ids.get(pick.checked_rem(ids.len())?).copied()
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Open(priority, octets) => {
                let request = post("/").whole(vec![b'x'; octets]);
                let request = priority.into_iter().fold(request, Request::extension);
                let id = self.t.open(request);
                let upload = Upload {
                    priority,
                    left: octets,
                    window: 20_000,
                };
                self.uploads.insert(id, upload);
            }
            Step::Change(pick, to) => {
                if let Some(id) = self.pick(pick) {
                    self.t.prioritize(id, to);
                    self.uploads
                        .entry(id)
                        .and_modify(|own| own.priority = Some(to));
                }
            }
            Step::Grant(pick, by) => {
                if let Some(id) = self.pick(pick) {
                    self.grant(id, by);
                }
            }
            Step::GrantConnection(by) => self.t.peer_sends(window_update(0, by)),
            Step::Cancel(pick) => {
                if let Some(id) = self.pick(pick) {
                    self.t.cancel(id);
                    if let Some(gone) = self.uploads.remove(&id) {
                        self.was_cancelled[gone.urgency()] = true;
                    }
                }
            }
        }
        self.read();
    }

    fn grant(&mut self, id: u32, by: u32) {
        self.t.peer_sends(window_update(id, by));
        let by = usize::try_from(by).expect("a test's window");
        self.uploads.entry(id).and_modify(|own| own.window += by);
    }

    /// Every frame was the turn of its stream.
    fn read(&mut self) {
        for frame in self.t.reads() {
            if let Wire::Data { id, data, .. } = frame {
                self.judge(id);
                let upload = self.uploads.get_mut(&id).expect("nobody else sends");
                upload.left -= data.len();
                upload.window -= data.len();
            }
        }
    }

    fn judge(&mut self, id: u32) {
        let chosen = &self.uploads[&id];
        let urgency = chosen.urgency();
        assert!(chosen.can_send(), "{chosen:?}");
        let mut is_waiting = [false; 8];
        for (other, upload) in self.uploads.iter().filter(|(_, other)| other.can_send()) {
            is_waiting[upload.urgency()] = true;
            let is_before = upload.urgency() == urgency
                && upload.is_sequential()
                && chosen.is_sequential()
                && *other < id;
            assert!(!is_before, "{other} is before {id}: {:?}", self.uploads);
        }
        let most_urgent = is_waiting.iter().position(|waits| *waits);
        if most_urgent.is_some_and(|first| first < urgency) {
            let passed = self.passed[urgency];
            let is_known = !self.was_cancelled[urgency];
            assert!(
                passed >= 15 || !is_known,
                "{urgency} has waited for {passed} turns"
            );
        }
        self.passed[urgency] = 0;
        for (less, passed) in self.passed.iter_mut().enumerate().skip(urgency + 1) {
            if is_waiting[less] {
                *passed += 1;
                assert!(*passed <= 15 + 7, "urgency {less} waits");
            }
        }
    }

    /// Nothing but windows was in the way.
    fn wind_up(mut self) {
        self.t.peer_sends(window_update(0, 1 << 24));
        self.read();
        let ids: Vec<_> = self.uploads.keys().copied().collect();
        for id in &ids {
            self.grant(*id, 1 << 20);
        }
        self.read();
        for (id, upload) in &self.uploads {
            assert_eq!(upload.left, 0, "of stream {id}");
        }
        for id in ids {
            self.t.peer_sends(response(id, 200).end_stream());
        }
        self.t.events();
        self.t.goes_on();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whoever_sends_comes_first(steps in vec(step(), 1..60)) {
        let settings = [
            (SettingId::INITIAL_WINDOW_SIZE, 20_000),
            (SettingId::NO_RFC7540_PRIORITIES, 1),
        ];
        let mut world = World {
            t: Script::connected_with(config(|_| {}), &settings),
            uploads: BTreeMap::new(),
            passed: [0; 8],
            was_cancelled: [false; 8],
        };
        for step in steps {
            world.run(step);
        }
        world.wind_up();
    }
}
