//! The transport's priorities, as servers see them.

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{Empty, Full};
use tokio::sync::mpsc;
use towline::{
    Transport,
    priority::{Handle, Priority},
};

use crate::{
    peers::{
        Server, Wire,
        bodies::Scripted,
        builder_over, call, everywhere, everywhere_http1, get, get_text, over_either, plain,
        raw::{
            DATA, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, RawFrame,
            RawPeer, WINDOW_UPDATE,
        },
        raw_http1::RawHttp1,
        request, servers, soon, text, transport, transport_over,
    },
    shared, urgent,
};

/// RFC 9218 §7.1.
const PRIORITY_UPDATE: u8 = 0x10;
/// SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218 §2.1).
const NO_RFC7540_PRIORITIES: u16 = 0x9;
/// Of a server in favour of PRIORITY_UPDATE.
const FAVOURS: [(u16, u32); 1] = [(NO_RFC7540_PRIORITIES, 1)];
const ONE_AT_A_TIME: [(u16, u32); 2] = [(NO_RFC7540_PRIORITIES, 1), (MAX_CONCURRENT_STREAMS, 1)];

fn adjustable(url: &str, handle: &Handle) -> Request<Empty<Bytes>> {
    let mut request = request("GET", url);
    request.extensions_mut().insert(handle.clone());
    request
}

/// What a frame says of which stream, if it is PRIORITY_UPDATE.
fn update(frame: &RawFrame) -> Option<(u32, String)> {
    if frame.kind != PRIORITY_UPDATE {
        return None;
    }
    assert_eq!((frame.stream, frame.flags), (0, 0));
    let (id, value) = frame.payload.split_first_chunk().expect("an identifier");
    let value = String::from_utf8(value.to_vec()).expect("text");
    Some((u32::from_be_bytes(*id), value))
}

fn updates(frames: &[RawFrame]) -> Vec<(u32, String)> {
    frames.iter().filter_map(update).collect()
}

/// A server that hands its connections to the test, which goes on frame by frame.
async fn with_peer(
    wire: Wire,
    settings: &'static [(u16, u32)],
) -> (Server, mpsc::UnboundedReceiver<RawPeer>) {
    let (give, peers) = mpsc::unbounded_channel();
    let server = Server::start(wire, move |stream, _| {
        let give = give.clone();
        async move {
            let peer = RawPeer::handshake(stream, settings).await;
            assert!(give.send(peer).is_ok(), "the test waits");
        }
    })
    .await;
    (server, peers)
}

/// The next connection.
async fn next(peers: &mut mpsc::UnboundedReceiver<RawPeer>) -> RawPeer {
    soon(peers.recv()).await.expect("a server that goes on")
}

#[test]
fn servers_of_either_protocol_get_the_field() {
    over_either(|wire| async move {
        let server = servers::hyper(wire, |request| async move {
            let lines = request.headers().get_all("priority").iter();
            let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
            http::Response::new(Full::<Bytes>::from(lines.join("|")))
        })
        .await;
        let transport = transport_over(wire);
        let url = server.url("/");
        let said = async |extension: Option<Priority>, field: Option<&str>| {
            let mut request = request("GET", &url);
            if let Some(priority) = extension {
                request.extensions_mut().insert(priority);
            }
            if let Some(field) = field {
                let value = field.parse().unwrap();
                request.headers_mut().insert("priority", value);
            }
            text(call(&transport, request).await.unwrap())
                .await
                .unwrap()
        };
        assert_eq!(said(None, None).await, "");
        assert_eq!(said(Some(Priority::default()), None).await, "");
        assert_eq!(said(Some(urgent(1)), None).await, "u=1");
        assert_eq!(said(Some(shared(7)), None).await, "u=7, i");
        assert_eq!(said(Some(urgent(1)), Some("u=6")).await, "u=6");
        let handle = urgent(5).adjustable();
        let answer = call(&transport, adjustable(&url, &handle)).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "u=5");
        // Now it does nothing, and the connection goes on.
        handle.set(urgent(0));
        let answer = call(&transport, adjustable(&url, &handle)).await.unwrap();
        assert_eq!(text(answer).await.unwrap(), "u=0");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn the_h2_server_gets_the_field() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            let field = request.headers()["priority"].clone();
            servers::answer(&mut respond, Bytes::copy_from_slice(field.as_bytes()));
        })
        .await;
        let handle = shared(0).adjustable();
        let response = call(&transport(), adjustable(&server.url("/"), &handle)).await;
        // Of a frame that it does not know it says nothing.
        handle.set(urgent(2));
        assert_eq!(text(response.unwrap()).await.unwrap(), "u=0, i");
    });
}

