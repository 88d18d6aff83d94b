//! The two views of a map that nobody changes.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use bytes::Bytes;
use http::header::ACCEPT;
use towline::{
    HttpHeaderMap,
    header_map::{CanonicalName, Iter, RawName, RawValue},
};

use crate::support::{canonical, map, raw, text};

fn head() -> HttpHeaderMap {
    map(&[
        ("Accept", "text/html, text/plain"),
        ("X-Empty", ""),
        ("ACCEPT", " */* "),
        ("Date", "Tue, 31 Mar 2015 08:09:51 GMT"),
    ])
}

#[test]
fn the_raw_view_is_what_was_given() {
    let map = head();
    let expected = [
        ("Accept", "text/html, text/plain"),
        ("X-Empty", ""),
        ("ACCEPT", " */* "),
        ("Date", "Tue, 31 Mar 2015 08:09:51 GMT"),
    ];
    assert_eq!(raw(&map), expected);
    assert_eq!(map.iter_raw().len(), 4);
    assert_eq!(map.iter_raw().next_back().unwrap().0, "Date");
}

#[test]
fn the_canonical_view_is_what_it_means() {
    let map = head();
    let expected = [
        ("accept", "text/html"),
        ("accept", "text/plain"),
        ("x-empty", ""),
        ("accept", "*/*"),
        ("date", "Tue, 31 Mar 2015 08:09:51 GMT"),
    ];
    assert_eq!(
        canonical(&map),
        expected.map(|(name, value)| (name.to_owned(), value))
    );
    assert_eq!(map.len(), 5);
    let mut pairs = Vec::new();
    for (name, value) in &map {
        pairs.push((name.to_string(), text(value)));
    }
    assert_eq!(pairs, canonical(&map));
}

#[test]
fn iterators_know_how_much_is_left_at_least_and_stay_at_their_end() {
    let map = head();
    let mut pairs = map.iter();
    assert_eq!(pairs.size_hint(), (4, None));
    pairs.next();
    pairs.next();
    assert_eq!(pairs.size_hint(), (3, None));
    assert_eq!(pairs.by_ref().count(), 3);
    assert!(pairs.next().is_none());
    assert!(pairs.next().is_none());
}

#[test]
fn names_are_told_once_in_the_order_of_their_first_line() {
    let map = head();
    let names: Vec<_> = map.names().collect();
    assert_eq!(names, ["accept", "x-empty", "date"]);
    assert_eq!(names[0].as_raw(), b"Accept");
}

#[test]
fn long_names_are_told_apart_by_their_ends() {
    let long = "x".repeat(40);
    let (one, other) = (format!("{long}-one"), format!("{long}-two"));
    let map = map(&[
        (&one, "1"),
        (&other, "2"),
        (&one.to_uppercase(), "3"),
        (&long, "4"),
    ]);
    let names: Vec<_> = map.names().collect();
    assert_eq!(names, [&*one, &other, &long]);
    // A set of names that all hash alike would be slow.
    let hash = |name: CanonicalName<'_>| {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        hasher.finish()
    };
    let hashes: Vec<_> = map.keys().map(hash).collect();
    assert_eq!(hashes[0], hashes[2]);
    assert_eq!(hashes.into_iter().collect::<HashSet<_>>().len(), 3);
}

#[test]
fn a_name_is_looked_up_by_any_type_and_in_any_case() {
    let map = head();
    assert!(map.contains_key("aCCept"));
    assert!(map.contains_key(String::from("accept")));
    assert!(map.contains_key(b"accept"));
    assert!(map.contains_key(&b"accept"[..]));
    assert!(map.contains_key(Bytes::from_static(b"accept")));
    assert!(map.contains_key(ACCEPT));
    assert!(map.contains_key(&ACCEPT));
    assert!(map.contains_key(RawName::from("accept")));
    for other in ["", "accep", "accept ", "accepu", "x-accept"] {
        assert!(!map.contains_key(other), "{other:?}");
        assert_eq!(map.get(other), None, "{other:?}");
        assert_eq!(map.get_all(other).next(), None, "{other:?}");
        assert_eq!(map.first(other), None, "{other:?}");
    }
}

#[test]
fn what_is_found_outlives_the_name_it_was_sought_by() {
    let map = head();
    let found = {
        let name = String::from("accept");
        (
            map.get(&name),
            map.get_all(&name).next(),
            map.first_str(&name),
        )
    };
    assert_eq!(found.1, Some(&b"text/html"[..]));
    assert_eq!(found.2, Some("text/html"));
    assert_eq!(found.0.map(|values| values.len()), Some(3));
}

