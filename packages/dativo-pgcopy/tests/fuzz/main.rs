//! Mutated streams end in batches that are valid or in an error, and take no more memory than what
//! was received justifies.
//!
//! `DATIVO_TEST_FIGURES=full` mutates 1,000,000 streams instead of 20,000; `DATIVO_TEST_SEED`
//! repeats a run.

mod allocations;
mod random;
mod streams;

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::Array;
use dativo_pgcopy::batches::{Batches, Layout, Limits, Source};
use dativo_pgcopy::fault::Failure;
use dativo_pgcopy::rows::Block;

use allocations::{Counting, most_during};
use random::Random;
use streams::{Stream, stream};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a reader takes before anything was received.
const FIXED_BYTES: usize = 64 << 10;

/// A stream in pieces of one size.
struct Cut {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
}

impl Source for Cut {
    fn pull(&mut self, block: &mut Block) -> Result<bool, Failure> {
        let rest = &self.bytes[self.at..];
        let part = &rest[..self.size.min(rest.len())];
        self.at += part.len();
        block.append(part)?;
        Ok(!part.is_empty())
    }

    fn cut_short(&self) -> Failure {
        Failure::Stopped
    }
}

/// Read all batches, and return how many rows they have.
fn read(layout: &Layout, bytes: &[u8], size: usize, limits: Limits) -> Result<usize, Failure> {
    let bytes = bytes.to_vec();
    let source = Box::new(Cut { bytes, at: 0, size });
    let mut batches = Batches::new(source, layout, limits).expect("a layout");
    let mut rows = 0;
    while let Some(batch) = batches.next_batch()? {
        assert!(batch.num_rows() > 0 && batch.num_rows() <= limits.rows);
        for column in batch.columns() {
            let data = column.to_data();
            data.validate_full().expect("a valid array");
        }
        rows += batch.num_rows();
    }
    Ok(rows)
}

const INTERESTING: [i32; 9] = [
    i32::MIN,
    -2,
    -1,
    0,
    1,
    0x7fff,
    0x4000_0000,
    i32::MAX - 1,
    i32::MAX,
];

/// Change a stream in one to four places.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let end = at + random.below(bytes.len() - at + 1).min(24);
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next().to_be_bytes()[0],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let word = random.pick(&INTERESTING).to_be_bytes();
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&word[..end - at]);
            }
            _ => {
                let half = random
                    .pick(&[0_u16, 1, 0x3fff, 0x7fff, 0x8000, 0xffff])
                    .to_be_bytes();
                let end = (at + 2).min(bytes.len());
                bytes[at..end].copy_from_slice(&half[..end - at]);
            }
        }
    }
}

fn seed() -> u64 {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(1, |since| u64::from(since.subsec_nanos()) + since.as_secs())
    };
    let given = env::var("DATIVO_TEST_SEED").ok();
    let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
    println!("DATIVO_TEST_SEED={seed}");
    seed
}

fn messages() -> usize {
    match env::var("DATIVO_TEST_FIGURES").as_deref() {
        Ok("full") => 1_000_000,
        _ => 20_000,
    }
}

fn limits(random: &mut Random) -> Limits {
    Limits {
        rows: 1 + random.below(4),
        bytes: 1 + random.below(200),
    }
}

#[test]
fn valid_streams_are_read_however_they_are_cut() {
    let mut random = Random::new(seed());
    for _ in 0..messages() / 20 {
        let Stream { layout, bytes, .. } = stream(&mut random);
        let size = 1 + random.below(bytes.len());
        let whole = read(&layout, &bytes, usize::MAX, limits(&mut random));
        let cut = read(&layout, &bytes, size, limits(&mut random));
        match (whole, cut) {
            (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
            (Err(Failure::Refused { .. }), Err(Failure::Refused { .. })) => {}
            other => panic!("{other:?} of {:?}: {bytes:?}", layout.formats),
        }
    }
}

#[test]
fn mutated_streams_are_read_or_refused_in_bounded_memory() {
    let mut random = Random::new(seed());
    let (mut good, mut refused, mut malformed, mut stopped) = (0, 0, 0, 0);
    for _ in 0..messages() {
        let Stream {
            layout,
            mut bytes,
            growth,
        } = stream(&mut random);
        mutate(&mut random, &mut bytes);
        let size = 1 + random.below(bytes.len() + 1);
        let limits = limits(&mut random);
        let most = most_during(|| match read(&layout, &bytes, size, limits) {
            Ok(_) => good += 1,
            Err(Failure::Refused { .. }) => refused += 1,
            Err(Failure::Malformed(_)) => malformed += 1,
            Err(Failure::Stopped) => stopped += 1,
            Err(other) => panic!("{other} of {:?}: {bytes:?}", layout.formats),
        });
        let allowed = FIXED_BYTES + growth * bytes.len();
        assert!(
            most <= allowed,
            "{most} > {allowed}: {:?}: {bytes:?}",
            layout.formats
        );
    }
    println!("{good} good, {refused} refused, {malformed} malformed, {stopped} cut short");
    assert!(good > 0 && refused > 0 && malformed > 0 && stopped > 0);
}