#[test]
fn on_http1_the_field_is_one_line_of_the_head() {
    everywhere_http1(|wire| async move {
        let (sender, mut heads) = mpsc::unbounded_channel();
        let server = Server::start(wire, move |stream, _| {
            let sender = sender.clone();
            async move {
                let mut peer = RawHttp1::new(stream);
                while let Some(head) = peer.try_head().await {
                    sender.send(head).unwrap();
                    peer.answer("").await;
                }
            }
        })
        .await;
        let host = server.address;
        let transport = plain(wire);
        let handle = urgent(4).adjustable();
        for priority in [shared(2), urgent(3)] {
            handle.set(priority);
            let call = call(&transport, adjustable(&server.url("/a"), &handle));
            text(call.await.unwrap()).await.unwrap();
        }
        let head = heads.recv().await.unwrap();
        assert_eq!(
            head,
            format!("GET /a HTTP/1.1\r\nhost: {host}\r\npriority: u=2, i\r\n\r\n")
        );
        let head = heads.recv().await.unwrap();
        assert_eq!(head, format!("GET /a HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    });
}

#[test]
fn a_change_is_told_while_the_stream_is_open() {
    everywhere(|wire| async move {
        let (server, mut peers) = with_peer(wire, &FAVOURS).await;
        let transport = transport();
        let handle = urgent(7).adjustable();
        let response = tokio::spawn(call(&transport, adjustable(&server.url("/"), &handle)));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        handle.set(shared(1));
        assert_eq!(
            update(&peer.expect(PRIORITY_UPDATE).await),
            Some((1, "u=1, i".into()))
        );
        // What is known is not told again.
        handle.set(shared(1));
        assert_eq!(updates(&peer.until_quiet().await), []);
        peer.head(1, 0).await;
        let response = response.await.unwrap().unwrap();
        handle.set(Priority::default());
        assert_eq!(
            update(&peer.expect(PRIORITY_UPDATE).await),
            Some((1, String::new()))
        );
        peer.send(DATA, END_STREAM, 1, b"well").await;
        assert_eq!(text(response).await.unwrap(), "well");
        handle.set(urgent(0));
        assert_eq!(updates(&peer.until_quiet().await), []);
        // The next request with the same handle says what holds now.
        let response = tokio::spawn(call(&transport, adjustable(&server.url("/"), &handle)));
        assert_eq!(peer.request().await, 3);
        handle.set(urgent(2));
        assert_eq!(
            update(&peer.expect(PRIORITY_UPDATE).await),
            Some((3, "u=2".into()))
        );
        drop(response);
    });
}

#[test]
fn one_handle_changes_all_its_requests() {
    everywhere(|wire| async move {
        let (server, mut peers) = with_peer(wire, &FAVOURS).await;
        let transport = transport();
        let handle = urgent(7).adjustable();
        let url = server.url("/");
        let first = tokio::spawn(call(&transport, adjustable(&url, &handle)));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        let second = tokio::spawn(call(&transport, adjustable(&url, &handle)));
        assert_eq!(peer.request().await, 3);
        // Another one has no part in it.
        let other = tokio::spawn(get(&transport, &url));
        assert_eq!(peer.request().await, 5);
        handle.set(urgent(0));
        let mut told = updates(&peer.until_quiet().await);
        told.sort();
        assert_eq!(told, [(1, "u=0".into()), (3, "u=0".into())]);
        for id in [1, 3, 5] {
            peer.head(id, END_STREAM).await;
        }
        for call in [first, second, other] {
            call.await.unwrap().unwrap();
        }
    });
}

/// The driver has its turn once the test waits: on one thread, all changes are before it.
#[test]
fn changes_in_quick_succession_are_one_frame() {
    crate::peers::on_threads(1, async {
        let (server, mut peers) = with_peer(Wire::Clear, &FAVOURS).await;
        let transport = transport();
        let handle = urgent(7).adjustable();
        let response = tokio::spawn(call(&transport, adjustable(&server.url("/"), &handle)));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        for urgency in [1, 2, 3, 4, 5] {
            handle.set(urgent(urgency));
        }
        assert_eq!(updates(&peer.until_quiet().await), [(1, "u=5".into())]);
        drop(response);
    });
}

#[test]
fn a_change_before_the_stream_is_opened_changes_its_head() {
    everywhere(|wire| async move {
        let (server, mut peers) = with_peer(wire, &ONE_AT_A_TIME).await;
        let transport = transport();
        let url = server.url("/");
        let first = tokio::spawn(get(&transport, &url));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        // The client has read the limit when it has answered.
        peer.until_quiet().await;
        let handle = urgent(7).adjustable();
        let second = tokio::spawn(call(&transport, adjustable(&url, &handle)));
        assert_eq!(updates(&peer.until_quiet().await), []);
        handle.set(urgent(1));
        peer.head(1, END_STREAM).await;
        first.await.unwrap().unwrap();
        let head = peer.expect(HEADERS).await;
        assert_eq!(head.stream, 3);
        assert_eq!(
            updates(&peer.until_quiet().await),
            [],
            "the head has said it"
        );
        handle.set(urgent(2));
        assert_eq!(
            update(&peer.expect(PRIORITY_UPDATE).await),
            Some((3, "u=2".into()))
        );
        peer.head(3, END_STREAM).await;
        second.await.unwrap().unwrap();
    });
}

#[test]
fn a_request_that_goes_out_again_takes_its_handle_along() {
    everywhere(|wire| async move {
        let (server, mut peers) = with_peer(wire, &FAVOURS).await;
        let transport = transport();
        let handle = urgent(7).adjustable();
        let response = tokio::spawn(call(&transport, adjustable(&server.url("/"), &handle)));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        // REFUSED_STREAM.
        peer.reset(1, 7).await;
        assert_eq!(peer.request().await, 3);
        handle.set(urgent(0));
        assert_eq!(updates(&peer.until_quiet().await), [(3, "u=0".into())]);
        peer.head(3, END_STREAM).await;
        response.await.unwrap().unwrap();
    });
}

#[test]
fn a_server_that_does_not_ask_for_changes_hears_of_none() {
    everywhere(|wire| async move {
        let (server, mut peers) = with_peer(wire, &[]).await;
        let handle = urgent(7).adjustable();
        let response = tokio::spawn(call(&transport(), adjustable(&server.url("/"), &handle)));
        let mut peer = next(&mut peers).await;
        assert_eq!(peer.request().await, 1);
        // Its SETTINGS were read when this is answered.
        peer.until_quiet().await;
        handle.set(urgent(1));
        assert_eq!(updates(&peer.until_quiet().await), []);
        peer.head(1, END_STREAM).await;
        response.await.unwrap().unwrap();
    });
}

#[test]
fn a_handle_whose_transport_is_gone_does_nothing() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |_, mut respond| async move {
            servers::answer(&mut respond, "well");
        })
        .await;
        let handle = urgent(7).adjustable();
        let transport = transport();
        let response = call(&transport, adjustable(&server.url("/"), &handle)).await;
        assert_eq!(text(response.unwrap()).await.unwrap(), "well");
        drop(transport);
        server.stop().await;
        handle.set(urgent(1));
        assert_eq!(handle.get(), urgent(1));
    });
}

