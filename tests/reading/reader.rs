//! Bodies as byte streams of tokio's.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use towline::{
    BodyReader, Error,
    error::{Kind, Phase},
};

use crate::{
    canned::Canned,
    peers::{
        Server, Wire, bodies::pattern, call, get, on_threads, raw::RawPeer, request, transport,
        transport_with,
    },
    support::{body_as, body_of, gzip},
};

#[test]
fn lines_are_read_across_pieces() {
    on_threads(1, async {
        for is_encoded in [false, true] {
            let text = b"one\ntwo, which is longer\n\nthree";
            let (octets, coding) = match is_encoded {
                true => (gzip(text), "gzip"),
                false => (text.to_vec(), "identity"),
            };
            let canned = Canned::new(octets.chunks(5)).field("content-encoding", coding);
            let (body, _server) = body_as(canned.trailer("x-t", "1")).await;
            let mut reader = body.into_reader();
            let mut line = String::new();
            for expected in ["one\n", "two, which is longer\n", "\n", "three", "", ""] {
                line.clear();
                reader.read_line(&mut line).await.unwrap();
                assert_eq!(line, expected);
            }
            let trailers = reader.body_mut().trailers().await.unwrap();
            assert_eq!(trailers.unwrap()["x-t"], "1");
        }
    });
}

#[test]
fn a_reader_can_be_left_midway() {
    on_threads(1, async {
        let (body, _server) = body_of([b"abcdef", b"ghi"]).await;
        let mut reader = body.into_reader();
        let mut two = [0; 2];
        reader.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"ab");
        assert_eq!(reader.read(&mut []).await.unwrap(), 0);
        let mut body = reader.into_body();
        assert_eq!(body.read(5).await.unwrap(), "cdefg");
        let mut rest = String::new();
        body.into_reader().read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "hi");
    });
}

#[test]
fn a_long_body_is_read_to_its_end() {
    on_threads(1, async {
        let content = pattern(3 << 20);
        let (body, _server) = body_of([&content]).await;
        let mut octets = Vec::new();
        body.into_reader().read_to_end(&mut octets).await.unwrap();
        assert!(octets == content);
    });
}

/// Reads to the error, twice; what is inside it.
async fn failure(mut reader: BodyReader) -> (io::ErrorKind, Kind) {
    let mut octets = Vec::new();
    let first = reader.read_to_end(&mut octets).await.unwrap_err();
    let again = reader.read_to_end(&mut octets).await.unwrap_err();
    assert_eq!(first.kind(), again.kind());
    let inner = first.into_inner().unwrap();
    let error: Box<Error> = inner.downcast().expect("the transport's own");
    (again.kind(), error.kind())
}

#[test]
fn errors_are_of_the_kind_that_readers_know() {
    on_threads(1, async {
        let encoded = gzip(b"abc");
        let corrupt = [&encoded[..], b"x"].concat();
        for (octets, expected) in [
            (&encoded[..encoded.len() - 1], io::ErrorKind::UnexpectedEof),
            (&corrupt[..], io::ErrorKind::InvalidData),
        ] {
            let canned = Canned::new([octets]).field("content-encoding", "gzip");
            let (body, _server) = body_as(canned).await;
            assert_eq!(failure(body.into_reader()).await, (expected, Kind::Decode));
        }

        let server = Server::start(Wire::Clear, |io, before| async move {
            let mut peer = RawPeer::handshake(io, &[]).await;
            let stream = peer.request().await;
            peer.head(stream, 0).await;
            match before {
                0 => peer.close().await,
                1 => {
                    peer.reset(stream, 2).await;
                    peer.rest().await;
                }
                _ => drop(peer.rest().await),
            }
        })
        .await;
        let url = server.url("/");
        let body = get(&transport(), &url).await.unwrap().into_body();
        let expected = (io::ErrorKind::UnexpectedEof, Kind::Truncated);
        assert_eq!(failure(body.into_reader()).await, expected);
        let body = get(&transport(), &url).await.unwrap().into_body();
        let expected = (io::ErrorKind::Other, Kind::Reset);
        assert_eq!(failure(body.into_reader()).await, expected);
        let limited = transport_with(|timeouts| {
            timeouts.body_idle = Some(std::time::Duration::from_millis(1));
        });
        let response = call(&limited, request("GET", &url)).await.unwrap();
        let expected = (io::ErrorKind::TimedOut, Kind::Timeout(Phase::BodyIdle));
        assert_eq!(failure(response.into_body().into_reader()).await, expected);
    });
}
