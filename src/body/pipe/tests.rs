//! The pipe by hand: each poll is a step, and a waker that counts says whether anybody was told.

use std::{
    io,
    io::IoSlice,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use proptest::prelude::*;

use super::{Deserted, PipeReader, PipeWriter, pipe};

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn woken(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// A pipe whose ends are polled by hand.
struct Bench {
    writer: Option<PipeWriter>,
    reader: Option<PipeReader>,
    writing: Arc<Count>,
    reading: Arc<Count>,
}

impl Bench {
    fn new() -> Self {
        let (writer, reader) = pipe();
        Self {
            writer: Some(writer),
            reader: Some(reader),
            writing: Arc::default(),
            reading: Arc::default(),
        }
    }

    fn by_writer<T>(&self, poll: impl FnOnce(&PipeWriter, &Context<'_>) -> T) -> T {
        let waker = Waker::from(Arc::clone(&self.writing));
        let writer = self.writer.as_ref().expect("it is there");
        poll(writer, &Context::from_waker(&waker))
    }

    fn write(&self, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.by_writer(|writer, cx| writer.poll_write(cx, &[IoSlice::new(octets)]))
    }

    fn flush(&self) -> Poll<io::Result<()>> {
        self.by_writer(PipeWriter::poll_flush)
    }

    fn shutdown(&self) -> Poll<io::Result<()>> {
        self.by_writer(PipeWriter::poll_shutdown)
    }

    fn read(&mut self) -> Poll<Option<Result<Bytes, Deserted>>> {
        let waker = Waker::from(Arc::clone(&self.reading));
        let reader = self.reader.as_mut().expect("it is there");
        let polled = Pin::new(reader).poll_frame(&mut Context::from_waker(&waker));
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.into_data().unwrap())))
    }

    fn read_some(&mut self) -> Bytes {
        match self.read() {
            Poll::Ready(Some(Ok(data))) => data,
            other => panic!("no octets: {other:?}"),
        }
    }

    fn is_end(&self) -> bool {
        self.reader.as_ref().is_some_and(Body::is_end_stream)
    }

    fn fill(&self) {
        let full = vec![b'x'; PipeWriter::BOUND];
        assert!(matches!(self.write(&full), Poll::Ready(Ok(count)) if count == full.len()));
    }
}

#[track_caller]
fn is_broken<T: std::fmt::Debug>(polled: Poll<io::Result<T>>) {
    match polled {
        Poll::Ready(Err(error)) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn is_done(polled: &Poll<io::Result<()>>) {
    assert!(matches!(polled, Poll::Ready(Ok(()))), "{polled:?}");
}

#[test]
fn small_writes_are_one_piece_for_the_reader() {
    let mut bench = Bench::new();
    assert!(bench.read().is_pending());
    for text in ["a", "", "bc"] {
        assert!(matches!(bench.write(text.as_bytes()), Poll::Ready(Ok(n)) if n == text.len()));
    }
    assert_eq!(bench.reading.woken(), 1);
    assert_eq!(bench.read_some(), "abc");
    assert!(bench.read().is_pending());
}

#[test]
fn several_slices_are_taken_in_order_as_far_as_they_fit() {
    let mut bench = Bench::new();
    let long = vec![b'x'; PipeWriter::BOUND - 1];
    let slices = [
        IoSlice::new(&long),
        IoSlice::new(b"yz"),
        IoSlice::new(b"never"),
    ];
    let polled = bench.by_writer(|writer, cx| writer.poll_write(cx, &slices));
    assert!(matches!(polled, Poll::Ready(Ok(count)) if count == PipeWriter::BOUND));
    assert!(bench.write(b"z").is_pending());
    assert!(matches!(bench.write(b""), Poll::Ready(Ok(0))));
    let read = bench.read_some();
    assert_eq!((read.len(), read.last()), (PipeWriter::BOUND, Some(&b'y')));
    assert_eq!(bench.writing.woken(), 1);
}

#[test]
fn a_flush_waits_until_all_is_taken() {
    let mut bench = Bench::new();
    is_done(&bench.flush());
    assert!(bench.write(b"x").is_ready());
    assert!(bench.flush().is_pending());
    bench.read_some();
    assert_eq!(bench.writing.woken(), 1);
    is_done(&bench.flush());
}

#[test]
fn a_shutdown_ends_the_body_after_what_was_written() {
    let mut bench = Bench::new();
    assert!(bench.read().is_pending());
    assert!(bench.write(b"last").is_ready());
    assert_eq!(bench.reading.woken(), 1);
    assert!(bench.shutdown().is_pending());
    is_broken(bench.write(b"too late"));
    assert!(!bench.is_end());
    assert_eq!(bench.read_some(), "last");
    assert!(bench.is_end());
    assert!(matches!(bench.read(), Poll::Ready(None)));
    assert!(bench.shutdown().is_pending(), "until the reader is done");
    bench.writing.woken();
    bench.reader = None;
    assert_eq!(bench.writing.woken(), 1);
    is_done(&bench.shutdown());
    is_done(&bench.flush());
}

#[test]
fn a_shutdown_wakes_a_reader_who_waits() {
    let mut bench = Bench::new();
    assert!(bench.read().is_pending());
    assert!(bench.shutdown().is_pending());
    assert_eq!(bench.reading.woken(), 1);
    assert!(matches!(bench.read(), Poll::Ready(None)));
}

#[test]
fn a_writer_who_just_goes_leaves_no_clean_end() {
    let mut bench = Bench::new();
    assert!(bench.read().is_pending());
    assert!(bench.write(b"half of it").is_ready());
    bench.reading.woken();
    assert!(bench.read().is_ready() && bench.read().is_pending());
    assert!(bench.write(b"and").is_ready());
    bench.writer = None;
    assert!(bench.reading.woken() > 0);
    assert!(!bench.is_end());
    assert!(matches!(bench.read(), Poll::Ready(Some(Err(Deserted)))));
}

#[test]
fn a_writer_who_goes_after_the_end_changes_nothing() {
    let mut bench = Bench::new();
    assert!(bench.write(b"all").is_ready());
    assert!(bench.shutdown().is_pending());
    bench.writer = None;
    assert_eq!(bench.read_some(), "all");
    assert!(bench.is_end());
    assert!(matches!(bench.read(), Poll::Ready(None)));
}

#[test]
fn a_reader_who_goes_breaks_the_pipe() {
    let mut bench = Bench::new();
    bench.fill();
    assert!(bench.write(b"more").is_pending());
    bench.reader = None;
    assert_eq!(bench.writing.woken(), 1);
    is_broken(bench.write(b"more"));
    is_broken(bench.flush());
    is_broken(bench.shutdown());
}

#[test]
fn a_reader_who_goes_having_read_all_has_lost_nothing() {
    let mut bench = Bench::new();
    assert!(bench.write(b"x").is_ready());
    bench.read_some();
    bench.reader = None;
    is_broken(bench.write(b"more"));
    is_done(&bench.flush());
    is_done(&bench.shutdown());
}

/// One step of either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write(usize),
    Flush,
    Shutdown,
    DropWriter,
    Read,
    DropReader,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3 * PipeWriter::BOUND / 2).prop_map(Step::Write),
        8 => Just(Step::Read),
        3 => Just(Step::Flush),
        1 => Just(Step::Shutdown),
        1 => Just(Step::DropWriter),
        1 => Just(Step::DropReader),
    ]
}

