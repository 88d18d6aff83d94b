//! The flow control of Python's hyper 0.3.1, to the number: its policy step by step, and the frames
//! that it sends.

use std::time::Instant;

use towline::{
    http2::{Config, ErrorCode},
    window::{Fixed, FlowControlManager, Managers, Scope, WindowManager, WindowView, manager_fn},
};

use crate::support::*;

/// One step: a frame of so many octets, or the peer is blocked; and what is answered.
#[derive(Clone, Copy, Debug)]
enum Step {
    Frame(u32, u32),
    Blocked(u32),
}

use Step::{Blocked, Frame};

/// Initial size, steps, and the window after each.
type Row = (u32, &'static [(Step, u32)]);

const TABLE: &[Row] = &[
    (
        65_535,
        &[(Frame(49_000, 0), 16_535), (Frame(1_000, 50_000), 65_535)],
    ),
    // 16,384 is not below 16,383.75.
    (65_535, &[(Frame(49_151, 0), 16_384)]),
    (65_535, &[(Frame(49_152, 49_152), 65_535)]),
    (65_535, &[(Frame(0, 0), 65_535)]),
    (
        65_535,
        &[
            (Frame(49_151, 0), 16_384),
            (Frame(1, 49_152), 65_535),
            (Frame(49_152, 49_152), 65_535),
        ],
    ),
    (
        65_535,
        &[
            (Frame(5_535, 0), 60_000),
            (Blocked(5_535), 65_535),
            (Blocked(0), 65_535),
        ],
    ),
    // Below neither 1,000 nor 1,000.
    (4_000, &[(Frame(3_000, 0), 1_000)]),
    (4_000, &[(Frame(3_001, 3_001), 4_000)]),
    (4_004, &[(Frame(3_003, 0), 1_001)]),
    (4_004, &[(Frame(3_004, 3_004), 4_004)]),
    (1_500, &[(Frame(499, 0), 1_001), (Frame(2, 501), 1_500)]),
    (1_500, &[(Frame(500, 0), 1_000)]),
    (1_500, &[(Frame(501, 501), 1_500)]),
    (1_500, &[(Frame(500, 0), 1_000), (Blocked(500), 1_500)]),
    (1_000, &[(Frame(0, 0), 1_000), (Frame(1, 1), 1_000)]),
    // Below 1,000, every frame is answered.
    (
        800,
        &[(Frame(9, 9), 800), (Frame(0, 0), 800), (Frame(15, 15), 800)],
    ),
    (0, &[(Frame(0, 0), 0), (Blocked(0), 0)]),
];

/// Whether a frame is read before the policy looks at the window.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Prompt,
    None,
}

fn run(row: &Row, reader: Reader) {
    let (initial, steps) = *row;
    let mut manager = FlowControlManager::new(initial);
    if reader == Reader::None {
        manager = manager.deciding_on_arrival();
    }
    let mut view = WindowView::new(Scope::Connection, initial);
    let now = Instant::now();
    for (step, after) in steps {
        let (answer, expected) = match *step {
            Frame(octets, expected) => {
                view.window -= octets;
                view.unread += u64::from(octets);
                view.received += u64::from(octets);
                let mut answer = manager.on_received(now, octets, &view);
                if reader == Reader::Prompt {
                    view.unread = 0;
                    answer += manager.on_consumed(now, octets, &view);
                }
                (answer, expected)
            }
            Blocked(expected) => (manager.on_blocked(now, &view), expected),
        };
        view.window += answer;
        assert_eq!(
            (answer, view.window),
            (expected, *after),
            "{initial}: {step:?}"
        );
    }
}

#[test]
fn the_policy_is_hypers_for_a_prompt_reader() {
    for row in TABLE {
        run(row, Reader::Prompt);
    }
}

#[test]
fn the_policy_is_hypers_on_arrival() {
    for row in TABLE {
        run(row, Reader::None);
    }
}

/// What hyper answers to more than the window lets in, 70,000 of 65,535, is a fault of the peer's
/// here; what the policy sees is a window of nothing, and it fills that.
#[test]
fn a_window_that_is_used_up_is_filled() {
    let mut view = WindowView::new(Scope::Connection, 65_535);
    view.window = 0;
    let answer = FlowControlManager::new(65_535).on_consumed(Instant::now(), 65_535, &view);
    assert_eq!(answer, 65_535);
}

/// Octets that nobody has read are not asked for again.
#[test]
fn unread_octets_count_as_if_they_had_not_arrived() {
    let mut manager = FlowControlManager::new(65_535);
    let mut view = WindowView::new(Scope::Connection, 65_535);
    let now = Instant::now();
    view.window = 0;
    view.unread = 65_535;
    assert_eq!(manager.on_received(now, 65_535, &view), 0);
    assert_eq!(manager.on_blocked(now, &view), 0);
    view.unread = 16_384;
    assert_eq!(manager.on_consumed(now, 49_151, &view), 0);
    view.unread = 16_383;
    assert_eq!(manager.on_consumed(now, 1, &view), 49_152);
}

/// A manager for windows that are at `size` when the test begins.
fn at(size: u32) -> impl Fn(Scope, u32) -> FlowControlManager + Send + Sync + 'static {
    move |_, _| FlowControlManager::new(size)
}