/// Uploads, and the server that lets a little of them through at a time.
mod uploads {
    use super::*;

    /// A stream's window that never matters, and what the connection's has from the start.
    const WIDE: [(u16, u32); 2] = [(NO_RFC7540_PRIORITIES, 1), (INITIAL_WINDOW_SIZE, 1 << 24)];
    const CONNECTION: usize = 65_535;

    fn post<B>(url: &str, priority: Option<Priority>, field: Option<&str>, body: B) -> Request<B> {
        let mut request = Request::post(url);
        if let Some(field) = field {
            request = request.header("priority", field);
        }
        if let Some(priority) = priority {
            request = request.extension(priority);
        }
        request.body(body).expect("a request")
    }

    /// Reads DATA until so many octets have come; how many each stream sent.
    async fn read(peer: &mut RawPeer, octets: usize) -> Vec<(u32, usize)> {
        let mut sent: Vec<(u32, usize)> = Vec::new();
        let mut rest = octets;
        while rest > 0 {
            let frame = peer.expect(DATA).await;
            rest -= frame.payload.len();
            match sent.iter_mut().find(|(id, _)| *id == frame.stream) {
                Some((_, octets)) => *octets += frame.payload.len(),
                None => sent.push((frame.stream, frame.payload.len())),
            }
        }
        sent
    }

    async fn grant(peer: &mut RawPeer, octets: usize) {
        let octets = u32::try_from(octets).unwrap();
        peer.send(WINDOW_UPDATE, 0, 0, &octets.to_be_bytes()).await;
    }

