//! What the interop tests share: real servers under our control, and the cases put to each.
//!
//! Owns: starting, reloading and stopping servers; certificates; bodies whose content can be
//! checked at any offset; the cases. Refuses: to skip in silence. A server that is not installed
//! fails its tests, and a case that a server cannot play is an ignored test with the reason.

pub mod cases;
mod client;
mod files;
mod pattern;
mod pki;
mod port;
mod process;
mod site;
mod software;
pub mod wire;

pub use self::{
    client::Client,
    files::LARGE_LEN,
    pattern::Pattern,
    pki::Pki,
    port::free_port,
    site::Site,
    software::{Protocol, Scheme, Software},
};

use std::time::Duration;

/// How long one case may take: none needs a tenth of it, and a hang must not stop the run.
pub const CASE_LIMIT: Duration = Duration::from_secs(120);

/// Starts a server and puts one case to it.
///
/// # Panics
/// When the case fails, or runs out of time.
pub fn play(
    software: Software,
    scheme: Scheme,
    protocol: Protocol,
    case: impl AsyncFnOnce(&mut Site),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let mut site = Site::start(software, scheme, protocol).await;
        let played = tokio::time::timeout(CASE_LIMIT, case(&mut site)).await;
        assert!(played.is_ok(), "no end after {CASE_LIMIT:?}");
    });
}
