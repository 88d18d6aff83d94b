//! Which commas part values (RFC 9110 §5.6.1), against examples and against a plain splitter.

use proptest::{collection::vec, prelude::*, sample::select};
use towline::{HttpHeaderMap, header_map::NOT_SPLIT};

use crate::support::text;

/// The canonical values of one field.
fn split(name: &str, value: &[u8]) -> Vec<Vec<u8>> {
    let mut map = HttpHeaderMap::new();
    map.append_unchecked(name, value);
    map.get_all(name).map(<[u8]>::to_vec).collect()
}

#[track_caller]
fn assert_split(name: &str, value: &str, expected: &[&str]) {
    let members = split(name, value.as_bytes());
    let members: Vec<_> = members.iter().map(|member| text(member)).collect();
    assert_eq!(members, expected, "{name}: {value}");
}

#[test]
fn commas_part_values_and_white_space_around_them_goes() {
    for (value, expected) in [
        ("", &[""][..]),
        (" \t ", &[""]),
        (",", &["", ""]),
        ("a", &["a"]),
        (" a b\t", &["a b"]),
        ("a,b", &["a", "b"]),
        ("a ,\tb", &["a", "b"]),
        (", a", &["", "a"]),
        ("a, ", &["a", ""]),
        ("a;q=1, b;q=0.5", &["a;q=1", "b;q=0.5"]),
    ] {
        assert_split("accept", value, expected);
        assert_split("X-Unknown", value, expected);
    }
}

#[test]
fn other_white_space_stays() {
    // RFC 9110 §5.6.3: space and tab are white space, nothing else is.
    let members = split("x", b"\x0ba\x0c ,\n b\r");
    assert_eq!(members, [&b"\x0ba\x0c"[..], b"\n b\r"]);
}

