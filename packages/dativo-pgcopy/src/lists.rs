//! Columns of arrays of one dimension that begin at 1, as lists.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, FieldRef};

use crate::columns::Column;
use crate::fault::{Fault, Misfit, WRONG_LENGTH};
use crate::fields::{Fields, Span, leading};
use crate::validity::Validity;

const MOST_DIMENSIONS: i32 = 6;

const SHAPE: Fault = Fault::Refused("an array has several dimensions, or does not begin at 1");

/// The lists of one column; all their items are one column as well.
pub struct Lists {
    field: FieldRef,
    items: Box<dyn Column>,
    nullify: bool,
    ends: Vec<i32>,
    validity: Validity,
    /// The spans of a block's items, kept for the room they have.
    spans: Vec<Span>,
}

impl Lists {
    /// Make an empty column of lists of `field`, whose items go to `items`.
    #[must_use]
    pub fn new(field: FieldRef, items: Box<dyn Column>, nullify: bool) -> Self {
        Self {
            field,
            items,
            nullify,
            ends: vec![0],
            validity: Validity::default(),
            spans: Vec::new(),
        }
    }

    /// Find the items of one array; `start` is where it lies in the bytes of the block.
    fn find(&mut self, field: &[u8], start: usize) -> Result<(), Fault> {
        let (dimensions, rest) = leading(field)?;
        // What follows is whether an item is NULL, which their lengths say, and their type.
        let (_, rest) = leading::<8>(rest)?;
        match i32::from_be_bytes(dimensions) {
            0 if rest.is_empty() => return Ok(()),
            1 => {}
            2..=MOST_DIMENSIONS => return Err(SHAPE),
            _ => return Err(Fault::Malformed("an array has no such dimensions")),
        }
        let (count, rest) = leading(rest)?;
        let (first, mut rest) = leading(rest)?;
        if i32::from_be_bytes(first) != 1 {
            return Err(SHAPE);
        }
        let count = usize::try_from(i32::from_be_bytes(count)).map_err(|_| WRONG_LENGTH)?;
        // Each item takes four bytes at least, so no more are reserved than were received.
        if count > rest.len() / 4 {
            return Err(WRONG_LENGTH);
        }
        self.spans.reserve(count);
        for _ in 0..count {
            let (length, after) = leading(rest)?;
            let length = i32::from_be_bytes(length);
            if length == -1 {
                self.spans.push(Span::NULL);
                rest = after;
                continue;
            }
            let length = u32::try_from(length).map_err(|_| WRONG_LENGTH)?;
            let at = u32::try_from(start + (field.len() - after.len()));
            self.spans
                .push(Span::new(at.map_err(|_| WRONG_LENGTH)?, length));
            rest = after.get(length as usize..).ok_or(WRONG_LENGTH)?;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(WRONG_LENGTH)
        }
    }

    /// Find the row that the item belongs to, counted from the first of the last `rows`.
    fn row_of(&self, item: usize, rows: usize) -> usize {
        let ends = &self.ends[self.ends.len() - rows - 1..];
        let before = usize::try_from(ends[0]).unwrap_or(0);
        let place = i32::try_from(before + item).unwrap_or(i32::MAX);
        ends[1..].partition_point(|end| *end <= place)
    }
}

