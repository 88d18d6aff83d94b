//! Response heads and trailer sections on their way in.
//!
//! Owns: where a head ends, and the verdict on its lines. Never: decides how the content is framed,
//! or consumes anything.
//! Invariant: a head is judged once it is whole, and its end is sought from where the search
//! stopped; so the verdict does not depend on how the octets were cut into reads, and a head that
//! comes one octet at a time costs no more than its length.
//! Strict: no folded lines, no white space before a colon, no empty line before the status line
//! (RFC 9112 §2.2 allows that to servers only). Lenient, as RFC 9112 §2.2 allows: a line of a head
//! may end in a line feed alone; of a trailer section none may, since it ends a message.
//! Spec: RFC 9112 §2.2, §2.3, §4, §5, §7.1.2; RFC 9110 §5.5.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};

use super::Violation;
use crate::headers::{self, content_length};

/// The head of a response, final or interim.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The status, from 100 to 999.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The reason phrase, if it is not [the usual one](StatusCode::canonical_reason); empty if the
    /// server sent none.
    pub reason: Option<Bytes>,
    /// The fields, those that frame the message among them.
    pub headers: HeaderMap,
    /// The content-length that all content-length fields agree on, whether or not there is content:
    /// a response to HEAD tells what GET would have got.
    pub content_length: Option<u64>,
    /// Names and values of all field lines in their order and letter case, if
    /// [asked for](super::Config::raw_fields).
    pub raw: Option<Vec<(Bytes, Bytes)>>,
}

/// The reason phrase of a response, in its extensions if it is not the one that every status has
/// ([`StatusCode::canonical_reason`]). Empty if the server sent none.
///
/// It is for humans: a client should ignore it (RFC 9112 §4). Any octet above 0x7f may be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonPhrase(Bytes);

impl ReasonPhrase {
    pub(crate) const fn new(octets: Bytes) -> Self {
        Self(octets)
    }

    /// Its octets, as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The search for the empty line that ends a section of lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SectionEnd {
    /// Octets in which no further line end is.
    sought: usize,
    /// Where the line begins that has no end yet.
    line: usize,
    /// Lines that have one.
    lines: usize,
    /// Whether one of them ended in a line feed alone.
    bare_lf: bool,
}

impl SectionEnd {
    /// Looks on. `octets` begin where they began before; the length of the section is returned,
    /// its empty line included.
    pub(super) fn seek(&mut self, octets: &[u8]) -> Option<usize> {
        while let Some(at) = octets[self.sought..]
            .iter()
            .position(|&octet| octet == b'\n')
        {
            let end = self.sought + at;
            let line = &octets[self.line..end];
            let text = line.strip_suffix(b"\r");
            self.bare_lf |= text.is_none();
            let is_empty = text.unwrap_or(line).is_empty();
            self.sought = end + 1;
            self.line = end + 1;
            if is_empty {
                return Some(end + 1);
            }
            self.lines += 1;
        }
        self.sought = octets.len();
        None
    }

    /// Lines before the empty one.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    pub(super) const fn has_bare_lf(&self) -> bool {
        self.bare_lf
    }
}

/// What is wrong with the first octets of a response, as far as they are there. A peer that
/// speaks something else need not speak in lines.
pub(super) fn foreign(octets: &[u8]) -> Option<Violation> {
    const NAME: &[u8] = b"HTTP/";
    let name = octets.len().min(NAME.len());
    if octets[..name] != NAME[..name] {
        return Some(Violation::NotHttp);
    }
    match octets[name..] {
        [] | [b'1'] | [b'1', b'.'] | [b'1', b'.', b'0' | b'1', ..] => None,
        _ => Some(Violation::Version),
    }
}

/// Reads a whole head of that many field lines.
pub(super) fn head(octets: &Bytes, fields: usize, raw: bool) -> Result<ResponseHead, Violation> {
    with_room(fields, |room| {
        let mut parsed = httparse::Response::new(room);
        match parsed.parse(octets) {
            Ok(httparse::Status::Complete(end)) if end == octets.len() => {}
            Ok(_) => return Err(Violation::StatusLine),
            Err(error) => return Err(fault_of(octets, error)),
        }
        let (Some(code), Some(minor)) = (parsed.code, parsed.version) else {
            return Err(Violation::StatusLine);
        };
        // RFC 9110 §15: `StatusCode` takes three digits from 100 on.
        let status = StatusCode::from_u16(code).map_err(|_| Violation::StatusLine)?;
        let headers = field_map(octets, parsed.headers)?;
        Ok(ResponseHead {
            status,
            version: match minor {
                0 => Version::HTTP_10,
                _ => Version::HTTP_11,
            },
            reason: reason(octets, status),
            // Whether it matters that they disagree is for the framing to say.
            content_length: content_length::read(&headers).ok().flatten(),
            headers,
            raw: raw.then(|| raw_fields(octets, parsed.headers)),
        })
    })
}

