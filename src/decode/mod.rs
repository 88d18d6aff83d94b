//! Content codings on their way in.
