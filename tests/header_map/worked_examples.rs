//! Worked examples: small maps, one operation each, and what comes of it.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use towline::HttpHeaderMap;

use crate::support::{canonical, get, headers, map, raw, text};

#[test]
fn get_finds_a_name() {
    assert_eq!(get(&map(&[("key", "value")]), "key"), Some(vec!["value"]));
}

#[test]
fn get_finds_a_name_in_upper_case() {
    assert_eq!(get(&map(&[("KEY", "value")]), "key"), Some(vec!["value"]));
}

#[test]
fn get_gathers_lines_whose_names_differ_in_case() {
    let map = map(&[("key", "v1"), ("Key", "v2")]);
    assert_eq!(get(&map, "key"), Some(vec!["v1", "v2"]));
}

#[test]
fn get_splits_at_commas() {
    assert_eq!(
        get(&map(&[("key", "v1, v2")]), "key"),
        Some(vec!["v1", "v2"])
    );
}

#[test]
fn remove_takes_all_lines() {
    let mut map = map(&[("key", "v1"), ("key", "v2")]);
    assert!(map.remove("key").is_some());
    assert_eq!(get(&map, "key"), None);
}

#[test]
fn remove_from_an_empty_map_gives_none() {
    assert_eq!(HttpHeaderMap::new().remove("key"), None);
}

#[test]
fn contains_key_says_which() {
    let map = map(&[("key", "val")]);
    assert!(map.contains_key("key"));
    assert!(!map.contains_key("nonkey"));
}

fn four() -> HttpHeaderMap {
    map(&[("k1", "v1, v2"), ("k2", "v3"), ("k1", "v4")])
}

#[test]
fn len_counts_canonical_pairs() {
    assert_eq!(four().len(), 4);
    assert_eq!(four().raw_len(), 3);
}

#[test]
fn keys_has_a_name_for_each_value() {
    let map = four();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["k1", "k1", "k2", "k1"]);
}

#[test]
fn values_has_all_values_in_order() {
    let map = four();
    let values: Vec<_> = map.values().map(text).collect();
    assert_eq!(values, ["v1", "v2", "v3", "v4"]);
}

#[test]
fn get_gathers_values_across_another_name() {
    assert_eq!(get(&four(), "k1"), Some(vec!["v1", "v2", "v4"]));
}

#[test]
fn equality_looks_at_the_commas_and_eq_canonical_does_not() {
    let other = map(&[("k1", "v1"), ("k1", "v2"), ("k2", "v3"), ("k1", "v4")]);
    assert_ne!(four(), other);
    assert!(four().eq_canonical(&other));
}

#[test]
fn equality_looks_at_the_case_and_eq_canonical_does_not() {
    let (upper, lower) = (map(&[("A", "1")]), map(&[("a", "1")]));
    assert_ne!(upper, lower);
    assert!(upper.eq_canonical(&lower));
}

#[test]
fn set_cookie_is_not_split() {
    let map = map(&[("Set-Cookie", "v1, v2")]);
    assert_eq!(get(&map, "set-cookie"), Some(vec!["v1, v2"]));
}

#[test]
fn set_cookie2_is_not_split() {
    let map = map(&[("Set-Cookie2", "a=1, b=2")]);
    assert_eq!(get(&map, "set-cookie2"), Some(vec!["a=1, b=2"]));
}

#[test]
fn set_cookie_is_trimmed() {
    let map = map(&[("set-cookie", "  x  ")]);
    assert_eq!(get(&map, "set-cookie"), Some(vec!["x"]));
    assert_eq!(raw(&map), [("set-cookie", "  x  ")]);
}

#[test]
fn get_list_drops_empty_elements_and_get_keeps_them() {
    let map = map(&[("K", " a ,, b ,")]);
    let list: Vec<_> = map.get_list("k").map(text).collect();
    assert_eq!(list, ["a", "b"]);
    assert_eq!(get(&map, "k"), Some(vec!["a", "", "b", ""]));
    assert_eq!(raw(&map), [("K", " a ,, b ,")]);
}

#[test]
fn an_empty_value_is_a_value() {
    assert_eq!(get(&map(&[("X", "")]), "x"), Some(vec![""]));
}

#[test]
fn a_date_is_one_value() {
    let date = "Tue, 31 Mar 2015 08:09:51 GMT";
    assert_eq!(get(&map(&[("Date", date)]), "date"), Some(vec![date]));
}

#[test]
fn a_challenge_is_one_value() {
    let challenge = "Basic realm=\"a, b\"";
    let map = map(&[("WWW-Authenticate", challenge)]);
    assert_eq!(get(&map, "www-authenticate"), Some(vec![challenge]));
}

#[test]
fn a_cookie_is_one_value() {
    let map = map(&[("Cookie", "a=1, b=2")]);
    assert_eq!(get(&map, "cookie"), Some(vec!["a=1, b=2"]));
}

// That a map merges with itself does not compile: see the documentation of `HttpHeaderMap`.

