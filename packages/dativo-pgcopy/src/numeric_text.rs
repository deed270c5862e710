//! `numeric` as the text that Postgres prints, to the last zero.

use crate::fault::Fault;
use crate::numeric::{GROUP_DIGITS, Number, Numeric};
use crate::text::Write;

/// `numeric` as text.
pub struct NumericText;

impl Write for NumericText {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match Numeric::parse(field)? {
            Numeric::Finite(number) => write_number(&number, out)?,
            Numeric::NaN => out.extend_from_slice(b"NaN"),
            Numeric::Infinity => out.extend_from_slice(b"Infinity"),
            Numeric::NegativeInfinity => out.extend_from_slice(b"-Infinity"),
        }
        Ok(())
    }
}

fn write_number(number: &Number<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    if number.negative {
        out.push(b'-');
    }
    let mut groups = number.groups();
    if number.weight < 0 {
        out.push(b'0');
    }
    for place in 0..=number.weight {
        let group = groups.next().transpose()?.unwrap_or(0);
        let digits = digits_of(group);
        let leading = if place == 0 { leading_zeros(group) } else { 0 };
        out.extend_from_slice(&digits[leading..]);
    }
    if number.shown == 0 {
        return groups.try_for_each(|group| group.map(|_| ()));
    }
    out.push(b'.');
    let end = out.len() + usize::from(number.shown);
    // Groups of zero between the point and the first one are not sent.
    let unsent = (-1 - number.weight).max(0).saturating_mul(GROUP_DIGITS);
    let zeros = usize::try_from(unsent).unwrap_or(0);
    out.resize((out.len() + zeros).min(end), b'0');
    for group in groups {
        let digits = digits_of(group?);
        let shown = digits.len().min(end - out.len());
        out.extend_from_slice(&digits[..shown]);
    }
    out.resize(end, b'0');
    Ok(())
}

fn digits_of(group: u16) -> [u8; 4] {
    [1000, 100, 10, 1].map(|unit| b'0' + u8::try_from(group / unit % 10).unwrap_or(0))
}

fn leading_zeros(group: u16) -> usize {
    match group {
        0..=9 => 3,
        10..=99 => 2,
        100..=999 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::sent;

    fn text(groups: &[u16], weight: i16, sign: u16, shown: u16) -> String {
        let mut out = Vec::new();
        NumericText
            .write(&sent(groups, weight, sign, shown), &mut out)
            .expect("a number");
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn numbers_are_printed_as_postgres_prints_them() {
        assert_eq!(text(&[], 0, 0, 0), "0");
        assert_eq!(text(&[], 0, 0, 3), "0.000");
        assert_eq!(text(&[12, 3456, 7800], 1, 0, 2), "123456.78");
        assert_eq!(text(&[12, 3456, 7800], 1, 0x4000, 6), "-123456.780000");
        assert_eq!(text(&[1], 2, 0, 0), "100000000");
        assert_eq!(text(&[5], -1, 0, 4), "0.0005");
        assert_eq!(text(&[5000], -3, 0, 9), "0.000000005");
        assert_eq!(text(&[1], -3, 0, 20), "0.00000000000100000000");
        assert_eq!(text(&[7, 0, 1], 1, 0, 5), "70000.00010");
    }

    #[test]
    fn what_is_no_number_has_its_name() {
        assert_eq!(text(&[], 0, 0xc000, 0), "NaN");
        assert_eq!(text(&[], 0, 0xd000, 0), "Infinity");
        assert_eq!(text(&[], 0, 0xf000, 0), "-Infinity");
    }
}
