//! The ways of reading, each by an example.

use std::fmt::Debug;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body::Body;
use http_body_util::BodyExt;
use towline::{Error, ResponseBody, error::Kind};

use crate::{
    canned::Canned,
    peers::on_threads,
    support::{body_as, body_of, gzip},
};

/// 550 octets, and their 37 or so as gzip.
fn content() -> Vec<u8> {
    b"abcdefghijk".repeat(50)
}

async fn gzip_body(cut: usize) -> (ResponseBody, crate::peers::Server) {
    let encoded = gzip(&content());
    let (first, rest) = encoded.split_at(cut);
    body_as(Canned::new([first, rest]).field("content-encoding", "gzip")).await
}

#[test]
fn two_octets_at_a_time() {
    on_threads(1, async {
        for frames in [[&b"abcdef"[..], b""], [b"a", b"bcdef"], [b"abc", b"def"]] {
            let (mut body, _server) = body_of(frames).await;
            for expected in ["ab", "cd", "ef", "", ""] {
                assert_eq!(body.read(2).await.unwrap(), expected);
            }
            assert!(body.is_end_stream());
        }
    });
}

#[test]
fn more_octets_than_there_are() {
    on_threads(1, async {
        let (mut body, _server) = body_of([b"abc", b"def"]).await;
        assert_eq!(body.read(100).await.unwrap(), "abcdef");
        assert_eq!(body.read(100).await.unwrap(), "");
        let (mut body, _server) = body_of([b"abc", b"def"]).await;
        assert_eq!(body.read(usize::MAX).await.unwrap(), "abcdef");
    });
}

#[test]
fn all_at_once_and_then_nothing_for_ever() {
    on_threads(1, async {
        let (mut body, _server) = body_of([b"abc", b"def"]).await;
        for expected in ["abcdef", "", ""] {
            assert_eq!(body.read_all(100).await.unwrap(), expected);
        }
        assert!(body.is_end_stream());
    });
}

#[test]
fn no_octets_ask_for_nothing() {
    on_threads(1, async {
        let (mut body, _server) = body_of([b"abcdef"]).await;
        for _ in 0..3 {
            assert_eq!(body.read(0).await.unwrap(), "");
        }
        assert_eq!(body.read_all(6).await.unwrap(), "abcdef");
        assert_eq!(body.read(0).await.unwrap(), "");
    });
}

#[test]
fn pieces_as_they_were_sent() {
    on_threads(1, async {
        // The frame without octets says nothing, and is not given.
        let (mut body, _server) = body_of([b"a", b"", b"b"]).await;
        assert_eq!(body.chunk().await.unwrap().unwrap(), "a");
        assert_eq!(body.chunk().await.unwrap().unwrap(), "b");
        for _ in 0..2 {
            assert_eq!(body.chunk().await.unwrap(), None);
        }

        let (mut body, _server) = body_of([b"a", b"", b"b"]).await;
        let pieces: Vec<Bytes> = body.chunks().map(Result::unwrap).collect().await;
        assert_eq!(pieces, ["a", "b"]);
        assert!(body.chunks().next().await.is_none());
    });
}

#[test]
fn encoded_pieces_decoded() {
    on_threads(1, async {
        let (mut body, _server) = gzip_body(10).await;
        let pieces: Vec<Bytes> = body.chunks().map(Result::unwrap).collect().await;
        // Ten octets of header mean nothing by themselves, and nothing is not given.
        assert_eq!(pieces, [content()]);
    });
}

#[test]
fn encoded_pieces_as_they_are() {
    on_threads(1, async {
        let (body, _server) = gzip_body(10).await;
        let mut body = body.into_raw().unwrap();
        let lengths: Vec<usize> = body.chunks().map(|it| it.unwrap().len()).collect().await;
        assert_eq!(lengths, [10, gzip(&content()).len() - 10]);
    });
}

#[test]
fn five_decoded_octets_at_a_time() {
    on_threads(1, async {
        for cut in 1..gzip(&content()).len() {
            let (mut body, _server) = gzip_body(cut).await;
            for expected in content().chunks(5) {
                assert_eq!(body.read(5).await.unwrap(), expected);
            }
            assert_eq!(body.read(5).await.unwrap(), "");
        }
    });
}

#[test]
fn one_coding_more_than_was_applied() {
    on_threads(1, async {
        let canned = Canned::new([gzip(&content())]).field("content-encoding", "gzip, deflate");
        let (mut body, _server) = body_as(canned).await;
        assert_eq!(body.read_all(550).await.unwrap_err().kind(), Kind::Decode);
    });
}

#[test]
fn trailers_before_and_after_the_content() {
    on_threads(1, async {
        let canned = Canned::new(["abc", "def"]).trailer("x-sum", "17");
        let (mut body, _server) = body_as(canned.clone()).await;
        for _ in 0..2 {
            let trailers = body.trailers().await.unwrap().unwrap();
            assert_eq!(trailers["x-sum"], "17");
        }
        // The content is still there, and they are too.
        assert_eq!(body.read(4).await.unwrap(), "abcd");
        assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "17");
        assert_eq!(body.read_all(100).await.unwrap(), "ef");
        assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "17");
        assert_eq!(body.chunk().await.unwrap(), None);

        for way in 0..3 {
            let (mut body, _server) = body_as(canned.clone()).await;
            match way {
                0 => drop(body.read_all(100).await.unwrap()),
                1 => while !body.read(4).await.unwrap().is_empty() {},
                _ => while body.chunk().await.unwrap().is_some() {},
            }
            assert_eq!(body.trailers().await.unwrap().unwrap()["x-sum"], "17");
            // By frames they are given once.
            assert!(!body.is_end_stream());
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_trailers().unwrap()["x-sum"], "17");
            assert!(body.is_end_stream());
            assert!(body.frame().await.is_none());
            assert_eq!(body.trailers().await.unwrap(), None);
        }

        let (mut body, _server) = body_of([b"abc"]).await;
        assert_eq!(body.trailers().await.unwrap(), None);
        assert_eq!(body.read_all(3).await.unwrap(), "abc");
    });
}

#[test]
fn a_body_that_never_was_is_at_its_end() {
    on_threads(1, async {
        let mut body = ResponseBody::default();
        assert_eq!(body.read(1).await.unwrap(), "");
        assert_eq!(body.read_all(0).await.unwrap(), "");
        assert_eq!(body.chunk().await.unwrap(), None);
        assert_eq!(body.trailers().await.unwrap(), None);
        assert!(body.chunks().next().await.is_none());
        assert!(body.is_end_stream());
        assert!(body.into_raw().is_ok());
    });
}

#[test]
fn bodies_and_what_reads_them_go_anywhere() {
    fn body<T>(_: &T)
    where
        T: Body<Data = Bytes, Error = Error> + Send + Sync + Unpin + Default + Debug + 'static,
    {
    }
    fn send<T: Send>(_: T) {}
    let mut it = ResponseBody::default();
    body(&it);
    send(it.read(1));
    send(it.read_all(1));
    send(it.chunk());
    send(it.chunks());
    send(it.trailers());
    send(it.into_reader());
}
