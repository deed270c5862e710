//! What a column is, and which one decodes which format into which Arrow type.

use arrow_array::ArrayRef;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_schema::{ArrowError, DataType, Field, IntervalUnit, TimeUnit};

use crate::fault::Misfit;
use crate::fields::Fields;
use crate::flags::Flags;
use crate::inet::Network;
use crate::lists::Lists;
use crate::numeric::{Decimal128, Decimal256, Money};
use crate::numeric_text::NumericText;
use crate::plain::{Float4, Float8, Int2, Int4, Int8, Oid};
use crate::primitive::Primitive;
use crate::ranges::{Multirange, Range};
use crate::temporal::{Date, Interval, Time, Timestamp};
use crate::temporal_text::{DateText, TimestampText, TimetzText};
use crate::text::{Binary, IntegerText, Jsonb, Plain, Text, Write};
use crate::uuid::Uuids;

/// Takes the fields of one column, block by block, and makes an array of them.
pub trait Column: Send {
    /// Append the values of `fields`.
    ///
    /// # Errors
    /// For the first value that is refused or malformed; the column is of no use then.
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit>;

    /// How many bytes of Arrow data there are so far.
    fn size(&self) -> usize;

    /// Take what was appended as an array, and begin anew.
    ///
    /// # Errors
    /// If texts are not UTF-8.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError>;
}

/// Choose the column that decodes `format` into the type of `field`.
///
/// With `nullify`, what cannot be represented becomes NULL.
///
/// # Errors
/// With a message, if the format is unknown or does not become that type.
pub fn column(format: &str, field: &Field, nullify: bool) -> Result<Box<dyn Column>, String> {
    if nullify && !field.is_nullable() {
        return Err("values cannot become NULL in a field that is not nullable".to_owned());
    }
    let data_type = field.data_type();
    let found = fixed(format, data_type, nullify)
        .or_else(|| numeric(format, data_type, nullify))
        .or_else(|| temporal(format, data_type, nullify))
        .or_else(|| textual(format, data_type));
    if let Some(column) = found {
        return Ok(column);
    }
    if let (Some(inner), DataType::List(item)) = (inside(format, "list"), data_type)
        && inside(inner, "list").is_none()
    {
        let items = column(inner, item, nullify && item.is_nullable())?;
        return Ok(Box::new(Lists::new(item.clone(), items, nullify)));
    }
    Err(format!("the format {format:?} does not become {data_type}"))
}

/// Return what stands between the angle brackets of `format`.
fn inside<'a>(format: &'a str, outer: &str) -> Option<&'a str> {
    format
        .strip_prefix(outer)?
        .strip_prefix('<')?
        .strip_suffix('>')
}

fn fixed(format: &str, data_type: &DataType, nullify: bool) -> Option<Box<dyn Column>> {
    Some(match (format, data_type) {
        ("bool", DataType::Boolean) => Box::new(Flags::default()),
        ("int2", DataType::Int16) => {
            Box::new(Primitive::<Int16Type, _>::new(Int2, data_type, nullify))
        }
        ("int4", DataType::Int32) => {
            Box::new(Primitive::<Int32Type, _>::new(Int4, data_type, nullify))
        }
        ("int8", DataType::Int64) => {
            Box::new(Primitive::<Int64Type, _>::new(Int8, data_type, nullify))
        }
        ("oid", DataType::Int64) => {
            Box::new(Primitive::<Int64Type, _>::new(Oid, data_type, nullify))
        }
        ("float4", DataType::Float32) => {
            Box::new(Primitive::<Float32Type, _>::new(Float4, data_type, nullify))
        }
        ("float8", DataType::Float64) => {
            Box::new(Primitive::<Float64Type, _>::new(Float8, data_type, nullify))
        }
        ("uuid", DataType::FixedSizeBinary(16)) => Box::new(Uuids::default()),
        _ => return None,
    })
}

fn numeric(format: &str, data_type: &DataType, nullify: bool) -> Option<Box<dyn Column>> {
    Some(match (format, data_type) {
        ("numeric", DataType::Decimal128(precision, scale @ 0..)) => {
            let format = Decimal128::new(*precision, *scale);
            Box::new(Primitive::<Decimal128Type, _>::new(
                format, data_type, nullify,
            ))
        }
        ("numeric", DataType::Decimal256(precision, scale @ 0..)) => {
            let format = Decimal256::new(*precision, *scale);
            Box::new(Primitive::<Decimal256Type, _>::new(
                format, data_type, nullify,
            ))
        }
        ("numeric", DataType::Utf8) => text(NumericText),
        ("money", DataType::Decimal128(19.., 0..)) => Box::new(
            Primitive::<Decimal128Type, _>::new(Money, data_type, nullify),
        ),
        _ => return None,
    })
}

fn temporal(format: &str, data_type: &DataType, nullify: bool) -> Option<Box<dyn Column>> {
    Some(match (format, data_type) {
        ("date", DataType::Date32) => {
            Box::new(Primitive::<Date32Type, _>::new(Date, data_type, nullify))
        }
        ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None))
        | ("timestamptz", DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => Box::new(
            Primitive::<TimestampMicrosecondType, _>::new(Timestamp, data_type, nullify),
        ),
        ("time", DataType::Time64(TimeUnit::Microsecond)) => {
            Box::new(Primitive::<Time64MicrosecondType, _>::new(
                Time, data_type, nullify,
            ))
        }
        ("timetz", DataType::Utf8) => text(TimetzText),
        ("interval", DataType::Interval(IntervalUnit::MonthDayNano)) => {
            Box::new(Primitive::<IntervalMonthDayNanoType, _>::new(
                Interval, data_type, nullify,
            ))
        }
        _ => return None,
    })
}

fn textual(format: &str, data_type: &DataType) -> Option<Box<dyn Column>> {
    match (format, data_type) {
        ("bytea", DataType::Binary) => Some(Box::new(Binary::new(Plain))),
        ("text", DataType::Utf8) => Some(text(Plain)),
        ("jsonb", DataType::Utf8) => Some(text(Jsonb)),
        ("inet" | "cidr", DataType::Utf8) => Some(text(Network)),
        (_, DataType::Utf8) => {
            let several = inside(format, "multirange");
            let bound = several.or_else(|| inside(format, "range"))?;
            range(bound, several.is_some())
        }
        _ => None,
    }
}

fn range(bound: &str, several: bool) -> Option<Box<dyn Column>> {
    Some(match bound {
        "int4" | "int8" => ranges(IntegerText, several),
        "numeric" => ranges(NumericText, several),
        "date" => ranges(DateText, several),
        "timestamp" => ranges(TimestampText { zone: "" }, several),
        "timestamptz" => ranges(TimestampText { zone: "+00" }, several),
        _ => return None,
    })
}

fn ranges(bound: impl Write + 'static, several: bool) -> Box<dyn Column> {
    if several {
        text(Multirange(Range(bound)))
    } else {
        text(Range(bound))
    }
}

fn text(format: impl Write + 'static) -> Box<dyn Column> {
    Box::new(Text::new(format))
}
