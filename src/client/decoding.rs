//! Content codings of an exchange: what a request asks for, and whether its response is decoded.
//!
//! Owns: the changes to either head. Spec: RFC 9110 §8.4, §12.5.3, §14.2.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};

use crate::{
    body::decoding_failed,
    decode::{Coding, ContentEncoding, Decoded, Decoder, Decoding, Limits},
    error::Error,
    headers::content_length,
    http2::message::expects_no_content,
};

/// What a transport was told about decoding.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecodeSettings {
    pub(super) is_on: bool,
    pub(super) limits: Limits,
}

impl Default for DecodeSettings {
    fn default() -> Self {
        Self {
            is_on: true,
            limits: Limits::default(),
        }
    }
}

/// The codings that this build can undo, in our order of preference. No weights: without them a
/// server may take what it has at hand (RFC 9110 §12.5.3). Static text, so that the clones in
/// every request count no references.
static ACCEPT_ENCODING: LazyLock<HeaderValue> = LazyLock::new(|| {
    let available = Coding::ALL.into_iter().filter(|it| it.is_available());
    let names: Vec<&str> = available.map(Coding::name).collect();
    HeaderValue::from_static(names.join(", ").leak())
});

impl DecodeSettings {
    /// Whether the response to a request is to be decoded; if so, the request says what is welcome.
    pub(super) fn prepare(&self, request: &mut request::Parts) -> bool {
        let is_on = match request.extensions.get() {
            None => self.is_on,
            Some(Decoding::On) => true,
            Some(Decoding::Off) => false,
        };
        // The octets of a tunnel have no coding (RFC 9110 §9.3.6).
        if !is_on || request.method == Method::CONNECT {
            return false;
        }
        let headers = &mut request.headers;
        // A range is one of the encoded octets (RFC 9110 §14.2): who asks for some without a word
        // about codings means those of the content itself.
        if !headers.contains_key(header::RANGE) && !headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, ACCEPT_ENCODING.clone());
        }
        true
    }

    /// Takes the fields about its coding out of a head whose content this build can decode; what
    /// decodes it, and what the fields said.
    pub(super) fn open(
        &self,
        method: &Method,
        status: StatusCode,
        headers: &mut HeaderMap,
    ) -> Result<Option<(Decoder, Decoded)>, Error> {
        // Part of an encoded representation is of no use alone (RFC 9110 §15.3.7).
        let is_partial = status == StatusCode::PARTIAL_CONTENT;
        if is_partial || expects_no_content(method, status) {
            return Ok(None);
        }
        let ContentEncoding::Known(codings) = ContentEncoding::of(headers) else {
            return Ok(None);
        };
        let decoder = Decoder::new(&codings, self.limits).map_err(decoding_failed)?;
        // RFC 9110 §8.6: it counts the encoded octets. One that is no number never gets here.
        let content_length = content_length::read(headers).ok().flatten();
        headers.remove(header::CONTENT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Ok(Some((decoder, Decoded::new(codings, content_length))))
    }
}