/// What arrives is read at once.
fn reads(t: &mut Script, frame: Wire) -> Vec<Wire> {
    t.peer_sends(frame);
    t.events();
    t.release(3);
    t.reads()
}

/// The settings of hyper, but for the managers.
fn hypers(change: impl FnOnce(&mut Config)) -> Config {
    config(|config| {
        config.stream_window_size = 65_535;
        config.connection_window_size = 65_535;
        change(config);
    })
}

fn echo() -> Managers {
    Managers::new(|_: Scope, _: u32| manager_fn(|octets, _| octets))
}

/// The head of a response has come on stream 3, and the connection's window is at `octets`: what
/// is gone came on stream 1.
fn drained_to(octets: u32, config: Config) -> Script {
    let mut t = Script::connected_with(config, &[]);
    t.open_managed(get("/drain"), |_: Scope, _: u32| Fixed::new(65_535));
    t.reads();
    t.peer_sends(response(1, 200));
    while t.peer.credit > i64::from(octets) {
        let size = (t.peer.credit - i64::from(octets)).min(16_000);
        t.peer_sends(data(1, vec![0; usize::try_from(size).unwrap()]));
        t.peer_gets_nothing();
    }
    t.cancel(1);
    t.open(get("/"));
    t.reads();
    t.peer_sends(response(3, 200));
    t.events();
    t
}

#[test]
fn a_small_connection_window_is_filled_with_every_frame() {
    let config = hypers(|config| {
        config.stream_window_managers = Managers::new(at(65_535));
        config.connection_window_managers = Managers::new(at(1_000));
    });
    let mut t = drained_to(1_000, config);
    assert_eq!(reads(&mut t, data(3, vec![0; 12])), [window_update(0, 12)]);
    let last = data(3, vec![0; 18]).end_stream();
    assert_eq!(reads(&mut t, last), [window_update(0, 18)]);
    t.goes_on();
}

#[test]
fn both_windows_are_filled_the_connections_first() {
    let config = hypers(|config| {
        config.stream_window_size = 200;
        config.stream_window_managers = Managers::new(at(200));
        config.connection_window_managers = Managers::new(at(200));
    });
    let mut t = drained_to(200, config);
    assert_eq!(
        reads(&mut t, data(3, vec![0; 200])),
        [window_update(0, 200), window_update(3, 200)]
    );
    let last = data(3, vec![0; 60]).end_stream();
    assert_eq!(reads(&mut t, last), [window_update(0, 60)]);
    t.goes_on();
}

/// hyper never heard that its peer was blocked: BLOCKED did not become part of HTTP/2. Where it
/// would have come, the window is used up.
#[test]
fn a_connection_that_is_blocked_is_filled() {
    let config = hypers(|config| {
        config.max_frame_size = 1 << 17;
        let never = |_: Scope, _: u32| manager_fn(|_, _| 0);
        config.stream_window_managers = Managers::new(never);
        config.connection_window_managers = Managers::new(never);
    });
    let mut t = Script::connected_with(config, &[]);
    t.open(get("/"));
    t.open(get("/"));
    t.reads();
    t.peer_sends([response(1, 200), response(3, 200)]);
    t.events();
    assert_eq!(reads(&mut t, data(3, vec![0; 60_000])), []);
    let last = data(3, vec![0; 5_535]).end_stream();
    assert_eq!(reads(&mut t, last), [window_update(0, 65_535)]);
    t.cancel(1);
    t.reads();
    t.events();
    t.goes_on();
}

#[test]
fn a_policy_that_returns_every_frame() {
    let config = hypers(|config| {
        config.stream_window_managers = echo();
        config.connection_window_managers = echo();
    });
    let mut t = Script::connected_with(config, &[]);
    t.open(get("/"));
    t.open(get("/"));
    t.reads();
    t.peer_sends([response(1, 200).end_stream(), response(3, 200)]);
    t.events();
    assert_eq!(
        reads(&mut t, data(3, vec![0; 3])),
        [window_update(0, 3), window_update(3, 3)]
    );
    assert_eq!(reads(&mut t, data(3, "")), []);
    let last = data(3, vec![0; 1]).end_stream();
    assert_eq!(reads(&mut t, last), [window_update(0, 1)]);
    t.goes_on();
}

/// The whole payload counts: where hyper left the pad length out of a frame with none of padding,
/// this does not (RFC 9113 §6.1).
#[test]
fn a_pad_length_counts_without_padding() {
    let config = hypers(|config| {
        config.stream_window_managers = echo();
        config.connection_window_managers = echo();
    });
    let mut t = Script::connected_with(config, &[]);
    t.open(get("/"));
    t.open(get("/"));
    t.reads();
    t.peer_sends([response(1, 200).end_stream(), response(3, 200)]);
    t.events();
    assert_eq!(
        reads(&mut t, data(3, vec![0; 3]).padded(0)),
        [window_update(0, 4), window_update(3, 4)]
    );
    t.cancel(3);
    t.peer_gets(rst_stream(3, ErrorCode::CANCEL));
    t.events();
    t.goes_on();
}
