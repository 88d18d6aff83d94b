//! The policy, question by question. What it makes of a link is tested with the engine, on links in
//! virtual time.

use super::*;
use crate::http2::StreamId;

const MIB: u32 = 1 << 20;
const STREAM: Scope = Scope::Stream(StreamId::FIRST);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A stream of 1 MiB, a hundred milliseconds away, within a budget of so many octets.
struct Stage {
    manager: Adaptive,
    view: WindowView,
    now: Instant,
    budget: Budget,
}

impl Stage {
    fn new(limit: u64) -> Self {
        let budget = Budget::new(limit);
        let bounds = AdaptiveBounds {
            budget: budget.clone(),
            ..AdaptiveBounds::default()
        };
        let mut view = WindowView::new(STREAM, MIB);
        view.round_trip = Some(millis(100));
        Self {
            manager: Adaptive::within(bounds, STREAM, MIB),
            view,
            now: Instant::now(),
            budget,
        }
    }

    fn arrive(&mut self, octets: u32) {
        self.view.window -= octets;
        self.view.received += u64::from(octets);
        self.view.unread += u64::from(octets);
        self.view.document_left = self.view.document_left.map(|left| left - u64::from(octets));
        assert_eq!(self.manager.on_received(self.now, octets, &self.view), 0);
    }

    fn read(&mut self, octets: u32) -> u32 {
        self.view.unread -= u64::from(octets);
        let increment = self.manager.on_consumed(self.now, octets, &self.view);
        self.view.window += increment;
        increment
    }

    fn pass(&mut self, octets: u32) -> u32 {
        self.arrive(octets);
        self.read(octets)
    }
}

#[test]
fn nothing_is_guessed_before_a_round_trip_was_seen() {
    let mut stage = Stage::new(64 << 20);
    stage.view.round_trip = None;
    assert_eq!(stage.pass(100_000), 0);
    stage.view.round_trip = Some(millis(100));
    assert_eq!(stage.pass(1), 15 * MIB + 100_001);
    assert_eq!(stage.budget.used(), 15 << 20);
}

#[test]
fn the_guess_is_a_fast_links_round_trip() {
    let mut stage = Stage::new(64 << 20);
    stage.view.round_trip = Some(millis(20));
    assert_eq!(stage.pass(65_535), 0, "this is no proof yet");
    assert_eq!(stage.pass(1), 3_750_000 - MIB + 65_536);
    assert_eq!(stage.manager.aim(), 3_750_000);
}

#[test]
fn a_reader_that_leaves_most_unread_is_not_guessed_for() {
    let mut stage = Stage::new(64 << 20);
    stage.arrive(MIB / 2);
    assert_eq!(stage.read(MIB / 4 - 1), 0);
    assert!(stage.read(1) > 15 * MIB);
}

#[test]
fn a_document_that_fits_its_window_needs_room_for_its_end_alone() {
    let mut stage = Stage::new(64 << 20);
    stage.view.document_left = Some(u64::from(MIB));
    let given: u32 = (0..16).map(|_| stage.pass(MIB / 16)).sum();
    assert_eq!(given, 16 * 1024);
    assert_eq!(stage.budget.used(), 0);
}

/// Padding takes of the window what the document counted on.
#[test]
fn a_padded_document_gets_what_it_still_needs() {
    let mut stage = Stage::new(0);
    stage.view.document_left = Some(u64::from(MIB));
    stage.arrive(MIB / 2);
    stage.view.document_left = Some(u64::from(MIB) - 100);
    assert_eq!(stage.read(MIB / 2), MIB / 2);
}

#[test]
fn a_budget_that_is_nearly_used_up_gives_what_it_has() {
    let mut stage = Stage::new(3 << 20);
    assert_eq!(stage.pass(65_536), 3 * MIB + 65_536);
    let mut other = Adaptive::within(
        AdaptiveBounds {
            budget: stage.budget.clone(),
            ..AdaptiveBounds::default()
        },
        STREAM,
        MIB,
    );
    stage.view.window = MIB / 2;
    assert_eq!(other.on_consumed(stage.now, MIB / 2, &stage.view), MIB / 2);
    assert_eq!(other.aim(), MIB);
    drop(stage.manager);
    assert_eq!(stage.budget.used(), 0);
}

/// The aim falls at once, the reservation as the octets come back.
#[test]
fn what_was_given_stays_reserved_until_it_is_used() {
    let mut stage = Stage::new(64 << 20);
    stage.pass(65_536);
    stage.manager.aim = MIB;
    stage.pass(2 * MIB);
    assert_eq!(stage.budget.used(), 13 << 20);
    stage.pass(13 * MIB);
    assert_eq!(stage.budget.used(), 0);
    assert_eq!(stage.view.window, MIB);
}

