//! Dates, times and intervals; Postgres counts from 2000, Arrow from 1970.

use arrow_buffer::IntervalMonthDayNano;

use crate::fault::Fault;
use crate::fields::{exactly, leading};
use crate::primitive::Read;

/// From 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;
/// The microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
const EPOCH: i64 = EPOCH_DAYS as i64 * DAY;
/// 4714-11-24 BC, from 1970-01-01: Postgres knows no day before.
const FIRST_DAY: i32 = -2_440_588;
const FIRST_MOMENT: i64 = FIRST_DAY as i64 * DAY;

const INFINITE_DATE: Fault = Fault::Refused("infinity is no date");
const INFINITE_TIMESTAMP: Fault = Fault::Refused("infinity is no timestamp");
const OUT_OF_RANGE: Fault = Fault::Refused("a date or time is out of range");

/// `date`.
pub struct Date;
/// `timestamp` and `timestamptz`.
pub struct Timestamp;
/// `time`.
pub struct Time;
/// `interval`.
pub struct Interval;

impl Read<i32> for Date {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i32, Fault> {
        let days = exactly(field).map(i32::from_be_bytes)?;
        if days == i32::MAX || days == i32::MIN {
            return Err(INFINITE_DATE);
        }
        match days.checked_add(EPOCH_DAYS) {
            Some(days) if days >= FIRST_DAY => Ok(days),
            _ => Err(OUT_OF_RANGE),
        }
    }
}

impl Read<i64> for Timestamp {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i64, Fault> {
        let moment = exactly(field).map(i64::from_be_bytes)?;
        if moment == i64::MAX || moment == i64::MIN {
            return Err(INFINITE_TIMESTAMP);
        }
        match moment.checked_add(EPOCH) {
            Some(moment) if moment >= FIRST_MOMENT => Ok(moment),
            _ => Err(OUT_OF_RANGE),
        }
    }
}

impl Read<i64> for Time {
    #[inline]
    fn read(&self, field: &[u8]) -> Result<i64, Fault> {
        match time_of_day(exactly(field)?)? {
            DAY => Err(Fault::Refused("24:00 is no time of a day")),
            time => Ok(time),
        }
    }
}

/// Read microseconds since midnight, 24:00 included.
///
/// # Errors
/// If it is more than a day.
pub fn time_of_day(bytes: [u8; 8]) -> Result<i64, Fault> {
    let time = i64::from_be_bytes(bytes);
    if (0..=DAY).contains(&time) {
        Ok(time)
    } else {
        Err(Fault::Malformed("a time is not within a day"))
    }
}

impl Read<IntervalMonthDayNano> for Interval {
    fn read(&self, field: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
        let (micros, rest) = leading(field)?;
        let (days, months) = leading(rest)?;
        let micros = i64::from_be_bytes(micros);
        let days = i32::from_be_bytes(days);
        let months = i32::from_be_bytes(exactly(months)?);
        let nanos = micros.checked_mul(1_000).ok_or(Fault::Refused(
            "an interval is infinite, or its time too long for nanoseconds",
        ))?;
        Ok(IntervalMonthDayNano::new(months, days, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(Date.read(&0_i32.to_be_bytes()), Ok(10_957));
        let first = FIRST_DAY - EPOCH_DAYS;
        assert_eq!(Date.read(&first.to_be_bytes()), Ok(FIRST_DAY));
        let last = 2_145_042_905 - EPOCH_DAYS; // 5874897-12-31
        assert_eq!(Date.read(&last.to_be_bytes()), Ok(2_145_042_905));
    }

    #[test]
    fn dates_without_a_place_are_refused() {
        let first = FIRST_DAY - EPOCH_DAYS;
        for days in [i32::MIN, first - 1, i32::MAX - 1, i32::MAX] {
            let read = Date.read(&days.to_be_bytes());
            assert!(matches!(read, Err(Fault::Refused(_))), "{days}");
        }
    }

    #[test]
    fn timestamps_are_counted_from_1970() {
        assert_eq!(Timestamp.read(&0_i64.to_be_bytes()), Ok(EPOCH));
        let last = i64::MAX - EPOCH;
        assert_eq!(Timestamp.read(&last.to_be_bytes()), Ok(i64::MAX));
    }

    #[test]
    fn timestamps_without_a_place_are_refused() {
        let first = FIRST_MOMENT - EPOCH;
        assert_eq!(Timestamp.read(&first.to_be_bytes()), Ok(FIRST_MOMENT));
        for moment in [i64::MIN, first - 1, i64::MAX - EPOCH + 1, i64::MAX] {
            let read = Timestamp.read(&moment.to_be_bytes());
            assert!(matches!(read, Err(Fault::Refused(_))), "{moment}");
        }
    }

    #[test]
    fn midnight_at_the_end_of_a_day_is_refused() {
        assert_eq!(Time.read(&(DAY - 1).to_be_bytes()), Ok(DAY - 1));
        assert!(matches!(
            Time.read(&DAY.to_be_bytes()),
            Err(Fault::Refused(_))
        ));
        assert!(matches!(
            Time.read(&(DAY + 1).to_be_bytes()),
            Err(Fault::Malformed(_))
        ));
        assert!(matches!(
            Time.read(&(-1_i64).to_be_bytes()),
            Err(Fault::Malformed(_))
        ));
    }

    fn interval(micros: i64, days: i32, months: i32) -> Result<IntervalMonthDayNano, Fault> {
        let mut field = micros.to_be_bytes().to_vec();
        field.extend(days.to_be_bytes());
        field.extend(months.to_be_bytes());
        Interval.read(&field)
    }

    #[test]
    fn months_days_and_time_stay_apart() {
        let read = interval(-5, 3, 14);
        assert_eq!(read, Ok(IntervalMonthDayNano::new(14, 3, -5_000)));
        assert!(interval(9_223_372_036_854_775, i32::MIN, i32::MAX).is_ok());
    }

    #[test]
    fn intervals_without_a_place_are_refused() {
        for micros in [i64::MIN, 9_223_372_036_854_776, i64::MAX] {
            let read = interval(micros, 0, 0);
            assert!(matches!(read, Err(Fault::Refused(_))));
        }
        assert!(matches!(Interval.read(&[0; 15]), Err(Fault::Malformed(_))));
    }
}
