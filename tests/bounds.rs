//! The face of the crate, as types: what it promises to be, and which layers fit on it.
//!
//! The bounds are checked by compiling; the services are called as well, because a bound that
//! holds is not yet one that works.

#[path = "peers/mod.rs"]
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::{
    cell::Cell,
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::Ready,
    io::Cursor,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, Bytes, buf::Chain};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tower::{
    Service, ServiceBuilder, ServiceExt,
    retry::Policy,
    util::{BoxCloneService, BoxCloneSyncService, BoxService},
};
use tower_http::{
    set_header::{SetRequestHeaderLayer, SetResponseHeaderLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use towline::{
    ConnectionInfo, Error, Netloc, ResponseBody, ResponseFuture, Transport, TransportBuilder,
    config::Timeouts,
    connect::{Connected, Connector, Destination, TlsConfig},
    error::{BoxError, Kind, Phase, Retry, Scope},
};

use peers::{Server, Wire, request, servers, soon, text, transport};

const fn is_send<T: Send>() {}
const fn is_sync<T: Sync>() {}
const fn is_unpin<T: Unpin>() {}
const fn is_clone<T: Clone>() {}
const fn is_debug<T: fmt::Debug>() {}
const fn is_default<T: Default>() {}
const fn is_error<T: StdError + Send + Sync + Clone + 'static>() {}
const fn is_body<T: Body<Data = Bytes, Error = Error> + 'static>() {}

const fn is_service_of<B>()
where
    Transport:
        Service<Request<B>, Response = Response<ResponseBody>, Error = Error, Future: Send + Unpin>,
{
}

pin_project_lite::pin_project! {
    /// A body as awkward as the bounds allow: it must not move, must not be shared, has its data
    /// in two pieces and an error of its own.
    #[derive(Debug)]
    struct Awkward {
        pieces: Vec<&'static [u8]>,
        unsync: Cell<u32>,
        #[pin]
        pinned: PhantomPinned,
    }
}

#[derive(Debug)]
struct AwkwardError;

impl fmt::Display for AwkwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("awkward")
    }
}

impl StdError for AwkwardError {}

impl Body for Awkward {
    type Data = Chain<Cursor<&'static [u8]>, Bytes>;
    type Error = AwkwardError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, AwkwardError>>> {
        let this = self.project();
        this.unsync.set(this.unsync.get() + 1);
        Poll::Ready(this.pieces.pop().map(|piece| {
            let data = Cursor::new(piece).chain(Bytes::from_static(b"|"));
            Ok(Frame::data(data))
        }))
    }
}

#[test]
fn the_transport_is_what_its_face_says() {
    is_send::<Transport>();
    is_sync::<Transport>();
    is_unpin::<Transport>();
    is_clone::<Transport>();
    is_debug::<Transport>();
    is_default::<Transport>();
    is_send::<TransportBuilder>();
    is_debug::<TransportBuilder>();
    is_send::<ResponseFuture>();
    is_unpin::<ResponseFuture>();
    is_debug::<ResponseFuture>();
}

#[test]
fn any_body_that_can_be_sent_can_be_called_with() {
    is_service_of::<Empty<Bytes>>();
    is_service_of::<Full<&'static [u8]>>();
    is_service_of::<String>();
    is_service_of::<Incoming>();
    is_service_of::<axum::body::Body>();
    is_service_of::<ResponseBody>();
    is_service_of::<UnsyncBoxBody<Cursor<Vec<u8>>, AwkwardError>>();
    is_service_of::<UnsyncBoxBody<Bytes, BoxError>>();
    is_service_of::<UnsyncBoxBody<Bytes, Infallible>>();
    is_service_of::<Awkward>();
}

#[test]
fn response_bodies_errors_and_facts_are_what_they_say() {
    is_body::<ResponseBody>();
    is_send::<ResponseBody>();
    is_sync::<ResponseBody>();
    is_unpin::<ResponseBody>();
    is_default::<ResponseBody>();
    is_debug::<ResponseBody>();
    is_error::<Error>();
    is_unpin::<Error>();
    is_send::<ConnectionInfo>();
    is_sync::<ConnectionInfo>();
    is_clone::<ConnectionInfo>();
    for_every_small_type::<Kind>();
    for_every_small_type::<Phase>();
    for_every_small_type::<Retry>();
    for_every_small_type::<Scope>();
    for_every_small_type::<Timeouts>();
    is_send::<Netloc>();
    is_sync::<Netloc>();
}

fn for_every_small_type<T: Copy + fmt::Debug + Eq + Send + Sync + 'static>() {}

