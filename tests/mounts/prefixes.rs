//! What a prefix may be, and what is mounted where.

use std::error::Error;

use http::Uri;
use towline::{
    Mounts, Netloc,
    mounts::{InvalidPrefix, Prefix},
    netloc::{NetlocError, Scheme},
};

use super::routes::{mounts, uri};

fn prefix(text: &str) -> Prefix {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// None of them is a prefix, each for the reason that is expected.
fn refuses(texts: &[&str], is_expected: impl Fn(&InvalidPrefix) -> bool) {
    for text in texts {
        match text.parse::<Prefix>() {
            Ok(prefix) => panic!("{text} is {prefix}"),
            Err(error) => assert!(is_expected(&error), "{text}: {error:?}"),
        }
    }
}

#[test]
fn equal_prefixes_read_the_same() {
    for (text, expected) in [
        ("https://", "https://"),
        ("HTTP://", "http://"),
        ("https://H.test", "https://h.test/"),
        ("https://h.test:443/", "https://h.test/"),
        ("https://h.test:/a", "https://h.test/a"),
        ("http://h.test:443", "http://h.test:443/"),
        ("https://[0:0::1]:443/%61", "https://[::1]/a"),
        ("https://h.test/a/", "https://h.test/a/"),
        ("https://h.test//", "https://h.test//"),
    ] {
        let parsed = prefix(text);
        assert_eq!(parsed.to_string(), expected);
        assert_eq!(format!("{parsed:?}"), expected);
        assert_eq!(parsed, prefix(expected));
    }
    assert_ne!(prefix("https://h.test/a"), prefix("https://h.test/a/"));
    assert_ne!(prefix("https://"), prefix("http://"));
    assert_eq!(prefix("https://h.test").path(), "/");
    assert_eq!(prefix("http://").path(), "/");
    assert_eq!(prefix("https://h.test/%61").path(), "/a");
    assert_eq!(prefix("http://h.test").scheme(), Scheme::Http);
}

#[test]
fn whatever_says_where_makes_a_prefix() {
    let expected = prefix("https://h.test:8443/");
    let text = "https://me@H.test:8443/path?query";
    let netloc = Netloc::from_uri(&uri(text)).expect("a netloc");
    assert_eq!(Prefix::from(netloc), expected);
    let uri: Uri = uri("https://h.test:8443");
    assert_eq!(Prefix::try_from(uri).expect("a prefix"), expected);
    let text = "https://h.test:8443".to_owned();
    assert_eq!(Prefix::try_from(text).expect("a prefix"), expected);
    assert_eq!(Prefix::from(Scheme::Https), prefix("https://"));
    // All of them can be mounted at once.
    let mounts = Mounts::new(())
        .mount(expected.clone(), ())
        .and_then(|mounts| mounts.mount(Scheme::Http, ()))
        .expect("nothing to read");
    let mounted: Vec<_> = mounts.prefixes().cloned().collect();
    assert_eq!(mounted, [prefix("http://"), expected]);
}

#[test]
fn what_is_no_uri_of_a_server_is_no_prefix() {
    refuses(
        &[
            "",
            "https:// ",
            "https://h test",
            "https:///a",
            "https://h.té",
        ],
        |error| matches!(error, InvalidPrefix::Uri(_)),
    );
    refuses(&["/a", "h.test", "h.test:443", "*", "https"], |error| {
        matches!(error, InvalidPrefix::Netloc(NetlocError::Relative))
    });
    refuses(
        &["://", "ftp://", "ftp://h.test", "httpss://", "ws://h.test"],
        |error| matches!(error, InvalidPrefix::Netloc(NetlocError::Scheme(_))),
    );
    refuses(
        &[
            "https://h.test:0",
            "https://h.test:65536",
            "https://h.test:*",
        ],
        |error| matches!(error, InvalidPrefix::Netloc(NetlocError::Authority(_))),
    );
}

#[test]
fn what_could_not_match_as_it_reads_is_no_prefix() {
    refuses(
        &[
            "https://me@h.test",
            "https://example.com@h.test/",
            "https://me@h.test:0",
        ],
        |error| matches!(error, InvalidPrefix::UserInformation),
    );
    refuses(
        &[
            "https://h.test/..",
            "https://h.test/a/%2e/b",
            "https://h.test/100%",
        ],
        |error| matches!(error, InvalidPrefix::Path(_)),
    );
    refuses(&["https://h.test?", "https://h.test/a?b"], |error| {
        matches!(error, InvalidPrefix::Query)
    });
    refuses(&["https://h.test#", "https://h.test/a#b"], |error| {
        matches!(error, InvalidPrefix::Fragment)
    });
    let asterisk = Uri::builder().scheme("https").authority("h.test");
    let asterisk = asterisk.path_and_query("*").build().expect("a valid URI");
    let error = Prefix::try_from(asterisk).expect_err("no path");
    assert!(matches!(error, InvalidPrefix::Path(_)), "{error:?}");
}

#[test]
fn refusals_say_why_and_name_no_secret() {
    for (text, message, cause) in [
        (
            "https:// ",
            "a prefix is a URI, or a scheme as https://",
            true,
        ),
        (
            "ftp://h",
            "a prefix names a scheme, and a host that can be had",
            true,
        ),
        (
            "https://me:pw@h",
            "a prefix has no user information before its host",
            false,
        ),
        (
            "https://h/..",
            "the path \"/..\" of a prefix has a dot segment, or a % that begins no escape",
            false,
        ),
        ("https://h?q", "a prefix has no query", false),
        ("https://h#f", "a prefix has no fragment", false),
    ] {
        let mounted = Mounts::new(()).mount(text, ());
        let error = mounted.expect_err("no prefix");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.source().is_some(), cause, "{text}");
        assert!(!format!("{error:?}").contains("pw"), "{error:?}");
    }
}

