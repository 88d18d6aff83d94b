//! RFC 9113 §8: what a response may be, and that a malformed one is an error of its stream alone.

use http::Method;
use towline::http2::{ErrorCode, Violation, engine::Event};

use crate::support::*;

const PROTOCOL: ErrorCode = ErrorCode::PROTOCOL_ERROR;

/// A connection with one request on stream 1 that awaits its response.
fn asked_by(method: Method) -> Script {
    let mut t = Script::connected();
    t.open(request(method, "https://example.com/"));
    t.peer_gets(headers(1).end_stream());
    t
}

fn asked() -> Script {
    asked_by(Method::GET)
}

/// The frames are a response that is malformed in this way.
#[track_caller]
fn malformed(violation: Violation, frames: impl IntoIterator<Item = Wire>) {
    let mut t = asked();
    t.peer_sends(frames);
    t.stream_fails(1, PROTOCOL, violation);
}

/// The same, behind a good head.
#[track_caller]
fn malformed_after_head(violation: Violation, frames: impl IntoIterator<Item = Wire>) {
    let mut t = asked();
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    t.peer_sends(frames);
    t.stream_fails(1, PROTOCOL, violation);
}

/// The frames are a good response, to a request of this method.
#[track_caller]
fn good_to(method: Method, frames: impl IntoIterator<Item = Wire>) {
    let mut t = asked_by(method);
    t.peer_sends(frames);
    let failed = t
        .events()
        .iter()
        .map(Seen::of)
        .find(|seen| matches!(seen, Seen::Failed { .. }));
    assert_eq!(failed, None);
    t.goes_on();
}

#[track_caller]
fn good(frames: impl IntoIterator<Item = Wire>) {
    good_to(Method::GET, frames);
}

/// RFC 9113 §8.1: the shape of a response.
mod framing {
    use super::*;

    #[test]
    fn a_response_has_interim_heads_a_head_content_and_trailers() {
        let mut t = asked();
        t.peer_sends([
            response(1, 100),
            response(1, 103).field("link", "</style.css>"),
            response(1, 200).field("x-sum", "trailer"),
            data(1, "con"),
            data(1, "tent"),
            trailers(1, "x-sum", "7"),
        ]);
        t.sees([
            interim(1, 100),
            interim(1, 103),
            head(1, 200),
            content(1, "con"),
            content(1, "tent"),
            tail(1, "x-sum", "7"),
            finished(1),
        ]);
        t.goes_on();
    }

    #[test]
    fn a_response_may_be_a_head_alone_or_a_head_and_trailers() {
        good(response(1, 404).end_stream());
        good([response(1, 200), trailers(1, "x-sum", "0")]);
        good([response(1, 200), data(1, "").end_stream()]);
        // A trailer section without a field is one.
        good([response(1, 200), headers(1).end_stream()]);
    }

    #[test]
    fn data_before_the_head_is_malformed() {
        malformed(Violation::DataBeforeHead, data(1, "early"));
        malformed(Violation::DataBeforeHead, data(1, "").end_stream());
    }

    #[test]
    fn data_between_an_interim_head_and_the_head_is_malformed() {
        let mut t = asked();
        t.peer_sends([response(1, 103), data(1, "early")]);
        t.peer_gets(rst_stream(1, PROTOCOL));
        t.sees([
            interim(1, 103),
            fault(1, Violation::DataBeforeHead),
            finished(1),
        ]);
        t.goes_on();
    }

    /// RFC 9113 §8.1: "HEADERS with END_STREAM that carries an informational status code".
    #[test]
    fn an_interim_head_that_ends_the_stream_is_malformed() {
        malformed(Violation::EndWithInterim, response(1, 100).end_stream());
        malformed(Violation::EndWithInterim, response(1, 103).end_stream());
    }

    #[test]
    fn trailers_that_do_not_end_the_stream_are_malformed() {
        malformed_after_head(
            Violation::TrailersWithoutEnd,
            headers(1).field("x-sum", "1"),
        );
    }

    /// A second head is a trailer section, and has a pseudo-header field where none may be.
    #[test]
    fn a_second_head_is_malformed() {
        malformed_after_head(Violation::PseudoInTrailers, response(1, 200));
        malformed_after_head(Violation::PseudoInTrailers, response(1, 103));
        malformed_after_head(Violation::PseudoInTrailers, response(1, 200).end_stream());
    }

