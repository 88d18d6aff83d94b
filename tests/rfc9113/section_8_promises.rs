//! RFC 9113 §6.6, §8.4: every way in which a promise can be wrong while push is on, and what is wrong
//! on a stream that is reserved. While push is off: `section_6_ping_push`.

use towline::http2::{ErrorCode, Violation, frame::FrameType};

use crate::support::*;

/// A connection with one request under way, on stream 1.
fn asked() -> Script {
    let mut t = Script::pushing();
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

/// The promised stream is reset, nothing is reported of it, and all else goes on.
#[track_caller]
fn is_refused(wire: Wire, code: ErrorCode) {
    let mut t = asked();
    t.peer_sends(wire);
    t.peer_gets(rst_stream(2, code));
    t.sees_nothing();
    // Nothing of it is kept, and the next one is taken: the decoder is in step.
    t.peer_sends([
        response(2, 200).field("x-in-step", "late"),
        push_promise(1, 4).field("x-in-step", "late"),
    ]);
    t.sees([promise(1, 4)]);
    t.claim(4);
    for id in [4, 1] {
        t.peer_sends(response(id, 200).end_stream());
        t.sees([head(id, 200).end_stream(), finished(id)]);
    }
    t.goes_on();
}

mod frames {
    use super::*;

    /// RFC 9113 §6.6.
    #[test]
    fn a_promise_on_stream_0_is_a_connection_error() {
        let mut t = asked();
        t.peer_sends(push_promise(0, 2));
        let violation = Violation::PushPromiseOnConnection;
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
    }

    /// RFC 9113 §6.6: padding as long as the payload, and a payload without the identifier.
    #[test]
    fn a_promise_that_is_no_frame_is_a_connection_error() {
        const PADDED: u8 = 8;
        let mut t = asked();
        t.peer_sends(raw(
            FrameType::PUSH_PROMISE,
            4 | PADDED,
            1,
            b"\x06\0\0\0\x02\x82",
        ));
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromisePadding);
        for payload in [&b""[..], b"\0\0\0"] {
            let mut t = asked();
            t.peer_sends(raw(FrameType::PUSH_PROMISE, 4, 1, payload));
            t.connection_fails(ErrorCode::FRAME_SIZE_ERROR, Violation::PushPromiseLength);
        }
    }

    /// RFC 9113 §6.6: padding is no part of the field block.
    #[test]
    fn padding_is_taken_off() {
        let mut t = asked();
        t.peer_sends(push_promise(1, 2).padded(255));
        t.sees([promise(1, 2)]);
        t.refuse(2);
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        t.sees([finished(2)]);
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();
    }

    /// RFC 9113 §6.10: nothing comes between a promise and its CONTINUATION, not even the parent's.
    #[test]
    fn a_promise_that_is_interrupted_is_a_connection_error() {
        for between in [data(1, "x"), ping([0; 8]), push_promise(1, 4)] {
            let mut t = asked();
            t.peer_sends(response(1, 200));
            t.sees([head(1, 200)]);
            let begun = raw(FrameType::PUSH_PROMISE, 0, 1, b"\0\0\0\x02\x82");
            t.peer_sends([begun, between]);
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::BlockInterrupted);
        }
    }

    /// RFC 9113 §6.10: CONTINUATION bears the parent's identifier, not the promised one.
    #[test]
    fn a_continuation_on_the_promised_stream_is_a_connection_error() {
        let mut t = asked();
        t.peer_sends([
            raw(FrameType::PUSH_PROMISE, 0, 1, b"\0\0\0\x02\x82"),
            raw(FrameType::CONTINUATION, 4, 2, b"\x87"),
        ]);
        t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::BlockInterrupted);
    }

    /// RFC 9113 §4.3.
    #[test]
    fn a_promise_that_cannot_be_decoded_is_a_connection_error() {
        let mut t = asked();
        t.peer_sends(raw(FrameType::PUSH_PROMISE, 4, 1, b"\0\0\0\x02\xbe"));
        t.connection_fails(ErrorCode::COMPRESSION_ERROR, Violation::Compression);
    }
}

