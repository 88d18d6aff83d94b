//! The transport under test, with what every case does with it.

use std::collections::HashSet;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty};
use tower::ServiceExt as _;
use towline::{
    ConnectionInfo, Protocols, ResponseBody, Transport, TransportBuilder, connect::TlsConfig,
};

use crate::{pki::Pki, software::Protocol};

/// A transport, and what it is to speak. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    protocol: Protocol,
}

/// A response that has come whole.
#[derive(Debug)]
pub struct Whole {
    /// Its head.
    pub head: http::response::Parts,
    /// Its octets.
    pub body: Bytes,
    /// Its trailer section, if it has one.
    pub trailers: Option<HeaderMap>,
}

impl Client {
    /// A transport that trusts the authority and no other, with these settings besides.
    ///
    /// # Panics
    /// When the settings do not agree with each other.
    pub fn new(
        pki: &Pki,
        protocol: Protocol,
        settings: impl FnOnce(TransportBuilder) -> TransportBuilder,
    ) -> Self {
        let tls = TlsConfig::builder()
            .add_root_certificates(pki.authority.as_bytes())
            .build()
            .expect("the authority is a certificate");
        let builder = Transport::builder().tls(tls);
        let builder = builder.http2_prior_knowledge(match protocol {
            Protocol::Http2 | Protocol::Http1Pinned => true,
            Protocol::Http1 => false,
        });
        Self {
            transport: settings(builder).build(),
            protocol,
        }
    }

    /// Any other transport, which is to speak HTTP/2.
    pub fn from_transport(transport: Transport) -> Self {
        Self {
            transport,
            protocol: Protocol::Http2,
        }
    }

    /// The same transport, to speak something else.
    pub(crate) fn speaking(&self, protocol: Protocol) -> Self {
        Self {
            transport: self.transport.clone(),
            protocol,
        }
    }

    /// Sends a request and gives the response as soon as its head is there.
    ///
    /// # Errors
    /// As the transport has it.
    ///
    /// # Panics
    /// When the response has come in another protocol than it should.
    pub async fn send<B>(
        &self,
        mut request: Request<B>,
    ) -> Result<Response<ResponseBody>, towline::Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if self.protocol == Protocol::Http1Pinned {
            request.extensions_mut().insert(Protocols::Http1);
        }
        let response = self.transport.clone().oneshot(request).await?;
        let is_right = match self.protocol {
            Protocol::Http2 => response.version() == Version::HTTP_2,
            // Apache answers CONNECT in 1.0.
            Protocol::Http1 | Protocol::Http1Pinned => response.version() < Version::HTTP_2,
        };
        assert!(is_right, "{:?}: {:?}", self.protocol, response.version());
        Ok(response)
    }

    /// Sends a request and gives the whole response.
    ///
    /// # Errors
    /// As the transport, or the response's body, has it.
    pub async fn exchange<B>(&self, request: Request<B>) -> Result<Whole, towline::Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = self.send(request).await?.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned();
        Ok(Whole {
            head,
            body: body.to_bytes(),
            trailers,
        })
    }

    /// A GET.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub async fn get(&self, uri: Uri) -> Result<Whole, towline::Error> {
        self.exchange(bodiless(Method::GET, uri)).await
    }

    /// A GET that must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn get_ok(&self, uri: Uri) -> Whole {
        let shown = uri.to_string();
        let whole = self
            .get(uri)
            .await
            .unwrap_or_else(|error| panic!("GET {shown}: {error:?}"));
        whole.assert_ok();
        whole
    }
}

impl Whole {
    pub(crate) fn assert_ok(&self) {
        assert_eq!(self.head.status, StatusCode::OK, "{:?}", self.head);
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the origin answers in ASCII")
    }

    /// What the transport says about the connection.
    ///
    /// # Panics
    /// When it says nothing.
    pub fn connection(&self) -> &ConnectionInfo {
        self.head
            .extensions
            .get()
            .expect("every response tells its connection")
    }

    /// Our end of its connection, which tells connections apart.
    pub(crate) fn local_end(&self) -> SocketAddr {
        self.connection().local_addr().expect("TCP has addresses")
    }
}

/// Our ends of the connections that the responses came by: one for each connection.
pub(crate) fn local_ends<'a>(
    responses: impl IntoIterator<Item = &'a Whole>,
) -> HashSet<SocketAddr> {
    responses.into_iter().map(Whole::local_end).collect()
}

/// A request without a body.
///
/// # Panics
/// When the URI is relative.
pub(crate) fn bodiless(method: Method, uri: Uri) -> Request<Empty<Bytes>> {
    Request::builder()
        .method(method)
        .uri(uri)
        .body(Empty::new())
        .expect("a method and a URI make a request")
}
