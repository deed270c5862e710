//! Nanoseconds of CPU per field for rows like those of TPC-H's lineitem, which arrive one per message.
//!
//! `cargo bench --no-default-features`

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use dativo_pgcopy::batches::{Batches, Layout, Limits, Source};
use dativo_pgcopy::fault::Failure;
use dativo_pgcopy::rows::Block;

const ROWS: usize = 200_000;
const ROUNDS: usize = 15;

const COLUMNS: [(&str, &str); 16] = [
    ("orderkey", "int8"),
    ("partkey", "int8"),
    ("suppkey", "int8"),
    ("linenumber", "int4"),
    ("quantity", "numeric"),
    ("extendedprice", "numeric"),
    ("discount", "numeric"),
    ("tax", "numeric"),
    ("returnflag", "text"),
    ("linestatus", "text"),
    ("shipdate", "date"),
    ("commitdate", "date"),
    ("receiptdate", "date"),
    ("shipinstruct", "text"),
    ("shipmode", "text"),
    ("comment", "text"),
];

/// Numbers that look random and are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }
}

fn field(row: &mut Vec<u8>, bytes: &[u8]) {
    row.extend(u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes());
    row.extend(bytes);
}

/// A number of hundredths, as `numeric(15,2)` sends it.
fn numeric(row: &mut Vec<u8>, hundredths: u64) {
    let whole = hundredths / 100;
    let mut groups: Vec<u16> = Vec::new();
    let mut rest = whole;
    while rest > 0 {
        groups.insert(0, u16::try_from(rest % 10_000).unwrap_or(0));
        rest /= 10_000;
    }
    let weight = i16::try_from(groups.len()).unwrap_or(0) - 1;
    groups.push(u16::try_from(hundredths % 100 * 100).unwrap_or(0));
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let count = u16::try_from(groups.len()).unwrap_or(0);
    let mut bytes = [count.to_be_bytes(), weight.to_be_bytes(), [0, 0], [0, 2]].concat();
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    field(row, &bytes);
}

fn row(random: &mut Random, number: u64) -> Vec<u8> {
    let mut row = vec![0, 16];
    field(&mut row, &(number / 4).to_be_bytes());
    field(&mut row, &random.below(200_000).to_be_bytes());
    field(&mut row, &random.below(10_000).to_be_bytes());
    field(
        &mut row,
        &u32::try_from(number % 7).unwrap_or(0).to_be_bytes(),
    );
    numeric(&mut row, 100 * (1 + random.below(50)));
    let price = 90_000 + random.below(9_500_000);
    numeric(&mut row, price);
    numeric(&mut row, random.below(11));
    numeric(&mut row, random.below(9));
    field(&mut row, random.pick(&["A", "N", "R"]).as_bytes());
    field(&mut row, random.pick(&["O", "F"]).as_bytes());
    for _ in 0..3 {
        let day = u32::try_from(random.below(2_500)).unwrap_or(0);
        field(&mut row, &day.wrapping_sub(2_900).to_be_bytes());
    }
    let instruct = [
        "DELIVER IN PERSON",
        "COLLECT COD",
        "NONE",
        "TAKE BACK RETURN",
    ];
    field(&mut row, random.pick(&instruct).as_bytes());
    let mode = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"];
    field(&mut row, random.pick(&mode).as_bytes());
    let comment = "egular courts above the furiously even requests sleep";
    let length = usize::try_from(10 + random.below(34)).unwrap_or(10);
    field(&mut row, &comment.as_bytes()[..length]);
    row
}

struct Messages {
    all: Arc<Vec<Vec<u8>>>,
    next: usize,
}

impl Source for Messages {
    fn pull(&mut self, block: &mut Block) -> Result<bool, Failure> {
        let Some(message) = self.all.get(self.next) else {
            return Ok(false);
        };
        self.next += 1;
        // libpq hands over a copy of its own.
        let copy = std::hint::black_box(message.clone());
        block.append(&copy)?;
        Ok(true)
    }

    fn cut_short(&self) -> Failure {
        Failure::Stopped
    }
}

fn schema(only: Option<&str>) -> (Schema, Vec<String>) {
    let kept = COLUMNS
        .iter()
        .filter(|(_, format)| only.is_none_or(|only| only == *format));
    let fields = kept.clone().map(|(name, format)| {
        let data_type = match *format {
            "int8" => DataType::Int64,
            "int4" => DataType::Int32,
            "numeric" => DataType::Decimal128(15, 2),
            "date" => DataType::Date32,
            _ => DataType::Utf8,
        };
        Field::new(*name, data_type, false)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    (
        schema,
        kept.map(|(_, format)| (*format).to_owned()).collect(),
    )
}

/// Keep the fields of one format, so that its share shows.
fn project(row: &[u8], only: Option<&str>) -> Vec<u8> {
    let Some(only) = only else {
        return row.to_vec();
    };
    let (mut kept, mut count, mut at) = (Vec::new(), 0_u16, 2);
    for (_, format) in COLUMNS {
        let length = u32::from_be_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        let end = at + 4 + length as usize;
        if format == only {
            kept.extend(&row[at..end]);
            count += 1;
        }
        at = end;
    }
    [&count.to_be_bytes()[..], &kept].concat()
}

/// The nanoseconds that this thread has computed; on Linux only.
fn computed() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split_whitespace().next().expect("a number");
    first.parse().expect("a number")
}

/// Read all batches, and return the nanoseconds per hundred fields.
fn run(messages: &Arc<Vec<Vec<u8>>>, only: Option<&str>) -> u64 {
    let (schema, formats) = schema(only);
    let layout = Layout {
        schema: Arc::new(schema),
        formats,
        nullify: vec![],
    };
    let limits = Limits {
        rows: 65_536,
        bytes: 4 << 20,
    };
    let source = Messages {
        all: messages.clone(),
        next: 0,
    };
    let mut batches = Batches::new(Box::new(source), &layout, limits).expect("a layout");
    let start = computed();
    let mut rows = 0;
    while let Some(batch) = batches.next_batch().expect("a batch") {
        rows += batch.num_rows();
    }
    let fields = rows * layout.formats.len();
    (computed() - start) * 100 / fields as u64
}

fn main() {
    let mut random = Random(88_172_645_463_325_252);
    let all: Vec<_> = (0..ROWS as u64)
        .map(|number| row(&mut random, number))
        .collect();
    for only in [
        None,
        Some("int8"),
        Some("int4"),
        Some("numeric"),
        Some("date"),
        Some("text"),
    ] {
        let mut messages: Vec<_> = all.iter().map(|row| project(row, only)).collect();
        let header = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        messages[0] = [header, messages[0].clone()].concat();
        messages.push(vec![0xff, 0xff]);
        let messages = Arc::new(messages);
        let mut each: Vec<_> = (0..ROUNDS).map(|_| run(&messages, only)).collect();
        each.sort_unstable();
        let name = only.unwrap_or("all");
        let (median, best) = (each[ROUNDS / 2], each[0]);
        println!("{name:>8}: {median:5} ns per 100 fields (best {best})");
    }
}
