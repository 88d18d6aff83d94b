//! What a server's process tells of itself, as one line: its ports, its certificate, its number.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
    process,
    str::FromStr,
};

/// The argument that makes a program the server.
pub(crate) const SERVE: &str = "serve";

/// The body of small answers.
pub(crate) const BODY: &[u8; 13] = b"hello, world!";
/// Octets of a large answer.
pub(crate) const LARGE: u64 = 256 << 20;

/// What a port's answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// [`BODY`], once the request is complete.
    Small,
    /// [`LARGE`] octets.
    Large,
    /// None.
    Silent,
    SmallTls,
    LargeTls,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [
        Self::Small,
        Self::Large,
        Self::Silent,
        Self::SmallTls,
        Self::LargeTls,
    ];

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::SmallTls | Self::LargeTls)
    }

    pub(crate) const fn is_large(self) -> bool {
        matches!(self, Self::Large | Self::LargeTls)
    }
}

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// In the order of [`Role::ALL`].
    ports: [u16; Role::ALL.len()],
    /// The server's process.
    pub(crate) process: u32,
    /// In DER.
    pub(crate) certificate: Vec<u8>,
}

impl Site {
    pub(crate) fn new(ports: [u16; Role::ALL.len()], certificate: &[u8]) -> Self {
        Self {
            ports,
            process: process::id(),
            certificate: certificate.to_vec(),
        }
    }

    /// The address of the `index`th netloc of so many. A single one is the loopback's usual.
    pub(crate) fn netloc(&self, role: Role, index: usize, of: usize) -> SocketAddrV4 {
        let place = Role::ALL.iter().position(|other| *other == role);
        let port = self.ports[place.expect("every role is in the list")];
        if of == 1 {
            return SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        }
        let octet = |number: usize| u8::try_from(number + 1).expect("there are few netlocs");
        let address = Ipv4Addr::new(127, 0, octet(index / 250), octet(index % 250));
        SocketAddrV4::new(address, port)
    }

    pub(crate) fn url(&self, role: Role, index: usize, of: usize) -> String {
        let scheme = if role.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}/", self.netloc(role, index, of))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for port in self.ports {
            write!(f, "{port} ")?;
        }
        write!(f, "{} ", self.process)?;
        for octet in &self.certificate {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Site {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or("the line is too short");
        let mut ports = [0; Role::ALL.len()];
        for port in &mut ports {
            *port = word()?.parse()?;
        }
        let process = word()?.parse()?;
        let octets = word()?.as_bytes().chunks(2);
        let octets = octets.map(|pair| Ok(u8::from_str_radix(str::from_utf8(pair)?, 16)?));
        let certificate = octets.collect::<Result<_, Self::Err>>()?;
        Ok(Self {
            ports,
            process,
            certificate,
        })
    }
}
