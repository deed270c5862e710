//! Which rows of a column are NULL; nothing is kept as long as none is.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A bitmap that begins with the first NULL.
#[derive(Debug, Default)]
pub struct Validity {
    bits: Vec<u8>,
}

impl Validity {
    /// Note that `row` is NULL; rows that are never noted are not.
    #[inline]
    pub fn set_null(&mut self, row: usize) {
        let byte = row / 8;
        if self.bits.len() <= byte {
            self.bits.resize(byte + 1, 0xff);
        }
        self.bits[byte] &= !(1 << (row % 8));
    }

    /// How many bytes it takes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bits.len()
    }

    /// Take the bitmap of `rows` rows, if any of them is NULL, and begin anew.
    pub fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        if self.bits.is_empty() {
            return None;
        }
        let mut bits = std::mem::take(&mut self.bits);
        bits.resize(rows.div_ceil(8), 0xff);
        Some(NullBuffer::new(BooleanBuffer::new(
            Buffer::from_vec(bits),
            0,
            rows,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_null_there_is_no_bitmap() {
        assert_eq!(Validity::default().finish(9), None);
    }

    #[test]
    fn only_the_noted_rows_are_null() {
        let mut validity = Validity::default();
        validity.set_null(3);
        validity.set_null(17);

        let nulls = validity.finish(20).expect("a bitmap");

        let found: Vec<_> = (0..20).filter(|row| nulls.is_null(*row)).collect();
        assert_eq!(found, [3, 17]);
        assert_eq!(nulls.null_count(), 2);
        assert_eq!(validity.finish(20), None);
    }
}
