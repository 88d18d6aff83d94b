//! content-length (RFC 9110 §8.6): read strictly, for what it says decides where a message ends.

use http::{HeaderMap, header};

/// A content-length that is no number, does not fit 64 bits, or disagrees with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidContentLength;

/// Why a request cannot say how long its content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LengthFault {
    /// The content-length is no number, or differs from another.
    Invalid,
    /// The content-length differs from that of the body.
    Differs,
}

/// The length that the caller's field declares, or else what is known of the body.
pub(crate) fn declared(
    headers: &HeaderMap,
    of_body: Option<u64>,
) -> Result<Option<u64>, LengthFault> {
    let declared = read(headers).map_err(|_| LengthFault::Invalid)?;
    match (declared, of_body) {
        (Some(declared), Some(of_body)) if declared != of_body => Err(LengthFault::Differs),
        (declared, of_body) => Ok(declared.or(of_body)),
    }
}

/// Reads one field value: digits and nothing else, or a list of the same number over and over,
/// which RFC 9110 §8.6 lets a recipient take for one.
pub(crate) fn parse(value: &[u8]) -> Result<u64, InvalidContentLength> {
    value
        .split(|octet| *octet == b',')
        .map(|member| number(super::trim(member)))
        .reduce(|one, other| {
            if one == other {
                one
            } else {
                Err(InvalidContentLength)
            }
        })
        .unwrap_or(Err(InvalidContentLength))
}

/// Reads the content-length of a message, if it has one; repeated lines must agree.
pub(crate) fn read(headers: &HeaderMap) -> Result<Option<u64>, InvalidContentLength> {
    let mut length = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        length = merge(length, value.as_bytes())?;
    }
    Ok(length)
}

/// Takes in one more content-length line.
pub(crate) fn merge(known: Option<u64>, value: &[u8]) -> Result<Option<u64>, InvalidContentLength> {
    match (known, parse(value)?) {
        (Some(known), length) if known != length => Err(InvalidContentLength),
        (_, length) => Ok(Some(length)),
    }
}

fn number(digits: &[u8]) -> Result<u64, InvalidContentLength> {
    if digits.is_empty() {
        return Err(InvalidContentLength);
    }
    digits.iter().try_fold(0_u64, |number, octet| {
        if !octet.is_ascii_digit() {
            return Err(InvalidContentLength);
        }
        number
            .checked_mul(10)
            .and_then(|number| number.checked_add(u64::from(octet - b'0')))
            .ok_or(InvalidContentLength)
    })
}

/// A number as its decimal digits, without an allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    /// The digits stand at the end.
    octets: [u8; Self::MAX],
    start: usize,
}

impl Decimal {
    /// Digits of `u64::MAX`.
    const MAX: usize = 20;

    pub(crate) fn new(mut number: u64) -> Self {
        let mut decimal = Self {
            octets: [b'0'; Self::MAX],
            start: Self::MAX,
        };
        for (index, octet) in decimal.octets.iter_mut().enumerate().rev() {
            *octet = b'0' + (number % 10) as u8;
            number /= 10;
            decimal.start = index;
            if number == 0 {
                break;
            }
        }
        decimal
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.octets[self.start..]
    }
}
