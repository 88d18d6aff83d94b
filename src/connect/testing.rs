//! What the tests of this module share.

use crate::netloc::Netloc;

use super::Destination;

pub(super) fn netloc(uri: &str) -> Netloc {
    Netloc::from_uri(&uri.parse().expect("a URI that http can read")).expect("an absolute URI")
}

pub(super) fn destination(uri: &str) -> Destination {
    Destination::new(netloc(uri))
}
