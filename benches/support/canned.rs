//! A server without a socket, on the client's own thread: an `AsyncRead + AsyncWrite` that answers
//! each request with prepared octets as soon as its last frame is written. What it costs is little,
//! and the same for every client.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The body of every answer.
pub(crate) const BODY: &[u8; 13] = b"hello, world!";

/// `:status: 200`, `content-type: text/plain`, `content-length: 13`, all indexed once they were said.
const FIRST_HEAD: &[u8] = b"\x88\x5f\x0atext/plain\x5c\x0213";
const NEXT_HEAD: &[u8] = b"\x88\xbf\xbe";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
/// END_STREAM on DATA and HEADERS, ACK on SETTINGS and PING.
const END_OR_ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The answer over HTTP/1.1.
const HTTP1_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nhello, world!";

/// One connection to the server.
pub(crate) struct Canned {
    protocol: Protocol,
    output: BytesMut,
    reader: Option<Waker>,
}

enum Protocol {
    Http2 {
        /// Octets of the preface that are to come.
        preface: usize,
        /// What is known of the header of the present frame.
        header: Vec<u8>,
        /// Octets of its payload that are to come.
        payload: usize,
        has_answered: bool,
    },
    /// Ends of heads that were seen in part.
    Http1 { seen: usize },
}

impl Canned {
    pub(crate) fn http2() -> Self {
        Self::new(Protocol::Http2 {
            preface: 24,
            header: Vec::with_capacity(9),
            payload: 0,
            has_answered: false,
        })
    }

    /// For requests without a body.
    pub(crate) fn http1() -> Self {
        Self::new(Protocol::Http1 { seen: 0 })
    }

    fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            output: BytesMut::new(),
            reader: None,
        }
    }

    fn take(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            octets = match self.protocol {
                Protocol::Http2 { .. } => self.take_http2(octets),
                Protocol::Http1 { .. } => self.take_http1(octets),
            };
        }
        if !self.output.is_empty()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    fn take_http1<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let Protocol::Http1 { seen } = &mut self.protocol else {
            return octets;
        };
        for octet in octets {
            *seen = match (octet, *seen) {
                (b'\r', 0 | 2) | (b'\n', 1 | 3) => *seen + 1,
                _ => 0,
            };
            if *seen == 4 {
                *seen = 0;
                self.output.extend_from_slice(HTTP1_ANSWER);
            }
        }
        &[]
    }

    /// Takes a preface, a header or a payload, or a part of one.
    fn take_http2<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let Protocol::Http2 {
            preface,
            header,
            payload,
            ..
        } = &mut self.protocol
        else {
            return octets;
        };
        for skipped in [preface, payload] {
            if *skipped > 0 {
                let count = octets.len().min(*skipped);
                *skipped -= count;
                return &octets[count..];
            }
        }
        let count = octets.len().min(9 - header.len());
        let (now, rest) = octets.split_at(count);
        header.extend_from_slice(now);
        if let Ok(header) = <[u8; 9]>::try_from(header.as_slice()) {
            self.take_header(header);
        }
        rest
    }

    fn take_header(&mut self, frame: [u8; 9]) {
        let [a, b, c, frame_type, flags, id @ ..] = frame;
        let Protocol::Http2 {
            header,
            payload,
            has_answered,
            ..
        } = &mut self.protocol
        else {
            return;
        };
        header.clear();
        let length = u32::from_be_bytes([0, a, b, c]);
        *payload = length as usize;
        let is_end = flags & END_OR_ACK != 0;
        match frame_type {
            SETTINGS if !is_end => {
                // INITIAL_WINDOW_SIZE and MAX_CONCURRENT_STREAMS.
                self.say(
                    SETTINGS,
                    0,
                    [0; 4],
                    b"\0\x04\x7f\xff\xff\xff\0\x03\0\0\x27\x10",
                );
                self.say(SETTINGS, END_OR_ACK, [0; 4], b"");
                self.say(WINDOW_UPDATE, 0, [0; 4], &(1_u32 << 30).to_be_bytes());
            }
            // Whatever its payload was: what a client pings with, it pings once.
            PING if !is_end => self.say(PING, END_OR_ACK, [0; 4], &[0; 8]),
            HEADERS | DATA => {
                let has_answered = std::mem::replace(has_answered, *has_answered || is_end);
                if frame_type == DATA && length > 0 {
                    self.say(WINDOW_UPDATE, 0, [0; 4], &length.to_be_bytes());
                }
                if is_end {
                    let head = if has_answered { NEXT_HEAD } else { FIRST_HEAD };
                    self.say(HEADERS, END_HEADERS, id, head);
                    self.say(DATA, END_OR_ACK, id, BODY);
                }
            }
            _ => {}
        }
    }

    fn say(&mut self, frame_type: u8, flags: u8, id: [u8; 4], payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a prepared frame is short");
        let [_, a, b, c] = length.to_be_bytes();
        let [d, e, f, g] = id;
        let header = [a, b, c, frame_type, flags, d, e, f, g];
        self.output.extend_from_slice(&header);
        self.output.extend_from_slice(payload);
    }
}

impl AsyncRead for Canned {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = self.output.len().min(buf.remaining());
        buf.put_slice(&self.output[..count]);
        self.output.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Canned {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(octets);
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for piece in pieces {
            count += ready!(self.as_mut().poll_write(cx, piece))?;
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