impl Column for Lists {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        self.spans.clear();
        let before = usize::try_from(self.ends.last().copied().unwrap_or(0)).unwrap_or(0);
        self.ends.reserve(fields.len());
        for (row, (field, span)) in fields.iter().zip(fields.places()).enumerate() {
            match field.zip(span) {
                None => self.validity.set_null(self.ends.len() - 1),
                Some((field, (start, _))) => match self.find(field, start) {
                    Ok(()) => {}
                    Err(Fault::Refused(_)) if self.nullify => {
                        self.validity.set_null(self.ends.len() - 1);
                    }
                    Err(fault) => return Err(Misfit { row, fault }),
                },
            }
            let end = i32::try_from(before + self.spans.len());
            let fault = Fault::Refused("the lists of a batch have more than 2^31 items");
            self.ends.push(end.map_err(|_| Misfit { row, fault })?);
        }
        let items = Fields::new(fields.bytes(), &self.spans);
        self.items.extend(items).map_err(|misfit| Misfit {
            row: self.row_of(misfit.row, fields.len()),
            fault: misfit.fault,
        })
    }

    fn size(&self) -> usize {
        self.items.size() + self.ends.len() * size_of::<i32>() + self.validity.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let nulls = self.validity.finish(ends.len() - 1);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let items = self.items.finish()?;
        let array = ListArray::try_new(self.field.clone(), offsets, items, nulls)?;
        Ok(Arc::new(array))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::column;
    use arrow_array::Array;
    use arrow_array::types::Int32Type;
    use arrow_schema::{DataType, Field};

    fn sent(dimensions: &[(i32, i32)], items: &[Option<i32>]) -> Vec<u8> {
        let count = i32::try_from(dimensions.len()).expect("few");
        let mut field = [count.to_be_bytes(), [0; 4], 23_i32.to_be_bytes()].concat();
        for (size, first) in dimensions {
            field.extend(size.to_be_bytes());
            field.extend(first.to_be_bytes());
        }
        for item in items {
            let Some(item) = item else {
                field.extend((-1_i32).to_be_bytes());
                continue;
            };
            field.extend(4_i32.to_be_bytes());
            field.extend(item.to_be_bytes());
        }
        field
    }

    fn lists(fields: &[&[u8]], nullify: bool) -> Result<ArrayRef, Misfit> {
        let item = Field::new("item", DataType::Int32, true);
        let field = Field::new("f", DataType::List(Arc::new(item)), true);
        let mut column = column("list<int4>", &field, nullify).expect("a column");
        let mut start = 0;
        let mut spans = vec![];
        for field in fields {
            let length = u32::try_from(field.len()).expect("few");
            spans.push(Span::new(start, length));
            start += length;
        }
        spans.push(Span::NULL);
        let bytes = fields.concat();
        column.extend(Fields::new(&bytes, &spans))?;
        Ok(column.finish().expect("an array"))
    }

    #[test]
    fn arrays_become_lists() {
        let some = sent(&[(3, 1)], &[Some(1), None, Some(3)]);
        let empty = sent(&[], &[]);
        let array = lists(&[&some, &empty, &some], false).expect("lists");

        let three = Some(vec![Some(1), None, Some(3)]);
        let rows = vec![three.clone(), Some(vec![]), three, None];
        let expected = ListArray::from_iter_primitive::<Int32Type, _, _>(rows);
        assert_eq!(array.as_ref(), &expected as &dyn Array);
    }

    #[test]
    fn other_shapes_are_refused_or_become_null() {
        let good = sent(&[(1, 1)], &[Some(1)]);
        let square = sent(&[(1, 1), (1, 1)], &[Some(1)]);
        let late = sent(&[(1, 2)], &[Some(1)]);
        for bad in [square, late] {
            let misfit = lists(&[&good, &bad], false).expect_err("a shape");
            assert_eq!(
                misfit,
                Misfit {
                    row: 1,
                    fault: SHAPE
                }
            );
            let array = lists(&[&good, &bad, &good], true).expect("lists");
            assert_eq!(array.logical_null_count(), 2);
            assert!(array.is_null(1));
        }
    }

    #[test]
    fn malformed_arrays_are_told() {
        let mut negative = sent(&[(-1, 1)], &[]);
        for bad in [
            vec![],
            sent(&[(2, 1)], &[Some(1)]),
            sent(&[(1, 1)], &[Some(1), Some(2)]),
            sent(&[(i32::MAX, 1)], &[Some(1)]),
            sent(&[], &[Some(1)]),
            sent(&[(1, 1)], &[Some(1)])[..23].to_vec(),
            std::mem::take(&mut negative),
        ] {
            let misfit = lists(&[&bad], true).expect_err("no array");
            assert!(matches!(misfit.fault, Fault::Malformed(_)));
        }
    }

    #[test]
    fn an_item_is_located_by_the_row_of_its_list() {
        let good = sent(&[(2, 1)], &[Some(1), Some(2)]);
        let mut bad = sent(&[(2, 1)], &[Some(1), Some(2)]);
        bad.truncate(bad.len() - 1);
        let at = bad.len() - 7;
        bad[at + 3] = 3; // the second item has three bytes
        let empty = sent(&[], &[]);
        let misfit = lists(&[&good, &empty, &bad, &good], false).expect_err("an item");
        assert_eq!(misfit.row, 2);
    }
}
