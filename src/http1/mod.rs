//! The HTTP/1.1 engine: arithmetic on octets, instants and commands (RFC 9112).
//!
//! Nothing here reads a socket, a clock or an environment variable, and nothing waits. An [`Engine`]
//! is a client's end of one connection. It carries one exchange at a time (no pipelining), and as
//! many in a row as both sides allow.
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::{Buf, BytesMut};
//! use towline::http1::{BodyLength, BodyPlan, Config, Engine, Event, Output, RequestHead, Target};
//!
//! let (parts, ()) = http::Request::get("http://example.com/a").body(())?.into_parts();
//! let head = RequestHead::from_parts(&parts, Target::Origin, BodyLength::Known(0))?;
//!
//! let mut engine = Engine::new(Config::default());
//! engine.open(Instant::now(), &head, BodyPlan::Empty)?;
//! let mut output = Output::default();
//! engine.poll_output(&mut output);
//! assert_eq!(output.chunk(), b"GET /a HTTP/1.1\r\nhost: example.com\r\n\r\n");
//!
//! let mut input = BytesMut::from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
//! engine.handle_input(Instant::now(), &mut input);
//! assert!(matches!(engine.poll_event(), Some(Event::Head { is_end: false, .. })));
//! assert!(matches!(engine.poll_event(), Some(Event::Data { is_end: true, .. })));
//! assert!(matches!(engine.poll_event(), Some(Event::Finished)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How to drive it
//!
//! | family | methods |
//! |---|---|
//! | wire in | [`handle_input`](Engine::handle_input), [`handle_eof`](Engine::handle_eof) |
//! | clock in | [`handle_timeout`](Engine::handle_timeout) |
//! | commands in | [`open`](Engine::open), [`send_data`](Engine::send_data), [`finish`](Engine::finish), [`cancel`](Engine::cancel), [`close`](Engine::close) |
//! | facts out | [`poll_event`](Engine::poll_event) |
//! | wire out | [`poll_output`](Engine::poll_output) |
//! | clock out | [`poll_timeout`](Engine::poll_timeout) |
//!
//! After anything went in, take all events, then the output until it is drained, and then look at
//! the events again: a request that is wholly out can be what an exchange was waiting for.

mod engine;
mod framing;
mod limits;
mod recv;
mod request;
mod response;
mod send;
mod violation;

pub use self::{
    engine::{BodyPlan, Closure, Config, Engine, Event, Failure, Progress, Refusal, State},
    limits::Limits,
    request::{BodyLength, RequestError, RequestHead, Target},
    response::{ReasonPhrase, ResponseHead},
    violation::Violation,
};
pub use crate::output::Output;
