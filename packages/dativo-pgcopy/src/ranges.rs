//! Ranges and multiranges as the text that Postgres prints.

use crate::fault::{Fault, WRONG_LENGTH};
use crate::fields::{leading, measured};
use crate::text::Write;

const EMPTY: u8 = 0x01;
const INCLUDES_LOWER: u8 = 0x02;
const INCLUDES_UPPER: u8 = 0x04;
const NO_LOWER: u8 = 0x08;
const NO_UPPER: u8 = 0x10;
const KNOWN: u8 = EMPTY | INCLUDES_LOWER | INCLUDES_UPPER | NO_LOWER | NO_UPPER;

/// A range whose bounds are written by `W`.
pub struct Range<W>(pub W);

/// A multirange of such ranges.
pub struct Multirange<W>(pub Range<W>);

impl<W: Write> Write for Range<W> {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let ([flags], mut rest) = leading(field)?;
        if flags & !KNOWN != 0 {
            return Err(Fault::Malformed("a range has unknown flags"));
        }
        if flags & EMPTY != 0 {
            out.extend_from_slice(b"empty");
            return end_of(rest);
        }
        out.push(if flags & INCLUDES_LOWER == 0 {
            b'('
        } else {
            b'['
        });
        if flags & NO_LOWER == 0 {
            rest = self.write_bound(rest, out)?;
        }
        out.push(b',');
        if flags & NO_UPPER == 0 {
            rest = self.write_bound(rest, out)?;
        }
        out.push(if flags & INCLUDES_UPPER == 0 {
            b')'
        } else {
            b']'
        });
        end_of(rest)
    }
}

impl<W: Write> Range<W> {
    /// Write a bound, in quotes if it has a blank; return what follows it.
    fn write_bound<'a>(&self, field: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let (bound, rest) = measured(field)?;
        let start = out.len();
        self.0.write(bound, out)?;
        if out[start..].contains(&b' ') {
            out.insert(start, b'"');
            out.push(b'"');
        }
        Ok(rest)
    }
}

impl<W: Write> Write for Multirange<W> {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let (count, mut rest) = leading(field)?;
        out.push(b'{');
        for place in 0..u32::from_be_bytes(count) {
            if place > 0 {
                out.push(b',');
            }
            let (range, after) = measured(rest)?;
            self.0.write(range, out)?;
            rest = after;
        }
        out.push(b'}');
        end_of(rest)
    }
}

const fn end_of(rest: &[u8]) -> Result<(), Fault> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(WRONG_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal_text::TimestampText;
    use crate::text::IntegerText;

    fn sent(flags: u8, bounds: &[i32]) -> Vec<u8> {
        let mut field = vec![flags];
        for bound in bounds {
            field.extend(4_i32.to_be_bytes());
            field.extend(bound.to_be_bytes());
        }
        field
    }

    fn text(format: &impl Write, field: &[u8]) -> Result<String, Fault> {
        let mut out = Vec::new();
        format.write(field, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn brackets_say_which_bounds_are_included() {
        let range = Range(IntegerText);
        let print = |flags, bounds: &[i32]| text(&range, &sent(flags, bounds)).expect("a range");
        assert_eq!(print(INCLUDES_LOWER, &[1, 5]), "[1,5)");
        assert_eq!(print(INCLUDES_UPPER, &[1, 5]), "(1,5]");
        assert_eq!(print(NO_LOWER, &[5]), "(,5)");
        assert_eq!(print(NO_LOWER | NO_UPPER, &[]), "(,)");
        assert_eq!(print(EMPTY, &[]), "empty");
    }

    #[test]
    fn bounds_with_a_blank_are_quoted() {
        let mut field = vec![INCLUDES_LOWER | NO_UPPER, 0, 0, 0, 8];
        field.extend(0_i64.to_be_bytes());
        let range = Range(TimestampText { zone: "" });
        let printed = text(&range, &field);
        assert_eq!(printed.as_deref(), Ok("[\"2000-01-01 00:00:00\",)"));
    }

    #[test]
    fn multiranges_are_ranges_in_braces() {
        let inner = sent(INCLUDES_LOWER, &[1, 2]);
        let length = i32::try_from(inner.len()).expect("few").to_be_bytes();
        let one = [&length[..], &inner].concat();
        let field = [&2_i32.to_be_bytes()[..], &one, &one].concat();
        let format = Multirange(Range(IntegerText));
        assert_eq!(text(&format, &field).as_deref(), Ok("{[1,2),[1,2)}"));
        assert_eq!(text(&format, &[0; 4]).as_deref(), Ok("{}"));
        assert!(text(&format, &[0xff; 4]).is_err());
    }

    #[test]
    fn malformed_ranges_are_told() {
        let range = Range(IntegerText);
        for field in [
            vec![],
            sent(0x20, &[1, 2]),
            sent(EMPTY, &[1]),
            sent(INCLUDES_LOWER, &[1]),
            sent(INCLUDES_LOWER, &[1, 2, 3]),
            vec![NO_LOWER, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(matches!(text(&range, &field), Err(Fault::Malformed(_))));
        }
    }
}