    /// A first upload uses the connection's window up; then come these two, and what each of them
    /// sends of the next 160,000 octets.
    async fn second_share<B>(
        wire: Wire,
        requests: impl FnOnce(&str) -> [Request<B>; 2],
    ) -> [usize; 2]
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (server, mut peers) = with_peer(wire, &WIDE).await;
        let transport: Transport = builder_over(wire).build();
        let url = server.url("/");
        let blocker = Full::<Bytes>::from(vec![b'x'; CONNECTION]);
        let blocker = post(&url, Some(urgent(0)), None, blocker);
        let _blocker = tokio::spawn(call(&transport, blocker));
        let mut peer = next(&mut peers).await;
        read(&mut peer, CONNECTION).await;
        let [one, other] = requests(&url);
        let _one = tokio::spawn(call(&transport, one));
        assert_eq!(peer.request().await, 1);
        assert_eq!(peer.request().await, 3);
        let _other = tokio::spawn(call(&transport, other));
        assert_eq!(peer.request().await, 5);
        grant(&mut peer, 160_000).await;
        let sent = read(&mut peer, 160_000).await;
        [3, 5].map(|id| {
            let sent = sent.iter().find(|(stream, _)| *stream == id);
            sent.map_or(0, |(_, octets)| *octets)
        })
    }

    fn whole() -> Full<Bytes> {
        Full::from(vec![b'x'; 400_000])
    }

    fn pieces() -> Scripted {
        Scripted::pieces(400, 1_000)
    }

    #[test]
    fn the_more_urgent_one_goes_first() {
        everywhere(|wire| async move {
            let [less, more] = second_share(wire, |url| {
                [
                    post(url, Some(urgent(6)), None, whole()),
                    post(url, Some(urgent(1)), None, whole()),
                ]
            })
            .await;
            assert_eq!((less, more), (0, 160_000));
        });
    }

    /// In small pieces, each turn is small; the share of the others is one in sixteen.
    #[test]
    fn so_does_one_that_comes_in_pieces() {
        everywhere(|wire| async move {
            let [less, more] = second_share(wire, |url| {
                [
                    post(url, Some(urgent(6)), None, pieces()),
                    post(url, Some(urgent(1)), None, pieces()),
                ]
            })
            .await;
            assert!(more >= 140_000, "{more} octets, and {less} of the other");
            assert!(less > 0, "nobody starves");
        });
    }

    #[test]
    fn the_first_of_one_urgency_goes_first() {
        everywhere(|wire| async move {
            let sent = second_share(wire, |url| {
                [
                    post(url, Some(urgent(3)), None, pieces()),
                    post(url, Some(urgent(3)), None, pieces()),
                ]
            })
            .await;
            assert_eq!(sent, [160_000, 0]);
        });
    }

    #[test]
    fn without_priorities_they_share() {
        everywhere(|wire| async move {
            let [one, other] = second_share(wire, |url| {
                [
                    post(url, None, None, pieces()),
                    post(url, Some(shared(3)), None, pieces()),
                ]
            })
            .await;
            assert!((70_000..=90_000).contains(&one), "{one} and {other}");
        });
    }

    #[test]
    fn the_callers_own_field_counts_and_one_that_is_malformed_does_not() {
        everywhere(|wire| async move {
            let sent = second_share(wire, |url| {
                [
                    post(url, Some(urgent(0)), Some("u=6"), whole()),
                    post(url, None, Some("u=5"), whole()),
                ]
            })
            .await;
            assert_eq!(sent, [0, 160_000]);
            // As if it were not there: urgency 3.
            let sent = second_share(wire, |url| {
                [
                    post(url, None, Some("u=4"), whole()),
                    post(url, None, Some("u=7, no dictionary"), whole()),
                ]
            })
            .await;
            assert_eq!(sent, [0, 160_000]);
        });
    }

    #[test]
    fn a_change_moves_what_is_left_of_a_body() {
        everywhere(|wire| async move {
            let (server, mut peers) = with_peer(wire, &WIDE).await;
            let transport: Transport = builder_over(wire).build();
            let url = server.url("/");
            let first = urgent(1).adjustable();
            let mut one = post(&url, None, None, whole());
            one.extensions_mut().insert(first.clone());
            let _one = tokio::spawn(call(&transport, one));
            let mut peer = next(&mut peers).await;
            assert_eq!(read(&mut peer, CONNECTION).await, [(1, CONNECTION)]);
            let other = post(&url, Some(urgent(2)), None, whole());
            let _other = tokio::spawn(call(&transport, other));
            peer.request().await;
            assert_eq!(peer.request().await, 3);
            first.set(urgent(5));
            peer.expect(PRIORITY_UPDATE).await;
            grant(&mut peer, 100_000).await;
            assert_eq!(read(&mut peer, 100_000).await, [(3, 100_000)]);
        });
    }
}

/// A transport that adds nothing sends what it sent before there were priorities.
#[test]
fn nobody_hears_of_priorities_who_has_none() {
    everywhere(|wire| async move {
        let server = servers::h2(wire, |request, mut respond| async move {
            assert!(!request.headers().contains_key("priority"));
            servers::answer(&mut respond, "well");
        })
        .await;
        let url = server.url("/");
        assert_eq!(get_text(&plain(wire), &url).await.unwrap(), "well");
    });
}
