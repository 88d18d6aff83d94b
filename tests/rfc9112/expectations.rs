//! RFC 9110 §10.1.1: `expect: 100-continue`.

use std::time::Duration;

use towline::http1::{Closure, Config};

use super::script::{Request, Script, Seen, config, get, head, last_data, only_head, post};

fn expecting(request: Request) -> Request {
    request.field("expect", "100-Continue")
}

/// The head is out, the body is held.
#[track_caller]
fn held(config: Config, request: Request) -> Script {
    let mut t = Script::with(config);
    t.open(expecting(request));
    let wire = t.output();
    assert!(wire.contains("\r\nexpect: 100-Continue\r\n"), "{wire}");
    assert!(wire.ends_with("\r\n\r\n"), "{wire}");
    assert!(!t.engine.wants_data());
    assert_eq!(
        t.engine.poll_timeout(),
        Some(t.now + Duration::from_secs(1))
    );
    t
}

#[test]
fn a_whole_body_waits_for_100() {
    let mut t = held(Config::default(), post("/").whole("hi"));
    t.peer_sends("HTTP/1.1 100 Continue\r\n\r\n");
    t.sees([Seen::Interim(100)]);
    assert_eq!(t.engine.poll_timeout(), None);
    t.peer_gets("hi");
    t.peer_sends("HTTP/1.1 204 No Content\r\n\r\n");
    t.sees([only_head(204), Seen::Finished]);
    t.goes_on();
}

#[test]
fn a_streaming_body_is_not_asked_before_100() {
    let mut t = held(Config::default(), post("/").streaming(None));
    t.peer_sends("HTTP/1.1 100 Continue\r\n\r\n");
    assert!(t.engine.wants_data());
    t.send_data("hi");
    t.engine.finish(None);
    t.peer_gets("2\r\nhi\r\n0\r\n\r\n");
}

#[test]
fn what_is_given_too_soon_waits() {
    let mut t = held(Config::default(), post("/").streaming(Some(2)));
    t.send_data("hi");
    t.engine.finish(None);
    t.peer_gets("");
    t.peer_sends("HTTP/1.1 100 Continue\r\n\r\n");
    t.peer_gets("hi");
}

#[test]
fn other_interim_responses_do_not_let_it_go() {
    let mut t = held(Config::default(), post("/").whole("hi"));
    t.peer_sends("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
    t.sees([Seen::Interim(102), Seen::Interim(103)]);
    t.peer_gets("");
}

#[test]
fn it_waits_for_a_while_only() {
    let mut t = held(Config::default(), post("/").streaming(None));
    t.waits(Duration::from_millis(999));
    assert!(!t.engine.wants_data());
    t.waits(Duration::from_millis(1));
    assert!(t.engine.wants_data());
    assert_eq!(t.engine.poll_timeout(), None);
    t.send_data("hi");
    t.peer_gets("2\r\nhi\r\n");
    // The 100 that comes late is an interim response like others.
    t.peer_sends("HTTP/1.1 100 Continue\r\n\r\n");
    t.sees([Seen::Interim(100)]);
}

#[test]
fn the_while_is_configured() {
    let mut t = Script::with(config(|config| {
        config.continue_timeout = Duration::from_millis(7);
    }));
    t.ask(expecting(post("/").whole("hi")));
    t.waits(Duration::from_millis(7));
    t.peer_gets("hi");
    // One that no clock can hold is for ever.
    let mut t = Script::with(config(|config| config.continue_timeout = Duration::MAX));
    t.ask(expecting(post("/").whole("hi")));
    assert_eq!(t.engine.poll_timeout(), None);
    t.peer_gets("");
}

#[test]
fn a_final_response_means_that_the_body_is_never_sent() {
    for status in [417, 401, 200] {
        let mut t = held(Config::default(), post("/").whole("hi"));
        t.peer_sends(format!("HTTP/1.1 {status} \r\nContent-Length: 2\r\n\r\nno"));
        t.sees([
            head(status),
            Seen::SendStopped,
            last_data("no"),
            Seen::Closed(Closure::Unfinished),
        ]);
        t.is_over();
    }
}

#[test]
fn a_final_response_to_a_body_that_was_let_go_stops_nothing() {
    let mut t = held(Config::default(), post("/").streaming(None));
    t.waits(Duration::from_secs(1));
    t.peer_sends("HTTP/1.1 417 \r\nContent-Length: 2\r\n\r\n");
    t.sees([head(417)]);
    assert!(t.engine.wants_data());
    t.engine.finish(None);
    t.peer_gets("0\r\n\r\n");
    t.peer_sends("no");
    t.sees([last_data("no"), Seen::Finished]);
    t.goes_on();
}

#[test]
fn a_request_without_content_expects_nothing() {
    // RFC 9110 §10.1.1: a client "MUST NOT generate" it there.
    for request in [get("/"), post("/"), get("/").whole("")] {
        let mut t = Script::new();
        t.open(expecting(request));
        assert_eq!(t.engine.poll_timeout(), None);
        let wire = t.output();
        assert!(!wire.contains("expect"), "{wire}");
    }
}

#[test]
fn other_expectations_hold_nothing_back() {
    let mut t = Script::new();
    t.open(post("/").whole("hi").field("expect", "200-ok"));
    let wire = t.output();
    assert!(wire.contains("\r\nexpect: 200-ok\r\n"), "{wire}");
    assert!(wire.ends_with("\r\n\r\nhi"), "{wire}");
}
