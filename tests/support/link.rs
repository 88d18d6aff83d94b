//! A link that is long: a proxy on the loopback which lets octets through at a rate, and late.
//!
//! Each direction of each connection is a wire of its own: octets are put on it one after the other,
//! at the rate of the link, and come out after half of the round trip. In front of it stands a queue
//! of a bounded length, as in a router; a sender beyond that waits, as TCP would make it.
//!
//! Owns: two threads a direction, which end with their connection, and one that accepts, which ends
//! with the process. They sleep to within some tens of microseconds, where timers of a runtime are a
//! millisecond off.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// What a link is like, in either direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// From one end to the other and back.
    pub(crate) round_trip: Duration,
    /// Octets a second.
    pub(crate) rate: f64,
}

/// Octets that are on their way, with the instant at which they arrive; none for the end.
type Parcel = (Instant, Option<Vec<u8>>);

impl Link {
    /// The queue in front of the wire, as a time: what it holds at most leaves within that.
    const QUEUE: Duration = Duration::from_millis(20);
    /// Octets that are put on the wire at once.
    const PARCEL: usize = 32 * 1024;

    /// How long so many octets are put on the wire.
    pub(crate) fn time_of(self, octets: usize) -> Duration {
        // Exact below 2^53 octets.
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact below four thousand terabytes"
        )]
        let octets = octets as f64;
        Duration::from_secs_f64(octets / self.rate)
    }

    /// Lays the link to a server; what connects to the address that is returned, reaches it.
    pub(crate) fn to(self, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr();
        thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { return };
                // A server that is gone shows by the connection's end.
                if let Ok(far) = TcpStream::connect(server) {
                    self.join(&near, &far);
                }
            }
        });
        address.expect("a bound socket has an address")
    }

    fn join(self, near: &TcpStream, far: &TcpStream) {
        for (from, to) in [(near, far), (far, near)] {
            let ends = [from, to].map(|end| {
                end.set_nodelay(true).expect("a TCP socket has TCP_NODELAY");
                end.try_clone().expect("the system gives a descriptor")
            });
            let [from, to] = ends;
            let (sender, receiver) = mpsc::channel();
            thread::spawn(move || self.put_on(from, &sender));
            thread::spawn(move || take_off(to, &receiver));
        }
    }

    /// Puts on the wire what comes, as fast as the wire takes it.
    fn put_on(self, mut from: TcpStream, wire: &mpsc::Sender<Parcel>) {
        let mut is_free_at = Instant::now();
        loop {
            let mut parcel = vec![0; Self::PARCEL];
            let octets = from.read(&mut parcel).unwrap_or(0);
            parcel.truncate(octets);
            is_free_at = is_free_at.max(Instant::now()) + self.time_of(octets);
            let arrives = is_free_at + self.round_trip / 2;
            let parcel = (octets > 0).then_some(parcel);
            if wire.send((arrives, parcel)).is_err() || octets == 0 {
                return;
            }
            let queue = is_free_at.saturating_duration_since(Instant::now());
            thread::sleep(queue.saturating_sub(Self::QUEUE));
        }
    }
}

/// Hands on what comes off the wire, when it does.
fn take_off(mut to: TcpStream, wire: &mpsc::Receiver<Parcel>) {
    while let Ok((arrives, parcel)) = wire.recv() {
        thread::sleep(arrives.saturating_duration_since(Instant::now()));
        let is_gone = match parcel {
            Some(octets) => to.write_all(&octets).is_err(),
            None => to.shutdown(Shutdown::Write).is_err(),
        };
        if is_gone {
            return;
        }
    }
}
