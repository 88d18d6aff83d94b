//! Octets both ways, and how each direction ends.

use std::io;

use bytes::Bytes;
use h2::Reason;
use http_body::Body;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use towline::{
    Duplex, Error,
    error::{Kind, Phase},
};

use crate::{
    chat, echo, offering, open,
    peers::{
        Server, Wire, call, everywhere, get_text, on_threads,
        raw::{self, RawPeer},
        servers::{answer, read_all, reset_of, send_all, status},
        soon, text, transport, transport_with,
    },
};

/// The error of the transport within one of a socket.
#[track_caller]
fn within(error: &io::Error) -> &Error {
    let inner = error.get_ref().expect("an error within");
    inner.downcast_ref().expect("an error of ours")
}

#[test]
fn what_is_written_comes_back_and_both_ends_end() {
    everywhere(|wire| async move {
        let server = offering(wire, echo).await;
        let transport = transport();
        let mut response = call(&transport, chat(&server.url("/chat"))).await.unwrap();
        assert!(response.body().is_end_stream());
        let mut tunnel = Duplex::take(&mut response).expect("a tunnel");
        assert!(Duplex::take(&mut response).is_none(), "taken once");
        assert_eq!(text(response).await.unwrap(), "");
        assert_eq!(tunnel.read(&mut []).await.unwrap(), 0, "no room is no end");
        tunnel.write_all(b"to ").await.unwrap();
        tunnel.flush().await.unwrap();
        tunnel.write_all(b"and fro").await.unwrap();
        tunnel.shutdown().await.unwrap();
        let error = tunnel.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let mut read = [0; 3];
        tunnel.read_exact(&mut read).await.unwrap();
        assert_eq!(read, *b"to ");
        let mut rest = Vec::new();
        tunnel.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"and fro");
        assert_eq!(tunnel.read(&mut read).await.unwrap(), 0, "and so it stays");
    });
}

#[test]
fn after_the_peers_end_one_can_still_write() {
    everywhere(|wire| async move {
        let (read, mut told) = mpsc::unbounded_channel();
        let server = offering(wire, move |mut request, mut respond| {
            let read = read.clone();
            async move {
                let mut tunnel = respond.send_response(status(200), false).unwrap();
                tunnel.send_data("bye".into(), true).unwrap();
                let all = read_all(request.body_mut()).await.unwrap();
                read.send(all).unwrap();
            }
        })
        .await;
        let transport = transport();
        let mut tunnel = open(&transport, &server).await;
        let mut read = Vec::new();
        tunnel.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"bye");
        for _ in 0..3 {
            tunnel.write_all(b"still here ").await.unwrap();
            tunnel.flush().await.unwrap();
        }
        tunnel.shutdown().await.unwrap();
        // Its end is on its way already: nothing of it is lost by leaving now.
        drop(tunnel);
        let all = told.recv().await.unwrap();
        assert_eq!(all, b"still here ".repeat(3));
    });
}

