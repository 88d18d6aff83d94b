//! A sink for many requests, and the task at its other end.
//!
//! Owns: the start of the task, once somebody needs it, and again if it has ended: its runtime may
//! have. The task ends when the last sink is gone: with the feed, and the requests that carry one.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::push::{self, Pushes, Sink};

#[derive(Debug, Default)]
pub(in crate::layer) struct Feed {
    sink: Mutex<Option<Sink>>,
}

impl Feed {
    /// The sink, after `work` was put to its other end. `None` outside a runtime, where nothing can
    /// be put to work.
    pub(in crate::layer) fn sink<W>(&self, work: impl FnOnce(Pushes) -> W) -> Option<Sink>
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let mut slot = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = slot.as_ref().filter(|sink| !sink.is_closed()) {
            return Some(sink.clone());
        }
        let runtime = Handle::try_current().ok()?;
        let (sink, pushes) = push::channel();
        runtime.spawn(work(pushes));
        *slot = Some(sink.clone());
        Some(sink)
    }
}
