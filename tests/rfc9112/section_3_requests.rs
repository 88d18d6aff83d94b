//! RFC 9112 §3: request lines and fields.

use http::Method;
use towline::http1::{BodyLength, RequestError};

use super::script::{Request, get, post, request};

#[track_caller]
fn refused(request: &Request, error: RequestError) {
    assert_eq!(request.head().err(), Some(error));
}

/// RFC 9112 §3.2.1.
mod origin_form {
    use super::*;

    #[test]
    fn is_path_and_query_with_host_first() {
        let request = get("/a/b?c=d").field("accept", "*/*").field("x", "y");
        assert_eq!(
            request.wire(),
            "GET /a/b?c=d HTTP/1.1\r\nhost: h.example\r\naccept: */*\r\nx: y\r\n\r\n"
        );
    }

    #[test]
    fn an_empty_path_is_a_slash() {
        assert!(get("").wire().starts_with("GET / HTTP/1.1\r\n"));
        assert!(get("?q").wire().starts_with("GET /?q HTTP/1.1\r\n"));
    }

    #[test]
    fn methods_are_sent_as_they_are() {
        let method = Method::from_bytes(b"m-SEARCH").unwrap();
        let wire = request(method, "http://h.example/").wire();
        assert!(wire.starts_with("m-SEARCH / HTTP/1.1\r\n"), "{wire}");
    }

    #[test]
    fn a_path_without_slash_is_refused() {
        refused(
            &request(Method::GET, "*").field("host", "h"),
            RequestError::PathInvalid,
        );
    }
}

/// RFC 9112 §3.2.2.
mod absolute_form {
    use super::*;

    #[test]
    fn is_the_whole_uri_without_what_is_the_callers_own() {
        let wire = request(Method::GET, "http://me:pw@h.example:80/a?b")
            .absolute()
            .wire();
        assert_eq!(
            wire,
            "GET http://h.example/a?b HTTP/1.1\r\nhost: h.example\r\n\r\n"
        );
        let wire = get(":8080?q").absolute().wire();
        assert!(
            wire.starts_with("GET http://h.example:8080/?q HTTP/1.1\r\nhost: h.example:8080\r\n"),
            "{wire}"
        );
    }

    #[test]
    fn needs_a_scheme() {
        refused(
            &request(Method::GET, "/a").field("host", "h").absolute(),
            RequestError::SchemeMissing,
        );
    }
}

/// RFC 9112 §3.2.3, RFC 9110 §9.3.6.
mod authority_form {
    use super::*;

    #[test]
    fn is_host_and_port_whichever_form_is_asked_for() {
        for absolute in [false, true] {
            let connect = request(Method::CONNECT, "h.example:443");
            let connect = if absolute {
                connect.absolute()
            } else {
                connect
            };
            assert_eq!(
                connect.wire(),
                "CONNECT h.example:443 HTTP/1.1\r\nhost: h.example:443\r\n\r\n"
            );
        }
    }

    #[test]
    fn keeps_a_port_that_a_scheme_would_mean_and_loses_user_information() {
        let wire = request(Method::CONNECT, "https://me@[::1]:443/").wire();
        assert_eq!(
            wire,
            "CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\n\r\n"
        );
    }

    #[test]
    fn needs_a_port() {
        for uri in ["h.example", "https://h.example/"] {
            refused(&request(Method::CONNECT, uri), RequestError::PortMissing);
        }
    }

    #[test]
    fn has_no_content() {
        for (length, error) in [
            (BodyLength::Known(0), None),
            (BodyLength::Known(1), Some(RequestError::ContentForbidden)),
            (BodyLength::Unknown, Some(RequestError::ContentForbidden)),
        ] {
            let connect = request(Method::CONNECT, "h:1").length(length);
            assert_eq!(connect.head().err(), error, "{length:?}");
            // RFC 9110 §9.3.8.
            let trace = request(Method::TRACE, "http://h/").length(length);
            assert_eq!(trace.head().err(), error, "{length:?}");
        }
    }
}

/// RFC 9112 §3.2.4.
mod asterisk_form {
    use super::*;

    #[test]
    fn is_for_options() {
        let wire = request(Method::OPTIONS, "*").field("host", "h").wire();
        assert_eq!(wire, "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n");
    }

    #[test]
    fn is_an_empty_path_in_absolute_form() {
        let uri = http::Uri::builder()
            .scheme("http")
            .authority("h:81")
            .path_and_query("*")
            .build()
            .unwrap();
        let wire = request(Method::OPTIONS, uri).absolute().wire();
        assert!(
            wire.starts_with("OPTIONS http://h:81 HTTP/1.1\r\n"),
            "{wire}"
        );
    }
}

/// RFC 9112 §3.2, RFC 9110 §7.2.
mod host {
    use super::*;

