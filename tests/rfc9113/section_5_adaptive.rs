//! The default window managers, on links in virtual time: what share of a link they reach, what they
//! spend on it, and that they keep within their bounds.

use std::time::Duration;

use towline::{
    http2::{Config, ErrorCode},
    window::{AdaptiveBounds, Budget, Managers},
};

use crate::{
    link::{Document, Link, Reader, Way},
    support::*,
};

const MIB: u64 = 1 << 20;

/// A long fat link: 12.5 MB are on their way at once.
const FAT: Way = Way {
    octets_per_second: 125_000_000,
    round_trip: Duration::from_millis(100),
};

/// Default bounds, and a budget that no other test draws on.
fn bounds(change: impl FnOnce(&mut AdaptiveBounds)) -> Config {
    let mut bounds = AdaptiveBounds::default();
    bounds.budget = Budget::new(Budget::DEFAULT_LIMIT);
    change(&mut bounds);
    config(|config| config.stream_window_managers = Managers::new(bounds))
}

fn defaults() -> Config {
    bounds(|_| {})
}

/// How much of the link that is, in tenths of a percent.
fn share(rate: u64, way: Way) -> u64 {
    rate * 1_000 / way.octets_per_second
}

/// The first megabyte takes 8 ms, and then it takes a round trip until the widened window shows:
/// 85.4 % is what can be had.
#[test]
fn a_cold_download_fills_a_long_fat_link() {
    let known = Document::of(64 * MIB);
    for document in [known, known.of_unknown_length()] {
        let mut link = Link::new(FAT, defaults());
        let id = link.get(document);
        link.run();
        let download = &link.downloads[&id];
        let share = share(download.rate(), FAT);
        assert!(share >= 850, "{share}");
        assert!(download.updates <= 30, "{}", download.updates);
        assert!(link.connection_updates <= 30);
        assert_eq!(link.pings, 1);
        link.engine.assert_quiet();
    }
}

#[test]
fn after_the_first_second_nothing_is_left_of_the_link() {
    let mut link = Link::new(FAT, defaults());
    let id = link.get(Document::of(256 * MIB));
    link.run();
    let from = link.began + Duration::from_secs(1);
    let share = share(link.downloads[&id].rate_from(from), FAT);
    assert!(share >= 990, "{share}");
    assert_eq!(link.pings, 2, "in 2.3 seconds");
    link.engine.assert_quiet();
}

/// The next download begins with the window that the last one needed.
#[test]
fn a_warm_download_needs_no_ramp() {
    let mut link = Link::new(FAT, defaults());
    link.get(Document::of(64 * MIB));
    link.run();
    let id = link.get(Document::of(64 * MIB));
    link.run();
    let share = share(link.downloads[&id].rate(), FAT);
    assert!(share >= 990, "{share}");
    assert_eq!(link.pings, 2, "in 1.3 seconds");
}

/// After a large document one window is widened for nothing; after a small one, none is.
#[test]
fn small_answers_cost_no_frame() {
    let mut link = Link::new(FAT, defaults());
    let sizes = [0, 1, 1_000, 60_000, MIB];
    let documents = sizes.map(Document::of);
    let small = Document::of(50_000).of_unknown_length();
    for document in documents.into_iter().chain([small]) {
        let id = link.get(document);
        link.run();
        assert_eq!(link.downloads[&id].updates, 0, "{document:?}");
    }
    assert_eq!(link.pings, 1, "a mebibyte is worth one");
    link.get(Document::of(64 * MIB));
    link.run();
    let updates = [0; 3].map(|_| {
        let id = link.get(Document::of(1_000));
        link.run();
        link.downloads[&id].updates
    });
    assert_eq!(updates, [1, 0, 0]);
}

/// Nothing is given that the document does not need, but a frame's room for its end.
#[test]
fn a_window_is_no_wider_than_the_document() {
    let mut link = Link::new(FAT, defaults());
    let id = link.get(Document::of(3 * MIB));
    link.run();
    assert!(link.downloads[&id].updates <= 2);
    let left = link.credit_left(id);
    assert!(left > 0 && left <= 16 * 1024, "{left}");
    let spent = link.elapsed();
    assert!(spent < Duration::from_millis(225), "{spent:?}");
}

