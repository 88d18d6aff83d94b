//! HTTP/2 as far as a server needs it that answers every request alike (RFC 9113).
//!
//! Owns: what flow control allows either side. Never: decodes a field block; a request is a HEADERS
//! frame, and complete where END_STREAM says so.

use std::ops::Range;

use super::site::{BODY, LARGE, Role};

/// `:status: 200`, `content-type: text/plain`, `content-length: 13`, all indexed once they were said.
const FIRST_HEAD: &[u8] = b"\x88\x5f\x0atext/plain\x5c\x0213";
const NEXT_HEAD: &[u8] = b"\x88\xbf\xbe";
/// `:status: 200`.
const LARGE_HEAD: &[u8] = b"\x88";

const PREFACE: usize = 24;
const HEADER: usize = 9;
/// Octets of the largest frame that any peer takes (RFC 9113 §4.2).
const FRAME: usize = 16_384;
/// How many DATA frames are prepared.
const PREPARED: usize = 32;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
/// END_STREAM on DATA and HEADERS, ACK on SETTINGS and PING.
const END_OR_ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The windows that clients may fill; half of one is told of at once.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// INITIAL_WINDOW_SIZE of [`STREAM_WINDOW`], MAX_CONCURRENT_STREAMS of 1000.
const OUR_SETTINGS: &[u8; 12] = b"\0\x04\0\x10\0\0\0\x03\0\0\x03\xe8";
/// RFC 9113 §6.9.2.
const FIRST_WINDOW: u32 = 65_535;

/// One connection.
pub(crate) struct Http2 {
    role: Role,
    /// Octets of the preface that are to come.
    preface: usize,
    /// The header of the present frame, and its payload if somebody wants it.
    frame: Vec<u8>,
    /// Octets of a payload that nobody wants.
    skip: usize,
    /// The stream whose request is complete when they are skipped.
    complete: Option<u32>,
    has_answered: bool,
    /// What we may send.
    window: i64,
    first_window: i64,
    answers: Vec<Answer>,
    /// Octets that were taken and not told of yet.
    taken: u32,
    uploads: Vec<(u32, u32)>,
    prepared: Vec<u8>,
    /// What of the prepared octets is to be written.
    run: Range<usize>,
}

/// Content of an answer that is to be sent.
struct Answer {
    stream: u32,
    window: i64,
    left: u64,
}

