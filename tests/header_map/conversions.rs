//! To `http::HeaderMap` and back.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, AUTHORIZATION, SET_COOKIE},
};
use proptest::{collection::vec, prelude::*, sample::select};
use towline::{
    HeaderMapExt, HttpHeaderMap,
    header_map::{RawValue, Reason},
};

use crate::support::{headers, map, raw, text};

#[test]
fn a_map_has_the_fields_of_an_http_header_map_in_its_order() {
    let headers = headers(&[
        ("accept", "a, b"),
        ("date", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("accept", "c"),
        ("x-custom", ""),
    ]);
    let expected: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    assert_eq!(raw(&HttpHeaderMap::from(&headers)), expected);
    assert_eq!(raw(&HttpHeaderMap::from(headers.clone())), expected);
    assert_eq!(HttpHeaderMap::from(HeaderMap::new()), HttpHeaderMap::new());
}

#[test]
fn octets_are_shared_on_the_way_in_and_back() {
    let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(vec![b'v'; 100])).unwrap();
    let place = value.as_bytes().as_ptr();
    let map = HttpHeaderMap::from(HeaderMap::from_iter([(ACCEPT, value)]));
    assert_eq!(map.first("accept").unwrap().as_ptr(), place);
    let by_reference = HeaderMap::try_from(&map).unwrap();
    assert_eq!(by_reference[ACCEPT].as_bytes().as_ptr(), place);
    let headers = HeaderMap::try_from(map).unwrap();
    assert_eq!(headers[ACCEPT].as_bytes().as_ptr(), place);
}

#[test]
fn a_mark_for_secrets_stays_on_both_ways() {
    let mut map = HttpHeaderMap::new();
    map.append(AUTHORIZATION, RawValue::from("Basic x").sensitive())
        .unwrap();
    map.append(ACCEPT, "*/*").unwrap();
    let headers = HeaderMap::try_from(&map).unwrap();
    assert!(headers[AUTHORIZATION].is_sensitive());
    assert!(!headers[ACCEPT].is_sensitive());
    for back in [HttpHeaderMap::from(&headers), HttpHeaderMap::from(headers)] {
        let sensitive: Vec<_> = back
            .iter_raw()
            .map(|(_, value)| value.is_sensitive())
            .collect();
        assert_eq!(sensitive, [true, false]);
        assert_eq!(HeaderMap::try_from(back).unwrap()[AUTHORIZATION], "Basic x");
    }
}

#[test]
fn lines_stay_lines_in_the_order_of_their_name() {
    let map = map(&[
        ("Set-Cookie", "a=1, x"),
        ("Accept", "b"),
        ("set-cookie", "c=2"),
        ("SET-COOKIE", "d=3"),
    ]);
    let headers = HeaderMap::try_from(&map).unwrap();
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).into_iter().collect();
    assert_eq!(cookies, ["a=1, x", "c=2", "d=3"]);
    assert_eq!(HeaderMap::try_from(map), Ok(headers));
}

#[test]
fn a_field_that_http_cannot_hold_is_named() {
    for (name, value, reason) in [
        ("", "v", Reason::Name),
        (":path", "v", Reason::Name),
        ("a b", "v", Reason::Name),
        ("x-é", "v", Reason::Name),
        ("X-Bad", "a\r\nb", Reason::Value),
        ("X-Bad", "\0", Reason::Value),
        ("X-Bad", "\x7f", Reason::Value),
    ] {
        let mut map = map(&[("Good", "1")]);
        map.append_unchecked(name, value);
        map.append("After", "2").unwrap();
        for error in [
            HeaderMap::try_from(&map).unwrap_err(),
            HeaderMap::try_from(map).unwrap_err(),
        ] {
            assert_eq!((text(error.name()), error.reason()), (name, reason));
        }
    }
}

#[test]
fn a_name_may_be_too_long_for_http() {
    for (len, fits) in [(65_535, true), (65_536, false)] {
        let name = "x".repeat(len);
        let map = map(&[(&name, "v")]);
        match HeaderMap::try_from(map) {
            Ok(headers) => assert!(fits && headers.contains_key(name)),
            Err(error) => {
                assert!(!fits);
                assert_eq!(error.reason(), Reason::NameTooLong);
                assert!(error.to_string().len() < 200, "{error}");
            }
        }
    }
}

