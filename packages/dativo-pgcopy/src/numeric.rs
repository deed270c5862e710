//! `numeric` and `money` as decimals: exact, or refused.
//!
//! A `numeric` travels as groups of four decimal digits, the most significant first, with the
//! power of 10,000 that the first one counts.

use arrow_buffer::i256;

use crate::fault::{Fault, WRONG_LENGTH};
use crate::fields::{exactly, leading};
use crate::primitive::Read;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
const LARGEST_SCALE: u16 = 0x3fff;

/// The digits of one group.
pub const GROUP_DIGITS: i32 = 4;
const GROUP: u64 = 10_000;

const TOO_LARGE: Fault = Fault::Refused("a number has more digits than its decimal");
const TOO_FINE: Fault = Fault::Refused("a number has more digits after the point than its decimal");

/// Powers of ten that fit into 64 bits.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < 20 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// A value as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numeric<'a> {
    /// A number.
    Finite(Number<'a>),
    /// `NaN`
    NaN,
    /// `Infinity`
    Infinity,
    /// `-Infinity`
    NegativeInfinity,
}

/// A finite value as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<'a> {
    groups: &'a [[u8; 2]],
    /// The power of 10,000 that the first group counts.
    pub weight: i32,
    /// Whether it is below zero.
    pub negative: bool,
    /// How many digits Postgres shows after the point.
    pub shown: u16,
}

impl<'a> Numeric<'a> {
    /// Read the head of a value; the groups are looked at when they are used.
    ///
    /// # Errors
    /// If it is no `numeric`.
    #[inline]
    pub fn parse(field: &'a [u8]) -> Result<Self, Fault> {
        let (head, rest) = leading::<8>(field)?;
        let count = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let (groups, odd) = rest.as_chunks::<2>();
        if groups.len() != count || !odd.is_empty() {
            return Err(WRONG_LENGTH);
        }
        let sign = u16::from_be_bytes([head[4], head[5]]);
        let shown = u16::from_be_bytes([head[6], head[7]]);
        if shown > LARGEST_SCALE {
            return Err(Fault::Malformed("the scale of a number is out of range"));
        }
        match sign {
            POSITIVE | NEGATIVE => Ok(Self::Finite(Number {
                groups,
                weight: i32::from(i16::from_be_bytes([head[2], head[3]])),
                negative: sign == NEGATIVE,
                shown,
            })),
            NAN => Ok(Self::NaN),
            INFINITY => Ok(Self::Infinity),
            NEGATIVE_INFINITY => Ok(Self::NegativeInfinity),
            _ => Err(Fault::Malformed("a number has an unknown sign")),
        }
    }
}

impl<'a> Number<'a> {
    /// Go through the groups, each below 10,000.
    #[inline]
    pub fn groups(&self) -> impl Iterator<Item = Result<u16, Fault>> + use<'a> {
        self.groups.iter().map(|pair| {
            let group = u16::from_be_bytes(*pair);
            if u64::from(group) < GROUP {
                Ok(group)
            } else {
                Err(Fault::Malformed("a number has a group above 9999"))
            }
        })
    }

    /// The largest number of digits that it can have with `scale` of them after the point.
    #[inline]
    fn most_digits(&self, scale: i32) -> i32 {
        GROUP_DIGITS * (self.weight + 1) + scale
    }

    /// Return its absolute value times ten to the power of `scale`.
    #[inline]
    fn unscaled<W: Unsigned>(&self, scale: i32) -> Result<W, Fault> {
        let mut sum = W::ZERO;
        let mut exponent = GROUP_DIGITS * self.weight + scale;
        for group in self.groups() {
            let group = u64::from(group?);
            if exponent >= 0 {
                sum = sum.then(GROUP, group).ok_or(TOO_LARGE)?;
            } else if exponent > -GROUP_DIGITS {
                let cut = power(-exponent);
                if group % cut != 0 {
                    return Err(TOO_FINE);
                }
                let factor = power(GROUP_DIGITS + exponent);
                sum = sum.then(factor, group / cut).ok_or(TOO_LARGE)?;
            } else if group != 0 {
                return Err(TOO_FINE);
            }
            exponent -= GROUP_DIGITS;
        }
        let mut missing = exponent + GROUP_DIGITS;
        while missing > 0 && sum != W::ZERO {
            let step = missing.min(GROUP_DIGITS);
            sum = sum.then(power(step), 0).ok_or(TOO_LARGE)?;
            missing -= step;
        }
        Ok(sum)
    }
}

