//! Peers that misbehave: each ends in the right error, in time, and without harm to what follows.

use std::{
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body::{Body, Frame};
use towline::{
    Transport,
    config::Timeouts,
    error::{Kind, Phase, Retry},
    http2::ErrorCode,
};
use towline_interop::{
    Client, Pki, Protocol, Scheme, Site, Software,
    wire::{END_HEADERS, END_STREAM, Peer, STATUS_200, Wire, frame_type},
};

/// No error may take longer, whatever the peer does.
const LIMIT: Duration = Duration::from_secs(10);
/// A request may be sent again by the transport, but not for ever.
const TRIES: usize = 10;

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("an end in time")
}

fn uri(peer: &Peer) -> Uri {
    format!("http://127.0.0.1:{}/", peer.port())
        .parse()
        .expect("a port makes a URI")
}

fn client() -> Client {
    Client::new(&Pki::generate(), Protocol::Http2, |builder| builder)
}

/// The error of a GET from a peer that plays `script` on each connection, and the connections made.
async fn failure<F>(script: impl Fn(Wire, usize) -> F + Send + 'static) -> (towline::Error, usize)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let peer = Peer::listen(script).await;
    let error = in_time(client().get(uri(&peer)))
        .await
        .expect_err("no response can come of this");
    (error, peer.connections())
}

#[tokio::test]
async fn a_server_of_http_1_is_named_as_such() {
    let (error, connections) = failure(|mut wire, _| async move {
        wire.raw(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await?;
        wire.listen_on().await
    })
    .await;
    assert_eq!(error.kind(), Kind::NotHttp2, "{error:?}");
    assert!(connections <= TRIES);
}

#[tokio::test]
async fn garbage_is_not_http2() {
    let (error, connections) = failure(|mut wire, _| async move {
        wire.raw(&[0xa5; 4096]).await?;
        wire.listen_on().await
    })
    .await;
    // RFC 9113 §3.4: the server's preface is a SETTINGS frame.
    assert!(
        matches!(error.kind(), Kind::NotHttp2 | Kind::Protocol),
        "{error:?}"
    );
    assert!(connections <= TRIES);
}

#[tokio::test]
async fn a_server_that_closes_at_once_is_an_error_and_no_loop() {
    let (error, connections) = failure(|_, _| async { Ok(()) }).await;
    assert!(
        matches!(error.kind(), Kind::Closed | Kind::Io | Kind::NotHttp2),
        "{error:?}"
    );
    assert!(connections <= TRIES, "{connections}");
}

#[tokio::test]
async fn a_server_that_closes_on_the_request_may_have_acted_on_it() {
    let (error, connections) =
        failure(|mut wire, _| async move { wire.request().await.map(drop) }).await;
    assert!(matches!(error.kind(), Kind::Closed | Kind::Io), "{error:?}");
    assert_eq!(error.retry(), Retry::IfIdempotent, "{error:?}");
    assert!(connections <= TRIES, "{connections}");
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_truncated() {
    let (error, _) = failure(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(frame_type::HEADERS, END_HEADERS, stream, STATUS_200)
            .await?;
        wire.send(frame_type::DATA, 0, stream, b"half of").await
    })
    .await;
    assert_eq!(error.kind(), Kind::Truncated, "{error:?}");
}

#[tokio::test]
async fn a_body_that_a_reset_connection_cuts_off_is_no_success() {
    let (error, _) = failure(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(frame_type::HEADERS, END_HEADERS, stream, STATUS_200)
            .await?;
        wire.send(frame_type::DATA, 0, stream, b"half of").await?;
        wire.abort()
    })
    .await;
    assert!(
        matches!(error.kind(), Kind::Truncated | Kind::Io),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_stream_is_sent_again() {
    // RFC 9113 §8.7: REFUSED_STREAM says that nothing was processed.
    let peer = Peer::listen(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(
            frame_type::RST_STREAM,
            0,
            stream,
            &ErrorCode::REFUSED_STREAM.as_u32().to_be_bytes(),
        )
        .await?;
        let stream = wire.until(frame_type::HEADERS).await?.stream;
        wire.answer(stream, b"at last").await?;
        wire.listen_on().await
    })
    .await;
    let whole = in_time(client().get(uri(&peer)))
        .await
        .expect("the second try succeeds");
    assert_eq!(whole.text(), "at last");
}

#[tokio::test]
async fn a_server_that_refuses_every_stream_is_asked_a_bounded_number_of_times() {
    let (error, connections) = failure(|mut wire, _| async move {
        wire.handshake().await?;
        loop {
            let stream = wire.until(frame_type::HEADERS).await?.stream;
            wire.send(
                frame_type::RST_STREAM,
                0,
                stream,
                &ErrorCode::REFUSED_STREAM.as_u32().to_be_bytes(),
            )
            .await?;
        }
    })
    .await;
    assert_eq!(error.kind(), Kind::Reset, "{error:?}");
    assert_eq!(error.code(), Some(ErrorCode::REFUSED_STREAM));
    assert_eq!(error.retry(), Retry::Safe);
    assert!(connections <= TRIES, "{connections}");
}

#[tokio::test]
async fn a_stream_reset_for_another_reason_is_not_sent_again() {
    let peer = Peer::listen(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(
            frame_type::RST_STREAM,
            0,
            stream,
            &ErrorCode::INTERNAL_ERROR.as_u32().to_be_bytes(),
        )
        .await?;
        // A second request would be answered, and the first be taken for a success.
        let stream = wire.until(frame_type::HEADERS).await?.stream;
        wire.answer(stream, b"twice").await
    })
    .await;
    let error = in_time(client().get(uri(&peer)))
        .await
        .expect_err("INTERNAL_ERROR");
    assert_eq!(error.kind(), Kind::Reset, "{error:?}");
    assert_eq!(error.code(), Some(ErrorCode::INTERNAL_ERROR));
    assert_ne!(error.retry(), Retry::Safe);
}