#[test]
fn the_first_value_is_that_of_the_first_line() {
    let mut map = head();
    assert_eq!(map.first("accept"), Some(&b"text/html"[..]));
    assert_eq!(map.first_str("ACCEPT"), Some("text/html"));
    assert_eq!(map.first_str("x-empty"), Some(""));
    assert_eq!(map.first_str("x-absent"), None);
    map.append("x-octets", &b"\xff"[..]).unwrap();
    assert_eq!(map.first("x-octets"), Some(&b"\xff"[..]));
    assert_eq!(map.first_str("x-octets"), None, "no UTF-8");
}

#[test]
fn a_default_is_returned_only_where_there_is_no_field() {
    let map = head();
    assert_eq!(map.get_or("x-absent", "none"), [b"none"]);
    assert_eq!(map.get_or("x-absent", b"a, b"), [b"a, b"], "as given");
    assert_eq!(map.get_or("x-empty", "none"), [b""]);
    assert_eq!(map.get_or("accept", "none").len(), 3);
}

#[test]
fn an_empty_map_has_nothing() {
    let map = HttpHeaderMap::with_capacity(8);
    assert!(map.is_empty());
    assert_eq!((map.len(), map.raw_len()), (0, 0));
    assert_eq!(map.iter().next(), None);
    assert_eq!(map.names().count(), 0);
    assert_eq!(map, HttpHeaderMap::default());
    assert!(map.eq_canonical(&HttpHeaderMap::new()));
    assert!(!head().is_empty());
}

#[test]
fn canonical_equality_is_that_of_pairs_and_their_order() {
    let one = map(&[("a", "1, 2"), ("B", "3")]);
    assert!(one.eq_canonical(&map(&[("A", "1"), ("a", " 2 "), ("b", "3")])));
    for other in [
        &[("a", "1, 2")][..],
        &[("a", "1, 2"), ("b", "3"), ("c", "")],
        &[("b", "3"), ("a", "1, 2")],
        &[("a", "2, 1"), ("b", "3")],
        &[("a", "1, 2"), ("b", "4")],
        &[("a", "1, 2"), ("c", "3")],
    ] {
        assert!(!one.eq_canonical(&map(other)), "{other:?}");
    }
}

#[test]
fn raw_equality_is_that_of_octets_and_their_order() {
    let one = map(&[("a", "1"), ("b", "2")]);
    assert_eq!(one, one.clone());
    for other in [
        &[("a", "1")][..],
        &[("b", "2"), ("a", "1")],
        &[("a", "1"), ("B", "2")],
        &[("a", "1"), ("b", " 2")],
    ] {
        assert_ne!(one, map(other), "{other:?}");
    }
}

#[test]
fn canonical_names_know_no_case() {
    let map = map(&[("Accept", "1"), ("accept", "2"), ("Accept-Language", "3")]);
    let names: Vec<_> = map.keys().collect();
    assert_eq!(names[0], names[1]);
    assert_ne!(names[0], names[2]);
    assert_eq!(names[0], *"ACCEPT");
    assert_eq!(names[0], b"ACCEPT"[..]);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 2);
    assert_eq!(format!("{} {:?}", names[0], names[0]), "accept \"accept\"");
    assert_eq!(format!("{:>8}", names[0]), "  accept");
    assert_eq!(*names[0].to_lowercase(), *b"accept");
    assert_eq!(names[0].as_raw(), b"Accept");
}

#[test]
fn a_clone_shares_the_octets() {
    let mut map = HttpHeaderMap::new();
    map.append(
        Bytes::from("X-Name".to_owned()),
        Bytes::from(vec![b'v'; 100]),
    )
    .unwrap();
    let clone = map.clone();
    let place = |map: &HttpHeaderMap| {
        let (name, value) = map.iter_raw().next().unwrap();
        (name.as_bytes().as_ptr(), value.as_bytes().as_ptr())
    };
    assert_eq!(place(&map), place(&clone));
}

#[test]
fn maps_go_anywhere() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug>() {}
    check::<HttpHeaderMap>();
    check::<RawName>();
    check::<RawValue>();
    check::<CanonicalName<'_>>();
    check::<Iter<'_>>();
}