    #[test]
    fn has_a_port_unless_the_scheme_means_it() {
        for (uri, host) in [
            ("http://h.example:80/", "h.example"),
            ("https://h.example:443/", "h.example"),
            ("https://h.example:80/", "h.example:80"),
            ("http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
            ("http://me:pw@h.example/", "h.example"),
        ] {
            let wire = request(Method::GET, uri).wire();
            assert_eq!(wire, format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        }
    }

    #[test]
    fn of_the_caller_stays_where_it_stands_and_as_it_is() {
        let wire = get("/")
            .field("x", "y")
            .field("host", "H.example:80")
            .wire();
        assert_eq!(wire, "GET / HTTP/1.1\r\nx: y\r\nhost: H.example:80\r\n\r\n");
    }

    #[test]
    fn is_sent_once() {
        let twice = get("/")
            .field("host", "h.example")
            .field("host", "h.example");
        assert_eq!(twice.wire(), "GET / HTTP/1.1\r\nhost: h.example\r\n\r\n");
    }

    #[test]
    fn must_agree_with_the_uri_and_with_itself() {
        refused(&get("/").field("host", "other"), RequestError::HostDiffers);
        refused(
            &get("/").field("host", "h.example").field("host", "other"),
            RequestError::HostInvalid,
        );
        refused(
            &request(Method::GET, "/").field("host", "a b"),
            RequestError::HostInvalid,
        );
        refused(&request(Method::GET, "/"), RequestError::AuthorityMissing);
    }

    #[test]
    fn stands_in_for_the_authority() {
        let wire = request(Method::GET, "/a").field("host", "h:81").wire();
        assert_eq!(wire, "GET /a HTTP/1.1\r\nhost: h:81\r\n\r\n");
    }
}

/// RFC 9112 §5, §9.
mod fields {
    use super::*;

    #[test]
    fn of_the_connection_are_sent_as_they_are() {
        let wire = get("/")
            .field("connection", "upgrade, http2-settings")
            .field("upgrade", "h2c")
            .field("http2-settings", "AAMAAABk")
            .field("keep-alive", "timeout=5")
            .wire();
        assert_eq!(
            wire,
            "GET / HTTP/1.1\r\nhost: h.example\r\nconnection: upgrade, http2-settings\r\n\
             upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\nkeep-alive: timeout=5\r\n\r\n"
        );
    }

    #[test]
    fn te_is_nominated() {
        // RFC 9110 §10.1.4.
        let wire = get("/").field("te", "trailers").wire();
        assert!(
            wire.ends_with("\r\nte: trailers\r\nconnection: te\r\n\r\n"),
            "{wire}"
        );
        let nominated = get("/")
            .field("te", "trailers")
            .field("connection", "x, TE");
        assert!(nominated.wire().ends_with("\r\nconnection: x, TE\r\n\r\n"));
    }

    #[test]
    fn values_may_hold_any_octets_that_a_field_value_may() {
        let wire = get("/").field("x", "caf\u{e9} \t\u{2603}").wire();
        assert!(wire.contains("\r\nx: caf\u{e9} \t\u{2603}\r\n"), "{wire}");
        assert!(get("/").field("x", "").wire().contains("\r\nx: \r\n"));
    }

    #[test]
    fn content_length_is_said_once() {
        // RFC 9110 §8.6.
        let wire = post("/")
            .whole("hi")
            .field("content-length", "2, 2")
            .field("x", "y")
            .field("content-length", "02")
            .wire();
        assert_eq!(
            wire,
            "POST / HTTP/1.1\r\nhost: h.example\r\ncontent-length: 2\r\nx: y\r\n\r\nhi"
        );
    }
}

/// The order and the letter case that a caller asks for.
mod spelling {
    use super::*;

    #[test]
    fn fixes_order_and_case_occurrence_by_occurrence() {
        let wire = get("/")
            .field("b", "1")
            .field("a", "2")
            .field("a", "3")
            .field("c", "4")
            .spelled(&["A", "B", "a"])
            .wire();
        assert_eq!(
            wire,
            "GET / HTTP/1.1\r\nhost: h.example\r\nA: 2\r\nB: 1\r\na: 3\r\nc: 4\r\n\r\n"
        );
    }

    #[test]
    fn leaves_out_no_value_and_makes_none_up() {
        let wire = get("/")
            .field("a", "1")
            .field("a", "2")
            .field("a", "3")
            .spelled(&["Gone", "A", "not a name", "A\r\nevil: yes", ""])
            .wire();
        assert_eq!(
            wire,
            "GET / HTTP/1.1\r\nhost: h.example\r\nA: 1\r\na: 2\r\na: 3\r\n\r\n"
        );
    }

    #[test]
    fn covers_the_fields_that_are_rewritten() {
        let wire = post("/")
            .whole("hi")
            .field("content-length", "2")
            .field("host", "h.example")
            .spelled(&["Content-Length", "Host", "Content-Length"])
            .wire();
        assert_eq!(
            wire,
            "POST / HTTP/1.1\r\nContent-Length: 2\r\nHost: h.example\r\n\r\nhi"
        );
    }
}
