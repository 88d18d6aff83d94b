//! What each change does to the raw list.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_LENGTH},
};
use towline::HttpHeaderMap;

use crate::support::{headers, map, raw};

#[test]
fn fields_are_made_of_many_types() {
    let mut map = HttpHeaderMap::new();
    let text = String::from("x-text");
    map.append(&text, &text).unwrap();
    map.append(text.clone(), text).unwrap();
    map.append(b"x-array", b"array").unwrap();
    map.append(&b"x-slice"[..], &b"slice"[..]).unwrap();
    map.append(b"x-vec".to_vec(), b"vec".to_vec()).unwrap();
    map.append(Bytes::from_static(b"x-bytes"), Bytes::from_static(b"bytes"))
        .unwrap();
    let any = HeaderValue::from_static("*/*");
    map.append(&ACCEPT, &any).unwrap();
    map.append(ACCEPT, any).unwrap();
    let expected = [
        ("x-text", "x-text"),
        ("x-text", "x-text"),
        ("x-array", "array"),
        ("x-slice", "slice"),
        ("x-vec", "vec"),
        ("x-bytes", "bytes"),
        ("accept", "*/*"),
        ("accept", "*/*"),
    ];
    assert_eq!(raw(&map), expected);
}

#[test]
fn names_and_values_of_http_make_a_map_without_a_check() {
    let fields = [
        (CONTENT_LENGTH, HeaderValue::from(5)),
        (ACCEPT, HeaderValue::from_static("a, b")),
    ];
    let expected = [("content-length", "5"), ("accept", "a, b")];
    assert_eq!(raw(&HttpHeaderMap::from(fields.clone())), expected);
    assert_eq!(
        raw(&fields.iter().cloned().collect::<HttpHeaderMap>()),
        expected
    );
    let mut map = HttpHeaderMap::new();
    map.extend(&headers(&[("accept", "a, b")]));
    map.extend([(CONTENT_LENGTH, 5_u64)]);
    assert_eq!(raw(&map), [expected[1], expected[0]]);
}

#[test]
fn append_never_replaces() {
    let mut map = map(&[("a", "1")]);
    map.append("A", "2").unwrap();
    map.append("a", "1").unwrap();
    assert_eq!(raw(&map), [("a", "1"), ("A", "2"), ("a", "1")]);
}

#[test]
fn insert_keeps_the_first_place_and_appends_what_is_not_there() {
    let mut map = map(&[("b", "0"), ("A", "1"), ("b", "2"), ("a", "3"), ("a", "4")]);
    map.insert("a", "z").unwrap();
    assert_eq!(raw(&map), [("b", "0"), ("a", "z"), ("b", "2")]);
    map.insert("C", "5").unwrap();
    assert_eq!(raw(&map), [("b", "0"), ("a", "z"), ("b", "2"), ("C", "5")]);
    map.insert("c", "6").unwrap();
    assert_eq!(raw(&map), [("b", "0"), ("a", "z"), ("b", "2"), ("c", "6")]);
}

#[test]
fn set_all_replaces_what_was_there_but_not_what_it_sets() {
    let mut map = map(&[("a", "1"), ("b", "2"), ("A", "3"), ("c", "4")]);
    map.set_all([("A", "x"), ("d", "y"), ("a", "z"), ("D", "w")])
        .unwrap();
    let expected = [
        ("A", "x"),
        ("b", "2"),
        ("c", "4"),
        ("d", "y"),
        ("a", "z"),
        ("D", "w"),
    ];
    assert_eq!(raw(&map), expected);
}

#[test]
fn what_fails_changes_nothing() {
    let start = map(&[("a", "1"), ("b", "2")]);
    let mut map = start.clone();
    let bad = [("a", "x"), ("b", "\0"), ("c", "y")];
    assert!(map.set_all(bad).is_err());
    assert_eq!(map, start);
    assert!(map.try_extend(bad).is_err());
    assert_eq!(map, start);
    assert!(map.insert("a", "\0").is_err());
    assert_eq!(map, start);
    assert!(map.append("a", "\0").is_err());
    assert_eq!(map, start);
    assert!(map.get_or_append("c", "\0").is_err());
    assert_eq!(map, start);
    assert!(HttpHeaderMap::try_from_iter(bad).is_err());
}

#[test]
fn try_extend_appends_text() {
    let mut map = map(&[("a", "1")]);
    map.try_extend([("A", "2"), ("b", "3")]).unwrap();
    assert_eq!(raw(&map), [("a", "1"), ("A", "2"), ("b", "3")]);
}

#[test]
fn a_default_is_split_like_any_value_and_looked_at_only_if_it_is_appended() {
    let mut map = map(&[("A", "1"), ("a", "2, 3")]);
    assert_eq!(map.get_or_append("c", "x, y").unwrap(), [b"x", b"y"]);
    assert_eq!(map.get_or_append("a", "\0").unwrap(), [b"1", b"2", b"3"]);
    assert_eq!(map.raw_len(), 3);
}

#[test]
fn remove_gives_canonical_values_of_what_was_stored_in_any_way() {
    let mut map = HttpHeaderMap::new();
    let octets = Bytes::from(" a , b,".to_owned());
    map.append("X", octets.clone()).unwrap();
    map.append("y", "0").unwrap();
    map.append("x", HeaderValue::from_static("c, d")).unwrap();
    let values = map.remove("x").unwrap();
    assert_eq!(values, [&b"a"[..], b"b", b"", b"c", b"d"]);
    assert_eq!(values[0].as_ptr(), octets[1..].as_ptr(), "shared");
    assert_eq!(raw(&map), [("y", "0")]);
    assert_eq!(map.remove("x"), None);

    map.append("Date", "Tue, 31 Mar 2015 08:09:51 GMT").unwrap();
    let values = map.remove("DATE").unwrap();
    assert_eq!(values, [&b"Tue, 31 Mar 2015 08:09:51 GMT"[..]]);
}

#[test]
fn pop_first_takes_raw_fields_from_the_front() {
    let mut map = map(&[("A", "1, 2"), ("b", " 3")]);
    let (name, value) = map.pop_first().unwrap();
    assert_eq!(Bytes::from(name), "A");
    assert_eq!(Bytes::from(value), "1, 2");
    let (name, value) = map.pop_first().unwrap();
    assert_eq!((name.as_bytes(), value.as_bytes()), (&b"b"[..], &b" 3"[..]));
    assert_eq!(map.pop_first(), None);
}

#[test]
fn what_was_popped_turns_into_octets_whatever_it_was_made_of() {
    let custom = HeaderName::from_static("x-custom");
    let mut map = HttpHeaderMap::from([(custom, HeaderValue::from_static("v"))]);
    let (name, value) = map.pop_first().unwrap();
    assert_eq!(name.as_ref(), b"x-custom");
    assert_eq!(value.as_ref(), b"v");
    assert_eq!(
        (Bytes::from(name), Bytes::from(value)),
        ("x-custom".into(), "v".into())
    );
}

#[test]
fn merge_shares_octets_and_takes_bad_fields_along() {
    let mut other = HttpHeaderMap::new();
    other.append_unchecked("bad name", Bytes::from(vec![b'v'; 100]));
    let mut map = map(&[("a", "1")]);
    map.merge(&other);
    assert_eq!(raw(&map)[1].0, "bad name");
    let place = |map: &HttpHeaderMap| map.iter_raw().last().unwrap().1.as_bytes().as_ptr();
    assert_eq!(place(&map), place(&other));
}
