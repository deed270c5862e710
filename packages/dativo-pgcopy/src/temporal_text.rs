//! Dates and times as the text that Postgres prints with `DateStyle` ISO and the zone UTC.

use std::io::Write as _;

use crate::fault::Fault;
use crate::fields::{exactly, leading};
use crate::temporal::{DAY, time_of_day};
use crate::text::Write;

/// `date` as text.
pub struct DateText;

/// `timestamp` and `timestamptz` as text.
pub struct TimestampText {
    /// What is printed behind the time.
    pub zone: &'static str,
}

/// `timetz` as text.
pub struct TimetzText;

impl Write for DateText {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match exactly(field).map(i32::from_be_bytes)? {
            i32::MAX => out.extend_from_slice(b"infinity"),
            i32::MIN => out.extend_from_slice(b"-infinity"),
            days => {
                let era = write_date(i64::from(days), out);
                out.extend_from_slice(era);
            }
        }
        Ok(())
    }
}

impl Write for TimestampText {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match exactly(field).map(i64::from_be_bytes)? {
            i64::MAX => out.extend_from_slice(b"infinity"),
            i64::MIN => out.extend_from_slice(b"-infinity"),
            moment => {
                let era = write_date(moment.div_euclid(DAY), out);
                out.push(b' ');
                write_time(moment.rem_euclid(DAY), out);
                out.extend_from_slice(self.zone.as_bytes());
                out.extend_from_slice(era);
            }
        }
        Ok(())
    }
}

impl Write for TimetzText {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let (time, zone) = leading(field)?;
        let west = i32::from_be_bytes(exactly(zone)?);
        write_time(time_of_day(time)?, out);
        out.push(if west <= 0 { b'+' } else { b'-' });
        let seconds = west.unsigned_abs();
        print(out, format_args!("{:02}", seconds / 3600));
        if seconds % 3600 != 0 {
            print(out, format_args!(":{:02}", seconds / 60 % 60));
        }
        if seconds % 60 != 0 {
            print(out, format_args!(":{:02}", seconds % 60));
        }
        Ok(())
    }
}

/// Print a day counted from 2000-01-01, and return what follows at the end.
fn write_date(days: i64, out: &mut Vec<u8>) -> &'static [u8] {
    let (year, month, day) = civil(days);
    let (shown, era): (i64, &[u8]) = if year > 0 {
        (year, b"")
    } else {
        (1 - year, b" BC")
    };
    print(out, format_args!("{shown:04}-{month:02}-{day:02}"));
    era
}

fn write_time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    print(out, format_args!("{hour:02}:{minute:02}:{second:02}"));
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        print(out, format_args!(".{fraction:06}"));
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

/// The days of 400 years, after which the Gregorian calendar repeats.
const CYCLE: i64 = 146_097;
/// From 0000-03-01 to 2000-01-01.
const MARCH_TO_EPOCH: i64 = 730_425;

/// Return year, month and day of a day counted from 2000-01-01; the year before 1 is 0.
///
/// Years are counted from March here, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let since = days + MARCH_TO_EPOCH;
    let (cycle, day_of_cycle) = (since.div_euclid(CYCLE), since.rem_euclid(CYCLE));
    // Days without the leap days before them: one in 4 years, none in 100 years, one in 400.
    let plain =
        day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096;
    let year_of_cycle = plain / 365;
    let leap_days = year_of_cycle / 4 - year_of_cycle / 100;
    let day_of_year = day_of_cycle - 365 * year_of_cycle - leap_days;
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, turn) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (cycle * 400 + year_of_cycle + turn, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: &impl Write, field: &[u8]) -> String {
        let mut out = Vec::new();
        format.write(field, &mut out).expect("a value");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_day_of_two_cycles_follows_the_one_before() {
        let (mut year, mut month, mut day) = civil(-2 * CYCLE);
        for days in 1 - 2 * CYCLE..2 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
            assert_eq!(civil(days), (year, month, day));
        }
        assert_eq!((year, month, day), (2000, 1, 2));
    }

    #[test]
    fn dates_are_printed_as_postgres_prints_them() {
        let date = |days: i32| text(&DateText, &days.to_be_bytes());
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(-730_119), "0001-01-01");
        assert_eq!(date(-730_120), "0001-12-31 BC");
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(date(i32::MIN), "-infinity");
        assert_eq!(date(2_145_031_948), "5874897-12-31");
    }

    #[test]
    fn timestamps_are_printed_as_postgres_prints_them() {
        let plain = |moment: i64| text(&TimestampText { zone: "" }, &moment.to_be_bytes());
        assert_eq!(plain(0), "2000-01-01 00:00:00");
        assert_eq!(plain(-1), "1999-12-31 23:59:59.999999");
        assert_eq!(plain(1_500_000), "2000-01-01 00:00:01.5");
        let zoned = TimestampText { zone: "+00" };
        let before = -730_120 * DAY;
        let printed = text(&zoned, &before.to_be_bytes());
        assert_eq!(printed, "0001-12-31 00:00:00+00 BC");
    }

    #[test]
    fn times_with_a_zone_are_printed_as_postgres_prints_them() {
        let timetz = |time: i64, west: i32| {
            let field = [&time.to_be_bytes()[..], &west.to_be_bytes()].concat();
            text(&TimetzText, &field)
        };
        assert_eq!(timetz(DAY, 0), "24:00:00+00");
        assert_eq!(timetz(500_000, -7_200), "00:00:00.5+02");
        assert_eq!(timetz(0, 57_540), "00:00:00-15:59");
        assert_eq!(timetz(0, -1), "00:00:00+00:00:01");
        assert_eq!(timetz(0, -3_601), "00:00:00+01:00:01");
    }
}
