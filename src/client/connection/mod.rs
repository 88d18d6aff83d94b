//! One connection under the caller's hand: [`Http2Connection`] and [`Http1Connection`].
//!
//! A [`Transport`](crate::Transport) chooses and keeps connections by itself. Here a connection is an
//! object: it is made and closed by hand, and several requests share it as the caller likes. There are
//! three ways to make a request:
//!
//! | way | gives | hyper's |
//! |---|---|---|
//! | `send_request` with an [`http::Request`], or as a [`tower::Service`] | a future of the response | |
//! | `request` with method, path, fields and body | the id of the stream | `request` |
//! | `start_request`, then [`header`](RequestBuilder::header)s, then `send` or `send_streaming` | the id, and a [`SendBody`] | `putrequest`, `putheader`, `endheaders`, `send` |
//!
//! The responses to the last two are taken with `response`, in any order; each is the same as a
//! transport's.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use hyper::{body::Incoming, service::service_fn};
//! use hyper_util::rt::{TokioExecutor, TokioIo};
//! use towline::Http2Connection;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A server on the loopback that sends back what it gets.
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await.expect("a client");
//!     let echo = service_fn(async |request: Request<Incoming>| {
//!         Ok::<_, hyper::Error>(Response::new(request.into_body()))
//!     });
//!     let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
//!     server.serve_connection(TokioIo::new(stream), echo).await
//! });
//!
//! let connection = Http2Connection::builder(address.to_string())
//!     .http2_prior_knowledge(true)
//!     .connect()
//!     .await?;
//! let whole = connection.request("POST", "/", (), Full::new(Bytes::from("whole"))).await?;
//! let request = connection.start_request("POST", "/").header("content-type", "text/plain");
//! let (pieces, mut body) = request.send_streaming().await?;
//! body.send_data("in ").await?;
//! body.send_data("pieces").await?;
//! body.finish()?;
//!
//! // In any order, by the id of the stream; without one, the oldest.
//! let response = connection.response(pieces).await?;
//! assert_eq!(response.into_body().read_all(100).await?, "in pieces");
//! let response = connection.response(whole).await?;
//! assert_eq!(response.into_body().read_all(100).await?, "whole");
//! connection.close().await;
//! assert!(connection.is_closed());
//! # Ok(())
//! # }
//! ```
//!
//! Owns: the state that handles share (`core`), which waits, keeps and ends; and the handles
//! themselves. Never: sends a request again, or makes a connection anew.

mod admit;
mod builder;
mod call;
mod caller;
mod core;
mod fields;
mod http1;
mod http2;
mod kept;
mod line;
mod negotiated;
mod outstanding;
mod pushes;
mod request;
mod server;
mod service;
mod upload;

pub use self::{
    builder::ConnectionBuilder,
    call::ResponseFuture,
    fields::IntoFields,
    http1::Http1Connection,
    http2::Http2Connection,
    negotiated::Negotiated,
    pushes::{Capture, StreamPushes},
    request::{Pseudo, RequestBuilder},
    server::Server,
    upload::SendBody,
};
