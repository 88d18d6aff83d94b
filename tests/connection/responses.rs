//! Responses by stream: in any order, the oldest first, each once.

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use towline::{
    ConnectionInfo, Http2Connection,
    error::{Kind, Scope},
    http2::{ErrorCode, StreamId},
};

use crate::{
    peers::{
        everywhere, on_threads,
        raw::{DATA, END_STREAM, RST_STREAM},
        servers,
    },
    support::{NONE, get, number, raw, raw_by, text, to},
};

/// C2-32, C2-33: as they are asked for, whatever order they come in.
#[test]
fn responses_are_taken_in_any_order() {
    everywhere(|wire| async move {
        let server = servers::hyper(wire, async |request: Request<_>| {
            let path = request.uri().path().to_owned();
            Response::new(Full::new(Bytes::from(path)))
        })
        .await;
        let connection = to(&server).connect().await.unwrap();
        let mut ids = Vec::new();
        for path in ["/a", "/b", "/c"] {
            ids.push(connection.request("GET", path, (), NONE).await.unwrap());
        }
        // C2-14: odd ids without gaps.
        let numbers: Vec<_> = ids.iter().map(|id| id.as_u32()).collect();
        assert_eq!(numbers, [1, 3, 5]);
        for (index, path) in [(2, "/c"), (0, "/a"), (1, "/b")] {
            let response = connection.response(ids[index]).await.unwrap();
            // R2-02, R2-03, R2-25.
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.version(), Version::HTTP_2);
            let info = response.extensions().get::<ConnectionInfo>().unwrap();
            assert_eq!(info.stream_id(), Some(ids[index]));
            assert_eq!(info.is_reused(), index > 0);
            assert_eq!(text(response).await, path);
        }
    });
}

/// CN-02, LR-40: without an id, the oldest that was not taken.
#[test]
fn without_an_id_the_oldest_response_is_taken() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(connection.request("GET", "/", (), NONE).await.unwrap());
        }
        for stream in [5, 3, 1] {
            peer.head(stream, END_STREAM).await;
        }
        // An id in the middle does not disturb the order of the others.
        connection.response(ids[1]).await.unwrap();
        for id in [ids[0], ids[2]] {
            let response = connection.response(None).await.unwrap();
            let info = response.extensions().get::<ConnectionInfo>().unwrap();
            assert_eq!(info.stream_id(), Some(id));
        }
        let error = connection.response(None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
    });
}

/// C2-32, EX-13, EX-15: taken once, and only if there was a request.
#[test]
fn a_second_take_and_an_unknown_stream_are_errors_of_their_own() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let unknown = [0, 1, 2, 3].map(StreamId::from_wire);
        for id in unknown {
            let error = connection.response(id).await.unwrap_err();
            assert_eq!(error.kind(), Kind::UnknownStream, "{id}");
            assert_eq!(error.stream_id(), Some(id));
            assert_eq!(error.scope(), Scope::Request);
        }
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head(1, END_STREAM).await;
        connection.response(id).await.unwrap();
        let error = connection.response(id).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::ResponseTaken, Some(id))
        );
        let after = StreamId::from_wire(3);
        let error = connection.response(after).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
    });
}

/// Somebody who waits has the response; who leaves gives it back, whole.
#[test]
fn a_wait_that_is_cancelled_has_taken_nothing() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let id = connection.request("GET", "/", (), NONE).await.unwrap();
        let mut waiting = Box::pin(connection.response(id));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let error = connection.response(id).await.unwrap_err();
        assert_eq!(error.kind(), Kind::ResponseTaken);
        let error = connection.response(None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownStream);
        drop(waiting);
        assert!(
            peer.until_quiet()
                .await
                .iter()
                .all(|frame| frame.kind != RST_STREAM)
        );
        peer.head(1, END_STREAM).await;
        connection.response(id).await.unwrap();
    });
}

