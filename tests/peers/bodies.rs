//! Request bodies that watch how they are read, or misbehave.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// What a test's body fails with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spoilt;

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is spoilt")
    }
}

impl std::error::Error for Spoilt {}

/// How often a body was asked, and for how much; shared with the test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    polls: Arc<AtomicUsize>,
    octets: Arc<AtomicUsize>,
}

impl Meter {
    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn octets(&self) -> usize {
        self.octets.load(Ordering::SeqCst)
    }
}

/// One step of a scripted body.
#[derive(Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Fail,
    Panic,
    /// Nothing more, ever.
    Stall,
}

/// A body that goes by a script, and is metered.
#[derive(Debug)]
pub(crate) struct Scripted {
    steps: VecDeque<Step>,
    hint: SizeHint,
    meter: Meter,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            hint: SizeHint::default(),
            meter: Meter::default(),
        }
    }

    /// So many pieces, each of so many octets.
    pub(crate) fn pieces(count: usize, octets: usize) -> Self {
        let piece = Bytes::from(vec![b'x'; octets]);
        Self::new((0..count).map(|_| Step::Data(piece.clone())))
    }

    /// Promises so many octets.
    pub(crate) fn of_length(mut self, octets: u64) -> Self {
        self.hint = SizeHint::with_exact(octets);
        self
    }

    pub(crate) fn metered(mut self, meter: &Meter) -> Self {
        self.meter = meter.clone();
        self
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = Spoilt;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Spoilt>>> {
        self.meter.polls.fetch_add(1, Ordering::SeqCst);
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => {
                self.meter.octets.fetch_add(data.len(), Ordering::SeqCst);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Step::Fail) => Poll::Ready(Some(Err(Spoilt))),
            Some(Step::Panic) => panic!("a body that panics, as the test wants"),
            Some(Step::Stall) => {
                self.steps.push_front(Step::Stall);
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Octets that differ by their place. They repeat after a prime number of octets, so that no
/// frame, window or buffer that is lost or swapped goes unnoticed.
pub(crate) fn pattern(octets: usize) -> Bytes {
    const PERIOD: usize = 65_521;
    static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let places = 0..PERIOD;
        places
            .map(|place| (place.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
            .collect()
    });
    let mut pattern = Vec::with_capacity(octets + PERIOD);
    while pattern.len() < octets {
        pattern.extend_from_slice(&BLOCK);
    }
    pattern.truncate(octets);
    pattern.into()
}
