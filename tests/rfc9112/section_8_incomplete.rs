//! RFC 9112 §8: messages that the end of the connection cuts off.

use towline::http1::{Closure, Failure};

use super::script::{Script, Seen, data, get, head, post};

#[track_caller]
fn cut_off(mut t: Script, failure: Failure) {
    t.peer_closes();
    t.sees([Seen::Failed(failure), Seen::Closed(Closure::Eof)]);
    t.is_over();
}

#[test]
fn before_the_request_was_given_out_it_can_go_elsewhere() {
    let mut t = Script::new();
    t.open(get("/"));
    cut_off(t, Failure::Unsent);
}

#[test]
fn before_the_first_octet_of_a_response_is_a_case_of_its_own() {
    // RFC 9112 §9.3.1: the connection may have been gone before the request came.
    cut_off(Script::asked(), Failure::Unanswered);
    // The same amid an upload.
    let mut t = Script::new();
    t.ask(post("/").streaming(None));
    t.send_data("x");
    cut_off(t, Failure::Unanswered);
}

#[test]
fn amid_a_head() {
    let mut t = Script::asked();
    t.peer_sends("H");
    cut_off(t, Failure::HeadTruncated);
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    cut_off(t, Failure::HeadTruncated);
}

#[test]
fn after_interim_responses_only() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 102 Processing\r\n\r\n");
    t.sees([Seen::Interim(102)]);
    cut_off(t, Failure::HeadTruncated);
}

#[test]
fn amid_content_of_known_length() {
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    t.sees([head(200), data("abc")]);
    let (received, expected) = (3, Some(9));
    cut_off(t, Failure::BodyTruncated { received, expected });
    let mut t = Script::asked();
    t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    t.sees([head(200)]);
    let received = 0;
    cut_off(t, Failure::BodyTruncated { received, expected });
}

#[test]
fn amid_chunked_content() {
    // RFC 9112 §8: it is complete with its zero-sized chunk and the empty line only.
    for (octets, received) in [
        ("", 0),
        ("3", 0),
        ("3\r\nab", 2),
        ("3\r\nabc", 3),
        ("3\r\nabc\r\n", 3),
        ("3\r\nabc\r\n0\r\n", 3),
        ("3\r\nabc\r\n0\r\nx: y\r\n", 3),
    ] {
        let mut t = Script::asked();
        t.peer_sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        t.peer_sends(octets);
        t.events();
        let expected = None;
        cut_off(t, Failure::BodyTruncated { received, expected });
    }
}

#[test]
fn while_idle_nothing_is_cut_off() {
    let mut t = Script::new();
    t.goes_on();
    t.peer_closes();
    t.sees([Seen::Closed(Closure::Eof)]);
    t.is_over();
    // And closing what is closed is nothing new.
    t.peer_closes();
    t.engine.close();
    t.sees([]);
}
