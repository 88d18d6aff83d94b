use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, uri::Authority};

use super::{
    authority::{AuthorityFault, InvalidHost, choose, host, is_authority, is_same, normalize},
    content_length::{Decimal, InvalidContentLength, LengthFault, declared, parse, read},
    target::{InvalidPath, expects_no_content, path},
    *,
};

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

#[test]
fn connection_specific_fields_are_those_of_rfc_9113_section_8_2_2() {
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    ] {
        assert!(
            is_connection_specific(&HeaderName::from_static(name)),
            "{name}"
        );
    }
    for name in ["te", "host", "trailer", "content-length", "connection-id"] {
        assert!(
            !is_connection_specific(&HeaderName::from_static(name)),
            "{name}"
        );
    }
}

#[test]
fn connection_options_nominate_fields_over_several_lines_and_in_any_case() {
    // RFC 9110 §7.6.1.
    let headers = fields(&[("connection", "close , X-A"), ("connection", "x-b")]);
    for (name, nominated) in [("x-a", true), ("x-b", true), ("close", true), ("x", false)] {
        let name = HeaderName::from_static(name);
        assert_eq!(is_nominated(&headers, &name), nominated, "{name}");
    }
}

#[test]
fn te_may_ask_for_trailers_among_other_things() {
    // RFC 9110 §10.1.4.
    for (value, asks) in [
        ("trailers", true),
        ("gzip, Trailers", true),
        ("gzip", false),
        ("trailers;q=1", false),
        ("", false),
    ] {
        assert_eq!(
            te_asks_for_trailers(&fields(&[("te", value)])),
            asks,
            "{value}"
        );
    }
}

#[test]
fn trailers_may_not_frame_route_or_authenticate() {
    // RFC 9110 §6.5.1.
    for name in [
        "content-length",
        "host",
        "authorization",
        "set-cookie",
        "content-type",
        "upgrade",
    ] {
        assert!(
            is_forbidden_in_trailers(&HeaderName::from_static(name)),
            "{name}"
        );
    }
    for name in [
        "grpc-status",
        "grpc-message",
        "etag",
        "server-timing",
        "digest",
    ] {
        assert!(
            !is_forbidden_in_trailers(&HeaderName::from_static(name)),
            "{name}"
        );
    }
}

#[test]
fn white_space_around_a_value_is_no_part_of_it() {
    assert_eq!(trim(b" \t a b\t "), b"a b");
    assert_eq!(trim(b" \t"), b"");
    assert_eq!(trim(b""), b"");
}

#[test]
fn content_length_is_digits_and_nothing_else() {
    // RFC 9110 §8.6.
    assert_eq!(parse(b"0"), Ok(0));
    assert_eq!(parse(b"0042"), Ok(42));
    assert_eq!(parse(b"18446744073709551615"), Ok(u64::MAX));
    for bad in [
        "",
        " ",
        "+1",
        "-1",
        "0x1",
        "1 2",
        "1.0",
        "1e3",
        "18446744073709551616",
        "99999999999999999999",
        "1_000",
        "٣",
    ] {
        assert_eq!(parse(bad.as_bytes()), Err(InvalidContentLength), "{bad:?}");
    }
}

#[test]
fn repeated_content_lengths_must_agree() {
    assert_eq!(parse(b"5, 5,5"), Ok(5));
    for bad in ["5, 6", "5,", ",5", "5 5", "5, x", "x, x"] {
        assert_eq!(parse(bad.as_bytes()), Err(InvalidContentLength), "{bad:?}");
    }
    let length = |lines: &[(&'static str, &'static str)]| read(&fields(lines));
    assert_eq!(length(&[]), Ok(None));
    assert_eq!(
        length(&[("content-length", "5"), ("content-length", "5, 5")]),
        Ok(Some(5))
    );
    let differ = [("content-length", "5"), ("content-length", "6")];
    assert_eq!(length(&differ), Err(InvalidContentLength));
}

#[test]
fn decimals_are_what_to_string_makes_of_them() {
    for number in [0, 7, 10, 99, 100, 1_234_567_890, u64::MAX] {
        assert_eq!(
            Decimal::new(number).as_bytes(),
            number.to_string().as_bytes()
        );
    }
}

#[test]
fn authorities_lose_user_information_and_default_port() {
    for (scheme, authority, normal) in [
        (Some("https"), "me:pw@h.example:443", "h.example"),
        (Some("https"), "h.example:80", "h.example:80"),
        (Some("http"), "h.example:80", "h.example"),
        (Some("http"), "h.example:", "h.example"),
        (Some("http"), "h.example:8080", "h.example:8080"),
        (Some("https"), "[::1]:443", "[::1]"),
        (Some("http"), "[2001:db8::80]", "[2001:db8::80]"),
        (None, "me@h.example:443", "h.example:443"),
    ] {
        assert_eq!(normalize(authority, scheme), normal, "{authority}");
    }
    assert!(is_same("H.example:443", "u@h.EXAMPLE", Some("https")));
    assert!(!is_same("h.example:443", "h.example", Some("http")));
    assert!(!is_same("h.example", "h.example.evil.test", Some("http")));
}

