//! Servers on the loopback, and what else the tests of the transport share.
//!
//! Every server hands its connections to a function of the test's, so that each test says in one
//! place what its peer does. A server that is dropped takes its connections with it.

pub(crate) mod bodies;
pub(crate) mod pipe;
pub(crate) mod raw;
pub(crate) mod raw_http1;
pub(crate) mod servers;
pub(crate) mod tls;

use std::{
    error::Error as StdError,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::server::TlsStream;
use tower::Service;
use towline::{
    ConnectionInfo, Error, ResponseBody, ResponseFuture, Transport, TransportBuilder,
    config::Timeouts,
};

/// Longer than any test takes, shorter than anybody waits: what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs to the end, or fails.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    match tokio::time::timeout(limit, work).await {
        Ok(output) => output,
        Err(_) => panic!("nothing came of it within {limit:?}"),
    }
}

/// As [`within`], for what takes no time at all but may have to wait for the machine.
pub(crate) async fn soon<F: Future>(work: F) -> F::Output {
    within(PATIENCE, work).await
}

/// What lies between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Cleartext, HTTP/2 by prior knowledge.
    Clear,
    /// TLS with a certificate of the test's own, ALPN `h2`.
    Tls,
    /// Cleartext, HTTP/1.1.
    ClearHttp1,
    /// TLS with a certificate of the test's own, ALPN `http/1.1`.
    TlsHttp1,
}

impl Wire {
    const HTTP2: [Self; 2] = [Self::Clear, Self::Tls];
    const HTTP1: [Self; 2] = [Self::ClearHttp1, Self::TlsHttp1];

    pub(crate) const fn scheme(self) -> &'static str {
        if self.is_tls() { "https" } else { "http" }
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::TlsHttp1)
    }

    pub(crate) const fn is_http1(self) -> bool {
        matches!(self, Self::ClearHttp1 | Self::TlsHttp1)
    }

    /// What the server offers by ALPN.
    const fn alpn(self) -> &'static str {
        if self.is_http1() { "http/1.1" } else { "h2" }
    }
}

/// Runs a test over both wires of HTTP/2, on a runtime of one thread and on one of several.
pub(crate) fn everywhere<F: Future<Output = ()>>(test: impl Fn(Wire) -> F) {
    over(&Wire::HTTP2, test);
}

/// As [`everywhere`], over both wires of HTTP/1.1.
pub(crate) fn everywhere_http1<F: Future<Output = ()>>(test: impl Fn(Wire) -> F) {
    over(&Wire::HTTP1, test);
}

/// As [`everywhere`], over the wires of either protocol: for what is the same on both.
pub(crate) fn over_either<F: Future<Output = ()>>(test: impl Fn(Wire) -> F) {
    over(&[Wire::HTTP1, Wire::HTTP2].concat(), test);
}

fn over<F: Future<Output = ()>>(wires: &[Wire], test: impl Fn(Wire) -> F) {
    for &wire in wires {
        for threads in [1, 2] {
            eprintln!("over {wire:?}, {threads} threads");
            on_threads(threads, test(wire));
        }
    }
}

/// Runs a test on a runtime of so many threads; with one, everything shares it.
pub(crate) fn on_threads<F: Future<Output = ()>>(threads: usize, test: F) {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(soon(test));
}

/// Octets both ways.
pub(crate) trait PeerIo: AsyncRead + AsyncWrite + Send + Unpin {
    /// What TLS chose by ALPN.
    fn alpn(&self) -> Option<&[u8]> {
        None
    }
}

impl PeerIo for TcpStream {}

impl PeerIo for DuplexStream {}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin> PeerIo for TlsStream<IO> {
    fn alpn(&self) -> Option<&[u8]> {
        self.get_ref().1.alpn_protocol()
    }
}

/// A server's end of a connection, TLS done.
pub(crate) type Stream = Box<dyn PeerIo>;

