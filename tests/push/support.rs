//! What the tests of push share: servers that push, and one that does it octet by octet.

use bytes::Bytes;
use h2::server::{SendPushedResponse, SendResponse};
use http::{Request, Response, Uri};
use http_body_util::Empty;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};
use towline::{
    Error, ResponseBody, Transport, TransportBuilder,
    push::{self, Push, Pushes},
};

use super::peers::{
    Stream, Wire, builder, builder_over, call,
    pipe::Hold,
    raw::{self, END_HEADERS, PUSH_PROMISE, RawFrame, RawPeer},
    request,
    servers::status,
    text,
};

/// A call on a task of its own.
pub(crate) type Calling = JoinHandle<Result<Response<ResponseBody>, Error>>;

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

/// The response to a promise, and its body as text.
pub(crate) async fn pushed_text(push: Push) -> Result<String, Error> {
    text(push.response().await?).await
}

/// All that is promised, until no more can come.
pub(crate) async fn all(pushes: &mut Pushes) -> Vec<Push> {
    let mut all = Vec::new();
    while let Some(push) = pushes.next().await {
        all.push(push);
    }
    all
}

/// What promises are for.
pub(crate) fn paths(pushes: &[Push]) -> Vec<&str> {
    pushes.iter().map(Push::path).collect()
}

/// Promises a GET of a path at the server that was asked, on its side.
pub(crate) fn promise<B>(
    respond: &mut SendResponse<Bytes>,
    asked: &Request<B>,
    path: &str,
) -> SendPushedResponse<Bytes> {
    let promised = Request::get(at(asked, path)).body(()).expect("a request");
    let promised = respond.push_request(promised);
    promised.expect("a client that takes it")
}

/// Another path at the server that was asked.
pub(crate) fn at<B>(asked: &Request<B>, path: &str) -> Uri {
    let mut parts = asked.uri().clone().into_parts();
    parts.path_and_query = Some(path.parse().expect("a path"));
    Uri::from_parts(parts).expect("a URI")
}

/// Sends a pushed response.
pub(crate) fn fulfil(mut promised: SendPushedResponse<Bytes>, text: &'static str) {
    // The client may have cancelled it: that is its right.
    if let Ok(mut body) = promised.send_response(status(200), false) {
        let _gone = body.send_data(Bytes::from_static(text.as_bytes()), true);
    }
}

/// A transport over pipes, whose far ends are the test's.
pub(crate) struct Rig {
    pub(crate) transport: Transport,
    far_ends: UnboundedReceiver<Stream>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(TransportBuilder) -> TransportBuilder) -> Self {
        Self::unset(|builder| change(builder.push(true)))
    }

    /// As [`with`](Self::with), saying nothing of push.
    pub(crate) fn unset(change: impl FnOnce(TransportBuilder) -> TransportBuilder) -> Self {
        let (far_end, far_ends) = unbounded_channel();
        let builder = change(builder());
        let transport = Hold::default().transport(builder, move |stream| {
            far_end.send(stream).expect("a test that goes on");
            async {}
        });
        Self {
            transport,
            far_ends,
        }
    }

    /// The server's end of the next connection.
    pub(crate) async fn peer(&mut self) -> RawPeer {
        RawPeer::handshake(self.stream().await, &[]).await
    }

    pub(crate) async fn stream(&mut self) -> Stream {
        self.far_ends.recv().await.expect("a connection")
    }

    /// GET, with a sink.
    pub(crate) fn ask(&self, path: &str) -> (Calling, Pushes) {
        let (request, pushes) = asking(&url(path));
        (tokio::spawn(call(&self.transport, request)), pushes)
    }

    /// GET of `/` with a sink, which the server has got on stream 1.
    pub(crate) async fn asked(&mut self) -> (RawPeer, Calling, Pushes) {
        let (calling, pushes) = self.ask("/");
        let mut peer = self.peer().await;
        assert_eq!(peer.request().await, 1);
        (peer, calling, pushes)
    }
}

/// The URL of a path at the far end of a [`Rig`].
pub(crate) fn url(path: &str) -> String {
    format!("http://peer.test{path}")
}

/// The field block of a promised GET, without Huffman coding or the dynamic table
/// (RFC 7541 §6.1, §6.2.2).
pub(crate) fn block(path: &str) -> Vec<u8> {
    block_of("GET", "peer.test", path)
}

/// The same of any method and authority.
pub(crate) fn block_of(method: &str, authority: &str, path: &str) -> Vec<u8> {
    // `:scheme: http` is entry 6; `:authority`, `:method` and `:path` are the names of 1, 2 and 4.
    let mut block = vec![0x86];
    for (name, value) in [(1, authority), (2, method), (4, path)] {
        block.extend_from_slice(&literal(name, value));
    }
    block
}

/// A literal of an entry's name, not indexed.
pub(crate) fn literal(name: u8, value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short value");
    assert!(name < 15 && length < 127, "an integer of one octet");
    [&[name, length], value.as_bytes()].concat()
}

/// What the raw peer says of pushes.
impl RawPeer {
    /// Promises a GET.
    pub(crate) async fn promise(&mut self, parent: u32, id: u32, path: &str) {
        self.promise_block(parent, id, &block(path)).await;
    }

    pub(crate) async fn promise_block(&mut self, parent: u32, id: u32, block: &[u8]) {
        let payload = [&id.to_be_bytes(), block].concat();
        self.send(PUSH_PROMISE, END_HEADERS, parent, &payload).await;
    }

    /// A whole response of status 200.
    pub(crate) async fn respond(&mut self, stream: u32, text: &str) {
        self.head(stream, 0).await;
        let text = text.as_bytes();
        self.send(raw::DATA, raw::END_STREAM, stream, text).await;
    }

    /// The streams that the client has reset until it is quiet, and with what.
    pub(crate) async fn resets(&mut self) -> Vec<(u32, u32)> {
        let frames = self.until_quiet().await;
        let resets = frames.iter().filter(|frame| frame.kind == raw::RST_STREAM);
        resets
            .map(|reset: &RawFrame| (reset.stream, reset.number()))
            .collect()
    }
}

/// What it says to a cache.
#[cfg(feature = "push-cache")]
impl RawPeer {
    /// A head of status 200 with these fields, and perhaps nothing more.
    pub(crate) async fn head_with(&mut self, stream: u32, flags: u8, fields: &[(&str, &str)]) {
        let mut block = raw::STATUS_200.to_vec();
        for (name, value) in fields {
            block.extend_from_slice(&literal(0, name));
            let length = u8::try_from(value.len()).expect("a short value");
            assert!(length < 127, "an integer of one octet");
            block.push(length);
            block.extend_from_slice(value.as_bytes());
        }
        let flags = END_HEADERS | flags;
        self.send(raw::HEADERS, flags, stream, &block).await;
    }

    /// A whole response of status 200 with these fields.
    pub(crate) async fn respond_with(&mut self, stream: u32, fields: &[(&str, &str)], text: &str) {
        self.head_with(stream, 0, fields).await;
        let text = text.as_bytes();
        self.send(raw::DATA, raw::END_STREAM, stream, text).await;
    }

    /// The streams that the client has opened until it is quiet.
    pub(crate) async fn requests(&mut self) -> Vec<u32> {
        let frames = self.until_quiet().await;
        let heads = frames.iter().filter(|frame| frame.kind == raw::HEADERS);
        heads.map(|head| head.stream).collect()
    }
}
