//! RFC 9113 §8.1, §8.3.1: requests as they leave, and what becomes of their bodies.

use towline::http2::ErrorCode;

use crate::support::*;

/// The response comes, and all is quiet.
#[track_caller]
fn answered(mut t: Script) {
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream(), finished(1)]);
    t.goes_on();
}

#[test]
fn pseudo_header_fields_come_first_and_connection_fields_not_at_all() {
    let mut t = Script::connected();
    t.open(
        get("/a?b")
            .field("connection", "x-hop")
            .field("x-hop", "1")
            .field("te", "gzip, trailers")
            .field("x-end", "2")
            .field("cookie", "a=1; b=2"),
    );
    t.peer_gets(
        headers(1)
            .field(":method", "GET")
            .field(":scheme", "https")
            .field(":authority", "example.com")
            .field(":path", "/a?b")
            .field("x-end", "2")
            .field("cookie", "a=1")
            .field("cookie", "b=2")
            .field("te", "trailers")
            .end_stream(),
    );
    answered(t);
}

#[test]
fn a_whole_body_follows_its_head() {
    let mut t = Script::connected();
    t.open(post("/").whole("body").length(4));
    let sent = t.reads();
    let [Wire::Headers(section), body] = &sent[..] else {
        panic!("head and body: {sent:?}");
    };
    let length = (octets("content-length"), octets("4"));
    assert!(section.lines.contains(&length) && !section.end_stream);
    assert!(data(1, "body").end_stream().is_met_by(body));
    answered(t);
}

/// A frame of nothing would say no more than the flag.
#[test]
fn an_empty_whole_body_ends_with_its_head() {
    let mut t = Script::connected();
    t.open(post("/").whole("").length(0));
    t.peer_gets(headers(1).end_stream());
    answered(t);
}

#[test]
fn a_streamed_body_may_be_empty() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.finish(1);
    t.peer_gets([headers(1), data(1, "").end_stream()]);
    answered(t);
}

/// RFC 9113 §8.1: the trailer section has END_STREAM, the DATA before it has not.
#[test]
fn trailers_follow_the_content() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.send(1, "content");
    t.finish_with(1, map(&[("x-sum", "7")]));
    t.peer_gets([data(1, "content"), trailers(1, "x-sum", "7")]);
    answered(t);
}

/// RFC 9110 §6.5.1; if nothing is left, there is no trailer section.
#[test]
fn fields_that_may_not_be_trailers_are_left_out() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.finish_with(
        1,
        map(&[("content-length", "3"), ("x-sum", "0"), ("te", "trailers")]),
    );
    t.peer_gets(trailers(1, "x-sum", "0"));
    answered(t);

    for none in [
        map(&[]),
        map(&[("host", "a"), ("transfer-encoding", "chunked")]),
    ] {
        let mut t = Script::connected();
        t.open(post("/"));
        t.peer_gets(headers(1));
        t.finish_with(1, none);
        t.peer_gets(data(1, "").end_stream());
        answered(t);
    }
}

/// RFC 9113 §4.3: trailers are encoded in their turn among the heads.
#[test]
fn trailers_and_heads_keep_the_encoder_in_step() {
    let mut t = Script::connected();
    t.open(post("/").field("x-a", "1"));
    t.reads();
    t.send(1, "content");
    t.finish_with(1, map(&[("x-sum", "7"), ("x-a", "1")]));
    t.open(get("/").field("x-sum", "7").field("x-a", "1"));
    t.peer_gets([
        headers(3).end_stream(),
        data(1, "content"),
        headers(1)
            .field("x-sum", "7")
            .field("x-a", "1")
            .end_stream(),
    ]);
    t.peer_sends(response(3, 200).end_stream());
    t.sees([head(3, 200).end_stream(), finished(3)]);
    answered(t);
}

/// RFC 9113 §8.1: "A server can send a complete response prior to the client sending an entire
/// request".
#[test]
fn an_upload_may_go_on_after_a_complete_response() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.peer_sends(response(1, 200).end_stream());
    t.sees([head(1, 200).end_stream()]);
    t.send(1, "still");
    t.finish(1);
    t.peer_gets(data(1, "still").end_stream());
    t.sees([finished(1)]);
    t.goes_on();
}

/// RFC 9113 §8.1: "Clients MUST NOT discard responses as a result of receiving such a
/// RST_STREAM".
#[test]
fn a_reset_without_error_after_a_complete_response_only_stops_the_upload() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.send(1, "part");
    t.peer_sends([
        response(1, 413),
        data(1, "too much").end_stream(),
        rst_stream(1, ErrorCode::NO_ERROR),
    ]);
    t.sees([
        head(1, 413),
        content(1, "too much").end_stream(),
        send_stopped(1),
        finished(1),
    ]);
    t.goes_on();
}

#[test]
fn a_reset_without_error_before_the_response_is_complete_is_a_failure() {
    let mut t = Script::connected();
    t.open(post("/"));
    t.peer_gets(headers(1));
    t.peer_sends([response(1, 200), rst_stream(1, ErrorCode::NO_ERROR)]);
    t.sees([head(1, 200), reset(1, ErrorCode::NO_ERROR), finished(1)]);
    t.goes_on();
}