/// A listening server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    wire: Wire,
    accepted: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Serves each connection by `serve`, which is told how many came before it.
    pub(crate) async fn start<F, S>(wire: Wire, serve: F) -> Self
    where
        F: Fn(Stream, usize) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(any, wire, serve).await
    }

    /// As [`start`](Self::start), at an address that was used before.
    pub(crate) async fn start_at<F, S>(address: SocketAddr, wire: Wire, serve: F) -> Self
    where
        F: Fn(Stream, usize) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let alpn = vec![wire.alpn()];
        Self::listen(address, wire, move |_| alpn.clone(), serve).await
    }

    /// As [`start`](Self::start), offering by ALPN what `alpn` says for each connection, which is
    /// told how many came before it.
    pub(crate) async fn start_offering<F, S>(
        wire: Wire,
        alpn: impl Fn(usize) -> Vec<&'static str> + Send + 'static,
        serve: F,
    ) -> Self
    where
        F: Fn(Stream, usize) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listen(any, wire, alpn, serve).await
    }

    async fn listen<F, S>(
        address: SocketAddr,
        wire: Wire,
        alpn: impl Fn(usize) -> Vec<&'static str> + Send + 'static,
        serve: F,
    ) -> Self
    where
        F: Fn(Stream, usize) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&accepted);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, (wire, alpn), counted, serve));
        Self {
            address,
            wire,
            accepted,
            tasks,
        }
    }

    /// The URL of a path here.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.wire.scheme(), self.address)
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Closes the listener and every connection, and waits until they are closed.
    pub(crate) async fn stop(mut self) -> SocketAddr {
        self.tasks.shutdown().await;
        self.address
    }
}

async fn accept<F, S>(
    listener: TcpListener,
    (wire, alpn): (Wire, impl Fn(usize) -> Vec<&'static str>),
    accepted: Arc<AtomicUsize>,
    serve: F,
) where
    F: Fn(Stream, usize) -> S + Send + Sync + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let serve = Arc::new(serve);
    // The connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let serve = Arc::clone(&serve);
        let before = accepted.fetch_add(1, Ordering::SeqCst);
        let alpn = alpn(before);
        connections.spawn(async move {
            if let Some(stream) = secure(tcp, wire, &alpn).await {
                serve(stream, before).await;
            }
        });
    }
}

async fn secure(tcp: TcpStream, wire: Wire, alpn: &[&str]) -> Option<Stream> {
    tcp.set_nodelay(true).expect("a socket takes its options");
    if wire.is_tls() {
        let stream = tls::acceptor(alpn).accept(tcp).await.ok()?;
        Some(Box::new(stream))
    } else {
        Some(Box::new(tcp))
    }
}

/// A transport that trusts the tests' certificate and speaks HTTP/2 in cleartext.
pub(crate) fn builder() -> TransportBuilder {
    builder_over(Wire::Clear)
}

/// A transport that trusts the tests' certificate, and speaks in cleartext what the wire says.
pub(crate) fn builder_over(wire: Wire) -> TransportBuilder {
    Transport::builder()
        .tls(tls::trusting())
        .http2_prior_knowledge(!wire.is_http1())
}

/// As [`builder`], built.
pub(crate) fn transport() -> Transport {
    builder().build()
}

/// As [`transport`], with other time limits.
pub(crate) fn transport_with(change: impl FnOnce(&mut Timeouts)) -> Transport {
    transport_over_with(Wire::Clear, change)
}

/// As [`builder_over`], built; it adds no field to a request.
pub(crate) fn plain(wire: Wire) -> Transport {
    builder_over(wire).decode(false).build()
}

/// As [`builder_over`], built.
pub(crate) fn transport_over(wire: Wire) -> Transport {
    builder_over(wire).build()
}

/// As [`transport_over`], with other time limits.
pub(crate) fn transport_over_with(wire: Wire, change: impl FnOnce(&mut Timeouts)) -> Transport {
    let mut timeouts = Timeouts::default();
    change(&mut timeouts);
    builder_over(wire).timeouts(timeouts).build()
}

/// A request without a body.
pub(crate) fn request(method: &str, url: &str) -> Request<Empty<Bytes>> {
    Request::builder()
        .method(method)
        .uri(url)
        .body(Empty::new())
        .expect("a request")
}

/// A call by a clone, so that many can be under way.
pub(crate) fn call<B>(transport: &Transport, request: Request<B>) -> ResponseFuture
where
    Transport: Service<Request<B>, Future = ResponseFuture>,
{
    transport.clone().call(request)
}

/// GET, up to the response head.
pub(crate) fn get(transport: &Transport, url: &str) -> ResponseFuture {
    call(transport, request("GET", url))
}

/// GET, and the whole body as text.
pub(crate) fn get_text(
    transport: &Transport,
    url: &str,
) -> impl Future<Output = Result<String, Error>> + use<> {
    let call = get(transport, url);
    async move { text(call.await?).await }
}

/// The whole body as text.
pub(crate) async fn text(response: Response<ResponseBody>) -> Result<String, Error> {
    let octets = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(octets.to_vec()).expect("text"))
}

/// What a response tells of its connection.
pub(crate) fn info(response: &Response<ResponseBody>) -> ConnectionInfo {
    let info = response.extensions().get::<ConnectionInfo>();
    info.expect("every response has it").clone()
}

/// The last of an error's causes.
pub(crate) fn root(error: &Error) -> &(dyn StdError + 'static) {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}
