//! The steps of both sides, and how often each is taken.

use proptest::{collection::vec, prelude::*};
use towline::{
    http2::frame::SettingId,
    priority::{Priority, Urgency},
};

/// One step. Streams are picked among those for which the step makes sense.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Open(Body, Option<Priority>),
    /// Gives so many octets to each stream that is asked for some.
    Feed(usize),
    /// Gives octets that nobody asked for.
    Push(usize, usize),
    Finish(usize, bool),
    Release(usize),
    Cancel(usize),
    Prioritize(usize, Priority),
    /// Somebody reads a push, or nobody will.
    Claim(usize, bool),
    Ping,
    Retire,
    /// The peer reads what was sent.
    Read,
    /// The caller looks at what was reported.
    Look,
    /// Time goes by, in milliseconds.
    Wait(u64),
    Interim(usize),
    Head(usize, bool),
    Content(usize, usize, Option<u8>, bool),
    Trailers(usize),
    Reset(usize),
    /// On a stream of the client's, so many identifiers on.
    Promise(usize, u32, Promised),
    Grant(usize, u32),
    GrantConnection(u32),
    Settings(SettingId, u32),
    PeerPing,
    PeerGoAway(u32),
    Useless(u32),
    /// A frame of any kind and content.
    Rogue(u8, u8, u32, Vec<u8>),
    /// Octets of any kind, after which the peer says nothing more.
    Noise(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    Empty,
    Whole(usize),
    Streaming,
}

/// What is promised.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Promised {
    Good,
    /// A method that is not safe.
    Unsafe,
    /// An origin that the connection does not speak for.
    Foreign,
    /// Fields of so many octets.
    Large(usize),
}

fn caller_step() -> impl Strategy<Value = Step> {
    let body = prop_oneof![
        Just(Body::Empty),
        (0_usize..40_000).prop_map(Body::Whole),
        Just(Body::Streaming),
    ];
    let pick = 0_usize..8;
    prop_oneof![
        4 => (body, prop::option::of(any_priority()))
            .prop_map(|(body, priority)| Step::Open(body, priority)),
        4 => (0_usize..30_000).prop_map(Step::Feed),
        1 => (pick.clone(), 0_usize..3_000).prop_map(|(pick, octets)| Step::Push(pick, octets)),
        2 => (pick.clone(), any::<bool>()).prop_map(|(pick, with)| Step::Finish(pick, with)),
        3 => pick.clone().prop_map(Step::Release),
        1 => pick.clone().prop_map(Step::Cancel),
        2 => (pick.clone(), prop::bool::weighted(0.7))
            .prop_map(|(pick, wanted)| Step::Claim(pick, wanted)),
        1 => (pick, any_priority()).prop_map(|(pick, priority)| Step::Prioritize(pick, priority)),
        1 => Just(Step::Ping),
        5 => Just(Step::Read),
        3 => Just(Step::Look),
    ]
}

fn any_priority() -> impl Strategy<Value = Priority> {
    (0_u8..8, any::<bool>()).prop_map(|(urgency, incremental)| {
        let urgency = Urgency::new(urgency).expect("below eight");
        Priority::new(urgency).incremental(incremental)
    })
}

fn peer_step() -> impl Strategy<Value = Step> {
    let pick = 0_usize..8;
    let end = prop::bool::weighted(0.3);
    let padding = prop::option::weighted(0.3, any::<u8>());
    let setting = prop_oneof![
        (Just(SettingId::INITIAL_WINDOW_SIZE), 0_u32..100_000),
        (Just(SettingId::MAX_FRAME_SIZE), 16_384_u32..40_000),
        (Just(SettingId::HEADER_TABLE_SIZE), 0_u32..8_192),
        (Just(SettingId::MAX_CONCURRENT_STREAMS), 1_u32..12),
        (Just(SettingId::MAX_HEADER_LIST_SIZE), 1_000_u32..2_000),
    ];
    let promised = prop_oneof![
        6 => Just(Promised::Good),
        1 => Just(Promised::Unsafe),
        1 => Just(Promised::Foreign),
        1 => (0_usize..25_000).prop_map(Promised::Large),
    ];
    prop_oneof![
        3 => (pick.clone(), 1_u32..4, promised)
            .prop_map(|(pick, skip, promised)| Step::Promise(pick, skip, promised)),
        1 => pick.clone().prop_map(Step::Interim),
        4 => (pick.clone(), end).prop_map(|(pick, end)| Step::Head(pick, end)),
        6 => (pick.clone(), 0_usize..16_000, padding, end)
            .prop_map(|(pick, octets, padding, end)| Step::Content(pick, octets, padding, end)),
        1 => pick.clone().prop_map(Step::Trailers),
        1 => pick.clone().prop_map(Step::Reset),
        3 => (pick, 1_u32..70_000).prop_map(|(pick, octets)| Step::Grant(pick, octets)),
        3 => (1_u32..70_000).prop_map(Step::GrantConnection),
        1 => setting.prop_map(|(id, value)| Step::Settings(id, value)),
        1 => Just(Step::PeerPing),
        1 => any::<u32>().prop_map(Step::Useless),
    ]
}

/// Steps that end a connection sooner or later.
fn last_step() -> impl Strategy<Value = Step> {
    let id = prop_oneof![0_u32..12, any::<u32>()];
    let payload = prop_oneof![vec(any::<u8>(), 0..12), vec(any::<u8>(), 0..200)];
    prop_oneof![
        1 => Just(Step::Retire),
        2 => (0_u32..20).prop_map(Step::PeerGoAway),
        8 => (0_u8..12, any::<u8>(), id, payload)
            .prop_map(|(kind, flags, id, payload)| Step::Rogue(kind, flags, id, payload)),
        1 => vec(any::<u8>(), 0..40).prop_map(Step::Noise),
    ]
}

pub(crate) fn good_step() -> impl Strategy<Value = Step> {
    prop_oneof![caller_step(), peer_step()]
}

pub(crate) fn good_steps() -> impl Strategy<Value = Vec<Step>> {
    vec(good_step(), 1..150)
}

pub(crate) fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    vec(
        prop_oneof![8 => caller_step(), 8 => peer_step(), 1 => last_step()],
        1..150,
    )
}
