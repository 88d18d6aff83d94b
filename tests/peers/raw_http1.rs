//! A server that does exactly what a test says, octet by octet, on HTTP/1.1.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Stream;

/// A server's end of a connection.
pub(crate) struct RawHttp1 {
    pub(crate) io: Stream,
    /// What was read and not asked for yet.
    read: Vec<u8>,
}

impl RawHttp1 {
    pub(crate) fn new(io: Stream) -> Self {
        Self {
            io,
            read: Vec::new(),
        }
    }

    /// The head of the next request, as it came, the empty line included; `None` when the client
    /// has closed, or the connection broke.
    pub(crate) async fn try_head(&mut self) -> Option<String> {
        self.try_until(b"\r\n\r\n").await
    }

    /// As [`try_head`](Self::try_head), of a client that stays.
    pub(crate) async fn head(&mut self) -> String {
        self.try_head().await.expect("a request before the end")
    }

    /// Everything up to these octets, themselves included.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let found = self.try_until(end.as_bytes()).await;
        found.expect("these octets before the end")
    }

    async fn try_until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            let found = self.read.windows(end.len()).position(|place| place == end);
            if let Some(at) = found {
                let octets = self.read.drain(..at + end.len()).collect();
                return Some(String::from_utf8(octets).expect("text"));
            }
            self.read_more().await?;
        }
    }

    /// So many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            self.read_more().await.expect("more before the end");
        }
        self.read.drain(..count).collect()
    }

    /// Whatever else comes before the client closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.read_more().await.is_some() {}
        std::mem::take(&mut self.read)
    }

    /// Reads until the client closes, and keeps nothing; how many octets came.
    pub(crate) async fn drain(&mut self) -> usize {
        let mut octets = std::mem::take(&mut self.read).len();
        let mut piece = vec![0; 64 << 10];
        while let Ok(count @ 1..) = self.io.read(&mut piece).await {
            octets += count;
        }
        octets
    }

    async fn read_more(&mut self) -> Option<()> {
        match self.io.read_buf(&mut self.read).await {
            Ok(1..) => Some(()),
            Ok(0) | Err(_) => None,
        }
    }

    /// Sends these octets. A client that has gone does not hear them.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        if self.io.write_all(octets.as_ref()).await.is_ok() {
            let _gone = self.io.flush().await;
        }
    }

    /// As [`send`](Self::send); whether the client took them.
    pub(crate) async fn try_send(&mut self, octets: impl AsRef<[u8]>) -> bool {
        self.io.write_all(octets.as_ref()).await.is_ok() && self.io.flush().await.is_ok()
    }

    /// Sends a response of status 200 with this text.
    pub(crate) async fn answer(&mut self, text: &str) {
        self.send(response(text)).await;
    }

    /// Answers every request with this text, until the client closes.
    pub(crate) async fn answer_all(&mut self, text: &str) {
        while self.try_head().await.is_some() {
            self.answer(text).await;
        }
    }

    /// Ends our direction, and waits until the client ends its own.
    pub(crate) async fn close(mut self) {
        let _gone = self.io.shutdown().await;
        self.drain().await;
    }
}

/// A response of status 200 with this text.
pub(crate) fn response(text: &str) -> String {
    let length = text.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")
}