mod identifiers {
    use super::*;

    /// RFC 9113 §5.1.1, §6.6.
    #[test]
    fn a_promise_of_a_stream_that_no_server_opens_is_a_connection_error() {
        for promised in [0, 1, 3, 101] {
            let mut t = asked();
            t.peer_sends(push_promise(1, promised));
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);
        }
    }

    /// RFC 9113 §5.1.1: whether the one before was taken, refused, or is over.
    #[test]
    fn a_promise_of_a_stream_that_is_not_new_is_a_connection_error() {
        for again in [2, 4] {
            let mut t = asked();
            t.peer_sends(push_promise(1, 4));
            t.sees([promise(1, 4)]);
            t.peer_sends(push_promise(1, again));
            t.connection_fails_after(4, ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);

            let mut t = asked();
            t.peer_sends(push_promise(1, 4).field("content-length", "1"));
            t.peer_gets(rst_stream(4, ErrorCode::PROTOCOL_ERROR));
            t.peer_sends(push_promise(1, again));
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);

            let mut t = asked();
            t.peer_sends([push_promise(1, 4), response(4, 204).end_stream()]);
            t.sees([promise(1, 4), head(4, 204).end_stream(), finished(4)]);
            t.peer_sends(push_promise(1, again));
            t.connection_fails_after(4, ErrorCode::PROTOCOL_ERROR, Violation::PushPromiseId);
        }
    }
}

mod parents {
    use super::*;

    #[track_caller]
    fn fails(mut t: Script, last: u32, parent: u32) {
        t.peer_sends(push_promise(parent, last + 2));
        let violation = Violation::PushPromiseStream;
        t.connection_fails_after(last, ErrorCode::PROTOCOL_ERROR, violation);
    }

    /// RFC 9113 §6.6: neither open nor half-closed (local).
    #[test]
    fn a_promise_on_a_stream_that_cannot_have_one_is_a_connection_error() {
        // Idle, of either side.
        fails(asked(), 0, 3);
        fails(asked(), 0, 2);
        // Half-closed (remote).
        let mut t = Script::pushing();
        t.open(post("/"));
        t.reads();
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream()]);
        fails(t, 0, 1);
        // Closed by both ends.
        let mut t = asked();
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        fails(t, 0, 1);
        // Closed by the peer's reset.
        let mut t = asked();
        t.peer_sends(rst_stream(1, ErrorCode::CANCEL));
        t.sees([reset(1, ErrorCode::CANCEL), finished(1)]);
        fails(t, 0, 1);
    }

    /// RFC 9113 §6.6, §8.4: only on streams that the client has opened.
    #[test]
    fn a_promise_on_a_pushed_stream_is_a_connection_error() {
        // Reserved.
        let mut t = asked();
        t.peer_sends(push_promise(1, 2));
        t.sees([promise(1, 2)]);
        fails(t, 2, 2);
        // Half-closed (local).
        let mut t = asked();
        t.peer_sends([push_promise(1, 2), response(2, 200)]);
        t.sees([promise(1, 2), head(2, 200)]);
        fails(t, 2, 2);
        // Reset by us.
        let mut t = asked();
        t.peer_sends(push_promise(1, 2));
        t.sees([promise(1, 2)]);
        t.refuse(2);
        t.peer_gets(rst_stream(2, ErrorCode::REFUSED_STREAM));
        t.sees([finished(2)]);
        fails(t, 2, 2);
    }

    /// RFC 9113 §6.6: "MUST handle PUSH_PROMISE frames that might have been created before".
    #[test]
    fn a_promise_that_crossed_our_reset_is_refused() {
        let mut t = asked();
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        t.peer_sends([
            push_promise(1, 2).field("x-in-step", "crossed"),
            // Wrong besides: nobody looks.
            push_promise(1, 4).field("content-length", "9"),
            response(2, 200).field("x-in-step", "crossed").end_stream(),
        ]);
        t.peer_gets([
            rst_stream(2, ErrorCode::REFUSED_STREAM),
            rst_stream(4, ErrorCode::REFUSED_STREAM),
        ]);
        t.goes_on();
    }

    /// RFC 9113 §8.5: a tunnel has DATA, and no other frame that carries something.
    #[test]
    fn a_promise_in_a_tunnel_ends_the_tunnel() {
        let mut t = Script::pushing();
        t.open(request(http::Method::CONNECT, "example.com:443").streaming());
        t.reads();
        t.peer_sends(response(1, 200));
        t.sees([head(1, 200)]);
        t.peer_sends(push_promise(1, 2));
        t.peer_gets([
            rst_stream(2, ErrorCode::REFUSED_STREAM),
            rst_stream(1, ErrorCode::PROTOCOL_ERROR),
        ]);
        t.sees([fault(1, Violation::PushPromiseInTunnel), finished(1)]);
        t.goes_on();
    }
}