/// On a way so short that the initial window covers it, it stays; a link may be as fast as it likes.
#[test]
fn on_a_short_way_windows_stay_as_they_are() {
    for octets_per_second in [125_000_000, 2_500_000_000] {
        let way = Way {
            octets_per_second,
            round_trip: Duration::from_micros(100),
        };
        let budget = Budget::new(Budget::DEFAULT_LIMIT);
        let mut link = Link::new(way, bounds(|bounds| bounds.budget = budget.clone()));
        let id = link.get(Document::of(256 * MIB).of_unknown_length());
        let mut widest = 0;
        while !link.downloads[&id].is_done {
            link.run_for(Duration::from_millis(5));
            widest = widest.max(budget.used());
        }
        let share = share(link.downloads[&id].rate(), way);
        assert!(share >= 990, "{share}");
        assert_eq!(widest, 0);
        // Half of the window at a time, as a fixed window of that size has it.
        assert!(link.downloads[&id].updates <= 512);
    }
}

/// On a slow link, the first guess is far too much; it is taken back.
#[test]
fn a_window_falls_to_what_the_link_carries() {
    for (octets_per_second, time, left) in [(2_500_000, 8, 0), (50_000, 60, 7 * MIB)] {
        let way = Way {
            octets_per_second,
            round_trip: Duration::from_millis(50),
        };
        let budget = Budget::new(Budget::DEFAULT_LIMIT);
        let mut link = Link::new(way, bounds(|bounds| bounds.budget = budget.clone()));
        let id = link.get(Document::of(64 * MIB));
        while link.downloads[&id].updates == 0 {
            link.run_for(Duration::from_millis(50));
        }
        assert!(budget.used() > 6 * MIB, "{}", budget.used());
        link.run_for(Duration::from_secs(time));
        assert!(budget.used() <= left, "{}", budget.used());
        link.run();
        let share = share(link.downloads[&id].rate(), way);
        assert!(share >= 990, "{share}");
    }
}

/// A link that carries more than was assumed is found out.
#[test]
fn a_window_grows_beyond_the_first_guess() {
    let way = Way {
        octets_per_second: 1_250_000_000,
        round_trip: Duration::from_millis(10),
    };
    let mut link = Link::new(way, defaults());
    let id = link.get(Document::of(512 * MIB));
    link.run();
    let from = link.began + Duration::from_millis(200);
    let share = share(link.downloads[&id].rate_from(from), way);
    assert!(share >= 990, "{share}");
}

/// Who reads little is sent little ahead, and who reads again gets all of the link again.
#[test]
fn a_slow_reader_narrows_its_window() {
    let budget = Budget::new(Budget::DEFAULT_LIMIT);
    let mut link = Link::new(FAT, bounds(|bounds| bounds.budget = budget.clone()));
    let id = link.get(Document::of(512 * MIB));
    link.run_for(Duration::from_secs(1));
    assert_eq!(budget.used(), 15 * MIB);
    link.read_on(id, Reader::Slow(500_000));
    link.run_for(Duration::from_secs(60));
    assert_eq!(budget.used(), 0);
    let unread = link.downloads[&id].unread_octets;
    assert!(unread <= 256 << 10, "{unread}");
    link.read_on(id, Reader::Prompt);
    link.run_for(Duration::from_secs(2));
    let before = link.downloads[&id].received;
    link.run_for(Duration::from_millis(500));
    let rate = (link.downloads[&id].received - before) * 2;
    assert!(share(rate, FAT) >= 990, "{}", share(rate, FAT));
}

#[test]
fn a_reader_that_was_always_slow_is_not_sent_more() {
    let budget = Budget::new(Budget::DEFAULT_LIMIT);
    let mut link = Link::new(FAT, bounds(|bounds| bounds.budget = budget.clone()));
    let document = Document::of(64 * MIB);
    let id = link.get(document.read_by(Reader::Slow(500_000)));
    for _ in 0..100 {
        link.run_for(Duration::from_millis(500));
        assert_eq!(budget.used(), 0);
        assert!(link.downloads[&id].unread_octets <= MIB);
    }
}

