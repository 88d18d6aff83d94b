//! All ways of reading in any order over one body.

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use towline::{ResponseBody, error::Kind};

use crate::{
    canned::Canned,
    peers::{bodies::pattern, on_threads},
    support::{body_as, gzip},
};

#[derive(Clone, Copy, Debug)]
enum Way {
    Read(usize),
    All(usize),
    Chunk,
    Chunks(usize),
    Frame,
    Trailers,
    AsyncRead(usize),
    Fill(usize),
}

fn ways() -> impl Strategy<Value = Vec<Way>> {
    let way = prop_oneof![
        (0..50_000_usize).prop_map(Way::Read),
        (0..10_usize).prop_map(Way::Read),
        (0..50_000_usize).prop_map(Way::All),
        Just(Way::Chunk),
        (0..3_usize).prop_map(Way::Chunks),
        Just(Way::Frame),
        Just(Way::Trailers),
        (1..50_000_usize).prop_map(Way::AsyncRead),
        (0..1_000_usize).prop_map(Way::Fill),
    ];
    prop::collection::vec(way, 0..12)
}

/// Reads in one way; what it gave.
async fn read(body: &mut ResponseBody, way: Way, rest: usize) -> Vec<u8> {
    match way {
        Way::Read(count) => {
            let data = body.read(count).await.unwrap();
            assert_eq!(data.len(), count.min(rest));
            data.into()
        }
        Way::All(limit) => match body.read_all(limit).await {
            Ok(data) => {
                assert_eq!(data.len(), rest);
                data.into()
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::TooLarge);
                assert!(rest > limit);
                Vec::new()
            }
        },
        Way::Chunk => chunk_of(body.chunk().await.unwrap(), rest),
        Way::Chunks(count) => {
            let chunks = body.chunks().take(count).map(Result::unwrap);
            chunks.collect::<Vec<Bytes>>().await.concat()
        }
        Way::Frame => match body.frame().await {
            Some(frame) => frame.unwrap().into_data().unwrap_or_default().into(),
            None => chunk_of(None, rest),
        },
        Way::Trailers => {
            if let Err(error) = body.trailers().await {
                assert_eq!(error.kind(), Kind::TooLarge);
                assert!(rest > ResponseBody::MAX_BEFORE_TRAILERS);
            }
            Vec::new()
        }
        Way::AsyncRead(count) => {
            let mut reader = std::mem::take(body).into_reader();
            let mut buf = vec![0; count];
            let filled = reader.read(&mut buf).await.unwrap();
            assert_eq!(filled == 0, rest == 0);
            buf.truncate(filled);
            *body = reader.into_body();
            buf
        }
        Way::Fill(count) => {
            let mut reader = std::mem::take(body).into_reader();
            let filled = reader.fill_buf().await.unwrap();
            assert_eq!(filled.is_empty(), rest == 0);
            let data = filled[..count.min(filled.len())].to_vec();
            reader.consume(data.len());
            *body = reader.into_body();
            data
        }
    }
}

fn chunk_of(chunk: Option<Bytes>, rest: usize) -> Vec<u8> {
    assert_eq!(chunk.is_none(), rest == 0);
    chunk.unwrap_or_default().into()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_octet_comes_once_and_in_order(
        sizes in prop::collection::vec(1..20_000_usize, 0..12),
        ways in ways(),
        is_encoded in any::<bool>(),
        has_trailers in any::<bool>(),
    ) {
        let content = pattern(sizes.iter().sum());
        let mut canned = if is_encoded {
            let encoded = gzip(&content);
            Canned::new(encoded.chunks(sizes.first().copied().unwrap_or(1)))
                .field("content-encoding", "gzip")
        } else {
            let mut rest = content.clone();
            Canned::new(sizes.iter().map(|size| rest.split_to(*size)))
        };
        if has_trailers {
            canned = canned.trailer("x-t", "1");
        }
        on_threads(1, async move {
            let (mut body, _server) = body_as(canned).await;
            let mut octets = Vec::new();
            for way in ways {
                let data = read(&mut body, way, content.len() - octets.len()).await;
                octets.extend_from_slice(&data);
            }
            octets.extend_from_slice(&body.read_all(usize::MAX).await.unwrap());
            assert!(octets == content);
        });
    }
}
