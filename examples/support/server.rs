//! A loopback server for the examples: hyper over TLS, with a certificate made at start.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use towline::Protocols;

use super::Failure;

/// A server that runs until the program ends.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) url: Uri,
    /// Its certificate, in PEM.
    pub(crate) certificate: String,
}

/// Starts the server on a free port of the loopback. It speaks what `protocols` says.
pub(crate) async fn start(protocols: Protocols) -> Result<Server, Failure> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())?;
    config.alpn_protocols = match protocols {
        Protocols::Http1 => vec![b"http/1.1".to_vec()],
        Protocols::Http2 => vec![b"h2".to_vec()],
        _ => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://localhost:{}/", listener.local_addr()?.port()).parse()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(acceptor.clone(), stream));
        }
    });
    Ok(Server {
        url,
        certificate: certified.cert.pem(),
    })
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream) {
    // Else the last segment of a batch would wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("server: {error}");
    }
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1_000);
    let connection = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
    if let Err(error) = connection.await {
        eprintln!("server: {error}");
    }
}

/// Says hello, or how many octets it was sent; of `/octets/5`, it gives five.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, mut body) = request.into_parts();
    let mut octets = 0_u64;
    while let Some(Ok(frame)) = body.frame().await {
        octets += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    let asked = head.uri.path().strip_prefix("/octets/");
    let body = match (octets, asked.and_then(|asked| asked.parse().ok())) {
        (0, Some(asked)) => vec![b'x'; usize::min(asked, 1 << 30)],
        (0, None) => format!("hello from {}\n", head.uri.path()).into_bytes(),
        _ => format!("{} brought {octets} octets\n", head.method).into_bytes(),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Ok(response)
}
