//! wtx: one HTTP/2 connection, which its clones share.

use tokio::net::{TcpStream, tcp::OwnedWriteHalf};
use wtx::{
    http::{Headers, HttpClient, HttpRecvParams, ReqBuilder, ReqResBuffer},
    http2::{Http2, Http2Buffer},
    misc::{Uri, UriString},
    rng::Xorshift64,
};

use crate::harness::{
    load::Client,
    prepared::Site,
    work::{BoxError, Payload, Work},
};

#[derive(Clone)]
pub(crate) struct Wtx {
    connection: Http2<Http2Buffer, OwnedWriteHalf, true>,
    url: UriString,
}

impl Wtx {
    pub(crate) async fn connect(work: &Work, site: &Site) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(site.netloc(work.role(), 0, 1)).await?;
        stream.set_nodelay(true)?;
        let buffer = Http2Buffer::new(&mut Xorshift64::new(1));
        let parameters = HttpRecvParams::with_optioned_params();
        let (reader, connection) = Http2::connect(buffer, parameters, stream.into_split()).await?;
        tokio::spawn(reader);
        let url = Uri::new(site.url(work.role(), 0, 1));
        Ok(Self { connection, url })
    }
}

impl Client for Wtx {
    async fn fetch(&self, _netloc: usize, mut payload: Payload) -> Result<u64, BoxError> {
        let body = payload.next().unwrap_or_default();
        let request = (&body[..], Headers::new(), self.url.to_ref());
        let request = if body.is_empty() {
            ReqBuilder::get(request)
        } else {
            ReqBuilder::post(request)
        };
        let response = self
            .connection
            .send_req_recv_res(request, ReqResBuffer::empty())
            .await?;
        Ok(response.rrd.body.len() as u64)
    }
}
