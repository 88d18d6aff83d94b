//! One connection, as everything that holds it shares it.
//!
//! Owns: the connection once it is made; the line of those who wait for a stream, and for the dial
//! before it; the responses and promises that nobody has taken yet. Locks of its own, held for moments:
//! never while a waker is called or a slot given back.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use http::uri;
use tokio::{runtime, sync::Notify};

use super::{
    kept::Kept,
    line::{Dialing, Line, wake},
    pushes::Promised,
};
use crate::{
    client::{
        ConnectionInfo,
        dialer::{Conn, Dialer},
        info::Protocol,
        pending::ResponseSettings,
        settings::Assembled,
    },
    config::Timeouts,
    driver::Observer,
    error::{Error, Kind, Retry, Scope},
    netloc::Netloc,
    pool::{Dial, Key},
    protocols::Protocols,
};

/// What all handles, futures and builders of one connection share.
pub(super) struct Core {
    key: Key,
    /// The host, and the port where it is not the scheme's own.
    pub(super) authority: uri::Authority,
    dialer: Dialer,
    pub(super) responses: Arc<ResponseSettings>,
    pub(super) timeouts: Timeouts,
    /// There once the dial has succeeded, and from then on.
    conn: OnceLock<Conn>,
    line: Mutex<Line>,
    pub(super) kept: Kept,
    pub(super) promised: Promised,
    is_used: AtomicBool,
    /// Told when a dial ends, and when the connection is over.
    changed: Notify,
}

impl Core {
    pub(super) fn new(
        netloc: Netloc,
        protocols: Protocols,
        assembled: Assembled,
        max_untaken: usize,
    ) -> Result<Arc<Self>, Error> {
        let text = match netloc.port() {
            port if port == netloc.scheme().default_port() => netloc.host().to_owned(),
            port => format!("{}:{port}", netloc.host()),
        };
        let authority = uri::Authority::try_from(text).map_err(|cause| {
            Error::new(Kind::Uri, Scope::Request, Retry::Never).with_source(cause)
        })?;
        let Assembled {
            dialer,
            responses,
            timeouts,
        } = assembled;
        Ok(Arc::new(Self {
            key: Key::new(netloc, protocols),
            authority,
            dialer,
            responses,
            timeouts,
            conn: OnceLock::new(),
            line: Mutex::default(),
            kept: Kept::new(max_untaken),
            promised: Promised::new(max_untaken),
            is_used: AtomicBool::new(false),
            changed: Notify::new(),
        }))
    }

    pub(super) fn netloc(&self) -> &Netloc {
        &self.key.netloc
    }

    /// The connection, once it is made.
    pub(super) fn conn(&self) -> Option<&Conn> {
        self.conn.get()
    }

    /// Slots in use.
    pub(super) fn in_use(&self) -> usize {
        self.conn().map_or(0, |conn| conn.handle.in_use())
    }

    /// The facts of the connection, once it is made.
    pub(super) fn info(&self) -> Option<ConnectionInfo> {
        let facts = Arc::clone(&self.conn()?.facts);
        let is_reused = self.is_used.load(Ordering::Relaxed);
        Some(ConnectionInfo::new(facts, is_reused, None))
    }

    /// What is spoken, or will be.
    pub(super) fn protocol(&self) -> Protocol {
        match (self.conn(), self.key.protocols) {
            (Some(conn), _) => conn.facts.protocol,
            (None, Protocols::Http1) => Protocol::Http1,
            (None, _) => Protocol::Http2,
        }
    }