#[test]
fn a_body_that_nobody_reads_stays_at_the_initial_window() {
    let mut link = Link::new(FAT, defaults());
    let id = link.get(Document::of(64 * MIB).read_by(Reader::Never));
    link.run_for(Duration::from_secs(60));
    assert_eq!(link.downloads[&id].received, MIB);
    assert_eq!(link.downloads[&id].updates, 0);
}

/// What is used up is used up: later streams keep what they began with, and get through all the
/// same. What was taken is given back.
#[test]
fn the_budget_bounds_all_streams_together() {
    let budget = Budget::new(20 * MIB);
    let mut link = Link::new(FAT, bounds(|bounds| bounds.budget = budget.clone()));
    let ids = [0; 4].map(|_| link.get(Document::of(32 * MIB)));
    let mut most = 0;
    while link.downloads[&ids[0]].received < 16 * MIB {
        link.run_for(Duration::from_millis(10));
        most = most.max(budget.used());
    }
    assert_eq!(most, 20 * MIB);
    link.run();
    assert_eq!(budget.used(), 0);
    link.engine.assert_quiet();
}

#[test]
fn a_stream_that_is_cancelled_gives_its_reservation_back() {
    let budget = Budget::new(20 * MIB);
    let mut link = Link::new(FAT, bounds(|bounds| bounds.budget = budget.clone()));
    let id = link.get(Document::of(64 * MIB));
    link.run_for(Duration::from_millis(250));
    assert_eq!(budget.used(), 15 * MIB);
    link.engine.cancel(stream(id), ErrorCode::CANCEL);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_window_does_not_exceed_its_bound() {
    let budget = Budget::new(Budget::DEFAULT_LIMIT);
    let config = bounds(|bounds| {
        bounds.max_stream_window = 4 << 20;
        bounds.budget = budget.clone();
    });
    let mut link = Link::new(FAT, config);
    let id = link.get(Document::of(64 * MIB));
    while !link.downloads[&id].is_done {
        link.run_for(Duration::from_millis(10));
        assert!(budget.used() <= 3 * MIB);
        assert!(link.credit_left(id) <= 4 << 20);
    }
}

/// Two streams at once need more than the connection's window was: it grows.
#[test]
fn the_connections_window_grows_with_what_it_carries() {
    let way = Way {
        round_trip: Duration::from_millis(200),
        ..FAT
    };
    let mut link = Link::new(way, defaults());
    let ids = [0; 2].map(|_| link.get(Document::of(256 * MIB)));
    link.run();
    let from = link.began + Duration::from_secs(2);
    let rate: u64 = ids
        .iter()
        .map(|id| link.downloads[id].rate_from(from))
        .sum();
    assert!(share(rate, way) >= 980, "{}", share(rate, way));
}

/// A probe that is never answered is not repeated, and keeps nothing from being quiet.
#[test]
fn our_pings_are_nobodys_business() {
    let config = config(|config| config.limits.fault_burst = 1);
    let mut t = Script::connected_with(config, &[]);
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    let mut pings = Vec::new();
    for _ in 0..64 {
        t.peer_sends(data(1, vec![0; 16_384]));
        t.events();
        t.release(1);
        let sent = t.reads().into_iter();
        pings.extend(sent.filter(|frame| matches!(frame, Wire::Ping { .. })));
        t.wait(Duration::from_secs(1));
    }
    let [
        Wire::Ping {
            ack: false,
            payload,
        },
    ] = pings[..]
    else {
        panic!("one PING: {pings:?}");
    };
    t.peer_sends(ping_ack(payload));
    t.sees_nothing();
    // Twice is of no use, and counted as such; it is not reported.
    t.peer_sends(ping_ack(payload));
    t.sees_nothing();
    t.peer_sends(data(1, "").end_stream());
    t.sees([content(1, "").end_stream(), finished(1)]);
    t.goes_on();
}