#[test]
fn merge_appends_raw_fields() {
    let mut one = map(&[("hi", "there")]);
    one.merge(&map(&[("Hi", "there, sir, maam")]));
    assert_eq!(raw(&one), [("hi", "there"), ("Hi", "there, sir, maam")]);
}

#[test]
fn extend_takes_any_mapping() {
    let mut map = map(&[("hi", "there")]);
    map.extend(HashMap::from([(
        HeaderName::from_static("cat"),
        HeaderValue::from_static("dog"),
    )]));
    let expected = [("hi".to_owned(), "there"), ("cat".to_owned(), "dog")];
    assert_eq!(canonical(&map), expected);
}

#[test]
fn remove_returns_the_values_and_leaves_the_rest() {
    let mut map = map(&[("A", "1"), ("B", "2"), ("a", "3")]);
    let removed = map.remove("A").unwrap();
    assert_eq!(removed, [&b"1"[..], b"3"]);
    assert_eq!(raw(&map), [("B", "2")]);
}

#[test]
fn clear_empties_the_map() {
    let mut map = map(&[("B", "2")]);
    map.clear();
    assert_eq!(map, HttpHeaderMap::new());
}

#[test]
fn get_or_append_leaves_what_is_there() {
    let mut map = map(&[("A", "1")]);
    assert_eq!(map.get_or_append("a", "9").unwrap(), [b"1"]);
    assert_eq!(raw(&map), [("A", "1")]);
}

#[test]
fn get_or_append_appends_what_is_not_there() {
    let mut map = map(&[("A", "1")]);
    assert_eq!(map.get_or_append("b", "9").unwrap(), [b"9"]);
    assert_eq!(raw(&map), [("A", "1"), ("b", "9")]);
}

#[test]
fn extend_appends_where_insert_and_set_all_replace() {
    let a = HeaderName::from_static("a");
    let start = map(&[("A", "1")]);
    let mut extended = start.clone();
    extended.extend([(a, HeaderValue::from_static("2"))]);
    assert_eq!(raw(&extended), [("A", "1"), ("a", "2")]);
    let mut inserted = start.clone();
    inserted.insert("a", "2").unwrap();
    assert_eq!(raw(&inserted), [("a", "2")]);
    let mut set = start;
    set.set_all([("a", "2")]).unwrap();
    assert_eq!(raw(&set), [("a", "2")]);
}

#[test]
fn pairs_given_three_times_are_nine() {
    let pairs = [("k1", "v2"), ("k2", "v2"), ("k2", "v3")];
    let map = HttpHeaderMap::try_from_iter([pairs, pairs, pairs].concat()).unwrap();
    let expected: Vec<_> = [pairs, pairs, pairs]
        .concat()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    assert_eq!(canonical(&map), expected);
}

// That a number is a name does not compile: see the documentation of `HttpHeaderMap`.

#[test]
fn a_name_beyond_ascii_is_kept_unchecked_and_refused_checked() {
    let mut map = HttpHeaderMap::new();
    assert!(map.append("X-é", "☃").is_err());
    assert!(map.is_empty());
    map.append_unchecked("X-é", "☃");
    let (name, value) = map.iter_raw().next().unwrap();
    assert_eq!(name.as_bytes(), [0x58, 0x2d, 0xc3, 0xa9]);
    assert_eq!(value.as_bytes(), [0xe2, 0x98, 0x83]);
}

#[test]
fn a_line_break_in_a_value_is_refused() {
    let mut map = HttpHeaderMap::new();
    assert!(map.append("a", "1\r\nb: 2").is_err());
    assert!(map.is_empty());
}

#[test]
fn insert_takes_the_place_of_the_first_and_removes_the_others() {
    let mut map = map(&[("a", "one"), ("b", "x"), ("A", "two")]);
    map.insert("a", "z").unwrap();
    assert_eq!(raw(&map), [("a", "z"), ("b", "x")]);
}

#[test]
fn a_map_of_an_http_header_map_iterates_canonically() {
    let map = HttpHeaderMap::from(headers(&[("accept", "a, b"), ("accept", "c")]));
    let expected = ["a", "b", "c"].map(|value| ("accept".to_owned(), value));
    assert_eq!(canonical(&map), expected);
}

#[test]
fn an_http_header_map_gets_each_raw_field_once() {
    let headers = HeaderMap::try_from(map(&[("Accept", "a, b"), ("ACCEPT", "c")])).unwrap();
    let values: Vec<_> = headers.get_all("accept").into_iter().collect();
    assert_eq!(values, ["a, b", "c"]);
    assert_eq!(headers.len(), 2);
}

#[test]
fn an_http_header_map_has_no_bad_names() {
    let mut map = HttpHeaderMap::new();
    map.append_unchecked("bad name", "x");
    let error = HeaderMap::try_from(map).unwrap_err();
    assert_eq!(error.name(), b"bad name");
    assert!(error.to_string().contains("`bad name`"), "{error}");
}
