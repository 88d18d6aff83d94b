//! Futures that are dropped amid reading.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::io::AsyncReadExt;
use towline::ResponseBody;

use crate::{
    peers::on_threads,
    support::{Next, gzip, live_body},
};

/// Asks again and again in a way that wants more than has come, and drops the future each time,
/// until the body has taken so many octets from its connection.
async fn ask_in_vain(body: &mut ResponseBody, way: usize, octets: u64) {
    loop {
        let is_pending = match way {
            0 => body.read(100).now_or_never().is_none(),
            1 => body.read_all(100).now_or_never().is_none(),
            _ => body.trailers().now_or_never().is_none(),
        };
        assert!(is_pending, "there is more to come");
        if body.size_hint().lower() == octets {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_a_dropped_future_has_read_is_there_for_any_other() {
    on_threads(1, async {
        for is_encoded in [false, true] {
            let fields: &'static [_] = if is_encoded {
                &[("content-encoding", "gzip")]
            } else {
                &[]
            };
            let pieces: [&[u8]; 3] = [b"abc", b"defg", b"hi"];
            for asked in 0..3 {
                for read in 0..6 {
                    let (sender, mut body, _server) = live_body(fields).await;
                    let mut octets = 0;
                    for piece in pieces {
                        let encoded = if is_encoded {
                            gzip(piece)
                        } else {
                            piece.to_vec()
                        };
                        sender.send(Next::Data(encoded)).unwrap();
                        octets += piece.len() as u64;
                        ask_in_vain(&mut body, asked, octets).await;
                    }
                    sender.send(Next::Trailer("x-t", "1")).unwrap();
                    let rest = read_by(&mut body, read).await;
                    assert_eq!(rest, "abcdefghi", "{asked}, then {read}");
                }
            }
        }
    });
}

/// The whole content, by each of the ways to read.
async fn read_by(body: &mut ResponseBody, way: usize) -> Bytes {
    let mut octets = Vec::new();
    match way {
        0 => return body.read_all(9).await.unwrap(),
        1 => {
            for count in [1, 5, 2, 9, 9] {
                octets.extend_from_slice(&body.read(count).await.unwrap());
            }
        }
        2 => {
            while let Some(chunk) = body.chunk().await.unwrap() {
                assert!(!chunk.is_empty());
                octets.extend_from_slice(&chunk);
            }
        }
        3 => {
            let mut chunks = body.chunks();
            while let Some(chunk) = chunks.next().await {
                octets.extend_from_slice(&chunk.unwrap());
            }
        }
        4 => {
            let collected = body.collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["x-t"], "1");
            return collected.to_bytes();
        }
        _ => {
            let mut reader = std::mem::take(body).into_reader();
            reader.read_to_end(&mut octets).await.unwrap();
            *body = reader.into_body();
        }
    }
    assert_eq!(body.trailers().await.unwrap().unwrap()["x-t"], "1");
    octets.into()
}

#[test]
fn a_read_waits_for_all_it_wants() {
    on_threads(1, async {
        let (sender, mut body, _server) = live_body(&[]).await;
        for piece in ["ab", "cd"] {
            sender.send(Next::data(piece)).unwrap();
        }
        ask_in_vain(&mut body, 0, 4).await;
        assert!(body.read(5).now_or_never().is_none());
        sender.send(Next::data("ef")).unwrap();
        assert_eq!(body.read(5).await.unwrap(), "abcde");
        // And not for more.
        assert_eq!(body.read(1).now_or_never().unwrap().unwrap(), "f");
        assert!(body.read(1).now_or_never().is_none());
        assert!(body.chunk().now_or_never().is_none());
        drop(sender);
        assert_eq!(body.read(1).await.unwrap(), "");
    });
}
