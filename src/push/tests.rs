//! What no server can bring about at will: a promise that comes as its request is left.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Response};

use super::{Promise, PromisedHead, Responder, channel};
use crate::{
    body::{Answer, ExchangeControl, ExchangeId, ResponseBody, Slot},
    error::Error,
    http2::{Credit, StreamId},
};

/// Remembers what was cancelled and claimed.
#[derive(Debug, Default)]
struct Driver {
    cancelled: Mutex<Vec<ExchangeId>>,
    claimed: Mutex<Vec<ExchangeId>>,
}

impl ExchangeControl for Driver {
    fn release(&self, _: ExchangeId, _: Credit) {}

    fn resume(&self, _: ExchangeId) {}

    fn cancel(&self, id: ExchangeId) {
        self.cancelled.lock().unwrap().push(id);
    }

    fn claim(&self, id: ExchangeId) {
        self.claimed.lock().unwrap().push(id);
    }

    fn credit_step(&self) -> u32 {
        1
    }
}

#[derive(Debug)]
struct Nobody;

impl Responder for Nobody {
    fn respond(&self, _: Arc<Slot>, _: Method, _: Answer) -> Result<Response<ResponseBody>, Error> {
        unreachable!("no head comes")
    }
}

fn promise(driver: &Arc<Driver>, id: u32) -> (Promise, PromisedHead) {
    let id = StreamId::from_wire(id);
    let slot = Slot::promised(id.into(), Arc::<Driver>::clone(driver));
    let head = PromisedHead {
        method: Method::GET,
        uri: "http://peer.test/".parse().unwrap(),
        headers: HeaderMap::new(),
        content_length: None,
    };
    (Promise::new(StreamId::FIRST, id, slot), head)
}

/// The ids of streams.
fn ids(streams: &[u32]) -> Vec<ExchangeId> {
    let ids = streams.iter().copied().map(StreamId::from_wire);
    ids.map(ExchangeId::from).collect()
}

#[test]
fn a_promise_that_comes_after_its_request_was_left_is_given_back() {
    let driver = Arc::new(Driver::default());
    let (sink, mut pushes) = channel();
    let promisee = sink.bind(Arc::new(Nobody));
    let other = sink.bind(Arc::new(Nobody));
    let (waits, head) = promise(&driver, 2);
    promisee.take(waits, head).unwrap();
    promisee.leave();
    assert_eq!(*driver.cancelled.lock().unwrap(), ids(&[2]));
    let (late, head) = promise(&driver, 4);
    let late = promisee.take(late, head).unwrap_err();
    assert!(late.into_slot().is_some());
    // It is for whoever gave it to refuse it.
    assert_eq!(*driver.cancelled.lock().unwrap(), ids(&[2]));
    let (of_other, head) = promise(&driver, 6);
    other.take(of_other, head).unwrap();
    assert_eq!(pushes.try_next().unwrap().stream_id().as_u32(), 6);
    assert!(pushes.try_next().is_none());
}

#[test]
fn a_promise_is_claimed_when_its_response_is_first_waited_for() {
    let driver = Arc::new(Driver::default());
    let (sink, mut pushes) = channel();
    let (promise, head) = promise(&driver, 2);
    sink.bind(Arc::new(Nobody)).take(promise, head).unwrap();
    let mut response = Box::pin(pushes.try_next().unwrap().response());
    assert!(driver.claimed.lock().unwrap().is_empty());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..2 {
        assert!(response.as_mut().poll(&mut cx).is_pending());
        assert_eq!(*driver.claimed.lock().unwrap(), ids(&[2]));
    }
    drop(response);
    assert_eq!(*driver.cancelled.lock().unwrap(), ids(&[2]));
}
