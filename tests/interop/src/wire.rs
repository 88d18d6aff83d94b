//! A peer written octet by octet: what no well-behaved server would do.
//!
//! Owns: just enough of HTTP/2 to read a client's frames and to write any octets. Deliberately
//! not the crate's own codec, which could be wrong in the same way on both sides.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// RFC 9113 §3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113 §6).
pub mod frame_type {
    #![expect(missing_docs, reason = "the names are the specification's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
}

/// RFC 9113 §6.1, §6.2.
pub const END_STREAM: u8 = 0x1;
/// RFC 9113 §6.2.
pub const END_HEADERS: u8 = 0x4;
/// `:status: 200`, from the static table (RFC 7541 §6.1, appendix A).
pub const STATUS_200: &[u8] = &[0x88];

/// A frame that the client sent.
#[derive(Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its stream.
    pub stream: u32,
    /// What follows its header.
    pub payload: Vec<u8>,
}

/// A server that does as the script says on every connection.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Listens, and plays `script` on each connection; its second argument counts them from 0.
    /// An error ends the connection, which is all that a script can do about it.
    ///
    /// # Panics
    /// When the loopback interface does not work.
    pub async fn listen<F>(script: impl Fn(Wire, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let nth = counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(script(Wire { stream }, nth));
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The peer's end of one connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
}

impl Wire {
    /// Reads the client's preface, and answers with empty SETTINGS.
    ///
    /// # Errors
    /// When the client sent something else, or nothing.
    pub async fn handshake(&mut self) -> io::Result<()> {
        let mut preface = [0; PREFACE.len()];
        self.stream.read_exact(&mut preface).await?;
        if preface != PREFACE {
            return Err(io::Error::other("no preface"));
        }
        self.send(frame_type::SETTINGS, 0, 0, &[]).await
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn frame(&mut self) -> io::Result<Frame> {
        let mut header = [0; 9];
        self.stream.read_exact(&mut header).await?;
        let [a, b, c, kind, _flags, stream @ ..] = header;
        let len = u32::from_be_bytes([0, a, b, c]);
        let mut payload = Vec::new();
        (&mut self.stream)
            .take(u64::from(len))
            .read_to_end(&mut payload)
            .await?;
        Ok(Frame {
            kind,
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// Reads frames until one of this type.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn until(&mut self, kind: u8) -> io::Result<Frame> {
        loop {
            let frame = self.frame().await?;
            if frame.kind == kind {
                return Ok(frame);
            }
        }
    }

    /// Reads the handshake and the next request's HEADERS, and gives its stream.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn request(&mut self) -> io::Result<u32> {
        self.handshake().await?;
        Ok(self.until(frame_type::HEADERS).await?.stream)
    }

    /// Writes one frame.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let len = u32::try_from(payload.len())
            .expect("a test's payload is short")
            .to_be_bytes();
        let mut octets = vec![len[1], len[2], len[3], kind, flags];
        octets.extend_from_slice(&stream.to_be_bytes());
        octets.extend_from_slice(payload);
        self.raw(&octets).await
    }

    /// Answers 200 with this content.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn answer(&mut self, stream: u32, content: &[u8]) -> io::Result<()> {
        self.send(frame_type::HEADERS, END_HEADERS, stream, STATUS_200)
            .await?;
        self.send(frame_type::DATA, END_STREAM, stream, content)
            .await
    }

    /// Writes any octets.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn raw(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await
    }

    /// Says nothing more, and takes what comes until the client is gone.
    ///
    /// # Errors
    /// When the client's end is not an orderly one.
    pub async fn listen_on(&mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink())
            .await
            .map(drop)
    }

    /// Ends the connection by RST instead of FIN.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn abort(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}