#[test]
fn a_connector_is_a_service_and_its_parts_can_be_moved_about() {
    const fn is_connector<C>()
    where
        C: Service<Destination, Response = Connected, Error = Error, Future: Send>
            + Clone
            + Send
            + Sync,
    {
    }
    is_connector::<Connector>();
    is_send::<Connected>();
    is_send::<TlsConfig>();
    is_sync::<TlsConfig>();
}

#[test]
fn an_empty_response_body_has_ended() {
    let body = ResponseBody::default();
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

/// Says back what it was sent, and by whom.
async fn echo() -> Server {
    servers::hyper(Wire::Clear, |request: Request<Incoming>| async {
        let agent = request.headers().get("user-agent").cloned();
        let body = request.into_body().collect().await.expect("a whole body");
        let mut response = Response::new(Full::new(body.to_bytes()));
        if let Some(agent) = agent {
            response.headers_mut().insert("x-agent", agent);
        }
        response
    })
    .await
}

#[tokio::test]
async fn an_awkward_body_arrives_whole() {
    soon(async {
        let server = echo().await;
        let body = Awkward {
            pieces: vec![b"c", b"b", b"a"],
            unsync: Cell::new(0),
            pinned: PhantomPinned,
        };
        let request = Request::post(server.url("/")).body(body).unwrap();
        let response = transport().oneshot(request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "a|b|c|");
    })
    .await;
}

#[tokio::test]
async fn a_response_body_can_be_a_request_body() {
    soon(async {
        let (server, transport) = (echo().await, transport());
        let request = Request::post(server.url("/")).body("once more".to_owned());
        let first = transport.clone().oneshot(request.unwrap()).await.unwrap();
        let request = Request::post(server.url("/")).body(first.into_body());
        let second = transport.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(text(second).await.unwrap(), "once more");
    })
    .await;
}

/// Retries what is safe to retry; never needed here.
#[derive(Clone)]
struct IfSafe;

impl Policy<Request<Full<Bytes>>, Response<ResponseBody>, Error> for IfSafe {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _request: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<ResponseBody>, Error>,
    ) -> Option<Ready<()>> {
        match result {
            Err(error) if error.retry() == Retry::Safe => Some(std::future::ready(())),
            _ => None,
        }
    }

    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn it_works_under_towers_layers() {
    soon(async {
        let server = echo().await;
        let mut service = ServiceBuilder::new()
            .buffer(8)
            .timeout(Duration::from_secs(30))
            .concurrency_limit(4)
            .load_shed()
            .rate_limit(100, Duration::from_secs(1))
            .retry(IfSafe)
            .service(transport());
        let request = Request::post(server.url("/"))
            .body(Full::from("layers"))
            .unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(text(response).await.unwrap(), "layers");
    })
    .await;
}

#[tokio::test]
async fn it_works_under_tower_https_layers() {
    soon(async {
        let server = echo().await;
        let served_by = HeaderName::from_static("x-served-by");
        // The time limit answers in the server's place, so the body must have a default.
        let service = ServiceBuilder::new()
            .layer(TraceLayer::new_for_http())
            .layer(TimeoutLayer::with_status_code(
                StatusCode::GATEWAY_TIMEOUT,
                Duration::from_secs(30),
            ))
            .layer(SetRequestHeaderLayer::overriding(
                http::header::USER_AGENT,
                HeaderValue::from_static("towline"),
            ))
            .layer(SetResponseHeaderLayer::appending(
                served_by,
                HeaderValue::from_static("layers"),
            ));
        let response = service
            .service(transport())
            .oneshot(
                Request::post(server.url("/"))
                    .body(Full::<Bytes>::from("x"))
                    .unwrap(),
            )
            .await
            .unwrap();
        assert_eq!(response.headers()["x-agent"], "towline");
        assert_eq!(response.headers()["x-served-by"], "layers");
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "x"
        );
    })
    .await;
}

#[tokio::test]
async fn its_type_can_be_erased() {
    soon(async {
        let server = echo().await;
        let url = server.url("/");
        let boxed: BoxService<_, _, _> = BoxService::new(transport());
        let cloned: BoxCloneService<_, _, _> = BoxCloneService::new(transport());
        let synced: BoxCloneSyncService<_, _, _> = BoxCloneSyncService::new(transport());
        for response in [
            boxed.oneshot(request("GET", &url)).await,
            cloned.clone().oneshot(request("GET", &url)).await,
            synced.clone().oneshot(request("GET", &url)).await,
        ] {
            assert_eq!(response.unwrap().status(), StatusCode::OK);
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_keeps_its_type_through_a_box() {
    soon(async {
        let service = ServiceBuilder::new()
            .timeout(Duration::from_secs(30))
            .service(transport());
        let error = service
            .oneshot(request("GET", "/relative"))
            .await
            .unwrap_err();
        let error = error.downcast::<Error>().expect("the same error");
        assert_eq!(error.kind(), Kind::Uri);
    })
    .await;
}