impl Bench {
    /// Whether a step of the writer's is there for now.
    fn try_write_step(&self, step: Step) -> Poll<()> {
        match step {
            Step::Write(count) => self.write(&vec![0; count]).map(drop),
            Step::Flush => self.flush().map(drop),
            Step::Shutdown => self.shutdown().map(drop),
            Step::DropWriter | Step::Read | Step::DropReader => unreachable!("not the writer's"),
        }
    }
}

proptest! {
    /// Whoever sleeps without having been woken has nothing to do; nothing is lost on the way, and
    /// no more waits than may.
    #[test]
    fn nobody_sleeps_who_has_something_to_do(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        let (mut written, mut read) = (0, 0);
        let mut writer_waits: Option<Step> = None;
        let mut reader_waits = false;
        for step in steps {
            match step {
                Step::Write(_) | Step::Flush | Step::Shutdown if bench.writer.is_none() => continue,
                Step::Read if bench.reader.is_none() => continue,
                Step::Write(count) => {
                    let polled = bench.write(&vec![0; count]);
                    writer_waits = polled.is_pending().then_some(step);
                    if let Poll::Ready(Ok(count)) = polled {
                        written += count;
                    }
                }
                Step::Flush | Step::Shutdown => {
                    writer_waits = bench.try_write_step(step).is_pending().then_some(step);
                }
                Step::Read => match bench.read() {
                    Poll::Pending => reader_waits = true,
                    Poll::Ready(Some(Ok(data))) => {
                        prop_assert!(!data.is_empty());
                        read += data.len();
                        reader_waits = false;
                    }
                    Poll::Ready(None) => {
                        prop_assert_eq!(read, written);
                        reader_waits = false;
                    }
                    Poll::Ready(Some(Err(Deserted))) => reader_waits = false,
                },
                Step::DropWriter => (bench.writer, writer_waits) = (None, None),
                Step::DropReader => (bench.reader, reader_waits) = (None, false),
            }
            prop_assert!(written - read <= PipeWriter::BOUND);
            // A poll of one who sleeps rightly changes nothing.
            if let Some(waiting) = writer_waits {
                if bench.writing.woken() == 0 {
                    prop_assert!(bench.try_write_step(waiting).is_pending(), "{waiting:?}");
                } else {
                    writer_waits = None;
                }
            }
            if reader_waits && bench.reading.woken() == 0 {
                prop_assert!(bench.read().is_pending());
            } else {
                reader_waits = false;
            }
        }
    }
}

/// The same between threads, where steps meet at any moment.
#[test]
fn octets_between_threads_all_arrive_and_nobody_is_forgotten() {
    const OCTETS: usize = 4 << 20;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (writer, mut reader) = pipe();
    let writing = runtime.spawn(async move {
        let (mut sent, mut size) = (0, 1);
        while sent < OCTETS {
            size = (size * 7) % 100_003;
            let data = vec![1; size.min(OCTETS - sent)];
            let wrote = std::future::poll_fn(|cx| writer.poll_write(cx, &[IoSlice::new(&data)]));
            sent += wrote.await.unwrap();
            if size % 5 == 0 {
                std::future::poll_fn(|cx| writer.poll_flush(cx))
                    .await
                    .unwrap();
            }
        }
        std::future::poll_fn(|cx| writer.poll_shutdown(cx))
            .await
            .unwrap();
    });
    let reading = runtime.spawn(async move {
        let mut read = 0;
        while let Some(frame) =
            std::future::poll_fn(|cx| Pin::new(&mut reader).poll_frame(cx)).await
        {
            read += frame.unwrap().into_data().unwrap().len();
        }
        read
    });
    let all = runtime.block_on(async {
        let both = async { (writing.await.unwrap(), reading.await.unwrap()) };
        tokio::time::timeout(Duration::from_secs(60), both).await
    });
    assert_eq!(all.expect("a wake-up was lost"), ((), OCTETS));
}
