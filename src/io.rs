//! Octets both ways, with the type of what carries them erased.

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream to a server, whatever lies below: TCP, TLS, a Unix socket, a pipe in memory.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}
