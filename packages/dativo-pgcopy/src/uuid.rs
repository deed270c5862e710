//! Columns of `uuid`.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray};
use arrow_schema::ArrowError;

use crate::columns::Column;
use crate::fault::Misfit;
use crate::fields::{Fields, exactly};
use crate::spare::Spare;
use crate::validity::Validity;

const LENGTH: usize = 16;

/// The values of one column.
#[derive(Default)]
pub struct Uuids {
    bytes: Vec<u8>,
    spare: Spare<u8>,
    validity: Validity,
    expected: usize,
}

impl Column for Uuids {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        if self.bytes.capacity() == 0 {
            self.bytes = self.spare.take(self.expected);
        }
        self.bytes.reserve(fields.len() * LENGTH);
        for (row, field) in fields.iter().enumerate() {
            let value: [u8; LENGTH] = if let Some(field) = field {
                exactly(field).map_err(|fault| Misfit { row, fault })?
            } else {
                self.validity.set_null(self.bytes.len() / LENGTH);
                [0; LENGTH]
            };
            self.bytes.extend_from_slice(&value);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.validity.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let bytes = std::mem::take(&mut self.bytes);
        self.expected = bytes.len();
        let rows = bytes.len() / LENGTH;
        let nulls = self.validity.finish(rows);
        let bytes = self.spare.lend(bytes);
        let array = FixedSizeBinaryArray::try_new_with_len(16, bytes, nulls, rows)?;
        Ok(Arc::new(array))
    }
}