#[test]
fn host_is_one_authority_without_user_information() {
    // RFC 9110 §7.2.
    assert_eq!(host(&fields(&[])), Ok(None));
    assert_eq!(
        host(&fields(&[("host", "h:81"), ("host", "h:81")])),
        Ok(Some("h:81"))
    );
    assert_eq!(host(&fields(&[("host", "me@h")])), Err(InvalidHost));
    assert_eq!(
        host(&fields(&[("host", "a"), ("host", "b")])),
        Err(InvalidHost)
    );
}

#[test]
fn authorities_have_the_characters_of_one() {
    // RFC 3986 §3.2.
    for good in ["h", "h:81", "[::1]:81", "127.0.0.1"] {
        assert!(is_authority(good), "{good:?}");
    }
    for bad in ["", "a b", "h/path", "h:port:port", "h?q", "h#f"] {
        assert!(!is_authority(bad), "{bad:?}");
    }
}

#[test]
fn the_authority_is_the_uris_or_else_the_hosts() {
    // RFC 9110 §7.2.
    let uri = Authority::from_static("h.example:80");
    let none = fields(&[]);
    let host = fields(&[("host", "H.example")]);
    let other = fields(&[("host", "other")]);
    let bad = fields(&[("host", "a b")]);
    for (uri, headers, chosen) in [
        (Some(&uri), &none, Ok("h.example:80")),
        (Some(&uri), &host, Ok("h.example:80")),
        (Some(&uri), &other, Err(AuthorityFault::Differs)),
        (None, &other, Ok("other")),
        (None, &bad, Err(AuthorityFault::Invalid)),
        (None, &none, Err(AuthorityFault::Missing)),
    ] {
        assert_eq!(choose(uri, headers, Some("http")), chosen);
    }
    let differs = choose(Some(&uri), &host, Some("https"));
    assert_eq!(differs, Err(AuthorityFault::Differs));
}

#[test]
fn a_declared_length_is_that_of_the_body() {
    // RFC 9110 §8.6.
    let five = fields(&[("content-length", "5")]);
    assert_eq!(declared(&five, None), Ok(Some(5)));
    assert_eq!(declared(&five, Some(5)), Ok(Some(5)));
    assert_eq!(declared(&five, Some(6)), Err(LengthFault::Differs));
    assert_eq!(declared(&fields(&[]), Some(6)), Ok(Some(6)));
    assert_eq!(declared(&fields(&[]), None), Ok(None));
    let bad = fields(&[("content-length", "x")]);
    assert_eq!(declared(&bad, None), Err(LengthFault::Invalid));
}

#[test]
fn paths_begin_with_a_slash_but_for_the_whole_server() {
    // RFC 9112 §3.2.1, §3.2.4.
    let of = |method, text: &str| {
        let text = text.parse().unwrap();
        path(&method, Some(&text)).map(String::from)
    };
    assert_eq!(of(Method::GET, "/a?b"), Ok("/a?b".to_owned()));
    assert_eq!(of(Method::GET, "?b"), Ok("/?b".to_owned()));
    assert_eq!(of(Method::OPTIONS, "*"), Ok("*".to_owned()));
    assert_eq!(of(Method::GET, "*"), Err(InvalidPath));
    assert_eq!(path(&Method::GET, None).as_deref(), Ok("/"));
}

#[test]
fn some_responses_have_no_content() {
    // RFC 9110 §6.4.1, §9.3.6.
    for (method, status, is_so) in [
        (Method::GET, 200, false),
        (Method::HEAD, 200, true),
        (Method::HEAD, 500, true),
        (Method::GET, 103, true),
        (Method::GET, 204, true),
        (Method::GET, 205, false),
        (Method::GET, 304, true),
        (Method::CONNECT, 200, true),
        (Method::CONNECT, 299, true),
        (Method::CONNECT, 300, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            expects_no_content(&method, status),
            is_so,
            "{method} {status}"
        );
    }
}

#[test]
fn members_of_lists_are_found_in_any_case_and_line() {
    // RFC 9110 §5.6.1.
    let headers = fields(&[("connection", "a, Keep-Alive"), ("connection", "b")]);
    for (member, is_there) in [
        ("keep-alive", true),
        ("B", true),
        ("keep", false),
        ("", false),
    ] {
        assert_eq!(has_member(&headers, &header::CONNECTION, member), is_there);
    }
}
