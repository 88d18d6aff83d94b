//! The request's half of an exchange.
//!
//! Owns: the content that has been given and not taken, and how it is framed. Never: knows the
//! response.
//! Invariant: content that is more or less than its content-length never leaves as a whole message:
//! what goes beyond is refused, and the last octets wait until the end is said.
//! Spec: RFC 9112 §6.2, §7.1; RFC 9110 §10.1.1.

use std::{collections::VecDeque, fmt::Write, time::Instant};

use bytes::{BufMut, Bytes};
use http::HeaderMap;

use super::{Output, request};

/// What is left to send of a request, its head apart.
#[derive(Debug)]
pub(super) struct SendHalf {
    coding: Coding,
    /// Content that was given and not taken.
    queue: VecDeque<Bytes>,
    /// The size of the first chunk in the queue is out.
    is_chunk_open: bool,
    end: Option<End>,
    hold: Option<Hold>,
}

/// How the content is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Octets as they are; so many were announced and not given yet.
    Plain { owed: u64 },
    /// RFC 9112 §7.1.
    Chunked,
}

/// That nothing more will be given.
#[derive(Debug)]
struct End {
    trailers: Option<HeaderMap>,
}

/// The wait for 100 (Continue).
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    /// When it is over anyway, if ever.
    pub(super) until: Option<Instant>,
}

/// The content differs from its content-length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LengthUnkept {
    Exceeded,
    Unmet,
}

impl SendHalf {
    pub(super) const fn new(coding: Coding, hold: Option<Hold>) -> Self {
        Self {
            coding,
            queue: VecDeque::new(),
            is_chunk_open: false,
            end: None,
            hold,
        }
    }

    /// Takes more content; nothing at all says nothing (in chunked it would say the end).
    pub(super) fn push(&mut self, data: Bytes) -> Result<(), LengthUnkept> {
        if data.is_empty() || self.end.is_some() {
            return Ok(());
        }
        if let Coding::Plain { owed } = &mut self.coding {
            *owed = owed
                .checked_sub(data.len() as u64)
                .ok_or(LengthUnkept::Exceeded)?;
        }
        self.queue.push_back(data);
        Ok(())
    }

    pub(super) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), LengthUnkept> {
        if self.end.is_some() {
            return Ok(());
        }
        if matches!(self.coding, Coding::Plain { owed: 1.. }) {
            return Err(LengthUnkept::Unmet);
        }
        self.end = Some(End { trailers });
        Ok(())
    }

    /// Whether all was given, be it out or not.
    pub(super) const fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Octets of content that were given and are not out.
    pub(super) fn queued(&self) -> usize {
        self.queue.iter().map(Bytes::len).sum()
    }

    pub(super) const fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// When the wait for 100 (Continue) is over.
    pub(super) fn held_until(&self) -> Option<Instant> {
        self.hold?.until
    }

    /// The content may go.
    pub(super) const fn release(&mut self) {
        self.hold = None;
    }

    /// Whether more content would be of use now.
    pub(super) fn is_hungry(&self) -> bool {
        !self.is_ended() && !self.is_held() && (self.queue.is_empty() || self.awaits_end())
    }

    /// Whether what is queued is the last that was announced, and whether it is the end nobody
    /// has said.
    fn awaits_end(&self) -> bool {
        self.coding == Coding::Plain { owed: 0 } && !self.is_ended() && self.queue.len() == 1
    }

    /// Moves content to `out` until that holds `target` octets. Whether the request is complete.
    pub(super) fn fill(&mut self, out: &mut Output, target: usize) -> Filled {
        if self.is_held() {
            return Filled::Waiting;
        }
        while let Some(len) = self.queue.front().map(Bytes::len) {
            if self.awaits_end() {
                return Filled::Waiting;
            }
            let room = target.saturating_sub(out.len());
            if room == 0 {
                return Filled::Full;
            }
            self.send_run(out, len.min(room));
        }
        let Some(end) = &mut self.end else {
            return Filled::Waiting;
        };
        if self.coding == Coding::Chunked {
            out.buffer().put_slice(b"0\r\n");
            if let Some(trailers) = end.trailers.take() {
                request::encode_trailers(&trailers, out.buffer());
            }
            out.buffer().put_slice(b"\r\n");
        }
        Filled::Complete
    }

    /// Moves so many octets of the first piece.
    fn send_run(&mut self, out: &mut Output, octets: usize) {
        let Some(piece) = self.queue.front_mut() else {
            return;
        };
        if self.coding == Coding::Chunked && !self.is_chunk_open {
            // A piece is a chunk, even if it leaves in several batches.
            let _infallible = write!(out.buffer(), "{:x}\r\n", piece.len());
            self.is_chunk_open = true;
        }
        out.append(piece.split_to(octets));
        if piece.is_empty() {
            self.queue.pop_front();
            if std::mem::take(&mut self.is_chunk_open) {
                out.buffer().put_slice(b"\r\n");
            }
        }
    }
}

/// What [`SendHalf::fill`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// All of the request is out.
    Complete,
    /// Nothing can go until more is given or allowed.
    Waiting,
    /// The batch is full.
    Full,
}