#[test]
fn mounting_in_the_same_place_takes_the_place() {
    let mut mounts = Mounts::new("fallback");
    assert_eq!(mounts.insert(prefix("https://h.test/a"), "one"), None);
    assert_eq!(mounts.insert(prefix("https://h.test/b"), "other"), None);
    let again = mounts.insert(prefix("https://H.test:443/%61"), "two");
    assert_eq!(again, Some("one"));
    let mounts = mounts.mount("https://h.test/a", "three").expect("a prefix");
    assert_eq!(mounts.prefixes().len(), 2);
    assert_eq!(*mounts.service_of(&uri("https://h.test/a")), "three");
    assert_eq!(*mounts.service_of(&uri("https://h.test/b")), "other");
    assert_eq!(*mounts.service_of(&uri("https://h.test/c")), "fallback");
}

#[test]
fn what_is_taken_away_leaves_its_place_to_the_wider_one() {
    let mut mounts = mounts(&[
        "https://h.test/a/b/c",
        "https://h.test/a",
        "https://h.test/a/b",
    ]);
    let routed = |mounts: &Mounts<()>| {
        let uri = uri("https://h.test/a/b/c/d");
        mounts.prefix_of(&uri).map(ToString::to_string)
    };
    assert_eq!(mounts.remove(&prefix("https://h.test/a/b/d")), None);
    assert_eq!(mounts.remove(&prefix("https://h.test/a/b")), Some(()));
    assert_eq!(mounts.remove(&prefix("https://h.test/a/b")), None);
    assert_eq!(routed(&mounts).as_deref(), Some("https://h.test/a/b/c"));
    assert_eq!(mounts.remove(&prefix("https://h.test/a/b/c")), Some(()));
    assert_eq!(routed(&mounts).as_deref(), Some("https://h.test/a"));
    assert_eq!(mounts.remove(&prefix("https://h.test/a")), Some(()));
    assert_eq!(routed(&mounts), None);
    assert_eq!(mounts.prefixes().len(), 0);
}

#[test]
fn a_clone_that_is_changed_has_mounts_of_its_own() {
    let one = mounts(&["https://h.test"]);
    let mut other = one.clone();
    other.insert(prefix("https://h.test/a"), ());
    other.remove(&prefix("https://h.test"));
    assert_eq!(
        format!("{one:?}"),
        "Mounts { prefixes: [https://h.test/], .. }"
    );
    assert_eq!(
        format!("{other:?}"),
        "Mounts { prefixes: [https://h.test/a], .. }"
    );
}

#[test]
fn prefixes_are_listed_from_the_wider_to_the_narrower() {
    let mounts = mounts(&[
        "https://h.test/a-b",
        "https://h.test/a/b",
        "https://h.test/a",
        "https://h.test/a/",
        "https://h.test",
        "https://",
        "https://[::1]",
    ]);
    let listed: Vec<_> = mounts.prefixes().map(ToString::to_string).collect();
    let expected = [
        "https://",
        "https://[::1]/",
        "https://h.test/",
        "https://h.test/a",
        "https://h.test/a/",
        "https://h.test/a/b",
        "https://h.test/a-b",
    ];
    assert_eq!(listed, expected);
}