    /// Whether another request went before; from now on one has.
    pub(super) fn mark_used(&self) -> bool {
        self.is_used.swap(true, Ordering::Relaxed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error that names the netloc.
    pub(super) fn error(&self, kind: Kind, scope: Scope, retry: Retry) -> Error {
        Error::new(kind, scope, retry).with_netloc(self.netloc())
    }

    /// Why a connection takes no request.
    pub(super) fn refusal(&self, conn: &Conn) -> Error {
        let handle = &conn.handle;
        let why = handle.why_ended().or_else(|| handle.why_retired());
        why.unwrap_or_else(|| {
            self.error(Kind::Closed, Scope::Connection, Retry::Safe)
                .with_addresses(conn.facts.remote)
                .with_source("the connection takes no more requests")
        })
    }

    /// The handles' `Debug`.
    pub(super) fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("netloc", self.netloc())
            .field("is_connected", &self.conn().is_some())
            .field("is_closed", &self.is_closed())
            .field("in_use", &self.in_use())
            .finish_non_exhaustive()
    }

    fn closed_unmade(&self) -> Error {
        self.error(Kind::Closed, Scope::Connection, Retry::Safe)
            .with_source("the connection was closed before it was made")
    }
}

/// Making the connection.
impl Core {
    /// Dials if nobody has, and waits for what comes of it. Cancelled, the dial goes on.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<(), Error> {
        let before = {
            let mut line = self.lock();
            self.dial(&mut line)?;
            line.dials
        };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let line = self.lock();
                if self.conn().is_some() {
                    return self.check_open();
                }
                if line.dialing == Dialing::Closed {
                    return Err(self.closed_unmade());
                }
                if line.dials > before
                    && let Some(failure) = &line.failure
                {
                    return Err(failure.clone());
                }
            }
            changed.await;
        }
    }

    /// Begins a dial unless one is under way, or there is a connection.
    pub(super) fn dial(self: &Arc<Self>, line: &mut Line) -> Result<(), Error> {
        match line.dialing {
            _ if self.conn().is_some() => return Ok(()),
            Dialing::UnderWay => return Ok(()),
            Dialing::Closed => return Err(self.closed_unmade()),
            Dialing::Idle => {}
        }
        let runtime = runtime::Handle::try_current().map_err(|missing| {
            self.error(Kind::Shutdown, Scope::Request, Retry::Safe)
                .with_source(missing)
        })?;
        line.dialing = Dialing::UnderWay;
        let unfinished = UnfinishedDial(Some(Arc::downgrade(self)));
        let dial = self.dialer.dial(self.key.clone());
        runtime.spawn(async move {
            let result = dial.await;
            unfinished.finish(result);
        });
        Ok(())
    }

    fn dialed(self: &Arc<Self>, result: Result<Conn, Error>) {
        let mut line = self.lock();
        line.dials += 1;
        let made = match result {
            Ok(conn) if line.dialing == Dialing::Closed => Err(conn),
            Ok(conn) => Ok(Some(conn)),
            Err(error) => {
                if line.dialing == Dialing::UnderWay {
                    line.dialing = Dialing::Idle;
                }
                line.failure = Some(error);
                Ok(None)
            }
        };
        match made {
            Ok(Some(conn)) => {
                let conn = self.conn.get_or_init(|| conn);
                // Everyone: to stand in line is enough for some, once it moves.
                let wakers = line.wakers();
                drop(line);
                conn.handle.observe(Box::new(Watch(Arc::downgrade(self))));
                self.settle();
                wake(wakers);
            }
            Ok(None) => {
                let error = line.failure.clone();
                let wakers = error.map(|error| line.fail_all(&error));
                drop(line);
                wake(wakers.unwrap_or_default());
            }
            Err(unwanted) => {
                drop(line);
                unwanted.handle.retire();
            }
        }
        self.changed.notify_waiters();
    }
}

/// The end.
impl Core {
    /// Takes no more requests; those that were made finish, and the connection with them.
    pub(super) fn retire(&self) {
        self.end(|conn| conn.handle.retire());
    }

    /// Ends the connection, or sees to it that there will be none.
    pub(super) fn end(&self, end: impl FnOnce(&Conn)) {
        let mut line = self.lock();
        if let Some(conn) = self.conn() {
            drop(line);
            return end(conn);
        }
        line.dialing = Dialing::Closed;
        let wakers = line.fail_all(&self.closed_unmade());
        drop(line);
        wake(wakers);
        self.changed.notify_waiters();
    }

    /// Waits until the connection is over, and its byte stream closed.
    pub(super) async fn over(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let is_over = match self.conn() {
                Some(conn) => conn.handle.is_over(),
                None => self.lock().dialing == Dialing::Closed,
            };
            if is_over {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match self.conn() {
            Some(conn) => conn.handle.why_ended().is_some(),
            None => self.lock().dialing == Dialing::Closed,
        }
    }

    pub(super) fn why_closed(&self) -> Option<Error> {
        match self.conn() {
            Some(conn) => conn.handle.why_ended(),
            None => self.is_closed().then(|| self.closed_unmade()),
        }
    }
}

/// Nobody holds the connection any more: it finishes what was begun.
impl Drop for Core {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.get() {
            conn.handle.retire();
        }
    }
}

/// A dial that was begun; dropped, it has failed: its runtime shuts down.
struct UnfinishedDial(Option<Weak<Core>>);

impl UnfinishedDial {
    fn finish(mut self, result: Result<Conn, Error>) {
        match (self.0.take().and_then(|core| core.upgrade()), result) {
            (Some(core), result) => core.dialed(result),
            // Nobody waits for it.
            (None, Ok(conn)) => conn.handle.retire(),
            (None, Err(_)) => {}
        }
    }
}

impl Drop for UnfinishedDial {
    fn drop(&mut self) {
        if let Some(core) = self.0.take().and_then(|core| core.upgrade()) {
            let error = core.error(Kind::Shutdown, Scope::Netloc, Retry::Safe);
            core.dialed(Err(error));
        }
    }
}

/// Hears of the connection what its line must know.
struct Watch(Weak<Core>);

impl Watch {
    fn settle(&self) {
        if let Some(core) = self.0.upgrade() {
            core.settle();
        }
    }
}

impl Observer for Watch {
    fn slot_freed(&self, _in_use: usize) {
        self.settle();
    }

    fn limit_raised(&self) {
        self.settle();
    }

    fn ended(&self) {
        self.settle();
    }

    fn over(&self) {
        if let Some(core) = self.0.upgrade() {
            core.changed.notify_waiters();
        }
    }
}