#[tokio::test]
async fn what_goaway_left_out_is_sent_again_elsewhere() {
    // RFC 9113 §6.8: a stream above the last id was not processed.
    let peer = Peer::listen(|mut wire, nth| async move {
        let stream = wire.request().await?;
        if nth == 0 {
            wire.send(frame_type::GOAWAY, 0, 0, &[0; 8]).await?;
        } else {
            wire.answer(stream, b"elsewhere").await?;
        }
        wire.listen_on().await
    })
    .await;
    let whole = in_time(client().get(uri(&peer)))
        .await
        .expect("the second connection answers");
    assert_eq!(whole.text(), "elsewhere");
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn a_server_that_always_goes_away_is_an_error_and_no_loop() {
    let (error, connections) = failure(|mut wire, _| async move {
        wire.request().await?;
        wire.send(frame_type::GOAWAY, 0, 0, &[0; 8]).await?;
        wire.listen_on().await
    })
    .await;
    assert_eq!(error.kind(), Kind::GoAway, "{error:?}");
    assert_eq!(error.retry(), Retry::Safe);
    assert!(connections <= TRIES, "{connections}");
}

#[tokio::test]
async fn a_content_length_that_is_not_kept_is_malformed_and_the_connection_goes_on() {
    // RFC 9113 §8.1.1. `content-length: 5`, a literal with an indexed name (RFC 7541 §6.2.2).
    const FIELDS: &[u8] = &[0x88, 0x0f, 0x0d, 0x01, b'5'];
    let peer = Peer::listen(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(frame_type::HEADERS, END_HEADERS, stream, FIELDS)
            .await?;
        wire.send(frame_type::DATA, END_STREAM, stream, b"too much")
            .await?;
        let stream = wire.until(frame_type::HEADERS).await?.stream;
        wire.answer(stream, b"and on").await?;
        wire.listen_on().await
    })
    .await;
    let client = client();
    let error = in_time(client.get(uri(&peer)))
        .await
        .expect_err("malformed");
    assert_eq!(error.kind(), Kind::MalformedResponse, "{error:?}");
    let next = in_time(client.get(uri(&peer)))
        .await
        .expect("another stream is not harmed");
    assert_eq!(next.text(), "and on");
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_broken_rule_of_the_connection_is_answered_with_goaway() {
    // RFC 9113 §6.1: DATA on stream 0 is a connection error PROTOCOL_ERROR.
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let peer = Peer::listen(move |mut wire, _| {
        let tell = tell.clone();
        async move {
            wire.request().await?;
            wire.send(frame_type::DATA, 0, 0, b"?").await?;
            let goaway = wire.until(frame_type::GOAWAY).await?;
            let _ = tell.send(goaway.payload[4..8].to_vec());
            Ok(())
        }
    })
    .await;
    let error = in_time(client().get(uri(&peer)))
        .await
        .expect_err("a connection error");
    assert_eq!(error.kind(), Kind::Protocol, "{error:?}");
    assert_eq!(error.code(), Some(ErrorCode::PROTOCOL_ERROR));
    let code = in_time(told.recv()).await.expect("the peer is told why");
    assert_eq!(code, ErrorCode::PROTOCOL_ERROR.as_u32().to_be_bytes());
}

#[tokio::test]
async fn a_frame_above_our_limit_is_a_frame_size_error() {
    // RFC 9113 §4.2: we announced no more than the least, 16,384, or more; 2^24-1 is above both.
    let (error, _) = failure(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.raw(&[0xff, 0xff, 0xff, frame_type::DATA, 0]).await?;
        wire.raw(&stream.to_be_bytes()).await?;
        wire.listen_on().await
    })
    .await;
    assert_eq!(error.kind(), Kind::Protocol, "{error:?}");
    assert_eq!(error.code(), Some(ErrorCode::FRAME_SIZE_ERROR));
}

