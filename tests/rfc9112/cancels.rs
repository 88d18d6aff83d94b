//! Callers who leave: when the connection is worth keeping.

use std::time::Duration;

use towline::http1::{Closure, State, Violation};

use super::script::{Script, Seen, config, get, post};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The caller leaves once this has come.
fn left_after(octets: &str) -> Script {
    let mut t = Script::asked();
    t.peer_sends(octets);
    t.engine.cancel(t.now);
    t
}

#[track_caller]
fn drains(t: &mut Script) {
    assert_eq!(t.engine.state(), State::Draining);
    t.sees([]);
    assert_eq!(
        t.engine.poll_timeout(),
        Some(t.now + Duration::from_secs(1))
    );
}

#[track_caller]
fn closes(mut t: Script) {
    // What is in the read buffer is of no use any more.
    t.peer_sends("");
    t.sees([Seen::Closed(Closure::Local)]);
    t.is_over();
}

#[test]
fn the_little_that_is_left_is_dropped() {
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
    drains(&mut t);
    // Leaving twice is leaving once.
    t.engine.cancel(t.now + Duration::from_millis(500));
    drains(&mut t);
    t.peer_sends("x".repeat(65_535));
    t.sees([]);
    t.peer_sends("x");
    t.sees([Seen::Finished]);
    t.goes_on();
}

#[test]
fn a_length_above_the_limit_is_not_waited_for() {
    closes(left_after(
        "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n",
    ));
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\nx");
    drains(&mut t);
}

#[test]
fn chunks_are_dropped_up_to_the_limit_with_all_they_cost() {
    let mut t = left_after(CHUNKED);
    drains(&mut t);
    t.peer_sends("1\r\nx\r\n0\r\nx: y\r\n\r\n");
    t.sees([Seen::Finished]);
    t.goes_on();
    // 6 octets a chunk, 10,922 of them: 65,532.
    let mut t = left_after(CHUNKED);
    t.peer_sends("1\r\nx\r\n".repeat(10_922));
    drains(&mut t);
    t.peer_sends("1\r\nx\r\n");
    closes(t);
}

#[test]
fn the_limit_is_configured() {
    let mut t = Script::asking(config(|config| config.limits.drain = 3), get("/"));
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    t.engine.cancel(t.now);
    closes(t);
}

#[test]
fn what_was_reported_and_not_taken_is_forgotten() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 204 No Content\r\n\r\n");
    t.ask(get("/"));
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi");
    t.engine.cancel(t.now);
    // The exchange before is not concerned.
    t.sees([super::script::only_head(204), Seen::Finished]);
    t.peer_sends("!");
    t.sees([Seen::Finished]);
    t.goes_on();
}

#[test]
fn a_response_that_has_no_known_end_is_not_waited_for() {
    closes(left_after(""));
    closes(left_after("HTTP/1.1 100 Continue\r\n\r\n"));
    closes(left_after("HTTP/1.1 200 OK\r\n"));
    closes(left_after("HTTP/1.1 200 OK\r\n\r\n"));
}

#[test]
fn a_connection_that_closes_anyway_closes_now() {
    closes(left_after(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
    ));
}

#[test]
fn a_request_that_is_not_out_closes_the_connection() {
    let mut t = Script::new();
    t.open(get("/"));
    t.engine.cancel(t.now);
    t.peer_gets("");
    closes(t);
    let mut t = Script::new();
    t.ask(post("/").streaming(None));
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    t.engine.cancel(t.now);
    closes(t);
    // Even if all of the response has come.
    let mut t = Script::new();
    t.ask(post("/").streaming(None));
    t.engine.finish(None);
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    t.engine.cancel(t.now);
    closes(t);
}

#[test]
fn the_rest_must_come_soon() {
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    t.waits(Duration::from_millis(999));
    assert_eq!(t.engine.state(), State::Draining);
    t.waits(Duration::from_millis(1));
    closes(t);
}

#[test]
fn octets_one_by_one_do_not_put_off_the_end() {
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    for _ in 0..4 {
        t.now += Duration::from_millis(300);
        t.peer_sends("x");
    }
    closes(t);
}

#[test]
fn the_last_octet_counts_even_if_it_comes_late() {
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    t.now += Duration::from_secs(5);
    t.peer_sends("x");
    t.sees([Seen::Finished]);
    t.goes_on();
}

#[test]
fn surplus_faults_and_the_end_of_the_connection_are_noticed_all_the_same() {
    let mut t = left_after("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    t.peer_sends("xy");
    t.sees([Seen::Closed(Closure::Unsolicited)]);
    t.is_over();
    let mut t = left_after(CHUNKED);
    t.peer_sends("x\r\n");
    t.sees([Seen::Closed(Closure::Fault(Violation::ChunkSize))]);
    t.is_over();
    let mut t = left_after(CHUNKED);
    t.peer_closes();
    t.sees([Seen::Closed(Closure::Eof)]);
    t.is_over();
}
