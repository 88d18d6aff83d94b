//! Paths as mounts compare them.
//!
//! Owns: which spellings of a path are one path, which path lies under which, and what a dot
//! segment is.
//! Never: allocates for a request, resolves a dot segment, or changes what is sent.
//! Spec: RFC 3986 §2.1 to §2.4, §3.3, §5.2.4, §6.2.2.

use std::fmt::Write;

/// What a path is made of, whichever way it is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Token {
    /// A bare `/`, which ends a segment. The lowest, so that in the order of paths nothing stands
    /// between a path and those that lie under it.
    Slash,
    /// Any other octet, bare, or escaped where that makes no difference (RFC 3986 §6.2.2.2).
    Plain(u8),
    /// The escape of an octet that bare would mean something else (RFC 3986 §2.2).
    Escaped(u8),
}

/// The tokens of a path.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    pub(super) const fn of(path: &'a str) -> Self {
        Self(path.as_bytes())
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        // RFC 3986 §6.2.2.1: the case of the digits makes no difference.
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            self.0 = rest;
            let octet = high << 4 | low;
            return Some(match octet {
                b'%' => Token::Escaped(octet),
                _ if is_reserved(octet) => Token::Escaped(octet),
                _ => Token::Plain(octet),
            });
        }
        let (octet, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match octet {
            b'/' => Token::Slash,
            octet => Token::Plain(*octet),
        })
    }
}

/// Whether `path` is `prefix` or lies under it: they part at the end of a segment, or never.
pub(super) fn covers(prefix: &str, path: &str) -> bool {
    let mut rest = Tokens::of(path);
    // The empty prefix is that of every path.
    let mut last = Token::Slash;
    for token in Tokens::of(prefix) {
        if rest.next() != Some(token) {
            return false;
        }
        last = token;
    }
    last == Token::Slash || matches!(rest.next(), None | Some(Token::Slash))
}

/// Whether some reader of the path could take a segment of it for `.` or `..`, and so resolve it to
/// another path (RFC 3986 §5.2.4): servers are known to decode escapes first, to part segments at
/// `\` too, and to cut parameters off them at `;`.
pub(super) fn has_dot_segment(path: &str) -> bool {
    // Most paths have neither: no need to look closer.
    if !path.bytes().any(|octet| matches!(octet, b'.' | b'%')) {
        return false;
    }
    // How many dots the segment consists of, until there is anything else in it.
    let mut dots = Some(0_usize);
    let is_dots = |dots| matches!(dots, Some(1 | 2));
    for token in Tokens::of(path) {
        match token {
            Token::Slash | Token::Escaped(b'/') | Token::Plain(b'\\') if is_dots(dots) => {
                return true;
            }
            Token::Slash | Token::Escaped(b'/') | Token::Plain(b'\\') => dots = Some(0),
            Token::Plain(b';') | Token::Escaped(b';') if is_dots(dots) => return true,
            Token::Plain(b'.') => dots = dots.map(|dots| dots + 1),
            Token::Plain(_) | Token::Escaped(_) => dots = None,
        }
    }
    is_dots(dots)
}

/// The one spelling of a path for all that are equal to it; `None` if a `%` in it begins no escape.
pub(super) fn canonical(path: &str) -> Option<String> {
    let mut canonical = String::with_capacity(path.len());
    for token in Tokens::of(path) {
        match token {
            Token::Slash => canonical.push('/'),
            Token::Plain(b'%') => return None,
            Token::Plain(octet) if is_unreserved(octet) || is_reserved(octet) => {
                canonical.push(char::from(octet));
            }
            Token::Plain(octet) | Token::Escaped(octet) => {
                let _never_fails = write!(canonical, "%{octet:02X}");
            }
        }
    }
    Some(canonical)
}

/// RFC 3986 §2.2.
const fn is_reserved(octet: u8) -> bool {
    matches!(
        octet,
        b':' | b'/'
            | b'?'
            | b'#'
            | b'['
            | b']'
            | b'@'
            | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
    )
}

/// RFC 3986 §2.3.
const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