#[tokio::test]
async fn a_plaintext_answer_to_tls_is_a_tls_error() {
    let peer = Peer::listen(|mut wire, _| async move {
        wire.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        wire.listen_on().await
    })
    .await;
    let uri = format!("https://localhost:{}/", peer.port())
        .parse()
        .expect("a port makes a URI");
    let error = in_time(client().get(uri)).await.expect_err("no TLS");
    assert_eq!(error.kind(), Kind::Tls, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let site = Site::start(Software::Nginx, Scheme::Tls, Protocol::Http2).await;
    // This client trusts an authority, but not the server's.
    let error = in_time(client().get(site.uri("/static/hello.txt")))
        .await
        .expect_err("untrusted");
    assert_eq!(error.kind(), Kind::Certificate, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused() {
    let site = Site::start(Software::Nginx, Scheme::Tls, Protocol::Http2).await;
    let uri = format!("https://127.0.0.2:{}/", site.port())
        .parse()
        .expect("a port makes a URI");
    let error = in_time(site.client().get(uri))
        .await
        .expect_err("not its name");
    assert_eq!(error.kind(), Kind::Certificate, "{error:?}");
}

/// A transport that waits no longer than this for a response head.
fn impatient() -> Client {
    let mut timeouts = Timeouts::default();
    timeouts.response_head = Some(Duration::from_millis(500));
    timeouts.body_idle = Some(Duration::from_millis(500));
    let builder = Transport::builder().http2_prior_knowledge(true);
    Client::from_transport(builder.timeouts(timeouts).build())
}

#[tokio::test]
async fn a_server_that_says_nothing_at_all_times_out() {
    let peer = Peer::listen(|mut wire, _| async move { wire.listen_on().await }).await;
    let error = in_time(impatient().get(uri(&peer)))
        .await
        .expect_err("silence");
    assert_eq!(
        error.kind(),
        Kind::Timeout(Phase::ResponseHead),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_body_that_stops_times_out_and_the_connection_goes_on() {
    let peer = Peer::listen(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.send(frame_type::HEADERS, END_HEADERS, stream, STATUS_200)
            .await?;
        wire.send(frame_type::DATA, 0, stream, b"half of").await?;
        let stream = wire.until(frame_type::HEADERS).await?.stream;
        wire.answer(stream, b"and on").await?;
        wire.listen_on().await
    })
    .await;
    let client = impatient();
    let error = in_time(client.get(uri(&peer)))
        .await
        .expect_err("half a body");
    assert_eq!(error.kind(), Kind::Timeout(Phase::BodyIdle), "{error:?}");
    let next = in_time(client.get(uri(&peer)))
        .await
        .expect("another stream is not harmed");
    assert_eq!(next.text(), "and on");
    assert_eq!(peer.connections(), 1);
}

/// A request body that fills the first window with four parts, and, asked for the fifth, holds the
/// whole thread up, as a busy machine would; it never ends.
struct Holdup {
    parts: usize,
}

impl Body for Holdup {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.parts += 1;
        if self.parts == 5 {
            std::thread::sleep(Duration::from_millis(400));
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16_384])))))
    }
}

/// A server may answer before it has the whole request, and leave (RFC 9113 §8.1). Its answer has
/// come even when the next write finds the connection reset.
#[test]
fn an_answer_that_has_arrived_counts_though_writing_fails_behind_it() {
    // The peer lives on threads of its own, which the holdup does not hold up.
    let elsewhere = tokio::runtime::Runtime::new().expect("a runtime can be built");
    let peer = elsewhere.block_on(Peer::listen(|mut wire, _| async move {
        let stream = wire.request().await?;
        wire.until(frame_type::DATA).await?;
        // More window asks for the fifth part, during which all the rest happens.
        let increment = 0x0010_0000_u32.to_be_bytes();
        wire.send(frame_type::WINDOW_UPDATE, 0, 0, &increment)
            .await?;
        wire.send(frame_type::WINDOW_UPDATE, 0, stream, &increment)
            .await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        wire.answer(stream, &[b'x'; 16_000]).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        wire.abort()
    }));
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let request = Request::post(uri(&peer))
        .body(Holdup { parts: 0 })
        .expect("a whole request");
    let whole = here
        .block_on(in_time(client().exchange(request)))
        .expect("the answer came before the reset");
    assert_eq!(whole.body.len(), 16_000);
}
