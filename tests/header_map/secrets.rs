//! What `Debug` shows, and what it must not.

use http::{HeaderValue, header::HeaderName};
use towline::{
    HttpHeaderMap,
    header_map::{RawName, RawValue, SECRET},
};

use crate::support::map;

#[test]
fn debug_shows_the_raw_list() {
    let mut map = map(&[("A", "1, 2"), ("a", " 3")]);
    map.append_unchecked("X-é", &b"a\r\n\xff"[..]);
    assert_eq!(
        format!("{map:?}"),
        "HttpHeaderMap([(\"A\", \"1, 2\"), (\"a\", \" 3\"), (\"X-é\", \"a\\r\\n\u{fffd}\")])"
    );
    assert_eq!(format!("{:?}", HttpHeaderMap::new()), "HttpHeaderMap([])");
}

#[test]
fn a_marked_value_is_never_shown() {
    let text = RawValue::from("hunter2").sensitive();
    let mut header = HeaderValue::from_static("hunter2");
    header.set_sensitive(true);
    for value in [text, header.into()] {
        assert!(value.is_sensitive());
        let mut map = HttpHeaderMap::new();
        map.append("X-Key", value.clone()).unwrap();
        assert_eq!(
            format!("{map:?}"),
            "HttpHeaderMap([(\"X-Key\", (sensitive))])"
        );
        let shown = format!("{map:#?} {value:?} {:?}", map.iter());
        let shown = format!("{shown} {:?}", map.pop_first());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn an_iterator_shows_no_value() {
    let map = map(&[("a", "hunter2, x"), ("b", "hunter2")]);
    let mut iter = map.iter();
    iter.next();
    let shown = format!("{iter:?}");
    assert_eq!(shown, "Iter { fields_left: 1, .. }");
}

#[test]
fn credentials_and_cookies_are_not_shown_even_without_a_mark() {
    let names = [
        "Authorization",
        "Cookie",
        "Proxy-Authorization",
        "Set-Cookie",
        "Set-Cookie2",
    ];
    assert_eq!(SECRET, names.map(str::to_lowercase));
    for name in names {
        let mut map = map(&[(name, "hunter2")]);
        map.append("x-other", "shown").unwrap();
        let shown = format!("{map:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains(name) && shown.contains("shown"), "{shown}");
        let raw = map.iter_raw().next().unwrap().1;
        assert!(!raw.is_sensitive(), "only its text is masked");
    }
}

#[test]
fn marks_are_kept_and_do_not_count_for_equality() {
    let plain = RawValue::from("v");
    assert!(!plain.is_sensitive());
    assert_eq!(plain, plain.clone().sensitive());
    assert_eq!(plain, RawValue::from(HeaderValue::from_static("v")));
    let mut map = HttpHeaderMap::new();
    map.append("a", plain.clone().sensitive()).unwrap();
    map.append("b", plain).unwrap();
    map.insert(
        "c",
        RawValue::from(&HeaderValue::from_static("w")).sensitive(),
    )
    .unwrap();
    let mut copy = HttpHeaderMap::new();
    copy.merge(&map.clone());
    let marks = |map: &HttpHeaderMap| -> Vec<_> {
        map.iter_raw()
            .map(|(_, value)| value.is_sensitive())
            .collect()
    };
    assert_eq!(marks(&copy), [true, false, true]);
    let (name, value) = copy.pop_first().unwrap();
    copy.append(name, value).unwrap();
    assert_eq!(marks(&copy), [false, true, true]);
}

#[test]
fn raw_names_and_values_are_compared_octet_by_octet() {
    let name = RawName::from("Accept");
    assert_eq!(name, "Accept");
    assert_eq!(name, *"Accept");
    assert_eq!(name, b"Accept"[..]);
    assert_ne!(name, "accept");
    assert_ne!(name, RawName::from(HeaderName::from_static("accept")));
    assert_eq!(
        RawName::from("accept"),
        RawName::from(HeaderName::from_static("accept"))
    );
    let value = RawValue::from(" a");
    assert_eq!(value, " a");
    assert_ne!(value, "a");
    assert_ne!(value, *" A");
    assert_ne!(value, b"a"[..]);
}
