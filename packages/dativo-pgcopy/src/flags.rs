//! Columns of `bool`.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::ArrowError;

use crate::columns::Column;
use crate::fault::{Fault, Misfit};
use crate::fields::Fields;
use crate::validity::Validity;

/// The values of one column.
pub struct Flags {
    bits: BooleanBufferBuilder,
    validity: Validity,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            bits: BooleanBufferBuilder::new(0),
            validity: Validity::default(),
        }
    }
}

impl Column for Flags {
    fn extend(&mut self, fields: Fields<'_>) -> Result<(), Misfit> {
        for (row, field) in fields.iter().enumerate() {
            let flag = match field {
                Some([flag @ (0 | 1)]) => *flag == 1,
                None => {
                    self.validity.set_null(self.bits.len());
                    false
                }
                Some(_) => {
                    let fault = Fault::Malformed("a bool is one byte, 0 or 1");
                    return Err(Misfit { row, fault });
                }
            };
            self.bits.append(flag);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.bits.len().div_ceil(8) + self.validity.size()
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let bits = self.bits.finish();
        let nulls = self.validity.finish(bits.len());
        Ok(Arc::new(BooleanArray::new(bits, nulls)))
    }
}
