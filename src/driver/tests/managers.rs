//! Window managers of callers' own, which are foreign code in the driver's task.

use std::{
    sync::{Weak, mpsc},
    time::Instant,
};

use super::*;
use crate::http2::flow::{Fixed, Managers, Scope, WindowManager, WindowView};

/// A connection whose peer takes everything, past the preface.
async fn connected() -> (Pipe, Handle) {
    let pipe = Pipe::default();
    let handle = drive(pipe.clone());
    pipe.change(|state| state.room = usize::MAX);
    pipe.change(|state| state.inbound.extend_from_slice(&GREETING));
    tokio::time::sleep(Duration::from_secs(1)).await;
    (pipe, handle)
}

fn managed(managers: Managers) -> http::Request<()> {
    let mut request = http::Request::get("http://peer/").body(()).unwrap();
    request.extensions_mut().insert(managers);
    request
}

/// A manager that panics when it is dropped.
struct Grenade;

impl WindowManager for Grenade {
    fn on_consumed(&mut self, _: Instant, _: u32, _: &WindowView) -> u32 {
        0
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("a manager's destructor panics");
    }
}

/// The panic ends the task in the middle of a batch of commands: behind it stand requests that are
/// neither in the mailbox nor on streams.
#[tokio::test(start_paused = true)]
async fn a_panic_between_two_commands_leaves_nobody_waiting() {
    let (pipe, handle) = connected().await;
    let managers = Managers::new(|_: Scope, _: u32| Grenade);
    let first = send_request(&handle, managed(managers), OutgoingBody::Empty);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pipe.heads(), 1);

    first.abandon();
    let behind = [get(&handle), get(&handle)];
    for slot in behind {
        let outcome = tokio::time::timeout(Duration::from_secs(60), outcome(&slot)).await;
        let Ok(Outcome::Unsent(_, error)) = outcome else {
            panic!("they were never written");
        };
        assert_eq!((error.kind(), error.retry()), (Kind::Shutdown, Retry::Safe));
    }
    assert!(!handle.is_open());
    assert_eq!(handle.in_use(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_fails_no_request() {
    let (pipe, handle) = connected().await;
    let managers = Managers::new(|_: Scope, _: u32| -> Fixed { panic!("as it is meant to") });
    let slots = [
        get(&handle),
        send_request(&handle, managed(managers), OutgoingBody::Empty),
        get(&handle),
    ];
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pipe.heads(), 3);
    for (index, slot) in slots.iter().enumerate() {
        // `:status: 200` and END_STREAM.
        let id = u8::try_from(index * 2 + 1).unwrap();
        pipe.change(|state| {
            let head = [0, 0, 1, 1, 5, 0, 0, 0, id, 0x88];
            state.inbound.extend_from_slice(&head);
        });
        assert!(matches!(outcome(slot).await, Outcome::Answered(_)));
    }
}

/// Asks a slot from another thread; whether an answer comes.
fn is_free(slot: &Arc<Slot>) -> bool {
    let (answer, answered) = mpsc::channel();
    let slot = Arc::clone(slot);
    std::thread::spawn(move || answer.send(slot.is_under_way()));
    answered.recv_timeout(Duration::from_secs(5)).is_ok()
}

/// What a factory and a manager find when they are asked about a new stream.
#[derive(Clone, Default)]
struct Asked {
    slot: Arc<Mutex<Weak<Slot>>>,
    found: Arc<Mutex<Vec<bool>>>,
}

impl Asked {
    fn look(&self) {
        let slot = self.slot.lock().unwrap().upgrade();
        let found = is_free(&slot.expect("a request that is being opened"));
        self.found.lock().unwrap().push(found);
    }
}

impl WindowManager for Asked {
    fn on_open(&mut self, _: Instant, _: &WindowView) -> u32 {
        self.look();
        77
    }

    fn on_consumed(&mut self, _: Instant, _: u32, _: &WindowView) -> u32 {
        0
    }
}

/// A caller may hold a lock that a factory takes, and drop a response future meanwhile, which takes
/// the slot's.
#[tokio::test(start_paused = true)]
async fn managers_are_made_and_asked_while_the_slot_is_free() {
    let (pipe, handle) = connected().await;
    let asked = Asked::default();
    let made = asked.clone();
    let managers = Managers::new(move |_: Scope, _: u32| {
        made.look();
        made.clone()
    });
    let slot = send_request(&handle, managed(managers), OutgoingBody::Empty);
    *asked.slot.lock().unwrap() = Arc::downgrade(&slot);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*asked.found.lock().unwrap(), [true, true]);
    // Its answer goes out with the head.
    let update = (http2::frame::FrameType::WINDOW_UPDATE, 0, vec![0, 0, 0, 77]);
    assert_eq!(sent(&pipe), [update]);
}
