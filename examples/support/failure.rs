//! An error for people: what failed, and below it each cause down to the root.

use std::{error::Error, fmt};

/// Why an example failed. `main` returns it, and Rust prints its `Debug` form: a line a cause.
pub(crate) struct Failure {
    /// The outermost first.
    lines: Vec<String>,
}

impl Failure {
    /// Puts a line above, of which all that was said so far is the cause.
    pub(crate) fn under(mut self, what: impl Into<String>) -> Self {
        self.lines.insert(0, what.into());
        self
    }
}

/// Every error becomes a failure by `?`, with the whole chain of its sources.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut lines = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            lines.push(error.to_string());
            cause = error.source();
        }
        Self { lines }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n  because "))
    }
}

/// Says what was being done when an error came.
pub(crate) trait While<T> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> While<T> for Result<T, E> {
    fn during(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().under(format!("{} failed", what.into())))
    }
}