const fn digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_ends() {
        for (prefix, path, expected) in [
            ("", "/", true),
            ("", "*", true),
            ("/v2", "/v2", true),
            ("/v2", "/v2/", true),
            ("/v2", "/v2/x", true),
            ("/v2", "/v2//x", true),
            ("/v2", "/v22", false),
            ("/v2", "/v", false),
            ("/v2", "/V2", false),
            ("/v2", "//v2", false),
            ("/v2", "/v2;a=1", false),
            ("/v2/", "/v2", false),
            ("/v2/", "/v2/", true),
            ("/v2/", "/v2/x", true),
            ("/v2/", "/v2//x", true),
            ("/v2/x", "/v2/y", false),
        ] {
            assert_eq!(covers(prefix, path), expected, "{prefix:?} {path:?}");
        }
    }

    #[test]
    fn escapes_count_only_where_they_change_the_meaning() {
        for (one, other, expected) in [
            ("/v2", "/%76%32", true),
            ("/~a", "/%7ea", true),
            ("/%c3%a9", "/%C3%A9", true),
            ("/é", "/%C3%A9", true),
            ("/a%2fb", "/a%2Fb", true),
            ("/a b", "/a%20b", true),
            ("/v2/x", "/v2%2fx", false),
            ("/a;b", "/a%3bb", false),
            ("/a%41", "/a%2541", false),
            // No escape at all: the octets as they stand.
            ("/100%", "/100%25", false),
            ("/%4", "/%04", false),
            ("/%g1", "/%01", false),
        ] {
            let is_same = covers(one, other);
            assert_eq!(is_same, expected, "{one:?} {other:?}");
            assert_eq!(covers(other, one), is_same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn an_escaped_delimiter_is_no_bare_one() {
        // RFC 3986 §2.2: gen-delims and sub-delims; and what begins an escape.
        let delimiters = ":/?#[]@!$&'()*+,;=%";
        for octet in 0..=u8::MAX {
            let bare = Token::Plain(octet);
            let escaped = format!("%{octet:02x}");
            let expected = match delimiters.as_bytes().contains(&octet) {
                true => Token::Escaped(octet),
                false => bare,
            };
            let tokens: Vec<_> = Tokens::of(&escaped).collect();
            assert_eq!(tokens, [expected], "{escaped}");
        }
        for delimiter in delimiters.trim_end_matches('%').chars() {
            let path = format!("/{delimiter}");
            assert_eq!(canonical(&path), Some(path));
        }
    }

    #[test]
    fn a_dot_segment_is_seen_in_every_spelling() {
        for dotted in [
            "/v2/../admin",
            "/v2/..",
            "/..",
            "/v2/./x",
            "/.",
            "/v2/%2e%2e/admin",
            "/v2/.%2E/admin",
            "/v2/%2e/x",
            "/v2/%2e%2e%2fadmin",
            "/v2%2f..%2Fadmin",
            "/v2\\..\\admin",
            "/v2%5c..%5cadmin",
            "/v2/..;/admin",
            "/v2/..;a=1/admin",
            "/v2/%2e%2e%3b/admin",
            "/v2/..;",
            "..",
            "/v2/x/..%5c",
        ] {
            assert!(has_dot_segment(dotted), "{dotted}");
        }
        for plain in [
            "/",
            "",
            "*",
            "/v2/x",
            "/v2/...",
            "/v2/.well-known",
            "/v2/a.b",
            "/v2/a..",
            "/v2/..a",
            "/v2/.%41",
            "/v2/a;..",
            "/v2/;..",
            "/v2/%252e%252e/",
            "/v2/a%2e%2e",
            "/v2/%",
            "/v2/.a.",
        ] {
            assert!(!has_dot_segment(plain), "{plain}");
        }
    }

    #[test]
    fn equal_paths_have_one_canonical_spelling() {
        for (path, expected) in [
            ("/v2", Some("/v2")),
            ("/%76%32/%7E-._", Some("/v2/~-._")),
            ("/a%2fb%3b;", Some("/a%2Fb%3B;")),
            ("/é\"{", Some("/%C3%A9%22%7B")),
            ("/%25%5c", Some("/%25%5C")),
            ("/100%", None),
            ("/%4g", None),
        ] {
            assert_eq!(canonical(path).as_deref(), expected, "{path}");
            // Nothing more happens to what is canonical already, and it stays the same path.
            if let Some(once) = canonical(path) {
                assert_eq!(canonical(&once).as_ref(), Some(&once), "{path}");
                assert!(Tokens::of(path).eq(Tokens::of(&once)), "{path}");
            }
        }
    }
}
