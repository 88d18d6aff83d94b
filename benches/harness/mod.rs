//! What every measurement of clients stands on: a server that is never the bottleneck, works to be
//! done, and the clocks that tell what they cost.
//!
//! A measurement is a process of its own, so that a client's processor time is all of its process's
//! and nobody else's: the program that measures runs itself again as [`CLIENT`], and as the server.
//! Programs in other packages and languages take the same arguments and answer with the same line.

pub(crate) mod load;
pub(crate) mod prepared;
pub(crate) mod processor;
pub(crate) mod work;

/// The argument that makes a program a client; there follow its name, a work's name, by what the
/// numbers of requests are divided, and the site.
pub(crate) const CLIENT: &str = "client";

/// What a client says that cannot do a work.
pub(crate) const CANNOT: &str = "cannot";
