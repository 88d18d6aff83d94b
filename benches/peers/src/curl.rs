//! curl: isahc drives libcurl's multi interface on a thread of its own, so a request crosses threads.

use futures_util::io::{AsyncReadExt, repeat};
use isahc::{AsyncBody, HttpClient, Request, config::Configurable, config::VersionNegotiation};

use crate::harness::{
    load::Client,
    prepared::Site,
    work::{BoxError, Payload, Work},
};

#[derive(Clone)]
pub(crate) struct Curl {
    client: HttpClient,
    url: String,
}

impl Curl {
    pub(crate) fn new(work: &Work, site: &Site) -> Result<Self, BoxError> {
        let version = if work.is_http2 {
            VersionNegotiation::http2()
        } else {
            VersionNegotiation::http11()
        };
        Ok(Self {
            client: HttpClient::builder().version_negotiation(version).build()?,
            url: site.url(work.role(), 0, 1),
        })
    }
}

impl Client for Curl {
    async fn fetch(&self, _netloc: usize, payload: Payload) -> Result<u64, BoxError> {
        let request = match payload {
            Payload::Empty => Request::get(&*self.url).body(AsyncBody::empty())?,
            Payload::Whole(octets) => {
                Request::post(&*self.url).body(AsyncBody::from_bytes_static(octets))?
            }
            Payload::Pieces(_, length) => {
                let body = AsyncBody::from_reader_sized(repeat(b'x').take(length), length);
                Request::post(&*self.url).body(body)?
            }
        };
        let mut response = self.client.send_async(request).await?;
        let mut buffer = vec![0; 64 << 10];
        let mut octets = 0;
        loop {
            match response.body_mut().read(&mut buffer).await? {
                0 => return Ok(octets),
                count => octets += count as u64,
            }
        }
    }
}