    /// RFC 9113 §5.1.
    #[test]
    fn nothing_comes_after_the_end() {
        for frame in [
            data(1, "").end_stream(),
            trailers(1, "x-sum", "1"),
            response(1, 200),
        ] {
            let mut t = asked();
            t.peer_sends(response(1, 200).end_stream());
            t.sees([head(1, 200).end_stream(), finished(1)]);
            t.peer_sends(frame);
            t.connection_fails(ErrorCode::STREAM_CLOSED, Violation::FrameAfterEnd);
        }
    }

    /// RFC 9113 §8.6: "HTTP/2 removes support for the 101".
    #[test]
    fn switching_protocols_is_malformed() {
        malformed(Violation::SwitchingProtocols, response(1, 101));
        malformed(Violation::SwitchingProtocols, response(1, 101).end_stream());
    }

    /// RFC 9110 §15: unknown codes are taken for the x00 of their class, by the caller.
    #[test]
    fn any_status_of_three_digits_is_good() {
        for status in [200, 299, 302, 404, 599, 600, 999] {
            good(response(1, status).end_stream());
        }
    }
}

/// RFC 9113 §8.2: fields.
mod fields {
    use super::*;

    #[test]
    fn names_in_upper_case_or_with_forbidden_octets_are_malformed() {
        for name in [
            "X-Upper", "x-uppeR", "", "x y", "x:y", "x\0", "x\x7f", "\u{fc}",
        ] {
            malformed(Violation::FieldName, response(1, 200).field(name, "v"));
            malformed_after_head(Violation::FieldName, trailers(1, name, "v"));
        }
    }

    #[test]
    fn values_with_forbidden_octets_or_white_space_around_are_malformed() {
        for value in [
            "a\0b", "a\rb", "a\nb", "a\r\n b", " a", "a ", "\ta", "a\t", " ",
        ] {
            malformed(Violation::FieldValue, response(1, 200).field("x-a", value));
            malformed_after_head(Violation::FieldValue, trailers(1, "x-a", value));
        }
    }

    #[test]
    fn empty_and_obs_text_values_are_good() {
        for value in [&b""[..], b"a b", b"a\tb", b"\xff\x80"] {
            good(response(1, 200).field("x-a", value).end_stream());
        }
    }

    /// RFC 9113 §8.2.2.
    #[test]
    fn connection_specific_fields_are_malformed() {
        for (name, value) in [
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
        ] {
            malformed(
                Violation::ConnectionField,
                response(1, 200).field(name, value),
            );
            malformed_after_head(Violation::ConnectionField, trailers(1, name, value));
        }
    }

    /// A malformed head is decoded to its end, and what it put into the table stays there.
    #[test]
    fn fields_after_the_malformed_one_keep_the_decoder_in_step() {
        let mut t = asked();
        t.peer_sends(
            response(1, 200)
                .field("Upper", "case")
                .field("x-in-step", "yes")
                .field("x-more", "m"),
        );
        t.stream_fails(1, PROTOCOL, Violation::FieldName);
    }
}

/// RFC 9113 §8.3: pseudo-header fields.
mod pseudo {
    use super::*;

    #[test]
    fn a_head_without_status_is_malformed() {
        malformed(Violation::PseudoMissing, headers(1).field("server", "x"));
        malformed(Violation::PseudoMissing, headers(1).end_stream());
    }

    #[test]
    fn a_repeated_status_is_malformed() {
        let twice = response(1, 200).field(":status", "200");
        malformed(Violation::PseudoRepeated, twice);
    }

    #[test]
    fn a_status_after_a_field_is_malformed() {
        let late = headers(1).field("server", "x").field(":status", "200");
        malformed(Violation::PseudoLate, late);
    }

    #[test]
    fn those_of_requests_and_unknown_ones_are_malformed() {
        for name in [
            ":method",
            ":scheme",
            ":authority",
            ":path",
            ":protocol",
            ":other",
            ":",
        ] {
            malformed(Violation::PseudoUnknown, response(1, 200).field(name, "x"));
        }
    }

    #[test]
    fn a_status_that_is_no_number_of_three_digits_is_malformed() {
        for value in ["", "20", "2000", "20x", "+20", " 200", "099", "OK"] {
            malformed(Violation::StatusValue, headers(1).field(":status", value));
        }
    }

