//! Columns of texts and bytes, and the formats that are nearly text.

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use crate::columns::Column;
use crate::fault::{Fault, Misfit};
use crate::fields::Fields;
use crate::spare::Spare;
use crate::validity::Validity;

/// Writes one value as text.
pub trait Write: Send {
    /// Append the text of a field that is not NULL.
    ///
    /// # Errors
    /// If it is nothing that Postgres sends; what was appended is of no use then.
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault>;

    /// Append the text of `bytes[start..start + length]`, as `write` does.
    ///
    /// # Errors
    /// As `write`.
    #[inline]
    fn write_from(
        &self,
        bytes: &[u8],
        place: (usize, usize),
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let (start, length) = place;
        self.write(&bytes[start..start + length], out)
    }
}

/// Copying so many bytes takes no call, which copying as many as there are would.
const AT_ONCE: usize = 32;

/// The bytes as they are: `text` and its family, enums, `json`, `bytea`.
pub struct Plain;

impl Write for Plain {
    #[inline]
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(field);
        Ok(())
    }

    #[inline]
    fn write_from(
        &self,
        bytes: &[u8],
        place: (usize, usize),
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let (start, length) = place;
        match bytes[start..].first_chunk::<AT_ONCE>() {
            Some(more) if length <= AT_ONCE => {
                let end = out.len() + length;
                out.extend_from_slice(more);
                out.truncate(end);
                Ok(())
            }
            _ => self.write(&bytes[start..start + length], out),
        }
    }
}

/// `jsonb`, which is text behind the version of its format.
pub struct Jsonb;

impl Write for Jsonb {
    #[inline]
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let [1, text @ ..] = field else {
            return Err(Fault::Malformed("jsonb does not begin with version 1"));
        };
        out.extend_from_slice(text);
        Ok(())
    }
}

/// `int4` and `int8` as text.
pub struct IntegerText;

impl Write for IntegerText {
    fn write(&self, field: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        let value = match *field {
            [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
            _ => crate::fields::exactly(field).map(i64::from_be_bytes)?,
        };
        // Writing to memory cannot fail.
        let _ = write!(out, "{value}");
        Ok(())
    }
}

/// Bytes of all rows one after another, and where each begins.
struct Values<W> {
    format: W,
    bytes: Vec<u8>,
    ends: Vec<i32>,
    validity: Validity,
    expected: (usize, usize),
    spare_bytes: Spare<u8>,
    spare_ends: Spare<i32>,
}

impl<W: Write> Values<W> {
    fn new(format: W) -> Self {
        Self {
            format,
            bytes: Vec::new(),
            ends: Vec::new(),
            validity: Validity::default(),
            expected: (0, 0),
            spare_bytes: Spare::default(),
            spare_ends: Spare::default(),
        }
    }

    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        if self.ends.is_empty() {
            self.ends = self.spare_ends.take(self.expected.0 + 1);
            self.bytes = self.spare_bytes.take(self.expected.1);
            self.ends.push(0);
        }
        self.ends.reserve(fields.len());
        for (row, place) in fields.places().enumerate() {
            match place {
                Some(place) => {
                    let written = self
                        .format
                        .write_from(fields.bytes(), place, &mut self.bytes);
                    written.map_err(|fault| Misfit { row, fault })?;
                }
                None => self.validity.set_null(self.ends.len() - 1),
            }
            let end = i32::try_from(self.bytes.len());
            let fault = Fault::Refused("the texts of a batch are longer than 2 GiB");
            self.ends.push(end.map_err(|_| Misfit { row, fault })?);
        }
        Ok(())
    }

    const fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<i32>() + self.validity.size()
    }

    fn finish(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<arrow_buffer::NullBuffer>) {
        let mut ends = std::mem::take(&mut self.ends);
        if ends.is_empty() {
            ends.push(0);
        }
        let bytes = std::mem::take(&mut self.bytes);
        self.expected = (ends.len(), bytes.len());
        let nulls = self.validity.finish(ends.len() - 1);
        let ends = self.spare_ends.lend(ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        (offsets, self.spare_bytes.lend(bytes), nulls)
    }
}

/// A column of texts; that they are UTF-8 is looked at once per batch.
pub struct Text<W>(Values<W>);

impl<W: Write> Text<W> {
    /// Make an empty column.
    pub fn new(format: W) -> Self {
        Self(Values::new(format))
    }
}

impl<W: Write> Column for Text<W> {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        self.0.extend(fields)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes, nulls) = self.0.finish();
        Ok(Arc::new(StringArray::try_new(offsets, bytes, nulls)?))
    }
}

/// A column of bytes.
pub struct Binary<W>(Values<W>);

impl<W: Write> Binary<W> {
    /// Make an empty column.
    pub fn new(format: W) -> Self {
        Self(Values::new(format))
    }
}

impl<W: Write> Column for Binary<W> {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        self.0.extend(fields)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes, nulls) = self.0.finish();
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Span;

    #[test]
    fn texts_keep_their_bytes_and_nulls() {
        let mut column = Text::new(Plain);
        let spans = [Span::new(0, 1), Span::NULL, Span::new(3, 3)];
        for spans in spans.chunks(2) {
            let fields = Fields::new("aé€".as_bytes(), spans);
            column.extend(fields).expect("texts");
        }

        let array = column.finish().expect("UTF-8");

        let expected = StringArray::from(vec![Some("a"), None, Some("€")]);
        assert_eq!(array.as_ref(), &expected as &dyn arrow_array::Array);
    }

    #[test]
    fn a_column_begins_anew_after_each_array() {
        let mut column = Text::new(Plain);
        for _ in 0..2 {
            let spans = [Span::NULL, Span::new(0, 2)];
            column.extend(Fields::new(b"ab", &spans)).expect("texts");
            let array = column.finish().expect("UTF-8");
            let expected = StringArray::from(vec![None, Some("ab")]);
            assert_eq!(array.as_ref(), &expected as &dyn arrow_array::Array);
        }
        assert_eq!(column.finish().expect("nothing").len(), 0);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_told() {
        for bytes in [&b"\xff"[..], "€".as_bytes()] {
            let mut column = Text::new(Plain);
            // The second one cuts a character in two.
            let spans = [
                Span::new(0, 1),
                Span::new(1, u32::try_from(bytes.len()).expect("few") - 1),
            ];
            column.extend(Fields::new(bytes, &spans)).expect("bytes");
            assert!(column.finish().is_err());
        }
    }

    #[test]
    fn jsonb_is_text_behind_its_version() {
        let mut out = Vec::new();
        assert_eq!(Jsonb.write(b"\x01{}", &mut out), Ok(()));
        assert_eq!(out, b"{}");
        assert!(Jsonb.write(b"\x02{}", &mut out).is_err());
        assert!(Jsonb.write(b"", &mut out).is_err());
    }

    #[test]
    fn integers_are_printed() {
        let mut out = Vec::new();
        IntegerText
            .write(&(-5_i32).to_be_bytes(), &mut out)
            .expect("int4");
        IntegerText
            .write(&7_i64.to_be_bytes(), &mut out)
            .expect("int8");
        assert_eq!(out, b"-57");
        assert!(IntegerText.write(&[0; 5], &mut out).is_err());
    }
}
