//! The driver on a socket that a test holds up, breaks and ends, on a paused clock.

mod early;
mod ends;
mod flow;
mod idle;
mod socket;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, header};

use self::socket::Socket;
use super::{Http1Config, Http1Driver};
use crate::{
    body::{Outcome, OutgoingBody, OutgoingRequest, Part, Slot},
    driver::{Endpoint, Handle},
    error::Error,
    http1::{self, Target},
    netloc::Netloc,
};

/// A driver for this socket, and its handle.
fn drive(socket: &Socket) -> Handle {
    drive_over("http://peer/", socket)
}

fn drive_over(url: &str, socket: &Socket) -> Handle {
    let (driver, handle) = driver(url, socket);
    tokio::spawn(driver.run());
    handle
}

fn driver(url: &str, socket: &Socket) -> (Http1Driver, Handle) {
    let endpoint = Endpoint {
        netloc: Netloc::from_uri(&url.parse().unwrap()).unwrap(),
        remote: None,
        alpn: None,
        is_encrypted: url.starts_with("https:"),
    };
    let config = Http1Config {
        engine: http1::Config::default(),
        write_timeout: Some(Duration::from_secs(30)),
    };
    Http1Driver::new(Box::new(socket.clone()), endpoint, config)
}

/// Gives the driver all the turns that it wants, and next to no time.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Sends a GET, and gives its slot.
fn get(handle: &Handle) -> Arc<Slot> {
    send(handle, Method::GET, OutgoingBody::Empty)
}

fn send(handle: &Handle, method: Method, body: OutgoingBody) -> Arc<Slot> {
    send_with(handle, method, &[], body)
}

fn request(method: Method, body: OutgoingBody) -> OutgoingRequest {
    let request = http::Request::builder().method(method).uri("http://peer/");
    OutgoingRequest {
        parts: request.body(()).unwrap().into_parts().0,
        body,
        target: Target::Origin,
    }
}

fn send_with(
    handle: &Handle,
    method: Method,
    fields: &[(header::HeaderName, &'static str)],
    body: OutgoingBody,
) -> Arc<Slot> {
    assert!(handle.try_reserve());
    let mut request = request(method, body);
    for (name, value) in fields {
        let value = http::HeaderValue::from_static(value);
        request.parts.headers.insert(name, value);
    }
    let slot = Slot::new(request, handle.control());
    assert!(handle.send(Arc::clone(&slot)));
    slot
}

async fn outcome(slot: &Slot) -> Outcome {
    std::future::poll_fn(|cx| slot.poll_head(cx)).await
}

/// The failure of an exchange that is not sent again.
async fn failure(slot: &Slot) -> Error {
    match outcome(slot).await {
        Outcome::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

/// The status of a response, whose head must have come.
async fn status(slot: &Slot) -> u16 {
    match outcome(slot).await {
        Outcome::Answered(answer) => answer.head.status.as_u16(),
        other => panic!("{other:?}"),
    }
}

/// The next content of a response.
async fn data(slot: &Slot) -> Bytes {
    match std::future::poll_fn(|cx| slot.poll_part(cx)).await {
        Some(Ok(Part::Data(data))) => data,
        other => panic!("{other:?}"),
    }
}

/// A request's body, whole.
fn whole(text: &'static str) -> OutgoingBody {
    OutgoingBody::Whole(Bytes::from_static(text.as_bytes()))
}
