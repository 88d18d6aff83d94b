//! Responses laid out by a test, and a server that gives them.

use bytes::Bytes;
use h2::{RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, Request, Response, StatusCode};

use crate::peers::{Server, Wire, servers};

/// A response: each piece is a DATA frame, if it fits one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canned {
    pub(crate) status: StatusCode,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Canned {
    pub(crate) fn new(pieces: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let pieces = pieces.into_iter();
        Self {
            pieces: pieces
                .map(|piece| Bytes::copy_from_slice(piece.as_ref()))
                .collect(),
            ..Self::default()
        }
    }

    /// Content that is declared to be encoded so, with its length.
    pub(crate) fn encoded(content_encoding: &str, content: &[u8]) -> Self {
        Self::new([content])
            .field("content-encoding", content_encoding)
            .field("content-length", &content.len().to_string())
    }

    pub(crate) fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.push((name, value.to_owned()));
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap();
        self
    }

    pub(crate) fn trailer(mut self, name: &'static str, value: &'static str) -> Self {
        let trailers = self.trailers.get_or_insert_default();
        trailers.append(name, value.parse().unwrap());
        self
    }

    fn head(&self) -> Response<()> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.fields {
            response = response.header(*name, value);
        }
        response.body(()).unwrap()
    }

    /// Sends it; the body's stream, if the client may still be there.
    pub(crate) async fn send(self, respond: &mut SendResponse<Bytes>) -> Option<SendStream<Bytes>> {
        let is_empty = self.pieces.is_empty() && self.trailers.is_none();
        let mut body = respond.send_response(self.head(), is_empty).ok()?;
        let count = self.pieces.len();
        for (index, piece) in self.pieces.into_iter().enumerate() {
            let is_last = index + 1 == count && self.trailers.is_none();
            if piece.is_empty() {
                body.send_data(piece, is_last).ok()?;
            } else {
                servers::send_all(&mut body, piece, is_last).await;
            }
        }
        if let Some(trailers) = self.trailers {
            body.send_trailers(trailers).ok()?;
        }
        Some(body)
    }
}

/// A server that gives the response that `choose` makes of each request.
pub(crate) async fn serve<F>(wire: Wire, choose: F) -> Server
where
    F: Fn(&Request<RecvStream>) -> Canned + Send + Sync + 'static,
{
    servers::h2(wire, move |request, mut respond| {
        let canned = choose(&request);
        async move {
            canned.send(&mut respond).await;
        }
    })
    .await
}

/// A server that gives one response to all.
pub(crate) async fn serve_one(wire: Wire, canned: Canned) -> Server {
    serve(wire, move |_| canned.clone()).await
}
