//! Columns of `uuid`.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;

use crate::columns::Column;
use crate::fault::Misfit;
use crate::fields::{Fields, exactly};
use crate::validity::Validity;

/// The values of one column.
#[derive(Default)]
pub struct Uuids {
    values: Vec<[u8; 16]>,
    validity: Validity,
    expected: usize,
}

impl Column for Uuids {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        if self.values.capacity() == 0 {
            self.values.reserve(self.expected);
        }
        self.values.reserve(fields.len());
        for (row, field) in fields.iter().enumerate() {
            let value = if let Some(field) = field {
                exactly(field).map_err(|fault| Misfit { row, fault })?
            } else {
                self.validity.set_null(self.values.len());
                [0; 16]
            };
            self.values.push(value);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.values.len() * 16 + self.validity.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let values = std::mem::take(&mut self.values);
        self.expected = values.len();
        let nulls = self.validity.finish(values.len());
        let length = values.len();
        let buffer = Buffer::from_vec(values.into_flattened());
        let array = FixedSizeBinaryArray::try_new_with_len(16, buffer, nulls, length)?;
        Ok(Arc::new(array))
    }
}
