//! What is mounted, in an order that finds it fast.
//!
//! Owns: the mounts, sorted, and for each the next wider one.
//! Never: allocates, or looks at a service, to find one.
//! Invariant: the mounts that cover a place are the last one not after it in the order, or wider
//! ones of that; so a search in the sorted row and a climb find the narrowest.

use http::Uri;

use super::prefix::{Place, Prefix};
use crate::netloc::Netloc;

/// Services by their prefixes, and the one for the rest.
#[derive(Clone)]
pub(super) struct Table<S> {
    mounts: Vec<Mount<S>>,
    pub(super) fallback: S,
}

/// One mounted service.
#[derive(Clone)]
pub(super) struct Mount<S> {
    pub(super) prefix: Prefix,
    pub(super) service: S,
    /// Where the narrowest of those stands that cover this one.
    wider: Option<usize>,
}

impl<S> Table<S> {
    pub(super) const fn new(fallback: S) -> Self {
        Self {
            mounts: Vec::new(),
            fallback,
        }
    }

    /// Puts a service in its place; the one that was there comes back.
    pub(super) fn insert(&mut self, prefix: Prefix, service: S) -> Option<S> {
        match self.position(&prefix) {
            Ok(index) => Some(std::mem::replace(&mut self.mounts[index].service, service)),
            Err(index) => {
                let mount = Mount {
                    prefix,
                    service,
                    wider: None,
                };
                self.mounts.insert(index, mount);
                self.link();
                None
            }
        }
    }

    pub(super) fn remove(&mut self, prefix: &Prefix) -> Option<S> {
        let index = self.position(prefix).ok()?;
        let mount = self.mounts.remove(index);
        self.link();
        Some(mount.service)
    }

    pub(super) fn mounts(&self) -> &[Mount<S>] {
        &self.mounts
    }

    /// The mount with the longest prefix that covers the URI.
    pub(super) fn find(&self, uri: &Uri) -> Option<&Mount<S>> {
        if self.mounts.is_empty() {
            return None;
        }
        let netloc = Netloc::from_uri(uri).ok()?;
        let place = Place::of(&netloc, uri.path());
        let is_not_after = |mount: &Mount<S>| mount.prefix.place().order(&place).is_le();
        let end = self.mounts.partition_point(is_not_after);
        let index = self.narrowest(end, &place)?;
        Some(&self.mounts[index])
    }

    /// The narrowest mount that covers a place, which stands before `end` and after all before it.
    fn narrowest<T: AsRef<str>>(&self, end: usize, place: &Place<T>) -> Option<usize> {
        let mut at = end.checked_sub(1);
        while let Some(index) = at {
            let mount = &self.mounts[index];
            if mount.prefix.place().covers(place) {
                break;
            }
            at = mount.wider;
        }
        at
    }

    fn position(&self, prefix: &Prefix) -> Result<usize, usize> {
        let order = |mount: &Mount<S>| mount.prefix.place().order(prefix.place());
        self.mounts.binary_search_by(order)
    }

    fn link(&mut self) {
        for index in 0..self.mounts.len() {
            // Those before it are linked already.
            let wider = self.narrowest(index, self.mounts[index].prefix.place());
            self.mounts[index].wider = wider;
        }
    }
}
