//! What the tests of push share.

use bytes::Bytes;
use h2::server::{SendPushedResponse, SendResponse};
use http::{Request, Uri};
use http_body_util::Empty;
use towline::{
    ResponseBody, Transport,
    push::{self, Push, Pushes},
};

use super::peers::{Wire, builder_over, call, request, servers::status, text};

/// A transport that lets servers push.
pub(crate) fn pushable(wire: Wire) -> Transport {
    builder_over(wire).push(true).build()
}

/// GET, with a sink for what is promised.
pub(crate) fn asking(url: &str) -> (Request<Empty<Bytes>>, Pushes) {
    let (sink, pushes) = push::channel();
    let mut request = request("GET", url);
    request.extensions_mut().insert(sink);
    (request, pushes)
}

/// GET by a clone, and the promises to it.
pub(crate) async fn fetch(
    transport: &Transport,
    url: &str,
) -> (http::Response<ResponseBody>, Pushes) {
    let (request, pushes) = asking(url);
    (call(transport, request).await.expect("a response"), pushes)
}

/// The whole body of a pushed response, as text.
pub(crate) async fn pushed_text(push: Push) -> Result<String, towline::Error> {
    text(push.response().await?).await
}

/// Promises a GET of a path at the server that was asked, on its side.
pub(crate) fn promise<B>(
    respond: &mut SendResponse<Bytes>,
    asked: &Request<B>,
    path: &str,
) -> SendPushedResponse<Bytes> {
    let promised = Request::get(at(asked, path)).body(()).expect("a request");
    respond
        .push_request(promised)
        .expect("a client that takes it")
}

/// Another path at the server that was asked.
pub(crate) fn at<B>(asked: &Request<B>, path: &str) -> Uri {
    let mut parts = asked.uri().clone().into_parts();
    parts.path_and_query = Some(path.parse().expect("a path"));
    Uri::from_parts(parts).expect("a URI")
}

/// Sends a pushed response.
pub(crate) fn fulfil(mut promised: SendPushedResponse<Bytes>, text: &str) {
    // The client may have cancelled it: that is its right.
    if let Ok(mut body) = promised.send_response(status(200), false) {
        let _gone = body.send_data(Bytes::copy_from_slice(text.as_bytes()), true);
    }
}
