//! Bounds on hostile servers: what is at the limit passes, what is above it does not, and neither
//! depends on how the octets come.

use towline::http1::{Config, Failure, Limits, Violation};

use super::script::{Script, Seen, config, flat, get, head, last_data, only_head, trailers};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn limited(change: impl FnOnce(&mut Limits)) -> Config {
    config(|config| change(&mut config.limits))
}

/// The response passes, and with an octet more it does not.
#[track_caller]
fn at_the_limit(
    config: &Config,
    response: impl Fn(usize) -> String,
    seen: &[Seen],
    violation: Violation,
) {
    for dribbles in [false, true] {
        let send = |surplus| {
            let mut t = Script::asking(config.clone(), get("/"));
            if dribbles {
                t.peer_dribbles(response(surplus));
            } else {
                t.peer_sends(response(surplus));
            }
            t
        };
        let mut t = send(0);
        let expected = seen.iter().cloned().chain([Seen::Finished]);
        assert_eq!(flat(t.events()), flat(expected));
        t.goes_on();
        let mut t = send(1);
        let events = t.events();
        assert!(!events.contains(&Seen::Finished), "{events:?}");
        let failed = Seen::Failed(Failure::Fault(violation));
        assert!(events.contains(&failed), "{events:?}");
        t.is_over();
    }
}

#[test]
fn of_a_head() {
    let start = "HTTP/1.1 204 No Content\r\nx: ";
    at_the_limit(
        &limited(|limits| limits.head_size = 100),
        |surplus| format!("{start}{}\r\n\r\n", "y".repeat(96 - start.len() + surplus)),
        &[only_head(204)],
        Violation::HeadTooLarge,
    );
}

#[test]
fn of_a_head_that_never_ends() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nx: ");
    t.peer_sends("y".repeat(65_535 - 20));
    t.sees([]);
    t.peer_sends("y");
    t.fails(Violation::HeadTooLarge);
}

#[test]
fn of_fields() {
    at_the_limit(
        &limited(|limits| limits.field_count = 3),
        |surplus| format!("HTTP/1.1 204 \r\n{}\r\n", "a: b\r\n".repeat(3 + surplus)),
        &[only_head(204)],
        Violation::FieldCount,
    );
    let three = [("a", "b"), ("a", "b"), ("a", "b")];
    at_the_limit(
        &limited(|limits| limits.field_count = 3),
        |surplus| format!("{CHUNKED}0\r\n{}\r\n", "a: b\r\n".repeat(3 + surplus)),
        &[head(200), trailers(&three)],
        Violation::FieldCount,
    );
}

#[test]
fn of_interim_responses() {
    for interims in [16, 17] {
        let mut t = Script::asked();
        t.peer_sends("HTTP/1.1 103 \r\n\r\n".repeat(interims));
        if interims == 16 {
            t.peer_sends("HTTP/1.1 204 \r\n\r\n");
            assert_eq!(t.events().len(), 18);
            t.goes_on();
        } else {
            for _ in 0..16 {
                assert!(t.engine.poll_event().is_some());
            }
            t.fails(Violation::InterimFlood);
        }
    }
    // Each exchange has its own.
    let mut t = Script::new();
    for _ in 0..3 {
        t.ask(get("/"));
        t.peer_sends("HTTP/1.1 103 \r\n\r\n".repeat(10));
        t.peer_sends("HTTP/1.1 204 \r\n\r\n");
        t.events();
    }
    t.goes_on();
}

#[test]
fn of_a_chunks_line() {
    let seen = [head(200), last_data(".")];
    at_the_limit(
        &limited(|limits| limits.chunk_line = 20),
        |surplus| {
            let extension = "e".repeat(16 + surplus);
            format!("{CHUNKED}1;{extension}\r\n.\r\n0\r\n\r\n")
        },
        &seen,
        Violation::ChunkLineTooLong,
    );
    let mut t = Script::asked();
    t.peer_sends(CHUNKED);
    t.sees([head(200)]);
    t.peer_sends("1;");
    t.peer_sends("x".repeat(4_093));
    t.sees([]);
    t.peer_sends("x");
    t.fails(Violation::ChunkLineTooLong);
}

#[test]
fn of_all_extensions_together() {
    // A line of 18 octets could be a size; each of these is 28.
    let line = format!("1;{}\r\n.\r\n", "e".repeat(24));
    at_the_limit(
        &limited(|limits| limits.chunk_extensions = 30),
        |surplus| format!("{CHUNKED}{}0\r\n\r\n", line.repeat(3 + surplus)),
        &[head(200), last_data("...")],
        Violation::ExtensionFlood,
    );
    // Leading zeros are extensions of a kind.
    at_the_limit(
        &limited(|limits| limits.chunk_extensions = 30),
        |surplus| format!("{CHUNKED}{}1\r\n.\r\n0\r\n\r\n", "0".repeat(45 + surplus)),
        &[head(200), last_data(".")],
        Violation::ExtensionFlood,
    );
}

#[test]
fn of_a_trailer_section() {
    at_the_limit(
        &limited(|limits| limits.trailer_size = 10),
        |surplus| format!("{CHUNKED}0\r\nx: yyy{}\r\n\r\n", "y".repeat(surplus)),
        &[head(200), trailers(&[("x", "yyy")])],
        Violation::TrailersTooLarge,
    );
}

#[test]
fn above_what_a_map_can_hold_are_no_panic() {
    let config = limited(|limits| {
        limits.field_count = usize::MAX;
        limits.head_size = usize::MAX;
    });
    let mut t = Script::asking(config, get("/"));
    let fields: String = (0..40_000).map(|index| format!("x{index}:\r\n")).collect();
    t.peer_sends(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
    t.fails(Violation::FieldCount);
}

#[test]
fn of_a_head_that_comes_octet_by_octet_cost_no_more_than_its_length() {
    // Were it sought from the beginning each time, this would look at 10^12 octets.
    let config = limited(|limits| limits.head_size = 2_000_000);
    let mut t = Script::asking(config, get("/"));
    t.peer_sends("HTTP/1.1 204 \r\nx: ");
    t.peer_dribbles("y".repeat(1_500_000));
    t.peer_sends("\r\n\r\n");
    t.sees([only_head(204), Seen::Finished]);
    t.goes_on();
}

#[test]
fn have_reasons_and_defaults() {
    let limits = Limits::default();
    assert_eq!(limits.head_size, 65_536);
    assert_eq!(limits.field_count, 256);
    assert_eq!(limits.interim_responses, 16);
    assert_eq!(limits.chunk_line, 4_096);
    assert_eq!(limits.chunk_extensions, 16_384);
    assert_eq!(limits.trailer_size, 65_536);
    assert_eq!(limits.drain, 65_536);
}
