//! Tunnels, as callers read and write them.
//!
//! Owns: what of a tunnel has arrived and was not read yet, and the words in which a failed one
//! speaks as a socket does. Never: keeps a time limit; a tunnel lasts as long as its ends want.
//! Spec: RFC 9110 §7.8, §9.3.6; RFC 9113 §8.5; RFC 8441 §5.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{Extensions, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{BodyTimeouts, HandedOver, PipeWriter, ResponseBody, Slot};
use crate::error::{Error, Kind};

/// A tunnel: octets both ways, in place of a response body.
///
/// A 2xx response to CONNECT brings one, be it the CONNECT of a proxy or an extended one (RFC 8441),
/// and so does a 101 (Switching Protocols) on HTTP/1.1. It travels in the response's extensions, so
/// that it passes layers which replace bodies; the body of such a response is empty.
///
/// ```no_run
/// use http_body_util::Empty;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tower::ServiceExt;
/// use towline::{Duplex, http2::message::Protocol};
///
/// # async fn talk() -> Result<(), Box<dyn std::error::Error>> {
/// let request = http::Request::connect("https://example.com/chat")
///     .header("sec-websocket-version", "13")
///     .extension(Protocol::WEBSOCKET)
///     .body(Empty::<&[u8]>::new())?;
/// let mut response = towline::Transport::new().oneshot(request).await?;
/// let Some(mut tunnel) = Duplex::take(&mut response) else {
///     return Err(format!("refused: {}", response.status()).into());
/// };
/// tunnel.write_all(b"\x89\x80mask").await?;
/// tunnel.flush().await?;
/// let mut pong = [0; 2];
/// tunnel.read_exact(&mut pong).await?;
/// tunnel.shutdown().await?;
/// # Ok(())
/// # }
/// ```
///
/// **Back-pressure.** On HTTP/2 a writer is held up once 64 KiB wait for the peer's windows, and the
/// peer once a stream window (1 MiB at first) is unread. Neither holds up other streams.
///
/// **Flushing** waits until the connection has taken what was written. Octets do not need it to
/// leave.
///
/// **Ends.** Each direction ends by itself: after a shutdown the rest can be read, and after the end
/// of what is read one can still write. A shutdown is done when the end is on its way. Dropping a
/// tunnel that is open in either direction breaks it: on HTTP/2 its stream is reset with `CANCEL`,
/// which a proxy passes on as a reset (RFC 9113 §8.5), and octets may be lost. So does dropping a
/// response from which its tunnel was not taken.
///
/// **Errors.** Reading fails with [`ConnectionReset`](io::ErrorKind::ConnectionReset),
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof), [`TimedOut`](io::ErrorKind::TimedOut) and others,
/// writing with [`BrokenPipe`](io::ErrorKind::BrokenPipe). Where the failure is the connection's, an
/// [`Error`] is within, by [`io::Error::get_ref`].
///
/// **Time limits.** [`Timeouts::response_head`](crate::config::Timeouts::response_head) holds until
/// the tunnel stands; from then on neither `body_idle` nor `whole` do.
pub struct Duplex {
    carrier: Carrier,
}

/// What the octets travel on.
enum Carrier {
    Stream(Stream),
    /// The lock is never taken: it makes whatever the connector gave us `Sync`.
    Connection(Mutex<HandedOver>),
}

/// A stream of an HTTP/2 connection.
struct Stream {
    // Dropped before the writer: a caller who leaves cancels, and that says it all.
    body: ResponseBody,
    /// The rest of the piece that is being read.
    piece: Bytes,
    writer: PipeWriter,
    /// How reading failed: it goes on failing.
    failure: Option<Error>,
}

/// The tunnel of a response that is on its way to its caller.
#[derive(Clone, Debug)]
struct Parked(Arc<Mutex<Option<Duplex>>>);

impl Duplex {
    /// Takes the tunnel out of a response, if it brought one that was not taken before.
    pub fn take<B>(response: &mut Response<B>) -> Option<Self> {
        let Parked(place) = response.extensions_mut().remove()?;
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        place.take()
    }

