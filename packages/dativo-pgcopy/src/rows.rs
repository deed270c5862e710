//! The frame of the format: header, rows and trailer, cut into fields that are really there.

use crate::fault::Failure;
use crate::fields::{Fields, Span};

const SIGNATURE: [u8; 11] = *b"PGCOPY\n\xff\r\n\0";
/// The flags of the header that a reader must know; none of them is used by what we ask for.
const CRITICAL_FLAGS: u32 = 0xffff_0000;
/// No version of Postgres sends any extension of the header.
const LARGEST_EXTENSION: u32 = 1 << 16;
/// A message of the protocol cannot be longer.
const LARGEST_ROW: usize = i32::MAX as usize;

/// How many rows a block holds at most: so many that the code of a format runs for a while, and so
/// few that their bytes are still near when it does.
pub const BLOCK_ROWS: usize = 128;
/// A block is decoded once it has this many bytes.
pub const BLOCK_BYTES: usize = 1 << 16;
/// What a block keeps of its room after a row that was large.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Header,
    Rows,
    End,
}

/// Some rows as they travel, and the beginning of the one after them.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    /// Up to where the bytes are whole rows.
    whole: usize,
    /// How many bytes there must be before there is another whole row.
    wanted: usize,
    place: Place,
    rows: usize,
    columns: usize,
    /// `BLOCK_ROWS` of each column.
    spans: Vec<Span>,
}

