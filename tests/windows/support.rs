//! A server of bodies by size, and a manager that counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use towline::window::{Fixed, Scope, WindowManager, WindowManagerFactory, WindowView};

use crate::peers::{
    Server, Wire,
    bodies::pattern,
    servers::{self, send_all, status},
};

/// Answers `/100` with a body of a hundred octets, without a length.
pub(crate) async fn sized(wire: Wire) -> Server {
    servers::h2(wire, |request, mut respond| async move {
        let size = request.uri().path()[1..].parse().expect("a size");
        let mut body = respond
            .send_response(status(200), false)
            .expect("a head goes out");
        send_all(&mut body, pattern(size), true).await;
    })
    .await
}

/// What the managers of one factory have been told, all in all.
#[derive(Clone, Default)]
pub(crate) struct Count {
    made: Arc<AtomicUsize>,
    received: Arc<AtomicU64>,
    consumed: Arc<AtomicU64>,
}

impl Count {
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    pub(crate) fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::SeqCst)
    }

    /// Makes managers that count, and hold the initial size.
    pub(crate) fn factory(&self) -> impl WindowManagerFactory + use<> {
        let count = self.clone();
        move |_: Scope, initial| {
            count.made.fetch_add(1, Ordering::SeqCst);
            Counting(count.clone(), Fixed::new(initial))
        }
    }
}

struct Counting(Count, Fixed);

impl WindowManager for Counting {
    fn on_received(&mut self, _now: Instant, octets: u32, _window: &WindowView) -> u32 {
        self.0.received.fetch_add(octets.into(), Ordering::SeqCst);
        0
    }

    fn on_consumed(&mut self, now: Instant, octets: u32, window: &WindowView) -> u32 {
        self.0.consumed.fetch_add(octets.into(), Ordering::SeqCst);
        self.1.on_consumed(now, octets, window)
    }
}