    /// RFC 9113 §8.1: "Trailers MUST NOT include pseudo-header fields".
    #[test]
    fn any_in_trailers_is_malformed() {
        for name in [":status", ":path", ":other"] {
            malformed_after_head(Violation::PseudoInTrailers, trailers(1, name, "200"));
        }
    }
}

/// RFC 9113 §8.1.1, RFC 9110 §8.6: content-length.
mod length {
    use super::*;

    fn sized(status: u16, length: &str) -> Wire {
        response(1, status).field("content-length", length)
    }

    #[test]
    fn content_of_just_that_length_is_good() {
        good([
            sized(200, "5"),
            data(1, "abc"),
            data(1, "de").padded(100).end_stream(),
        ]);
        good([sized(200, "5"), data(1, "abcde"), data(1, "").end_stream()]);
        good([sized(200, "5"), data(1, "abcde"), trailers(1, "x-sum", "5")]);
        good([sized(200, "0"), data(1, "").end_stream()]);
        good(sized(200, "0").end_stream());
        good([
            sized(200, "3, 3").field("content-length", "3"),
            data(1, "abc").end_stream(),
        ]);
    }

    #[test]
    fn more_content_is_malformed_as_soon_as_it_comes() {
        let mut t = asked();
        t.peer_sends([sized(200, "3"), data(1, "ab")]);
        t.sees([head(1, 200), content(1, "ab")]);
        t.peer_sends(data(1, "cd"));
        t.stream_fails(1, PROTOCOL, Violation::ContentLengthMismatch);
    }

    #[test]
    fn less_content_is_malformed_when_the_stream_ends() {
        for end in [
            data(1, "b").end_stream(),
            data(1, "").end_stream(),
            trailers(1, "x-a", "b"),
        ] {
            let mut t = asked();
            t.peer_sends([sized(200, "3"), data(1, "a")]);
            t.sees([head(1, 200), content(1, "a")]);
            t.peer_sends(end);
            t.stream_fails(1, PROTOCOL, Violation::ContentLengthMismatch);
        }
        malformed(
            Violation::ContentLengthMismatch,
            sized(200, "3").end_stream(),
        );
    }

    #[test]
    fn a_length_that_cannot_be_read_is_malformed() {
        for value in [
            "",
            "x",
            "-1",
            "+1",
            "1.0",
            "0x1",
            "1,2",
            "18446744073709551616",
        ] {
            malformed(Violation::ContentLengthValue, sized(200, value));
        }
        let differing = sized(200, "3").field("content-length", "4");
        malformed(Violation::ContentLengthValue, differing);
    }

    /// RFC 9110 §6.4.1, §8.6: they tell a length of content that does not come.
    #[test]
    fn responses_without_content_may_tell_a_length() {
        good_to(Method::HEAD, sized(200, "5").end_stream());
        good_to(Method::HEAD, [sized(200, "5"), data(1, "").end_stream()]);
        good_to(Method::HEAD, [sized(200, "5"), trailers(1, "x-a", "b")]);
        good(sized(304, "5").end_stream());
        good([sized(304, "5"), data(1, "").padded(4).end_stream()]);
        good(response(1, 204).end_stream());
    }

    #[test]
    fn content_where_none_can_be_is_malformed() {
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
            let mut t = asked_by(method);
            t.peer_sends(response(1, status));
            t.sees([head(1, status)]);
            t.peer_sends(data(1, "x"));
            t.stream_fails(1, PROTOCOL, Violation::ContentForbidden);
        }
    }

    /// An interim head says nothing of the content (RFC 9110 §8.6).
    #[test]
    fn a_length_in_an_interim_head_does_not_count() {
        good([
            sized(103, "3"),
            response(1, 200),
            data(1, "four").end_stream(),
        ]);
    }

    #[test]
    fn a_length_in_trailers_does_not_count() {
        good([
            response(1, 200),
            data(1, "four"),
            trailers(1, "content-length", "3"),
        ]);
    }
}

/// RFC 9113 §8.3.1, §8.1: requests as they leave.
mod requests {
    use super::*;

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

    /// RFC 9113 §8.1: "a server can send a complete response before" the request is.
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
}

/// RFC 9113 §8.5, RFC 8441 §4: CONNECT.
mod connect {
    use towline::http2::{engine::Refusal, frame::SettingId, message::Protocol};

