//! When promises come, and when they can be taken: before, amid and after the response.

use bytes::Bytes;
use http::StatusCode;
use towline::push::{Push, Pushes};

use super::{
    peers::{
        Server, Wire, call, everywhere,
        servers::{self, status},
        text,
    },
    support::{asking, fulfil, promise, pushable, pushed_text},
};

/// The order of hyper's documentation: a promise, the head, a promise, the content; then the heads
/// that were promised, the later one first.
async fn documented(wire: Wire) -> Server {
    servers::h2(wire, |request, mut respond| async move {
        let one = promise(&mut respond, &request, "/one");
        let mut body = respond.send_response(status(200), false).unwrap();
        let two = promise(&mut respond, &request, "/two");
        body.send_data(Bytes::from_static(b"zero"), true).unwrap();
        fulfil(two, "second");
        fulfil(one, "first");
    })
    .await
}

/// All that is promised, until the request's stream has ended.
async fn all(pushes: &mut Pushes) -> Vec<Push> {
    let mut all = Vec::new();
    while let Some(push) = pushes.next().await {
        all.push(push);
    }
    all
}

/// Each call of the documented example, and what it yields.
#[test]
fn the_worked_example() {
    everywhere(|wire| async move {
        let server = documented(wire).await;
        let transport = pushable(wire);
        let (request, mut pushes) = asking(&server.url("/"));
        let response = tokio::spawn(call(&transport, request));
        // Right after the request, nothing read yet. The task has not run, on one thread.
        let early = pushes.try_next();
        let rest = all(&mut pushes).await;
        let pushed: Vec<_> = early.into_iter().chain(rest).collect();
        let paths: Vec<_> = pushed.iter().map(Push::path).collect();
        assert_eq!(paths, ["/one", "/two"]);
        let ids: Vec<_> = pushed
            .iter()
            .map(|push| push.stream_id().as_u32())
            .collect();
        assert_eq!(ids, [2, 4]);
        for (push, expected) in pushed.into_iter().zip(["first", "second"]) {
            assert_eq!(pushed_text(push).await.unwrap(), expected);
        }
        let response = response.await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(text(response).await.unwrap(), "zero");
        assert!(pushes.try_next().is_none());
        assert!(pushes.next().await.is_none());
        assert_eq!(server.accepted(), 1);
    });
}
