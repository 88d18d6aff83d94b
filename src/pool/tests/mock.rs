//! A connection that only counts slots, and a dialer that makes such connections by a script.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::{
    error::{Error, Kind, Retry, Scope},
    pool::{Conn, Dial, Key, Sharing, Watcher},
};

#[derive(Clone)]
pub(super) struct MockConn {
    inner: Arc<Inner>,
}

struct Inner {
    number: usize,
    is_exclusive: bool,
    limit: AtomicUsize,
    in_use: AtomicUsize,
    is_open: AtomicBool,
    retirements: AtomicUsize,
    watcher: OnceLock<Watcher>,
}

impl MockConn {
    fn new(number: usize, plan: Plan) -> Self {
        let limit = match plan {
            Plan::Slots(limit) => limit,
            _ => 1,
        };
        Self {
            inner: Arc::new(Inner {
                number,
                is_exclusive: !matches!(plan, Plan::Slots(_)),
                limit: AtomicUsize::new(limit),
                in_use: AtomicUsize::new(0),
                is_open: AtomicBool::new(true),
                retirements: AtomicUsize::new(0),
                watcher: OnceLock::new(),
            }),
        }
    }

    /// Which dial made it, from 0.
    pub(super) fn number(&self) -> usize {
        self.inner.number
    }

    /// How often it was told to retire.
    pub(super) fn retirements(&self) -> usize {
        self.inner.retirements.load(SeqCst)
    }

    /// How many handles there are to it, the dialer's own and this one not counted.
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.inner) - 2
    }

    /// How many slots it has.
    pub(super) fn limit(&self) -> usize {
        self.inner.limit.load(SeqCst)
    }

    /// The peer's new stream limit.
    pub(super) fn set_limit(&self, limit: usize) {
        self.inner.limit.store(limit, SeqCst);
        self.tell(Watcher::limit_raised);
    }

    /// As [`set_limit`](Self::set_limit), but the word has not reached the pool yet.
    pub(super) fn set_limit_silently(&self, limit: usize) {
        self.inner.limit.store(limit, SeqCst);
    }

    /// A release of which only the first half has happened: the slot is free, the word is to come.
    pub(super) fn release_silently(&self) {
        self.inner.in_use.fetch_sub(1, SeqCst);
    }

    /// The peer's GOAWAY, or the end of the socket.
    pub(super) fn end(&self) {
        self.inner.is_open.store(false, SeqCst);
        self.tell(Watcher::ended);
    }

    /// As [`end`](Self::end), but the word has not reached the pool yet.
    pub(super) fn end_silently(&self) {
        self.inner.is_open.store(false, SeqCst);
    }

    fn tell(&self, what: impl FnOnce(&Watcher)) {
        if let Some(watcher) = self.inner.watcher.get() {
            what(watcher);
        }
    }
}

impl Conn for MockConn {
    fn try_reserve(&self) -> bool {
        let limit = self.inner.limit.load(SeqCst);
        let take = |in_use| (in_use < limit).then_some(in_use + 1);
        self.is_open() && self.inner.in_use.fetch_update(SeqCst, SeqCst, take).is_ok()
    }

    fn release(&self) {
        let before = self.inner.in_use.fetch_sub(1, SeqCst);
        assert!(before > 0, "a slot was released twice");
        self.tell(|watcher| watcher.slot_freed(before - 1));
    }

    fn is_open(&self) -> bool {
        self.inner.is_open.load(SeqCst)
    }

    fn in_use(&self) -> usize {
        self.inner.in_use.load(SeqCst)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive
    }

    fn retire(&self) {
        self.inner.retirements.fetch_add(1, SeqCst);
        self.end_silently();
    }

    fn watch(&self, watcher: Watcher) {
        assert!(self.inner.watcher.set(watcher).is_ok(), "watched twice");
    }
}

/// What a dial does, once its time has passed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// A connection that carries so many streams.
    Slots(usize),
    /// A connection that carries one exchange at a time.
    Exclusive,
    /// As `Exclusive`, after [`MockDial::LATE`].
    LateExclusive,
    Fail,
    /// As `Fail`, after [`MockDial::LATE`].
    LateFail,
    Panic,
    /// The connection closes before the pool has it.
    StillBorn,
    Never,
}

#[derive(Clone)]
pub(super) struct MockDial {
    script: Arc<Mutex<VecDeque<Plan>>>,
    /// What follows the script.
    rest: Arc<Mutex<Plan>>,
    foreseen: Arc<Mutex<Sharing>>,
    made: Arc<Mutex<Vec<MockConn>>>,
    dials: Arc<AtomicUsize>,
    time: Duration,
}

impl MockDial {
    pub(super) const TIME: Duration = Duration::from_millis(100);
    pub(super) const LATE: Duration = Duration::from_secs(2);

    /// Follows `script`, and then makes connections of as many slots as there could be.
    pub(super) fn new(script: impl IntoIterator<Item = Plan>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            rest: Arc::new(Mutex::new(Plan::Slots(usize::MAX))),
            foreseen: Arc::default(),
            made: Arc::default(),
            dials: Arc::default(),
            time: Self::TIME,
        }
    }

    /// As [`new`](Self::new), but no dial takes any time.
    pub(super) fn instant(script: impl IntoIterator<Item = Plan>) -> Self {
        Self {
            time: Duration::ZERO,
            ..Self::new(script)
        }
    }

    /// What dials do from now on, once the script is over.
    pub(super) fn set_rest(&self, plan: Plan) {
        *self.rest.lock().unwrap() = plan;
    }

    /// What the dialer says before a dial.
    pub(super) fn set_foreseen(&self, sharing: Sharing) {
        *self.foreseen.lock().unwrap() = sharing;
    }

    /// How many dials have begun.
    pub(super) fn dials(&self) -> usize {
        self.dials.load(SeqCst)
    }

    /// The connections made so far.
    pub(super) fn made(&self) -> Vec<MockConn> {
        self.made.lock().unwrap().clone()
    }

    fn make(&self, number: usize, plan: Plan) -> MockConn {
        let conn = MockConn::new(number, plan);
        self.made.lock().unwrap().push(conn.clone());
        conn
    }
}

impl Dial for MockDial {
    type Conn = MockConn;

    fn dial(&self, key: Key) -> Pin<Box<dyn Future<Output = Result<MockConn, Error>> + Send>> {
        let number = self.dials.fetch_add(1, SeqCst);
        let next = self.script.lock().unwrap().pop_front();
        let plan = next.unwrap_or(*self.rest.lock().unwrap());
        let time = match plan {
            Plan::LateExclusive | Plan::LateFail => Self::LATE,
            _ => self.time,
        };
        let this = self.clone();
        Box::pin(async move {
            tokio::time::sleep(time).await;
            match plan {
                Plan::Slots(_) | Plan::Exclusive | Plan::LateExclusive => {
                    Ok(this.make(number, plan))
                }
                Plan::Fail | Plan::LateFail => {
                    Err(Error::new(Kind::Connect, Scope::Netloc, Retry::Safe)
                        .with_netloc(&key.netloc))
                }
                Plan::Panic => panic!("as the script has it"),
                Plan::StillBorn => {
                    let conn = this.make(number, plan);
                    conn.end_silently();
                    Ok(conn)
                }
                Plan::Never => std::future::pending().await,
            }
        })
    }

    fn foresee(&self, _key: &Key) -> Sharing {
        *self.foreseen.lock().unwrap()
    }
}
