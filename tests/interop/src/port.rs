//! Loopback ports that nobody uses.
//!
//! Invariant: never one from the kernel's ephemeral range. A server that restarts must find its
//! port free again, and a client's connection could otherwise have taken it meanwhile.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

const FIRST: u16 = 20_000;
/// Ephemeral ports begin at 32,768 or above on every system we know.
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which a server can listen, different at each call.
///
/// # Panics
/// When all of them are taken.
pub fn free_port() -> u16 {
    // Two test processes start at different places.
    let seed = u16::try_from(std::process::id() % u32::from(COUNT)).expect("COUNT is a u16");
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (seed + step) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port among {COUNT} from {FIRST}");
}
