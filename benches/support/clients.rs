//! One GET, by each of the clients, all with default settings but for HTTP/2 without TLS where that
//! is the race.

use bytes::Bytes;
use http::{Request, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpStream;
use tower::{Service, ServiceExt};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the clients speak in a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http2,
    Http1,
}

/// A client that is ready to ask one server. Clones share its connection.
pub(crate) trait Client: Clone + Send + 'static {
    const NAME: &str;

    /// Fetches the page, and counts the octets of its body.
    fn get(&self) -> impl Future<Output = Result<usize, BoxError>> + Send;
}

#[derive(Clone)]
pub(crate) struct Towline {
    transport: towline::Transport,
    url: Uri,
}

impl Towline {
    pub(crate) fn new(url: Uri, protocol: Protocol) -> Self {
        let transport = towline::Transport::builder()
            .http2_prior_knowledge(protocol == Protocol::Http2)
            .build();
        Self { transport, url }
    }
}

impl Client for Towline {
    const NAME: &str = "towline";

    async fn get(&self) -> Result<usize, BoxError> {
        get(self.transport.clone(), self.url.clone()).await
    }
}

#[derive(Clone)]
pub(crate) struct HyperUtil {
    client: legacy::Client<HttpConnector, Empty<Bytes>>,
    url: Uri,
}

impl HyperUtil {
    pub(crate) fn new(url: Uri, protocol: Protocol) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .http2_only(protocol == Protocol::Http2)
            .build(connector);
        Self { client, url }
    }
}

impl Client for HyperUtil {
    const NAME: &str = "hyper-util";

    async fn get(&self) -> Result<usize, BoxError> {
        get(self.client.clone(), self.url.clone()).await
    }
}

/// A GET by anything that is a tower service.
async fn get<S, B>(service: S, url: Uri) -> Result<usize, BoxError>
where
    S: Service<Request<Empty<Bytes>>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url;
    let response = service.oneshot(request).await.map_err(Into::into)?;
    let mut body = response.into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        octets += frame.map_err(Into::into)?.data_ref().map_or(0, Bytes::len);
    }
    Ok(octets)
}

#[derive(Clone)]
pub(crate) struct Reqwest {
    client: reqwest::Client,
    url: reqwest::Url,
}

impl Reqwest {
    pub(crate) fn new(url: &Uri, protocol: Protocol) -> Self {
        let mut builder = reqwest::Client::builder().no_proxy();
        if protocol == Protocol::Http2 {
            builder = builder.http2_prior_knowledge();
        }
        let client = builder
            .build()
            .expect("a client without TLS needs nothing that could be missing");
        let url = url.to_string().parse().expect("a URI is a URL");
        Self { client, url }
    }
}

impl Client for Reqwest {
    const NAME: &str = "reqwest";

    async fn get(&self) -> Result<usize, BoxError> {
        let mut response = self.client.get(self.url.clone()).send().await?;
        let mut octets = 0;
        while let Some(chunk) = response.chunk().await? {
            octets += chunk.len();
        }
        Ok(octets)
    }
}

/// The h2 crate alone: no pool, no type erased, one connection that is there from the start.
#[derive(Clone)]
pub(crate) struct H2 {
    sender: h2::client::SendRequest<Bytes>,
    url: Uri,
}

impl H2 {
    pub(crate) async fn connect(url: Uri) -> Result<Self, BoxError> {
        let authority = url.authority().ok_or("the URL has no authority")?;
        let stream = TcpStream::connect(authority.as_str()).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = h2::client::handshake(stream).await?;
        // It ends in an error when the program ends.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, url })
    }
}

impl Client for H2 {
    const NAME: &str = "h2 alone";

    async fn get(&self) -> Result<usize, BoxError> {
        let mut request = Request::new(());
        *request.uri_mut() = self.url.clone();
        let mut sender = self.sender.clone().ready().await?;
        let (response, _) = sender.send_request(request, true)?;
        let mut body = response.await?.into_body();
        let mut octets = 0;
        while let Some(data) = body.data().await {
            let data = data?;
            octets += data.len();
            body.flow_control().release_capacity(data.len())?;
        }
        Ok(octets)
    }
}