#[test]
fn after_a_large_document_the_next_begins_wide() {
    let mut stage = Stage::new(64 << 20);
    stage.view.product = Some(4 << 20);
    assert_eq!(stage.manager.on_open(stage.now, &stage.view), 0);
    stage.view.follows_large = true;
    assert_eq!(stage.manager.on_open(stage.now, &stage.view), 7 * MIB);
    assert_eq!(stage.budget.used(), 7 << 20);
    let mut connection = Adaptive::new(Scope::Connection, MIB);
    stage.view.scope = Scope::Connection;
    assert_eq!(connection.on_open(stage.now, &stage.view), 0);
}

/// Windows that were not widened return half at once; others, an eighth.
#[test]
fn updates_are_as_few_as_the_window_allows() {
    let mut stage = Stage::new(64 << 20);
    stage.view.round_trip = Some(millis(0));
    assert_eq!(stage.pass(MIB / 2 - 1), 0);
    assert_eq!(stage.pass(1), MIB / 2);
    let mut stage = Stage::new(64 << 20);
    stage.pass(65_536);
    assert_eq!(stage.pass(2 * MIB - 1), 0);
    assert_eq!(stage.pass(1), 2 * MIB);
}

#[test]
fn the_connections_window_follows_the_product_and_never_falls() {
    let mut manager = Adaptive::new(Scope::Connection, 16 * MIB);
    let mut view = WindowView::new(Scope::Connection, 16 * MIB);
    let now = Instant::now();
    view.product = Some(7 << 20);
    assert_eq!(manager.on_consumed(now, 0, &view), 0);
    view.product = Some(20 << 20);
    assert_eq!(manager.on_consumed(now, 0, &view), 24 * MIB);
    view.product = Some(1 << 40);
    view.window = 40 * MIB;
    assert_eq!(manager.on_consumed(now, 0, &view), 24 * MIB);
    view.product = Some(0);
    view.window = 56 * MIB;
    assert_eq!(manager.on_consumed(now, 0, &view), 8 * MIB);
    // Small ones return no crumbs.
    let mut small = Adaptive::new(Scope::Connection, 65_535);
    view = WindowView::new(Scope::Connection, 65_535);
    view.window = 32_768;
    assert_eq!(small.on_consumed(now, 32_767, &view), 0);
    view.window = 32_767;
    assert_eq!(small.on_consumed(now, 1, &view), 32_768);
}

#[test]
fn a_blocked_peer_gets_what_is_missing_and_not_what_is_unread() {
    let mut stage = Stage::new(64 << 20);
    stage.arrive(MIB);
    assert_eq!(stage.manager.on_blocked(stage.now, &stage.view), 0);
    stage.view.unread = 1_000;
    let missing = stage.manager.on_blocked(stage.now, &stage.view);
    assert_eq!(missing, MIB - 1_000);
    stage.view.document_left = Some(5);
    let missing = stage.manager.on_blocked(stage.now, &stage.view);
    assert_eq!(missing, 5 + 16 * 1024);
}

#[test]
fn bounds_of_nothing_still_let_something_through() {
    let bounds = AdaptiveBounds {
        max_stream_window: 0,
        min_stream_window: 0,
        assumed_bandwidth: u64::MAX,
        budget: Budget::new(0),
        ..AdaptiveBounds::default()
    };
    let mut manager = Adaptive::within(bounds, STREAM, 0);
    let mut view = WindowView::new(STREAM, 0);
    view.round_trip = Some(Duration::MAX);
    view.product = Some(u64::MAX);
    let now = Instant::now();
    assert_eq!(manager.on_open(now, &view), 0);
    assert_eq!(manager.on_blocked(now, &view), 1);
    view.received = 1;
    assert_eq!(manager.on_consumed(now, 1, &view), 1);
}

/// What is read within a round trip of a wider window was sent into the old one.
#[test]
fn a_wider_window_is_measured_once_it_shows() {
    let mut stage = Stage::new(64 << 20);
    let began = stage.now;
    assert!(stage.pass(65_536) > 0);
    for tick in 1..=9 {
        stage.now = began + millis(50) * tick;
        stage.pass(1);
    }
    assert_eq!(stage.manager.aim(), 16 * MIB);
    stage.now = began + millis(500);
    stage.pass(1);
    assert_eq!(stage.manager.aim(), 8 * MIB);
}
