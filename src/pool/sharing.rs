//! How many exchanges a key's connections carry at a time.

/// What is known of the connections of a key before one is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nothing: the server chooses, and one dial for all who wait finds out.
    #[default]
    Unknown,
    /// One exchange at a time (HTTP/1.1): whoever waits needs a connection of their own.
    Exclusive,
    /// Many at a time (HTTP/2): one connection is for all.
    Multiplexed,
}
