//! A loopback server that pushes: h2's own over TLS, with a certificate made at start.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{Request, Response, Uri, header};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::support::Failure;

/// A server that runs until the program ends.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) url: Uri,
    /// Its certificate, in PEM.
    pub(crate) certificate: String,
}

/// What the page needs, and the server pushes with it: path, type and text.
const PUSHED: [(&str, &str, &str); 3] = [
    ("/style.css", "text/css", "body { color: black }\n"),
    ("/script.js", "text/javascript", "console.log('hello')\n"),
    ("/notes.txt", "text/plain", "nobody needs these\n"),
];

const PAGE: &str = "<link rel=stylesheet href=style.css><script src=script.js></script>\n";

/// Starts the server on a free port of the loopback.
pub(crate) async fn start() -> Result<Server, Failure> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
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
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        if let Err(error) = answer(&request, respond) {
            eprintln!("server: {error}");
        }
    }
}

/// Answers with the page, after promising what it needs, or with what is asked for.
fn answer(
    request: &Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), Box<dyn Error>> {
    let path = request.uri().path();
    let wanted = PUSHED.iter().find(|(pushed, ..)| *pushed == path);
    if let Some((_, kind, text)) = wanted {
        let mut body = respond.send_response(head(kind)?, false)?;
        return Ok(body.send_data(Bytes::from_static(text.as_bytes()), true)?);
    }
    let mut promised = Vec::new();
    for (path, kind, text) in PUSHED {
        // A promise names the whole URL, and comes before the page that would make a client ask.
        let request = Request::get(super::at(request.uri(), path)?).body(())?;
        promised.push((respond.push_request(request)?, kind, text));
    }
    let mut body = respond.send_response(head("text/html")?, false)?;
    body.send_data(Bytes::from_static(PAGE.as_bytes()), true)?;
    for (mut promise, kind, text) in promised {
        let mut body = promise.send_response(head(kind)?, false)?;
        body.send_data(Bytes::from_static(text.as_bytes()), true)?;
    }
    Ok(())
}

fn head(kind: &str) -> Result<Response<()>, http::Error> {
    Response::builder()
        .header(header::CONTENT_TYPE, kind)
        // What says how long it is fresh can be used after its stream has ended.
        .header(header::CACHE_CONTROL, "max-age=60")
        .body(())
}
