//! The clients of Rust that any machine can build: towline, hyper-util's, reqwest, and the h2 crate alone.
//!
//! All have default settings, but for which protocol they speak and whose certificate they trust.

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{io, net::TcpStream};
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt};
use towline::connect::TlsConfig;

use crate::harness::{
    load::Client,
    prepared::{Role, Site},
    work::{BoxError, Payload, Work},
};

pub(crate) const TOWLINE: &str = "towline";
pub(crate) const HYPER_UTIL: &str = "hyper-util";
pub(crate) const REQWEST: &str = "reqwest";
pub(crate) const H2: &str = "h2 alone";

pub(crate) const NAMES: [&str; 4] = [TOWLINE, HYPER_UTIL, REQWEST, H2];

/// Who can do what: the h2 crate speaks HTTP/2 alone, and reqwest is built without TLS here.
pub(crate) fn can(name: &str, work: &Work) -> bool {
    match name {
        H2 => work.is_http2,
        REQWEST => !work.is_tls,
        _ => true,
    }
}

/// Where a client goes, and what it must know for that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    pub(crate) site: &'a Site,
    pub(crate) role: Role,
    pub(crate) netlocs: usize,
    pub(crate) is_http2: bool,
}

impl<'a> Course<'a> {
    pub(crate) const fn of(work: &Work, site: &'a Site) -> Self {
        Self {
            site,
            role: work.role(),
            netlocs: work.netlocs,
            is_http2: work.is_http2,
        }
    }

    fn urls<U: std::str::FromStr<Err: Error + Send + Sync + 'static>>(
        &self,
    ) -> Result<Arc<[U]>, BoxError> {
        (0..self.netlocs)
            .map(|index| Ok(self.site.url(self.role, index, self.netlocs).parse()?))
            .collect()
    }

    /// The TLS of those who leave it to others, as towline makes its own.
    fn tls(&self) -> Result<ClientConfig, BoxError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.site.certificate.clone().into())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

#[derive(Clone)]
pub(crate) struct Towline {
    transport: towline::Transport,
    urls: Arc<[Uri]>,
}

impl Towline {
    pub(crate) fn new(course: &Course<'_>) -> Result<Self, BoxError> {
        let tls = TlsConfig::builder()
            .add_root_certificates(course.site.certificate.clone())
            .without_default_roots()
            .build()?;
        let transport = towline::Transport::builder()
            .http2_prior_knowledge(course.is_http2)
            .tls(tls)
            .build();
        let urls = course.urls()?;
        Ok(Self { transport, urls })
    }
}

impl Client for Towline {
    async fn fetch(&self, netloc: usize, payload: Payload) -> Result<u64, BoxError> {
        call(self.transport.clone(), &self.urls[netloc], payload).await
    }
}

#[derive(Clone)]
pub(crate) struct HyperUtil {
    client: legacy::Client<HttpsConnector<HttpConnector>, Payload>,
    urls: Arc<[Uri]>,
}

impl HyperUtil {
    pub(crate) fn new(course: &Course<'_>) -> Result<Self, BoxError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(course.tls()?)
            .https_or_http();
        let connector = if course.is_http2 {
            builder.enable_http2().wrap_connector(tcp)
        } else {
            builder.enable_http1().wrap_connector(tcp)
        };
        let client = legacy::Client::builder(TokioExecutor::new())
            .http2_only(course.is_http2)
            .build(connector);
        let urls = course.urls()?;
        Ok(Self { client, urls })
    }
}

impl Client for HyperUtil {
    async fn fetch(&self, netloc: usize, payload: Payload) -> Result<u64, BoxError> {
        call(self.client.clone(), &self.urls[netloc], payload).await
    }
}

/// What anything that is a tower service does.
async fn call<S, B>(service: S, url: &Uri, payload: Payload) -> Result<u64, BoxError>
where
    S: Service<Request<Payload>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let request = request(url, payload);
    let response = service.oneshot(request).await.map_err(Into::into)?;
    let mut body = response.into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Into::into)?;
        octets += frame.data_ref().map_or(0, Bytes::len) as u64;
    }
    Ok(octets)
}

fn request<B>(url: &Uri, body: B) -> Request<B>
where
    B: Body,
{
    let is_get = body.is_end_stream();
    let mut request = Request::new(body);
    *request.uri_mut() = url.clone();
    if !is_get {
        *request.method_mut() = Method::POST;
    }
    request
}

#[derive(Clone)]
pub(crate) struct Reqwest {
    client: reqwest::Client,
    urls: Arc<[reqwest::Url]>,
}