    /// A tunnel on an HTTP/2 stream: the slot of its exchange, and the pipe that is the body of its
    /// request.
    pub(crate) fn on_stream(slot: Arc<Slot>, writer: PipeWriter) -> Self {
        Self {
            carrier: Carrier::Stream(Stream {
                body: ResponseBody::new(slot, None, BodyTimeouts::default()),
                piece: Bytes::new(),
                writer,
                failure: None,
            }),
        }
    }

    /// A whole connection.
    pub(crate) fn on_connection(connection: HandedOver) -> Self {
        Self {
            carrier: Carrier::Connection(Mutex::new(connection)),
        }
    }

    /// Puts the tunnel where [`take`](Self::take) finds it.
    pub(crate) fn park(self, extensions: &mut Extensions) {
        extensions.insert(Parked(Arc::new(Mutex::new(Some(self)))));
    }
}

impl Stream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = &self.failure {
            return Poll::Ready(Err(read_error(error)));
        }
        while self.piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    let failed = read_error(&error);
                    self.failure = Some(error);
                    return Poll::Ready(Err(failed));
                }
            }
        }
        give(&mut self.piece, buf);
        Poll::Ready(Ok(()))
    }

    /// A broken pipe, and what broke it.
    fn explain(&self, broken: io::Error) -> io::Error {
        match self.failure.clone().or_else(|| self.body.failure()) {
            Some(error) => io::Error::new(broken.kind(), error),
            None => broken,
        }
    }

    fn poll_write(&self, cx: &Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = self.writer.poll_write(cx, pieces);
        polled.map_err(|broken| self.explain(broken))
    }

    fn poll_flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.writer.poll_flush(cx);
        polled.map_err(|broken| self.explain(broken))
    }

    fn poll_shutdown(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(self.writer.poll_shutdown(cx));
        // What the connection had taken is lost with its stream.
        let is_lost = self.failure.is_some() || self.body.failure().is_some();
        Poll::Ready(match outcome {
            Ok(()) if is_lost => Err(self.explain(io::ErrorKind::BrokenPipe.into())),
            outcome => outcome.map_err(|broken| self.explain(broken)),
        })
    }
}

/// Moves what fits.
fn give(from: &mut Bytes, buf: &mut ReadBuf<'_>) {
    let count = from.len().min(buf.remaining());
    buf.put_slice(&from[..count]);
    from.advance(count);
}

/// A failure in the words of a socket.
fn read_error(error: &Error) -> io::Error {
    let kind = match error.kind() {
        Kind::Reset | Kind::GoAway => io::ErrorKind::ConnectionReset,
        Kind::Closed | Kind::Truncated => io::ErrorKind::UnexpectedEof,
        Kind::Timeout(_) => io::ErrorKind::TimedOut,
        Kind::Protocol | Kind::MalformedResponse => io::ErrorKind::InvalidData,
        Kind::Shutdown => io::ErrorKind::ConnectionAborted,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.clone())
}

