//! A server that says exactly what the test tells it to, frame by frame (RFC 9113 §4.1, §6).
//!
//! The octets are laid out here by hand, so that the library is not judged by its own encoder.

use std::{collections::VecDeque, io};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Stream;

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const PUSH_PROMISE: u8 = 0x5;
pub(crate) const PING: u8 = 0x6;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const WINDOW_UPDATE: u8 = 0x8;
pub(crate) const CONTINUATION: u8 = 0x9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2).
pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
/// SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.5.2).
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 0x4;

/// The field block of `:status: 200` (RFC 7541, entry 8 of the static table).
pub(crate) const STATUS_200: &[u8] = &[0x88];

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    /// The 32-bit number that RST_STREAM and WINDOW_UPDATE consist of.
    pub(crate) fn number(&self) -> u32 {
        let octets = self.payload.first_chunk().expect("four octets");
        u32::from_be_bytes(*octets)
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A server's end of a connection, frame by frame.
pub(crate) struct RawPeer {
    pub(crate) io: Stream,
    /// Frames that were read while another was waited for.
    early: VecDeque<RawFrame>,
}

impl RawPeer {
    /// Reads the client's preface and SETTINGS; says nothing.
    pub(crate) async fn accept(io: Stream) -> Self {
        Self::try_accept(io).await.expect("the preface")
    }

    /// As [`accept`](Self::accept), unless the client closes before it.
    pub(crate) async fn try_accept(mut io: Stream) -> Option<Self> {
        let mut preface = [0; PREFACE.len()];
        io.read_exact(&mut preface).await.ok()?;
        assert_eq!(preface, PREFACE);
        let mut peer = Self {
            io,
            early: VecDeque::new(),
        };
        let settings = peer.next().await?;
        assert_eq!((settings.kind, settings.flags), (SETTINGS, 0));
        Some(peer)
    }

    /// The client's first SETTINGS, octet by octet.
    pub(crate) async fn settings_of(mut io: Stream) -> Vec<u8> {
        let mut preface = [0; PREFACE.len()];
        io.read_exact(&mut preface).await.expect("the preface");
        let early = VecDeque::new();
        let settings = Self { io, early }.next().await;
        settings.expect("SETTINGS").payload
    }

    /// As [`accept`](Self::accept), and says these settings, and that the client's were read.
    pub(crate) async fn handshake(io: Stream, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::accept(io).await;
        peer.settings(settings).await;
        peer.send(SETTINGS, ACK, 0, &[]).await;
        peer
    }

    /// The next frame; `None` when the client has closed, or the connection broke.
    pub(crate) async fn next(&mut self) -> Option<RawFrame> {
        match self.early.pop_front() {
            Some(frame) => Some(frame),
            None => self.read().await.ok(),
        }
    }

    /// The next frame of a kind; others before it are kept for later.
    pub(crate) async fn expect(&mut self, kind: u8) -> RawFrame {
        let found = self.early.iter().position(|frame| frame.kind == kind);
        if let Some(frame) = found.and_then(|index| self.early.remove(index)) {
            return frame;
        }
        loop {
            let frame = self.read().await.expect("a frame before the end");
            if frame.kind == kind {
                return frame;
            }
            self.early.push_back(frame);
        }
    }

    /// The next request's stream.
    pub(crate) async fn request(&mut self) -> u32 {
        self.expect(HEADERS).await.stream
    }

    /// Everything that the client sends before it answers a PING (RFC 9113 §6.7): what it does of
    /// itself and has not done by then, it waits with.
    pub(crate) async fn until_quiet(&mut self) -> Vec<RawFrame> {
        // Twice: an answer leaves before what the same turn of the client's gives rise to.
        for _ in 0..2 {
            self.send(PING, 0, 0, b"are you?").await;
            let mut before = VecDeque::new();
            loop {
                let frame = self.next().await.expect("an answer before the end");
                if (frame.kind, frame.flags) == (PING, ACK) {
                    break;
                }
                before.push_back(frame);
            }
            self.early = before;
        }
        self.early.drain(..).collect()
    }

    /// Reads to the end; the frames on the way.
    pub(crate) async fn rest(&mut self) -> Vec<RawFrame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    async fn read(&mut self) -> io::Result<RawFrame> {
        let mut header = [0; 9];
        self.io.read_exact(&mut header).await?;
        let [a, b, c, kind, flags, stream @ ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.io.read_exact(&mut payload).await?;
        Ok(RawFrame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            payload,
        })
    }

    /// Sends a frame. A client that has gone does not hear it.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let octets = frame(kind, flags, stream, payload);
        self.send_octets(&octets).await;
    }

    pub(crate) async fn send_octets(&mut self, octets: &[u8]) {
        if self.io.write_all(octets).await.is_ok() {
            let _gone = self.io.flush().await;
        }
    }

    pub(crate) async fn settings(&mut self, settings: &[(u16, u32)]) {
        let mut payload = Vec::new();
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        self.send(SETTINGS, 0, 0, &payload).await;
    }

    /// A head of status 200, and perhaps nothing more.
    pub(crate) async fn head(&mut self, stream: u32, flags: u8) {
        self.send(HEADERS, END_HEADERS | flags, stream, STATUS_200)
            .await;
    }

    pub(crate) async fn reset(&mut self, stream: u32, code: u32) {
        self.send(RST_STREAM, 0, stream, &code.to_be_bytes()).await;
    }

    pub(crate) async fn goaway(&mut self, last: u32, code: u32, debug_data: &[u8]) {
        let mut payload = last.to_be_bytes().to_vec();
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(debug_data);
        self.send(GOAWAY, 0, 0, &payload).await;
    }

    /// Ends our direction, and waits until the client ends its own.
    pub(crate) async fn close(mut self) {
        let _gone = self.io.shutdown().await;
        Self::drain(self.io).await;
    }

    /// Reads whatever the client sends until it closes.
    pub(crate) async fn drain(mut io: Stream) {
        let mut rest = Vec::new();
        let _gone = io.read_to_end(&mut rest).await;
    }
}

/// A frame's octets.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload that fits");
    let mut octets = length.to_be_bytes()[1..].to_vec();
    octets.extend_from_slice(&[kind, flags]);
    octets.extend_from_slice(&stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}
