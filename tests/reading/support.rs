//! Bodies to read.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::mpsc;
use towline::ResponseBody;

use crate::{
    canned::{Canned, serve_one},
    peers::{Server, Wire, get, servers, transport},
};

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A body of these DATA frames. The server is there as long as the body is.
pub(crate) async fn body_of<const N: usize>(frames: [&[u8]; N]) -> (ResponseBody, Server) {
    body_as(Canned::new(frames)).await
}

pub(crate) async fn body_as(canned: Canned) -> (ResponseBody, Server) {
    let server = serve_one(Wire::Clear, canned).await;
    let response = get(&transport(), &server.url("/")).await.unwrap();
    (response.into_body(), server)
}

/// What a server is told to send next.
#[derive(Debug)]
pub(crate) enum Next {
    Data(Vec<u8>),
    Trailer(&'static str, &'static str),
}

/// A body whose parts the test sends when it wants; it ends when the sender is dropped.
pub(crate) async fn live_body(
    fields: &'static [(&'static str, &'static str)],
) -> (mpsc::UnboundedSender<Next>, ResponseBody, Server) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
    let server = servers::h2(Wire::Clear, move |_, mut respond| {
        let receiver = std::sync::Arc::clone(&receiver);
        async move {
            let mut head = servers::status(200);
            for (name, value) in fields {
                head.headers_mut().append(*name, value.parse().unwrap());
            }
            let mut body = respond.send_response(head, false).unwrap();
            let mut receiver = receiver.lock().await;
            while let Some(next) = receiver.recv().await {
                match next {
                    Next::Data(data) => {
                        servers::send_all(&mut body, data.into(), false).await;
                    }
                    Next::Trailer(name, value) => {
                        let mut trailers = http::HeaderMap::new();
                        trailers.insert(name, value.parse().unwrap());
                        body.send_trailers(trailers).unwrap();
                        return;
                    }
                }
            }
            let _gone = body.send_data(Bytes::new(), true);
        }
    })
    .await;
    let response = get(&transport(), &server.url("/")).await.unwrap();
    (sender, response.into_body(), server)
}

impl Next {
    pub(crate) fn data(octets: impl AsRef<[u8]>) -> Self {
        Self::Data(octets.as_ref().to_vec())
    }
}