#[inline]
fn power(exponent: i32) -> u64 {
    POWERS[usize::try_from(exponent).unwrap_or(0)]
}

/// An integer that digits are appended to.
trait Unsigned: Copy + PartialEq {
    const ZERO: Self;

    /// Multiply by `factor` and add `digits`; `None` if it does not fit.
    fn then(self, factor: u64, digits: u64) -> Option<Self>;
}

/// For numbers that are known to fit.
impl Unsigned for u64 {
    const ZERO: Self = 0;

    #[inline]
    fn then(self, factor: u64, digits: u64) -> Option<Self> {
        Some(self.wrapping_mul(factor).wrapping_add(digits))
    }
}

impl Unsigned for u128 {
    const ZERO: Self = 0;

    #[inline]
    fn then(self, factor: u64, digits: u64) -> Option<Self> {
        self.checked_mul(Self::from(factor))?
            .checked_add(Self::from(digits))
    }
}

impl Unsigned for i256 {
    const ZERO: Self = Self::ZERO;

    fn then(self, factor: u64, digits: u64) -> Option<Self> {
        self.checked_mul(Self::from_i128(i128::from(factor)))?
            .checked_add(Self::from_i128(i128::from(digits)))
    }
}

fn finite(field: &[u8]) -> Result<Number<'_>, Fault> {
    match Numeric::parse(field)? {
        Numeric::Finite(number) => Ok(number),
        Numeric::NaN => Err(Fault::Refused("NaN is no decimal")),
        Numeric::Infinity | Numeric::NegativeInfinity => {
            Err(Fault::Refused("infinity is no decimal"))
        }
    }
}

/// `numeric` as a decimal of at most 38 digits.
pub struct Decimal128 {
    precision: i32,
    scale: i32,
    limit: u128,
}

impl Decimal128 {
    /// Read numbers of `precision` digits, `scale` of them after the point.
    #[must_use]
    pub fn new(precision: u8, scale: i8) -> Self {
        Self {
            precision: i32::from(precision),
            scale: i32::from(scale),
            limit: 10_u128.checked_pow(u32::from(precision)).unwrap_or(0),
        }
    }
}

impl Read<i128> for Decimal128 {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i128, Fault> {
        let number = finite(field)?;
        let digits = number.most_digits(self.scale);
        // 19 digits fit into 64 bits.
        let sum = if digits <= 19 {
            u128::from(number.unscaled::<u64>(self.scale)?)
        } else {
            number.unscaled::<u128>(self.scale)?
        };
        if digits > self.precision && sum >= self.limit {
            return Err(TOO_LARGE);
        }
        let sum = i128::try_from(sum).map_err(|_| TOO_LARGE)?;
        Ok(if number.negative { -sum } else { sum })
    }
}

/// `numeric` as a decimal of at most 76 digits.
pub struct Decimal256 {
    scale: i32,
    limit: i256,
}

impl Decimal256 {
    /// Read numbers of `precision` digits, `scale` of them after the point.
    #[must_use]
    pub fn new(precision: u8, scale: i8) -> Self {
        let ten = i256::from_i128(10);
        Self {
            scale: i32::from(scale),
            limit: ten.checked_pow(u32::from(precision)).unwrap_or(i256::ZERO),
        }
    }
}

impl Read<i256> for Decimal256 {
    fn read(&self, field: &[u8]) -> Result<i256, Fault> {
        let number = finite(field)?;
        let sum = number.unscaled::<i256>(self.scale)?;
        if sum >= self.limit {
            return Err(TOO_LARGE);
        }
        Ok(if number.negative {
            sum.wrapping_neg()
        } else {
            sum
        })
    }
}

/// `money`: the number of the smallest units of its currency.
pub struct Money;

impl Read<i128> for Money {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i128, Fault> {
        exactly(field).map(i64::from_be_bytes).map(i128::from)
    }
}

