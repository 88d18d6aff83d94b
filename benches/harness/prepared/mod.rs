//! A server that is never the bottleneck, in a process of its own on a core of its own.
//!
//! One thread, one epoll, and prepared octets: it reads frame headers, skips field blocks without
//! decoding them, and answers every request alike. What it must keep, it keeps: it sends no octet
//! that flow control does not allow, and gives credit back as it takes octets in.
//!
//! What a request asks for is told by the port that it comes to: see [`Site`].
//!
//! Owns: the process, its sockets and its events. Never: looks into what the octets mean
//! (`http1`, `http2`).

mod connection;
mod http1;
mod http2;
mod site;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, TcpListener},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use self::connection::Connection;
pub(crate) use self::site::{BODY, LARGE, Role, SERVE, Site};
use super::processor;

/// Addresses of the loopback network where the role [`Role::Small`] is served.
pub(crate) const NETLOCS: usize = 1_000;

/// Octets of a read.
const READ: usize = 256 << 10;

/// The server's process. It ends when this is dropped, and when its parent ends.
pub(crate) struct Prepared {
    pub(crate) site: Site,
    child: Child,
    /// The server runs until this is closed.
    _stdin: Option<ChildStdin>,
}

impl Prepared {
    /// Runs this very program once more, with the argument [`SERVE`].
    pub(crate) fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("it was asked for");
        let mut line = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(stdout), &mut line)?;
        let site = line.trim().parse().map_err(io::Error::other)?;
        let stdin = child.stdin.take();
        Ok(Self {
            site,
            child,
            _stdin: stdin,
        })
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The server, until its standard input ends.
pub(crate) fn serve() -> io::Result<()> {
    processor::pin(processor::SERVER)?;
    let (tls, certificate) = credentials().map_err(io::Error::other)?;
    let mut server = Server {
        epoll: Epoll::new(EpollCreateFlags::empty())?,
        listeners: HashMap::new(),
        connections: HashMap::new(),
        tls,
    };
    let site = server.listen(&certificate)?;
    println!("{site}");
    server.run()
}

fn credentials() -> Result<(Arc<ServerConfig>, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((Arc::new(config), certificate.to_vec()))
}

struct Server {
    epoll: Epoll,
    listeners: HashMap<u64, (TcpListener, Role)>,
    connections: HashMap<u64, Connection>,
    tls: Arc<ServerConfig>,
}

impl Server {
    /// Opens every port, and says which they are.
    fn listen(&mut self, certificate: &[u8]) -> io::Result<Site> {
        let mut ports = [0; Role::ALL.len()];
        for (port, role) in ports.iter_mut().zip(Role::ALL) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            *port = listener.local_addr()?.port();
            self.accept_from(listener, role)?;
        }
        let site = Site::new(ports, certificate);
        for index in 0..NETLOCS {
            let listener = TcpListener::bind(site.netloc(Role::Small, index, NETLOCS))?;
            self.accept_from(listener, Role::Small)?;
        }
        Ok(site)
    }

    fn accept_from(&mut self, listener: TcpListener, role: Role) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let token = self.watch(listener.as_fd())?;
        self.listeners.insert(token, (listener, role));
        Ok(())
    }

    /// Level-triggered, and named by its descriptor.
    fn watch(&self, socket: BorrowedFd<'_>) -> io::Result<u64> {
        let token = u64::try_from(socket.as_raw_fd()).map_err(io::Error::other)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, token);
        self.epoll.add(socket, event)?;
        Ok(token)
    }

    fn run(mut self) -> io::Result<()> {
        let stdin = io::stdin();
        let stdin = self.watch(stdin.as_fd())?;
        let mut events = [EpollEvent::empty(); 256];
        let mut buffer = vec![0; READ];
        loop {
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Err(nix::Error::EINTR) => continue,
                other => other?,
            };
            for event in &events[..count] {
                let token = event.data();
                if token == stdin {
                    return Ok(());
                }
                if self.listeners.contains_key(&token) {
                    self.accept(token)?;
                } else {
                    self.serve(token, event.events(), &mut buffer)?;
                }
            }
        }
    }

    fn accept(&mut self, token: u64) -> io::Result<()> {
        let Some((listener, role)) = self.listeners.get(&token) else {
            return Ok(());
        };
        let (socket, _) = match listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other?,
        };
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let tls = role.is_tls().then(|| Arc::clone(&self.tls));
        let connection = Connection::new(socket, *role, tls).map_err(io::Error::other)?;
        let token = self.watch(connection.socket().as_fd())?;
        self.connections.insert(token, connection);
        Ok(())
    }

    fn serve(&mut self, token: u64, events: EpollFlags, buffer: &mut [u8]) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&token) else {
            return Ok(());
        };
        let was_blocked = connection.is_blocked();
        let is_readable = events.intersects(!EpollFlags::EPOLLOUT);
        // A connection that fails is over, and nothing else is.
        let Ok(true) = connection.advance(is_readable, buffer) else {
            self.connections.remove(&token);
            return Ok(());
        };
        if connection.is_blocked() != was_blocked {
            let mut flags = EpollFlags::EPOLLIN;
            flags.set(EpollFlags::EPOLLOUT, connection.is_blocked());
            let mut event = EpollEvent::new(flags, token);
            self.epoll.modify(connection.socket().as_fd(), &mut event)?;
        }
        Ok(())
    }
}
