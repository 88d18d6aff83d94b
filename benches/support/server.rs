//! A cleartext server of either protocol on a thread of its own, so that its work is not counted as a client's.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::runtime;

/// The body of every answer.
pub(crate) const BODY: &[u8] = b"hello, world!";

/// A server that runs until the program ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.expect("the system gives what a runtime needs");
                runtime.block_on(serve(listener, &count));
            })
            .expect("the system gives a thread");
        Self { address, accepted }
    }

    /// How many connections it has accepted.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, accepted: &AtomicUsize) {
    listener
        .set_nonblocking(true)
        .expect("a socket can be made nonblocking");
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime has I/O");
    while let Ok((stream, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        stream
            .set_nodelay(true)
            .expect("a TCP socket has TCP_NODELAY");
        let answer = service_fn(async |_| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(BODY))))
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http2().max_concurrent_streams(1_000);
        // A connection ends in an error when the program does.
        tokio::spawn(async move {
            drop(builder.serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}