/// Reads a whole trailer section of that many field lines. Fields of the connection are left out:
/// in a trailer section they would come too late for what they say (RFC 9110 §6.5.1).
pub(super) fn trailers(octets: &Bytes, fields: usize) -> Result<HeaderMap, Violation> {
    with_room(fields, |room| match httparse::parse_headers(octets, room) {
        Ok(httparse::Status::Complete((end, lines))) if end == octets.len() => {
            let mut map = field_map(octets, lines)?;
            let dropped: Vec<_> = map
                .keys()
                .filter(|name| headers::is_connection_specific(name))
                .cloned()
                .collect();
            for name in dropped {
                map.remove(name);
            }
            Ok(map)
        }
        Ok(_) => Err(Violation::FieldName),
        Err(error) => Err(fault_of_fields(octets, error)),
    })
}

/// Runs `parse` with room for so many fields.
fn with_room<'b, T>(fields: usize, parse: impl FnOnce(&mut [httparse::Header<'b>]) -> T) -> T {
    const ON_STACK: usize = 32;
    if fields <= ON_STACK {
        parse(&mut [httparse::EMPTY_HEADER; ON_STACK])
    } else {
        parse(&mut vec![httparse::EMPTY_HEADER; fields])
    }
}

fn field_map(octets: &Bytes, lines: &[httparse::Header<'_>]) -> Result<HeaderMap, Violation> {
    // The map has a size limit of its own, above any that is reasonable here.
    let mut map = HeaderMap::try_with_capacity(lines.len()).map_err(|_| Violation::FieldCount)?;
    for line in lines {
        let name =
            HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Violation::FieldName)?;
        let value = HeaderValue::from_maybe_shared(octets.slice_ref(line.value))
            .map_err(|_| Violation::FieldValue)?;
        map.try_append(name, value)
            .map_err(|_| Violation::FieldCount)?;
    }
    Ok(map)
}

fn raw_fields(octets: &Bytes, lines: &[httparse::Header<'_>]) -> Vec<(Bytes, Bytes)> {
    let slice = |part: &[u8]| octets.slice_ref(part);
    lines
        .iter()
        .map(|line| (slice(line.name.as_bytes()), slice(line.value)))
        .collect()
}

/// The reason phrase of a well-formed status line (RFC 9112 §4), if it says anything new.
fn reason(octets: &Bytes, status: StatusCode) -> Option<Bytes> {
    /// Where it begins, behind version, status and their spaces.
    const AT: usize = "HTTP/1.1 200 ".len();
    let line = octets.split(|&octet| octet == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let reason = line.get(AT..).unwrap_or_default();
    let usual = status.canonical_reason().map(str::as_bytes);
    (usual != Some(reason)).then(|| octets.slice_ref(reason))
}

/// What is wrong with a head that cannot be parsed.
fn fault_of(octets: &[u8], error: httparse::Error) -> Violation {
    let end = octets.iter().position(|&octet| octet == b'\n');
    let (status_line, fields) = octets.split_at(end.unwrap_or(octets.len()));
    match error {
        _ if has_bare_cr(status_line) => Violation::BareCr,
        httparse::Error::Status | httparse::Error::Version => Violation::StatusLine,
        error => fault_of_fields(fields.strip_prefix(b"\n").unwrap_or(fields), error),
    }
}

/// What is wrong with the first bad one of these field lines.
fn fault_of_fields(octets: &[u8], error: httparse::Error) -> Violation {
    let mut faults = octets
        .split(|&octet| octet == b'\n')
        .filter_map(fault_of_line);
    faults.next().unwrap_or(match error {
        httparse::Error::HeaderValue => Violation::FieldValue,
        httparse::Error::TooManyHeaders => Violation::FieldCount,
        _ => Violation::FieldName,
    })
}

fn fault_of_line(line: &[u8]) -> Option<Violation> {
    if has_bare_cr(line) {
        return Some(Violation::BareCr);
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // RFC 9112 §5.2, and §2.2 for the first line of all.
    if let [b' ' | b'\t', ..] = line {
        return Some(Violation::LineFolding);
    }
    if line.is_empty() {
        return None;
    }
    let colon = line.iter().position(|&octet| octet == b':');
    let Some((name, value)) = colon.map(|at| (&line[..at], &line[at + 1..])) else {
        return Some(Violation::FieldName);
    };
    if HeaderName::from_bytes(name).is_err() {
        // RFC 9112 §5.1: "No whitespace is allowed between the field name and colon."
        let is_spaced = HeaderName::from_bytes(headers::trim(name)).is_ok();
        return Some(if is_spaced {
            Violation::SpaceBeforeColon
        } else {
            Violation::FieldName
        });
    }
    HeaderValue::from_bytes(value)
        .is_err()
        .then_some(Violation::FieldValue)
}

/// RFC 9112 §2.2: a carriage return stands before a line feed and nowhere else.
fn has_bare_cr(line: &[u8]) -> bool {
    line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r')
}

/// Whether the connection may carry another message after this response (RFC 9112 §9.3).
pub(super) fn persists(head: &ResponseHead) -> bool {
    let has_option = |option| headers::has_member(&head.headers, &header::CONNECTION, option);
    if has_option("close") {
        return false;
    }
    match head.version {
        // RFC 9112 §6.1: after a transfer-encoding in HTTP/1.0 the connection is closed.
        Version::HTTP_10 => {
            has_option("keep-alive") && !head.headers.contains_key(header::TRANSFER_ENCODING)
        }
        _ => true,
    }
}