#[test]
fn a_tunnel_that_is_dropped_is_reset() {
    everywhere(|wire| async move {
        let (seen, mut resets) = mpsc::unbounded_channel();
        let server = offering(wire, move |request, mut respond| {
            let seen = seen.clone();
            async move {
                let mut tunnel = respond.send_response(status(200), false).unwrap();
                let ends_first = request.uri().path() == "/ends";
                if ends_first {
                    // RFC 9113 §8.5: that is no end of ours.
                    tunnel.send_data(Bytes::new(), true).unwrap();
                    let error = read_all(&mut request.into_body()).await.unwrap_err();
                    seen.send(error.reason()).unwrap();
                } else {
                    seen.send(reset_of(&mut tunnel).await.ok()).unwrap();
                }
            }
        })
        .await;
        let transport = transport();
        drop(open(&transport, &server).await);
        assert_eq!(resets.recv().await.unwrap(), Some(Reason::CANCEL));

        // Nobody takes it.
        let response = call(&transport, chat(&server.url("/"))).await.unwrap();
        drop(response);
        assert_eq!(resets.recv().await.unwrap(), Some(Reason::CANCEL));

        let mut response = call(&transport, chat(&server.url("/ends"))).await.unwrap();
        let mut tunnel = Duplex::take(&mut response).unwrap();
        assert_eq!(tunnel.read(&mut [0]).await.unwrap(), 0);
        drop(tunnel);
        assert_eq!(resets.recv().await.unwrap(), Some(Reason::CANCEL));
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_reset_by_the_peer_breaks_both_directions() {
    everywhere(|wire| async move {
        let server = offering(wire, |mut request, mut respond| async move {
            let mut tunnel = respond.send_response(status(200), false).unwrap();
            tunnel.send_data("so far".into(), false).unwrap();
            request.body_mut().data().await.unwrap().unwrap();
            // RFC 9113 §8.5: how a proxy passes a reset on.
            tunnel.send_reset(Reason::CONNECT_ERROR);
        })
        .await;
        let mut tunnel = open(&transport(), &server).await;
        let mut read = [0; 6];
        tunnel.read_exact(&mut read).await.unwrap();
        tunnel.write_all(b"go on").await.unwrap();
        let error = tunnel.read(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(within(&error).kind(), Kind::Reset);
        // Not a clean end, however often it is asked.
        let error = tunnel.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        for error in [
            tunnel.write_all(b"x").await.unwrap_err(),
            tunnel.shutdown().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            let code = within(&error).code().unwrap();
            assert_eq!(code.as_u32(), Reason::CONNECT_ERROR.into());
        }
    });
}

#[test]
fn a_writer_hears_of_a_reset_that_nobody_has_read() {
    everywhere(|wire| async move {
        let server = offering(wire, |mut request, mut respond| async move {
            let mut tunnel = respond.send_response(status(200), false).unwrap();
            request.body_mut().data().await.unwrap().unwrap();
            tunnel.send_reset(Reason::INTERNAL_ERROR);
        })
        .await;
        let mut tunnel = open(&transport(), &server).await;
        let error = loop {
            // The reset comes when it comes; until then octets are taken.
            if let Err(error) = tunnel.write_all(&[0; 8_192]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(within(&error).kind(), Kind::Reset);
    });
}

#[test]
fn a_connection_that_is_lost_is_no_clean_end() {
    everywhere(|wire| async move {
        let server = offering(wire, |request, mut respond| async move {
            let mut tunnel = respond.send_response(status(200), false).unwrap();
            tunnel.send_data("so far".into(), false).unwrap();
            let _kept = (request, tunnel);
            std::future::pending::<()>().await;
        })
        .await;
        let mut tunnel = open(&transport(), &server).await;
        let mut read = [0; 6];
        tunnel.read_exact(&mut read).await.unwrap();
        server.stop().await;
        let error = tunnel.read(&mut read).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(within(&error).kind(), Kind::Truncated);
        let error = tunnel.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(within(&error).kind(), Kind::Truncated);
    });
}

/// RFC 9113 §8.5: other frames than DATA "MUST be treated as a stream error".
#[test]
fn trailers_break_a_tunnel() {
    on_threads(1, async {
        let server = Server::start(Wire::Clear, |stream, _| async move {
            let mut peer = RawPeer::handshake(stream, &[(0x8, 1)]).await;
            let id = peer.request().await;
            peer.head(id, 0).await;
            // `x-sum: 1` without indexing.
            let flags = raw::END_HEADERS | raw::END_STREAM;
            peer.send(raw::HEADERS, flags, id, b"\0\x05x-sum\x011")
                .await;
            let reset = peer.expect(raw::RST_STREAM).await;
            assert_eq!(reset.number(), 1, "PROTOCOL_ERROR");
            peer.close().await;
        })
        .await;
        let mut tunnel = open(&transport(), &server).await;
        let error = tunnel.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(within(&error).kind(), Kind::MalformedResponse);
    });
}

#[test]
fn the_limits_of_a_body_do_not_hold_for_a_tunnel_and_that_of_the_head_does() {
    const LIMIT: std::time::Duration = std::time::Duration::from_millis(100);
    everywhere(|wire| async move {
        let server = offering(wire, |request, mut respond| async move {
            match request.uri().path() {
                "/never" => std::future::pending().await,
                "/chat" => {
                    let mut tunnel = respond.send_response(status(200), false).unwrap();
                    tokio::time::sleep(4 * LIMIT).await;
                    send_all(&mut tunnel, "late".into(), true).await;
                }
                _ => answer(&mut respond, "well"),
            }
        })
        .await;
        let transport = transport_with(|timeouts| {
            timeouts.response_head = Some(2 * LIMIT);
            timeouts.body_idle = Some(LIMIT);
            timeouts.whole = Some(3 * LIMIT);
        });
        // So that the limits measure no dial.
        get_text(&transport, &server.url("/")).await.unwrap();
        let mut tunnel = open(&transport, &server).await;
        let mut read = Vec::new();
        tunnel.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"late");
        let never = call(&transport, chat(&server.url("/never")));
        let error = soon(never).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout(Phase::ResponseHead));
    });
}
