//! RFC 9218 §2.1, §7: PRIORITY_UPDATE, and when it is of use.

use towline::{
    http2::{ErrorCode, Violation, engine::Closure, frame::SettingId},
    priority::Priority,
};

use crate::{shared, support::*, urgent};

fn priority_update(id: u32, value: &str) -> Wire {
    let value = octets(value);
    Wire::PriorityUpdate { id, value }
}

/// A connection to a server that is in favour of PRIORITY_UPDATE.
fn connected() -> Script {
    Script::connected_with(config(|_| {}), &[(SettingId::NO_RFC7540_PRIORITIES, 1)])
}

/// A stream that waits for its response.
fn asked(request: Request) -> Script {
    let mut t = connected();
    t.open(request);
    t.peer_gets(headers(1).end_stream());
    t
}

#[track_caller]
fn ends_well(mut t: Script) {
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn a_change_is_told_on_stream_zero() {
    let mut t = asked(get("/").extension(urgent(1)));
    t.prioritize(1, shared(5));
    t.peer_gets(priority_update(1, "u=5, i"));
    t.prioritize(1, urgent(5));
    t.peer_gets(priority_update(1, "u=5"));
    ends_well(t);
}

/// RFC 9218 §7: a parameter that is left out has its default.
#[test]
fn a_change_to_the_default_is_told_by_saying_nothing() {
    let mut t = asked(get("/").extension(shared(1)));
    t.prioritize(1, Priority::default());
    t.peer_gets(priority_update(1, ""));
    ends_well(t);
}

#[test]
fn what_the_server_knows_is_not_told() {
    let mut t = asked(get("/").extension(urgent(1)));
    t.prioritize(1, urgent(1));
    t.peer_gets_nothing();
    // Nor what is no change in the end.
    t.prioritize(1, urgent(2));
    t.prioritize(1, urgent(1));
    t.peer_gets_nothing();
    ends_well(t);
    // Silence is the default.
    let mut t = asked(get("/"));
    t.prioritize(1, Priority::default());
    t.peer_gets_nothing();
    ends_well(t);
}

#[test]
fn changes_before_the_next_output_are_one_frame() {
    let mut t = asked(get("/").extension(urgent(1)));
    t.open(get("/"));
    t.peer_gets(headers(3).end_stream());
    for urgency in [7, 0, 5] {
        t.prioritize(1, urgent(urgency));
        t.prioritize(3, shared(urgency));
    }
    t.peer_gets([priority_update(1, "u=5"), priority_update(3, "u=5, i")]);
    t.cancel(3);
    t.peer_gets(rst_stream(3, ErrorCode::CANCEL));
    t.sees([finished(3)]);
    ends_well(t);
}

/// RFC 9218 §7.1: on an idle stream it would count as one that is active.
#[test]
fn it_follows_the_head_of_its_stream() {
    let mut t = connected();
    t.open(get("/"));
    t.prioritize(1, urgent(0));
    t.peer_gets([headers(1).end_stream(), priority_update(1, "u=0")]);
    ends_well(t);
}

#[test]
fn there_is_none_for_streams_that_are_not_there() {
    let mut t = asked(get("/"));
    t.prioritize(3, urgent(0));
    t.peer_gets_nothing();
    t.prioritize(1, urgent(0));
    t.cancel(1);
    t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
    t.sees([finished(1)]);
    t.prioritize(1, urgent(2));
    t.peer_gets_nothing();
    t.goes_on();
}

/// RFC 9218 §7.1: it is for streams "where data might still be received".
#[test]
fn there_is_none_once_the_response_is_complete() {
    let mut t = connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream()]);
    t.prioritize(1, urgent(0));
    t.peer_gets_nothing();
    t.finish(1);
    t.peer_gets(data(1, "").end_stream());
    t.sees([finished(1)]);
    t.goes_on();
}

#[test]
fn it_may_follow_the_end_of_the_request() {
    let mut t = connected();
    t.open(post("/").whole("all of it"));
    t.peer_gets([headers(1), data(1, "all of it").end_stream()]);
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    t.prioritize(1, urgent(0));
    t.peer_gets(priority_update(1, "u=0"));
    t.peer_sends(data(1, "").end_stream());
    t.sees([content(1, "").end_stream(), finished(1)]);
    t.goes_on();
}

mod settings_of_the_server {
    use super::*;

    /// RFC 9218 §2.1.1: "until the client receives the SETTINGS frame from the server".
    #[test]
    fn before_they_have_come_it_is_sent() {
        let mut t = Script::fresh();
        t.open(get("/"));
        t.reads();
        t.prioritize(1, urgent(0));
        t.peer_gets(priority_update(1, "u=0"));
        t.peer_sends([settings(&[]), settings_ack()]);
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings]);
        t.prioritize(1, urgent(1));
        t.peer_gets_nothing();
        ends_well(t);
    }

    /// RFC 9218 §2.1.1: "a value of 0 or if the settings parameter was absent".
    #[test]
    fn without_the_one_that_asks_for_it_it_is_not_sent() {
        let zero = [(SettingId::NO_RFC7540_PRIORITIES, 0)];
        for values in [&zero[..], &[]] {
            let mut t = Script::connected_with(config(|_| {}), values);
            t.open(get("/").extension(urgent(1)));
            t.peer_gets(headers(1).end_stream());
            t.prioritize(1, urgent(0));
            t.peer_gets_nothing();
            ends_well(t);
        }
    }

    /// RFC 9218 §2.1: 0 and 1 are all there is.
    #[test]
    fn another_value_is_a_connection_error() {
        let mut t = Script::connected();
        t.peer_sends(settings(&[(SettingId::NO_RFC7540_PRIORITIES, 2)]));
        t.connection_fails(
            ErrorCode::PROTOCOL_ERROR,
            Violation::NoRfc7540PrioritiesValue,
        );
    }
}

/// RFC 9218 §7.1: "Servers MUST NOT send PRIORITY_UPDATE frames".
#[test]
fn one_of_the_servers_is_a_connection_error() {
    let mut t = asked(get("/"));
    t.peer_sends(priority_update(1, "u=0"));
    let violation = Violation::PriorityUpdateFromServer;
    t.peer_gets(goaway(0, violation.code()));
    assert_eq!(violation.code(), ErrorCode::PROTOCOL_ERROR);
    t.ends(Closure::Fault(violation));
}

#[test]
fn a_closed_connection_sends_none() {
    let mut t = asked(get("/"));
    t.prioritize(1, urgent(0));
    t.engine.close(ErrorCode::NO_ERROR);
    t.prioritize(1, urgent(1));
    t.peer_gets(goaway(0, ErrorCode::NO_ERROR));
    t.ends(Closure::Local(ErrorCode::NO_ERROR));
}

/// Streams come and go while nothing can be written: what waits for the next output is bounded.
#[test]
fn changes_of_streams_that_are_gone_do_not_pile_up() {
    let mut t = connected();
    for _ in 0..1_000 {
        let id = t.open(get("/"));
        for urgency in 0..8 {
            t.prioritize(id, urgent(urgency));
        }
        t.cancel(id);
    }
    let sent = t.reads();
    assert_eq!(sent.len(), 2_000, "heads and resets, and nothing else");
    t.events();
    t.goes_on();
}