/// C2-11, LR-14: handles are used from many tasks and threads at once.
#[test]
fn many_tasks_share_one_connection() {
    everywhere(|wire| async move {
        let server = servers::hyper(wire, async |request: Request<hyper::body::Incoming>| {
            let path = request.uri().path().to_owned();
            let body = request
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes();
            Response::new(Full::new(Bytes::from([path.as_bytes(), &body].concat())))
        })
        .await;
        let connection = to(&server).build().unwrap();
        let tasks = (0..64).map(|task: u32| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for round in 0..5 {
                    let path = format!("/{task}/{round}");
                    let body = Full::new(Bytes::from("!"));
                    let sent = path.as_str();
                    let response = match round % 2 {
                        0 => {
                            let id = connection.request("POST", sent, (), body).await.unwrap();
                            connection.response(id).await.unwrap()
                        }
                        _ => {
                            let request = Request::post(sent).body(body).unwrap();
                            connection.send_request(request).await.unwrap()
                        }
                    };
                    assert_eq!(text(response).await, format!("{path}!"));
                }
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
        assert_eq!(server.accepted(), 1);
    });
}

/// Many who ask for the oldest get one each.
#[test]
fn many_tasks_that_ask_for_the_oldest_get_one_each() {
    on_threads(2, async {
        let (connection, mut peer) = raw(&[]).await;
        for _ in 0..20 {
            connection.request("GET", "/", (), NONE).await.unwrap();
        }
        let tasks = (0..20).map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move {
                let response = connection.response(None).await.unwrap();
                let info = response.extensions().get::<ConnectionInfo>().unwrap();
                info.stream_id().unwrap().as_u32()
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for index in (0..20).rev() {
            peer.head(2 * index + 1, END_STREAM).await;
        }
        let mut streams: Vec<_> = join_all(tasks)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        streams.sort_unstable();
        assert!(streams.into_iter().eq((0..20).map(|index| 2 * index + 1)));
    });
}

/// What is never taken is bounded, and taking makes room.
#[test]
fn responses_that_nobody_takes_are_bounded() {
    on_threads(1, async {
        let (connection, mut peer) = raw_by(&[], |builder| builder.max_untaken(2)).await;
        let first = connection.request("GET", "/", (), NONE).await.unwrap();
        connection.request("GET", "/", (), NONE).await.unwrap();
        let error = connection.request("GET", "/", (), NONE).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Overloaded);
        // Those that a future brings are not among them.
        let future = connection.send_request(get("/"));
        let (response, ()) = tokio::join!(future, async {
            assert_eq!(peer.request().await, 1);
            assert_eq!(peer.request().await, 3);
            assert_eq!(peer.request().await, 5);
            peer.head(5, END_STREAM).await;
            peer.head(1, END_STREAM).await;
        });
        response.unwrap();
        connection.response(first).await.unwrap();
        connection.request("GET", "/", (), NONE).await.unwrap();
        // Nor is the room gone of a request that came to nothing.
        for _ in 0..3 {
            let error = connection
                .request("GET", "junk", (), NONE)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), Kind::Overloaded);
        }
        connection.cancel(StreamId::from_wire(3), ErrorCode::CANCEL);
        for _ in 0..3 {
            let error = connection
                .request("GET", "junk", (), NONE)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), Kind::Uri);
        }
        connection.request("GET", "/", (), NONE).await.unwrap();
    });
}

/// C2-54: RST_STREAM with the caller's code, and nothing the second time.
#[test]
fn a_cancelled_stream_is_reset_once() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let kept = connection.request("GET", "/", (), NONE).await.unwrap();
        let awaited = connection.request("GET", "/", (), NONE).await.unwrap();
        let read = connection.request("GET", "/", (), NONE).await.unwrap();
        peer.head(5, 0).await;
        peer.send(DATA, 0, 5, b"first").await;
        let mut body = connection.response(read).await.unwrap().into_body();
        assert_eq!(body.read(5).await.unwrap(), "first");
        let mut waiting = Box::pin(connection.response(awaited));
        assert!(futures_util::poll!(&mut waiting).is_pending());

        for id in [kept, awaited, read] {
            connection.cancel(id, ErrorCode::ENHANCE_YOUR_CALM);
            connection.cancel(id, ErrorCode::CANCEL);
        }
        connection.cancel(StreamId::from_wire(99), ErrorCode::CANCEL);
        connection.cancel(StreamId::CONNECTION, ErrorCode::CANCEL);

        let error = waiting.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::Reset, Some(awaited))
        );
        assert_eq!(error.code(), Some(ErrorCode::ENHANCE_YOUR_CALM));
        let error = body.read(1).await.unwrap_err();
        assert_eq!((error.kind(), error.stream_id()), (Kind::Reset, Some(read)));
        let error = connection.response(kept).await.unwrap_err();
        assert_eq!(error.kind(), Kind::ResponseTaken);

        let resets = peer.until_quiet().await.into_iter();
        let resets: Vec<_> = resets
            .filter(|frame| frame.kind == RST_STREAM)
            .map(|frame| (frame.stream, frame.number()))
            .collect();
        let code = number(ErrorCode::ENHANCE_YOUR_CALM);
        assert_eq!(resets, [(1, code), (3, code), (5, code)]);
        assert_eq!(connection.open_streams(), 0);
        assert!(!connection.is_draining());
    });
}

/// C2-41, C2-40: one stream's end leaves the others.
#[test]
fn a_reset_of_the_peers_fails_its_stream_alone() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let reset = connection.request("GET", "/", (), NONE).await.unwrap();
        let good = connection.request("GET", "/", (), NONE).await.unwrap();
        peer.reset(1, number(ErrorCode::REFUSED_STREAM)).await;
        peer.head(3, END_STREAM).await;
        let error = connection.response(reset).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.stream_id()),
            (Kind::Reset, Some(reset))
        );
        assert_eq!(error.retry(), towline::error::Retry::Safe);
        connection.response(good).await.unwrap();
    });
}

/// C2-49: interim responses come beside the final one.
#[test]
fn interim_responses_are_heard_by_whoever_asks() {
    on_threads(1, async {
        let (connection, mut peer) = raw(&[]).await;
        let (sink, mut interim) = towline::interim::channel();
        let request = connection.start_request("GET", "/").extension(sink);
        let id = request.send(NONE).await.unwrap();
        // `:status: 103`, a literal with an indexed name (RFC 7541 §6.2.2).
        peer.send(1, 4, 1, &[0x08, 3, b'1', b'0', b'3']).await;
        peer.head(1, END_STREAM).await;
        assert_eq!(connection.response(id).await.unwrap().status(), 200);
        assert_eq!(interim.recv().await.unwrap().status(), 103);
        assert!(interim.recv().await.is_none());
    });
}

#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    check::<Http2Connection>();
    check::<towline::Http1Connection>();
    check::<towline::connection::Negotiated>();
    fn check_send<T: Send + 'static>() {}
    check_send::<towline::connection::ResponseFuture>();
    check_send::<towline::connection::SendBody>();
}
