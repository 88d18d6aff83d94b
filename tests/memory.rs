//! What a transfer holds: the windows, and not the body. A process of its own, because it is the
//! process that is measured.
#![cfg(target_os = "linux")]

#[path = "peers/mod.rs"]
#[expect(dead_code, reason = "each test uses its own part of the peers")]
mod peers;

use std::{fs, io::Write};

use bytes::Bytes;
use flate2::{Compression, Crc, write::DeflateEncoder};
use futures_core::Stream;
use http::{HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use towline::Transport;

use peers::{
    Server, Wire,
    bodies::{Spoilt, pattern},
    call, get, get_text, on_threads,
    servers::{self, answer, send_all, status},
    text, transport_over,
};

const SIZE: usize = 256 << 20;
/// Two windows' worth and the pieces that fill them, in client and server together; a body that
/// were kept would take five times as much.
const MAX_GROWTH: usize = 48 << 20;

/// A line of this process's status, in octets: `VmRSS` is what is in memory now, `VmHWM` the most
/// that ever was.
fn memory(line: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let number = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .expect("the line");
    number.parse::<usize>().expect("a number") << 10
}

fn assert_little_was_held(before: usize, of: usize, what: &str) {
    let growth = memory("VmHWM").saturating_sub(before);
    eprintln!("{what}: {} KiB more at most", growth >> 10);
    assert!(growth < MAX_GROWTH.min(of / 2), "{what}: {growth} octets");
}

/// The body of a response, read and not kept; its length.
async fn read_away(transport: &Transport, url: &str) -> usize {
    let mut body = get(transport, url).await.unwrap().into_body();
    let mut octets = 0;
    while let Some(frame) = body.frame().await {
        octets += frame.unwrap().into_data().unwrap().len();
    }
    octets
}

/// So many octets, piece by piece, of a length that is not told.
fn streamed() -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, Spoilt>>> {
    let piece = Bytes::from_static(&[7; 64 << 10]);
    let pieces = std::iter::repeat_n(piece, SIZE / (64 << 10)).map(Frame::data);
    StreamBody::new(tokio_stream::iter(pieces.map(Ok)))
}

/// Sends octets to whoever asks for `/down`, and counts those of the others.
async fn http2() -> Server {
    let piece = Bytes::from_static(&[7; 64 << 10]);
    servers::h2(Wire::Clear, move |mut request, mut respond| {
        let piece = piece.clone();
        async move {
            if request.uri().path() == "/down" {
                let mut body = respond.send_response(status(200), false).unwrap();
                for _ in 0..SIZE / piece.len() {
                    send_all(&mut body, piece.clone(), false).await;
                }
                body.send_data(Bytes::new(), true).unwrap();
                return;
            }
            let mut octets = 0;
            while let Some(Ok(data)) = request.body_mut().data().await {
                octets += data.len();
                let flow = request.body_mut().flow_control();
                flow.release_capacity(data.len()).unwrap();
            }
            answer(&mut respond, octets.to_string());
        }
    })
    .await
}

/// As [`http2`], in chunks on HTTP/1.1; `/gzip` sends as much, encoded as it goes.
async fn http1() -> Server {
    servers::hyper(Wire::ClearHttp1, |request: Request<Incoming>| async move {
        match request.uri().path() {
            "/down" => Response::new(streamed().boxed()),
            "/gzip" => {
                assert!(request.headers().contains_key(header::ACCEPT_ENCODING));
                let mut response = Response::new(StreamBody::new(encoded()).boxed());
                let coding = HeaderValue::from_static("gzip");
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, coding);
                response
            }
            _ => {
                let mut body = request.into_body();
                let mut octets = 0;
                while let Some(frame) = body.frame().await {
                    octets += frame.unwrap().into_data().unwrap().len();
                }
                let count = Full::new(Bytes::from(octets.to_string()));
                Response::new(count.map_err(|never| match never {}).boxed())
            }
        }
    })
    .await
}

/// [`SIZE`] octets in gzip: one member (RFC 1952 §2.3), and in it the same octets over and over,
/// deflated once for all.
fn encoded() -> impl Stream<Item = Result<Frame<Bytes>, Spoilt>> {
    const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    /// A block that is the last, and empty (RFC 1951 §3.2.6).
    const LAST: &[u8] = &[3, 0];
    let piece = pattern(64 << 10);
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflated.write_all(&piece).expect("memory takes it");
    // What follows begins at an octet, and refers to nothing before it.
    deflated.flush().expect("memory takes it");
    let deflated = Bytes::from(deflated.get_ref().clone());

    let (mut sum, mut of_piece) = (Crc::new(), Crc::new());
    of_piece.update(&piece);
    let pieces = SIZE / piece.len();
    for _ in 0..pieces {
        sum.combine(&of_piece);
    }
    let mut trailer = LAST.to_vec();
    trailer.extend(sum.sum().to_le_bytes());
    trailer.extend(sum.amount().to_le_bytes());
    let parts = [Bytes::from_static(HEADER)]
        .into_iter()
        .chain(std::iter::repeat_n(deflated, pieces))
        .chain([trailer.into()]);
    tokio_stream::iter(parts.map(|part| Ok(Frame::data(part))))
}

/// Once before, so that what is made at first is not counted; what is in memory then.
async fn warmed(transport: &Transport, server: &Server) -> usize {
    get_text(transport, &server.url("/")).await.unwrap();
    memory("VmRSS")
}

async fn both_ways(wire: Wire, server: Server) {
    let transport = transport_over(wire);
    let before = warmed(&transport, &server).await;
    assert_eq!(read_away(&transport, &server.url("/down")).await, SIZE);
    assert_little_was_held(before, SIZE, "down");

    let request = Request::post(server.url("/up")).body(streamed()).unwrap();
    let response = call(&transport, request).await.unwrap();
    assert_eq!(text(response).await.unwrap(), SIZE.to_string());
    assert_little_was_held(before, SIZE, "up");
    assert_eq!(server.accepted(), 1);
}

/// One test, so that nothing else runs beside it.
#[test]
fn a_quarter_of_a_gigabyte_passes_without_staying() {
    on_threads(1, async { both_ways(Wire::Clear, http2().await).await });
    on_threads(1, async {
        both_ways(Wire::ClearHttp1, http1().await).await;
    });
    on_threads(1, async {
        let (transport, server) = (transport_over(Wire::ClearHttp1), http1().await);
        let before = warmed(&transport, &server).await;
        assert_eq!(read_away(&transport, &server.url("/gzip")).await, SIZE);
        assert_little_was_held(before, SIZE, "decoded");
    });
}
