//! Where one field line holds several values, and where a comma is only a comma.
//!
//! Owns: the table of fields that are no lists, and the reading of those that are.
//! Never: judges. What breaks the grammar of a field is still cut, somewhere, and no octet but
//! commas and the white space around them is lost.
//! Invariants: a value has at least one member; the work is linear in its octets.
//! Spec: RFC 9110 §5.6.1, §5.6.4, §5.6.5, §8.8.3; RFC 8288 §3; RFC 4918 §10.1.

use crate::headers::trim;

/// Builds the list and its documentation from one table.
macro_rules! not_split {
    ($($name:literal $section:literal $why:literal;)+) => {
        /// The fields whose value is taken whole, whatever commas it has, in alphabetical order.
        ///
        /// A field stands here if its definition makes it one value, not a list, and that value may
        /// have a comma, or a comma in it would be a mistake that must not look like a second value.
        /// `range` and the two lists of challenges stand here because their commas have two
        /// meanings: cut at each of them, the parts would make no sense. `content-length` does not:
        /// RFC 9110 §8.6 reads it as a list of one number over and over.
        ///
        /// | field | defined in | what a comma is there |
        /// |---|---|---|
        $(#[doc = concat!("| `", $name, "` | ", $section, " | ", $why, " |")])+
        pub const NOT_SPLIT: &[&str] = &[$($name),+];
    };
}

not_split! {
    "accept-datetime" "RFC 7089 §2.1.1" "part of a date";
    "access-control-allow-origin" "Fetch, CORS protocol" "a mistake, or part of a host";
    "authorization" "RFC 9110 §11.6.2" "between parameters of one set of credentials";
    "content-disposition" "RFC 6266 §4.1" "a mistake, or part of a file name without quotes";
    "content-location" "RFC 9110 §8.7" "part of a URI";
    "content-range" "RFC 9110 §14.4" "a mistake";
    "content-type" "RFC 9110 §8.3" "a mistake, or part of a parameter without quotes";
    "cookie" "RFC 6265 §4.2.1" "part of a cookie";
    "cookie2" "RFC 2965 §3.3.5" "a mistake";
    "date" "RFC 9110 §6.6.1" "part of a date";
    "destination" "RFC 4918 §10.3" "part of a URI";
    "etag" "RFC 9110 §8.8.3" "part of a tag";
    "expires" "RFC 9111 §5.3" "part of a date";
    "from" "RFC 9110 §10.1.2" "part of a mailbox";
    "grpc-message" "gRPC over HTTP/2" "part of a text";
    "host" "RFC 9110 §7.2" "part of a host";
    "if" "RFC 4918 §10.4" "part of a URI or a tag";
    "if-modified-since" "RFC 9110 §13.1.3" "part of a date";
    "if-range" "RFC 9110 §13.1.5" "part of a date or a tag";
    "if-unmodified-since" "RFC 9110 §13.1.4" "part of a date";
    "last-event-id" "HTML, server-sent events" "part of a text";
    "last-modified" "RFC 9110 §8.8.2" "part of a date";
    "location" "RFC 9110 §10.2.2" "part of a URI";
    "lock-token" "RFC 4918 §10.5" "part of a URI";
    "memento-datetime" "RFC 7089 §2.1.1" "part of a date";
    "nel" "Network Error Logging" "part of JSON";
    "origin" "RFC 6454 §7" "a mistake, or part of a host";
    "proxy-authenticate" "RFC 9110 §11.7.1" "between parameters as well as challenges";
    "proxy-authorization" "RFC 9110 §11.7.2" "between parameters of one set of credentials";
    "range" "RFC 9110 §14.2" "between ranges of one unit";
    "referer" "RFC 9110 §10.1.3" "part of a URI";
    "refresh" "HTML, pragma directives" "part of a URI";
    "report-to" "Reporting API" "part of JSON";
    "retry-after" "RFC 9110 §10.2.3" "part of a date";
    "server" "RFC 9110 §10.2.4" "part of a comment";
    "set-cookie" "RFC 6265 §4.1" "part of a cookie or of a date";
    "set-cookie2" "RFC 2965 §3.2.2" "part of a cookie";
    "slug" "RFC 5023 §9.7" "part of a text";
    "strict-transport-security" "RFC 6797 §6.1" "a mistake";
    "sunset" "RFC 8594 §3" "part of a date";
    "user-agent" "RFC 9110 §10.1.5" "part of a comment";
    "www-authenticate" "RFC 9110 §11.6.1" "between parameters as well as challenges";
}

/// What hides a comma in the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Everything: the value is one.
    Whole,
    /// Quoted strings (RFC 9110 §5.6.4).
    List,
    /// Entity tags, which are quoted but know no escapes (RFC 9110 §8.8.3).
    Tags,
    /// Quoted strings, and URIs in angle brackets (RFC 8288 §3, RFC 4918 §10.1).
    Links,
    /// Quoted strings, and comments in parentheses (RFC 9110 §5.6.5, §7.6.3).
    Comments,
}