fn connection(place: &mut Mutex<HandedOver>) -> &mut HandedOver {
    place.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Stream(_) if buf.remaining() == 0 => Poll::Ready(Ok(())),
            Carrier::Stream(stream) => stream.poll_read(cx, buf),
            Carrier::Connection(place) => {
                let connection = connection(place);
                if connection.read.is_empty() {
                    return Pin::new(&mut connection.io).poll_read(cx, buf);
                }
                give(&mut connection.read, buf);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.poll_write(cx, &[io::IoSlice::new(octets)]),
            Carrier::Connection(place) => {
                Pin::new(&mut connection(place).io).poll_write(cx, octets)
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.poll_write(cx, pieces),
            Carrier::Connection(place) => {
                Pin::new(&mut connection(place).io).poll_write_vectored(cx, pieces)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.carrier {
            Carrier::Stream(_) => true,
            // Nobody else can hold the lock: this is for a shared reference.
            Carrier::Connection(place) => place
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .io
                .is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.poll_flush(cx),
            Carrier::Connection(place) => Pin::new(&mut connection(place).io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Stream(stream) => stream.poll_shutdown(cx),
            Carrier::Connection(place) => Pin::new(&mut connection(place).io).poll_shutdown(cx),
        }
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Duplex");
        match &self.carrier {
            Carrier::Stream(stream) => debug
                .field("body", &stream.body)
                .field("writer", &stream.writer)
                .finish(),
            Carrier::Connection(connection) => debug.field("connection", connection).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::error::{Phase, Retry, Scope};

    fn connection(read: &'static [u8]) -> (Duplex, DuplexStream) {
        let (io, peer) = tokio::io::duplex(64);
        let handed_over = HandedOver {
            io: Box::new(io),
            read: Bytes::from_static(read),
        };
        (Duplex::on_connection(handed_over), peer)
    }

    #[test]
    fn it_can_be_moved_and_shared_as_sockets_can() {
        fn is_like_a_socket<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug>() {}
        is_like_a_socket::<Duplex>();
    }

    #[tokio::test]
    async fn what_was_read_with_the_head_comes_first() {
        let (mut tunnel, mut peer) = connection(b"with the head");
        peer.write_all(b", and after it").await.unwrap();
        peer.shutdown().await.unwrap();
        let mut read = [0; 4];
        tunnel.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"with");
        let mut rest = String::new();
        tunnel.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, " the head, and after it");
    }

    #[tokio::test]
    async fn a_connection_is_written_flushed_and_ended_as_it_is() {
        let (mut tunnel, mut peer) = connection(b"");
        // A `DuplexStream` takes several slices at once.
        assert!(tunnel.is_write_vectored());
        let slices = [io::IoSlice::new(b"one, "), io::IoSlice::new(b"two, ")];
        assert_eq!(tunnel.write_vectored(&slices).await.unwrap(), 10);
        tunnel.write_all(b"three").await.unwrap();
        tunnel.flush().await.unwrap();
        tunnel.shutdown().await.unwrap();
        let mut read = String::new();
        peer.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "one, two, three");
        // The other direction goes on.
        peer.write_all(b"back").await.unwrap();
        drop(peer);
        let mut read = String::new();
        tunnel.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "back");
    }

    #[tokio::test]
    async fn a_tunnel_is_taken_once_from_all_copies_of_its_response() {
        let (tunnel, mut peer) = connection(b"");
        let mut response = Response::new(());
        tunnel.park(response.extensions_mut());
        let mut copy = response.clone();
        let tunnel = Duplex::take(&mut copy);
        assert!(tunnel.is_some());
        assert!(Duplex::take(&mut copy).is_none());
        assert!(Duplex::take(&mut response).is_none());
        drop(tunnel);
        // The connection went with it.
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_response_that_is_dropped_takes_its_tunnel_along() {
        let (tunnel, mut peer) = connection(b"");
        let mut response = Response::new(());
        tunnel.park(response.extensions_mut());
        drop(response);
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    }

    #[test]
    fn failures_are_said_as_sockets_say_them() {
        let said = |kind| {
            let error = Error::new(kind, Scope::Stream, Retry::Never);
            let said = read_error(&error);
            assert!(said.get_ref().is_some_and(|inner| inner.is::<Error>()));
            said.kind()
        };
        for (kind, expected) in [
            (Kind::Reset, io::ErrorKind::ConnectionReset),
            (Kind::GoAway, io::ErrorKind::ConnectionReset),
            (Kind::Truncated, io::ErrorKind::UnexpectedEof),
            (Kind::Closed, io::ErrorKind::UnexpectedEof),
            (Kind::Timeout(Phase::WriteProgress), io::ErrorKind::TimedOut),
            (Kind::Protocol, io::ErrorKind::InvalidData),
            (Kind::MalformedResponse, io::ErrorKind::InvalidData),
            (Kind::Shutdown, io::ErrorKind::ConnectionAborted),
            (Kind::Io, io::ErrorKind::Other),
        ] {
            assert_eq!(said(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn no_room_is_no_end() {
        let (mut tunnel, _peer) = connection(b"read");
        let mut none = ReadBuf::new(&mut []);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(
            Pin::new(&mut tunnel)
                .poll_read(&mut cx, &mut none)
                .is_ready()
        );
        let mut octets = [0; 4];
        let mut some = ReadBuf::new(&mut octets);
        assert!(
            Pin::new(&mut tunnel)
                .poll_read(&mut cx, &mut some)
                .is_ready()
        );
        assert_eq!(some.filled(), b"read");
    }
}
