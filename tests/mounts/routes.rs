//! Which prefix covers which URI (RFC 3986 §3.2, §6.2.2; RFC 9110 §4.2.3).

use http::Uri;
use towline::Mounts;

/// Mounts of nothing: only the prefixes matter here.
pub(crate) fn mounts(prefixes: &[&str]) -> Mounts<()> {
    let mounts = Mounts::new(());
    prefixes.iter().fold(mounts, |mounts, prefix| {
        let mounted = mounts.mount(*prefix, ());
        mounted.unwrap_or_else(|error| panic!("{prefix}: {error}"))
    })
}

pub(crate) fn uri(text: &str) -> Uri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Where a URI goes; `-` is the fallback.
fn route(mounts: &Mounts<()>, uri: &Uri) -> String {
    let prefix = mounts.prefix_of(uri);
    prefix.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// Each URI goes where it should, whichever way round the prefixes were mounted.
fn check(prefixes: &[&str], routes: &[(&str, &str)]) {
    let reversed: Vec<_> = prefixes.iter().rev().copied().collect();
    for mounts in [mounts(prefixes), mounts(&reversed)] {
        for (text, expected) in routes {
            assert_eq!(
                route(&mounts, &uri(text)),
                *expected,
                "{text} in {mounts:?}"
            );
        }
    }
}

#[test]
fn the_longest_prefix_wins() {
    check(
        &[
            "https://h.test/a/b",
            "https://",
            "https://h.test/a",
            "https://h.test/a-b",
            "https://h.test/a/",
            "https://h.test",
            "http://h.test/a",
        ],
        &[
            ("https://h.test", "https://h.test/"),
            ("https://h.test/", "https://h.test/"),
            ("https://h.test?q=/a", "https://h.test/"),
            ("https://h.test/b/a", "https://h.test/"),
            ("https://h.test/ab", "https://h.test/"),
            ("https://h.test/a", "https://h.test/a"),
            ("https://h.test/a?q", "https://h.test/a"),
            ("https://h.test/a/", "https://h.test/a/"),
            ("https://h.test/a/c", "https://h.test/a/"),
            ("https://h.test/a/b", "https://h.test/a/b"),
            ("https://h.test/a/b/c", "https://h.test/a/b"),
            ("https://h.test/a/bc", "https://h.test/a/"),
            ("https://h.test/a-b/c", "https://h.test/a-b"),
            ("https://h.test/a-c", "https://h.test/"),
            ("https://other.test/a", "https://"),
            ("http://h.test/a", "http://h.test/a"),
            ("http://h.test/", "-"),
        ],
    );
}

#[test]
fn a_missing_wider_prefix_leaves_the_scheme_or_the_fallback() {
    check(
        &["https://h.test/a", "https://h.test/c/d", "http://"],
        &[
            ("https://h.test/", "-"),
            ("https://h.test/b", "-"),
            ("https://h.test/c", "-"),
            ("https://h.test/c/e", "-"),
            ("https://g.test/a", "-"),
            ("https://i.test/a", "-"),
            ("http://h.test/a", "http://"),
            ("http://h.test:8080/a", "http://"),
        ],
    );
}

#[test]
fn without_mounts_everything_goes_to_the_fallback() {
    check(&[], &[("https://h.test/", "-"), ("/", "-")]);
}

#[test]
fn scheme_and_host_are_of_any_case_and_paths_are_not() {
    check(
        &["HTTPS://Api.Example.COM/v2"],
        &[
            ("https://api.example.com/v2", "https://api.example.com/v2"),
            ("HttpS://API.EXAMPLE.com/v2", "https://api.example.com/v2"),
            ("https://api.example.com/V2", "-"),
        ],
    );
}

#[test]
fn no_port_is_the_default_port() {
    check(
        &["https://h.test", "http://h.test:80", "https://h.test:8443"],
        &[
            ("https://h.test/", "https://h.test/"),
            ("https://h.test:/", "https://h.test/"),
            ("https://h.test:443/", "https://h.test/"),
            ("https://h.test:8443/", "https://h.test:8443/"),
            ("https://h.test:80/", "-"),
            ("http://h.test/", "http://h.test/"),
            ("http://h.test:443/", "-"),
            ("http://h.test:8443/", "-"),
        ],
    );
}

#[test]
fn hosts_are_matched_whole() {
    check(
        &[
            "https://example.com",
            "https://1.2.3.4",
            "https://127.0.0.1",
        ],
        &[
            ("https://example.com.evil.test/", "-"),
            ("https://www.example.com/", "-"),
            ("https://example.co/", "-"),
            ("https://example.comm/", "-"),
            // Another host, as it is to the pool.
            ("https://example.com./", "-"),
            ("https://1.2.3.4/", "https://1.2.3.4/"),
            ("https://[::ffff:1.2.3.4]/", "-"),
            ("https://127.1/", "-"),
        ],
    );
}

#[test]
fn user_information_never_counts() {
    check(
        &["https://example.com"],
        &[
            ("https://example.com@evil.test/", "-"),
            ("https://example.com:443@evil.test/", "-"),
            ("https://me:secret@example.com/", "https://example.com/"),
            ("https://evil.test@example.com/", "https://example.com/"),
        ],
    );
}

#[test]
fn ipv6_addresses_are_one_in_every_spelling() {
    check(
        &[
            "https://[2001:DB8::7]:8443",
            "https://[0:0:0:0:0:0:0:1]/a",
            "https://[::ffff:1.2.3.4]",
        ],
        &[
            (
                "https://[2001:db8:0:0::7]:8443/",
                "https://[2001:db8::7]:8443/",
            ),
            (
                "https://[2001:0db8::0007]:8443/",
                "https://[2001:db8::7]:8443/",
            ),
            ("https://[2001:db8::7]/", "-"),
            ("https://[2001:db8::8]:8443/", "-"),
            ("https://[::1]/a/b", "https://[::1]/a"),
            ("https://[::ffff:102:304]/", "https://[::ffff:1.2.3.4]/"),
            ("https://1.2.3.4/", "-"),
        ],
    );
    // What is no address is compared as text.
    check(
        &["https://[fe80::1%25eth0]", "https://[v1.fe:80]"],
        &[
            ("https://[FE80::1%25ETH0]/", "https://[fe80::1%25eth0]/"),
            ("https://[fe80:0::1%25eth0]/", "-"),
            ("https://[fe80::1]/", "-"),
            ("https://[V1.FE:80]/", "https://[v1.fe:80]/"),
        ],
    );
}

#[test]
fn addresses_and_names_stand_side_by_side() {
    check(
        &[
            "https://[::1]",
            "https://a.test",
            "https://[::2]",
            "https://z.test",
            "https://",
        ],
        &[
            ("https://[::1]/", "https://[::1]/"),
            ("https://[::2]/", "https://[::2]/"),
            ("https://[::3]/", "https://"),
            ("https://a.test/", "https://a.test/"),
            ("https://m.test/", "https://"),
            ("https://z.test/", "https://z.test/"),
        ],
    );
}

#[test]
fn a_path_with_dot_segments_lies_under_no_path_but_the_root() {
    let dotted = [
        "/v2/../admin",
        "/v2/%2e%2e/admin",
        "/v2/%2E./admin",
        "/v2/..%2fadmin",
        "/v2/..\\admin",
        "/v2/..%5cadmin",
        "/v2/..;x/admin",
        "/v2/..",
        "/v2/./x",
        "/admin/../v2/x",
        "/./v2",
    ];
    let under = |prefixes: &[&str], expected: &str| {
        for path in dotted {
            let text = format!("https://h.test{path}");
            check(prefixes, &[(&text, expected)]);
        }
    };
    under(&["https://h.test/v2", "https://h.test/v2/"], "-");
    under(&["https://h.test/v2", "https://"], "https://");
    let both = ["https://h.test/v2", "https://h.test", "https://"];
    under(&both, "https://h.test/");
}

#[test]
fn escapes_that_change_nothing_are_seen_through() {
    check(
        &[
            "https://h.test/%7Eme",
            "https://h.test/caf%c3%a9",
            "https://h.test/a%2fb",
        ],
        &[
            ("https://h.test/~me/x", "https://h.test/~me"),
            ("https://h.test/%7e%6De", "https://h.test/~me"),
            ("https://h.test/café/x", "https://h.test/caf%C3%A9"),
            ("https://h.test/a%2Fb/c", "https://h.test/a%2Fb"),
            ("https://h.test/a/b", "-"),
            ("https://h.test/~me%2fx", "-"),
            ("https://h.test/~me\\x", "-"),
            ("https://h.test/~me%", "-"),
        ],
    );
}

#[test]
fn what_is_no_absolute_uri_goes_to_the_fallback() {
    let prefixes = ["https://", "http://", "https://h.test"];
    check(
        &prefixes,
        &[
            ("/a", "-"),
            ("*", "-"),
            // The target of a CONNECT (RFC 9112 §3.2.3).
            ("h.test:443", "-"),
            ("ftp://h.test/", "-"),
            ("httpss://h.test/", "-"),
            ("https://h.test:0/", "-"),
            ("https://h.test:65536/", "-"),
        ],
    );
    // And what only parts can make.
    let asterisk = Uri::builder().scheme("https").authority("h.test");
    let asterisk = asterisk.path_and_query("*").build().expect("a valid URI");
    assert_eq!(route(&mounts(&prefixes), &asterisk), "https://h.test/");
}