#[test]
fn quoted_strings_hide_commas() {
    // RFC 9110 §5.6.4.
    for (value, expected) in [
        ("\"a, b\", c", &["\"a, b\"", "c"][..]),
        ("x=\"a, b\";y=\"c,d\", e", &["x=\"a, b\";y=\"c,d\"", "e"]),
        ("\"\", a", &["\"\"", "a"]),
        (r#""a\", b", c"#, &[r#""a\", b""#, "c"]),
        (r#""a\\", b"#, &[r#""a\\""#, "b"]),
        (r#""a\\\", b", c"#, &[r#""a\\\", b""#, "c"]),
        // A backslash outside a quoted string is an octet like others.
        (r#"a\", b", c"#, &[r#"a\", b""#, "c"]),
        (r"a\,b", &[r"a\", "b"]),
    ] {
        assert_split("x-unknown", value, expected);
    }
}

#[test]
fn a_quoted_string_without_an_end_takes_the_rest() {
    assert_split("x", "a, \"b, c", &["a", "\"b, c"]);
    assert_split("x", "a, \"b, c\\\"", &["a", "\"b, c\\\""]);
    assert_split("x", "a,\"b,\\", &["a", "\"b,\\"]);
    assert_split("x", "a,\"", &["a", "\""]);
}

#[test]
fn entity_tags_know_no_escapes() {
    // RFC 9110 §8.8.3.
    for name in ["if-match", "If-None-Match"] {
        assert_split(name, r#""a\", "b""#, &[r#""a\""#, r#""b""#]);
        assert_split(name, r#"W/"a,b", "c,d""#, &[r#"W/"a,b""#, r#""c,d""#]);
        assert_split(name, r#"W/"a,b"#, &[r#"W/"a,b"#]);
    }
}

#[test]
fn uris_in_angle_brackets_hide_commas() {
    // RFC 8288 §3, RFC 4918 §10.1.
    for name in ["Link", "dav"] {
        assert_split(
            name,
            "<https://h/a,b>; rel=\"x, y\", </c,\"d>",
            &["<https://h/a,b>; rel=\"x, y\"", "</c,\"d>"],
        );
        assert_split(name, "a, <b, c", &["a", "<b, c"]);
        assert_split(name, "a>, b", &["a>", "b"]);
    }
    assert_split("x", "<a, b>", &["<a", "b>"]);
}

#[test]
fn comments_hide_commas_in_via() {
    // RFC 9110 §5.6.5, §7.6.3.
    for (value, expected) in [
        ("1.1 a (b, c), 1.0 d", &["1.1 a (b, c)", "1.0 d"][..]),
        (
            "1.1 a (b (c, d), e), 1.0 f",
            &["1.1 a (b (c, d), e)", "1.0 f"],
        ),
        (r"1.1 a (b\), c), 1.0 d", &[r"1.1 a (b\), c)", "1.0 d"]),
        (r"1.1 a (b\(, c), 1.0 d", &[r"1.1 a (b\(, c)", "1.0 d"]),
        ("1.1 a (\", b), 1.0 c", &["1.1 a (\", b)", "1.0 c"]),
        ("a), b", &["a)", "b"]),
        ("a (b, (c), d", &["a (b, (c), d"]),
        ("a (b, \\", &["a (b, \\"]),
        ("\"(\", a", &["\"(\"", "a"]),
    ] {
        assert_split("Via", value, expected);
    }
    assert_split("x", "(a, b)", &["(a", "b)"]);
}

#[test]
fn fields_of_the_table_are_one_value_in_any_case() {
    for name in NOT_SPLIT {
        assert_split(name, " a, \"b, c ", &["a, \"b, c"]);
        assert_split(&name.to_uppercase(), "a,,b", &["a,,b"]);
        assert_split(&format!("{name}x"), "a,b", &["a", "b"]);
    }
}

#[test]
fn the_table_is_in_order() {
    assert!(NOT_SPLIT.is_sorted_by(|one, other| one < other));
    assert!(NOT_SPLIT.iter().all(|name| *name == name.to_lowercase()));
}

#[test]
fn values_that_have_commas_of_their_own_are_whole() {
    let values = [
        (
            "authorization",
            "Digest username=\"a\", realm=\"b\", uri=\"/\"",
        ),
        ("content-disposition", "attachment; filename=a,b.txt"),
        ("content-location", "/a,b"),
        ("content-range", "bytes 0-1/5"),
        ("content-type", "multipart/mixed; boundary=a,b"),
        ("cookie", "a=1,2; b=3"),
        ("date", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("etag", "\"a\\\", \""),
        ("expires", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("host", "a,b"),
        ("if-modified-since", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("if-range", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("if-unmodified-since", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("last-modified", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("location", "/a,b"),
        ("proxy-authenticate", "Digest realm=\"a\", nonce=\"b\""),
        ("proxy-authorization", "Digest realm=\"a\", nonce=\"b\""),
        ("range", "bytes=0-1, 5-6"),
        ("referer", "https://h/a,b"),
        ("retry-after", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("server", "a/1 (b, c)"),
        ("set-cookie", "a=1; Expires=Tue, 31 Mar 2015 08:09:51 GMT"),
        ("set-cookie2", "a=1, b=2"),
        ("user-agent", "a/1 (b, like c)"),
        (
            "www-authenticate",
            "Digest realm=\"a\", nonce=\"b\", Basic realm=\"c\"",
        ),
    ];
    for (name, value) in values {
        assert!(NOT_SPLIT.contains(&name), "{name}");
        assert_split(name, value, &[value]);
    }
}

#[test]
fn lists_are_split() {
    for name in [
        "accept",
        "allow",
        "alt-svc",
        "authentication-info",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "forwarded",
        "if-match",
        "link",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "via",
        "warning",
        "x-forwarded-for",
    ] {
        assert!(!NOT_SPLIT.contains(&name), "{name}");
        assert_split(name, "a, b", &["a", "b"]);
    }
}

/// Splits as the documentation says, octet by octet, with the state written out.
fn reference(name: &str, value: &[u8]) -> Vec<Vec<u8>> {
    let name = name.to_lowercase();
    let mut members = vec![Vec::new()];
    let (mut in_quotes, mut in_brackets, mut depth, mut escaped) = (false, false, 0, false);
    for &octet in value {
        let hidden = in_quotes || in_brackets || depth > 0;
        if octet == b',' && !hidden && !escaped && !NOT_SPLIT.contains(&&*name) {
            members.push(Vec::new());
            continue;
        }
        members.last_mut().unwrap().push(octet);
        if escaped {
            escaped = false;
            continue;
        }
        match octet {
            b'\\' if depth > 0 || (in_quotes && !name.starts_with("if-")) => escaped = true,
            b'"' if !in_brackets && depth == 0 => in_quotes = !in_quotes,
            b'<' if name == "link" && !in_quotes => in_brackets = true,
            b'>' if in_brackets => in_brackets = false,
            b'(' if name == "via" && !in_quotes => depth += 1,
            b')' if depth > 0 => depth -= 1,
            _ => {}
        }
    }
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t');
    for member in &mut members {
        while member.last().is_some_and(is_space) {
            member.pop();
        }
        let start = member.iter().position(|octet| !is_space(octet));
        member.drain(..start.unwrap_or(0));
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn members_are_those_of_the_reference(
        name in select(vec!["x", "Date", "If-Match", "Link", "Via"]),
        value in vec(select(b",,,\"\"\\<>() \tab\xff".to_vec()), 0..24),
    ) {
        prop_assert_eq!(split(name, &value), reference(name, &value));
    }

    #[test]
    fn any_octets_split_and_none_but_commas_and_white_space_go(
        name in select(vec!["x", "Date", "If-Match", "Link", "Via"]),
        value in vec(any::<u8>(), 0..100),
    ) {
        let members = split(name, &value);
        prop_assert!(!members.is_empty());
        let left = |octets: &[u8]| -> Vec<u8> {
            octets.iter().copied().filter(|octet| !b", \t".contains(octet)).collect()
        };
        prop_assert_eq!(left(&members.concat()), left(&value));
    }
}
