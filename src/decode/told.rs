//! What a caller says of decoding with a request, and is told of it with a response.

use super::Coding;

/// Whether the response to one request is decoded, whatever the transport's setting
/// ([`TransportBuilder::decode`](crate::TransportBuilder::decode)): an extension of the request.
///
/// ```
/// use towline::decode::Decoding;
///
/// let request = http::Request::get("https://example.com/archive.gz").extension(Decoding::Off);
/// # let _ = request.body(()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decoding {
    /// The response is decoded, and the request says which codings are welcome unless it has an
    /// `accept-encoding` or a `range` of its own.
    On,
    /// The response comes as the server sent it.
    Off,
}

/// What a response said of its content before it was decoded: an extension of each response whose
/// `content-encoding` and `content-length` were taken out because its body comes decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    codings: Vec<Coding>,
    content_length: Option<u64>,
}

impl Decoded {
    pub(crate) const fn new(codings: Vec<Coding>, content_length: Option<u64>) -> Self {
        Self {
            codings,
            content_length,
        }
    }

    /// The codings that were applied, in the order of `content-encoding`: the last is undone
    /// first. Never empty.
    #[must_use]
    pub fn codings(&self) -> &[Coding] {
        &self.codings
    }

    /// The content-length: octets of the encoded content.
    #[must_use]
    pub const fn content_length(&self) -> Option<u64> {
        self.content_length
    }
}