impl Block {
    /// Make an empty block, at the beginning of a stream of so many columns.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            bytes: Vec::new(),
            whole: 0,
            wanted: 0,
            place: Place::Header,
            rows: 0,
            columns,
            spans: vec![Span::NULL; columns * BLOCK_ROWS],
        }
    }

    /// Append what arrived.
    ///
    /// # Errors
    /// If a row is longer than any message.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.bytes.len() - self.whole + bytes.len() > LARGEST_ROW {
            return Err(malformed("a row is longer than 2 GiB"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// How many whole rows were found.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there are enough bytes to go on with.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.rows > 0 && self.bytes.len() >= BLOCK_BYTES
    }

    /// Whether the trailer was found.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.place == Place::End
    }

    /// Cut what arrived into fields, up to `most` rows, which are no more than [`BLOCK_ROWS`].
    ///
    /// # Errors
    /// If it is no COPY data, or has another number of columns.
    pub fn scan(&mut self, most: usize) -> Result<(), Failure> {
        while self.rows < most && self.bytes.len() >= self.wanted {
            let found = match self.place {
                Place::Header => self.scan_header()?,
                Place::Rows => self.scan_row()?,
                Place::End if self.bytes.len() > self.whole => {
                    return Err(malformed("there are bytes behind the trailer"));
                }
                Place::End => false,
            };
            if !found {
                break;
            }
        }
        Ok(())
    }

    /// Return the fields of a column.
    #[must_use]
    pub fn fields(&self, column: usize) -> Fields<'_> {
        let first = column * BLOCK_ROWS;
        Fields::new(&self.bytes, &self.spans[first..first + self.rows])
    }

    /// Forget the whole rows.
    pub fn clear(&mut self) {
        self.bytes.drain(..self.whole);
        if self.bytes.len() <= KEPT_BYTES && self.bytes.capacity() > KEPT_BYTES {
            self.bytes.shrink_to(KEPT_BYTES);
        }
        self.wanted = self.wanted.saturating_sub(self.whole);
        self.whole = 0;
        self.rows = 0;
    }

    fn scan_header(&mut self) -> Result<bool, Failure> {
        let Some((signature, rest)) = self.bytes.split_first_chunk::<11>() else {
            return Ok(false);
        };
        if *signature != SIGNATURE {
            return Err(malformed("it does not begin with the signature"));
        }
        let Some((flags, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(false);
        };
        if u32::from_be_bytes(*flags) & CRITICAL_FLAGS != 0 {
            return Err(malformed("the header has unknown flags"));
        }
        let Some((extension, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(false);
        };
        let extension = u32::from_be_bytes(*extension);
        if extension > LARGEST_EXTENSION {
            return Err(malformed("the header has too long an extension"));
        }
        if rest.len() < extension as usize {
            return Ok(false);
        }
        self.whole = SIGNATURE.len() + 8 + extension as usize;
        self.place = Place::Rows;
        Ok(true)
    }

    fn scan_row(&mut self) -> Result<bool, Failure> {
        let Some((count, _)) = self.bytes[self.whole..].split_first_chunk::<2>() else {
            return Ok(false);
        };
        let mut at = self.whole + 2;
        match i16::from_be_bytes(*count) {
            -1 => {
                self.whole = at;
                self.place = Place::End;
                return Ok(true);
            }
            count if usize::try_from(count) == Ok(self.columns) => {}
            count => {
                let expected = self.columns;
                return Err(Failure::Malformed(format!(
                    "a row has {count} fields instead of {expected}"
                )));
            }
        }
        let rest = self.spans.iter_mut().skip(self.rows).step_by(BLOCK_ROWS);
        for span in rest.take(self.columns) {
            let Some((length, _)) = self.bytes[at..].split_first_chunk::<4>() else {
                self.wanted = at + 4;
                return Ok(false);
            };
            at += 4;
            let length = match i32::from_be_bytes(*length) {
                -1 => {
                    *span = Span::NULL;
                    continue;
                }
                length => u32::try_from(length).map_err(|_| malformed("a length is negative"))?,
            };
            let start = u32::try_from(at).map_err(|_| malformed("a row is too long"))?;
            *span = Span::new(start, length);
            at += length as usize;
            if at > self.bytes.len() {
                self.wanted = at;
                return Ok(false);
            }
        }
        self.whole = at;
        self.rows += 1;
        Ok(true)
    }
}

fn malformed(what: &str) -> Failure {
    Failure::Malformed(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
    const TRAILER: &[u8] = &[0xff, 0xff];

    fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut row = u16::try_from(fields.len())
            .expect("few")
            .to_be_bytes()
            .to_vec();
        for field in fields {
            let length = field.map_or(-1, |field| i32::try_from(field.len()).expect("few"));
            row.extend(length.to_be_bytes());
            row.extend(field.unwrap_or_default());
        }
        row
    }

    fn stream() -> Vec<u8> {
        let first = row(&[Some(b"a"), None]);
        let second = row(&[Some(b""), Some(b"bcd")]);
        [HEADER, &first, &second, TRAILER].concat()
    }

    #[test]
    fn fields_are_found_however_the_stream_is_cut() {
        for size in 1..stream().len() {
            let mut block = Block::new(2);
            for chunk in stream().chunks(size) {
                block.append(chunk).expect("room");
                block.scan(BLOCK_ROWS).expect("rows");
            }
            assert!(block.is_ended());
            let first: Vec<_> = block.fields(0).iter().collect();
            let second: Vec<_> = block.fields(1).iter().collect();
            assert_eq!(first, [Some(&b"a"[..]), Some(b"")]);
            assert_eq!(second, [None, Some(&b"bcd"[..])]);
        }
    }

    #[test]
    fn no_more_rows_are_found_than_asked_for() {
        let mut block = Block::new(2);
        block.append(&stream()).expect("room");
        for _ in 0..2 {
            block.scan(1).expect("rows");
            assert_eq!(block.rows(), 1);
            block.clear();
        }
        block.scan(1).expect("rows");
        assert_eq!((block.rows(), block.is_ended()), (0, true));
    }

    #[test]
    fn an_extension_of_the_header_is_passed_over() {
        let mut header = HEADER.to_vec();
        header[18] = 3;
        let mut block = Block::new(0);
        block
            .append(&[&header[..], b"abc", TRAILER].concat())
            .expect("room");
        block.scan(BLOCK_ROWS).expect("rows");
        assert!(block.is_ended());
    }

    #[test]
    fn rows_may_have_no_columns() {
        let mut block = Block::new(0);
        block
            .append(&[HEADER, &[0; 6], TRAILER].concat())
            .expect("room");
        block.scan(BLOCK_ROWS).expect("rows");
        assert_eq!((block.rows(), block.is_ended()), (3, true));
    }

    #[test]
    fn malformed_streams_are_told() {
        let with = |place: usize, byte: u8| {
            let mut stream = stream();
            stream[place] = byte;
            stream
        };
        for bad in [
            with(0, b'p'),
            with(12, 1),    // flags
            with(15, 1),    // extension
            with(20, 3),    // number of fields
            with(21, 0xfe), // length
            [stream(), vec![0]].concat(),
        ] {
            let mut block = Block::new(2);
            block.append(&bad).expect("room");
            let scanned = block.scan(BLOCK_ROWS);
            assert!(matches!(scanned, Err(Failure::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_length_alone_takes_no_memory() {
        let mut block = Block::new(1);
        block.append(HEADER).expect("room");
        block.append(&[0, 1, 0x7f, 0xff, 0xff, 0xff]).expect("room");
        block.scan(BLOCK_ROWS).expect("rows");
        assert_eq!(block.rows(), 0);
        assert!(block.bytes.capacity() < 100);
    }
}
