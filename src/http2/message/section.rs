//! Decoded field sections on their way in.
//!
//! Owns: the verdict on a field section, and what is left of it once that is good.
//! Invariant: the first violation is the verdict; the fields after it are taken and dropped, so
//! that decoding goes on to the end of the block (RFC 9113 §4.3).

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

use crate::{
    headers::{self, content_length},
    http2::{
        Violation,
        hpack::{Field, FieldName, FieldValue, Pseudo},
    },
};

/// The head of a response, final or interim.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// `:status`, from 100 to 999 but never 101.
    pub status: StatusCode,
    /// The fields, content-length among them.
    pub headers: HeaderMap,
    /// The content-length that all content-length fields agree on.
    pub content_length: Option<u64>,
}

/// The head of a request that a server promises to answer (RFC 9113 §8.4).
#[derive(Clone, Debug)]
pub struct PromisedHead {
    /// `:method`.
    pub method: Method,
    /// `:scheme`, `:authority` and `:path`.
    pub uri: Uri,
    /// The fields.
    pub headers: HeaderMap,
    /// The content-length that all content-length fields agree on.
    pub content_length: Option<u64>,
}

/// Collects a decoded field section.
#[derive(Debug)]
pub struct SectionBuilder {
    section: Section,
    headers: HeaderMap,
    /// Whether a regular field was seen: pseudo-header fields are late from then on.
    regular: bool,
    content_length: Option<u64>,
    cookie: Option<Cookie>,
    fault: Option<Violation>,
}

/// Which section it is, with the pseudo-header fields that it may have.
#[derive(Debug)]
enum Section {
    Response { status: Option<StatusCode> },
    Trailers,
    PushRequest(Box<PromisedPseudo>),
}

#[derive(Debug, Default)]
struct PromisedPseudo {
    method: Option<Method>,
    scheme: Option<HeaderValue>,
    authority: Option<HeaderValue>,
    path: Option<HeaderValue>,
}

/// Cookie pairs that came one by one (RFC 9113 §8.2.3).
#[derive(Debug)]
struct Cookie {
    pairs: Vec<u8>,
    sensitive: bool,
}

impl SectionBuilder {
    /// The section is the head of a response.
    #[must_use]
    pub fn response() -> Self {
        Self::new(Section::Response { status: None })
    }

    /// The section is a trailer section.
    #[must_use]
    pub fn trailers() -> Self {
        Self::new(Section::Trailers)
    }

    /// The section is a promised request.
    #[must_use]
    pub fn push_request() -> Self {
        Self::new(Section::PushRequest(Box::default()))
    }

    fn new(section: Section) -> Self {
        Self {
            section,
            headers: HeaderMap::new(),
            regular: false,
            content_length: None,
            cookie: None,
            fault: None,
        }
    }

    /// Takes the next field line.
    pub fn push(&mut self, field: Field) {
        if self.fault.is_none() {
            self.fault = self.take(field).err();
        }
    }

    /// The head of the response.
    ///
    /// # Errors
    /// The first violation; the response is then malformed (RFC 9113 §8.1.1).
    pub fn finish_response(self) -> Result<ResponseHead, Violation> {
        let (section, headers, content_length) = self.finish()?;
        match section {
            Section::Response {
                status: Some(status),
            } => Ok(ResponseHead {
                status,
                headers,
                content_length,
            }),
            // RFC 9113 §8.3.2: `:status` "MUST be included in all responses".
            _ => Err(Violation::PseudoMissing),
        }
    }

    /// The trailer section.
    ///
    /// # Errors
    /// The first violation; the message is then malformed (RFC 9113 §8.1.1).
    pub fn finish_trailers(self) -> Result<HeaderMap, Violation> {
        self.finish().map(|(_, headers, _)| headers)
    }

    /// The head of the promised request. Whether it may be promised (RFC 9113 §8.4: safe, without
    /// content, from an origin the server speaks for) is for whoever admits it.
    ///
    /// # Errors
    /// The first violation; the promised request is then malformed (RFC 9113 §8.1.1).
    pub fn finish_push_request(self) -> Result<PromisedHead, Violation> {
        let (section, headers, content_length) = self.finish()?;
        // RFC 9113 §8.3.1 and §8.4.1: all four are required.
        let Section::PushRequest(pseudo) = section else {
            return Err(Violation::PseudoMissing);
        };
        let PromisedPseudo {
            method: Some(method),
            scheme: Some(scheme),
            authority: Some(authority),
            path: Some(path),
        } = *pseudo
        else {
            return Err(Violation::PseudoMissing);
        };
        // RFC 9113 §8.3.1: no user information; the path of an http or https URI has its slash, and
        // is followed by a query at most: the parser would drop a fragment without a word.
        let malformed = authority.as_bytes().contains(&b'@')
            || !path.as_bytes().starts_with(b"/")
            || path.as_bytes().contains(&b'#');
        let uri = Uri::builder()
            .scheme(scheme.as_bytes())
            .authority(authority.as_bytes())
            .path_and_query(path.as_bytes())
            .build();
        match uri {
            Ok(uri) if !malformed => Ok(PromisedHead {
                method,
                uri,
                headers,
                content_length,
            }),
            _ => Err(Violation::FieldValue),
        }
    }