mod requests {
    use super::*;

    #[track_caller]
    fn is_malformed(wire: Wire) {
        is_refused(wire, ErrorCode::PROTOCOL_ERROR);
    }

    const GOOD: [(&str, &str); 4] = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "example.com"),
        (":path", "/pushed"),
    ];

    /// The good request with another value for one pseudo-header field.
    fn with(name: &str, value: &str) -> Wire {
        GOOD.iter()
            .fold(bare_promise(1, 2), |wire, (good, otherwise)| {
                wire.field(good, if *good == name { value } else { otherwise })
            })
    }

    /// RFC 9113 §8.3.1, §8.4.
    #[test]
    fn a_request_without_all_four_pseudo_header_fields_is_malformed() {
        is_malformed(bare_promise(1, 2));
        for missing in GOOD {
            let rest = GOOD.iter().filter(|field| **field != missing);
            is_malformed(rest.fold(bare_promise(1, 2), |wire, (name, value)| {
                wire.field(name, value)
            }));
        }
    }

    /// RFC 9113 §8.3.
    #[test]
    fn a_pseudo_header_field_twice_late_or_unknown_is_malformed() {
        for (name, value) in GOOD {
            is_malformed(bare_promise(1, 2).field(name, value).field(name, value));
        }
        is_malformed(push_promise(1, 2).field(":method", "GET"));
        is_malformed(push_promise(1, 2).field("a", "b").field(":path", "/late"));
        is_malformed(push_promise(1, 2).field(":status", "200"));
        is_malformed(push_promise(1, 2).field(":protocol", "websocket"));
    }

    /// RFC 9113 §8.2.1, §8.2.2.
    #[test]
    fn a_field_that_no_message_may_have_is_malformed() {
        let fields = [
            ("Upper", "case"),
            ("x", " space"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip"),
        ];
        for (name, value) in fields {
            is_malformed(push_promise(1, 2).field(name, value));
        }
    }

    /// RFC 9113 §8.4: "safe" and "cacheable", as far as is known.
    #[test]
    fn a_method_that_is_not_known_to_be_safe_and_cacheable_is_malformed() {
        for method in [
            "POST", "PUT", "DELETE", "PATCH", "CONNECT", "OPTIONS", "TRACE", "QUERY", "get", "",
        ] {
            is_malformed(with(":method", method));
        }
        // CONNECT as it is said: with neither scheme nor path (RFC 9113 §8.5).
        is_malformed(
            bare_promise(1, 2)
                .field(":method", "CONNECT")
                .field(":authority", "example.com"),
        );
    }

    /// RFC 9113 §8.4: no content, no trailer section.
    #[test]
    fn a_request_that_announces_content_is_malformed() {
        let fields = [
            ("content-length", "1"),
            ("content-length", "18446744073709551615"),
            ("content-length", "nonsense"),
            ("trailer", "x-sum"),
            ("expect", "100-continue"),
        ];
        for (name, value) in fields {
            is_malformed(push_promise(1, 2).field(name, value));
        }
        is_malformed(
            push_promise(1, 2)
                .field("content-length", "0")
                .field("content-length", "1"),
        );
    }

    /// RFC 9113 §8.4: only what the server is authoritative for.
    #[test]
    fn an_origin_that_the_connection_does_not_speak_for_is_malformed() {
        for authority in [
            "other.test",
            "example.com.evil.test",
            "evil.test/example.com",
            "sub.example.com",
            "xample.com",
            "example.com.",
            "example.com:80",
            "example.com:8443",
            "example.com:0",
            "example.com:99999",
            "[::1]",
            // RFC 9113 §8.3.1: no user information.
            "me@example.com",
            "example.com@evil.test",
            "example.com, evil.test",
            "",
        ] {
            is_malformed(with(":authority", authority));
        }
        for scheme in ["http", "ftp", "https:", ""] {
            is_malformed(with(":scheme", scheme));
        }
    }

    /// RFC 9113 §8.3.1.
    #[test]
    fn a_path_that_is_none_is_malformed() {
        for path in [
            "",
            "pushed",
            "*",
            "https://example.com/",
            "/a b",
            "/a#b",
            "?q",
        ] {
            is_malformed(with(":path", path));
        }
    }

    /// RFC 9113 §8.3.1: servers and caches would disagree on which one counts.
    #[test]
    fn a_host_that_is_not_the_authority_is_malformed() {
        for host in [
            "other.test",
            "example.com:80",
            "me@example.com",
            "",
            "\u{e9}",
        ] {
            is_malformed(push_promise(1, 2).field("host", host));
        }
        is_malformed(
            push_promise(1, 2)
                .field("host", "example.com")
                .field("host", "other.test"),
        );
    }

    #[test]
    fn a_connection_that_speaks_for_nobody_takes_no_promise() {
        let mut t = Script::connected_with(config(|config| config.enable_push = true), &[]);
        t.open(get("/"));
        t.reads();
        t.peer_sends([push_promise(1, 2), response(1, 200).end_stream()]);
        t.peer_gets(rst_stream(2, ErrorCode::PROTOCOL_ERROR));
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();
    }
}

