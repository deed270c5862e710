//! Valid streams of random values in every format.

use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use dativo_pgcopy::batches::Layout;

use crate::random::Random;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Every format whose values take about as much room in Arrow as they take to travel.
const COMPACT: [(&str, DataType); 27] = [
    ("bool", DataType::Boolean),
    ("int2", DataType::Int16),
    ("int4", DataType::Int32),
    ("int8", DataType::Int64),
    ("oid", DataType::Int64),
    ("float4", DataType::Float32),
    ("float8", DataType::Float64),
    ("numeric", DataType::Decimal128(15, 2)),
    ("numeric", DataType::Decimal128(38, 10)),
    ("numeric", DataType::Decimal256(76, 20)),
    ("money", DataType::Decimal128(19, 2)),
    ("text", DataType::Utf8),
    ("bytea", DataType::Binary),
    ("jsonb", DataType::Utf8),
    ("date", DataType::Date32),
    (
        "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, None),
    ),
    ("time", DataType::Time64(TimeUnit::Microsecond)),
    ("timetz", DataType::Utf8),
    ("interval", DataType::Interval(IntervalUnit::MonthDayNano)),
    ("uuid", DataType::FixedSizeBinary(16)),
    ("inet", DataType::Utf8),
    ("cidr", DataType::Utf8),
    ("range<int4>", DataType::Utf8),
    ("range<date>", DataType::Utf8),
    ("range<timestamp>", DataType::Utf8),
    ("multirange<int8>", DataType::Utf8),
    ("multirange<timestamptz>", DataType::Utf8),
];

/// Formats in which few bytes may stand for many digits.
const WIDE: [(&str, DataType); 3] = [
    ("numeric", DataType::Utf8),
    ("range<numeric>", DataType::Utf8),
    ("multirange<numeric>", DataType::Utf8),
];

/// A stream as it travels, and what it is read as.
pub struct Stream {
    pub layout: Layout,
    pub bytes: Vec<u8>,
    /// How many bytes of Arrow data one byte of the stream may become.
    pub growth: usize,
}

pub fn stream(random: &mut Random) -> Stream {
    let wide = random.below(16) == 0;
    let mut fields = Vec::new();
    let mut formats = Vec::new();
    for number in 0..random.below(9) {
        let (mut format, mut data_type) = if wide && number == 0 {
            let (format, data_type) = &WIDE[random.below(WIDE.len())];
            ((*format).to_owned(), data_type.clone())
        } else {
            let (format, data_type) = &COMPACT[random.below(COMPACT.len())];
            ((*format).to_owned(), data_type.clone())
        };
        if random.below(4) == 0 {
            format = format!("list<{format}>");
            data_type = DataType::List(Arc::new(Field::new("item", data_type, true)));
        }
        fields.push(Field::new(format!("c{number}"), data_type, true));
        formats.push(format);
    }
    let nullify = (0..formats.len())
        .filter(|_| random.below(3) == 0)
        .collect();
    let mut bytes = HEADER.to_vec();
    for _ in 0..random.below(6) {
        row(random, &formats, &mut bytes);
    }
    bytes.extend([0xff, 0xff]);
    Stream {
        layout: Layout {
            schema: Arc::new(Schema::new(fields)),
            formats,
            nullify,
        },
        bytes,
        // A numeric of ten bytes may have 2^17 digits before the point, and 2^14 after it.
        growth: if wide { 30_000 } else { 64 },
    }
}

fn row(random: &mut Random, formats: &[String], out: &mut Vec<u8>) {
    out.extend(u16::try_from(formats.len()).expect("few").to_be_bytes());
    for format in formats {
        if random.below(5) == 0 {
            out.extend((-1_i32).to_be_bytes());
        } else {
            let value = value(random, format);
            measured(&value, out);
        }
    }
}

fn measured(value: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
    out.extend(value);
}