impl Http2 {
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            preface: PREFACE,
            frame: Vec::with_capacity(64),
            skip: 0,
            complete: None,
            has_answered: false,
            window: FIRST_WINDOW.into(),
            first_window: FIRST_WINDOW.into(),
            answers: Vec::new(),
            taken: 0,
            uploads: Vec::new(),
            prepared: Vec::new(),
            run: 0..0,
        }
    }

    pub(crate) fn take(&mut self, mut octets: &[u8], output: &mut Vec<u8>) {
        while !octets.is_empty() {
            if self.preface > 0 {
                let count = octets.len().min(self.preface);
                self.preface -= count;
                octets = &octets[count..];
                if self.preface == 0 {
                    say(output, SETTINGS, 0, 0, OUR_SETTINGS);
                    let more = CONNECTION_WINDOW - FIRST_WINDOW;
                    say(output, WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
                }
            } else if self.skip > 0 {
                let count = octets.len().min(self.skip);
                self.skip -= count;
                octets = &octets[count..];
                if self.skip == 0 {
                    self.finish(output);
                }
            } else {
                octets = self.take_frame(octets, output);
            }
        }
    }

    /// Takes of one frame's header, or of a payload that matters.
    fn take_frame<'a>(&mut self, octets: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let wanted = self.wanted();
        let (now, rest) = octets.split_at(octets.len().min(wanted - self.frame.len()));
        self.frame.extend_from_slice(now);
        if self.frame.len() == HEADER && wanted == HEADER {
            self.recv_header(output);
        }
        if self.frame.len() >= HEADER && self.frame.len() == self.wanted() {
            self.recv_control(output);
            self.frame.clear();
        }
        rest
    }

    /// Octets of the frame that are kept until they are all there.
    fn wanted(&self) -> usize {
        match self.frame[..] {
            [a, b, c, _, _, _, _, _, _, ..] => HEADER + u32::from_be_bytes([0, a, b, c]) as usize,
            _ => HEADER,
        }
    }

    fn recv_header(&mut self, output: &mut Vec<u8>) {
        let [a, b, c, frame_type, flags, d, e, f, g] = self.frame[..] else {
            return;
        };
        if frame_type != DATA && frame_type != HEADERS {
            return;
        }
        let length = u32::from_be_bytes([0, a, b, c]);
        let stream = u32::from_be_bytes([d, e, f, g]);
        let is_end = flags & END_OR_ACK != 0;
        self.frame.clear();
        if frame_type == DATA {
            self.debit(stream, length, is_end, output);
        }
        self.skip = length as usize;
        self.complete = is_end.then_some(stream);
        if length == 0 {
            self.finish(output);
        }
    }

    /// Gives credit back as octets come, half a window at a time (RFC 9113 §6.9).
    fn debit(&mut self, stream: u32, length: u32, is_end: bool, output: &mut Vec<u8>) {
        self.taken += length;
        if self.taken >= CONNECTION_WINDOW / 2 {
            say(output, WINDOW_UPDATE, 0, 0, &self.taken.to_be_bytes());
            self.taken = 0;
        }
        let place = self.uploads.iter().position(|(other, _)| *other == stream);
        match place {
            Some(place) if is_end => drop(self.uploads.swap_remove(place)),
            None if is_end => {}
            None => self.uploads.push((stream, length)),
            Some(place) => {
                let taken = &mut self.uploads[place].1;
                *taken += length;
                if *taken >= STREAM_WINDOW / 2 {
                    say(output, WINDOW_UPDATE, 0, stream, &taken.to_be_bytes());
                    *taken = 0;
                }
            }
        }
    }

    /// Answers the request that is complete now, if one is.
    fn finish(&mut self, output: &mut Vec<u8>) {
        let Some(stream) = self.complete.take() else {
            return;
        };
        if self.role == Role::Silent {
            return;
        }
        if self.role.is_large() {
            say(output, HEADERS, END_HEADERS, stream, LARGE_HEAD);
            self.owe(stream, LARGE);
            return;
        }
        let head = if self.has_answered {
            NEXT_HEAD
        } else {
            FIRST_HEAD
        };
        self.has_answered = true;
        say(output, HEADERS, END_HEADERS, stream, head);
        let length = BODY.len() as i64;
        if self.answers.is_empty() && self.window >= length && self.first_window >= length {
            self.window -= length;
            say(output, DATA, END_OR_ACK, stream, BODY);
        } else {
            self.owe(stream, BODY.len() as u64);
        }
    }

    fn owe(&mut self, stream: u32, left: u64) {
        self.answers.push(Answer {
            stream,
            window: self.first_window,
            left,
        });
    }

    /// A frame whose payload matters, and is all there.
    fn recv_control(&mut self, output: &mut Vec<u8>) {
        let (header, payload) = self.frame.split_at(HEADER);
        let is_ack = header[4] & END_OR_ACK != 0;
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        match (header[3], payload) {
            (SETTINGS, payload) if !is_ack => {
                for setting in payload.chunks_exact(6) {
                    // INITIAL_WINDOW_SIZE; before any stream, so that there is none to correct.
                    if let [0, 4, a, b, c, d] = *setting {
                        self.first_window = u32::from_be_bytes([a, b, c, d]).into();
                    }
                }
                say(output, SETTINGS, END_OR_ACK, 0, b"");
            }
            (PING, payload) if !is_ack => say(output, PING, END_OR_ACK, 0, payload),
            (RST_STREAM, _) => {
                self.answers.retain(|answer| answer.stream != stream);
                self.uploads.retain(|(other, _)| *other != stream);
            }
            (WINDOW_UPDATE, &[a, b, c, d]) => {
                let increment = i64::from(u32::from_be_bytes([a, b, c, d]));
                if stream == 0 {
                    self.window += increment;
                }
                let answer = self.answers.iter_mut().find(|one| one.stream == stream);
                if let Some(answer) = answer {
                    answer.window += increment;
                }
            }
            _ => {}
        }
    }

    /// Prepared octets that are to be written before anything else.
    pub(crate) fn prepared(&self) -> &[u8] {
        &self.prepared[self.run.clone()]
    }

    pub(crate) fn written(&mut self, count: usize) {
        self.run.start += count;
    }

    /// Makes DATA frames, as flow control allows: prepared ones while there are whole ones to send,
    /// and else one in `output`. A stream is served to its end before the next.
    pub(crate) fn fill(&mut self, output: &mut Vec<u8>) {
        if !self.run.is_empty() || !output.is_empty() {
            return;
        }
        let Some(answer) = self.answers.first_mut() else {
            return;
        };
        let allowed = self.window.min(answer.window).max(0).unsigned_abs();
        // The last frame is made singly: it ends the stream.
        let whole = allowed.min(answer.left - 1) / FRAME as u64;
        let frames = usize::try_from(whole).map_or(PREPARED, |whole| whole.min(PREPARED));
        let content = if frames > 0 {
            prepare(&mut self.prepared, answer.stream);
            self.run = 0..frames * (HEADER + FRAME);
            (frames * FRAME) as u64
        } else {
            let content = allowed.min(answer.left).min(FRAME as u64);
            if content == 0 {
                return;
            }
            let is_end = content == answer.left;
            let zeros = &[b'z'; FRAME][..usize::try_from(content).unwrap_or(FRAME)];
            say(output, DATA, u8::from(is_end), answer.stream, zeros);
            content
        };
        answer.left -= content;
        answer.window -= content.cast_signed();
        self.window -= content.cast_signed();
        if answer.left == 0 {
            self.answers.remove(0);
        }
    }
}

/// Makes the frames once, and gives them a stream's number when another's turn comes.
fn prepare(prepared: &mut Vec<u8>, stream: u32) {
    if prepared.is_empty() {
        for _ in 0..PREPARED {
            say(prepared, DATA, 0, stream, &[b'z'; FRAME]);
        }
    }
    if prepared[5..HEADER] != stream.to_be_bytes() {
        for frame in prepared.chunks_exact_mut(HEADER + FRAME) {
            frame[5..HEADER].copy_from_slice(&stream.to_be_bytes());
        }
    }
}

fn say(output: &mut Vec<u8>, frame_type: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a prepared frame is short");
    let [_, a, b, c] = length.to_be_bytes();
    let [d, e, f, g] = stream.to_be_bytes();
    output.extend_from_slice(&[a, b, c, frame_type, flags, d, e, f, g]);
    output.extend_from_slice(payload);
}