mod reserved {
    use super::*;

    /// RFC 9113 §5.1: "Receiving any type of frame other than HEADERS, RST_STREAM, or PRIORITY on a
    /// stream in this state MUST be treated as a connection error".
    #[test]
    fn frames_that_need_a_response_head_are_a_connection_error() {
        let wrong = [
            (data(2, "early"), Violation::DataOnReserved),
            (data(2, "").end_stream(), Violation::DataOnReserved),
            (window_update(2, 1), Violation::WindowUpdateOnReserved),
        ];
        for (wire, violation) in wrong {
            let mut t = asked();
            t.peer_sends(push_promise(1, 2));
            t.sees([promise(1, 2)]);
            t.peer_sends(wire);
            t.connection_fails_after(2, ErrorCode::PROTOCOL_ERROR, violation);
        }
    }

    /// RFC 9113 §5.1: half-closed (local), where any frame may come.
    #[test]
    fn a_window_update_on_a_push_that_has_begun_is_ignored() {
        let mut t = asked();
        t.peer_sends([push_promise(1, 2), response(2, 200), window_update(2, 1)]);
        t.sees([promise(1, 2), head(2, 200)]);
        t.claim(2);
        t.peer_sends([data(2, "").end_stream(), response(1, 200).end_stream()]);
        t.sees([
            content(2, "").end_stream(),
            finished(2),
            head(1, 200).end_stream(),
            finished(1),
        ]);
        t.goes_on();
    }

    /// RFC 9113 §8.4: a server opens streams by promises only.
    #[test]
    fn frames_on_a_stream_that_was_never_promised_are_a_connection_error() {
        let wrong = [
            (response(2, 200), Violation::HeadersOnIdle),
            (data(2, "x"), Violation::DataOnIdle),
            (rst_stream(2, ErrorCode::CANCEL), Violation::ResetOnIdle),
            (window_update(2, 1), Violation::WindowUpdateOnIdle),
        ];
        for (wire, violation) in wrong {
            let mut t = asked();
            t.peer_sends(wire);
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, violation);
        }
    }
}