    use super::*;

    /// A tunnel that the peer has accepted.
    fn tunnel() -> Script {
        let mut t = Script::connected();
        t.open(request(Method::CONNECT, "example.com:443").streaming());
        t.peer_gets(
            headers(1)
                .field(":method", "CONNECT")
                .field(":authority", "example.com:443"),
        );
        t.peer_sends(response(1, 200));
        t.sees([head(1, 200)]);
        t
    }

    #[test]
    fn data_goes_both_ways_through_a_tunnel() {
        let mut t = tunnel();
        t.send(1, "to");
        t.peer_gets(data(1, "to"));
        t.peer_sends(data(1, "fro"));
        t.sees([content(1, "fro")]);
        t.peer_sends(data(1, "end").end_stream());
        t.sees([content(1, "end").end_stream()]);
        t.finish(1);
        t.peer_gets(data(1, "").end_stream());
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 9110 §8.6, §9.3.6: a content-length in a 2xx to CONNECT is none.
    #[test]
    fn a_length_does_not_count_in_a_tunnel() {
        let mut t = Script::connected();
        t.open(request(Method::CONNECT, "example.com:443").streaming());
        t.reads();
        t.peer_sends([
            response(1, 200).field("content-length", "1"),
            data(1, "more than one").end_stream(),
        ]);
        t.sees([head(1, 200), content(1, "more than one").end_stream()]);
        t.finish(1);
        t.peer_gets(data(1, "").end_stream());
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 9113 §8.5: other frames than DATA and those of streams "MUST be treated as a stream
    /// error".
    #[test]
    fn trailers_in_a_tunnel_are_a_stream_error() {
        let mut t = tunnel();
        t.peer_sends(trailers(1, "x-sum", "1"));
        t.stream_fails(1, PROTOCOL, Violation::HeadersInTunnel);
    }

    #[test]
    fn a_tunnel_that_is_refused_is_a_response_like_any_other() {
        let mut t = Script::connected();
        t.open(request(Method::CONNECT, "example.com:443").streaming());
        t.reads();
        t.peer_sends([
            response(1, 407).field("content-length", "2"),
            data(1, "no").end_stream(),
        ]);
        t.sees([head(1, 407), content(1, "no").end_stream()]);
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 8441 §4.
    #[test]
    fn an_extended_connect_names_its_protocol() {
        let enabled = (SettingId::ENABLE_CONNECT_PROTOCOL, 1);
        let mut t = Script::connected_with(config(|_| {}), &[enabled]);
        let asked = request(Method::CONNECT, "https://example.com/chat").streaming();
        t.open(asked.protocol(Protocol::WEBSOCKET));
        t.peer_gets(
            headers(1)
                .field(":method", "CONNECT")
                .field(":scheme", "https")
                .field(":authority", "example.com")
                .field(":path", "/chat")
                .field(":protocol", "websocket"),
        );
        t.peer_sends([response(1, 200), data(1, "frame")]);
        t.sees([head(1, 200), content(1, "frame")]);
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 8441 §3, §4: not before the peer has said so.
    #[test]
    fn an_extended_connect_that_the_peer_has_not_enabled_is_refused() {
        let asked = || {
            let asked = request(Method::CONNECT, "https://example.com/chat").streaming();
            asked.protocol(Protocol::WEBSOCKET)
        };
        let mut t = Script::fresh();
        t.reads();
        assert_eq!(t.try_open(asked()), Err(Refusal::ExtendedConnect));
        t.peer_sends([settings(&[]), settings_ack()]);
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings]);
        assert_eq!(t.try_open(asked()), Err(Refusal::ExtendedConnect));
        t.goes_on();
    }
}

/// What the caller is given of a head.
#[test]
fn a_head_is_given_with_its_fields_in_order() {
    let mut t = asked();
    t.peer_sends(
        response(1, 200)
            .field("x-a", "1")
            .field("content-length", "0")
            .field("x-a", "2")
            .end_stream(),
    );
    let events = t.events();
    let Some(Event::Head { head, .. }) = events.first() else {
        panic!("a head: {events:?}");
    };
    assert_eq!(head.content_length, Some(0));
    let all: Vec<_> = head.headers.get_all("x-a").iter().collect();
    assert_eq!(all, ["1", "2"]);
    t.goes_on();
}
