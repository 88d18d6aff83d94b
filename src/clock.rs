//! The sole reading of the clock; every layer below is handed its instants.

use std::time::Instant;

/// The present. It follows tokio's clock, so that tests may pause time.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
