//! What a field may be made of (RFC 9110 §5.1, §5.5, §5.6.2).

use http::HeaderMap;
use towline::{
    HttpHeaderMap,
    header_map::{InvalidField, Reason},
};

fn append(name: &[u8], value: &[u8]) -> Result<(), InvalidField> {
    HttpHeaderMap::new().append(name, value)
}

#[test]
fn a_name_is_a_token() {
    // RFC 9110 §5.6.2, octet by octet.
    let token = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for octet in 0..=255 {
        let result = append(&[b'x', octet, b'y'], b"v");
        if token.contains(&octet) {
            assert_eq!(result, Ok(()), "{octet:#x}");
        } else {
            assert_eq!(result.unwrap_err().reason(), Reason::Name, "{octet:#x}");
        }
    }
    assert_eq!(append(b"", b"v").unwrap_err().reason(), Reason::Name);
    assert_eq!(append(b"a", b"v"), Ok(()));
}

#[test]
fn pseudo_header_fields_are_no_fields() {
    for name in [":path", ":status", ":"] {
        let error = append(name.as_bytes(), b"v").unwrap_err();
        assert_eq!(
            (error.name(), error.reason()),
            (name.as_bytes(), Reason::Name)
        );
    }
}

#[test]
fn a_value_has_no_control_characters() {
    // RFC 9110 §5.5, octet by octet: field-vchar, SP and HTAB.
    for octet in 0..=255 {
        let is_valid = octet == b'\t' || (octet >= b' ' && octet != 0x7f);
        let result = append(b"x", &[b'a', octet, b'b']);
        if is_valid {
            assert_eq!(result, Ok(()), "{octet:#x}");
        } else {
            assert_eq!(result.unwrap_err().reason(), Reason::Value, "{octet:#x}");
        }
    }
    assert_eq!(append(b"x", b""), Ok(()));
}

#[test]
fn a_header_name_of_http_that_is_no_token_is_refused() {
    // `http` lets the quotation mark through.
    let name = http::HeaderName::from_lowercase(b"a\"b").unwrap();
    let error = HttpHeaderMap::new().append(&name, "v").unwrap_err();
    assert_eq!(error.reason(), Reason::Name);
    // Nothing is lost on the way through a map all the same.
    let headers = HeaderMap::from_iter([(name, "v".parse().unwrap())]);
    assert_eq!(
        HeaderMap::try_from(HttpHeaderMap::from(&headers)),
        Ok(headers)
    );
}

#[test]
fn every_checked_door_refuses_what_would_be_two_fields() {
    let name = ("x\r\nset-cookie", "v");
    let value = ("x", "v\r\nset-cookie: a=1");
    for (field, reason) in [(name, Reason::Name), (value, Reason::Value)] {
        let mut map = HttpHeaderMap::new();
        let refused = [
            map.append(field.0, field.1),
            map.insert(field.0, field.1),
            map.get_or_append(field.0, field.1).map(drop),
            map.try_extend([field]),
            map.set_all([field]),
            HttpHeaderMap::try_from_iter([field]).map(drop),
        ];
        for result in refused {
            assert_eq!(result.unwrap_err().reason(), reason);
        }
        assert!(map.is_empty());
    }
}

#[test]
fn unchecked_fields_are_kept_octet_by_octet() {
    let all: Vec<u8> = (0..=255).collect();
    let mut map = HttpHeaderMap::new();
    map.append_unchecked(&all[..], &all[..]);
    map.append_unchecked("", "");
    let (name, value) = map.iter_raw().next().unwrap();
    assert_eq!((name.as_bytes(), value.as_bytes()), (&all[..], &all[..]));
    assert_eq!(map.raw_len(), 2);
    assert!(map.contains_key(""));
}

#[test]
fn an_error_says_what_and_why_but_never_the_value() {
    let error = append(b"x-key", b"hunter2\n").unwrap_err();
    assert_eq!(error.name(), b"x-key");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(
        error.to_string(),
        "the field `x-key` has a control character in its value (RFC 9110 §5.5)"
    );
    assert_eq!(
        append(b"a\r\n\xff", b"v").unwrap_err().to_string(),
        "the field `a\\r\\n\\xff` has a name that is no token (RFC 9110 §5.6.2)"
    );
    let long = append(&[b'('; 65], b"v").unwrap_err();
    let shown = format!("`{}…`", "(".repeat(64));
    assert!(long.to_string().contains(&shown), "{long}");
    let fits = append(&[b'('; 64], b"v").unwrap_err();
    let shown = format!("`{}`", "(".repeat(64));
    assert!(fits.to_string().contains(&shown), "{fits}");
}