/// Make the bytes of a value, for tests.
#[cfg(test)]
pub(crate) fn sent(groups: &[u16], weight: i16, sign: u16, shown: u16) -> Vec<u8> {
    let count = u16::try_from(groups.len()).expect("few groups");
    let mut bytes = Vec::new();
    bytes.extend(count.to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(shown.to_be_bytes());
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(precision: u8, scale: i8, field: &[u8]) -> Result<i128, Fault> {
        let narrow = Decimal128::new(precision, scale).read(field);
        let wide = Decimal256::new(precision, scale).read(field);
        assert_eq!(narrow.map(i256::from_i128), wide);
        narrow
    }

    #[test]
    fn groups_become_digits_at_the_scale_of_the_decimal() {
        let field = sent(&[12, 3456, 7800], 1, POSITIVE, 2); // 123456.78
        assert_eq!(read(15, 2, &field), Ok(12_345_678));
        assert_eq!(read(15, 4, &field), Ok(1_234_567_800));
        assert_eq!(read(38, 10, &field), Ok(1_234_567_800_000_000));
        let negative = sent(&[5000], -1, NEGATIVE, 1); // -0.5
        assert_eq!(read(2, 1, &negative), Ok(-5));
    }

    #[test]
    fn zero_has_no_groups() {
        assert_eq!(read(5, 2, &sent(&[], 0, POSITIVE, 2)), Ok(0));
        assert_eq!(read(5, 2, &sent(&[], 32767, POSITIVE, 2)), Ok(0));
    }

    #[test]
    fn trailing_groups_of_zero_are_not_sent() {
        let million = sent(&[100], 1, POSITIVE, 0);
        assert_eq!(read(7, 0, &million), Ok(1_000_000));
        assert_eq!(read(6, 0, &million), Err(TOO_LARGE));
    }

    #[test]
    fn the_largest_decimal_fits_and_one_more_digit_does_not() {
        let nines = [99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999];
        let largest = 10_i128.pow(38) - 1;
        assert_eq!(read(38, 0, &sent(&nines, 9, NEGATIVE, 0)), Ok(-largest));
        let more = [100, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(38, 0, &sent(&more, 9, POSITIVE, 0)), Err(TOO_LARGE));
        let ones = [1111, 1111, 1111, 1111, 1111, 1111, 1111, 1111, 1111, 1100];
        let field = sent(&ones, -1, POSITIVE, 38);
        assert_eq!(read(38, 38, &field), Ok(largest / 9));
    }

    #[test]
    fn nineteen_digits_fit_into_the_quick_way() {
        let field = sent(&[999, 9999, 9999, 9999, 9999], 4, POSITIVE, 0);
        assert_eq!(read(19, 0, &field), Ok(9_999_999_999_999_999_999));
        assert_eq!(read(18, 0, &field), Err(TOO_LARGE));
    }

    #[test]
    fn digits_beyond_the_scale_are_refused_unless_they_are_zero() {
        assert_eq!(read(9, 2, &sent(&[1, 1200], 0, POSITIVE, 4)), Ok(112));
        assert_eq!(read(9, 2, &sent(&[1, 1230], 0, POSITIVE, 3)), Err(TOO_FINE));
        assert_eq!(read(9, 2, &sent(&[1, 0, 1], 0, POSITIVE, 8)), Err(TOO_FINE));
        assert_eq!(read(9, 2, &sent(&[1, 0, 0], 0, POSITIVE, 8)), Ok(100));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for sign in [NAN, INFINITY, NEGATIVE_INFINITY] {
            let read = read(9, 2, &sent(&[], 0, sign, 0));
            assert!(matches!(read, Err(Fault::Refused(_))));
        }
    }

    #[test]
    fn malformed_numbers_are_told() {
        for field in [
            sent(&[10_000], 0, POSITIVE, 0),
            sent(&[1], 0, 0x1234, 0),
            sent(&[1], 0, POSITIVE, 0x4000),
            sent(&[1], 0, POSITIVE, 0)[..9].to_vec(),
            [sent(&[1], 0, POSITIVE, 0), vec![0]].concat(),
            vec![0; 7],
        ] {
            assert!(matches!(read(9, 2, &field), Err(Fault::Malformed(_))));
        }
    }

    #[test]
    fn a_huge_weight_is_refused_and_not_computed() {
        assert_eq!(read(38, 0, &sent(&[1], 32767, POSITIVE, 0)), Err(TOO_LARGE));
        assert_eq!(
            read(38, 38, &sent(&[1], -32768, POSITIVE, 0)),
            Err(TOO_FINE)
        );
    }

    #[test]
    fn money_is_its_smallest_units() {
        assert_eq!(Money.read(&(-123_i64).to_be_bytes()), Ok(-123));
    }
}
