//! Bounds on what is read at once.

use http_body::Body;
use http_body_util::BodyExt;
use towline::{
    ResponseBody,
    error::{Kind, Retry, Scope},
};

use crate::{
    canned::Canned,
    peers::on_threads,
    support::{Next, body_as, body_of, gzip, live_body},
};

#[test]
fn a_limit_holds_to_the_octet() {
    on_threads(1, async {
        for encoded in [false, true] {
            let canned = if encoded {
                let content = gzip(b"abcdef");
                Canned::new(content.chunks(4)).field("content-encoding", "gzip")
            } else {
                Canned::new(["abc", "def"])
            };
            let (mut body, _server) = body_as(canned).await;
            let error = body.read_all(5).await.unwrap_err();
            assert_eq!(error.kind(), Kind::TooLarge);
            assert_eq!(
                (error.scope(), error.retry()),
                (Scope::Request, Retry::Never)
            );
            // Nothing is lost by it.
            assert_eq!(body.read_all(5).await.unwrap_err().kind(), Kind::TooLarge);
            assert_eq!(body.read_all(6).await.unwrap(), "abcdef");
        }
        let (mut body, _server) = body_of([]).await;
        assert_eq!(body.read_all(0).await.unwrap(), "");
        let (mut body, _server) = body_of([b"a"]).await;
        assert_eq!(body.read_all(0).await.unwrap_err().kind(), Kind::TooLarge);
    });
}

#[test]
fn an_announced_length_is_refused_before_anything_came() {
    on_threads(1, async {
        let (sender, mut body, _server) = live_body(&[("content-length", "6")]).await;
        let error = body.read_all(5).await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
        // Of an encoded body the length is not known.
        sender.send(Next::data("abcdef")).unwrap();
        drop(sender);
        assert_eq!(body.read_all(6).await.unwrap(), "abcdef");
    });
}

#[test]
fn no_more_is_taken_than_the_limit_needs() {
    on_threads(1, async {
        let frame = [7; 10_000];
        let (mut body, _server) = body_as(Canned::new([frame; 20])).await;
        assert_eq!(
            body.read_all(15_000).await.unwrap_err().kind(),
            Kind::TooLarge
        );
        // The limit, and the piece that went beyond it.
        let kept = body.size_hint().lower();
        assert!((15_001..=25_000).contains(&kept), "{kept}");
        assert_eq!(body.read_all(200_000).await.unwrap().len(), 200_000);
    });
}

#[test]
fn trailers_are_looked_for_no_further_than_their_bound() {
    const BOUND: usize = ResponseBody::MAX_BEFORE_TRAILERS;
    on_threads(1, async {
        for octets in [BOUND, BOUND + 1] {
            let content = vec![7; octets];
            let canned = Canned::new(content.chunks(10_000)).trailer("x-t", "1");
            let (mut body, _server) = body_as(canned).await;
            let trailers = body.trailers().await;
            if octets == BOUND {
                assert_eq!(trailers.unwrap().unwrap()["x-t"], "1");
            } else {
                assert_eq!(trailers.unwrap_err().kind(), Kind::TooLarge);
            }
            assert_eq!(body.read_all(octets).await.unwrap(), content);
            assert_eq!(body.trailers().await.unwrap().unwrap()["x-t"], "1");
        }
    });
}

#[test]
fn one_piece_is_not_copied() {
    on_threads(1, async {
        // Slices of one piece lie where it does.
        let (mut body, _server) = body_of([&[7; 10_000]]).await;
        let first = body.read(10).await.unwrap();
        let second = body.read_all(10_000).await.unwrap();
        assert_eq!(second.len(), 9_990);
        assert_eq!(second.as_ptr(), first.as_ptr().wrapping_add(10));
    });
}

#[test]
fn the_size_hint_counts_what_is_kept() {
    on_threads(1, async {
        let canned = Canned::new(["abc", "def"]).field("content-length", "6");
        let (mut body, _server) = body_as(canned).await;
        assert_eq!(body.size_hint().exact(), Some(6));
        body.read(2).await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
        body.trailers().await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
        assert!(!body.is_end_stream());
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(rest, "cdef");

        let canned = Canned::new([gzip(b"abcdef")]).field("content-encoding", "gzip");
        let (mut body, _server) = body_as(canned).await;
        assert_eq!(body.size_hint().exact(), None);
        body.read(2).await.unwrap();
        assert_eq!(
            (body.size_hint().lower(), body.size_hint().upper()),
            (4, None)
        );
        body.trailers().await.unwrap();
        assert_eq!(body.size_hint().exact(), Some(4));
        body.read(4).await.unwrap();
        assert!(body.is_end_stream());
    });
}