    fn finish(mut self) -> Result<(Section, HeaderMap, Option<u64>), Violation> {
        if let Some(violation) = self.fault {
            return Err(violation);
        }
        if let Some(cookie) = self.cookie.take() {
            let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(cookie.pairs))
                .map_err(|_| Violation::FieldValue)?;
            value.set_sensitive(cookie.sensitive);
            self.append(header::COOKIE, value)?;
        }
        Ok((self.section, self.headers, self.content_length))
    }

    fn take(&mut self, field: Field) -> Result<(), Violation> {
        match field.name {
            FieldName::Header(name) => {
                self.regular = true;
                self.take_regular(name, field.value, field.sensitive)
            }
            FieldName::Pseudo(name) => self.take_pseudo(name, field.value),
            // RFC 9113 §8.3: only the defined ones, and none "in a trailer section" (§8.1).
            FieldName::Malformed(name) if name.starts_with(b":") => Err(self.unknown_pseudo()),
            // RFC 9113 §8.2.1.
            FieldName::Malformed(_) => Err(Violation::FieldName),
        }
    }

    fn take_regular(
        &mut self,
        name: HeaderName,
        value: FieldValue,
        sensitive: bool,
    ) -> Result<(), Violation> {
        // RFC 9113 §8.2.1: no NUL, CR or LF anywhere, no white space at either end.
        let FieldValue::Header(mut value) = value else {
            return Err(Violation::FieldValue);
        };
        if headers::trim(value.as_bytes()).len() != value.len() {
            return Err(Violation::FieldValue);
        }
        // RFC 9113 §8.2.2: "MUST be treated as malformed"; `te` may say `trailers`.
        if headers::is_connection_specific(&name)
            || (name == header::TE && !value.as_bytes().eq_ignore_ascii_case(b"trailers"))
        {
            return Err(Violation::ConnectionField);
        }
        if sensitive {
            value.set_sensitive(true);
        }
        if name == header::COOKIE {
            self.take_crumb(&value);
            return Ok(());
        }
        // In a trailer section it would be a lie (RFC 9110 §6.5.1) and is not believed.
        if name == header::CONTENT_LENGTH && !matches!(self.section, Section::Trailers) {
            self.content_length = content_length::merge(self.content_length, value.as_bytes())
                .map_err(|_| Violation::ContentLengthValue)?;
        }
        self.append(name, value)
    }

    fn append(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), Violation> {
        match self.headers.try_append(name, value) {
            Ok(_) => Ok(()),
            // The map has a size limit of its own, above any that we let a peer reach.
            Err(_) => Err(Violation::FieldSectionTooLarge),
        }
    }

    fn take_crumb(&mut self, value: &HeaderValue) {
        match &mut self.cookie {
            None => {
                self.cookie = Some(Cookie {
                    pairs: value.as_bytes().to_vec(),
                    sensitive: value.is_sensitive(),
                });
            }
            // RFC 9113 §8.2.3: "concatenated into a single octet string using the two-octet
            // delimiter of 0x3b, 0x20".
            Some(cookie) => {
                cookie.pairs.extend_from_slice(b"; ");
                cookie.pairs.extend_from_slice(value.as_bytes());
                cookie.sensitive |= value.is_sensitive();
            }
        }
    }

    fn take_pseudo(&mut self, name: Pseudo, value: FieldValue) -> Result<(), Violation> {
        let unknown = self.unknown_pseudo();
        let late = self.regular;
        match (&mut self.section, name) {
            (Section::Trailers, _) => Err(Violation::PseudoInTrailers),
            // RFC 9113 §8.3: all "before regular field lines".
            _ if late => Err(Violation::PseudoLate),
            (Section::Response { status }, Pseudo::Status) => {
                set_once(status, read_status(&value)?)
            }
            (Section::PushRequest(pseudo), Pseudo::Method) => {
                let method = read_value(value)?;
                let method =
                    Method::from_bytes(method.as_bytes()).map_err(|_| Violation::FieldValue)?;
                set_once(&mut pseudo.method, method)
            }
            (Section::PushRequest(pseudo), Pseudo::Scheme) => {
                set_once(&mut pseudo.scheme, read_value(value)?)
            }
            (Section::PushRequest(pseudo), Pseudo::Authority) => {
                set_once(&mut pseudo.authority, read_value(value)?)
            }
            (Section::PushRequest(pseudo), Pseudo::Path) => {
                set_once(&mut pseudo.path, read_value(value)?)
            }
            // RFC 9113 §8.3: those of requests not in responses, nor the other way round.
            (Section::Response { .. } | Section::PushRequest(_), _) => Err(unknown),
        }
    }

    /// What is wrong with a pseudo-header field that this section does not have.
    const fn unknown_pseudo(&self) -> Violation {
        match self.section {
            Section::Trailers => Violation::PseudoInTrailers,
            Section::Response { .. } | Section::PushRequest(_) => Violation::PseudoUnknown,
        }
    }
}

/// RFC 9113 §8.3: "The same pseudo-header field name MUST NOT appear more than once".
fn set_once<T>(slot: &mut Option<T>, value: T) -> Result<(), Violation> {
    if slot.is_some() {
        return Err(Violation::PseudoRepeated);
    }
    *slot = Some(value);
    Ok(())
}

fn read_status(value: &FieldValue) -> Result<StatusCode, Violation> {
    let FieldValue::Header(value) = value else {
        return Err(Violation::StatusValue);
    };
    // RFC 9110 §15: three digits, which `StatusCode` takes from 100 on.
    let status = StatusCode::from_bytes(value.as_bytes()).map_err(|_| Violation::StatusValue)?;
    // RFC 9113 §8.6: "HTTP/2 removes support for the 101".
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Violation::SwitchingProtocols);
    }
    Ok(status)
}

fn read_value(value: FieldValue) -> Result<HeaderValue, Violation> {
    match value {
        FieldValue::Header(value) if !value.is_empty() => Ok(value),
        FieldValue::Header(_) | FieldValue::Malformed(_) => Err(Violation::FieldValue),
    }
}