impl Shape {
    fn of(name: &[u8]) -> Self {
        let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
        if NOT_SPLIT.iter().any(is) {
            Self::Whole
        } else if ["if-match", "if-none-match"].iter().any(is) {
            Self::Tags
        } else if ["dav", "link"].iter().any(is) {
            Self::Links
        } else if is(&"via") {
            Self::Comments
        } else {
            Self::List
        }
    }
}

/// The canonical values of one field line: its members without the white space around them. Empty
/// ones are among them.
#[derive(Clone)]
pub(super) struct Members<'a> {
    rest: Option<&'a [u8]>,
    shape: Shape,
}

impl<'a> Members<'a> {
    pub(super) fn new(name: &[u8], value: &'a [u8]) -> Self {
        // Most values have no comma, so most names need not be looked up.
        let shape = if value.contains(&b',') {
            Shape::of(name)
        } else {
            Shape::Whole
        };
        Self {
            rest: Some(value),
            shape,
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let value = self.rest.take()?;
        let end = match self.shape {
            Shape::Whole => value.len(),
            shape => member_end(value, shape),
        };
        let (member, rest) = value.split_at(end);
        self.rest = rest.get(1..);
        Some(trim(member))
    }
}

/// Where the first comma is that nothing hides, or the end of the value.
fn member_end(value: &[u8], shape: Shape) -> usize {
    let mut at = 0;
    while let Some(octet) = value.get(at) {
        at += match octet {
            b',' => return at,
            b'"' => quoted_len(&value[at..], shape != Shape::Tags),
            b'<' if shape == Shape::Links => bracketed_len(&value[at..]),
            b'(' if shape == Shape::Comments => comment_len(&value[at..]),
            _ => 1,
        };
    }
    value.len()
}

/// The octets of a quoted string, quotes included; all that is left if it has no end.
fn quoted_len(value: &[u8], has_escapes: bool) -> usize {
    let mut at = 1;
    while let Some(octet) = value.get(at) {
        at += match octet {
            b'"' => return at + 1,
            // RFC 9110 §5.6.4: quoted-pair.
            b'\\' if has_escapes => 2,
            _ => 1,
        };
    }
    value.len()
}

/// The octets of a URI in angle brackets; all that is left if it has no end.
fn bracketed_len(value: &[u8]) -> usize {
    let end = value.iter().position(|octet| *octet == b'>');
    end.map_or(value.len(), |end| end + 1)
}

/// The octets of a comment, which may hold others (RFC 9110 §5.6.5); all that is left if it has no
/// end.
fn comment_len(value: &[u8]) -> usize {
    let mut at = 0;
    let mut depth = 0_usize;
    while let Some(octet) = value.get(at) {
        at += if *octet == b'\\' { 2 } else { 1 };
        match octet {
            b'(' => depth += 1,
            b')' if depth == 1 => return at,
            b')' => depth -= 1,
            _ => {}
        }
    }
    value.len()
}