#[test]
fn names_may_be_too_many_for_http() {
    const MOST: usize = 24_576;
    let mut map = HttpHeaderMap::new();
    for index in 0..MOST {
        map.append(format!("x-{index}"), "v").unwrap();
    }
    assert_eq!(HeaderMap::try_from(&map).unwrap().len(), MOST);
    map.append("one-more", "v").unwrap();
    let error = HeaderMap::try_from(&map).unwrap_err();
    assert_eq!(
        (error.name(), error.reason()),
        (&b"one-more"[..], Reason::TooMany)
    );
    assert!(error.to_string().contains("`one-more`"), "{error}");
}

#[test]
fn lines_of_one_name_are_never_too_many() {
    let map: HttpHeaderMap = (0..40_000).map(|_| (ACCEPT, 1)).collect();
    assert_eq!(HeaderMap::try_from(map).unwrap().len(), 40_000);
}

#[test]
fn an_http_header_map_is_read_canonically() {
    let headers = headers(&[
        ("accept", "a, b"),
        ("date", "Tue, 31 Mar 2015 08:09:51 GMT"),
        ("accept", " c ,,"),
    ]);
    let pairs: Vec<_> = headers
        .iter_canonical()
        .map(|(name, value)| (name.to_string(), text(value).to_owned()))
        .collect();
    let expected = crate::support::canonical(&HttpHeaderMap::from(&headers))
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect::<Vec<_>>();
    assert_eq!(pairs, expected);
    assert_eq!(pairs.len(), 6);

    let all = |name: &str| -> Vec<_> { headers.canonical(name).map(text).collect() };
    assert_eq!(all("ACCEPT"), ["a", "b", "c", "", ""]);
    assert_eq!(all("Date"), ["Tue, 31 Mar 2015 08:09:51 GMT"]);
    assert!(all("x-absent").is_empty());
    assert!(all("no name").is_empty());
    let list: Vec<_> = headers.list(ACCEPT).map(text).collect();
    assert_eq!(list, ["a", "b", "c"]);
    assert_eq!(headers.list(String::from("accept")).count(), 3);
}

/// Fields that `http` can hold, many of the same name.
fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
    let name = prop_oneof![
        select(vec!["Accept", "accept", "Set-Cookie", "X-A", "x-a", "DATE"])
            .prop_map(str::to_owned),
        "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,70}",
    ];
    let octet = prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8];
    let value = prop_oneof![vec(octet, 0..30), Just(b"a, \"b, c\" ,,".to_vec())];
    vec((name, value, any::<bool>()), 0..40)
}

proptest! {
    #[test]
    fn there_and_back_keeps_values_and_their_order_of_each_name(fields in fields()) {
        let mut map = HttpHeaderMap::new();
        for (name, value, sensitive) in &fields {
            let value = RawValue::from(&value[..]);
            let value = if *sensitive { value.sensitive() } else { value };
            map.append(name, value).unwrap();
        }
        let headers = HeaderMap::try_from(&map).unwrap();
        prop_assert_eq!(headers.len(), map.raw_len());
        prop_assert_eq!(&HeaderMap::try_from(map.clone()).unwrap(), &headers);
        let back = HttpHeaderMap::from(&headers);
        prop_assert_eq!(&HttpHeaderMap::from(headers.clone()), &back);
        for name in map.names() {
            let of = |map: &HttpHeaderMap| -> Vec<_> {
                map.iter_raw()
                    .filter(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name.as_raw()))
                    .map(|(_, value)| (value.as_bytes().to_vec(), value.is_sensitive()))
                    .collect()
            };
            prop_assert_eq!(of(&back), of(&map));
            let header = HeaderName::from_bytes(name.as_raw()).unwrap();
            let canonical: Vec<_> = headers.canonical(&header).collect();
            prop_assert_eq!(Some(canonical), map.get(name.as_raw()));
        }
        // What came from an `http::HeaderMap` is one again, with nothing lost.
        prop_assert_eq!(&HeaderMap::try_from(&back).unwrap(), &headers);
        prop_assert_eq!(HttpHeaderMap::from(HeaderMap::try_from(&back).unwrap()), back);
    }
}
