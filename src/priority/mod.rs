//! How soon a response is wanted, and whether parts of it are of use (RFC 9218).
//!
//! A [`Priority`] among a request's extensions becomes its `priority` field, on HTTP/2 and on
//! HTTP/1.1, where the server may heed it. A field that the caller has written stands as it is. On
//! HTTP/2 the request's own body goes by it, too: see [below](#bodies). One that is to change while
//! the request is under way is a [`Handle`]:
//!
//! ```
//! use towline::priority::{Priority, Urgency};
//!
//! # fn main() -> Result<(), http::Error> {
//! let priority = Priority::new(Urgency::BACKGROUND).adjustable();
//! let request = http::Request::get("https://example.com/large")
//!     .extension(priority.clone())
//!     .body(())?;
//! // ... and while the transport carries it out, somebody begins to wait for it:
//! priority.set(Priority::new(Urgency::HIGHEST));
//! # let _ = request;
//! # Ok(())
//! # }
//! ```
//!
//! # Bodies
//!
//! Request bodies share the connection by turns of one DATA frame each. The most urgent goes first.
//! Of one urgency, those that are not incremental go one after the other, in the order in which the
//! requests were opened; the incremental ones, and all those together that are not, take turns. A
//! request without a priority is incremental and of urgency 3 in this, though the server is told
//! nothing. A body that has nothing to give, or no window, holds up nobody.
//!
//! No urgency starves: one that has waited for fifteen turns of more urgent ones gets the next. Within
//! one urgency there is no such share: a body that is not incremental and never ends holds those
//! after it up for as long as it has something to give.
//!
//! Owns: the words of RFC 9218 and how they are written; the cell by which a priority changes. Never:
//! orders anything itself.
//! Spec: RFC 9218 §4, §5; RFC 8941.

mod dictionary;
mod handle;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

pub(crate) use self::handle::Follow;
pub use self::handle::Handle;

use self::dictionary::Value;

/// The field (RFC 9218 §5).
pub(crate) const FIELD: HeaderName = HeaderName::from_static("priority");

/// How urgent a response is, from 0, the most urgent, to 7 (RFC 9218 §4.1). Default 3.
///
/// It orders by its number, so what is more urgent is less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Urgency(u8);

impl Urgency {
    /// 0: before everything else.
    pub const HIGHEST: Self = Self(0);
    /// 3: what holds where nothing is said.
    pub const DEFAULT: Self = Self(3);
    /// 7: for what nobody waits for, such as the download of an update (RFC 9218 §4.1).
    pub const BACKGROUND: Self = Self(7);

    /// How many there are.
    pub(crate) const COUNT: usize = 8;

    /// The urgency of that number; `None` above 7.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::BACKGROUND.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number, 0 to 7.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Urgency {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Urgency({})", self.0)
    }
}

/// How a response is to be treated beside others (RFC 9218 §4), as an extension of its request. See
/// the [module](self).
///
/// As text it is the value of a `priority` field, in which only stands what differs from the default:
///
/// ```
/// use towline::priority::{Priority, Urgency};
///
/// let priority: Priority = "u=1, i".parse().unwrap();
/// assert_eq!(priority, Priority::new(Urgency::new(1).unwrap()).incremental(true));
/// assert_eq!(priority.to_string(), "u=1, i");
/// assert_eq!(Priority::default().to_string(), "");
/// ```
///
/// The default itself is therefore no field at all, which to a server is the same (RFC 9218 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Priority {
    /// How soon the response is wanted. Default 3.
    pub urgency: Urgency,
    /// Whether parts of the response are of use as they come, so that it may share the connection
    /// with others of its urgency (RFC 9218 §4.2). Default false: one after the other.
    pub incremental: bool,
}

/// Every value of the field, by the [number](Priority::to_number) of its priority.
const VALUES: [&str; 2 * Urgency::COUNT] = [
    "u=0", "u=1", "u=2", "", "u=4", "u=5", "u=6", "u=7", //
    "u=0, i", "u=1, i", "u=2, i", "i", "u=4, i", "u=5, i", "u=6, i", "u=7, i",
];