fn value(random: &mut Random, format: &str) -> Vec<u8> {
    if let Some((outer, inner)) = format.split_once('<') {
        let inner = inner.strip_suffix('>').expect("a bracket");
        return match outer {
            "list" => list(random, inner),
            "range" => range(random, inner),
            _ => multirange(random, inner),
        };
    }
    match format {
        "bool" => vec![u8::try_from(random.below(2)).expect("a bit")],
        "int2" => random.bytes::<2>().to_vec(),
        "int4" | "oid" | "float4" | "date" => random.bytes::<4>().to_vec(),
        "int8" | "float8" | "money" | "timestamp" | "timestamptz" => random.bytes::<8>().to_vec(),
        "time" => time(random),
        "timetz" => [time(random), random.bytes::<4>().to_vec()].concat(),
        "interval" | "uuid" => random.bytes::<16>().to_vec(),
        "numeric" => numeric(random),
        "jsonb" => [vec![1], text(random)].concat(),
        "inet" | "cidr" => address(random),
        _ => text(random),
    }
}

fn time(random: &mut Random) -> Vec<u8> {
    (random.next() % 86_400_000_001).to_be_bytes().to_vec()
}

fn text(random: &mut Random) -> Vec<u8> {
    let characters = ["a", "é", "€", "😀", "\n", "\"", "\0"];
    let length = random.below(20);
    (0..length)
        .flat_map(|_| random.pick(&characters).bytes())
        .collect()
}

fn numeric(random: &mut Random) -> Vec<u8> {
    let sign = random.pick(&[0_u16, 0, 0, 0x4000, 0x4000, 0xc000, 0xd000, 0xf000]);
    let count = if sign > 0x4000 { 0 } else { random.below(7) };
    let weight = i16::try_from(random.below(8)).expect("small") - 3;
    let shown = u16::try_from(random.below(30)).expect("small");
    let mut value = u16::try_from(count).expect("few").to_be_bytes().to_vec();
    value.extend(weight.to_be_bytes());
    value.extend(sign.to_be_bytes());
    value.extend(shown.to_be_bytes());
    for _ in 0..count {
        let group = u16::try_from(random.below(10_000)).expect("four digits");
        value.extend(group.to_be_bytes());
    }
    value
}

fn address(random: &mut Random) -> Vec<u8> {
    let is_cidr = u8::try_from(random.below(2)).expect("a bit");
    if random.below(2) == 0 {
        let bits = u8::try_from(random.below(33)).expect("small");
        return [vec![2, bits, is_cidr, 4], random.bytes::<4>().to_vec()].concat();
    }
    let bits = u8::try_from(random.below(129)).expect("small");
    [vec![3, bits, is_cidr, 16], random.bytes::<16>().to_vec()].concat()
}

fn range(random: &mut Random, bound: &str) -> Vec<u8> {
    let flags = u8::try_from(random.below(32)).expect("five bits");
    let mut out = vec![flags];
    let bounds = match (flags & 1, flags & 0x18) {
        (1, _) | (_, 0x18) => 0,
        (_, 0) => 2,
        _ => 1,
    };
    for _ in 0..bounds {
        let bound = value(random, bound);
        measured(&bound, &mut out);
    }
    out
}

fn multirange(random: &mut Random, bound: &str) -> Vec<u8> {
    let count = u32::try_from(random.below(4)).expect("few");
    let mut out = count.to_be_bytes().to_vec();
    for _ in 0..count {
        let range = range(random, bound);
        measured(&range, &mut out);
    }
    out
}

fn list(random: &mut Random, item: &str) -> Vec<u8> {
    let count = random.below(5);
    let dimensions = i32::from(count > 0);
    let mut out = [dimensions.to_be_bytes(), [0; 4], [0; 4]].concat();
    if count > 0 {
        out.extend(u32::try_from(count).expect("few").to_be_bytes());
        let first = i32::from(random.below(10) > 0);
        out.extend(first.to_be_bytes());
    }
    for _ in 0..count {
        if random.below(5) == 0 {
            out.extend((-1_i32).to_be_bytes());
        } else {
            let value = value(random, item);
            measured(&value, &mut out);
        }
    }
    out
}
