//! Settings of a transport, as plain data; each default with its reason.

use std::time::Duration;

use crate::connect::ConnectTimeouts;

/// The time limits of an exchange. Each is separate, and each failure says which it was
/// ([`Phase`](crate::error::Phase)). `None` waits for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Resolving, connecting, and the TLS handshake.
    pub connect: ConnectTimeouts,
    /// Waiting for a connection or a free stream on one, the dial included. 60 s by default: well
    /// above what a dial may take, and short of a caller's patience. A request that comes back
    /// unsent waits anew.
    pub pool_wait: Option<Duration>,
    /// How long the socket may take none of our octets while some wait. 30 s by default: TCP's
    /// retransmissions have backed off beyond use by then. The system buffers what it takes, so a
    /// peer that is gone shows here only once that buffer is full.
    pub write_progress: Option<Duration>,
    /// From the request's way to its connection to the head of its response, the request's body
    /// included. None by default: long polls and streaming calls wait for minutes, and only the
    /// caller knows.
    pub response_head: Option<Duration>,
    /// Between two parts of a response body, while the caller waits for one. None by default, as
    /// event streams may be silent for long. A tunnel has no such limit.
    pub body_idle: Option<Duration>,
    /// The whole exchange, from the first poll of the call to the end of the response body; of a
    /// tunnel, to the response head. None by default.
    pub whole: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: ConnectTimeouts::default(),
            pool_wait: Some(Duration::from_secs(60)),
            write_progress: Some(Duration::from_secs(30)),
            response_head: None,
            body_idle: None,
            whole: None,
        }
    }
}