impl Priority {
    const INCREMENTAL: u8 = 0b1000;

    /// A priority of this urgency, not incremental.
    #[must_use]
    pub const fn new(urgency: Urgency) -> Self {
        Self {
            urgency,
            incremental: false,
        }
    }

    /// The same, incremental or not.
    #[must_use]
    pub const fn incremental(mut self, incremental: bool) -> Self {
        self.incremental = incremental;
        self
    }

    /// A handle by which it can be changed while its request is under way.
    #[must_use]
    pub fn adjustable(self) -> Handle {
        Handle::new(self)
    }

    /// What the `priority` field of a message says, all its lines together; `None` if there is none,
    /// or if it is malformed, which is as good as none (RFC 8941 §4.2).
    #[must_use]
    pub fn from_fields(fields: &HeaderMap) -> Option<Self> {
        let mut lines = fields.get_all(FIELD).iter();
        let first = lines.next()?.as_bytes();
        let mut more = lines.peekable();
        if more.peek().is_none() {
            return Self::parse(first);
        }
        let mut joined = first.to_vec();
        for line in more {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(line.as_bytes());
        }
        Self::parse(&joined)
    }

    /// The value of the field; empty for the default.
    pub(crate) fn as_str(self) -> &'static str {
        VALUES[usize::from(self.to_number())]
    }

    /// The value of the field, where there is to be one: an empty dictionary is no field at all
    /// (RFC 8941 §3.2).
    pub(crate) fn field_value(self) -> Option<&'static str> {
        Some(self.as_str()).filter(|value| !value.is_empty())
    }

    /// RFC 9218 §4: parameters that are unknown, out of range or of another type are ignored.
    fn parse(value: &[u8]) -> Option<Self> {
        let mut priority = Self::default();
        dictionary::for_each_member(value, &mut |key, value| match (key, value) {
            // RFC 8941 §4.2.2: of members of one name, the last one counts.
            (b"u", value) => {
                let urgency = match value {
                    Value::Integer(number) => u8::try_from(number).ok().and_then(Urgency::new),
                    Value::Boolean(_) | Value::Other => None,
                };
                priority.urgency = urgency.unwrap_or_default();
            }
            (b"i", value) => priority.incremental = value == Value::Boolean(true),
            _ => {}
        })?;
        Some(priority)
    }

    /// 0 to 15.
    const fn to_number(self) -> u8 {
        let incremental = if self.incremental {
            Self::INCREMENTAL
        } else {
            0
        };
        self.urgency.0 | incremental
    }

    const fn from_number(number: u8) -> Self {
        Self {
            urgency: Urgency(number & Urgency::BACKGROUND.0),
            incremental: number & Self::INCREMENTAL != 0,
        }
    }
}

/// What a request's extensions say; a handle before a value.
fn extension(extensions: &Extensions) -> Option<Priority> {
    match extensions.get::<Handle>() {
        Some(handle) => Some(handle.get()),
        None => extensions.get().copied(),
    }
}

/// The priority for which a field is added to a request: that of its extensions, unless the caller
/// has written the field.
pub(crate) fn added(fields: &HeaderMap, extensions: &Extensions) -> Option<Priority> {
    extension(extensions).filter(|_| !fields.contains_key(FIELD))
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Priority> for HeaderValue {
    fn from(priority: Priority) -> Self {
        Self::from_static(priority.as_str())
    }
}

/// The text is no dictionary (RFC 8941 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of a priority field is no dictionary")
    }
}

impl std::error::Error for Malformed {}

/// Reads the value of a `priority` field. What is well-formed and no priority parameter, or none in
/// its range, is passed over (RFC 9218 §4).
impl FromStr for Priority {
    type Err = Malformed;

    fn from_str(value: &str) -> Result<Self, Malformed> {
        Self::parse(value.as_bytes()).ok_or(Malformed)
    }
}
