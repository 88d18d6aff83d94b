//! RFC 9113 §8.4, §5.1: promises that are good, and the responses to them.

use towline::http2::{ErrorCode, State, Violation, frame::SettingId};

use crate::support::*;

/// A connection with one request under way, on stream 1.
pub(super) fn asked() -> Script {
    let mut t = Script::pushing();
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

/// The same, with a promise on stream 2 that nobody has claimed.
pub(super) fn promised() -> Script {
    let mut t = asked();
    t.peer_sends(push_promise(1, 2));
    t.sees([promise(1, 2)]);
    t
}

/// The request itself is answered; nothing else happens.
#[track_caller]
pub(super) fn answer(t: &mut Script, id: u32) {
    t.peer_sends(response(id, 200).end_stream());
    t.sees([head(id, 200).end_stream(), finished(id)]);
}

mod announcement {
    use super::*;

    /// RFC 9113 §6.5.2, §8.4.2.
    #[test]
    fn the_first_settings_allow_pushes_and_say_how_many() {
        let mut t = Script::fresh_with(config(|config| {
            config.enable_push = true;
            config.limits.promised_streams = 7;
        }));
        let sent = t.reads();
        let Wire::Settings(values) = &sent[0] else {
            panic!("not SETTINGS: {sent:?}");
        };
        assert!(values.contains(&(SettingId::ENABLE_PUSH, 1)), "{values:?}");
        let limit = (SettingId::MAX_CONCURRENT_STREAMS, 7);
        assert!(values.contains(&limit), "{values:?}");
    }

    /// RFC 9113 §6.5.2: 1 is also what holds until our SETTINGS come.
    #[test]
    fn a_promise_before_the_acknowledgement_is_taken() {
        let mut t = Script::fresh_with(config(|config| config.enable_push = true));
        t.speaks_for("https://example.com");
        t.open(get("/"));
        t.reads();
        t.peer_sends([settings(&[]), push_promise(1, 2), settings_ack()]);
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings, promise(1, 2)]);
        t.refuse(2);
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        t.sees([finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }
}

mod order {
    use super::*;

    #[test]
    fn promises_and_responses_come_in_the_order_of_the_wire() {
        let mut t = asked();
        t.peer_sends([
            push_promise(1, 2).field("x-in-step", "one"),
            response(1, 200),
            push_promise(1, 4).field("x-in-step", "two"),
            data(1, "itself").end_stream(),
            response(4, 200).field("x-in-step", "two"),
            response(2, 200).field("x-in-step", "one"),
            data(4, "second").end_stream(),
            data(2, "first").end_stream(),
        ]);
        t.sees([
            promise(1, 2),
            head(1, 200),
            promise(1, 4),
            content(1, "itself").end_stream(),
            finished(1),
            head(4, 200),
            head(2, 200),
            content(4, "second").end_stream(),
            finished(4),
            content(2, "first").end_stream(),
            finished(2),
        ]);
        t.claim(2);
        t.claim(4);
        t.goes_on();
    }

    #[test]
    fn a_promise_may_come_while_the_request_is_still_sent() {
        let mut t = Script::pushing();
        t.open(post("/"));
        t.reads();
        t.peer_sends(push_promise(1, 2));
        t.sees([promise(1, 2)]);
        t.claim(2);
        t.finish(1);
        t.peer_gets(data(1, "").end_stream());
        answer(&mut t, 1);
        answer(&mut t, 2);
        t.goes_on();
    }

    /// RFC 9113 §6.6, §6.10; identifiers may be left out.
    #[test]
    fn a_promise_may_be_padded_and_spread_over_continuations() {
        let mut t = asked();
        let first = push_promise(1, 2).padded(9).cut(&[4, 0, 3]);
        t.peer_sends([first, push_promise(1, 100).padded(0)]);
        t.sees([promise(1, 2), promise(1, 100)]);
        t.claim(2);
        t.claim(100);
        for id in [1, 2, 100] {
            answer(&mut t, id);
        }
        t.goes_on();
    }

    /// RFC 9113 §5.1.1: what a server's identifiers skip is closed, and never was open.
    #[test]
    fn frames_on_a_skipped_stream_are_ignored_and_decoded() {
        let mut t = asked();
        t.peer_sends(push_promise(1, 4));
        t.sees([promise(1, 4)]);
        assert_eq!(t.engine.stream_state(stream(2)), State::Closed);
        assert_eq!(t.engine.stream_state(stream(6)), State::Idle);
        t.peer_sends(response(2, 200).field("x-in-step", "skipped"));
        t.sees_nothing();
        t.claim(4);
        answer(&mut t, 4);
        answer(&mut t, 1);
        t.goes_on();
    }
}

mod request {
    use super::*;

    #[track_caller]
    fn is_taken(wire: Wire, request: &str) {
        let mut t = asked();
        t.peer_sends(wire);
        t.sees([promise_of(1, 2, request)]);
        t.claim(2);
        answer(&mut t, 2);
        answer(&mut t, 1);
        t.goes_on();
    }

    fn of(method: &str, authority: &str, path: &str) -> Wire {
        bare_promise(1, 2)
            .field(":method", method)
            .field(":scheme", "https")
            .field(":authority", authority)
            .field(":path", path)
    }

    /// RFC 9110 §4.2.3: the default port and the case of the host make no difference.
    #[test]
    fn the_authority_may_be_written_in_every_way_that_means_the_same() {
        for authority in ["example.com", "Example.COM", "example.com:443"] {
            let expected = format!("GET https://{authority}/a,b?c=d");
            is_taken(of("GET", authority, "/a,b?c=d"), &expected);
        }
    }

    #[test]
    fn an_origin_with_a_port_of_its_own_is_known_by_it() {
        let mut t = Script::pushing();
        t.speaks_for("http://example.com:8080");
        t.open(get("/"));
        t.reads();
        t.peer_sends(
            bare_promise(1, 2)
                .field(":method", "GET")
                .field(":scheme", "http")
                .field(":authority", "example.com:8080")
                .field(":path", "/"),
        );
        t.sees([promise_of(1, 2, "GET http://example.com:8080/")]);
        t.claim(2);
        answer(&mut t, 2);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// RFC 9113 §8.4, RFC 9110 §10.1.4: none of these announces content of the request.
    #[test]
    fn fields_that_announce_no_content_are_good() {
        let fields = [
            ("content-length", "0"),
            ("te", "trailers"),
            ("host", "example.com"),
            ("host", "EXAMPLE.com:443"),
            ("accept", "text/css"),
            ("cookie", "a=b"),
        ];
        for (name, value) in fields {
            let wire = push_promise(1, 2).field(name, value);
            is_taken(wire, "GET https://example.com/pushed");
        }
    }

    #[test]
    fn the_fields_are_reported() {
        let mut t = asked();
        t.peer_sends(push_promise(1, 2).field("accept", "a").field("accept", "b"));
        let events = t.events();
        let [towline::http2::engine::Event::Promise { head, .. }] = &events[..] else {
            panic!("not one promise: {events:?}");
        };
        assert_eq!(
            lines(&head.headers),
            [("accept", "a"), ("accept", "b")].map(|(name, value)| (octets(name), octets(value)))
        );
        t.refuse(2);
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        t.sees([finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// RFC 9110 §9.3.2: a response to HEAD has no content, whatever its length says.
    #[test]
    fn a_response_to_a_promised_head_request_has_no_content() {
        let mut t = asked();
        t.peer_sends(of("HEAD", "example.com", "/"));
        t.sees([promise_of(1, 2, "HEAD https://example.com/")]);
        t.claim(2);
        t.peer_sends(response(2, 200).field("content-length", "9").end_stream());
        t.sees([head(2, 200).end_stream(), finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn content_in_the_response_to_a_promised_head_request_is_malformed() {
        let mut t = asked();
        t.peer_sends([of("HEAD", "example.com", "/"), response(2, 200)]);
        t.sees([promise_of(1, 2, "HEAD https://example.com/"), head(2, 200)]);
        t.claim(2);
        answer(&mut t, 1);
        t.peer_sends(data(2, "content"));
        t.stream_fails(2, ErrorCode::PROTOCOL_ERROR, Violation::ContentForbidden);
    }
}

mod response {
    use super::*;

    /// RFC 9113 §5.1: reserved (remote), half-closed (local), closed.
    #[test]
    fn the_states_of_a_promised_stream_follow_its_frames() {
        let mut t = promised();
        let state = |t: &Script| t.engine.stream_state(stream(2));
        assert_eq!(state(&t), State::ReservedRemote);
        t.peer_sends(response(2, 103));
        assert_eq!(state(&t), State::HalfClosedLocal);
        t.peer_sends(response(2, 200));
        assert_eq!(state(&t), State::HalfClosedLocal);
        t.peer_sends(trailers(2, "x-sum", "1"));
        assert_eq!(state(&t), State::Closed);
        t.sees([
            interim(2, 103),
            head(2, 200),
            tail(2, "x-sum", "1"),
            finished(2),
        ]);
        t.claim(2);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// RFC 9113 §5.1: PRIORITY may come in any state; so may what nobody knows (§5.5).
    #[test]
    fn frames_of_no_use_may_come_on_a_reserved_stream() {
        let mut t = promised();
        t.peer_sends([priority(2), unknown(2)]);
        t.claim(2);
        answer(&mut t, 2);
        answer(&mut t, 1);
        t.goes_on();
    }

    /// RFC 9113 §6.9: a promised stream has a window as any other.
    #[test]
    fn consumed_octets_of_a_push_are_given_back() {
        let mut t = Script::pushing_with(|config| config.stream_window_size = 10_000);
        t.open(get("/"));
        t.reads();
        t.peer_sends([
            push_promise(1, 2),
            response(2, 200),
            data(2, vec![0; 6_000]),
        ]);
        t.sees([promise(1, 2), head(2, 200), content(2, vec![0; 6_000])]);
        t.claim(2);
        t.peer_gets_nothing();
        assert_eq!(t.release(2), 6_000);
        t.peer_gets(window_update(2, 6_000));
        t.peer_sends(data(2, vec![0; 10_000]).end_stream());
        t.sees([content(2, vec![0; 10_000]).end_stream(), finished(2)]);
        answer(&mut t, 1);
        t.goes_on();
    }

    #[test]
    fn octets_beyond_the_window_of_a_push_are_a_stream_error() {
        let mut t = Script::pushing_with(|config| config.stream_window_size = 10_000);
        t.open(get("/"));
        t.reads();
        t.peer_sends([push_promise(1, 2), response(2, 200)]);
        t.sees([promise(1, 2), head(2, 200)]);
        t.claim(2);
        answer(&mut t, 1);
        t.peer_sends(data(2, vec![0; 10_001]));
        t.stream_fails(2, ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowExceeded);
    }

    /// RFC 9113 §8.1.1, §8.3.2: a pushed response is held to what every response is.
    #[test]
    fn a_malformed_response_ends_only_the_promised_stream() {
        let length = response(2, 200).field("content-length", "3");
        let wrong = [
            (headers(2).field("x", "1"), Violation::PseudoMissing),
            (length.end_stream(), Violation::ContentLengthMismatch),
            (response(2, 101), Violation::SwitchingProtocols),
            (response(2, 103).end_stream(), Violation::EndWithInterim),
            (response(2, 200).field("UP", "1"), Violation::FieldName),
        ];
        for (wire, violation) in wrong {
            let mut t = promised();
            t.claim(2);
            answer(&mut t, 1);
            t.peer_sends(wire);
            t.stream_fails(2, ErrorCode::PROTOCOL_ERROR, violation);
        }
    }

    #[test]
    fn data_between_an_interim_head_and_the_head_of_a_push_is_malformed() {
        let mut t = promised();
        t.claim(2);
        answer(&mut t, 1);
        t.peer_sends(response(2, 103));
        t.sees([interim(2, 103)]);
        t.peer_sends(data(2, "early"));
        t.stream_fails(2, ErrorCode::PROTOCOL_ERROR, Violation::DataBeforeHead);
    }

    /// RFC 9113 §5.1: after END_STREAM nothing comes, and the decoder need not stay in step.
    #[test]
    fn frames_after_the_end_of_a_push_are_a_connection_error() {
        for late in [data(2, "late"), response(2, 200)] {
            let mut t = promised();
            t.claim(2);
            answer(&mut t, 2);
            t.peer_sends(late);
            t.connection_fails_after(2, ErrorCode::STREAM_CLOSED, Violation::FrameAfterEnd);
        }
    }
}
