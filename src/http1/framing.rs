//! Where the content of a response ends.
//!
//! Owns: the choice between the framings, and the chunked transfer coding. Never: copies content,
//! or keeps any; of chunked content it finds the next run of octets, which stays in the caller's
//! buffer.
//! Invariant: the same octets give the same content and the same verdict, however they are cut into
//! reads.
//! Strict, because two readers that disagree here disagree on where the next message begins: line
//! ends are CR LF, sizes are hexadecimal digits. Extensions are passed over; white space at the end
//! of a size is, too, since old servers pad with it.
//! Spec: RFC 9112 §6.1, §6.3, §7.1; RFC 9110 §8.6.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Method, Version, header};

use super::{
    Limits, Violation,
    response::{self, ResponseHead, SectionEnd},
};
use crate::headers::{self, content_length, target};

/// How the content of a response is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// So many octets.
    Length(u64),
    /// In chunks.
    Chunked,
    /// All octets until the server closes the connection.
    Close,
}

impl Framing {
    /// RFC 9112 §6.3, rule by rule. A 2xx to CONNECT (rule 2) must not come here: nothing of it
    /// is framed.
    pub(super) fn of(method: &Method, head: &ResponseHead) -> Result<Self, Violation> {
        // Rule 1, "regardless of the header fields present".
        if target::expects_no_content(method, head.status) {
            return Ok(Self::Empty);
        }
        let is_coded = head.headers.contains_key(header::TRANSFER_ENCODING);
        let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
        if is_coded {
            // RFC 9112 §6.1: "as if the framing is faulty, even if a Content-Length is present".
            if head.version == Version::HTTP_10 {
                return Err(Violation::CodingInHttp10);
            }
            // Rule 3: such a message "ought to be handled as an error".
            if has_length {
                return Err(Violation::LengthAndCoding);
            }
            // Rule 4. We ask for no other coding, so none may be applied (RFC 9112 §6.1).
            return if is_chunked(&head.headers) {
                Ok(Self::Chunked)
            } else {
                Err(Violation::CodingUnknown)
            };
        }
        match content_length::read(&head.headers) {
            // Rule 5.
            Err(_) => Err(Violation::LengthInvalid),
            // Rule 6.
            Ok(Some(octets)) => Ok(Self::Length(octets)),
            // Rule 8.
            Ok(None) => Ok(Self::Close),
        }
    }
}

/// Whether `chunked` is the one coding (RFC 9112 §6.1, §7.1: it is applied once, and last).
fn is_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers::list(headers, &header::TRANSFER_ENCODING);
    let first = codings.next();
    first.is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// Reads chunked content (RFC 9112 §7.1).
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    /// Octets of lines above what sizes need.
    extensions: usize,
}

/// What comes next.
#[derive(Debug)]
enum At {
    /// A chunk's line, of which so many octets hold no line end.
    Line { sought: usize },
    /// Chunk data: so many octets.
    Data { remaining: u64 },
    /// The line end behind chunk data.
    DataEnd,
    /// The trailer section.
    Trailers(SectionEnd),
}

impl Default for At {
    fn default() -> Self {
        Self::Line { sought: 0 }
    }
}

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// The next octets of the input are content: so many of them, and at least one. They are
    /// found again until they are [taken](Chunks::on_taken).
    Content(usize),
    /// The content has ended, with this trailer section.
    End(HeaderMap),
    /// More input is needed.
    Nothing,
}

impl Chunks {
    /// Octets of a line that are no extension: the digits of the largest size, and CR LF.
    const PLAIN_LINE: usize = 18;

    /// Consumes what is not content.
    pub(super) fn next(
        &mut self,
        input: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Found, Violation> {
        while !input.is_empty() {
            match &mut self.at {
                At::Line { sought } => {
                    let Some(line) = find_line(input, sought, limits)? else {
                        break;
                    };
                    self.extensions += line.saturating_sub(Self::PLAIN_LINE);
                    if self.extensions > limits.chunk_extensions {
                        return Err(Violation::ExtensionFlood);
                    }
                    self.at = match size(&input[..line])? {
                        0 => At::Trailers(SectionEnd::default()),
                        remaining => At::Data { remaining },
                    };
                    input.advance(line);
                }
                At::Data { remaining } => {
                    // A chunk can be longer than memory.
                    let octets = usize::try_from(*remaining).unwrap_or(usize::MAX);
                    return Ok(Found::Content(octets.min(input.len())));
                }
                At::DataEnd => match input[..] {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.at = At::default();
                    }
                    [b'\r'] => break,
                    _ => return Err(Violation::ChunkEnd),
                },
                At::Trailers(end) => return trailers(input, end, limits),
            }
        }
        Ok(Found::Nothing)
    }

    /// So many octets of the content that was found were taken out of the input.
    pub(super) const fn on_taken(&mut self, octets: usize) {
        if let At::Data { remaining } = &mut self.at {
            *remaining = remaining.saturating_sub(octets as u64);
            if *remaining == 0 {
                self.at = At::DataEnd;
            }
        }
    }
}

/// Finds a chunk's line; its length, the line end included.
fn find_line(
    input: &[u8],
    sought: &mut usize,
    limits: &Limits,
) -> Result<Option<usize>, Violation> {
    let end = input[*sought..].iter().position(|&octet| octet == b'\n');
    let line = end.map(|at| *sought + at + 1);
    *sought = input.len();
    match line {
        // A line that has not ended will be longer than what is here.
        None if input.len() >= limits.chunk_line => Err(Violation::ChunkLineTooLong),
        Some(octets) if octets > limits.chunk_line => Err(Violation::ChunkLineTooLong),
        line => Ok(line),
    }
}

/// Reads a chunk's line: size, extensions, line end.
fn size(line: &[u8]) -> Result<u64, Violation> {
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(Violation::BareLf);
    };
    let digits = line
        .iter()
        .position(|octet| !octet.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (digits, extensions) = line.split_at(digits);
    if digits.is_empty() {
        return Err(Violation::ChunkSize);
    }
    // RFC 9112 §7.1.1: extensions begin with a semicolon, after white space that nobody should
    // send.
    match headers::trim(extensions) {
        [] => {}
        [b';', extension @ ..] => {
            let is_text = |octet: &u8| *octet == b'\t' || !octet.is_ascii_control();
            if !extension.iter().all(is_text) {
                return Err(Violation::ChunkExtension);
            }
        }
        _ => return Err(Violation::ChunkSize),
    }
    digits.iter().try_fold(0_u64, |size, digit| {
        let digit = char::from(*digit).to_digit(16).unwrap_or_default();
        size.checked_mul(16)
            .and_then(|size| size.checked_add(u64::from(digit)))
            .ok_or(Violation::ChunkSizeOverflow)
    })
}

/// Reads the trailer section (RFC 9112 §7.1.2), once it is whole.
fn trailers(
    input: &mut BytesMut,
    end: &mut SectionEnd,
    limits: &Limits,
) -> Result<Found, Violation> {
    let octets = end.seek(input);
    if octets.unwrap_or(input.len() + 1) > limits.trailer_size {
        return Err(Violation::TrailersTooLarge);
    }
    let Some(octets) = octets else {
        return Ok(Found::Nothing);
    };
    if end.has_bare_lf() {
        return Err(Violation::BareLf);
    }
    let fields = end.lines();
    if fields > limits.field_count {
        return Err(Violation::FieldCount);
    }
    let section = Bytes::copy_from_slice(&input[..octets]);
    input.advance(octets);
    if fields == 0 {
        return Ok(Found::End(HeaderMap::new()));
    }
    Ok(Found::End(response::trailers(&section, fields)?))
}
