//! One connection of the server: its socket, TLS where the port asks for it, and what is spoken.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection};

use super::{http1::Http1, http2::Http2, site::Role};

/// Plain octets that wait to be encrypted, at most.
const TLS_BUFFER: usize = 256 << 10;

pub(crate) struct Connection {
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    role: Role,
    speech: Option<Speech>,
    /// What is to be written, after prepared octets.
    output: Vec<u8>,
    sent: usize,
    is_blocked: bool,
}

enum Speech {
    Http1(Http1),
    Http2(Box<Http2>),
}

impl Connection {
    pub(crate) fn new(
        socket: TcpStream,
        role: Role,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, rustls::Error> {
        let tls = tls.map(ServerConnection::new).transpose()?;
        let tls = tls.map(|mut tls| {
            tls.set_buffer_limit(Some(TLS_BUFFER));
            Box::new(tls)
        });
        Ok(Self {
            socket,
            tls,
            role,
            speech: None,
            output: Vec::new(),
            sent: 0,
            is_blocked: false,
        })
    }

    pub(crate) const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether there is something to write that the socket does not take.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Reads once, if there may be something, and writes all that can be written. False once the
    /// peer has closed.
    pub(crate) fn advance(&mut self, is_readable: bool, buffer: &mut [u8]) -> io::Result<bool> {
        let is_open = !is_readable || self.read(buffer)?;
        self.is_blocked = !self.write()?;
        Ok(is_open)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(mut tls) = self.tls.take() else {
            return match self.socket.read(buffer) {
                Ok(0) => Ok(false),
                Ok(count) => {
                    self.take(&buffer[..count]);
                    Ok(true)
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
                Err(error) => Err(error),
            };
        };
        let mut is_open = true;
        loop {
            match tls.read_tls(&mut self.socket) {
                Ok(0) => is_open = false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            while let Ok(count @ 1..) = tls.reader().read(buffer) {
                self.take(&buffer[..count]);
            }
            if !is_open {
                break;
            }
        }
        self.tls = Some(tls);
        Ok(is_open)
    }

    fn take(&mut self, octets: &[u8]) {
        let role = self.role;
        // The first octet tells the preface of HTTP/2 from any method that is asked with here.
        let speech = self.speech.get_or_insert_with(|| {
            if octets.starts_with(b"PRI") {
                Speech::Http2(Box::new(Http2::new(role)))
            } else {
                Speech::Http1(Http1::default())
            }
        });
        match speech {
            Speech::Http1(http1) => http1.take(octets, &mut self.output),
            Speech::Http2(http2) => http2.take(octets, &mut self.output),
        }
    }

    /// False if the socket takes no more.
    fn write(&mut self) -> io::Result<bool> {
        loop {
            if let Some(Speech::Http2(http2)) = &mut self.speech {
                http2.fill(&mut self.output);
                // A run is complete frames, and begins when all before it is written.
                if !http2.prepared().is_empty() {
                    let count = push(&mut self.socket, self.tls.as_deref_mut(), http2.prepared())?;
                    http2.written(count);
                    if count == 0 {
                        return Ok(false);
                    }
                    continue;
                }
            }
            if self.sent == self.output.len() {
                self.output.clear();
                self.sent = 0;
                return match &mut self.tls {
                    Some(tls) => drain(tls, &mut self.socket),
                    None => Ok(true),
                };
            }
            let rest = &self.output[self.sent..];
            let count = push(&mut self.socket, self.tls.as_deref_mut(), rest)?;
            self.sent += count;
            if count == 0 {
                return Ok(false);
            }
            if self.sent == self.output.len() {
                self.output.clear();
                self.sent = 0;
            }
        }
    }
}

/// How many of the octets went on; none if the socket is full.
fn push(
    socket: &mut TcpStream,
    tls: Option<&mut ServerConnection>,
    octets: &[u8],
) -> io::Result<usize> {
    let written = match tls {
        None => socket.write(octets),
        Some(tls) => {
            if !drain(tls, socket)? {
                return Ok(0);
            }
            tls.writer().write(octets)
        }
    };
    match written {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// Writes what is encrypted. False if the socket takes no more.
fn drain(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<bool> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
