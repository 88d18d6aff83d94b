//! Random mounts and URIs against a model: of all prefixes that cover the URI by the documented
//! rule, read off one by one, the longest.

use proptest::{collection::vec, option, prelude::*, sample::select};
use towline::{Mounts, Netloc, mounts::Prefix};

use super::routes::uri;

/// Where something is mounted, or a request goes, before it is spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    scheme: &'static str,
    host: &'static str,
    port: u16,
    /// Of single characters, so that every octet of them can be escaped or not.
    segments: Vec<&'static str>,
}

/// How a place is written: what makes no difference.
#[derive(Clone, Debug)]
struct Spelling {
    is_upper: bool,
    names_port: bool,
    /// Escapes this unreserved character.
    escaped: Option<char>,
}

const SEGMENTS: &[&str] = &["", "a", "b", "ab", "a-", "a~", "A", "a%2Fb", "a;b", "."];
const HOSTS: &[&[&str]] = &[
    &["h.test", "H.Test"],
    &["h.test.", "H.TEST."],
    &["h.tes", "H.tes"],
    &["[::1]", "[0:0::1]"],
    &["[::2]", "[0::0.0.0.2]"],
];

fn place() -> impl Strategy<Value = Place> {
    let scheme = select(&["http", "https"][..]);
    let host = (0..HOSTS.len()).prop_map(|index| HOSTS[index][0]);
    let port = select(&[80, 443, 8443][..]);
    let segments = vec(select(SEGMENTS), 0..4);
    (scheme, host, port, segments).prop_map(|(scheme, host, port, segments)| Place {
        scheme,
        host,
        port,
        segments,
    })
}

fn spelling() -> impl Strategy<Value = Spelling> {
    let escaped = option::of(select(&['a', 'b', '-', '~', '.'][..]));
    (any::<bool>(), any::<bool>(), escaped).prop_map(|(is_upper, names_port, escaped)| Spelling {
        is_upper,
        names_port,
        escaped,
    })
}

fn has_dot_segment(place: &Place) -> bool {
    place.segments.contains(&".")
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "http" { 80 } else { 443 }
}

fn spell(place: &Place, spelling: &Spelling) -> String {
    let spellings = HOSTS.iter().find(|host| host[0] == place.host);
    let host = spellings.expect("a host of the list")[usize::from(spelling.is_upper)];
    let scheme = match spelling.is_upper {
        true => place.scheme.to_uppercase(),
        false => place.scheme.to_owned(),
    };
    let port = if spelling.names_port || place.port != default_port(place.scheme) {
        format!(":{}", place.port)
    } else {
        String::new()
    };
    let mut path = String::new();
    for segment in &place.segments {
        path.push('/');
        // Not within an escape that is there already.
        match spelling.escaped.filter(|_| !segment.contains('%')) {
            Some(escaped) => {
                let escape = format!("%{:02x}", u32::from(escaped));
                path.push_str(&segment.replace(escaped, &escape));
            }
            None => path.push_str(segment),
        }
    }
    format!("{scheme}://{host}{port}{path}")
}

/// The rule as it is documented. `/` is the path of all paths; a prefix that ends with an empty
/// segment wants one in its place.
fn covers(prefix: &Place, request: &Place) -> bool {
    let parts = |place: &Place| (place.scheme, place.host, place.port);
    let is_root = prefix.segments.is_empty() || prefix.segments == [""];
    let (last, before) = match prefix.segments.split_last() {
        Some((&"", before)) => (Some(before.len()), before),
        _ => (None, &prefix.segments[..]),
    };
    parts(prefix) == parts(request)
        && (is_root
            || !has_dot_segment(request)
                && request.segments.starts_with(before)
                && last.is_none_or(|index| request.segments.len() > index))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_longest_of_those_that_cover_the_uri_is_chosen(
        mounted in vec((place(), spelling()), 0..12),
        removed in vec(any::<prop::sample::Index>(), 0..4),
        scheme in option::of(select(&["http", "https"][..])),
        (request, how) in (place(), spelling()),
        follows in option::of(any::<prop::sample::Index>()),
    ) {
        // One of each, as the last one spelled it.
        let mut model: Vec<(Prefix, Place)> = Vec::new();
        let mut mounts = Mounts::new(());
        for (place, how) in mounted {
            if has_dot_segment(&place) {
                continue;
            }
            let prefix: Prefix = spell(&place, &how).parse().expect("a prefix");
            let was_there = model.iter().any(|(other, _)| *other == prefix);
            prop_assert_eq!(mounts.insert(prefix.clone(), ()).is_some(), was_there);
            model.retain(|(other, _)| *other != prefix);
            model.push((prefix, place));
        }
        if let Some(scheme) = scheme {
            mounts = mounts.mount(format!("{scheme}://"), ()).expect("a prefix");
        }
        // Requests that go near what is mounted, more often than chance would have it.
        let mut request = request;
        if let (Some(index), false) = (follows, model.is_empty()) {
            let near = &index.get(&model).1;
            let segments = [&near.segments[..], &request.segments].concat();
            request = Place { segments, ..near.clone() };
        }
        for index in removed {
            if !model.is_empty() {
                let (prefix, _) = model.swap_remove(index.index(model.len()));
                prop_assert!(mounts.remove(&prefix).is_some());
            }
        }

        let covering = model.iter().filter(|(_, place)| covers(place, &request));
        let longest = covering.max_by_key(|(prefix, _)| prefix.path().len());
        let of_scheme = scheme.filter(|scheme| *scheme == request.scheme);
        let expected = match longest {
            Some((prefix, _)) => Some(prefix.clone()),
            None => of_scheme.map(|scheme| format!("{scheme}://").parse().expect("a prefix")),
        };
        let uri = uri(&spell(&request, &how));
        prop_assert_eq!(mounts.prefix_of(&uri), expected.as_ref(), "{} in {:?}", uri, mounts);
    }

    #[test]
    fn any_uri_can_be_looked_up(path in "/[!-~é]{0,20}", host in "[a-zA-Z0-9.:@\\[\\]%-]{1,20}") {
        let mounts = super::routes::mounts(&["https://", "https://a", "https://a/b"]);
        for scheme in ["http", "https"] {
            if let Ok(uri) = format!("{scheme}://{host}{path}").parse() {
                // `https://` covers whatever has a netloc.
                let is_covered = mounts.prefix_of(&uri).is_some();
                let expected = scheme == "https" && Netloc::from_uri(&uri).is_ok();
                prop_assert_eq!(is_covered, expected, "{}", uri);
            }
        }
    }
}
