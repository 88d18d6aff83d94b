//! The race between made-up addresses, on a paused clock.

use std::{cell::RefCell, error::Error as _};

use tokio::{net::TcpListener, time::Instant};

use super::*;
use crate::{
    connect::testing::netloc,
    error::{Retry, Scope},
};

fn addresses(text: &[&str]) -> Vec<SocketAddr> {
    text.iter()
        .map(|address| address.parse().unwrap())
        .collect()
}

/// How a made-up address behaves: it answers, or fails, after so many milliseconds.
#[derive(Clone, Copy)]
enum Host {
    Answers(u64),
    Refuses(u64),
    Silent,
}

/// Races made-up hosts, `[::1]:0` and up; says who won or why none did, and when each began.
async fn race(hosts: &[Host], limit: Option<u64>) -> (Result<u16, Error>, Vec<(u16, u64)>) {
    let addresses: Vec<SocketAddr> = (0..)
        .zip(hosts)
        .map(|(port, _)| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)))
        .collect();
    let (start, begun) = (Instant::now(), RefCell::new(Vec::new()));
    let attempt = async |address: SocketAddr| {
        let at = u64::try_from(start.elapsed().as_millis()).unwrap();
        begun.borrow_mut().push((address.port(), at));
        match hosts[usize::from(address.port())] {
            Host::Answers(after) => {
                sleep(Duration::from_millis(after)).await;
                Ok(address.port())
            }
            Host::Refuses(after) => {
                sleep(Duration::from_millis(after)).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Host::Silent => std::future::pending().await,
        }
    };
    let limit = limit.map(Duration::from_millis);
    let winner = connect_by(&netloc("http://h/"), addresses, limit, attempt).await;
    (winner, begun.into_inner())
}

#[test]
fn rfc_8305_4_families_alternate_from_the_first_one_on() {
    let sorted = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
    let order = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"];
    assert_eq!(interleave(sorted), addresses(&order));
    let ipv4_first = addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1", "2.2.2.2:1"]);
    let order = ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1", "[::2]:1"];
    assert_eq!(interleave(ipv4_first), addresses(&order));
    assert_eq!(interleave(Vec::new()), Vec::new());
}

#[tokio::test(start_paused = true)]
async fn rfc_8305_5_attempts_join_every_250_ms_and_the_first_answer_wins() {
    let hosts = [
        Host::Silent,
        Host::Answers(300),
        Host::Answers(100),
        Host::Answers(0),
    ];
    let (winner, begun) = race(&hosts, None).await;
    // The second answers at 550 ms, as the third began only at 500 ms.
    assert_eq!(winner.unwrap(), 1);
    assert_eq!(begun, [(0, 0), (1, 250), (2, 500)]);
}

#[tokio::test(start_paused = true)]
async fn rfc_8305_5_a_failure_starts_the_next_attempt_at_once() {
    let hosts = [
        Host::Refuses(10),
        Host::Refuses(300),
        Host::Silent,
        Host::Answers(5),
    ];
    let (winner, begun) = race(&hosts, None).await;
    assert_eq!(winner.unwrap(), 3);
    // At 310 ms the second fails, before the delay after the third has run out.
    assert_eq!(begun, [(0, 0), (1, 10), (2, 260), (3, 310)]);
}

#[tokio::test(start_paused = true)]
async fn a_quick_answer_leaves_the_other_addresses_alone() {
    let (winner, begun) = race(&[Host::Answers(249), Host::Answers(0)], None).await;
    assert_eq!((winner.unwrap(), begun), (0, vec![(0, 0)]));
}

#[tokio::test(start_paused = true)]
async fn every_address_s_failure_is_kept() {
    let (winner, _) = race(&[Host::Refuses(400), Host::Refuses(0)], None).await;
    let error = winner.unwrap_err();
    assert_eq!(
        (error.kind(), error.scope(), error.retry()),
        (Kind::Connect, Scope::Netloc, Retry::Safe)
    );
    assert_eq!(error.addresses(), addresses(&["[::1]:1", "[::1]:0"]));
    let failures = error.source().unwrap().downcast_ref::<AddressErrors>();
    assert_eq!(failures.unwrap().iter().count(), 2);
    let text = failures.unwrap().to_string();
    assert_eq!(
        text,
        "[::1]:1: connection refused; [::1]:0: connection refused"
    );
    let root = error.source().unwrap().source().unwrap();
    let root = root.downcast_ref::<io::Error>().unwrap();
    assert_eq!(root.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_covers_all_addresses_and_names_those_that_were_tried() {
    let hosts = [Host::Refuses(100), Host::Silent, Host::Silent, Host::Silent];
    let (winner, begun) = race(&hosts, Some(500)).await;
    let error = winner.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout(Phase::Tcp));
    assert_eq!((error.is_timeout(), error.retry()), (true, Retry::Safe));
    assert_eq!(begun, [(0, 0), (1, 100), (2, 350)]);
    assert_eq!(
        error.addresses(),
        addresses(&["[::1]:0", "[::1]:1", "[::1]:2"])
    );
    let failures = error.source().unwrap().downcast_ref::<AddressErrors>();
    let kinds: Vec<_> = failures.unwrap().iter().map(|(_, e)| e.kind()).collect();
    let (refused, late) = (io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut);
    assert_eq!(kinds, [refused, late, late]);
}

#[tokio::test]
async fn a_dead_address_is_passed_over_and_nagle_is_off() {
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = vec![dead.local_addr().unwrap(), open.local_addr().unwrap()];
    drop(dead);
    let stream = connect(&netloc("http://h/"), addresses, None)
        .await
        .unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open.local_addr().unwrap());
    assert!(stream.nodelay().unwrap());
}
