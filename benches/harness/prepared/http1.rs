//! HTTP/1.1 as far as requests without a body need it: the ends of heads are counted.

/// The answer, whatever is asked.
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nhello, world!";

/// One connection.
#[derive(Default)]
pub(crate) struct Http1 {
    /// Octets of a head's end that were seen.
    seen: usize,
}

impl Http1 {
    pub(crate) fn take(&mut self, octets: &[u8], output: &mut Vec<u8>) {
        for octet in octets {
            self.seen = match (octet, self.seen) {
                (b'\r', 0 | 2) | (b'\n', 1 | 3) => self.seen + 1,
                (b'\r', _) => 1,
                _ => 0,
            };
            if self.seen == 4 {
                self.seen = 0;
                output.extend_from_slice(ANSWER);
            }
        }
    }
}