impl Reqwest {
    pub(crate) fn new(course: &Course<'_>) -> Result<Self, BoxError> {
        let builder = reqwest::Client::builder().no_proxy();
        let builder = if course.is_http2 {
            builder.http2_prior_knowledge()
        } else {
            builder.http1_only()
        };
        Ok(Self {
            client: builder.build()?,
            urls: course.urls()?,
        })
    }
}

impl Client for Reqwest {
    async fn fetch(&self, netloc: usize, payload: Payload) -> Result<u64, BoxError> {
        let url = self.urls[netloc].clone();
        let request = match payload {
            Payload::Empty => self.client.get(url),
            Payload::Whole(octets) => self.client.post(url).body(octets),
            payload @ Payload::Pieces(..) => {
                self.client.post(url).body(reqwest::Body::wrap(payload))
            }
        };
        let mut response = request.send().await?;
        let mut octets = 0;
        while let Some(chunk) = response.chunk().await? {
            octets += chunk.len() as u64;
        }
        Ok(octets)
    }
}

/// The h2 crate alone: no pool, no type erased, connections that are there from the start.
#[derive(Clone)]
pub(crate) struct H2Alone {
    senders: Arc<[h2::client::SendRequest<Bytes>]>,
    urls: Arc<[Uri]>,
}

impl H2Alone {
    pub(crate) async fn connect(course: &Course<'_>) -> Result<Self, BoxError> {
        let mut senders = Vec::new();
        for index in 0..course.netlocs {
            let address = course.site.netloc(course.role, index, course.netlocs);
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            senders.push(if course.role.is_tls() {
                let mut tls = course.tls()?;
                tls.alpn_protocols = vec![b"h2".to_vec()];
                let name = ServerName::from(std::net::IpAddr::from(*address.ip()));
                let connector = TlsConnector::from(Arc::new(tls));
                handshake(connector.connect(name, stream).await?).await?
            } else {
                handshake(stream).await?
            });
        }
        Ok(Self {
            senders: senders.into(),
            urls: course.urls()?,
        })
    }
}

async fn handshake<I>(io: I) -> Result<h2::client::SendRequest<Bytes>, BoxError>
where
    I: io::AsyncRead + io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = h2::client::handshake(io).await?;
    // It ends in an error when the program ends.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

impl Client for H2Alone {
    async fn fetch(&self, netloc: usize, mut payload: Payload) -> Result<u64, BoxError> {
        let request = request(&self.urls[netloc], payload.clone()).map(drop);
        let mut sender = self.senders[netloc].clone().ready().await?;
        let (response, mut upload) = sender.send_request(request, payload.is_empty())?;
        while let Some(octets) = payload.next() {
            send(&mut upload, octets, payload.is_empty()).await?;
        }
        let mut body = response.await?.into_body();
        let mut octets = 0;
        while let Some(data) = body.data().await {
            let data = data?;
            octets += data.len() as u64;
            body.flow_control().release_capacity(data.len())?;
        }
        Ok(octets)
    }
}

/// Sends when there is room, as its documentation says that one should.
async fn send(
    upload: &mut h2::SendStream<Bytes>,
    mut octets: Bytes,
    is_end: bool,
) -> Result<(), BoxError> {
    while !octets.is_empty() {
        upload.reserve_capacity(octets.len());
        let room = std::future::poll_fn(|cx| upload.poll_capacity(cx)).await;
        let room = room.ok_or("the stream is over")??;
        let piece = octets.split_to(room.min(octets.len()));
        let is_last = is_end && octets.is_empty();
        upload.send_data(piece, is_last)?;
    }
    Ok(())
}

/// A client by name, for whoever wants to do something with it.
pub(crate) async fn with<V: Visitor>(
    name: &str,
    course: &Course<'_>,
    visitor: V,
) -> Result<V::Outcome, BoxError> {
    match name {
        TOWLINE => visitor.visit(Towline::new(course)?).await,
        HYPER_UTIL => visitor.visit(HyperUtil::new(course)?).await,
        REQWEST => visitor.visit(Reqwest::new(course)?).await,
        H2 => visitor.visit(H2Alone::connect(course).await?).await,
        _ => Err(format!("no client is called {name}").into()),
    }
}

/// What is to be done with a client, whichever it is.
pub(crate) trait Visitor {
    type Outcome;

    fn visit<C: Client>(self, client: C) -> impl Future<Output = Result<Self::Outcome, BoxError>>;
}
