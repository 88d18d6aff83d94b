//! Dictionaries of structured fields, as far as a priority needs them (RFC 8941).
//!
//! Owns: the syntax, all of it, since one fault anywhere spoils a field; of the values, those that a
//! priority consists of. Never: knows what a member means.
//! Spec: RFC 8941 §3.2, §4.2.

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Boolean(bool),
    /// Of another type: well-formed, and of no use here.
    Other,
}

/// Hands over the members in their order, parameters left out; `None` if the octets are no
/// dictionary, whatever was handed over before.
pub(super) fn for_each_member(octets: &[u8], emit: &mut impl FnMut(&[u8], Value)) -> Option<()> {
    let mut input = Input(octets);
    input.skip(|octet| octet == b' ');
    while !input.0.is_empty() {
        let key = input.key()?;
        let value = if input.take(b'=') {
            input.item_or_list()?
        } else {
            Value::Boolean(true)
        };
        input.parameters()?;
        emit(key, value);
        if input.is_padding() {
            break;
        }
        input.skip(is_white);
        if !input.take(b',') {
            return None;
        }
        input.skip(is_white);
        if input.0.is_empty() {
            // A comma with nothing after it.
            return None;
        }
    }
    Some(())
}

/// What is still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        self.take_while(is_skipped);
    }

    fn take_while(&mut self, is_taken: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|octet| !is_taken(*octet));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn take(&mut self, expected: u8) -> bool {
        let is_there = self.0.first() == Some(&expected);
        if is_there {
            self.0 = &self.0[1..];
        }
        is_there
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Whether only what RFC 8941 §4.2 strips from the end is left.
    fn is_padding(&self) -> bool {
        self.0.iter().all(|octet| *octet == b' ')
    }

    /// RFC 8941 §4.2.3.3.
    fn key(&mut self) -> Option<&'a [u8]> {
        let first = self.0.first()?;
        if !first.is_ascii_lowercase() && *first != b'*' {
            return None;
        }
        Some(self.take_while(|octet| {
            octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"_-.*".contains(&octet)
        }))
    }

    /// RFC 8941 §4.2.3.2; what parameters say is of no use here.
    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(|octet| octet == b' ');
            self.key()?;
            if self.take(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }

    /// RFC 8941 §4.2.1.1, §4.2.1.2.
    fn item_or_list(&mut self) -> Option<Value> {
        if !self.take(b'(') {
            return self.bare_item();
        }
        loop {
            self.skip(|octet| octet == b' ');
            if self.take(b')') {
                return Some(Value::Other);
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    /// RFC 8941 §4.2.3.1.
    fn bare_item(&mut self) -> Option<Value> {
        match *self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip(|octet| is_token(octet) || octet == b':' || octet == b'/');
                Some(Value::Other)
            }
            b':' => {
                self.next();
                self.skip(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(&octet));
                self.take(b':').then_some(Value::Other)
            }
            b'?' => {
                self.next();
                match self.next()? {
                    b'0' => Some(Value::Boolean(false)),
                    b'1' => Some(Value::Boolean(true)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// RFC 8941 §4.2.4: integers of at most 15 digits, decimals of at most 12 and 3.
    fn number(&mut self) -> Option<Value> {
        let is_negative = self.take(b'-');
        let digits = self.take_while(|octet| octet.is_ascii_digit());
        if self.take(b'.') {
            let fraction = self.take_while(|octet| octet.is_ascii_digit());
            let is_decimal = (1..=12).contains(&digits.len()) && (1..=3).contains(&fraction.len());
            return is_decimal.then_some(Value::Other);
        }
        if !(1..=15).contains(&digits.len()) {
            return None;
        }
        let add = |number: i64, digit: &u8| number * 10 + i64::from(digit - b'0');
        let number = digits.iter().fold(0, add);
        Some(Value::Integer(if is_negative { -number } else { number }))
    }

    /// RFC 8941 §4.2.5.
    fn string(&mut self) -> Option<Value> {
        self.next();
        loop {
            match self.next()? {
                b'"' => return Some(Value::Other),
                b'\\' => {
                    if !matches!(self.next()?, b'"' | b'\\') {
                        return None;
                    }
                }
                b' '..=b'~' => {}
                _ => return None,
            }
        }
    }
}

const fn is_white(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// RFC 9110 §5.6.2.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}
